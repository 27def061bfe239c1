"""Axes of time, in UTC, and of numbers, for the small charts of stations. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from portbook.faces.web.drawings.lettering import width_of
from portbook.faces.web.drawings.svg import Markup, number, tag

NANO = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 5, 10, 30)),
)
_ROOM = 1.5  # widths of a label from tick to tick
_TICK = 4.0
SIZE = 11.0  # of letters on an axis


class Span(NamedTuple):
    """A time that is drawn from one place to another; from_ns is before until_ns."""

    from_ns: int
    until_ns: int
    left: float
    right: float

    def x(self, at_ns: int) -> float:
        """Return where a moment is, also outside of the drawing."""
        part = (at_ns - self.from_ns) / max(1, self.until_ns - self.from_ns)
        return self.left + part * (self.right - self.left)


class Scale(NamedTuple):
    """Numbers that are drawn from the bottom to the top."""

    lowest: float
    highest: float
    bottom: float
    top: float

    def y(self, value: float) -> float:
        """Return where a number is."""
        part = (value - self.lowest) / ((self.highest - self.lowest) or 1.0)
        return self.bottom - part * (self.bottom - self.top)


def clock(at_ns: int, form: str = "%H:%M:%S") -> str:
    """Return a moment in UTC; of years that no calendar has: a dash."""
    try:
        return datetime.fromtimestamp(at_ns // NANO, UTC).strftime(form)
    except (OverflowError, ValueError, OSError):
        return "–"


def ticks(span: Span) -> tuple[list[int], str]:
    """Return round moments, as many as labels have room, and how they are written."""
    seconds = max(1, (span.until_ns - span.from_ns) // NANO)
    for step_s in _STEPS_S:
        form = "%m-%d" if step_s >= _DAY else "%H:%M" if step_s >= _MINUTE else "%H:%M:%S"
        wide = width_of("00:00:00"[: 8 if form == "%H:%M:%S" else 5], SIZE) * _ROOM
        if (span.right - span.left) * step_s / seconds >= wide:
            break
    first = -(-span.from_ns // (step_s * NANO)) * step_s
    return [at * NANO for at in range(first, span.until_ns // NANO + 1, step_s)], form


def time_axis(span: Span, y: float) -> Iterator[Markup]:
    """Give the axis below a chart: its line, ticks, and the day in front of it."""
    yield tag("line", x1=span.left, y1=y, x2=span.right, y2=y, class_="s-axis")
    moments, form = ticks(span)
    places = [(at, span.x(at)) for at in moments]
    yield path("s-axis", (f"M{number(x)} {number(y)}v{number(_TICK)}" for _, x in places))
    for at, x in places:
        text = clock(at, form)
        half = width_of(text, SIZE) / 2
        if span.left + half * 0.5 <= x <= span.right - half * 0.5:
            yield letters(text, x, y + _TICK + SIZE, "middle")


def letters(text: str, x: float, y: float, anchor: str = "start", size: float = SIZE) -> Markup:
    """Return a number, a time or a unit on an axis, set as it is: its letters are known."""
    return tag("text", text, x=x, y=y, class_="s-label", font_size=size, text_anchor=anchor)


def rounded(lowest: float, highest: float) -> tuple[float, float]:
    """Return round numbers that hold two others between them, apart from each other."""
    if highest - lowest < 1e-9:
        lowest, highest = lowest - 0.5, highest + 0.5
    step = 10.0 ** math.floor(math.log10(highest - lowest))
    for part in (0.2, 0.5, 1.0):
        if (highest - lowest) / (step * part) <= 6:
            step *= part
            break
    return math.floor(lowest / step + 1e-9) * step, math.ceil(highest / step - 1e-9) * step


def plain(value: float) -> str:
    """Return a number as short as it stands: `12.9`, `-40`, `1500`."""
    text = f"{value:.6g}"
    return text if "e" not in text else f"{value:.0f}"


def path(kind: str, parts: Iterator[str]) -> Markup:
    """Return a path of parts."""
    return tag("path", d="".join(parts), class_=kind)
