"""An interface in a thread of its own: pictures, news, pauses, what is kept, how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.knowing import knowledge
from support.ringed import FIRST, block

from portbook.book import Book
from portbook.emulators import plant
from portbook.errors import SourceError
from portbook.evidence.interfaces import Block, Drops, InterfaceDownError
from portbook.faces.tui import filters, keeping
from portbook.faces.tui.arranging import View
from portbook.faces.tui.keeping import Keeper
from portbook.faces.tui.live import Listening
from portbook.faces.tui.picture import TABS, Picture
from portbook.faces.tui.sockets import Sockets
from portbook.survey.live import Live
from portbook.survey.wants import Wants

PATIENCE_S = 30.0
END_NS = max(one.time_ns for one in plant.frames())
TAB = {tab.word: tab for tab in TABS}


class Wire:
    """An interface of the test's own: carries what it is given, fails when told to."""

    name, link, twice = "eth7", 1, False

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._blocks: list[Block] = []
        self._error: Exception | None = None
        self._down = False
        self.dropped = 0

    def carry(self) -> None:
        """Carry the plant's frames as if they had come until now."""
        later = time.time_ns() - END_NS
        frames = sorted((one.time_ns + later, one.octets) for one in plant.frames())
        with self._lock:
            self._blocks.append(Block(memoryview(block(frames)), FIRST, len(frames)))

    def fail(self, error: Exception) -> None:
        with self._lock:
            self._error = error

    def go(self, *, down: bool) -> None:
        with self._lock:
            self._down = down

    def block(self, timeout_s: float = 0.0) -> Block | None:
        with self._lock:
            if self._error:
                raise self._error
            if self._down:
                raise InterfaceDownError("eth7: the interface went down")
            if not self._blocks:
                self._lock.wait(timeout_s)
            return self._blocks.pop() if self._blocks else None

    def reopen(self) -> bool:
        with self._lock:
            return not self._down

    def give_back(self) -> None: ...

    def drops(self) -> Drops:
        return Drops(0, self.dropped)


def listening(wire: Wire, book: Path | None = None, **more: Any) -> Listening:
    live = Live("eth7", knowledge(), "local")
    sockets = Sockets(knowledge(), "local", judged=False)
    made = Listening(wire, live, knowledge().claims, Keeper(book, "local"), sockets, **more)  # type: ignore[arg-type]
    made.start()
    return made


def until(source: Listening, there: Callable[[Picture], bool]) -> Picture:
    """Look until a picture is so."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        picture = source.look()
        if picture is not None and there(picture):
            return picture
        time.sleep(0.02)
    raise AssertionError(f"never so: {source.look()}")


def test_what_is_heard_is_in_the_picture_and_in_the_end() -> None:
    wire = Wire()
    wire.carry()
    source = listening(wire)
    picture = until(source, lambda one: bool(one.story.announcements))

    assert "listening" == picture.state
    assert (10, 2, 20) == (
        picture.counts["services"],
        picture.counts["announcements"],
        picture.counts["conversations"],
    )
    assert "PB301" == picture.wrong[0].code
    assert any(one.text.startswith("service 10.20.0.60:2001") for one in picture.news)
    assert all(one.last_ns <= picture.moment.heard_ns for one in picture.story.announcements)
    rows = source.rows(TAB["services"], View(filters.parse("modbus", 0)), picture).rows
    assert ["10.20.0.21"] == [one.address for one in rows]
    page = source.page(rows[0], picture)
    assert "service 10.20.0.21:8502/tcp" == page[0].heading
    assert "Reasons for" in [one.heading for one in page]
    story = source.end()
    assert 252 == story.summary.packets
    assert not source.away


def test_what_the_filters_of_the_command_leave_out_is_no_news() -> None:
    wire = Wire()
    wire.carry()
    source = listening(wire, wants=Wants(protocols=("modbus",)))
    picture = until(source, lambda one: bool(one.story.services))
    source.end()

    assert 1 == picture.counts["services"]
    assert {"10.20.0.21:8502"} == {
        one.text.split()[1].split("/")[0] for one in picture.news if one.text.startswith("service")
    }
    assert not any("10.20.0.60" in one.text for one in picture.news)
    assert any("PB101 tcp 10.20.0.21:8502" in one.text for one in picture.news)


def test_lost_packets_and_an_interface_that_is_down_are_said_in_words() -> None:
    wire = Wire()
    wire.dropped = 7
    source = listening(wire)
    picture = until(source, lambda _: True)
    assert [True] == [one.grave for one in picture.lines if "7 packets LOST" in one.words]

    wire.go(down=True)
    down = until(source, lambda one: one.grave)
    assert "the interface is down" == down.state
    later = until(source, lambda one: one.moment.now_ns > down.moment.now_ns)
    assert down.moment.heard_ns == later.moment.heard_ns  # silence counts until then
    wire.go(down=False)
    back = until(source, lambda one: not one.grave)
    assert [down.moment.heard_ns] == [begin for begin, _ in back.moment.pauses]
    assert back.moment.heard_ns == back.moment.now_ns
    assert "is back" in source.end().problems[-1].message


def test_listening_that_ended_for_good_says_so_and_keeps_its_picture() -> None:
    wire = Wire()
    wire.carry()
    source = listening(wire)
    until(source, lambda one: bool(one.story.services))
    wire.fail(SourceError("eth7: the ring is gone"))
    picture = until(source, lambda one: one.state == "listening has ended")

    assert picture.grave
    assert not picture.over
    assert 10 == picture.counts["services"]
    assert "the ring is gone" in source.end().problems[0].message
    assert source.away


def test_a_fault_of_ours_is_not_hidden() -> None:
    wire = Wire()
    source = listening(wire)
    wire.fail(ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        until(source, lambda _: False)
    with pytest.raises(ZeroDivisionError):
        source.end()


@pytest.mark.parametrize("bound", [{"seconds": 0.01}, {"packets": 1}])
def test_a_bound_ends_it(bound: dict[str, Any]) -> None:
    wire = Wire()
    wire.carry()
    source = listening(wire, **bound)

    assert until(source, lambda one: one.over).over
    source.end()


def test_the_book_is_kept_each_minute_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "eth7.book"
    Book.open(path).close()
    wire = Wire()
    wire.carry()
    source = listening(wire, path)
    until(source, lambda one: bool(one.story.services))
    with Book.open(path) as book:
        assert not book.services()
        now_ns = time.time_ns()
        book.accept("PB301", "tcp 10.20.0.11:11740", now_ns + 10**15, "a VPN", now_ns)
    monkeypatch.setattr(keeping, "EVERY_S", 0.0)
    kept = until(source, lambda one: one.wrong[0].code != "PB301")
    with Book.open(path) as book:
        assert 10 == len(book.services())
    source.end()

    assert "PB101" == kept.wrong[0].code  # what was accepted in the book is not wrong


def test_a_book_that_cannot_be_written_now_is_said_and_listening_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "eth7.book"
    Book.open(path).close()
    wire = Wire()
    source = listening(wire, path)
    until(source, lambda _: True)
    path.write_text("this is no book any more, but a text" * 200)
    monkeypatch.setattr(keeping, "EVERY_S", 0.0)
    picture = until(source, lambda one: any(line.label == "book" for line in one.lines))

    assert "listening" == picture.state
    with pytest.raises(SourceError):
        source.end()
