"""Where a SeedLink client stands in the ring of records, and what it gets next. Pure.

Clients of the same wish at the same place get the same octets, joined once. Only while a client
is behind a number or inside a window of its own, each of its records is looked at by itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from portbook.errors import PeerError
from portbook.protocols.seedlink.telling import MODULUS_3
from portbook.protocols.seedlink.wanting import Request, Start
from portbook.seismic.live_records import PARTS, PARTS_3, Record
from portbook.seismic.record_ring import RecordRing

CHUNK = 64 << 10
_STEPS = 1024  # records that one call looks at for a client with a window of its own
_PATIENCE_NS = 600 * 10**9  # after a window's end nothing more is waited for
_NEVER = 1 << 63
_SECOND = 10**9
Small = Callable[[Record], tuple[bytes, ...]]


class OverrunError(PeerError):
    """A client was too slow: the ring went over what it still had to get."""


class _Gate(NamedTuple):
    """From where a station's records go out; until: from this place on all of them do.

    place: of the first record; least_3: number of the first piece, version 3
    """

    place: int
    until: int
    least_3: int = 0
    begin_ns: int | None = None
    end_ns: int | None = None


class Cursor:
    """One client's place.

    small: packs a record for version 3; odd: counts records that could not be packed
    """

    def __init__(self, ring: RecordRing, request: Request, small: Small) -> None:
        self.odd: Counter[str] = Counter()
        self._ring = ring
        self._request = request
        self._small = small
        self._gates = [_gate(ring, start, request.version) for start in request.starts]
        self._plain_from = max(gate.until for gate in self._gates)
        if len({gate.place for gate in self._gates}) == 1 and all(
            gate.until == gate.place for gate in self._gates
        ):
            self._plain_from = 0
        self._selection = ring.select(request.wanted)
        first = min(gate.place for gate in self._gates)
        self._at = self._selection.base + bisect_left(self._selection.places, first)

    @property
    def waiting(self) -> bool:
        """Tell whether there are records that it has not looked at yet."""
        return self._at < self._selection.end

    @property
    def lag(self) -> int:
        """Return how many records wait for it."""
        return self._selection.end - self._at

    @property
    def selection(self) -> object:
        """Return what it shares with others of the same wish."""
        return self._selection

    @property
    def overrun(self) -> bool:
        """Tell whether the next record that it wants is gone."""
        at = self._at - self._selection.base
        if self._at >= self._selection.end:
            return False
        return at < 0 or self._selection.places[at] < self._ring.tail

    def take(self, most: int = CHUNK) -> bytes:
        """Return the next packets, whole ones, about so many octets; empty when none is there.

        Empty too when it looked at many records and wanted none: `waiting` tells. Raises
        OverrunError when records that it wanted are gone.
        """
        selection = self._selection
        if self._at >= selection.end:
            return b""
        if self.overrun:
            raise OverrunError("too slow: the ring went over records that it still had to get")
        if selection.places[self._at - selection.base] < self._plain_from:
            return self._singly(most)
        key = (self._request.version, self._at, most)
        found = selection.joined.get(key)
        if found is None:
            found = self._joined(most)
            if len(selection.joined) < 256:
                selection.joined[key] = found
        octets, self._at = found
        return octets

    def over(self, now_ns: int) -> bool:
        """Tell whether the client has all that it asked for: END is due."""
        if self.waiting:
            return False
        return self._request.dialup or all(
            self._ended(place, start.end_ns, now_ns)
            for place, start in enumerate(self._request.starts)
        )

    def close(self) -> None:
        """Let go of its place."""
        self._ring.release(self._selection)

    def _joined(self, most: int) -> tuple[bytes, int]:
        parts, size, at = [], 0, self._at
        while at < self._selection.end and size < most:
            octets = self._packet(self._record(at), 0)
            parts.append(octets)
            size += len(octets)
            at += 1
        return b"".join(parts), at

    def _singly(self, most: int) -> bytes:
        parts, size = [], 0
        for _ in range(_STEPS):
            if self._at >= self._selection.end or size >= most:
                break
            place = self._selection.places[self._at - self._selection.base]
            record = self._record(self._at)
            self._at += 1
            gate = self._gates[self._selection.channels[record.channel]]
            if _passes(gate, place, record):
                octets = self._packet(record, gate.least_3)
                parts.append(octets)
                size += len(octets)
        return b"".join(parts)

    def _record(self, at: int) -> Record:
        record = self._ring.get(self._selection.places[at - self._selection.base])
        if record is None:
            raise OverrunError("too slow: the ring went over records that it still had to get")
        return record

    def _packet(self, record: Record, least_3: int) -> bytes:
        if self._request.version == 4:
            return record.packet
        try:
            return record.packets_3(self._small(record), least_3)
        except PeerError:
            self.odd["record-cannot-be-packed"] += 1
            return b""

    def _ended(self, place: int, end_ns: int | None, now_ns: int) -> bool:
        if end_ns is None:
            return False
        if now_ns > end_ns + _PATIENCE_NS:
            return True
        channels = [one for one, where in self._selection.channels.items() if where == place]
        lasts = [self._ring.get(one.held[-1]) for one in channels if one.held]
        return bool(lasts) and all(one is None or one.end_ns >= end_ns for one in lasts)


def _passes(gate: _Gate, place: int, record: Record) -> bool:
    if place < gate.place:
        return False
    if place >= gate.until or (gate.begin_ns is None and gate.end_ns is None):
        return True
    if gate.begin_ns is not None and record.end_ns <= gate.begin_ns:
        return False
    return gate.end_ns is None or record.start_ns < gate.end_ns


def _gate(ring: RecordRing, start: Start, version: int) -> _Gate:
    """Return where a station's data begin. A number that cannot be of this ring means all."""
    windowed = start.begin_ns is not None or start.end_ns is not None
    until = _NEVER if windowed else 0
    if start.sequence is None:
        place = ring.tail if start.oldest else ring.head
        return _Gate(place, until or place, 0, start.begin_ns, start.end_ns)
    if version == 4:
        unknown = start.sequence > ring.next_sequence * PARTS
        place = ring.tail if unknown else ring.first_from(start.sequence)
        return _Gate(place, until or place, 0, start.begin_ns, start.end_ns)
    return _gate_3(ring, start, until)


def _gate_3(ring: RecordRing, start: Start, until: int) -> _Gate:
    """Find the number nearest below the ring's end that has these 24 bits."""
    end = ring.next_sequence * PARTS_3
    number = end - (end - (start.sequence or 0)) % MODULUS_3
    sequence = max(0, number) // PARTS_3
    place = ring.first_from(sequence * PARTS)
    if start.check_ns is not None and not _agrees(ring, number - 1, start.check_ns):
        # Another ring's number: what it had until then is told by the time instead.
        return _Gate(ring.tail, until or ring.head, 0, start.check_ns, start.end_ns)
    whole = ring.first_from((sequence + 1) * PARTS)
    within = number > 0 and number % PARTS_3
    least = number if within else 0
    return _Gate(place, until or (whole if within else place), least, None, start.end_ns)


def _agrees(ring: RecordRing, number: int, at_ns: int) -> bool:
    """Tell whether the packet that a client says it had last can have begun then."""
    sequence = number // PARTS_3
    place = ring.first_from(sequence * PARTS)
    told = []
    while (record := ring.get(place)) is not None and record.ring == sequence:
        told.append(record)
        place += 1
    if not told or number < 0:
        return number >= 0
    # Clients tell whole seconds, cut or rounded.
    return any(one.start_ns - _SECOND <= at_ns <= one.end_ns + _SECOND for one in told)
