"""Fragments of IP datagrams, put together again within bounds.

Where fragments overlap, what came first stays; that they did is an oddity.
Sources: RFC 791 section 3.2, RFC 8200 section 4.5, RFC 5722 (overlaps).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from portbook.evidence.tally import Tally

DATAGRAMS = 1024  # unfinished ones held at a time
OCTETS = 8 << 20  # of them together
PIECES = 1024  # disjoint parts of one datagram
PATIENCE_NS = 60_000_000_000  # RFC 8200: a datagram is given up after 60 s
LARGEST = 65535


class Whole(NamedTuple):
    """A datagram put together."""

    octets: bytes
    frame_octets: int  # of all the frames that brought it


class _Datagram:
    __slots__ = ("began_ns", "data", "end", "frame_octets", "parts", "where")

    def __init__(self, time_ns: int, where: int) -> None:
        self.began_ns = time_ns
        self.where = where
        self.data = bytearray()
        self.parts: list[tuple[int, int]] = []  # sorted, disjoint, not touching
        self.end: int | None = None
        self.frame_octets = 0


class Reassembly:
    """Unfinished datagrams, oldest first."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._open: dict[Hashable, _Datagram] = {}
        self._held = 0

    def add(
        self,
        key: Hashable,
        offset: int,
        more: bool,
        octets: bytes,
        *,
        frame_octets: int,
        time_ns: int,
        where: int,
    ) -> Whole | None:
        """Take one fragment; return the datagram when this one completed it."""
        end = offset + len(octets)
        if end > LARGEST or (more and not octets):
            self._tally.odd("bad-fragment", where)
            return None
        datagram = self._open.get(key)
        if datagram is None:
            self._forget(time_ns)
            datagram = self._open[key] = _Datagram(time_ns, where)
        datagram.frame_octets += frame_octets
        if not more and datagram.end is None:
            datagram.end = end
        if not self._place(datagram, offset, octets, where):
            self._drop(key)
            return None
        if datagram.end is None or datagram.parts != [(0, datagram.end)]:
            return None
        self._held -= len(datagram.data)
        del self._open[key]
        return Whole(bytes(datagram.data[: datagram.end]), datagram.frame_octets)

    def finish(self) -> None:
        """Give up all that is unfinished."""
        for key in tuple(self._open):
            self._drop(key)

    def _place(self, datagram: _Datagram, offset: int, octets: bytes, where: int) -> bool:
        end = offset + len(octets)
        grown = max(0, end - len(datagram.data))
        datagram.data += bytes(grown)
        self._held += grown
        here, overlaps = offset, False
        for start, stop in datagram.parts:
            if stop <= offset or start >= end:
                continue
            overlaps = True
            if here < start:
                datagram.data[here:start] = octets[here - offset : start - offset]
            here = max(here, stop)
        if here < end:
            datagram.data[here:end] = octets[here - offset :]
        if overlaps:
            self._tally.odd("overlapping-fragments", where)
        datagram.parts = joined(datagram.parts, offset, end)
        if datagram.end is not None and datagram.parts[-1][1] > datagram.end:
            self._tally.odd("bad-fragment", where)  # behind the datagram's own end
            return False
        return len(datagram.parts) <= PIECES

    def _forget(self, time_ns: int) -> None:
        while self._open:
            key, oldest = next(iter(self._open.items()))
            crowded = len(self._open) >= DATAGRAMS or self._held > OCTETS
            if not crowded and time_ns - oldest.began_ns <= PATIENCE_NS:
                return
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        datagram = self._open.pop(key)
        self._held -= len(datagram.data)
        self._tally.odd("incomplete-datagram", datagram.where)


def joined(parts: list[tuple[int, int]], start: int, stop: int) -> list[tuple[int, int]]:
    """Return sorted, disjoint parts with one more, parts that touch made one."""
    result: list[tuple[int, int]] = []
    placed = False
    for low, high in parts:
        if high < start:
            result.append((low, high))
        elif low > stop:
            if not placed:
                result.append((start, stop))
                placed = True
            result.append((low, high))
        else:
            start, stop = min(start, low), max(stop, high)
    if not placed:
        result.append((start, stop))
    return result
