"""What readers said of pages: checked, bounded, newest first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sighted import book_in_memory

from portbook.book import Book, opinions
from portbook.book.opinions import made
from portbook.errors import UsageError


@pytest.fixture
def book() -> Iterator[Book]:
    with book_in_memory() as opened:
        yield opened


@pytest.mark.parametrize(
    "page", ["/", "/1743", "/1743/udp", "/devices/fe80::1", "/rules/PB301", "/captures/", "/a/b/c"]
)
def test_an_opinion_is_kept_and_counted(book: Book, page: str) -> None:
    book.rate(page, "good", " it\r\nhelped\t\x1b[31m\0 ", "zh-Hant-TW", 7)

    (kept,) = book.opinions().rows
    assert (page, "good", "it\nhelped [31m", "zh-Hant-TW", 7) == (
        kept.page, kept.face, kept.comment, kept.language, kept.at_ns,
    )  # fmt: skip
    assert {"good": 1, "unsure": 0, "bad": 0} == book.opinion_counts()
    assert {"good": 0, "unsure": 0, "bad": 0} == book.opinion_counts("/other")


@pytest.mark.parametrize(
    ("page", "face", "language", "said"),
    [
        ("", "good", "en", "path of a page"),
        ("1743", "good", "en", "path of a page"),
        ("//evil.example/", "good", "en", "path of a page"),
        ("/\\evil.example", "good", "en", "path of a page"),
        ("/../../etc/passwd", "good", "en", "path of a page"),
        ("/1743?q=1", "good", "en", "path of a page"),
        ("/<script>", "good", "en", "path of a page"),
        ("/1743\n", "good", "en", "path of a page"),
        ("/" + "a/" * 200, "good", "en", "path of a page"),
        ("/1743", "great", "en", "known: good, unsure, bad"),
        ("/1743", "good", "", "tag of a language"),
        ("/1743", "good", "en\n", "tag of a language"),
        ("/1743", "good", "x" * 400, "tag of a language"),
    ],
)
def test_what_no_page_sends_is_refused(
    book: Book, page: str, face: str, language: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        book.rate(page, face, "", language, 1)

    assert 0 == book.opinions().counted


@given(st.text(max_size=6000))
def test_any_comment_is_bounded_and_can_be_shown(comment: str) -> None:
    kept = made("/", "bad", comment, "en", 1).comment

    assert len(kept) <= 2000
    assert all(one == "\n" or one.isprintable() for one in kept)
    assert kept.encode().decode() == kept


def test_opinions_come_newest_first_and_page_both_ways(book: Book) -> None:
    for at in range(7):
        book.rate(f"/{at}", "bad", "", "en", at)
    pages, back = [book.opinions(3)], []
    while pages[-1].next:
        pages.append(book.opinions(3, pages[-1].next))
    page = pages[-1]
    while page.previous:
        page = book.opinions(3, page.previous)
        back.append(page)

    assert [[6, 5, 4], [3, 2, 1], [0]] == [[one.at_ns for one in page.rows] for page in pages]
    assert pages[-2::-1] == back
    assert {7} == {page.counted for page in pages}


def test_a_mark_of_another_list_is_refused(book: Book) -> None:
    with pytest.raises(UsageError, match="begin again"):
        book.opinions(3, "x")
    with pytest.raises(UsageError, match="1 to 1000"):
        book.opinions(0)


def test_the_oldest_are_forgotten_where_there_are_too_many(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opinions, "MOST", 3)
    for at in range(5):
        book.rate("/", "good", str(at), "en", at)

    assert ["4", "3", "2"] == [one.comment for one in book.opinions().rows]


def test_pruning_forgets_old_opinions(book: Book) -> None:
    for at in (1, 5):
        book.rate("/", "good", "", "en", at)

    assert 0 == book.prune(3)
    assert [5] == [one.at_ns for one in book.opinions().rows]
