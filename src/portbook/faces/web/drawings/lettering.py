"""How much room a text takes at most, whatever sans font the reader has, and texts cut to fit.

Widths are those of the widest common sans fonts (Verdana, DejaVu Sans), in parts of the font's
size. What no table knows, such as emoji or marks stacked on marks, is set with `textLength`: then
it takes what was counted, not what it likes.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from portbook.faces.web.drawings.placing import Box
from portbook.faces.web.drawings.svg import Markup, shown, tag

SIZE = 12.0  # of labels, in units of the drawing
HEIGHT = 1.3  # of a line, in sizes
_ASCENT = 1.02
_BOLD = 1.14
_MOST = 400  # letters of a text that are looked at
_NARROW, _WIDE = 0.46, 1.0
_WIDTHS = {
    **dict.fromkeys("ijl", 0.36),
    **dict.fromkeys("frtI", 0.46),
    **dict.fromkeys(".,:;'|!/\\-()[] \"", _NARROW),
    **dict.fromkeys("mwMW@", _WIDE),
    **dict.fromkeys("<>=+~^#", 0.85),
    **dict.fromkeys("%…", 1.1),
}
ELLIPSIS = "…"


@lru_cache(maxsize=8192)
def _letter(letter: str) -> float:
    known = _WIDTHS.get(letter)
    if known is not None:
        return known
    if letter.isascii():
        return 0.82 if letter.isupper() else 0.68
    if unicodedata.category(letter) in ("Mn", "Me"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    return 1.0 if "LATIN" in unicodedata.name(letter, "") else 1.25


def width_of(text: str, size: float = SIZE, bold: bool = False) -> float:
    """Return how wide a text is at most, in units of the drawing."""
    return sum(map(_letter, text)) * size * (_BOLD if bold else 1.0)


def fitted(
    text: str, room: float, size: float = SIZE, bold: bool = False, end: bool = False
) -> str:
    """Return a text, cut with an ellipsis where it is wider than its room; empty if none fits.

    end: keep its end rather than its beginning
    """
    told = _plain(text)
    if width_of(told, size, bold) <= room:
        return told
    left = room - width_of(ELLIPSIS, size, bold)
    kept = 0
    for letter in reversed(told) if end else told:
        left -= width_of(letter, size, bold)
        if left < 0:
            break
        kept += 1
    if not kept:
        return ""
    return ELLIPSIS + told[-kept:] if end else told[:kept].rstrip() + ELLIPSIS


def _plain(text: str) -> str:
    """Return a text on one line, with at most one mark on a letter."""
    found: list[str] = []
    for letter in unicodedata.normalize("NFC", shown(text[:_MOST])):
        mark = unicodedata.category(letter) in ("Mn", "Me")
        if not (mark and (not found or unicodedata.category(found[-1]) in ("Mn", "Me"))):
            found.append(letter)
    return "".join(found)


def label_box(
    text: str, x: float, y: float, size: float = SIZE, anchor: str = "start", bold: bool = False
) -> Box:
    """Return the room of a label whose baseline begins (or ends, or is centred) at x, y."""
    wide = width_of(text, size, bold)
    left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
    return Box(left, y - _ASCENT * size, wide, HEIGHT * size)


def label(
    text: str,
    x: float,
    y: float,
    kind: str | None = None,
    size: float = SIZE,
    anchor: str = "start",
    bold: bool = False,
) -> Markup:
    """Return a label; a text of letters whose width is not known is held to its room."""
    held = None if _is_known(text) else width_of(text, size, bold)
    return tag(
        "text",
        text,
        x=x,
        y=y,
        class_=kind,
        font_size=None if size == SIZE else size,
        font_weight=600 if bold else None,
        text_anchor=None if anchor == "start" else anchor,
        textLength=held,
        lengthAdjust=None if held is None else "spacingAndGlyphs",
    )


def _is_known(text: str) -> bool:
    return text.isascii() or all(
        one.isascii() or one in "…–·×" or unicodedata.east_asian_width(one) in "WF" for one in text
    )
