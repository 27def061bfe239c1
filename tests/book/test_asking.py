"""Questions over several lists: a port, a host, one thing, the latest changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import sighted
from support.sighted import DAY, SECOND, T0, book_in_memory

from portbook.book import Book
from portbook.ports import Transport


@pytest.fixture
def book() -> Iterator[Book]:
    with book_in_memory() as opened:
        opened.record(
            "local", "eth0", T0,
            services=[sighted.service("10.0.0.9", 502, "modbus"), sighted.service("fe80::1", 80)],
            devices=[sighted.device("10.0.0.9"), sighted.device(sighted.MAC)],
            listeners=[sighted.listener(502), sighted.listener(80, address="10.0.0.9")],
            announcements=[sighted.announcement("10.0.0.5", "10.0.0.9")],
            findings=[sighted.finding(), sighted.finding("PB104", "port 1743/udp")],
        )  # fmt: skip
        yield opened


def test_a_host_has_what_concerns_it_and_nothing_that_concerns_all(book: Book) -> None:
    assert [
        "10.0.0.9",
        "tcp 10.0.0.9:502",
        "tcp 10.0.0.9:80",
        "udp 10.0.0.5 to 10.0.0.9 port 1740,1741,1742,1743",
        "PB301 tcp 10.0.0.9:502",
    ] == [one.subject for one in book.of_host("10.0.0.9", 10)]
    assert [sighted.MAC] == [one.subject for one in book.of_host(sighted.MAC, 10)]
    for nobody in ("10.0.0.1", "", "10.0.0.0/8", "x" * 5000, "\0"):
        assert [] == book.of_host(nobody, 10)


def test_a_host_has_a_bounded_number_of_each_kind(book: Book) -> None:
    many = [sighted.service("10.0.0.9", port, at=T0 + port) for port in range(1, 50)]
    book.record("local", "eth0", T0, services=many)

    found = [one for one in book.of_host("10.0.0.9", 5) if one.of == "service"]
    assert [49, 48, 47, 46, 45] == [one.details["port"] for one in found]


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("device", "10.0.0.9"),
        ("device", sighted.MAC),
        ("service", "tcp [fe80::1]:80"),
        ("listener", "tcp 0.0.0.0:502"),
        ("listener", "tcp 10.0.0.9:80"),
        ("announcement", "udp 10.0.0.5 to 10.0.0.9 port 1740,1741,1742,1743"),
        ("finding", "PB301 tcp 10.0.0.9:502"),
        ("finding", "PB104 port 1743/udp"),
    ],
)
def test_one_thing_is_found_by_its_subject(book: Book, kind: str, about: str) -> None:
    found = book.one(kind, about)

    assert found is not None
    assert (kind, about) == (found.of, found.subject)


@pytest.mark.parametrize("about", ["", "x", "10.0.0.8", "tcp 10.0.0.9:503", "PB999 x", "\0", "'"])
def test_what_the_book_has_not_seen_is_none(book: Book, about: str) -> None:
    for kind in (*sighted.KINDS, "shoe"):
        assert book.one(kind, about) is None


def test_of_several_the_one_that_is_there_is_given(book: Book) -> None:
    book.record("south", "eth1", T0 + 9, devices=[sighted.device("10.0.0.9", at=T0 + 9)])
    assert "south" == getattr(book.one("device", "10.0.0.9"), "site", None)
    other = [sighted.device("10.0.0.1", at=T0 + 3 * DAY)]
    book.record("south", "eth1", T0 + 3 * DAY, devices=other)

    assert "local" == getattr(book.one("device", "10.0.0.9"), "site", None)


def test_a_port_with_many_sightings_shows_the_latest(book: Book) -> None:
    many = [sighted.service(f"10.1.{at // 250}.{at % 250}", 80, at=T0 + at) for at in range(900)]
    book.record("local", "eth0", T0, services=many)

    found = book.seen(80, Transport.TCP, most=5)

    latest = [one.details["address"] for one in found if one.of == "service"]
    assert [f"10.1.3.{149 - at}" for at in range(5)] == latest
    assert ["listener"] == [one.of for one in found if one.of != "service"]


def test_data_version_tells_that_another_connection_wrote(tmp_path: Any) -> None:
    with Book.open(tmp_path / "book") as one, Book.open(tmp_path / "book") as two:
        before = two.data_version()
        assert before == two.data_version()
        one.record("local", "eth0", T0, services=[sighted.service()])
        assert before != two.data_version()


# The latest changes.

programs = st.lists(st.sampled_from(["a", "b"]), max_size=1)
sockets = st.dictionaries(st.sampled_from([22, 80, 502]), programs, max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.lists(sockets, min_size=1, max_size=7), st.integers(0, 6), st.integers(1, 6))
def test_the_latest_are_the_newest_of_all_changes(
    looks: list[dict[int, list[str]]], since: int, most: int
) -> None:
    with book_in_memory() as book:
        for turn, held in enumerate(looks):
            given_ = [sighted.listener(port, *names) for port, names in held.items()]
            book.record("local", "this machine", T0 + turn, listeners=given_)
        every = book.changes(T0 + since - 1, T0 + len(looks))

        found = book.latest(T0 + since - 1, most)

        times = [one.at_ns for one in found]
        assert sorted((one.at_ns for one in every), reverse=True)[:most] == times
        written = Counter(map(msgspec.json.encode, every))
        assert not Counter(map(msgspec.json.encode, found)) - written


def test_what_came_back_does_not_hide_older_changes(book: Book) -> None:
    begun = T0 + DAY
    book.record("local", "m", begun, listeners=[sighted.listener(1)])
    for turn in range(1, 400):
        given_ = [sighted.listener(1)] if turn % 2 else []
        book.record("local", "m", begun + turn * SECOND, listeners=given_)
    book.record("local", "m", begun + 401 * SECOND, listeners=[sighted.listener(1)])

    (found,) = book.latest(begun - 1, 3)

    assert ("new", "tcp 0.0.0.0:1") == (found.what, found.subject)
    assert [] == book.latest(begun, 3)
    assert [] == book.latest(begun, 0)
