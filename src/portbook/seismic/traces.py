"""Packets of recordings become arrays: a channel's samples without a break, and where they begin.

For data that fit in memory; what is endless takes `assembly` and `samples` packet by packet.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portbook.protocols.reftek.packets import Packet
from portbook.seismic.assembly import Assembler
from portbook.seismic.files import pieces
from portbook.seismic.outcomes import Join, Outcome, Placed
from portbook.seismic.plain import plain
from portbook.seismic.samples import decode_all
from portbook.seismic.segments import Key, Segment, Segments

WINDOW = 1024  # packets of a stream that may be in another order
_BATCH = 256


def read(octets: bytes, near_year: int) -> list[Trace]:
    """Return the checked samples of a file, by unit, stream, channel and time.

    The usual file, one whole event in order, is read at once (plain.py); any other one, cut,
    mixed, damaged, packet by packet. near_year: see `traces`.
    """
    usual = plain(octets, near_year)
    if usual is not None:
        return [Trace(*one) for one in usual]
    take = io.BytesIO(octets).read
    return traces((one.packet for one in pieces(take) if one.packet), near_year)


class Trace(NamedTuple):
    """A segment, places counted from 0, and its samples: int32 counts in time order."""

    segment: Segment
    values: NDArray[np.int32]


def traces(packets: Iterable[Packet], near_year: int) -> list[Trace]:
    """Return the checked samples of packets in whatever order, by unit, stream, channel and time.

    Packets that are refused (see samples.decode_all) leave a gap. near_year: the packets' two
    digits of the year are of the nearest century.
    """
    assembler = Assembler(near_year, window=WINDOW, hold_ns=None)
    gathered = _Gathered()
    for batch in _batches(packets):
        data = iter(decode_all([packet for packet in batch if packet.type == "DT"]))
        for packet in batch:
            found = next(data) if packet.type == "DT" else None
            refusal = found.refusal if found else None
            values = found.values if found else None
            for outcome in assembler.add(packet, cargo=values, refusal=refusal):
                gathered.take(outcome)
    for outcome in assembler.flush():
        gathered.take(outcome)
    return gathered.end()


class _Gathered:
    """Segments that grow, with the arrays of their packets."""

    def __init__(self) -> None:
        self._segments = Segments()
        self._parts: dict[Key, list[NDArray[np.int32]]] = {}
        self._done: list[Trace] = []

    def take(self, outcome: Outcome) -> None:
        ended = self._segments.take(outcome)
        if ended:
            self._end(ended)
        if isinstance(outcome, Placed) and outcome.join:
            packet = outcome.packet
            key = packet.unit, packet.stream or 0, packet.channel or 0
            assert outcome.join is Join.JOINED or key not in self._parts
            self._parts.setdefault(key, []).append(outcome.cargo)

    def end(self) -> list[Trace]:
        for segment in self._segments.close():
            self._end(segment)
        return sorted(self._done, key=_place)

    def _end(self, segment: Segment) -> None:
        parts = self._parts.pop((segment.unit, segment.stream, segment.channel))
        self._done.append(Trace(segment, np.concatenate(parts)))


def _place(trace: Trace) -> Key:
    """Return by what traces are sorted; those of a channel stay as they came."""
    return trace.segment.unit, trace.segment.stream, trace.segment.channel


def _batches(packets: Iterable[Packet]) -> Iterator[Sequence[Packet]]:
    left = iter(packets)
    while batch := list(islice(left, _BATCH)):
        yield batch
