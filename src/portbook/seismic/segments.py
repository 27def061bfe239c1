"""Placed packets become segments: a channel's samples without a break. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from portbook.seismic.outcomes import Join, Outcome, Placed
from portbook.seismic.tags import span_ns

Key = tuple[str, int, int]  # unit, stream, channel


class Segment(msgspec.Struct, tag="segment", tag_field="kind"):
    """Samples of one channel that follow each other at one rate, and why it begins.

    event: of its first packet; off_s: how far its begin is from where the data before let expect
    it, None for a first one; end_ns: when the next sample would be due, None without a rate
    """

    unit: str
    stream: int
    channel: int
    event: int
    format: str
    start_ns: int
    end_ns: int | None
    rate_hz: float | None
    samples: int
    packets: int
    join: Join
    off_s: float | None
    first_sequence: int


class Segments:
    """Collects segments; `take` gives back what a break has ended."""

    def __init__(self) -> None:
        self._open: dict[Key, Segment] = {}

    def take(self, outcome: Outcome) -> Segment | None:
        """Add an outcome; return the segment that ended with it, if one did."""
        if not isinstance(outcome, Placed) or outcome.join is None:
            return None
        packet = outcome.packet
        key = packet.unit, packet.stream or 0, packet.channel or 0
        grown = self._open.get(key)
        if grown and outcome.join is Join.JOINED:
            _grow(grown, outcome)
            return None
        self._open[key] = _begun(key, outcome)
        return grown

    def close(self) -> list[Segment]:
        """Return the segments that are still open; none are afterwards."""
        left, self._open = list(self._open.values()), {}
        return left


def segments(outcomes: Iterable[Outcome]) -> list[Segment]:
    """Return all segments of outcomes, by unit, stream, channel, and then as they came."""
    collector = Segments()
    found = [ended for one in outcomes if (ended := collector.take(one))]
    found += collector.close()
    return sorted(found, key=lambda one: (one.unit, one.stream, one.channel))


def _begun(key: Key, placed: Placed) -> Segment:
    packet = placed.packet
    samples = packet.samples or 0
    return Segment(
        *key,
        event=packet.event or 0,
        format=packet.format or "",
        start_ns=placed.time_ns,
        end_ns=_end(placed),
        rate_hz=placed.rate_hz,
        samples=samples,
        packets=1,
        join=placed.join or Join.FIRST,
        off_s=None if placed.off_ns is None else placed.off_ns / 1e9,
        first_sequence=packet.sequence,
    )


def _grow(segment: Segment, placed: Placed) -> None:
    segment.samples += placed.packet.samples or 0
    segment.packets += 1
    segment.end_ns = _end(placed)


def _end(placed: Placed) -> int | None:
    if not placed.rate_hz:
        return None
    return placed.time_ns + span_ns(placed.packet.samples or 0, placed.rate_hz)
