"""Names conversations by their bytes, and remembers what was named while more of it was there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from portbook.claims.everything import Claims
from portbook.evidence.conversations import Observed, turned
from portbook.protocols import Payload, identify
from portbook.protocols.prefilter import prefilter
from portbook.records import Confidence, Conversation, Identification

Key = tuple[object, ...]
SHORT = 1024  # octets of both sides: what is longer is hardly ever said twice


class Known(NamedTuple):
    """What was identified while more of a conversation was there."""

    identification: Identification
    client: tuple[str, int]  # the end that was its client
    octets: int  # that were looked at


Memory = dict[Key, Known]


class Named(NamedTuple):
    """A conversation with its name, its times, and what was identified."""

    conversation: Conversation
    times: tuple[int, ...]
    identification: Identification | None
    octets: int  # that were looked at
    where: int = 0  # octet of the source at which its first packet stands

    def in_part(self, part: int | None) -> Named:
        """Return it as one part of a conversation that was cut for lack of memory, or whole."""
        return self._replace(conversation=msgspec.structs.replace(self.conversation, part=part))


def key(one: Conversation) -> Key:
    """Return what a conversation is known by within its capture, whoever is the client."""
    ends = sorted(((one.client, one.client_port), (one.server, one.server_port)))
    return (one.transport, one.vlan, one.tunnel, *ends)


def named(seen: Iterable[Observed], claims: Claims, memory: Memory) -> Iterator[Named]:
    """Identify each conversation, turn it round where the protocol shows who serves, add claims."""
    return (complete(one, identified(one, memory), claims) for one in seen)


def complete(one: Observed, told: Identification | None, claims: Claims) -> Named:
    """Give a conversation the name that was found for it, and the claims of its port."""
    if told and told.swapped:
        one = turned(one)
    completed = _complete(one.conversation, told, claims)
    return Named(completed, one.times, told, _octets(one), one.where)


def remember(seen: Iterable[Observed], claims: Claims, memory: Memory) -> None:
    """Identify what is still young, before the longer heads are given back to their pool."""
    for one in named(seen, claims, memory):
        keep(one, memory)


def keep(one: Named, memory: Memory) -> None:
    """Remember what a conversation was identified as, since it will be seen with less of it."""
    if one.identification:
        told = one.conversation
        client = (told.client, told.client_port)
        memory[key(told)] = Known(one.identification, client, one.octets)


def identified(one: Observed, memory: Memory) -> Identification | None:
    """Identify a conversation by its bytes, and by what is remembered of it."""
    known = memory.get(key(one.conversation)) if memory else None
    if known is None:
        return _identify(one)
    # a later part may begin with the other side: then it is that part that must be turned
    swapped = known.client != (one.conversation.client, one.conversation.client_port)
    before = msgspec.structs.replace(known.identification, swapped=swapped)
    if before.confidence is Confidence.CONFIRMED and _octets(one) <= known.octets:
        return before  # less cannot tell more
    told = _identify(one)
    if told is None:
        return before
    if _weight(told, _octets(one)) >= _weight(before, known.octets):
        return _joined(told, before)
    return _joined(before, told)


def _identify(one: Observed) -> Identification | None:
    if _octets(one) > SHORT:
        return _identified(one.payload, one.candidates, one.roles_known)
    return _again(one.payload, one.candidates, one.roles_known)


def _identified(payload: Payload, candidates: int, roles_known: bool) -> Identification | None:
    return identify(payload, prefilter().chosen(candidates), roles_known=roles_known)


# the same few questions and announcements are heard again and again, from many
_again = lru_cache(maxsize=4096)(_identified)


def _octets(one: Observed) -> int:
    return len(one.payload.to_server.octets) + len(one.payload.to_client.octets)


def _weight(told: Identification, octets: int) -> tuple[bool, int]:
    return told.confidence is Confidence.CONFIRMED, octets


def _joined(better: Identification, other: Identification) -> Identification:
    """Add what only the other one tells, where both speak of the same."""
    if (better.protocol, better.swapped) != (other.protocol, other.swapped):
        return better
    return msgspec.structs.replace(
        better,
        facts={**other.facts, **better.facts},
        client={**other.client, **better.client},
        server={**other.server, **better.server},
        others=better.others + tuple(one for one in other.others if one not in better.others),
    )


def _complete(one: Conversation, told: Identification | None, claims: Claims) -> Conversation:
    labels = claims.labels(one.server_port, one.transport)
    if told is None:
        return msgspec.structs.replace(one, claims=labels)
    return msgspec.structs.replace(
        one,
        claims=labels,
        protocol=told.protocol,
        confidence=told.confidence,
        because=told.because,
        against=told.against,
        facts=told.facts,
    )
