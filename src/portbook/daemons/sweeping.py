"""Deletes days of the archives as the settings say, in steps that hold up nothing.

What the archives hold is counted once, a few milliseconds at a time; from then on what is written
is added to it. Which days go is decided by seismic.keeping.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol

from portbook.daemons.settings import GB, Archive
from portbook.seismic.keeping import Deleted, Doomed, Part, Rules, Tree, doomed, excess
from portbook.seismic.names import DAY_NS, folder

SLICE_S = 0.005  # of counting, in a turn
LOOK_S = 10.0  # between two looks at what has to go
COUNT_AGAIN_S = 86_400.0  # others may have deleted or added something
SMALL_RAW_DAYS = 2.0  # of the raw archive that stands in where the user wants none


class Holds(Protocol):
    """An archive by its days."""

    def holdings(self) -> Iterator[tuple[int, int, int]]:
        """Give day, octets, and day when they were written, in steps."""

    def growth(self, *, following: bool = True) -> dict[int, int]:
        """Return octets by day since the last call; following: go on noting them."""

    def forget(self, day: int) -> tuple[int, int]:
        """Delete a day; return files and octets."""


class Sweeper:
    """Counts, decides and deletes."""

    def __init__(self, told: Archive) -> None:
        self.excess = 0  # octets beyond the limit although all that may go has gone
        self._rules = _rules(told)
        self._parts: dict[tuple[Tree, int], Part] = {}
        self._counting: Iterator[tuple[Tree, int, int, int]] | None = None
        self._counted_s: float | None = None
        self._looked_s = 0.0
        self._going: list[Doomed] = []

    def change(self, told: Archive) -> None:
        """Go by other settings."""
        self._rules = _rules(told)
        self._looked_s = 0.0
        self._going.clear()

    def turn(self, trees: dict[Tree, Holds], now_ns: int) -> Deleted | None:
        """Do one step; return what was deleted, if something was. May raise ArchiveError."""
        if not self._rules.keep_days and self._rules.most_octets is None:
            self._counted_s, self.excess = None, 0
            for one in trees.values() if self._parts else ():
                one.growth(following=False)
            self._parts.clear()
            return None
        try:
            return self._step(trees, now_ns)
        except OSError:  # a folder that somebody removed, or that is not ours to read
            self._counting, self._counted_s = None, time.monotonic()
            return None

    def _step(self, trees: dict[Tree, Holds], now_ns: int) -> Deleted | None:
        now_s = time.monotonic()
        if self._counted_s is None or now_s - self._counted_s > COUNT_AGAIN_S:
            self._count(trees, now_s)
            return None
        if self._going:
            return self._delete(self._going.pop(0), trees)
        if now_s - self._looked_s >= LOOK_S or not self._looked_s:
            self._looked_s = now_s
            self._look(trees, now_ns // DAY_NS)
        return None

    def _count(self, trees: dict[Tree, Holds], now_s: float) -> None:
        if self._counting is None:
            self._parts.clear()
            for one in trees.values():
                one.growth()  # from here on it is followed
            self._counting = (
                (tree, *found) for tree, one in trees.items() for found in one.holdings()
            )
        for tree, day, octets, written in self._counting:
            self._add(tree, day, octets, written)
            if time.monotonic() - now_s > SLICE_S:
                return
        self._counting, self._counted_s = None, now_s

    def _add(self, tree: Tree, day: int, octets: int, written: int) -> None:
        before = self._parts.get((tree, day), Part(day, tree, 0))
        octets, written = max(0, before.octets + octets), max(before.written, written)
        self._parts[tree, day] = Part(day, tree, octets, written)

    def _look(self, trees: dict[Tree, Holds], today: int) -> None:
        for tree, one in trees.items():
            for day, more in one.growth().items():
                self._add(tree, day, more, today if more > 0 else 0)
        parts = list(self._parts.values())
        self._going = doomed(parts, self._rules, today)
        self.excess = excess(parts, self._rules, self._going)

    def _delete(self, one: Doomed, trees: dict[Tree, Holds]) -> Deleted | None:
        part = one.part
        self._parts.pop((part.tree, part.day), None)
        files, octets = trees[part.tree].forget(part.day) if part.tree in trees else (0, 0)
        day = folder(part.day * DAY_NS, "0", 0)[:7]
        return Deleted(part.tree, f"{day[:4]}-{day[4:]}", files, octets, one.because)


def _rules(told: Archive) -> Rules:
    days = {tree: told.keep_days for tree in Tree if told.keep_days}
    if not told.raw:
        days[Tree.RAW] = min(told.keep_days or SMALL_RAW_DAYS, SMALL_RAW_DAYS)
    return Rules(days, int(told.max_gb * GB) or None)
