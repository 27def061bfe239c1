"""What the bytes are: one file a protocol, bytes in, records out.

A module of this folder that has `PROTOCOL` is found by itself; nothing else needs to be told of
it. A recogniser sees a `Payload`, which has no port number, so it cannot cheat. To add one, read
CONTRIBUTING.md.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import msgspec

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols.layout import Layout
from portbook.protocols.moulds import Mould
from portbook.protocols.questions import BANNER, Question
from portbook.records import NOTHING, Confidence, Identification, Source

JUDGED = 4  # datagrams of each direction that an identification rests on
MOST_TIES = 16  # of one conversation to others


class Cast(StrEnum):
    """What kind of destination the first sender wrote to."""

    UNICAST = "unicast"
    BROADCAST = "broadcast"
    MULTICAST = "multicast"


class Piece(NamedTuple):
    """One payload as it travelled: a datagram, or a TCP segment in sequence order."""

    octets: bytes  # what was kept of it, from its start
    length: int  # its true length on the wire

    @property
    def whole(self) -> bool:
        """Tell whether all of it was kept, so that an exact length may be judged."""
        return len(self.octets) == self.length


class Side(msgspec.Struct, frozen=True):
    """What one side sent first.

    octets: TCP: the unbroken start of the stream. UDP, SCTP: the first datagrams, joined.
    pieces: (true length, octets of it that stand in `octets`) of the first payloads, in order
    total: payload octets that this side sent altogether
    started: the beginning was seen (TCP: its SYN; always for datagrams)
    """

    octets: bytes = b""
    pieces: tuple[tuple[int, int], ...] = ()
    total: int = 0
    started: bool = True

    def __bool__(self) -> bool:
        return bool(self.pieces)

    def __iter__(self) -> Iterator[Piece]:
        here = 0
        for length, kept in self.pieces:
            yield Piece(self.octets[here : here + kept], length)
            here += kept

    @property
    def first(self) -> Piece:
        """Return the first payload, an empty piece when there is none."""
        return next(iter(self), Piece(b"", 0))

    @property
    def complete(self) -> bool:
        """Tell whether `octets` holds all that this side ever sent."""
        return len(self.octets) == self.total

    def part(self, first: int, last: int) -> Side:
        """Return it with the pieces from `first` up to `last` only, counted from 0."""
        if not first and last >= len(self.pieces):
            return self
        here = sum(kept for _, kept in self.pieces[:first])
        there = here + sum(kept for _, kept in self.pieces[first:last])
        return msgspec.structs.replace(
            self, octets=self.octets[here:there], pieces=self.pieces[first:last]
        )

    @classmethod
    def of(cls, *payloads: bytes, started: bool = True) -> Side:
        """Make a side from whole payloads, for tests and for questions of our own."""
        return cls(
            octets=b"".join(payloads),
            pieces=tuple((len(payload), len(payload)) for payload in payloads),
            total=sum(map(len, payloads)),
            started=started,
        )


class Payload(msgspec.Struct, frozen=True):
    """All that a recogniser may see of a conversation: no address, no port."""

    transport: Transport
    to_server: Side = Side()
    to_client: Side = Side()
    cast: Cast = Cast.UNICAST
    group: str | None = None  # the multicast group that to_server went to

    def swapped(self) -> Payload:
        """Return the same payload with client and server exchanged."""
        return msgspec.structs.replace(self, to_server=self.to_client, to_client=self.to_server)

    def part(self, first: int, last: int) -> Payload:
        """Return it with those pieces of both sides only; itself when it has no others."""
        asked, answered = self.to_server.part(first, last), self.to_client.part(first, last)
        if asked is self.to_server and answered is self.to_client:
            return self
        return msgspec.structs.replace(self, to_server=asked, to_client=answered)

    @classmethod
    def of(
        cls,
        transport: Transport,
        to_server: Iterable[bytes] = (),
        to_client: Iterable[bytes] = (),
        cast: Cast = Cast.UNICAST,
        group: str | None = None,
    ) -> Payload:
        """Make a payload from whole messages of both directions."""
        return cls(transport, Side.of(*to_server), Side.of(*to_client), cast, group)


class Signature(NamedTuple):
    """Octets that the first payload of either direction must have: data for the prefilter.

    It may let too much through, never too little: the recogniser decides.
    at: offset; value: 1 to 8 octets; mask: which bits count, None for all
    """

    transport: Transport
    at: int
    value: bytes
    mask: bytes | None = None


class Usual(NamedTuple):
    """A port where a protocol is usually met; it becomes a claim, never an identification."""

    ports: PortRange
    transport: Transport
    role: str = "server"
    title: str | None = None  # None: the protocol's own title
    confidence: str = "one source"
    source: int = 0  # index into the protocol's sources


class Profile(msgspec.Struct, frozen=True):
    """What a protocol declares beside its bytes: what claims, findings and pages need of it."""

    name: str
    title: str
    sources: tuple[Source, ...]
    usual: tuple[Usual, ...] = ()
    stays_inside: Scope | None = None
    safety: str | None = None
    programs: tuple[str, ...] = ()


class Protocol(msgspec.Struct, frozen=True):
    """All that portbook knows of a protocol, declared in its one file."""

    name: str  # the short name that the field uses
    title: str
    recognise: Callable[[Payload], Identification | None]
    sources: tuple[Source, ...]
    signatures: tuple[Signature, ...]
    usual: tuple[Usual, ...] = ()
    layouts: tuple[Layout, ...] = ()
    stays_inside: Scope | None = None  # how far a control protocol may be heard
    safety: str | None = None  # the note for its ports' pages
    period_s: float | None = None  # of its announcements, when the protocol fixes one
    programs: tuple[str, ...] = ()  # programs known to speak it, as they are named on a machine
    rank: int = 0  # where two fit equally well, the higher one is the more special
    talkative: bool = False  # datagrams after the first few tell more: keep those too
    questions: tuple[Question, ...] = ()  # how it may be asked, the gentlest first; see docs
    guards: tuple[PortRange, ...] = ()  # ports to which no other protocol's question ever goes
    # whether what its client sends awaits an answer, by the facts of the conversation: asked again
    # and again it has a rhythm, and announces nothing all the same; None: it may be an announcement
    asks: Callable[[Mapping[str, Any]], bool] | None = None
    moulds: tuple[Mould, ...] = ()  # what its ordinary conversations look like, for compiled code

    @property
    def profile(self) -> Profile:
        """Return what it declares beside its bytes."""
        return Profile(
            self.name,
            self.title,
            self.sources,
            self.usual,
            self.stays_inside,
            self.safety,
            self.programs,
        )


def plausible(
    name: str,
    *because: str,
    against: tuple[str, ...] = (),
    facts: Mapping[str, Any] = NOTHING,
    client: Mapping[str, str] = NOTHING,
    server: Mapping[str, str] = NOTHING,
    ties: tuple[str, ...] = (),
) -> Identification:
    """Say that the shape fits."""
    return Identification(
        name, Confidence.PLAUSIBLE, because, against, facts, client, server, ties=ties
    )


def confirmed(
    name: str,
    *because: str,
    against: tuple[str, ...] = (),
    facts: Mapping[str, Any] = NOTHING,
    client: Mapping[str, str] = NOTHING,
    server: Mapping[str, str] = NOTHING,
    ties: tuple[str, ...] = (),
) -> Identification:
    """Say that lengths, checks, or both directions agree."""
    return Identification(
        name, Confidence.CONFIRMED, because, against, facts, client, server, ties=ties
    )


@cache
def protocols() -> Mapping[str, Protocol]:
    """Return all protocols by name, in the order of their names."""
    found: dict[str, Protocol] = {}
    for module in pkgutil.iter_modules(__path__):
        protocol = getattr(importlib.import_module(f"{__name__}.{module.name}"), "PROTOCOL", None)
        if isinstance(protocol, Protocol):
            found[protocol.name] = protocol
    return dict(sorted(found.items()))


@cache
def questions() -> Mapping[str, tuple[Question, ...]]:
    """Return the questions that may be asked, by the word of `portbook discover`."""
    told = {one.questions[0].name: one.questions for one in protocols().values() if one.questions}
    return dict(sorted({**told, BANNER.name: (BANNER,)}.items()))


def guarded(port: int, transport: Transport, protocol: str) -> str | None:
    """Return whose port it is when a protocol's question must not go there; None: it may.

    A protocol may ask where it is usual itself: CODESYS on 1743/udp, which Unitrends guards.
    """
    known = protocols()
    own = known[protocol].usual if protocol in known else ()
    if any(port in one.ports and one.transport is transport for one in own):
        return None
    return next(
        (one.name for one in known.values() if any(port in span for span in one.guards)), None
    )


def identify(
    payload: Payload, candidates: Iterable[Protocol] | None = None, *, roles_known: bool = False
) -> Identification | None:
    """Name the protocol that the bytes are, or None when they say nothing.

    candidates: who is asked; None asks all whose signature fits
    roles_known: a SYN told who is the client; else the other way round is tried as well. A server
    that opens the connection itself exists too: that is tried when nothing else fits, and the
    facts of the identification stay with the side that told them.
    """
    if candidates is None:
        from portbook.protocols.prefilter import prefilter

        candidates = prefilter().candidates(payload)
    asked = tuple(candidates)
    if payload.transport is Transport.TCP or not any(one.talkative for one in asked):
        return _identify(payload, asked, roles_known)
    start = payload.part(0, JUDGED)
    found = _identify(start, asked, roles_known)
    return found if found is None or start is payload else _with_later(found, payload, asked)


def _with_later(
    found: Identification, payload: Payload, asked: tuple[Protocol, ...]
) -> Identification:
    """Add what later datagrams tell; they never change what the first ones are."""
    protocol = next((one for one in asked if one.name == found.protocol), None)
    if protocol is None:
        return found
    turned = payload.swapped() if found.swapped else payload
    whole = _same(found, protocol.recognise(turned))
    if whole:
        better = whole if whole.confidence is Confidence.CONFIRMED else found
        return _telling(better, found, whole)
    many = max(len(payload.to_server.pieces), len(payload.to_client.pieces))
    for first in range(JUDGED, many, JUDGED):  # something malformed: take what stands around it
        told = _same(found, protocol.recognise(turned.part(first, first + JUDGED)))
        if told:
            found = _telling(found, told, found)
    return found


def _same(found: Identification, told: Identification | None) -> Identification | None:
    """Return what was told where it is of the same protocol, with the same roles."""
    if told is None or told.protocol != found.protocol:
        return None
    return msgspec.structs.replace(told, swapped=found.swapped)


def _telling(better: Identification, first: Identification, last: Identification) -> Identification:
    """Return an identification with what both tell; of two words the last one's counts."""
    return msgspec.structs.replace(
        better,
        facts={**first.facts, **last.facts},
        client={**first.client, **last.client},
        server={**first.server, **last.server},
        others=tuple(one for one in first.others if one not in last.others) + last.others,
        ties=tuple(dict.fromkeys(first.ties + last.ties))[:MOST_TIES],
    )


