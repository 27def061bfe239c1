"""Deletes days of the archives as the settings say, in steps that hold up nothing.

What the archives hold is counted once, a few milliseconds at a time; from then on what is written
is added to it. Which days go is decided by seismic.keeping. Where whole old days do not suffice
the raw archive's oldest closed event files go, and somewhat more of them than have to: what is
written until the next look is to find room.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from portbook.daemons.configuration.settings import GB, Archive
from portbook.seismic.keeping import Deleted, Doomed, Part, Rules, Tree, doomed, excess
from portbook.seismic.names import DAY_NS, folder
from portbook.seismic.raw_archive import Purged

SLICE_S = 0.005  # of counting, in a turn
PURGE_S = 0.05  # of deleting event files, in a turn
LOOK_S = 1.0  # between two looks at what has to go
TELL_S = 60.0  # between two times that deleted event files are told
COUNT_AGAIN_S = 86_400.0  # others may have deleted or added something
SMALL_RAW_DAYS = 2.0  # of the raw archive that stands in where the user wants none
_AHEAD = 10  # a part of the limit, at most, is freed for what is to come


class Holds(Protocol):
    """An archive by its days."""

    def holdings(self) -> Iterator[tuple[int, int, int]]:
        """Give day, octets, and day when they were written, in steps."""

    def growth(self, *, following: bool = True) -> dict[int, int]:
        """Return octets by day since the last call; following: go on noting them."""

    def forget(self, day: int) -> tuple[int, int]:
        """Delete a day; return files and octets."""


@runtime_checkable
class Purges(Protocol):
    """An archive that can make room by less than a day."""

    def purge(self, octets: int, most: int = 64) -> Purged:
        """Delete the oldest closed files, so many at most, until so many octets are gone."""


class Sweeper:
    """Counts, decides and deletes."""

    def __init__(self, told: Archive) -> None:
        self.excess = 0  # octets beyond the limit although all that may go has gone
        self.looked = False  # `excess` is known
        self._wanted = 0  # octets of event files that are to go
        self._beyond = 0  # of these beyond the limit; the others are for what is to come
        self._purged: Deleted | None = None  # not told yet
        self._told_s: float | None = None
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
        self._wanted = 0
        self._going.clear()

    def turn(self, trees: dict[Tree, Holds], now_ns: int, *, safe: bool = True) -> Deleted | None:
        """Do one step; return what was deleted, if something was. May raise ArchiveError.

        safe: nothing was taken since the last checkpoint, so every file that is closed may go
        """
        if not self._rules.keep_days and self._rules.most_octets is None:
            self._counted_s, self.excess, self._wanted, self.looked = None, 0, 0, True
            for one in trees.values() if self._parts else ():
                one.growth(following=False)
            self._parts.clear()
            return None
        try:
            return self._step(trees, now_ns, safe) or self._news()
        except OSError:  # a folder that somebody removed, or that is not ours to read
            self._counting, self._counted_s = None, time.monotonic()
            return None

    def _step(self, trees: dict[Tree, Holds], now_ns: int, safe: bool) -> Deleted | None:
        now_s = time.monotonic()
        if self._counted_s is None or now_s - self._counted_s > COUNT_AGAIN_S:
            self._count(trees, now_s)
            return None
        if self._going:
            return self._delete(self._going.pop(0), trees)
        if now_s - self._looked_s >= LOOK_S or not self._looked_s:
            self._looked_s = now_s
            self._look(trees, now_ns // DAY_NS)
        if self._wanted and safe and not self._going:
            self._purge(trees)
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
        grown = 0
        for tree, one in trees.items():
            for day, more in one.growth().items():
                self._add(tree, day, more, today if more > 0 else 0)
                grown += max(0, more)
        parts = list(self._parts.values())
        self._going = doomed(parts, self._rules, today)
        self._beyond = excess(parts, self._rules, self._going)
        if not isinstance(trees.get(Tree.RAW), Purges):
            self.excess, self.looked = self._beyond, True
            return
        most = self._rules.most_octets or 0
        room = self._rules._replace(most_octets=most - min(grown, most // _AHEAD) if most else None)
        self._wanted = excess(parts, room, self._going)
        if not self._beyond:
            self.excess, self.looked = 0, True

    def _purge(self, trees: dict[Tree, Holds]) -> None:
        """Make room by event files for a while; what none is left to make room for is told."""
        raw = trees.get(Tree.RAW)
        until_s = time.monotonic() + PURGE_S
        while self._wanted and isinstance(raw, Purges):
            gone = raw.purge(self._wanted)
            self._note(gone)
            self._wanted = max(0, self._wanted - gone.octets)
            self._beyond = max(0, self._beyond - gone.octets)
            if gone.over:
                self._wanted = 0
            elif time.monotonic() > until_s:
                break
        if not self._wanted:
            self.excess, self.looked = self._beyond, True

    def _note(self, gone: Purged) -> None:
        if gone.day is None:
            return
        before = self._purged
        self._purged = Deleted(
            Tree.RAW,
            before.day if before else _named(gone.day),
            gone.files + (before.files if before else 0),
            gone.octets + (before.octets if before else 0),
            "max_gb",
        )

    def _news(self) -> Deleted | None:
        """Return the event files that were deleted, not each time that there are some."""
        now_s = time.monotonic()
        if self._purged is None or (self._told_s is not None and now_s - self._told_s < TELL_S):
            return None
        told, self._purged, self._told_s = self._purged, None, now_s
        return told

    def _delete(self, one: Doomed, trees: dict[Tree, Holds]) -> Deleted | None:
        part = one.part
        self._parts.pop((part.tree, part.day), None)
        files, octets = trees[part.tree].forget(part.day) if part.tree in trees else (0, 0)
        return Deleted(part.tree, _named(part.day), files, octets, one.because)


def _named(day: int) -> str:
    name = folder(day * DAY_NS, "0", 0)[:7]
    return f"{name[:4]}-{name[4:]}"


def _rules(told: Archive) -> Rules:
    days = {tree: told.keep_days for tree in Tree if told.keep_days}
    if not told.raw:
        days[Tree.RAW] = min(told.keep_days or SMALL_RAW_DAYS, SMALL_RAW_DAYS)
    return Rules(days, int(told.max_gb * GB) or None)
