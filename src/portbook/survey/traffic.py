"""From captures to findings: read, count, name, gather, judge."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from portbook.errors import SourceError
from portbook.evidence import captures, readers
from portbook.evidence.conversations import Observed, records, services
from portbook.evidence.rhythm import announcements
from portbook.evidence.table import HEAD_OCTETS, Counts, Row, Table
from portbook.findings import judge
from portbook.protocols.prefilter import prefilter
from portbook.records import LOCAL_SITE, Oddity, Problem, Summary
from portbook.survey.devices import devices
from portbook.survey.knowledge import Knowledge
from portbook.survey.naming import Memory, Named, keep, key, named, remember
from portbook.survey.story import Story

Progress = Callable[[str, int, int | None], None]
LIMIT = 1_000_000  # conversations held at once
POOL_OCTETS = 64 << 20  # for the longer heads of conversations that are still young
CLOSED_AT_ONCE = 8  # an eighth of the table is closed when it is full


def read(
    names: Iterable[str],
    knowledge: Knowledge,
    *,
    now_ns: int,
    site: str = LOCAL_SITE,
    progress: Progress | None = None,
    limit: int = LIMIT,
    pool_octets: int = POOL_OCTETS,
) -> Story:
    """Read captures (files, folders, patterns, `-`) and tell all that is in them.

    A source that fails is told in `problems`, with what was read before it failed in the story.
    limit: conversations held at once; more are told in parts that add up
    pool_octets: for longer heads; when it is empty, what is young is named and the pool given back
    """
    return look(
        captures.find(names),
        knowledge,
        now_ns=now_ns,
        site=site,
        progress=progress,
        limit=limit,
        pool_octets=pool_octets,
    )


def look(
    found: captures.Found,
    knowledge: Knowledge,
    *,
    now_ns: int,
    site: str = LOCAL_SITE,
    progress: Progress | None = None,
    limit: int = LIMIT,
    pool_octets: int = POOL_OCTETS,
) -> Story:
    """Tell all that is in captures which were found already, under the names given to them."""
    began = time.perf_counter()
    problems = [_problem(str(error).split(":", 1)[0], error) for error in found.problems]
    room = Room(limit, pool_octets)
    # one after the other: a capture's table is let go of before the next one is made
    looked = [_Look(capture, knowledge, site, room, progress).run() for capture in found.captures]
    problems += [look.problem for look in looked if look.problem]
    seen = [one for look in looked for one in look.named]
    return told(
        seen,
        knowledge,
        now_ns,
        oddities=tuple(oddity for look in looked for oddity in look.oddities),
        problems=tuple(problems),
        counts=[look.counts for look in looked],
        sources=len(looked) + len(found.problems),
        failed=len(found.problems) + sum(look.nothing_read for look in looked),
        seconds=time.perf_counter() - began,
        ends=_ends(seen),
    )


def _ends(seen: Iterable[Named]) -> dict[str, int]:
    """Return when the last packet of each capture came."""
    ends: dict[str, int] = {}
    for one in seen:
        source, last_ns = one.conversation.source, one.conversation.last_ns
        ends[source] = max(last_ns, ends.get(source, last_ns))
    return ends


def told(
    seen: list[Named],
    knowledge: Knowledge,
    now_ns: int,
    *,
    oddities: tuple[Oddity, ...],
    problems: tuple[Problem, ...],
    counts: list[Counts],
    sources: int,
    failed: int,
    seconds: float,
    ends: Mapping[str, int],
) -> Story:
    """Make a story of named conversations: gather, and judge.

    ends: until when each source was listened to, Unix nanoseconds
    """
    conversations = tuple(one.conversation for one in seen)
    served = tuple(services(conversations))
    rhythmic = tuple(announcements(seen))
    hosts = tuple(devices(seen, rhythmic, ends))
    case = knowledge.case(
        now_ns,
        conversations=conversations,
        services=served,
        devices=hosts,
        announcements=rhythmic,
        ends=ends,
    )
    return Story(
        summary=Summary(
            packets=sum(one.packets for one in counts),
            octets=sum(one.octets for one in counts),
            conversations=_different(seen),
            seconds=round(seconds, 6),
            sources=sources,
            failed_sources=failed,
            named=_different(one for one in seen if one.conversation.protocol),
            no_ports=sum(one.no_ports for one in counts),
            oddities=sum(one.count for one in oddities),
            closed_early=sum(one.closed for one in counts),
        ),
        conversations=conversations,
        services=served,
        devices=hosts,
        announcements=rhythmic,
        oddities=oddities,
        findings=tuple(judge(case)),
        problems=problems,
    )


def _different(seen: Iterable[Named]) -> int:
    """Count conversations, each once that is told in parts."""
    whole, parted = 0, set()
    for one in (entry.conversation for entry in seen):
        if one.part is None:
            whole += 1
        else:
            parted.add((one.source, *key(one)))
    return whole + len(parted)


class Room(NamedTuple):
    """How much is held at once."""

    limit: int  # conversations
    pool_octets: int  # of longer heads


class Looked(NamedTuple):
    """What came of one capture."""

    named: list[Named]
    counts: Counts
    oddities: tuple[Oddity, ...]
    problem: Problem | None

    @property
    def nothing_read(self) -> bool:
        """Tell whether the source failed before its first packet."""
        return self.problem is not None and not self.counts.packets


class _Look:
    """One capture on its way through the table to named conversations."""

    def __init__(
        self,
        capture: captures.Capture,
        knowledge: Knowledge,
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
        self._capture, self._knowledge, self._site = capture, knowledge, site
        self._limit, self._progress = room.limit, progress
        self._memory: Memory = {}
        self._parts: Counter[object] = Counter()

    def run(self) -> Looked:
        """Read the capture to its end, or as far as it can be read."""
        problem = None
        try:
            captures.read(
                self._capture,
                self._table,
                full=self._close_coldest,
                starved=self._name_the_young,
                progress=self._tell if self._progress else None,
            )
        except SourceError as error:
            problem = _problem(self._capture.name, error)
        self._take(self._table.rows())
        return Looked(self._named, self._table.counts(), tuple(self._oddities()), problem)

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
        for one in named(self._observed(rows), self._knowledge.claims, self._memory):
            before = self._parts.get(key(one.conversation)) if self._parts else None
            self._named.append(one.in_part(before + 1) if before else one)
            if before:
                self._parts[key(one.conversation)] += 1
        self._join_lone_parts()

    def _close_coldest(self) -> None:
        closed = self._table.close(max(1, self._limit // CLOSED_AT_ONCE))
        for one in named(self._observed(closed), self._knowledge.claims, self._memory):
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
        remember(self._observed(longer), self._knowledge.claims, self._memory)
        self._table.release()


def loses_octets(row: Row) -> bool:
    """Tell whether a row has a longer head, of which a part goes back to the pool."""
    return len(row.head_ab) > HEAD_OCTETS or len(row.head_ba) > HEAD_OCTETS


def _problem(source: str, error: SourceError) -> Problem:
    return Problem(source, str(error), error.offset)
