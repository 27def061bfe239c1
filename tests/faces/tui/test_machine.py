"""This machine and the book: what is shown, what is new, how much of a large book is fetched."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("textual", reason="textual, the extra portbook[tui], is absent")

from support.captured import demo, told
from support.knowing import knowledge
from support.topped import Hand, drive

from portbook.book import Book
from portbook.errors import UsageError
from portbook.faces.tui import filters, sockets
from portbook.faces.tui.arranging import PAGE, View
from portbook.faces.tui.machine import Machine
from portbook.faces.tui.picture import TABS, Tab
from portbook.faces.tui.sockets import Sockets
from portbook.ports import Transport
from portbook.records import THIS_MACHINE, Finding, Level, Service
from portbook.survey.booking import booked

TAB: dict[str, Tab] = {tab.word: tab for tab in TABS}


@pytest.fixture
def book_path(tmp_path: Path) -> Path:
    """Return a book that knows the demo's plant."""
    path = tmp_path / "plant.book"
    story = told(tmp_path, demo(), "plant.pcap")
    now_ns = time.time_ns()
    fresh = msgspec.structs.replace(
        story,
        services=tuple(msgspec.structs.replace(one, last_ns=now_ns) for one in story.services),
    )
    with Book.open(path) as book:
        booked(fresh, book, "local", now_ns, whole=False)
    return path


def machine(book_path: Path | None) -> Machine:
    return Machine(knowledge(), Sockets(knowledge(), "local", judged=True), book_path)


@pytest.fixture
def source(book_path: Path) -> Iterator[Machine]:
    made = machine(book_path)
    yield made
    made.close()


def sought(words: str, **more: int) -> View:
    return View(filters.parse(words, time.time_ns()), **more)  # type: ignore[arg-type]


def test_the_book_is_shown_in_the_columns_of_what_is_heard(book_path: Path) -> None:
    async def play(hand: Hand) -> None:
        assert "warning  PB101  tcp 10.20.0.21:8502" in hand.screen()
        assert "new  finding PB301 tcp 10.20.0.11:11740" in hand.screen()
        await hand.press("2")
        assert "10.20.0.60:2001   tcp  optommp     dc, Opto 22" in hand.screen()
        await hand.press("3")
        assert "Example Controls Example Controller 300" in hand.screen()
        await hand.press("4")
        assert "last heard 2026-01-05" in hand.screen()
        await hand.press("5")
        assert "Conversations are heard, not kept in the book" in hand.screen()
        await hand.press("6")
        assert "error    PB301  tcp 10.20.0.11:11740" in hand.screen()
        await hand.press("enter")
        assert "198.51.100.23" in hand.screen()

    drive(machine(book_path), play, size=(120, 40))


def test_the_filter_is_the_book_s_own(source: Machine) -> None:
    picture = source.look()

    def found(tab: str, words: str) -> list[str]:
        rows = source.rows(TAB[tab], sought(words), picture).rows
        return [getattr(one, "address", getattr(one, "subject", "")) for one in rows]

    assert ["10.20.0.21"] == found("services", "protocol:modbus")
    assert ["10.20.0.41"] == found("services", "port:2543/udp host:10.20.0.0/24")
    assert ["10.20.0.60"] == found("devices", "opto")
    assert {"tcp 10.20.0.11:11740"} == set(found("findings", "level:error")) - {
        one.subject for one in picture.story.findings if one.source == THIS_MACHINE
    }
    assert [] == found("services", "until:2020-01-01")


@pytest.mark.parametrize(
    "words",
    ["host:10.0.0.1 host:10.0.0.2", "port:1/tcp port:2/udp", "protocol:modbus protocol:dns"],
)
def test_what_the_book_cannot_be_asked_is_refused_in_words(source: Machine, words: str) -> None:
    with pytest.raises(UsageError, match=r"one .* at a time, not 2"):
        source.rows(TAB["services"], sought(words), source.look())


