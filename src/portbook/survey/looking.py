"""One capture on its way through the conversation table to named conversations."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

from portbook.claims.everything import Claims
from portbook.errors import SourceError
from portbook.evidence import captures, readers
from portbook.evidence.conversations import Observed, records
from portbook.evidence.folding import Folding, Kind, Totals
from portbook.evidence.oddities import CUT_FRAME, meaning
from portbook.evidence.table import HEAD_OCTETS, Counts, Row, Table
from portbook.protocols.prefilter import prefilter
from portbook.records import LOCAL_SITE, Oddity, Problem
from portbook.survey.keeping import Keeping
from portbook.survey.naming import Key, Memory, Named, keep, key, named, remember

Progress = Callable[[str, int, int | None], None]
LIMIT = 1_000_000  # conversations held at once
POOL_OCTETS = 64 << 20  # for the longer heads of conversations that are still young
MOST = 100_000  # conversations told one by one of a capture
REMEMBERED = 250_000  # conversations that were closed early
CLOSED_AT_ONCE = 8  # an eighth of the table is closed when it is full
_WHERE = attrgetter("where")


class Room(NamedTuple):
    """How much is held at once."""

    limit: int = LIMIT  # conversations
    pool_octets: int = POOL_OCTETS  # of longer heads
    most: int = MOST  # conversations that are told one by one

    def shared(self, count: int) -> Room:
        """Return the room of each of so many that have it together.

        The pool stays as it is: each table takes the pots of its share of it.
        """
        return Room(max(1, self.limit // count), self.pool_octets, max(1, self.most // count))


ROOM = Room()
WHOLE = (0, 1)  # share 0 of 1


class End(NamedTuple):
    """What is told of a capture once it was read, beside its conversations."""

    counts: Counts
    oddities: tuple[Oddity, ...]
    problem: Problem | None
    left_out: int = 0
    left_out_named: int = 0
    totals: tuple[tuple[Kind, Totals], ...] = ()  # of a summary


class Looked(NamedTuple):
    """What came of one capture; conversations stand in the order in which they were first met."""

    named: list[Named]
    counts: Counts
    oddities: tuple[Oddity, ...]
    problem: Problem | None
    left_out: int = 0  # conversations that were only counted
    left_out_named: int = 0
    totals: tuple[tuple[Kind, Totals], ...] = ()  # of a summary

    @property
    def end(self) -> End:
        """Return it without the conversations."""
        return End(*self[1:])

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
    part: tuple[int, int] = WHOLE,
) -> Looked:
    """Read a capture to its end, or as far as it can be read, and name its conversations.

    progress: called with the capture's name, the octets read so far, and its size if it has one
    part: which share of the conversations is looked at, from 0, and of how many; all packets,
    octets and oddities are counted for each share
    """
    seen: list[Named] = []
    end = stream(capture, claims, seen.append, site, room, progress, part)
    return Looked(settled(seen), *end)


def stream(
    capture: captures.Capture,
    claims: Claims,
    take: Callable[[Named], object],
    site: str = LOCAL_SITE,
    room: Room = ROOM,
    progress: Progress | None = None,
    part: tuple[int, int] = WHOLE,
    folding: Folding | None = None,
) -> End:
    """Do what `look_at` does, but give each conversation away as soon as it is named.

    take: gets them one by one; all of them together, of all shares, go through `settled`
    folding: takes what it can fold, and that is not given
    """
    if folding:
        return _Look(capture, claims, take, site, room, progress, part, folding).run()
    kept = Keeping(take, room.most)
    end = _Look(capture, claims, kept.take, site, room, progress, part, None).run()
    return end._replace(left_out=kept.left_out, left_out_named=kept.left_out_named)


def problem(source: str, error: SourceError) -> Problem:
    """Return what is told of a source that failed."""
    return Problem(source, str(error), error.offset)


def loses_octets(row: Row) -> bool:
    """Tell whether a row has a longer head, of which a part goes back to the pool."""
    return len(row.head_ab) > HEAD_OCTETS or len(row.head_ba) > HEAD_OCTETS


def settled(seen: list[Named]) -> list[Named]:
    """Return a capture's conversations in the order in which they were first met.

    Parts follow one another; what was closed early, and never spoke again, is whole: it is told
    so. Those that one frame carries in one another have an order that does not depend on who saw
    them: the outermost goes first.
    """
    seen.sort(key=_WHERE)
    parts: dict[Key, list[int]] = {}
    for at, one in enumerate(seen):
        if one.conversation.part is not None:
            parts.setdefault(key(one.conversation), []).append(at)
    for places in parts.values():
        if len(places) == 1:
            seen[places[0]] = seen[places[0]].in_part(None)
    first = [one.where for one in seen]
    if parts:
        for places in parts.values():
            for at in places:
                first[at] = seen[places[0]].where
        order = sorted(range(len(seen)), key=first.__getitem__)
        seen[:] = [seen[at] for at in order]
        first.sort()
    for start, end in _runs(first):
        seen[start:end] = sorted(seen[start:end], key=_within_frame)
    return seen


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give the stretches of a sorted row that hold one number several times."""
    start = 0
    for at, (one, two) in enumerate(pairwise(places), 1):
        if one != two:
            if at - start > 1:
                yield start, at
            start = at
    if len(places) - start > 1:
        yield start, len(places)


