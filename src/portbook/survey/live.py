"""An interface while it is listened to: blocks in, the story so far out, and what is new in it.

What was named is not named again until more of it is there, so a look costs by what has changed.
When the table is full the coldest conversations leave it: they are told and kept in the book as
they were, and what they showed (services, devices, announcements) stays known.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from portbook.errors import SourceError
from portbook.evidence import readers
from portbook.evidence.conversations import Observed, records
from portbook.evidence.oddities import meaning
from portbook.evidence.table import Row, Table
from portbook.protocols.prefilter import prefilter
from portbook.records import Identification, Oddity, Problem
from portbook.survey import traffic
from portbook.survey.knowledge import Knowledge
from portbook.survey.looking import loses_octets
from portbook.survey.naming import Key, Memory, Named, complete, identified, keep, key, remember
from portbook.survey.story import Story

LIMIT = 200_000  # conversations held at once
CLOSED_AT_ONCE = 8  # an eighth of the table is closed when it is full
MOST_CLOSED = 50_000  # closed conversations that are still part of the story
GRACE_NS = 600_000_000_000  # after an interface came back
MOST_TOLD = 100_000  # things that are known to have been told


class _Seen(NamedTuple):
    """How much of a conversation was there when it was identified."""

    octets: tuple[int, int]
    packets: tuple[bool, bool]
    told: Identification | None


class Live:
    """What is known of one interface.

    table: None makes one of `limit` conversations
    """

    def __init__(
        self,
        name: str,
        knowledge: Knowledge,
        site: str,
        *,
        limit: int = LIMIT,
        table: Table | None = None,
    ) -> None:
        self.name, self._knowledge, self._site = name, knowledge, site
        self._limit = limit
        self._table = table or readers.table(
            prefilter().rows, seed=secrets.randbits(64), limit=limit
        )
        self._memory: Memory = {}
        self._cache: dict[Key, _Seen] = {}
        self._closed: OrderedDict[int, Named] = OrderedDict()
        self._parts: dict[Key, int] = {}
        self._told: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self.problems: list[Problem] = []
        self._lost_ns: int | None = None  # since when nothing can be heard
        self._unheard_ns = self._back_ns = 0  # how long that was the last time, and until when

    def take(self, octets: memoryview, first: int, link: int, *, twice: bool) -> None:
        """Count the packets of a block of the kernel's ring."""
        here = first
        while (here := self._table.ring(octets, here, link, twice=twice)) >= 0:
            self._close_coldest()
        if self._table.starved:
            self._name_the_young()

    def feed(self, octets: memoryview) -> None:
        """Count the packets of a stretch of a capture file; the first begins with its head."""
        here = 0
        while here < len(octets):
            used = self._table.feed(octets[here:])
            here += used
            if self._table.full:
                self._close_coldest()
            elif not used:  # it holds whole packets: never seen
                raise SourceError(f"{self.name}: the capture library gave half a packet")
        if self._table.starved:
            self._name_the_young()

    @property
    def packets(self) -> int:
        """Return how many packets were counted."""
        return self._table.counts().packets

    def lose(self, now_ns: int) -> None:
        """Take notice that nothing can be heard from now on."""
        if self._lost_ns is None:
            self._lost_ns = now_ns

    def regain(self, now_ns: int) -> None:
        """Take notice that it can be heard again; who was silent meanwhile is given time."""
        if self._lost_ns is not None:
            self._unheard_ns, self._back_ns = now_ns - self._lost_ns, now_ns
            self._lost_ns = None

    def _heard_until(self, now_ns: int) -> int:
        """Return until when silence counts as silence: what could not be heard is none."""
        if self._lost_ns is not None:
            return self._lost_ns
        return now_ns - self._unheard_ns if now_ns - self._back_ns < GRACE_NS else now_ns

    def story(self, now_ns: int, seconds: float) -> Story:
        """Return all that is known by now; seconds: since listening began."""
        named = [*self._closed.values(), *self._named(self._table.rows())]
        return traffic.told(
            named,
            self._knowledge,
            now_ns,
            oddities=tuple(self._oddities()),
            problems=tuple(self.problems),
            counts=[self._table.counts()],
            sources=1,
            failed=0,
            seconds=seconds,
            ends={self.name: self._heard_until(now_ns)},
        )

    def news(self, story: Story) -> Iterator[msgspec.Struct]:
        """Give the records that are new, or tell something else, since they were last given."""
        for record in (
            *story.services,
            *story.devices,
            *story.announcements,
            *story.oddities,
            *story.findings,
            *story.problems,
        ):
            known, says = _known_by(record), _says(record)
            if self._told.get(known) != says:
                yield record
            self._told[known] = says
            self._told.move_to_end(known)
        while len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)

    def _named(self, rows: Iterable[Row]) -> Iterator[Named]:
        fresh: dict[Key, _Seen] = {}
        for one in self._observed(rows):
            known = key(one.conversation)
            seen = _size(one)
            before = self._cache.get(known)
            if before is None or (before.octets, before.packets) != seen[:2]:
                before = seen._replace(told=identified(one, self._memory))
            fresh[known] = before
            named = complete(one, before.told, self._knowledge.claims)
            part = self._parts.get(known)
            yield named.in_part(part + 1) if part else named
        self._cache = fresh

    def _close_coldest(self) -> None:
        closed = self._table.close(max(1, self._limit // CLOSED_AT_ONCE))
        for one in self._observed(closed):
            known = key(one.conversation)
            part = self._parts[known] = self._parts.get(known, 0) + 1
            named = complete(one, identified(one, self._memory), self._knowledge.claims)
            keep(named, self._memory)
            self._closed[len(self._closed) and next(reversed(self._closed)) + 1] = named.in_part(
                part
            )
        while len(self._closed) > MOST_CLOSED:
            _, old = self._closed.popitem(last=False)
            self._parts.pop(key(old.conversation), None)
            self._memory.pop(key(old.conversation), None)

    def _name_the_young(self) -> None:
        longer = (row for row in self._table.young() if loses_octets(row))
        remember(self._observed(longer), self._knowledge.claims, self._memory)
        self._table.release()

    def _observed(self, rows: Iterable[Row]) -> Iterator[Observed]:
        return records(rows, self.name, self._site)

    def _oddities(self) -> Iterator[Oddity]:
        for name, (count, _) in self._table.oddities().items():
            yield Oddity(name, count, self.name, meaning(name), self._site, self.name)


def _size(one: Observed) -> _Seen:
    payload, told = one.payload, one.conversation
    octets = len(payload.to_server.octets), len(payload.to_client.octets)
    return _Seen(octets, (told.packets_to_server > 0, told.packets_to_client > 0), None)


class _Kind(NamedTuple):
    """By what a kind of record is known, and what of it is worth telling again: no counts."""

    known_by: tuple[str, ...]
    says: tuple[str, ...]


_KINDS = {
    "service": _Kind(
        ("site", "vlan", "transport", "address", "port"), ("protocols", "claims", "confidence")
    ),
    "device": _Kind(
        ("site", "vlan", "address"), ("facts", "macs", "addresses", "roles", "against")
    ),
    "announcement": _Kind(
        ("site", "vlan", "transport", "source", "source_port", "destination"),
        ("ports", "protocol", "confidence"),
    ),
    "oddity": _Kind(("site", "name"), ()),
    "finding": _Kind(("site", "vlan", "code", "subject"), ("level", "accepted")),
    "error": _Kind(("source", "message"), ()),
}


def _known_by(record: msgspec.Struct) -> tuple[Any, ...]:
    kind = str(record.__struct_config__.tag)
    return (kind, *(getattr(record, name) for name in _KINDS[kind].known_by))


def _says(record: msgspec.Struct) -> bytes:
    kind = str(record.__struct_config__.tag)
    return repr([getattr(record, name) for name in _KINDS[kind].says]).encode()
