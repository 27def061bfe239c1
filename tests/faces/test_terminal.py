"""Text that came from a network cannot steer a terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.terminal import colours, print_table, safe


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
