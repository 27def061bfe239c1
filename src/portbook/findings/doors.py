"""The open doors of a machine: its sockets by port and address, looked up by port.

A host may have 20,000 sockets, of which a rule concerns a few. So a rule asks for the ports that
can concern it, and doors are made for those alone, always in the same order: site, source,
namespace, transport, number, address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, lru_cache
from itertools import combinations
from typing import NamedTuple

from portbook.addresses import Scope, scope_of
from portbook.findings import Case, Place
from portbook.ports import Transport
from portbook.records import Listener, Owner

OPEN = frozenset({"listen", "unconnected"})
Sockets = Sequence[Listener]


class Door(NamedTuple):
    """The sockets of one port at one address: all IPv4 and IPv6 wildcards are one door."""

    transport: Transport
    number: int
    address: str  # "*" for every address
    sockets: tuple[Listener, ...]

    @property
    def place(self) -> Place:
        """Return subject and place; the subject holds no process id."""
        first = self.sockets[0]
        inside = f" in namespace {first.namespace}" if first.namespace else ""
        return Place(
            f"{self.transport.value} {endpoint(self.address, self.number)}{inside}",
            first.site,
            None,
            first.source,
        )

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Return all owners that may be seen."""
        return tuple(owner for socket in self.sockets for owner in socket.owners)

    @property
    def scope(self) -> Scope:
        """Return how far the widest of its addresses reaches."""
        return max((socket.scope for socket in self.sockets), key=lambda scope: scope.rank)

    @property
    def programs(self) -> tuple[str, ...]:
        """Return the names of its programs, or of the unit or container that holds it."""
        return _programs(self.sockets)


class Room(NamedTuple):
    """What doors have in common beside number and address, and the sockets by number."""

    site: str
    source: str
    namespace: str
    transport: Transport
    ports: Mapping[int, Sockets]


Unmade = tuple[Room, int, Sockets]  # what `made` makes doors of


class Doors:
    """The doors of a set of sockets, made when they are asked for."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        """Take the sockets that are open for others; the rest is no door."""
        rooms: dict[tuple[str, str, str, Transport], dict[int, list[Listener]]] = {}
        for one in listeners:
            if one.state in OPEN:
                key = (one.site, one.source, one.namespace or "", one.transport)
                room = rooms.get(key)
                if room is None:
                    room = rooms[key] = defaultdict(list)
                room[one.port].append(one)
        self.rooms = [Room(*key, rooms[key]) for key in sorted(rooms)]

    def __iter__(self) -> Iterator[Door]:
        """Give all doors."""
        for room in self.rooms:
            for number in sorted(room.ports):
                yield from made(room, number, room.ports[number])

    def among(self, numbers: AbstractSet[int]) -> Iterator[Door]:
        """Give the doors at these numbers, on any transport."""
        for room in self.rooms:
            for number in sorted(numbers & room.ports.keys()):
                yield from made(room, number, room.ports[number])

    def at(self, wanted: Collection[tuple[int, Transport]]) -> Iterator[Door]:
        """Give the doors at these ports."""
        for room in self.rooms:
            numbers = {
                number for number, on in wanted if on is room.transport and number in room.ports
            }
            for number in sorted(numbers):
                yield from made(room, number, room.ports[number])

    def with_several_transports(self) -> set[tuple[int, Transport]]:
        """Return the ports whose number is open on another transport too."""
        numbers: dict[Transport, set[int]] = defaultdict(set)
        for room in self.rooms:
            numbers[room.transport].update(room.ports)
        twice = {
            number
            for one, other in combinations(numbers.values(), 2)
            for number in one.intersection(other)
        }
        return {(number, transport) for number in twice for transport in numbers}

    def with_several_sockets(self, transport: Transport) -> set[tuple[int, Transport]]:
        """Return the ports of a transport that several sockets hold."""
        return {
            (number, transport)
            for room in self.rooms
            if room.transport is transport
            for number, sockets in room.ports.items()
            if len(sockets) > 1
        }

    @cached_property
    def addresses(self) -> frozenset[str]:
        """Return all addresses that sockets are bound to."""
        return frozenset(
            socket.address
            for room in self.rooms
            for sockets in room.ports.values()
            for socket in sockets
        )


def open_doors(case: Case) -> Doors:
    """Return the doors of a case that are open to others, worked out once for all rules."""
    found = case.shared.get("doors")
    if found is None:
        found = case.shared["doors"] = Doors(case.listeners)
    assert isinstance(found, Doors)
    return found


def resident_doors(case: Case) -> Sequence[Door]:
    """Return the open doors at ports where a known protocol is usually met, worked out once."""
    found = case.shared.get("resident doors")
    if found is None:
        found = case.shared["resident doors"] = tuple(open_doors(case).at(case.residents))
    assert isinstance(found, tuple)
    return found


def endpoint(address: str, number: int) -> str:
    """Write an address and port; IPv6 addresses in brackets."""
    return f"[{address}]:{number}" if ":" in address else f"{address}:{number}"


def holders(socket: Listener) -> tuple[str, ...]:
    """Return the names of a socket's owners, sorted; without owners the container or unit."""
    return _holders(socket.owners, socket.container, socket.unit)


@lru_cache(maxsize=4096)
def _holders(owners: tuple[Owner, ...], container: str | None, unit: str | None) -> tuple[str, ...]:
    if not owners:
        name = container or unit
        return (name,) if name else ()
    names = {owner.program or owner.unit or owner.container for owner in owners}
    return tuple(sorted(filter(None, names)))


def by_programs(room: Room, numbers: Iterable[int]) -> dict[tuple[str, ...], list[Unmade]]:
    """Group a room's doors at these numbers by the programs that hold them.

    The doors are not made: of thousands in the same hands one is shown and the rest is counted.
    """
    found: dict[tuple[str, ...], list[Unmade]] = defaultdict(list)
    for number in numbers:
        sockets = room.ports[number]
        programs = holders(sockets[0])
        if len(sockets) == 1 or all(holders(one) == programs for one in sockets):
            found[programs].append((room, number, sockets))
            continue
        for _, those in _by_address(sockets):
            found[_programs(those)].append((room, number, those))
    return found


def made(room: Room, number: int, sockets: Sockets) -> Iterator[Door]:
    """Give the doors of some sockets of one number."""
    for address, those in _by_address(sockets):
        yield Door(room.transport, number, address, tuple(those))


def _programs(sockets: Sockets) -> tuple[str, ...]:
    if len(sockets) == 1:
        return holders(sockets[0])
    return tuple(sorted({name for socket in sockets for name in holders(socket)}))


def _by_address(sockets: Sockets) -> list[tuple[str, list[Listener]]]:
    groups: dict[str, list[Listener]] = {}
    for socket in sockets:
        address = "*" if scope_of(socket.address) is Scope.ANY else socket.address
        groups.setdefault(address, []).append(socket)
    return sorted(groups.items())
