"""Text from the network in cells: nothing steers the terminal, every line has its width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from portbook.faces.tui.cells import LONGEST, fit, plain

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egpj.exe [bold red]x[/] \r\n\t\x00"


def test_nothing_steers_the_terminal() -> None:
    shown = plain(EVIL)

    assert shown.isprintable()
    assert "\\u001b[2J" in shown
    assert "[bold red]x[/]" in shown  # marks of rich are letters like any other


def test_a_long_text_is_cut_and_says_so() -> None:
    assert plain("x" * 10_000) == "x" * LONGEST + "…"


def test_marks_that_pile_up_on_a_letter_are_left_out() -> None:
    assert "e\u0301\u0301" == plain("e" + "\u0301" * 250)


@pytest.mark.parametrize("odd", ["\ufe0f", "\U0001f1e8", "\U0001f3fd", "\u1161", "\U000e0101"])
def test_what_terminals_draw_with_different_widths_is_written_by_number(odd: str) -> None:
    assert f"a\\u{ord(odd):04x}b" == plain(f"a{odd}b")


@given(st.text(), st.integers(1, 60), st.booleans(), st.booleans())
def test_a_cell_has_exactly_its_width(text: str, room: int, right: bool, middle: bool) -> None:
    assert room == cell_len(fit(plain(text), room, right=right, middle=middle))


@pytest.mark.parametrize(
    ("text", "room", "more", "shown"),
    [
        ("modbus", 8, {}, "modbus  "),
        ("17", 5, {"right": True}, "   17"),
        ("modbus", 4, {}, "mod…"),
        ("modbus", 1, {}, "…"),
        ("modbus", 0, {}, ""),
        ("198.51.100.23:49811", 14, {"middle": True}, "198.51…3:49811"),
        ("漢字漢字", 4, {}, "漢 …"),
    ],
)
def test_what_does_not_fit_is_cut_where_it_tells_least(
    text: str, room: int, more: dict[str, bool], shown: str
) -> None:
    assert shown == fit(text, room, **more)