def test_what_others_write_in_the_book_is_seen_at_the_next_look(
    source: Machine, book_path: Path
) -> None:
    before = source.look()
    now_ns = time.time_ns()
    came = Service("10.99.0.1", 4840, Transport.TCP, ("opcua",), (), 1, now_ns, now_ns, "eth7")
    with Book.open(book_path) as book:
        book.record("local", "eth7", now_ns, services=[came], whole=False)
    after = source.look()

    assert (10, 11) == (before.counts["services"], after.counts["services"])
    assert "service tcp 10.99.0.1:4840" in [one.text for one in after.news]
    assert "10.99.0.1" in [
        one.address for one in source.rows(TAB["services"], sought(""), after).rows
    ]


def test_only_so_much_of_a_large_book_is_fetched_as_is_wanted(tmp_path: Path) -> None:
    path, now_ns = tmp_path / "large.book", time.time_ns()
    many = [
        Service(
            f"10.1.{at >> 8}.{at & 255}", 502, Transport.TCP, ("modbus",), (), 1, 1, now_ns, "x"
        )
        for at in range(3 * PAGE)
    ]
    with Book.open(path) as book:
        book.record("local", "x", now_ns, services=many, whole=False)
    source = machine(path)
    picture = source.look()

    first = source.rows(TAB["services"], sought(""), picture)
    assert (PAGE, 3 * PAGE, True) == (len(first.rows), first.total, first.more)
    assert first is source.rows(TAB["services"], sought(""), picture)  # nothing is asked twice
    last = source.rows(TAB["services"], sought("", down=True), picture)
    assert "10.1.5.219" == last.rows[0].address  # the book's order, not that of what was fetched
    whole = source.rows(TAB["services"], sought("", reach=3 * PAGE), picture)
    assert (3 * PAGE, False) == (len(whole.rows), whole.more)
    source.close()


def test_findings_of_this_machine_are_not_told_twice(tmp_path: Path) -> None:
    path = tmp_path / "here.book"
    own = Finding("PB402", "x", Level.NOTE, "tcp 10.9.9.9:1", "m", "a", source=THIS_MACHINE)
    heard = msgspec.structs.replace(own, subject="tcp 10.9.9.9:2", source="eth1")
    with Book.open(path) as book:
        for source_name, one in ((THIS_MACHINE, own), ("eth1", heard)):
            book.record("local", source_name, time.time_ns(), findings=[one], whole=False)
    source = machine(path)
    rows = source.rows(TAB["findings"], sought("10.9.9.9"), source.look()).rows
    source.close()

    assert ["tcp 10.9.9.9:2"] == [one.subject for one in rows]


def test_what_was_accepted_in_the_book_is_marked_and_not_wrong(book_path: Path) -> None:
    now_ns = time.time_ns()
    with Book.open(book_path) as book:
        book.accept("PB301", "tcp 10.20.0.11:11740", now_ns + 10**15, "a VPN", now_ns)
    source = machine(book_path)
    picture = source.look()
    (found,) = [
        one
        for one in source.rows(TAB["findings"], sought("level:error"), picture).rows
        if one.code == "PB301"
    ]
    source.close()

    assert "PB301" not in [one.code for one in picture.wrong]
    assert "a VPN" in (found.accepted or "")


def test_a_socket_that_opens_and_closes_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "EVERY_S", 0.0)
    monkeypatch.setattr(sockets, "SHARE", 0)
    source = machine(None)
    source.look()
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        there = source.look()
    gone = source.look()

    assert any(f"127.0.0.1:{port}" in one.text and one.what == "new" for one in there.news)
    assert any(f"127.0.0.1:{port}" in one.text and one.what == "gone" for one in gone.news)
    assert port in [one.port for one in source.rows(TAB["listeners"], sought(""), there).rows]


def test_a_book_that_cannot_be_asked_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "no.book"
    path.write_bytes(b"this is no book" * 1000)
    source = machine(path)
    picture = source.look()

    assert [True] == [line.grave for line in picture.lines if line.label == "book"]
    assert picture.counts["listeners"] is not None
    path.unlink()
    with Book.open(path) as book:
        book.accept("PB301", "x", time.time_ns() + 10**12, "why", time.time_ns())
    assert [False] == [line.grave for line in source.look().lines if line.label == "book"]
    source.close()


def test_without_a_book_it_says_how_to_begin_one() -> None:
    async def play(hand: Hand) -> None:
        assert "none is kept; `portbook book create` begins one" in hand.screen()
        await hand.press("2")
        assert "No book is kept here" in hand.screen()

    drive(machine(None), play)
