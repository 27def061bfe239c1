"""Who is on the map: hosts by what they do (ask, answer, both), together by subnet.

Everything follows from the links alone, in the order of addresses, so the same links make the same
groups and a new host joins one of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, Protocol

from portbook.addresses import parse
from portbook.ports import Transport

MOST_HOSTS = 600  # that are drawn: the busiest ones
MOST_ROOMS = 10  # subnets told apart in one column
_MOST_LONE = 2  # subnets of one host with a room of their own
_BY_THE_WAY = 0.15  # of its octets
_HOUSEHOLD = frozenset(("dhcp", "dns", "llmnr", "mdns", "nbns", "ntp", "ssdp"))


class LinkLike(Protocol):
    """Who speaks what to whom, and how much; `portbook.book.stories.Link` is one."""

    @property
    def client(self) -> str:
        """Return the address that asks."""

    @property
    def server(self) -> str:
        """Return the address that is asked."""

    @property
    def transport(self) -> Transport:
        """Return the transport."""

    @property
    def protocol(self) -> str | None:
        """Return the protocol's short name, None when nothing knows the bytes."""

    @property
    def conversations(self) -> int:
        """Return how many conversations."""

    @property
    def octets(self) -> int:
        """Return the octets of whole frames, both ways."""


class Role(IntEnum):
    """What a host does; its place from left to right."""

    ASKS = 0
    BOTH = 1
    ANSWERS = 2
    GROUP = 3  # no host: everybody, or whoever listens


class Host(NamedTuple):
    """A host, or a group that is spoken to."""

    address: str
    role: Role
    asks: int  # how many others
    asked: int  # by how many others


class Room(NamedTuple):
    """Hosts of one role that are drawn together."""

    role: Role
    prefix: str | None  # "10.0.1.0/24"; None: hosts of many subnets, or groups
    hosts: tuple[Host, ...]


class People(NamedTuple):
    """Who is on the map, and who is not."""

    rooms: tuple[Room, ...]  # by role, then by prefix, those without one last
    left_out: int  # hosts


def people(links: Sequence[LinkLike], groups: Collection[str] = ()) -> People:
    """Return the hosts of some links, put together.

    groups: addresses that are known to be broadcast ones; others are told by what they look like
    """
    clients = {one.client for one in links}
    wide = {*groups, *_broadcast(links, clients)} - clients
    told: dict[str, _Told] = defaultdict(_Told)
    for one in links:
        told[one.client].octets += one.octets
        told[one.server].octets += one.octets
        told[one.client].all.add(one, True)
        told[one.server].all.add(one, False)
        # who announces does not ask, and every host asks for names and the time
        if one.server not in wide and one.protocol not in _HOUSEHOLD:
            told[one.client].work.add(one, True)
            told[one.server].work.add(one, False)
    every = sorted(told, key=lambda address: (-told[address].octets, address))
    hosts = [
        Host(
            address,
            Role.GROUP if address in wide else _role(told[address]),
            len(told[address].all.asks),
            len(told[address].all.asked),
        )
        for address in every[:MOST_HOSTS]
    ]
    hosts.sort(key=lambda one: in_order(one.address))
    near = Counter(prefix_of(one.address) for one in hosts)
    wide_ones = sum(count > 1 for prefix, count in near.items() if prefix) > MOST_ROOMS
    rooms = [
        room
        for role in Role
        for room in _rooms(role, [one for one in hosts if one.role is role], wide_ones)
    ]
    return People(tuple(rooms), max(0, len(every) - MOST_HOSTS))


class _Sides:
    """What a host asks, and what it is asked."""

    __slots__ = ("asked", "asked_octets", "asks", "asks_octets")

    def __init__(self) -> None:
        self.asks: set[str] = set()
        self.asked: set[str] = set()
        self.asks_octets = self.asked_octets = 0

    def add(self, one: LinkLike, is_client: bool) -> None:
        if is_client:
            self.asks.add(one.server)
            self.asks_octets += one.octets
        else:
            self.asked.add(one.client)
            self.asked_octets += one.octets


