"""What may be one announcement: datagrams that one sender's port sent to one destination.

Only what goes one way, and never TCP: a poll with its answers and the keep-alives of a connection
have a rhythm too, but announce nothing. All destination ports together, since a round often goes
to several; captures that follow one another, as a rotating one does, together as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from portbook.evidence.table import FIRST_TIMES, QUIET_NS
from portbook.ports import Transport
from portbook.protocols import protocols
from portbook.records import Conversation

FOLLOWS_NS = 120 * 1_000_000_000  # most silence between a capture and the one that goes on with it
_NOBODY = ("0.0.0.0", "::")  # hosts without an address yet: several would look like one


class Timed(Protocol):
    """A conversation with the times when its bursts began."""

    @property
    def conversation(self) -> Conversation:
        """Return the conversation, named already where its bytes say anything."""

    @property
    def times(self) -> tuple[int, ...]:
        """Return when bursts began, the first and the last ones, in nanoseconds."""


class Stream(NamedTuple):
    """What belongs together: one sender's port, one destination, one protocol."""

    capture: str  # the first one of those that follow one another
    site: str
    vlan: int | None
    tunnel: str | None
    transport: Transport
    sender: str
    sender_port: int | None  # None: a group of several
    destination: str
    to_one: bool  # a unicast destination
    protocol: str | None
    asks: bool  # the bytes await an answer


class Member(NamedTuple):
    """What one conversation adds to its stream."""

    capture: str
    sender_port: int
    port: int
    times: tuple[int, ...]
    bursts: int
    last_ns: int


def streams(seen: Iterable[Timed]) -> dict[Stream, list[Member]]:
    """Return what goes one way, put together, in the order in which it was first met."""
    seen = list(seen)
    first = _followed([one.conversation for one in seen])
    found: dict[Stream, list[Member]] = defaultdict(list)
    for one in seen:
        member = _member(one.conversation, one.times, first)
        if member:
            found[member[0]].append(member[1])
    return found


def rounds(members: Iterable[Member], quiet_ns: int = QUIET_NS) -> list[int]:
    """Return when rounds began: all times in order, those with less silence between together."""
    found: list[int] = []
    before = -quiet_ns
    for time_ns in sorted(time for member in members for time in member.times):
        if not found or time_ns - before >= quiet_ns:
            found.append(time_ns)
        before = time_ns
    return found


def bursts(members: Sequence[Member]) -> dict[int, int]:
    """Return the bursts to each destination port; a conversation cut in parts adds up."""
    found: dict[int, int] = defaultdict(int)
    for member in members:
        found[member.port] += member.bursts
    return found


def holes(members: Iterable[Member]) -> list[tuple[int, int]]:
    """Return the stretches whose times were not kept: behind the first ones of a long series."""
    return [
        (member.times[FIRST_TIMES - 1], member.times[FIRST_TIMES])
        for member in members
        if member.bursts > len(member.times) > FIRST_TIMES
    ]


def _member(
    one: Conversation, times: tuple[int, ...], first: Mapping[tuple[str, str], str]
) -> tuple[Stream, Member] | None:
    """Return where a conversation belongs, None when it cannot announce anything."""
    if one.transport is not Transport.UDP or not times:
        return None
    if one.packets_to_server and one.packets_to_client:
        return None
    sender, receiver = (one.client, one.client_port), (one.server, one.server_port)
    if not one.packets_to_server:
        sender, receiver = receiver, sender
    if sender[0] in _NOBODY:
        return None
    stream = Stream(
        first[one.site, one.source],
        one.site,
        one.vlan,
        one.tunnel,
        one.transport,
        *sender,
        receiver[0],
        one.cast == "unicast",
        one.protocol,
        bool(one.packets_to_server) and _asks(one),
    )
    return stream, Member(one.source, sender[1], receiver[1], times, one.bursts, one.last_ns)


def _asks(one: Conversation) -> bool:
    protocol = protocols().get(one.protocol or "")
    return bool(protocol and protocol.asks and protocol.asks(one.facts))


def _followed(seen: Sequence[Conversation]) -> dict[tuple[str, str], str]:
    """Return for each capture of a site the first one of those that it goes on with.

    A capture goes on with the one before it when it begins at or soon after its end; those that
    overlap were taken at two places, or are copies of one another.
    """
    captures = {(one.site, one.source) for one in seen}
    if len(captures) < 2:
        return {key: key[1] for key in captures}
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for one in seen:
        first_ns, last_ns = spans.get((one.site, one.source), (one.first_ns, one.last_ns))
        spans[one.site, one.source] = min(first_ns, one.first_ns), max(last_ns, one.last_ns)
    found: dict[tuple[str, str], str] = {}
    site, leader, end_ns, alone = "", "", 0, False
    for key in sorted(spans, key=lambda one: (one[0], spans[one], one[1])):
        begin_ns = spans[key][0]
        if key[0] != site:
            site, end_ns, alone = key[0], begin_ns, False
        if not (alone and 0 <= begin_ns - end_ns <= FOLLOWS_NS):
            leader = key[1]
        found[key] = leader
        alone = begin_ns >= end_ns
        end_ns = max(end_ns, spans[key][1])
    return found
