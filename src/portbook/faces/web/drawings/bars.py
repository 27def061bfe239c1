"""Small bars for tables and the overview: activity over time, and shares of a whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from portbook.faces.web.drawings.lettering import fitted, label, label_box
from portbook.faces.web.drawings.placing import Box, Plane
from portbook.faces.web.drawings.svg import Drawn, Markup, drawing, number, tag

__all__ = ["Tick", "activity", "share_bar", "sparkline"]

MOST_BARS = 1000
_SMALL = 10.5
_AXIS, _SCALE = 20.0, 16.0  # room for the times below, and for the scale above
_MARGIN = 4.0
_APART = 5.0  # between words below the bars


class Tick(NamedTuple):
    """A word below a bar."""

    bar: int  # which one, from 0
    text: str


def sparkline(
    values: Sequence[float | None], title: str, *, width: float = 120.0, height: float = 24.0
) -> Drawn:
    """Draw values as bars side by side, the latest on the right.

    values: not below 0; None where nothing is known, which is an outline; nought is the line
    alone. The latest 1,000 are drawn.
    """
    parts = _bars(values[-MOST_BARS:], 0, width, 1, height - 1)
    return _drawn(width, height, title, "", "drawing-spark", *parts)


def activity(
    values: Sequence[float | None],
    title: str,
    description: str,
    *,
    width: int,
    height: float = 120.0,
    ticks: Sequence[Tick] = (),
    scale: str = "",
) -> Drawn:
    """Draw values as bars with words below some and the scale above.

    values: as `sparkline` takes them; ticks: one that would touch another is left out
    scale: what the highest bar is, in the reader's words
    """
    wide, high = max(120.0, float(width)), max(60.0, height)
    kept = values[-MOST_BARS:]
    base = high - _AXIS
    parts = [tag("path", d=f"M{number(_MARGIN)},{number(_SCALE)}H{number(wide)}", class_="d-grid")]
    parts += _bars(kept, _MARGIN, wide - _MARGIN, _SCALE, base)
    plane = Plane()
    if text := fitted(scale, wide - 2 * _MARGIN, _SMALL):
        plane.take(label_box(text, _MARGIN, _SCALE - 4, _SMALL))
        parts.append(label(text, _MARGIN, _SCALE - 4, "d-quiet", _SMALL))
    step = (wide - 2 * _MARGIN) / max(1, len(kept))
    skipped = len(values) - len(kept)
    for tick in ticks:
        text = fitted(tick.text, wide - 2 * _MARGIN, _SMALL)
        middle = _MARGIN + (tick.bar - skipped + 0.5) * step
        if not text or not 0 <= tick.bar - skipped < len(kept):
            continue
        box = label_box(text, middle, high - 5, _SMALL, "middle")
        left = min(max(0.0, box.x), wide - box.width)
        held = box._replace(x=left)
        if plane.free(Box(left - _APART, box.y, box.width + 2 * _APART, box.height)):
            plane.take(held)
            x = left + box.width / 2
            parts.append(label(text, x, high - 5, "d-quiet", _SMALL, "middle"))
    drawn = _drawn(wide, high, title, description, "drawing-activity", *parts)
    return Drawn(drawn.svg, wide, high, tuple(plane.boxes), skipped)


def share_bar(share: float, title: str, *, width: float = 96.0, height: float = 10.0) -> Drawn:
    """Draw a share of a whole, 0 to 1, as the filled part of an outline; more is held to 1."""
    held = min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0
    # whatever is there is seen
    filled = max(1.5, held * (width - 2)) if held else 0.0
    parts = [
        tag("rect", x=0.5, y=0.5, width=width - 1, height=height - 1, rx=1.5, class_="d-whole")
    ]
    if filled:
        parts.append(
            tag("rect", x=1.0, y=1.0, width=filled, height=height - 2, rx=1.0, class_="d-share")
        )
    return _drawn(width, height, title, "", "drawing-share", *parts)


def _bars(
    values: Sequence[float | None], left: float, right: float, top: float, base: float
) -> list[Markup]:
    """Return the line, the bars on it, and an outline where nothing is known."""
    known = [one for one in values if _is_known(one)]
    most = max((one for one in known if one is not None), default=0.0)
    step = (right - left) / max(1, len(values))
    wide = step * 0.78 if step > 2 else step
    bars, gaps = [], []
    for at, value in enumerate(values):
        x = left + at * step
        if value is None or not _is_known(value):
            if not at or _is_known(values[at - 1]):
                gaps.append([x, 0.0])
            gaps[-1][1] += step
        elif value > 0:
            high = max(1.0, value / most * (base - top))
            bars.append(
                f"M{x + (step - wide) / 2:.2f},{number(base)}"
                f"v-{number(high)}h{wide:.2f}V{number(base)}z"
            )
    parts = [tag("path", d=f"M{number(left)},{number(base)}H{number(right)}", class_="d-base")]
    for x, long in gaps:
        parts.append(tag("rect", x=x, y=top, width=long, height=base - top, class_="d-unknown"))
    if bars:
        parts.append(tag("path", d="".join(bars), class_="d-bar"))
    return parts


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _drawn(
    width: float, height: float, title: str, description: str, kind: str, *parts: Markup
) -> Drawn:
    svg = drawing(width, height, title, description, *parts, kind=kind)
    return Drawn(svg, width, height)
