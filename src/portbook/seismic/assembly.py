"""REF TEK packets in the order that they came become packets in the order that they were made.

Every packet given comes out once, in an outcome: placed, told, repeated, late or refused; what
never came is told as a hole. Placed data packets say how they follow: without a break, or behind
a gap, an overlap, a set clock. Pure: time is an argument. Source: portbook's docs on REF TEK.

    assembler = Assembler(near_year=2026)
    for octets in packets:
        outcomes = assembler.add(read(octets), cargo=octets)
    outcomes = assembler.flush()
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from portbook.protocols.reftek.packets import Packet
from portbook.seismic.lanes import Arrived, Lane, Stand
from portbook.seismic.outcomes import Outcome, Refused, Repeated, Told
from portbook.seismic.tags import NANO, time_ns, unfit

WINDOW = 64  # packets of a stream that are held for one that has not come
HOLD_NS = 2 * NANO
MOST_LANES = 4096  # streams of units; memory is bounded by lanes * window packets
REMEMBERED = 64  # packets outside of events whose repetition is noticed, a unit
EVENTFUL = ("DT", "EH", "ET")


class Assembler:
    """Puts packets of any number of recorders in order.

    near_year: the packets' two digits are of the nearest century; window: packets of a stream
    held at most; hold_ns: how long at most (by the `now_ns` of the calls), None: no limit;
    rates: Hz by (unit, stream), where the user knows them
    """

    def __init__(
        self,
        near_year: int,
        *,
        window: int = WINDOW,
        hold_ns: int | None = HOLD_NS,
        rates: Mapping[tuple[str, int], float] | None = None,
        most_lanes: int = MOST_LANES,
    ) -> None:
        self.near_year = near_year
        self._window = window
        self._hold_ns = hold_ns
        self._rates = dict(rates or {})
        self._most = most_lanes
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._waiting: dict[tuple[str, int], Lane] = {}  # lanes that hold packets
        self._others: dict[str, dict[int, None]] = {}

    def add(
        self,
        packet: Packet,
        now_ns: int = 0,
        *,
        cargo: object = None,
        refusal: tuple[str, str] | None = None,
        sound: bool = True,
    ) -> list[Outcome]:
        """Take one packet; return what it brought about, in order.

        refusal: name and reason, when the caller's look at the samples refused it: it takes its
        place in the sequence, so that it is no missing packet, and its data count as lost
        sound: False when its samples cannot be and it is wanted all the same: it is placed, its
        samples count as lost, so that no clock is told to have been set around them
        """
        out: list[Outcome] = []
        when = time_ns(packet, self.near_year)
        bad = unfit(packet) or _undated(packet, when) or refusal
        if bad:
            out.append(Refused(packet, *bad, cargo))
        if packet.type not in EVENTFUL:
            if not bad and when is not None:
                out.append(self._other(packet, when, cargo))
            return out
        if packet.event is None or packet.stream is None:
            return out
        lane = self._lane(packet.unit, packet.stream)
        if lane:
            lane.add(Arrived(packet, when or 0, cargo, bool(bad), now_ns, sound), now_ns, out)
            if lane.blocked_ns is not None:
                self._waiting[packet.unit, packet.stream] = lane
        elif not bad:
            reason = f"more than {self._most} streams of recorders at a time"
            out.append(Refused(packet, "too-many-streams", reason, cargo))
        return out

    def due(self, now_ns: int) -> list[Outcome]:
        """Give up on packets that did not come in time; call it when `next_deadline` is past."""
        out: list[Outcome] = []
        if self._hold_ns is None:
            return out
        for key, lane in list(self._waiting.items()):
            while lane.blocked_ns is not None and lane.blocked_ns + self._hold_ns <= now_ns:
                lane.overdue(now_ns, out)
            if lane.blocked_ns is None:
                del self._waiting[key]
        return out

    def next_deadline(self) -> int | None:
        """Return the time at which something held is overdue; None when nothing is held."""
        waits = [one.blocked_ns for one in self._waiting.values() if one.blocked_ns is not None]
        return min(waits) + self._hold_ns if waits and self._hold_ns is not None else None

    def flush(self) -> list[Outcome]:
        """End: tell all that is missing, hand out all that is held."""
        out: list[Outcome] = []
        for lane in self._lanes.values():
            lane.flush(out)
        return out

    def stands(self) -> dict[tuple[str, int], list[Stand]]:
        """Return how far each unit's streams have come; give it to `resume` after a restart."""
        told = {key: lane.stands() for key, lane in self._lanes.items()}
        return {key: stands for key, stands in told.items() if stands is not None}

    def resume(self, stands: Mapping[tuple[str, int], Iterable[Stand]]) -> None:
        """Go on where another one stood: what went missing in between is told as a hole."""
        for (unit, stream), every in stands.items():
            lane = self._lane(unit, stream)
            if lane:
                lane.resume(every)

    def know(
        self, rates: Mapping[tuple[str, int], float], before: Mapping[tuple[str, int], float]
    ) -> None:
        """Go by other rates that the user tells, where nothing else has told one since.

        before: what the user told until now
        """
        for key in rates.keys() | before.keys():
            old, new = before.get(key), rates.get(key)
            if old == new or self._rates.get(key) not in (None, old):
                continue
            self._rates.pop(key, None)
            if new is not None:
                self._rates[key] = new
                lane = self._lanes.get(key)
                if lane is not None and lane.rate_hz in (None, old):
                    lane.rate_hz = new

    def _lane(self, unit: str, stream: int) -> Lane | None:
        key = unit, stream
        found = self._lanes.get(key)
        if found is None and len(self._lanes) < self._most:
            found = self._lanes[key] = Lane(unit, stream, self._window, self._rates.get(key))
        return found

    def _other(self, packet: Packet, when: int, cargo: object) -> Outcome:
        """SH and parameter packets count by themselves and begin at 0 as they like: no holes."""
        if packet.unit not in self._others and len(self._others) >= self._most:
            self._others.pop(next(iter(self._others)))
        seen = self._others.setdefault(packet.unit, {})
        mark = hash(packet.octets)
        if mark in seen:
            return Repeated(packet, True, cargo)
        seen[mark] = None
        if len(seen) > REMEMBERED:
            del seen[next(iter(seen))]
        return Told(packet, when, cargo)


def _undated(packet: Packet, when: int | None) -> tuple[str, str] | None:
    if when is None:
        return "impossible-date", f"day {packet.time[:3]} of year {packet.year:02}"
    return None