class _Told:
    """What links tell of one host."""

    __slots__ = ("all", "octets", "work")

    def __init__(self) -> None:
        self.all, self.work, self.octets = _Sides(), _Sides(), 0


def _role(told: _Told) -> Role:
    """Return what a host mostly does; what it does by the way, to one other, is no role."""
    sides = told.work if told.work.asks or told.work.asked else told.all
    least = _BY_THE_WAY * (sides.asks_octets + sides.asked_octets)
    asks = len(sides.asks) > 1 or (bool(sides.asks) and sides.asks_octets >= least)
    asked = len(sides.asked) > 1 or (bool(sides.asked) and sides.asked_octets >= least)
    if asks and asked:
        return Role.BOTH
    return Role.ASKS if asks else Role.ANSWERS


def _broadcast(links: Iterable[LinkLike], clients: Collection[str]) -> set[str]:
    """Return the addresses that are many hosts at once.

    A link does not tell its subnet's mask: what ends in 255, is only sent to, and only by UDP, is
    taken for the broadcast address of its subnet.
    """
    found: set[str] = set()
    streams: set[str] = set()
    for one in links:
        if one.transport is not Transport.UDP:
            streams.add(one.server)
        address = parse(one.server)
        if address is None:
            continue
        last = isinstance(address, IPv4Address) and address.packed[3] == 255
        if address.is_multicast or (last and one.server not in clients):
            found.add(one.server)
    return {one for one in found if one not in streams}


def in_order(text: str) -> tuple[object, ...]:
    """Return what sorts addresses: IPv4, IPv6, then texts that are none."""
    address = parse(text)
    return (9 if address is None else address.version, address.packed if address else b"", text)


def _rooms(role: Role, hosts: Sequence[Host], wide: bool) -> list[Room]:
    """Put hosts of one role together by subnet; small subnets share a room where there are many."""
    if not hosts:
        return []
    if role is Role.GROUP:
        return [Room(role, None, tuple(hosts))]
    subnets: dict[str | None, list[Host]] = defaultdict(list)
    for one in hosts:
        subnets[prefix_of(one.address, wide)].append(one)
    named = [name for name in subnets if name]
    lone = [name for name in named if len(subnets[name]) == 1]
    if len(lone) > _MOST_LONE:
        named = [name for name in named if name not in lone]
    if len(named) > MOST_ROOMS:
        named = sorted(named, key=lambda name: (-len(subnets[name]), name))[: MOST_ROOMS - 1]
    kept = set(named)
    found = [Room(role, name, tuple(subnets[name])) for name in subnets if name in kept]
    rest = [one for one in hosts if prefix_of(one.address, wide) not in kept]
    return [*found, Room(role, None, tuple(rest))] if rest else found


def prefix_of(text: str, wide: bool = False) -> str | None:
    """Return the subnet that an address is likely of: /24 of IPv4 and /64 of IPv6, wide: /16, /48.

    None: the text is no address.
    """
    address = parse(text)
    if isinstance(address, IPv4Address):
        kept = 2 if wide else 3
        return f"{IPv4Address(address.packed[:kept] + bytes(4 - kept))}/{8 * kept}"
    if isinstance(address, IPv6Address):
        kept = 6 if wide else 8
        return f"{IPv6Address(address.packed[:kept] + bytes(16 - kept))}/{8 * kept}"
    return None


def short_of(text: str, prefix: str | None) -> str:
    """Return what is left to tell of an address where its subnet is told already."""
    address = parse(text)
    if prefix is None or address is None:
        return text
    kept = int(prefix.rpartition("/")[2]) // 8
    if isinstance(address, IPv4Address):
        return "".join(f".{part}" for part in address.packed[kept:])
    return "::" + str(IPv6Address(bytes(kept) + address.packed[kept:])).removeprefix("::")