def _identify(
    payload: Payload, asked: tuple[Protocol, ...], roles_known: bool
) -> Identification | None:
    found = _best(payload, asked)
    if found and (roles_known or found.confidence is Confidence.CONFIRMED):
        return found
    if payload.cast is not Cast.UNICAST:
        return found
    other = _best(payload.swapped(), asked)
    if other is None or (found and other.confidence is not Confidence.CONFIRMED):
        return found
    if not roles_known:
        return msgspec.structs.replace(other, swapped=not other.swapped)
    odd = "the side that opened the connection speaks as the server"
    return msgspec.structs.replace(
        other, client=other.server, server=other.client, against=(*other.against, odd)
    )


def _best(payload: Payload, asked: tuple[Protocol, ...]) -> Identification | None:
    found = [
        (told.confidence is Confidence.CONFIRMED, protocol.rank, told)
        for protocol in asked
        if (told := protocol.recognise(payload))
    ]
    if not found:
        return None
    found.sort(key=lambda entry: entry[:2], reverse=True)
    sure, rank, best = found[0]
    rivals = tuple(
        f"the bytes also fit {told.protocol}"
        for other_sure, other_rank, told in found[1:]
        if (other_sure, other_rank) == (sure, rank)
    )
    return msgspec.structs.replace(best, against=best.against + rivals) if rivals else best