def _within_frame(one: Named) -> tuple[str, str, int]:
    told = one.conversation
    return told.tunnel or "", str(key(told)), told.part or 0


class _Look:
    """One capture on its way through the table to named conversations."""

    def __init__(
        self,
        capture: captures.Capture,
        claims: Claims,
        take: Callable[[Named], object],
        site: str,
        room: Room,
        progress: Progress | None,
        part: tuple[int, int],
        folding: Folding | None,
    ) -> None:
        self._table: Table = readers.table(
            prefilter().rows,
            seed=secrets.randbits(64),
            limit=room.limit,
            pool_octets=room.pool_octets,
            part=part,
        )
        self._give, self._folding = take, folding
        self._capture, self._claims, self._site = capture, claims, site
        self._limit, self._progress = room.limit, progress
        self._memory: Memory = {}
        self._parts: Counter[object] = Counter()

    def run(self) -> End:
        """Read the capture to its end, or as far as it can be read."""
        failed = None
        try:
            captures.read(
                self._capture,
                self._table,
                full=self._close_coldest,
                starved=self._name_the_young,
                progress=self._tell if self._progress or self._folding else None,
            )
        except SourceError as error:
            failed = problem(self._capture.name, error)
        self._take(self._table.rows(self._folding))
        return End(self._table.counts(), tuple(self._oddities()), failed)

    def _oddities(self) -> Iterator[Oddity]:
        for name, (count, where) in self._table.oddities().items():
            yield self._oddity(name, count, f"{self._capture.name}, octet {where}")
        cut = self._table.counts().cut
        if cut:
            yield self._oddity(CUT_FRAME, cut, self._capture.name)

    def _oddity(self, name: str, count: int, where: str) -> Oddity:
        return Oddity(name, count, where, meaning(name), self._site, self._capture.name)

    def _tell(self, done: int, total: int | None) -> None:
        if self._folding:
            self._table.settle(self._folding)
        if self._progress:
            self._progress(self._capture.name, done, total)

    def _observed(self, rows: Iterable[Row]) -> Iterator[Observed]:
        return records(rows, self._capture.name, self._site)

    def _take(self, rows: Iterable[Row]) -> None:
        for one in named(self._observed(rows), self._claims, self._memory):
            before = self._parts.get(key(one.conversation)) if self._parts else None
            self._give(one.in_part(before + 1) if before else one)

    def _close_coldest(self) -> None:
        closed = self._table.close(max(1, self._limit // CLOSED_AT_ONCE), self._folding)
        for one in named(self._observed(closed), self._claims, self._memory):
            self._parts[key(one.conversation)] += 1
            self._give(one.in_part(self._parts[key(one.conversation)]))
            keep(one, self._memory)  # the next part begins in the middle and tells less
        _shorten(self._parts)
        _shorten(self._memory)

    def _name_the_young(self) -> None:
        young = self._table.young(self._folding)
        if self._folding and not self._table.starved:
            return  # enough of them are settled, and have given back what they held
        longer = (row for row in young if loses_octets(row))
        remember(self._observed(longer), self._claims, self._memory)
        self._table.release()


def _shorten(known: dict[Any, Any]) -> None:
    """Forget those that were closed the longest ago: they will hardly speak again."""
    while len(known) > REMEMBERED:
        del known[next(iter(known))]
