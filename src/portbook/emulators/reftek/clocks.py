"""A recorder's clock: what it tells while time goes by, and what it says of itself.

It may start unlocked, be set by a step, run fast and be set right by a millisecond now and then,
and live through a leap second. Pure: elapsed nanoseconds in, tags out. Steps of -610 ms and
+1000 ms stand in a real file; a drift of 100 microseconds a minute is usual.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from portbook.emulators.reftek.dates import MILLI, NANO, Tag, tag

MINUTE_NS = 60 * NANO


class Clock(NamedTuple):
    """What a clock does.

    epoch_ns: what it tells at the start, whole milliseconds, Unix; steps: elapsed time and by how
    much it is set then; drift_us: how much it gains in a minute, microseconds, set right whenever
    a millisecond has come together; lock_ns: elapsed time from which it is locked, before that
    nothing sets it right; leap_ns: the Unix time of a midnight that a leap second precedes
    """

    epoch_ns: int
    steps: tuple[tuple[int, int], ...] = ()
    drift_us: int = 0
    lock_ns: int = 0
    leap_ns: int | None = None

    def tag(self, elapsed_ns: int) -> Tag:
        """Return what it tells."""
        told_ns = self.epoch_ns + elapsed_ns + self._set_by(elapsed_ns)
        if self.leap_ns is None or told_ns < self.leap_ns:
            return tag(told_ns)
        if told_ns < self.leap_ns + NANO:
            return tag(told_ns, leap=True)
        return tag(told_ns - NANO)

    def reader(self, elapsed_ns: int) -> int:
        """Return what it tells as Unix time, as one reads it who knows of no leap second."""
        told_ns = self.epoch_ns + elapsed_ns + self._set_by(elapsed_ns)
        after = self.leap_ns is not None and told_ns >= self.leap_ns + NANO
        return told_ns - NANO * after

    def locked(self, elapsed_ns: int) -> bool:
        """Tell whether it is locked."""
        return elapsed_ns >= self.lock_ns

    def sayings(self, until_ns: int) -> list[tuple[int, str]]:
        """Return what it reports until then, with the elapsed times."""
        found = [(0, "CLOCK IS UNLOCKED"), (self.lock_ns, "CLOCK IS LOCKED")]
        if not self.lock_ns:
            found = found[1:]
        found += [
            (at_ns, f"INTERNAL CLOCK PHASE ERROR OF {-by_ns // 1000} USEC")
            for at_ns, by_ns in self.steps
        ]
        return sorted(one for one in found if one[0] <= until_ns)

    def set_between(self, from_ns: int, until_ns: int) -> int:
        """Return by how much it leapt between two elapsed times, as one reads it."""
        return self.reader(until_ns) - self.reader(from_ns) - (until_ns - from_ns)

    def _set_by(self, elapsed_ns: int) -> int:
        by_ns = sum(by_ns for at_ns, by_ns in self.steps if at_ns <= elapsed_ns)
        if self.drift_us and self.locked(elapsed_ns):
            by_ns -= elapsed_ns * self.drift_us // (MINUTE_NS * 1000) * MILLI
        return by_ns


def leaps(clock: Clock, moments: list[int]) -> list[int]:
    """Return by how much a clock leapt between moments in a row, where it did."""
    found = (clock.set_between(before, after) for before, after in pairwise(moments))
    return [by_ns for by_ns in found if by_ns]
