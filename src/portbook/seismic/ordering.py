"""The order in which packets go out to clients: each once, in the order that they were made.

The rules are those of `seismic.lanes`, without samples, rates and times: every event of a stream
counts its packets from 0, modulo 10,000; what comes early is held until those before it came, or
are given up; what comes behind a given up place goes out at once. A packet in its turn, which is
nearly every one, costs a look at eleven octets. Pure: time is an argument, and must not go back.

    order = Order()
    for octets, number in order.add(octets, number, now_ns):
        ...
"""

from __future__ import annotations

import heapq
from typing import Any

from portbook.seismic.order_lanes import NUMBERS, Lane

WINDOW = 64
HOLD_NS = 2_000_000_000
MOST_LANES = 4096
_REMEMBERED = 64  # packets outside of events whose repetition is noticed, a unit
_EVENTFUL = (b"EH", b"ET")
_Out = list[tuple[bytes, Any]]


class Order:
    """Puts packets of any number of recorders in order.

    window: packets of a stream that are held at most; hold_ns: how long each of them at most;
    most_lanes: streams at a time. One more, and those silent for longest are let go of: what they
    held goes out, and they begin anew. Memory is bounded by most_lanes * window packets.
    repeated: packets that came again and went no further
    """

    def __init__(
        self, *, window: int = WINDOW, hold_ns: int = HOLD_NS, most_lanes: int = MOST_LANES
    ) -> None:
        self.repeated = 0
        self._window, self._hold_ns, self._most = window, hold_ns, max(most_lanes, 8)
        self._lanes: dict[tuple[bytes, bytes, str], Lane] = {}
        self._others: dict[tuple[bytes, str], dict[int, None]] = {}
        self._blocked: dict[Lane, int] = {}  # when the first that waits in a lane came
        self._queue: list[tuple[int, int, Lane]] = []  # the same, a heap; what changed is stale
        self._queued = 0

    def add(self, octets: bytes, cargo: Any, now_ns: int, source: str = "") -> _Out:
        """Take a packet of 1024 octets; return what may go out now, in order.

        cargo: whatever belongs to it; source: tells recorders with one unit id apart
        """
        kind = octets[:2]
        if kind == b"DT":
            lane = self._lanes.get((octets[4:6], octets[18:19], source))
            if lane is not None and lane.due == octets[14:18]:
                lane.step(octets[14:16], now_ns)
                return [(octets, cargo)]
        elif kind not in _EVENTFUL:
            return self._other(octets, cargo, source)
        return self._slowly(octets, cargo, now_ns, source)

    def due(self, now_ns: int) -> _Out:
        """Give up on what did not come in time; call it when `next_deadline` is past."""
        out: _Out = []
        while (first := self._first()) and first[0] + self._hold_ns <= now_ns:
            lane = first[2]
            heapq.heappop(self._queue)
            lane.overdue(out)
            self._settle(lane, now_ns, moved=True)
        return out

    def next_deadline(self) -> int | None:
        """Return the time at which something held is overdue; None when nothing is held."""
        first = self._first()
        return first[0] + self._hold_ns if first else None

    def flush(self) -> _Out:
        """End: give out all that is held."""
        out: _Out = []
        for lane in list(self._blocked):
            lane.flush(out)
        self._blocked.clear()
        self._queue.clear()
        return out

    def held(self) -> list[Any]:
        """Return the cargo of every packet that is held."""
        return [cargo for lane in self._blocked for cargo in lane.cargoes()]

    def restore(self, octets: bytes, source: str = "", now_ns: int = 0) -> None:
        """Take note of a packet that went out before a restart: it is not held, nor given again."""
        if octets[:2] == b"DT":
            lane = self._lanes.get((octets[4:6], octets[18:19], source))
            if lane is not None and lane.due == octets[14:18]:
                lane.step(octets[14:16], now_ns)
                return
        sequence = NUMBERS.get(octets[14:16])
        if octets[:2] not in (b"DT", *_EVENTFUL) or sequence is None or len(octets) < 19:
            self._other(octets, None, source)
            return
        self._lane(octets, source, now_ns, []).restore(octets, sequence)

    def _slowly(self, octets: bytes, cargo: Any, now_ns: int, source: str) -> _Out:
        sequence = NUMBERS.get(octets[14:16])
        if sequence is None or octets[16:18] not in NUMBERS or len(octets) < 19:
            return self._other(octets, cargo, source)  # it has no place in any order
        out: _Out = []
        lane = self._lane(octets, source, now_ns, out)
        before = lane.repeated
        moved = lane.add(octets, sequence, cargo, now_ns, out)
        self.repeated += lane.repeated - before
        self._settle(lane, now_ns, moved)
        return out

    def _settle(self, lane: Lane, now_ns: int, moved: bool) -> None:
        """Note since when the first that is held in a lane waits."""
        if not lane.held:
            self._blocked.pop(lane, None)
        elif moved or lane not in self._blocked:
            since_ns = lane.since_ns() if lane in self._blocked else now_ns
            self._blocked[lane] = since_ns
            if len(self._queue) > 4 * len(self._blocked) + 64:
                self._queue = [one for one in self._queue if self._blocked.get(one[2]) == one[0]]
                heapq.heapify(self._queue)
            self._queued += 1
            heapq.heappush(self._queue, (since_ns, self._queued, lane))

    def _first(self) -> tuple[int, int, Lane] | None:
        """Return the lane that has waited for longest."""
        while self._queue and self._blocked.get(self._queue[0][2]) != self._queue[0][0]:
            heapq.heappop(self._queue)
        return self._queue[0] if self._queue else None

    def _lane(self, octets: bytes, source: str, now_ns: int, out: _Out) -> Lane:
        key = octets[4:6], octets[18:19], source
        lane = self._lanes.get(key)
        if lane is None:
            if len(self._lanes) >= self._most:
                self._forget(out)
            lane = self._lanes[key] = Lane(self._window)
        lane.heard_ns = now_ns
        return lane

    def _forget(self, out: _Out) -> None:
        """Let go of an eighth of the lanes at once: one by one would cost a search each."""
        idle = sorted(self._lanes, key=lambda key: self._lanes[key].heard_ns)
        for key in idle[: self._most // 8]:
            lane = self._lanes.pop(key)
            lane.flush(out)
            self._blocked.pop(lane, None)

    def _other(self, octets: bytes, cargo: Any, source: str) -> _Out:
        key = octets[4:6], source
        seen = self._others.get(key)
        if seen is None:
            if len(self._others) >= self._most:
                del self._others[next(iter(self._others))]
            seen = self._others[key] = {}
        mark = hash(octets)
        if mark in seen:
            self.repeated += 1
            return []
        seen[mark] = None
        if len(seen) > _REMEMBERED:
            del seen[next(iter(seen))]
        return [(octets, cargo)]
