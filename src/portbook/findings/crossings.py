"""Which conversations went further than their protocol may, grouped by the end that matters."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from portbook.addresses import Scope, on_link, parse, scope_of
from portbook.findings import Case, Place
from portbook.findings.doors import endpoint
from portbook.ports import Transport
from portbook.records import Confidence, Conversation

SHOWN = 8  # peers named in one finding


class Way(StrEnum):
    """How a conversation left the place where its protocol belongs; the worst one first."""

    PUBLIC = "public"  # one of two ends is a public address
    CROSSING = "crossing"  # from one known network to another
    ANNOUNCED = "announced"  # told to its own link, but from a public address


class Key(NamedTuple):
    """What a group of conversations has in common."""

    site: str
    vlan: int | None
    transport: Transport
    address: str  # the near end: the server's, or the announcer's
    number: int
    protocol: str


class Group(NamedTuple):
    """The conversations of one protocol at one endpoint that went too far."""

    key: Key
    way: Way
    sure: bool
    peers: tuple[str, ...]
    source: str

    @property
    def place(self) -> Place:
        """Return subject and place."""
        where = endpoint(self.key.address, self.key.number)
        return Place(
            f"{self.key.transport.value} {where}", self.key.site, self.key.vlan, self.source
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """Return what a sentence about it needs."""
        return {
            "protocol": self.key.protocol,
            "address": self.key.address,
            "port": self.key.number,
            "transport": self.key.transport.value,
            "peers": self.peers[:SHOWN],
            "more_peers": max(0, len(self.peers) - SHOWN),
        }

    @property
    def because(self) -> tuple[str, ...]:
        """Return the evidence: who spoke with whom, and what sort of addresses these are."""
        sure = "confirmed" if self.sure else "plausible"
        near = self.key.address
        spoken = [
            f"{self.key.protocol} ({sure}) between {self.place.subject} and {far}"
            for far in self.peers[:SHOWN]
        ]
        kinds = [f"{one} is a {scope_of(one).value} address" for one in (near, *self.peers[:1])]
        if self.way is Way.PUBLIC and any(_neighbours(near, far) for far in self.peers):
            kinds.append("the ends are neighbours: perhaps one network with public addresses")
        return (*spoken, *kinds)


def gather(case: Case, limits: Mapping[str, Scope]) -> list[Group]:
    """Group the conversations that went further than `limits` allow, by protocol name."""
    found: dict[Key, dict[Way, dict[str, bool]]] = {}  # far ends, and whether one is sure
    sources: dict[Key, str] = {}
    for one in case.conversations:
        limit = limits.get(one.protocol) if one.protocol else None
        if limit is None:
            continue
        to_group = one.cast != "unicast" or _is_group(one.server)
        way = _way(one.client, one.server, to_group, limit, case.networks)
        if way:
            key, far = _ends(one, to_group)
            far_ends = found.setdefault(key, {}).setdefault(way, {})
            far_ends[far] = far_ends.get(far, False) or one.confidence is Confidence.CONFIRMED
            sources.setdefault(key, one.source)
    return [
        _group(key, found[key], sources[key])
        for key in sorted(found, key=lambda key: tuple(map(str, key)))
    ]


def _ends(one: Conversation, to_group: bool) -> tuple[Key, str]:
    """Return the near end, whose port is the door, and the far end's address."""
    near, number, far = (
        (one.client, one.client_port, one.server)
        if to_group
        else (one.server, one.server_port, one.client)
    )
    return Key(one.site, one.vlan, one.transport, near, number, one.protocol or ""), far


def _group(key: Key, ways: Mapping[Way, Mapping[str, bool]], source: str) -> Group:
    """Make one finding's worth of it: the worst way counts, its peers are named."""
    worst = next(way for way in Way if way in ways)
    peers = ways[worst]
    return Group(key, worst, any(peers.values()), tuple(sorted(peers)), source)


@lru_cache(maxsize=65536)
def _way(
    client: str, server: str, to_group: bool, limit: Scope, networks: tuple[str, ...]
) -> Way | None:
    """Tell how two ends are further apart than the limit allows, if they are."""
    ends = (scope_of(client, networks), scope_of(server, networks))
    if client == server or Scope.LOOPBACK in ends or limit.rank >= Scope.PUBLIC.rank:
        return None
    if to_group and ends[1] is not Scope.PUBLIC:
        return Way.ANNOUNCED if ends[0] is Scope.PUBLIC else None
    if to_group and not _is_routed(server):
        return Way.ANNOUNCED
    if Scope.PUBLIC in ends:
        return Way.PUBLIC
    if limit is Scope.LINK and _apart(client, server, networks):
        return Way.CROSSING
    return None


def _apart(client: str, server: str, networks: tuple[str, ...]) -> bool:
    """Tell whether exactly one end lies in some known network."""
    return any(on_link(client, (one,)) != on_link(server, (one,)) for one in networks)


def _is_group(address: str) -> bool:
    known = parse(address)
    return known is None or known.is_multicast or known.is_unspecified or address == _EVERYONE


def _is_routed(address: str) -> bool:
    """Tell whether a group's datagrams leave the link: multicast may, broadcast does not."""
    known = parse(address)
    return known is not None and known.is_multicast


_EVERYONE = "255.255.255.255"


def _neighbours(one: str, other: str) -> bool:
    """Tell whether two public IPv4 addresses share their first 24 bits."""
    return (
        scope_of(one) is scope_of(other) is Scope.PUBLIC
        and ":" not in one + other
        and one.rpartition(".")[0] == other.rpartition(".")[0]
    )
