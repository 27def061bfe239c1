"""The heart: what arrives is checked, written to the spool at once, put in order, and handed out.

    arrivals -> allow-lists, addresses, faults -> spool (one write a batch) -> order -> order log
             -> ring and feed -> pumps

A batch is written as a whole or refused as a whole. What is impossible or not allowed is counted
by name. What is a day ahead of its arrival goes to the spool, hence to the archive, and no further.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from portbook.daemons.sources.admission import Admission
from portbook.daemons.sources.ahead import far_ahead, year_of
from portbook.daemons.voices.voice import Voice
from portbook.protocols.reftek.checks import fault
from portbook.seismic.ordering import Order
from portbook.seismic.ring import Ring
from portbook.seismic.spool import Arrival, Entry, Spool, SpoolFull
from portbook.seismic.store import ArchiveError

CALM_NS = 600_000_000_000  # an alarm about a wrong clock ends after so long without
MOST_HELD = 65536  # packets that wait for an order log that cannot be written
_DISK, _LOG = "disk:spool", "disk:order-log"


class Hears(Protocol):
    """What wants to know each packet that was taken: liveness."""

    def heard(self, octets: bytes, address: str, now_ns: int) -> object:
        """Take notice of a packet."""


class Receiver:
    """Takes batches of arrivals; `pumps` are called after each batch that brought something out.

    steady: a clock that never goes back, nanoseconds: what waits in the order, waits by it
    feeds: called with ring sequence and packet of each one that goes out
    written: called with the next spool number after each write, to have it synced
    """

    def __init__(
        self,
        spool: Spool,
        order: Order,
        ring: Ring,
        admission: Admission,
        voice: Voice,
        *,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._spool, self._order, self._ring = spool, order, ring
        self._admission, self._voice, self._steady = admission, voice, steady
        self.pumps: list[Callable[[], object]] = []
        self.feeds: list[Callable[[int, bytes], object]] = []
        self.written: Callable[[int], object] = lambda _: None
        self.liveness: Hears | None = None
        self.counts: Counter[str] = Counter()  # taken, delivered, ahead, refused, unroomed, batches
        self.refused: Counter[str] = Counter()  # by the name of the fault
        self.full = False  # the spool takes nothing
        self.last_ns = 0
        self._held: list[tuple[bytes, int]] = []  # out of the order, not in the order log yet
        self._ahead: dict[str, int] = {}

    def take(self, arrivals: Sequence[Arrival]) -> bool:
        """Take a batch; False when the spool has no room: then nothing of it was taken."""
        kept, lanes = self._admit(arrivals)
        if not kept:
            return not self.full
        if len(self._held) > MOST_HELD:
            self.counts["unroomed"] += len(kept)
            return False
        try:
            number = self._spool.write(kept)
        except ArchiveError as error:
            self._no_room(len(kept), error)
            return False
        if self.full:
            self._room_again()
        self.counts["taken"] += len(kept)
        self.counts["batches"] += 1
        self.last_ns = kept[-1].received_ns
        self._put_out(self._ordered(number, kept, lanes))
        self.written(number + len(kept))
        return True

    def again(self, entries: Sequence[Entry]) -> None:
        """Put packets through the order that the spool had before the start."""
        out: list[tuple[bytes, int]] = []
        now_ns = self._steady()
        for number, arrival in entries:
            octets, received_ns = arrival.octets, arrival.received_ns
            if not far_ahead(octets, received_ns, year_of(received_ns)):
                out += self._order.add(octets, number, now_ns)
        self._put_out(out)

    def due(self) -> None:
        """Hand out what has waited long enough for packets before it, and what could not go."""
        found = self._order.due(self._steady())
        if found or self._held:
            self._put_out(found)

    def next_deadline(self) -> int | None:
        """Return when `due` has something to do, by the steady clock; None: nothing waits."""
        return self._order.next_deadline()

    @property
    def held(self) -> bool:
        """Tell whether packets wait because the order log could not be written."""
        return bool(self._held)

    def waiting(self) -> list[int]:
        """Return the spool numbers of packets that wait: in the order, or for the order log."""
        return self._order.held() + [number for _, number in self._held]

    def stood(self, keys: Iterable[str]) -> None:
        """Take over alarms that stand since before a restart, so that they are cleared some day."""
        for key in keys:
            kind, _, unit = key.partition(":")
            if key == _DISK:
                self.full = True
            elif kind == "ahead":
                self._ahead[unit] = time.time_ns()
            elif key == _LOG or kind == "twice":
                self._voice.clear(key)
            elif kind == "address":
                self._admission.stood(unit)

    def look(self, now_ns: int) -> None:
        """Clear alarms whose reason is gone."""
        self._admission.look(now_ns)
        for unit in [one for one, at in self._ahead.items() if now_ns - at > CALM_NS]:
            del self._ahead[unit]
            self._voice.clear(f"ahead:{unit}")

    def _admit(self, arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[str]]:
        """Return what is taken of a batch, each with the lane that keys its order."""
        kept: list[Arrival] = []
        lanes: list[str] = []
        admission = self._admission
        places = admission.places
        for arrival in arrivals:
            octets = arrival.octets
            name = fault(octets)
            if name is not None:
                self._refuse(arrival, name)
                continue
            place = places.get(octets[4:6]) or admission.meet(arrival)
            if place is None:
                self._refuse(arrival, "")
                continue
            address = arrival.address
            if address == place.address:
                place.last_ns = arrival.received_ns
            elif address != place.relay:
                lane = admission.elsewhere(place, arrival)
                if lane is None:
                    self._refuse(arrival, "")
                    continue
                kept.append(arrival)
                lanes.append(lane)
                continue
            kept.append(arrival)
            lanes.append(place.lane)
        return kept, lanes

    def _ordered(
        self, number: int, kept: list[Arrival], lanes: list[str]
    ) -> list[tuple[bytes, int]]:
        out: list[tuple[bytes, int]] = []
        add, heard = self._order.add, self.liveness.heard if self.liveness else None
        year, steady_ns = year_of(kept[0].received_ns), self._steady()
        for arrival, lane in zip(kept, lanes, strict=True):
            octets, received_ns = arrival.octets, arrival.received_ns
            if heard is not None:
                heard(octets, arrival.address, received_ns)
            if far_ahead(octets, received_ns, year):
                self._not_live(arrival)
            else:
                out += add(octets, number, steady_ns, lane)
            number += 1
        return out

    def _put_out(self, found: list[tuple[bytes, int]]) -> None:
        held = self._held
        if held:
            found = held + found
        if not found:
            return
        try:
            sequence = self._spool.delivered([number for _, number in found])
        except ArchiveError as error:
            self._held = found
            self._voice.alarm(_LOG, "disk", f"clients get nothing new: {error}", level="error")
            return
        if held:
            self._held = []
            self._voice.clear(_LOG)
        packets = [octets for octets, _ in found]
        self._ring.append(packets)
        self.counts["delivered"] += len(packets)
        for feed in self.feeds:
            for at, octets in enumerate(packets, sequence):
                feed(at, octets)
        for pump in self.pumps:
            pump()

    def _refuse(self, arrival: Arrival, name: str) -> None:
        """Count a packet that is not taken; without a name the admission has told of it."""
        self.counts["refused"] += 1
        if name:
            self.refused[name] += 1
            self._admission.refuse(arrival.address, f"impossible packet: {name}")

    def _not_live(self, arrival: Arrival) -> None:
        self.counts["ahead"] += 1
        unit = arrival.octets[4:6].hex().upper()
        self._ahead[unit] = arrival.received_ns
        self._voice.alarm(
            f"ahead:{unit}",
            "clock",
            f"unit {unit}: its packets are more than a day ahead of the time here. They go to the "
            "archive and are not served live; look at the unit's clock and GPS, and at ours",
            unit=unit,
        )

    def _no_room(self, packets: int, error: ArchiveError) -> None:
        self.counts["unroomed"] += packets
        self.full = True
        why = "no room" if isinstance(error, SpoolFull) else "cannot be written"
        self._voice.alarm(
            _DISK,
            "disk",
            f"the spool: {why}, nothing is taken and nothing acknowledged any more: {error}",
            level="error",
        )

    def _room_again(self) -> None:
        self.full = False
        self._voice.clear(_DISK)
        self._voice.say("info", f"the spool takes packets again; {self.counts['unroomed']} refused")
