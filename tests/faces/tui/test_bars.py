"""The lines round the tables: they fit, and no meaning rests on colour."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.topped import END_NS, story

from portbook.faces.tui import bars
from portbook.faces.tui.arranging import Rows, View
from portbook.faces.tui.cells import width
from portbook.faces.tui.columns import Moment
from portbook.faces.tui.picture import TABS, Line, Picture, of_story
from portbook.records import Summary


def picture(**more: object) -> Picture:
    told = of_story(
        "eth1", story(), Moment(END_NS, END_NS), (), [Line("lost", "7 LOST", grave=True)],
        state="listening", rates=(1.0, 2500.0),
    )  # fmt: skip
    return told._replace(**more)


def text(pieces: list[bars.Piece]) -> str:
    return "".join(one.text for one in pieces)


def test_the_head_tells_what_how_much_and_what_was_lost() -> None:
    lossy = msgspec.structs.replace(story(), summary=Summary(9, 9, 9, 1.0, dropped=1204))
    left, right = bars.head(picture(story=lossy), "eth1", paused=True)

    assert " portbook  eth1  listening  2,500 packets/s  1,204 LOST" == text(left)
    assert " PAUSED  08:05:30Z " == text(right)
    assert " portbook  eth1  one moment …" == text(bars.head(None, "eth1", paused=False)[0])


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (120, " 1 Overview  2 Services 0   3 Devices 10,000+  4 Announcements 0"),
        (100, " 1 Overview  2 Services   3 Devices  4 Announcements  5 Conversations"),
        (80, " 1 Overview 2 Services  3 Devices 4 Announ. 5 Convers. 6 Findings 7 Listen."),
        (40, " 1 2 Services  3 4 5 6 7"),
    ],
)
def test_the_tabs_say_as_much_as_there_is_room_for(room: int, shown: str) -> None:
    counts = {**dict.fromkeys((tab.word for tab in TABS), 0), "devices": 10_000}
    told = picture(counts=counts, uncounted=frozenset({"devices"}))

    assert text(bars.tabs(told, 1, room)).startswith(shown)


@given(st.integers(0, 6), st.integers(30, 200))
def test_the_tabs_fit(chosen: int, room: int) -> None:
    assert width(text(bars.tabs(picture(), chosen, room))) <= room


def test_a_title_tells_how_many_in_which_order_and_by_which_filter() -> None:
    services = TABS[0]

    def title(rows: Rows, view: View, words: str = "", trouble: str = "") -> str:
        left, right = bars.title(services, rows, view, words, trouble, 0)
        return text(left) + "|" + text(right)

    some = Rows(range(23), 120)
    assert " Services  23 of 120   by service| row 1 " == title(some, View())
    assert " Services  500+   by clients, reversed   filter: port:502| row 1 " == title(
        Rows(range(500), more=True), View(order=4), "port:502"
    )
    assert " Services  0   by transport|" == title(Rows(), View(order=1))
    assert " Services  0   not a time|" == title(Rows(), View(), "x", "not a time")


def test_the_overview_says_what_is_grave_in_words() -> None:
    lines = [text(line) for line in bars.lines(picture(), 80)]

    assert " packets   2,500 /s      ▂█  at most 2,500 /s" == lines[0]
    assert " lost      7 LOST" == lines[1]


@given(st.integers(1, 200))
def test_the_keys_that_lead_out_always_stand(room: int) -> None:
    told = text(bars.keys(room))

    assert "quit" in told
    assert "help" in told
    if room >= 20:
        assert len(told.rstrip()) <= room


@given(st.integers(0, 10**6), st.integers(-5, 100))
def test_what_is_wrong_leaves_room_for_what_is_new(wrong: int, room: int) -> None:
    height = bars.height_of(wrong, room)

    assert height >= 2
    assert height <= max(2, room // 2) + 1
