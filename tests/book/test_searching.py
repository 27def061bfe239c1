"""Search by words: what is met, what hostile words do, and a SQLite without FTS5."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import sighted
from support.sighted import KINDS, T0, book_in_memory

from portbook.book import Asked, Book, searching
from portbook.book.facets import address_key
from portbook.book.searching import LONGEST_WORD, MOST_WORDS, words_of

HOSTILE = (
    "'", '"', '"""', "a\" OR \"b", "NEAR(a b, 2)", "a AND NOT b", "text:x", "*", "a*", "^a", "-- ;",
    "\0", "a\0b", "\udcff", "%_%", "😀", "\u202e", "(" * 500, '"' * 10_000, "x " * 5_000, "ſ", "İ",
    "1.1.1.1.1", "1..1", "256.1", ":", ":::", "::1::", "[", "[::1]:", "0x10", "1/2/3", "99999/tcp",
)  # fmt: skip


@pytest.fixture
def book() -> Iterator[Book]:
    with book_in_memory() as opened:
        opened.record(
            "local", "eth0", T0,
            services=[sighted.service("10.0.0.9", 502, "modbus"), sighted.service("fe80::1", 80)],
            devices=[sighted.device(name='PLC "7"', vendor="Siemens AG", model="ÜBER 100%_x")],
            listeners=[sighted.listener(22, "sshd")],
            announcements=[sighted.announcement()],
            findings=[sighted.finding()],
        )  # fmt: skip
        yield opened


def test_a_search_meets_every_kind(book: Book) -> None:
    found = book.found("10.0.0.9", 10)

    assert ["device", "service", "finding"] == [one.of for one in found]
    assert [] == book.found("", 10)
    assert [] == book.found(" \0 ", 10)


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("siem", {"device"}),
        ("SIEMENS ag", {"device"}),
        ("siemens modbus", set()),
        ("ag", {"device"}),
        ("ie", set()),  # two letters must begin a word
        ("iem", {"device"}),
        ('"7"', {"device"}),
        ("über 100%_", {"device"}),
        ("sshd", {"listener"}),
        ("22/tcp", {"listener"}),
        (":502", {"service", "finding"}),
        ("tcp 10.0.0.9:502", {"service", "finding"}),
        ("codesys", {"announcement"}),
        ("1742", {"announcement"}),
        ("10.0.0.255", {"announcement"}),
        ("fe80:", {"service"}),
        ("pb301", {"finding"}),
        ("controller-reach", {"finding"}),
    ],
)
def test_every_word_must_be_met(book: Book, words: str, kinds: set[str]) -> None:
    assert kinds == {one.of for one in book.found(words, 10)}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_words(book: Book, text: str) -> None:
    for kind in KINDS:
        every = book.listed(kind, Asked()).rows
        for one in (text, f"{text} siemens", f"{text}10.0.0.9"):
            assert all(row in every for row in book.listed(kind, Asked(text=one)).rows)
    assert len(book.found(text, 10)) <= 6


@given(st.text(max_size=3000))
@example("a " * 1000)
def test_any_text_has_a_bounded_number_of_words(text: str) -> None:
    words = words_of(text)

    assert len(words) <= MOST_WORDS
    assert all(0 < len(word.text) <= LONGEST_WORD for word in words)
    assert all(word.text.isprintable() and " " not in word.text for word in words)


def _within(key: str, text: str) -> bool:
    (word,) = words_of(text)
    return any(low <= key <= high for low, high in word.addresses)


@given(st.ip_addresses(v=4), st.integers(1, 15), st.ip_addresses(v=4))
def test_a_word_stands_for_the_addresses_that_begin_so(
    address: IPv4Address, length: int, other: IPv4Address
) -> None:
    text = str(address)[:length]

    for one in (address, other):
        assert str(one).startswith(text) is _within(address_key(str(one)), text)


@given(st.ip_addresses(v=6), st.integers(1, 8), st.ip_addresses(v=6))
def test_whole_groups_stand_for_the_addresses_of_a_network(
    address: IPv6Address, groups: int, other: IPv6Address
) -> None:
    text = ":".join(f"{int(one, 16):x}" for one in address.exploded.split(":")[:groups])
    text += ":" if groups < 8 else ""
    bits = 16 * (8 - groups)

    for one in (address, other):
        same = int(one) >> bits == int(address) >> bits
        if one.ipv4_mapped is None:
            assert same is _within(address_key(str(one)), text)


def test_what_changed_is_found_by_its_new_words_only(book: Book) -> None:
    book.record("local", "eth0", T0 + 9, devices=[sighted.device(at=T0 + 9, vendor="Opto 22")])

    assert ["device"] == [one.of for one in book.found("opto", 10)]
    assert [] == book.found("siemens", 10)


def test_what_is_pruned_is_not_found(book: Book) -> None:
    assert 6 == book.prune(T0 + 1)

    assert [] == book.found("siemens", 10)
    book.record("local", "eth0", T0, devices=[sighted.device(name="other")])
    assert [] == book.found("siemens", 10)
    assert 1 == len(book.found("other", 10))


def test_without_fts5_the_texts_are_walked_and_the_index_is_made_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searching, "_able", lambda connection: False)
    with book_in_memory() as book:
        book.record("local", "eth0", T0, devices=[sighted.device(vendor="Siemens AG")])
        book.record("local", "eth0", T0 + 1, devices=[sighted.device(at=T0 + 1, vendor="Opto 22")])

        assert 1 == len(book.found("opto", 5))
        assert [] == book.found("siemens", 5)
        assert 1 == book.listed("device", Asked(text="opto 22")).counted
        monkeypatch.undo()
        assert 1 == len(book.found("opto", 5))  # the index is behind still
        book.record("local", "eth0", T0 + 2)
        assert searching.indexed(book._connection)
        assert 1 == len(book.found("opto", 5))
        assert [] == book.found("siemens", 5)


def test_what_a_program_without_fts5_wrote_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with book_in_memory() as book:
        book.record("local", "eth0", T0, devices=[sighted.device(vendor="Siemens AG")])
        with monkeypatch.context() as patch:
            patch.setattr(searching, "_able", lambda connection: False)
            book.record("local", "eth0", T0 + 1, devices=[sighted.device("10.0.0.7", name="new")])
            book.prune(T0 + 1)

        assert ["10.0.0.7"] == [one.subject for one in book.found("new", 5)]
        assert [] == book.found("siemens", 5)
