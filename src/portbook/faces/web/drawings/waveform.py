"""The last minutes of a channel: the range of its counts from column to column, gaps as gaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from portbook.faces.web.drawings.lettering import label, width_of
from portbook.faces.web.drawings.stations_axes import (
    NANO,
    SIZE,
    Scale,
    Span,
    clock,
    path,
    time_axis,
)
from portbook.faces.web.drawings.svg import Drawn, Markup, drawing, number, tag
from portbook.faces.web.stations_records import Envelope, Gap, Run

LEFT, RIGHT, TOP, BOTTOM = 74.0, 8.0, 8.0, 26.0  # margins, in units of the drawing
LEAST_GAP = 3.0  # a gap is seen, however short it is


class WaveWords(NamedTuple):
    """The words of the drawing, in the reader's language.

    gap: what a gap is called; silent: said where there is nothing at all
    """

    title: str
    description: str
    gap: str = "gap"
    silent: str = "no samples in this time"


def columns(width: int) -> int:
    """Return how many columns of an envelope a drawing of this width shows best."""
    return int(width - LEFT - RIGHT)


def waveform(envelope: Envelope, *, width: int, height: int, words: WaveWords) -> Drawn:
    """Draw an envelope; counts have no unit, times are UTC."""
    span = Span(envelope.from_ns, envelope.until_ns, LEFT, width - RIGHT)
    bottom = height - BOTTOM
    inside = [
        tag("rect", x=LEFT, y=TOP, width=span.right - LEFT, height=bottom - TOP, class_="s-ground")
    ]
    lowest, highest = envelope.lowest, envelope.highest
    if lowest is None or highest is None:
        middle = (LEFT + span.right) / 2
        inside.append(label(words.silent, middle, (TOP + bottom) / 2, "s-label", SIZE, "middle"))
    else:
        spare = 0.5 if lowest == highest else 0.0
        scale = Scale(lowest - spare, highest + spare, bottom - 2, TOP + 2)
        inside += _gaps(envelope.gaps, span, bottom, words.gap)
        step = (span.right - LEFT) / envelope.width
        inside += [_run(run, scale, step) for run in envelope.runs]
        inside += _counts(lowest, highest, scale)
    inside += time_axis(span, bottom)
    inside.append(label(clock(envelope.until_ns, "%Y-%m-%d"), 2, height - 8, "s-label", SIZE - 1))
    svg = drawing(width, height, words.title, words.description, *inside, kind="waveform")
    return Drawn(svg, width, height)


def _run(run: Run, scale: Scale, step: float) -> Markup:
    """Return a run as one shape: along the highest counts, and back along the lowest."""
    xs = [LEFT + (column + 0.5) * step for column in run.columns]
    edge = [(x, scale.y(count)) for x, count in zip(xs, run.highest, strict=True)]
    if run.lowest != run.highest:
        back = zip(reversed(xs), reversed(run.lowest), strict=True)
        edge += [(x, scale.y(count)) for x, count in back]
    if len(edge) == 1:  # a lone sample: a dot of the line's own thickness
        edge.append((edge[0][0] + 0.1, edge[0][1]))
    closed = "z" if run.lowest != run.highest else ""
    kind = "s-wave" if closed else "s-wave s-thin"
    return tag("path", d=f"{_line(edge)}{closed}", class_=kind)


def _line(points: list[tuple[float, float]]) -> str:
    """Return a path by steps of a tenth: half as long as one by places."""
    before = round(points[0][0] * 10), round(points[0][1] * 10)
    parts = [f"M{number(before[0] / 10)} {number(before[1] / 10)}l"]
    for x, y in points[1:]:
        here = round(x * 10), round(y * 10)
        if here != before:
            right, down = number((here[0] - before[0]) / 10), number((here[1] - before[1]) / 10)
            parts.append(f"{right}{'' if down.startswith('-') else ' '}{down} ")
            before = here
    return "".join(parts).rstrip()


def _gaps(gaps: tuple[Gap, ...], span: Span, bottom: float, word: str) -> Iterator[Markup]:
    """Give bands for gaps; those that touch on the drawing are one."""
    bands: list[tuple[float, float, int]] = []
    for gap in gaps:
        left, right = span.x(gap.from_ns), span.x(gap.until_ns)
        missing = max(0.0, LEAST_GAP - (right - left)) / 2
        left, right = max(span.left, left - missing), min(span.right, right + missing)
        lasted = gap.until_ns - gap.from_ns
        if bands and left <= bands[-1][1]:
            bands[-1] = bands[-1][0], max(bands[-1][1], right), bands[-1][2] + lasted
        else:
            bands.append((left, right, lasted))
    for left, right, lasted in bands:
        told = f"{word}: {lasted / NANO:.3g} s"
        rect = tag(
            "rect",
            tag("title", told),
            x=left,
            y=TOP,
            width=right - left,
            height=bottom - TOP,
            class_="s-gap",
        )
        yield rect
        yield path(
            "s-gap-edge", iter(f"M{number(x)} {TOP}V{number(bottom)}" for x in (left, right))
        )
        if right - left > width_of(told, SIZE) + 8:
            yield label(told, (left + right) / 2, TOP + SIZE + 4, "s-label", SIZE, "middle")


def _counts(lowest: int, highest: int, scale: Scale) -> Iterator[Markup]:
    for count in {lowest, highest}:
        y = scale.y(count)
        text = label(
            str(count),
            LEFT - 8,
            y + (4 if lowest == highest else 8 if count == highest else 0),
            "s-label",
            SIZE,
            "end",
        )
        yield tag("path", d=f"M{LEFT - 4} {number(y)}h4", class_="s-axis")
        yield text
