"""What readers say of a page is kept in the book, for its owner to read."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from support.served import served

from portbook.book import Book

FORM = "application/x-www-form-urlencoded"


def test_an_opinion_is_kept_and_listed_for_the_owner(book: Path, tmp_path: Path) -> None:
    told = {"page": "/1743", "face": "good", "comment": "It is <b>Unitrends</b> here."}
    with served(tmp_path / "home", book=book) as running:
        thanks = running.ask(
            "/feedback", "POST", urlencode(told).encode(), content_type=FORM, origin=running.home
        )
        listed = running.ask("/feedback").text

    assert 200 == thanks.status
    assert 'href="/1743"' in thanks.text
    assert "It is &lt;b&gt;Unitrends&lt;/b&gt; here." in listed
    with Book.open(book, readonly=True) as kept:
        assert {"good": 1} == {face: n for face, n in kept.opinion_counts().items() if n}


@pytest.mark.parametrize(
    "told",
    [
        {"page": "/1743", "face": "angry"},
        {"page": "/1743"},
        {"face": "good"},
        {"page": "/1743", "face": "good", "comment": "x" * 100_000},
    ],
)
def test_what_is_no_opinion_is_refused(book: Path, tmp_path: Path, told: dict[str, str]) -> None:
    with served(tmp_path / "home", book=book) as running:
        answer = running.ask(
            "/feedback", "POST", urlencode(told).encode(), content_type=FORM, origin=running.home
        )

    assert answer.status in (400, 413)


def test_another_site_cannot_send_an_opinion(book: Path, tmp_path: Path) -> None:
    told = urlencode({"page": "/1743", "face": "good"}).encode()
    with served(tmp_path / "home", book=book) as running:
        answer = running.ask(
            "/feedback", "POST", told, content_type=FORM, origin="https://evil.example"
        )

    assert 403 == answer.status


def test_a_book_that_is_served_for_reading_keeps_none(book: Path, tmp_path: Path) -> None:
    told = urlencode({"page": "/1743", "face": "good"}).encode()
    with served(tmp_path / "home", "--readonly", book=book) as running:
        answer = running.ask("/feedback", "POST", told, content_type=FORM, origin=running.home)

    assert answer.status in (403, 405, 503)
