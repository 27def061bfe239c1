"""One capture on its way through the conversation table to named conversations."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from portbook.claims.everything import Claims
from portbook.errors import SourceError
from portbook.evidence import captures, readers
from portbook.evidence.conversations import Observed, records
from portbook.evidence.table import HEAD_OCTETS, Counts, Row, Table
from portbook.protocols.prefilter import prefilter
from portbook.records import LOCAL_SITE, Oddity, Problem
from portbook.survey.naming import Key, Memory, Named, keep, key, named, remember

Progress = Callable[[str, int, int | None], None]
LIMIT = 1_000_000  # conversations held at once
POOL_OCTETS = 64 << 20  # for the longer heads of conversations that are still young
CLOSED_AT_ONCE = 8  # an eighth of the table is closed when it is full


class Room(NamedTuple):
    """How much is held at once."""

    limit: int = LIMIT  # conversations
    pool_octets: int = POOL_OCTETS  # of longer heads


ROOM = Room()


class Looked(NamedTuple):
    """What came of one capture; conversations stand in the order in which they were first met."""

    named: list[Named]
    counts: Counts
    oddities: tuple[Oddity, ...]
    problem: Problem | None

    @property
    def nothing_read(self) -> bool:
        """Tell whether the source failed before its first packet."""
        return self.problem is not None and not self.counts.packets


def look_at(
    capture: captures.Capture,
    claims: Claims,
    *,
    site: str = LOCAL_SITE,
    room: Room = ROOM,
    progress: Progress | None = None,
) -> Looked:
    """Read a capture to its end, or as far as it can be read, and name its conversations.

    progress: called with the capture's name, the octets read so far, and its size if it has one
    """
    return _Look(capture, claims, site, room, progress).run()


def problem(source: str, error: SourceError) -> Problem:
    """Return what is told of a source that failed."""
    return Problem(source, str(error), error.offset)


def loses_octets(row: Row) -> bool:
    """Tell whether a row has a longer head, of which a part goes back to the pool."""
    return len(row.head_ab) > HEAD_OCTETS or len(row.head_ba) > HEAD_OCTETS


def in_order(seen: Iterable[Named]) -> list[Named]:
    """Sort the conversations of one capture: as they were first met, parts after one another.

    Those of one frame, which a tunnel carries in one another, have an order of their own that
    does not depend on who saw them: the outermost goes first.
    """
    found = sorted(seen, key=attrgetter("where"))
    first: dict[Key, int] = {}
    for one in found:
        if one.conversation.part is not None:
            first.setdefault(key(one.conversation), one.where)
    if first or any(one.where == two.where for one, two in pairwise(found)):
        found.sort(key=lambda one: _place(one, first))
    return found


def _place(one: Named, first: dict[Key, int]) -> tuple[object, ...]:
    told = one.conversation
    known = key(told)
    return first.get(known, one.where), told.tunnel or "", str(known), told.part or 0


class _Look:
    """One capture on its way through the table to named conversations."""

    def __init__(
        self,
        capture: captures.Capture,
        claims: Claims,
        site: str,
        room: Room,
        progress: Progress | None,
    ) -> None:
        self._table: Table = readers.table(
            prefilter().rows,
            seed=secrets.randbits(64),
            limit=room.limit,
            pool_octets=room.pool_octets,
        )
        self._named: list[Named] = []
        self._capture, self._claims, self._site = capture, claims, site
        self._limit, self._progress = room.limit, progress
        self._memory: Memory = {}
        self._parts: Counter[object] = Counter()

    def run(self) -> Looked:
        """Read the capture to its end, or as far as it can be read."""
        failed = None
        try:
            captures.read(
                self._capture,
                self._table,
                full=self._close_coldest,
                starved=self._name_the_young,
                progress=self._tell if self._progress else None,
            )
        except SourceError as error:
            failed = problem(self._capture.name, error)
        self._take(self._table.rows())
        seen = in_order(self._named)
        return Looked(seen, self._table.counts(), tuple(self._oddities()), failed)

    def _oddities(self) -> Iterator[Oddity]:
        for name, (count, where) in self._table.oddities().items():
            place = f"{self._capture.name}, octet {where}"
            yield Oddity(name, count, place, site=self._site, source=self._capture.name)

    def _tell(self, done: int, total: int | None) -> None:
        if self._progress:
            self._progress(self._capture.name, done, total)

    def _observed(self, rows: Iterable[Row]) -> Iterator[Observed]:
        return records(rows, self._capture.name, self._site)

    def _take(self, rows: Iterable[Row]) -> None:
        for one in named(self._observed(rows), self._claims, self._memory):
            before = self._parts.get(key(one.conversation)) if self._parts else None
            self._named.append(one.in_part(before + 1) if before else one)
            if before:
                self._parts[key(one.conversation)] += 1
        self._join_lone_parts()

    def _close_coldest(self) -> None:
        closed = self._table.close(max(1, self._limit // CLOSED_AT_ONCE))
        for one in named(self._observed(closed), self._claims, self._memory):
            self._parts[key(one.conversation)] += 1
            self._named.append(one.in_part(self._parts[key(one.conversation)]))
            keep(one, self._memory)  # the next part begins in the middle and tells less

    def _join_lone_parts(self) -> None:
        """Call what was closed early, and never spoke again, whole: it is."""
        for at, one in enumerate(self._named if self._parts else ()):
            if one.conversation.part == 1 and self._parts[key(one.conversation)] == 1:
                self._named[at] = one.in_part(None)

    def _name_the_young(self) -> None:
        longer = (row for row in self._table.young() if loses_octets(row))
        remember(self._observed(longer), self._claims, self._memory)
        self._table.release()
