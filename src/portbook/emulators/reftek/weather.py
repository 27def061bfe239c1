"""What a network does to packets on their way: loses, doubles and shuffles them, and is down.

Pure, and the same for the same seed. It counts by unit what it did, so that a receiver's account
can be held against it.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import NamedTuple

MOST_WAIT_NS = 1_000_000_000


class Weather(NamedTuple):
    """How bad it is.

    loss, doubled: share of packets; bursts: share of packets at which a burst of losses begins;
    burst: fewest and most packets of one; shuffle: packets change places among so many;
    outages: elapsed time from and until which nothing gets through, and where a recorder has a
    new address and port afterwards
    """

    loss: float = 0.0
    doubled: float = 0.0
    bursts: float = 0.0
    burst: tuple[int, int] = (10, 200)
    shuffle: int = 0
    outages: tuple[tuple[int, int], ...] = ()

    @property
    def fair(self) -> bool:
        """Tell whether every packet gets through once and in order."""
        return not (self.loss or self.doubled or self.bursts or self.shuffle > 1)

    def down(self, now_ns: int) -> bool:
        """Tell whether nothing gets through."""
        return any(begin <= now_ns < end for begin, end in self.outages)

    def moves(self, now_ns: int) -> int:
        """Return how many outages are over: so often has a recorder got a new address."""
        return sum(end <= now_ns for _, end in self.outages)


class Path:
    """One way through the network. Payloads go in with the unit that they are of.

    most_wait_ns: what waits to be shuffled goes on after so long, however few wait
    """

    def __init__(self, weather: Weather, seed: int, most_wait_ns: int = MOST_WAIT_NS) -> None:
        self.lost: Counter[int] = Counter()
        self.doubled: Counter[int] = Counter()
        self._weather = weather
        self._random = random.Random(seed)
        self._burst = 0
        self._waiting: list[tuple[int, bytes]] = []
        self._since_ns = 0
        self._most_wait_ns = most_wait_ns

    def take(self, unit: int, octets: bytes, now_ns: int) -> list[tuple[int, bytes]]:
        """Take a packet; return what comes out at the other end now."""
        weather = self._weather
        copies = self._copies(unit)
        if weather.shuffle < 2:
            return [(unit, octets)] * copies
        if not self._waiting:
            self._since_ns = now_ns
        self._waiting += [(unit, octets)] * copies
        full = len(self._waiting) >= weather.shuffle
        return self.flush() if full else self.due(now_ns)

    def due(self, now_ns: int) -> list[tuple[int, bytes]]:
        """Return what has waited long enough."""
        waited = self._waiting and now_ns >= self._since_ns + self._most_wait_ns
        return self.flush() if waited else []

    def next_deadline(self) -> int | None:
        """Return when something has waited long enough; None when nothing waits."""
        return self._since_ns + self._most_wait_ns if self._waiting else None

    def flush(self) -> list[tuple[int, bytes]]:
        """Return all that waits, shuffled."""
        waiting, self._waiting = self._waiting, []
        self._random.shuffle(waiting)
        return waiting

    def _copies(self, unit: int) -> int:
        weather, chance = self._weather, self._random.random
        if weather.bursts and not self._burst and chance() < weather.bursts:
            self._burst = self._random.randint(*weather.burst)
        if self._burst or (weather.loss and chance() < weather.loss):
            self._burst = max(0, self._burst - 1)
            self.lost[unit] += 1
            return 0
        if weather.doubled and chance() < weather.doubled:
            self.doubled[unit] += 1
            return 2
        return 1
