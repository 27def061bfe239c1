"""Text in the cells of a terminal: safe, one width for all terminals, cut to measure.

What terminals draw with different widths (marks that join to the letter before, halves of flags,
shades of skin) is written out by number, so that a name from the network cannot shift a line.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby, islice

from rich.cells import cell_len, set_cell_size

from portbook.faces.terminal import safe

LONGEST = 300  # letters of a cell
MOST_MARKS = 2  # that stand on one letter
MORE = "…"
_UNSURE = (
    (0x1160, 0x11FF),  # Hangul vowels and finals, which join
    (0xD7B0, 0xD7FF),
    (0xFE00, 0xFE0F),  # variation selectors
    (0x1F1E6, 0x1F1FF),  # halves of flags
    (0x1F3FB, 0x1F3FF),  # shades of skin
    (0xE0100, 0xE01EF),
)


def plain(value: object, limit: int = LONGEST) -> str:
    """Return safe text of one line in which every letter has a width that is sure."""
    text = safe(value, limit)
    if text.isascii():
        return text
    told: list[str] = []
    for marks, letters in groupby(map(_sure, text), _is_mark):
        told += islice(letters, MOST_MARKS if marks else None)
    return "".join(told)


def _sure(letter: str) -> str:
    number = ord(letter)
    unsure = any(first <= number <= last for first, last in _UNSURE)
    return f"\\u{number:04x}" if unsure else letter


def _is_mark(letter: str) -> bool:
    return len(letter) == 1 and unicodedata.category(letter) in ("Mn", "Me")


def width(text: str) -> int:
    """Return how many cells a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, room: int, *, right: bool = False, middle: bool = False) -> str:
    """Return text of exactly so many cells; what does not fit is cut, and the cut shows.

    right: numbers, set to the right; middle: cut there, since the end tells as much (a port)
    """
    if room <= 0:
        return ""
    left_over = room - width(text)
    if left_over >= 0:
        return " " * left_over + text if right else text + " " * left_over
    if room == 1:
        return MORE
    tail = (room - 1) * 3 // 5 if middle and room >= 8 else 0
    end = _last(text, tail)
    return set_cell_size(text, room - 1 - width(end)) + MORE + end


def _last(text: str, room: int) -> str:
    """Return as much of the end of a text as fits."""
    end = text[len(text) - room :] if room else ""
    while width(end) > room:
        end = end[1:]
    return end
