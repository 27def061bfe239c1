"""Small charts of what a recorder says of itself: a number over time, and its clock's lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from portbook.faces.web.drawings.stations_axes import (
    SIZE,
    Scale,
    Span,
    letters,
    path,
    plain,
    rounded,
    time_axis,
)
from portbook.faces.web.drawings.svg import Drawn, Markup, drawing, number, tag
from portbook.faces.web.stations_records import Lock, Series

LEFT, RIGHT, TOP, BOTTOM = 66.0, 10.0, 8.0, 24.0
_FEW = 60  # points that are drawn as dots too
_STRIP = 14.0


class ChartWords(NamedTuple):
    """The words of a chart, in the reader's language; unit: behind its numbers."""

    title: str
    description: str
    unit: str = ""


class LockWords(NamedTuple):
    """The words of a strip of locks."""

    title: str
    description: str
    locked: str = "locked"
    unlocked: str = "unlocked"


def chart(
    series: Series, from_ns: int, until_ns: int, *, width: int, height: int, words: ChartWords
) -> Drawn:
    """Draw a series that has at least one point."""
    span = Span(from_ns, until_ns, LEFT, width - RIGHT)
    values = [value for _, value in series.points]
    lowest, highest = rounded(min(values), max(values))
    scale = Scale(lowest, highest, height - BOTTOM, TOP)
    points = [(span.x(at), scale.y(value)) for at, value in series.points]
    inside = [*_levels(scale, span, words.unit), *time_axis(span, scale.bottom)]
    inside.append(path("s-line", _joined(points)))
    if len(points) <= _FEW:
        inside += [tag("circle", cx=x, cy=y, r=2, class_="s-dot") for x, y in points]
    svg = drawing(width, height, words.title, words.description, *inside, kind="small-chart")
    return Drawn(svg, width, height)


def strip(
    locks: Sequence[Lock], from_ns: int, until_ns: int, *, width: int, words: LockWords
) -> Drawn:
    """Draw since when a clock was locked or not; before the first line nobody knows."""
    height = TOP + _STRIP + BOTTOM
    span = Span(from_ns, until_ns, LEFT, width - RIGHT)
    ends = [*(one.at_ns for one in locks[1:]), until_ns]
    inside: list[Markup] = []
    for one, end_ns in zip(locks, ends, strict=True):
        left, right = span.x(one.at_ns), span.x(end_ns)
        # An unlocked clock is a tall block, a locked one a low one: seen without colour too.
        tall = _STRIP / 2 if one.locked else _STRIP
        kind, said = ("s-locked", words.locked) if one.locked else ("s-unlocked", words.unlocked)
        inside.append(
            tag(
                "rect",
                tag("title", said),
                x=left,
                y=TOP + _STRIP - tall,
                width=max(1.0, right - left),
                height=tall,
                class_=kind,
            )
        )
    inside += time_axis(span, TOP + _STRIP)
    svg = drawing(width, height, words.title, words.description, *inside, kind="small-chart")
    return Drawn(svg, width, height)


def _levels(scale: Scale, span: Span, unit: str) -> Iterator[Markup]:
    middle = (scale.lowest + scale.highest) / 2
    for value in (scale.lowest, middle, scale.highest):
        y = scale.y(value)
        yield tag("line", x1=span.left, y1=y, x2=span.right, y2=y, class_="s-level")
        if value == middle:
            continue
        told = f"{plain(value)} {unit}".strip()
        down = SIZE * 0.8 if value == scale.highest else 0.0
        yield letters(told, LEFT - 6, y + down, "end")


def _joined(points: Sequence[tuple[float, float]]) -> Iterator[str]:
    for at, (x, y) in enumerate(points):
        yield f"{'L' if at else 'M'}{number(x)} {number(y)}"
    if len(points) == 1:
        yield "h0.1"
