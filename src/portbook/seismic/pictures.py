"""A channel's samples as one line of text: how far they swing, from left to right in time. Pure.

Each packet leaves the ranges of a few equal parts of it, so that a day of data stays small; the
columns are made of those when the whole span is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from portbook.seismic.outcomes import Placed
from portbook.seismic.tags import span_ns

PARTS = 16
MOST = 200_000  # parts that are kept of all channels; what comes then is not in the picture
_BARS = " ▁▂▃▄▅▆▇█"


class Picture(NamedTuple):
    """One channel, places counted from 0: lowest and highest count, and a bar for each column."""

    unit: str
    stream: int
    channel: int
    lowest: int
    highest: int
    bars: str


class _Part(NamedTuple):
    at_ns: int
    lowest: int
    highest: int


class Pictures:
    """Collects what placed packets with known times look like."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int, int], list[_Part]] = {}
        self._kept = 0

    def take(self, placed: Placed, values: Sequence[int]) -> None:
        """Add a data packet's samples."""
        packet, many = placed.packet, len(values)
        if not placed.rate_hz or not many or self._kept >= MOST:
            return
        key = packet.unit, packet.stream or 0, packet.channel or 0
        parts = self._parts.setdefault(key, [])
        step = -(-many // PARTS)
        for start in range(0, many, step):
            some = values[start : start + step]
            at_ns = placed.time_ns + span_ns(start, placed.rate_hz)
            parts.append(_Part(at_ns, min(some), max(some)))
            self._kept += 1

    def all(self, columns: int) -> list[Picture]:
        """Return the picture of each channel, so many columns wide; blank where nothing is."""
        return [_drawn(key, parts, columns) for key, parts in sorted(self._parts.items())]


def _drawn(key: tuple[str, int, int], parts: list[_Part], columns: int) -> Picture:
    first = min(part.at_ns for part in parts)
    span = max(part.at_ns for part in parts) - first + 1
    ranges: list[tuple[int, int] | None] = [None] * columns
    for part in parts:
        column = (part.at_ns - first) * columns // span
        before = ranges[column] or (part.lowest, part.highest)
        ranges[column] = min(before[0], part.lowest), max(before[1], part.highest)
    widest = max(1, *(one[1] - one[0] for one in ranges if one), 1)
    bars = "".join(_BARS[1 + 7 * (one[1] - one[0]) // widest] if one else " " for one in ranges)
    lowest, highest = min(part.lowest for part in parts), max(part.highest for part in parts)
    return Picture(*key, lowest, highest, bars)
