"""Text that came from a network cannot steer a terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.terminal import colours, print_table, safe, wrapped


@given(st.text())
def test_nothing_that_steers_a_terminal_survives(text: str) -> None:
    shown = safe(text)
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert "‮" not in shown
    assert all(character.isprintable() or character == " " for character in shown)


def test_plain_and_foreign_letters_stay_as_they_are() -> None:
    assert "Žluťoučký kůň 控制器 ✓" == safe("Žluťoučký kůň 控制器 ✓")


def test_an_escape_sequence_is_shown_not_obeyed() -> None:
    assert "plc\\u001b[2J" == safe("plc\x1b[2J")


def test_long_text_is_cut_and_says_so() -> None:
    assert "a" * 500 + "…" == safe("a" * 501)


def test_a_table_holds_every_cell_without_colour_in_a_pipe() -> None:
    out = io.StringIO()
    print_table("Services", ("port#", "protocol"), [(502, "modbus"), (1743, "[red]x[/]")], out)

    text = out.getvalue()
    assert "Services" in text
    assert "[red]x[/]" in text
    assert "\x1b" not in text


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours(Terminal())


WIDE = ("client!", "claimed", "packets#", "first!?", "for#?")
ROW = ("10.20.30.40:50123", "a rather long name of a claim", 17, "2026-01-05 08:00:04Z", "5 min")


class Narrow(io.StringIO):
    """A terminal of 60 columns."""

    def isatty(self) -> bool:
        return True


def test_a_narrow_terminal_gets_fewer_columns_and_no_broken_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    out = Narrow()
    print_table("Conversations", WIDE, [ROW], out)

    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert any("10.20.30.40:50123" in line for line in lines)
    assert "2026-01-05" not in out.getvalue()
    assert any(line.endswith("shows it: first") for line in lines)


def test_a_pipe_gets_every_column_on_one_line() -> None:
    out = io.StringIO()
    print_table("Conversations", WIDE, [ROW], out)

    assert any(all(str(cell) in line for cell in ROW) for line in out.getvalue().splitlines())
    assert "left out" not in out.getvalue()


@given(st.lists(st.text(max_size=60), min_size=3, max_size=3))
def test_a_table_of_any_text_can_be_drawn(cells: list[str]) -> None:
    out = io.StringIO()
    print_table("Odd", ("one!", "two?", "three"), [cells], out)

    assert "\x1b" not in out.getvalue()


def test_wrapped_text_is_one_line_in_a_pipe() -> None:
    assert "word " * 50 + "end" == wrapped("word " * 50 + "end", 4)
