"""Programs that announce themselves: which ones a device has, since when, how regularly.

One host may run several: CODESYS takes the next of four ports for each. An instance is known by
the port that it sends from. Its announcements need three rounds to have a rhythm; what is heard
less often is told without one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from portbook.addresses import parse
from portbook.findings.rhythm import silent_periods
from portbook.ports import Transport
from portbook.protocols import protocols
from portbook.protocols.codesys import addresses as codesys
from portbook.records import Announcement, Conversation, Instance

_MOST = 8  # instances with a strange address that are told
_NODES = "codesys-v3"  # whose nodes make their address of the IPv4 address and the port


class Standing(NamedTuple):
    """One sight of an instance."""

    address: str
    protocol: str
    port: int
    node: str | None
    first_ns: int
    last_ns: int


@cache
def periodic() -> frozenset[str]:
    """Return the protocols whose programs announce themselves with a period of their own."""
    return frozenset(name for name, one in protocols().items() if one.period_s)


def standing_of(one: Conversation, served: bool) -> Standing | None:
    """Return the instance that an end of a conversation is, None when it is none.

    served: the end that was asked; it must have answered. One that asks is an instance when it
    does so from a port of the protocol: a tool that borrows any port is none.
    """
    if one.protocol not in periodic() or one.transport is not Transport.UDP:
        return None
    if not (one.packets_to_client if served else one.packets_to_server):
        return None
    address, port = (one.server, one.server_port) if served else (one.client, one.client_port)
    if not served and index_of(one.protocol, port) is None:
        return None
    node = one.facts.get("server_address" if served else "client_address")
    return Standing(address, one.protocol, port, node, one.first_ns, one.last_ns)


def index_of(protocol: str, port: int) -> int | None:
    """Return which of a protocol's own UDP ports a port is, from 0; None: none of them."""
    for usual in protocols()[protocol].usual:
        if usual.transport is Transport.UDP and usual.ports.first <= port <= usual.ports.last:
            return port - usual.ports.first
    return None


def instances(
    sights: Iterable[Standing], announced: Iterable[Announcement], ends: Mapping[str, int]
) -> tuple[Instance, ...]:
    """Put the sights of one device together, by protocol and port.

    announced: rhythms of its addresses; ends: until when each source was listened to, Unix ns
    """
    found: dict[tuple[str, int, str], list[Standing]] = defaultdict(list)
    rhythms: dict[tuple[str, int, str], Announcement] = {}
    for sight in sights:
        found[sight.protocol, sight.port, sight.address].append(sight)
    for one in announced:
        if one.protocol not in periodic() or one.source_port is None:
            continue
        known = (one.protocol, one.source_port, one.source)
        found[known].append(
            Standing(one.source, one.protocol, one.source_port, None, one.first_ns, one.last_ns)
        )
        best = rhythms.get(known)
        if best is None or _longer(one) > _longer(best):
            rhythms[known] = one
    return tuple(
        _instance(known, found[known], rhythms.get(known), ends) for known in sorted(found)
    )


def _longer(one: Announcement) -> tuple[object, ...]:
    return one.times, one.last_ns, one.capture, one.destination


def _instance(
    known: tuple[str, int, str],
    sights: Iterable[Standing],
    rhythm: Announcement | None,
    ends: Mapping[str, int],
) -> Instance:
    every = sorted(sights, key=lambda one: (one.first_ns, one.node or ""))
    protocol, port, address = known
    seen = rhythm.times if rhythm else 0
    due = rhythm.expected + silent_periods(rhythm, ends) if rhythm else 0
    return Instance(
        protocol=protocol,
        address=address,
        port=port,
        index=index_of(protocol, port),
        node=next((one.node for one in every if one.node), None),
        first_ns=every[0].first_ns,
        last_ns=max(one.last_ns for one in every),
        period_s=rhythm.period_s if rhythm else None,
        times=seen,
        missed=due - seen,
    )


def strange(sights: Iterable[Standing]) -> tuple[str, ...]:
    """Say which instances call themselves by an address that is not theirs.

    A CODESYS node's address holds the host bits of its IPv4 address and its port's index; one
    that does not agree is another's, or was sent on by somebody.
    """
    found: dict[str, None] = {}
    for one in sorted(set(sights), key=lambda one: (one.address, one.port, one.node or "")):
        octets = codesys.parse(one.node) if one.node and one.protocol == _NODES else None
        host = parse(one.address)
        if octets is None or host is None or host.version != 4:
            continue
        if not codesys.fitting_prefixes(octets, host.packed, one.port):
            found[
                f"{one.address}:{one.port} calls itself {one.node}, "
                "which its address and port do not make"
            ] = None
    return tuple(found)[:_MOST]
