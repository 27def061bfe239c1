"""PB2xx: two parties on one number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import ClassVar, NamedTuple

from portbook.addresses import Scope, parse
from portbook.findings import Case, Place, Rule, Words
from portbook.findings.agreement import (
    cited,
    claimants,
    related,
    residents,
    speaking,
)
from portbook.findings.doors import Door, endpoint, holders, open_doors, resident_doors
from portbook.findings.identity import heard, opened
from portbook.findings.parties import is_opaque
from portbook.ports import Transport
from portbook.records import Finding, Level

CODESYS_PORTS = range(1740, 1744)
CODESYS_PROGRAMS = 4  # as many programs as ports can communicate on one address
# Groups that every interested program joins on one number: RFC 6762 section 15.1, RFC 4795
# section 2.2, UPnP Device Architecture 2.0 section 1.2, WS-Discovery 1.1 section 2.4.
SHARED_GROUPS = frozenset({5353, 5355, 1900, 3702})
SHOWN = 8  # places named in one finding


class Use(NamedTuple):
    """A protocol that was heard at a number: a service, or an announcement that goes there."""

    site: str
    source: str
    number: int
    transport: Transport
    protocol: str
    address: str
    evidence: str


def uses(case: Case) -> Iterator[Use]:
    """Give what was heard at each number: services, and the ports that announcements go to."""
    for one in case.services:
        for name in one.protocols:
            yield Use(
                one.site, one.source, one.port, one.transport, name, one.address, heard(one, name)
            )
    for told in case.announcements:
        for number in told.ports if told.protocol else ():
            yield Use(
                told.site,
                told.capture,
                number,
                told.transport,
                str(told.protocol),
                told.source,
                f"{told.protocol} announced to {endpoint(told.destination, number)}/"
                f"{told.transport.value} by {told.source}, every {told.period_s:g} s",
            )


class TwoParties(Rule):
    """PB201 two-parties

    What it tells: different protocols, or different programs, use one port number.
    Why it matters: TCP and UDP ports of one number are two doors, so nothing collides on the
        wire; but a firewall rule or a ticket that says "1743" means both. On the same transport
        a rule by number opens the way to either.
    Example: Unitrends on TCP 1743 of a server, CODESYS on UDP 1743 of a controller.
    What to do: name the transport, and the hosts, in every rule for this number.
    Sources: RFC 6335 section 6 (a number is assigned for each transport by itself).
    """

    code: ClassVar[str] = "PB201"
    name: ClassVar[str] = "two-parties"
    level: ClassVar[Level] = Level.NOTE
    words: ClassVar = {
        "transports": Words(
            "port {port} is {parties}: two transports, which do not collide",
            "Name the transport in every firewall rule for {port}",
        ),
        "same": Words(
            "port {port}/{transport} is used by {parties}",
            "Name the hosts, not only the number, in every rule for {port}/{transport}",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Group what was heard by number, and this machine's programs by number."""
        yield from self._services(case)
        yield from self._programs(case)

    def _services(self, case: Case) -> Iterator[Finding]:
        numbers: dict[tuple[str, int], list[Use]] = defaultdict(list)
        for use in uses(case):
            numbers[use.site, use.number].append(use)
        for (site, number), found in sorted(numbers.items()):
            spoken: dict[Transport, set[str]] = defaultdict(set)
            for use in found:
                spoken[use.transport].add(use.protocol)
            names = set().union(*spoken.values())
            if len(names) > 1 and not related(names):
                yield from self._tell(site, number, spoken, found)

    def _tell(
        self, site: str, number: int, spoken: dict[Transport, set[str]], found: Sequence[Use]
    ) -> Iterator[Finding]:
        if len(spoken) > 1 and len(set(map(frozenset, spoken.values()))) > 1:
            parties = tuple(
                f"{'/'.join(sorted(names))} on {transport.value}"
                for transport, names in sorted(spoken.items())
            )
            place = Place(f"port {number}", site, None, found[0].source)
            because = sorted({one.evidence for one in found})
            yield self.finding(place, "transports", because[:SHOWN], port=number, parties=parties)
        for transport, names in sorted(spoken.items()):
            there = [one for one in found if one.transport is transport]
            if len(names) > 1 and not related(names) and len({one.address for one in there}) > 1:
                place = Place(f"port {number}/{transport.value}", site, None, found[0].source)
                yield self.finding(
                    place,
                    "same",
                    sorted({one.evidence for one in there})[:SHOWN],
                    port=number,
                    transport=transport.value,
                    parties=tuple(sorted(names)),
                )

    def _programs(self, case: Case) -> Iterator[Finding]:
        numbers: dict[tuple[str, str, int], list[Door]] = defaultdict(list)
        doors = open_doors(case)
        lent = case.ephemeral or ()
        fixed = {port for port in doors.with_several_transports() if port[0] not in lent}
        for door in doors.at(fixed):
            if door.programs:
                space = door.sockets[0].namespace or ""
                numbers[door.place.site, space, door.number].append(door)
        for (site, space, number), found in sorted(numbers.items()):
            by_transport = {
                transport: {
                    name for one in found if one.transport is transport for name in one.programs
                }
                for transport in sorted({one.transport for one in found})
            }
            sets = list(by_transport.values())
            if len(sets) > 1 and not set.intersection(*sets):
                parties = tuple(
                    f"{'/'.join(sorted(names))} on {transport.value}"
                    for transport, names in by_transport.items()
                )
                inside = f" in namespace {space}" if space else ""
                place = Place(
                    f"port {number} on this machine{inside}", site, None, found[0].place.source
                )
                yield self.finding(
                    place, "transports", map(opened, found), port=number, parties=parties
                )


class SharedUdpPort(Rule):
    """PB202 shared-udp-port

    What it tells: two programs have bound one UDP port at overlapping addresses.
    Why it matters: the system gives a unicast datagram to one of them only, usually the one that
        bound last, and says nothing to the other. For announcements by broadcast it is normal:
        CODESYS programs share 1740-1743, up to four on one address.
    Example: a second receiver is started on UDP 2543 beside the one that archives.
    What to do: give each program its own port or its own address; stop the one that came second.
    Sources: socket(7) and ip(7), SO_REUSEADDR; CODESYS block driver settings (four ports).
    """

    code: ClassVar[str] = "PB202"
    name: ClassVar[str] = "shared-udp-port"
    level: ClassVar[Level] = Level.WARNING
    words: ClassVar = {
        "shared": Words(
            "{programs} have all bound {port}/udp at {address}; only one gets each datagram",
            "Give each program its own port or address",
        ),
        "covered": Words(
            "{programs} have bound {port}/udp, one at every address, another at {address}",
            "Datagrams to {address} go to the program that bound it; check that this is meant",
        ),
        "codesys": Words(
            "{programs} share {port}/udp, as up to four CODESYS programs of one address do",
            "Nothing, while all of them are CODESYS programs",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Look for programs whose unconnected UDP sockets overlap."""
        groups: dict[tuple[str, str, str, int], list[Door]] = defaultdict(list)
        doors = open_doors(case)
        for door in doors.at(doors.with_several_sockets(Transport.UDP)):
            if door.number not in SHARED_GROUPS:
                first = door.sockets[0]
                groups[first.site, first.source, first.namespace or "", door.number].append(door)
        for _, found in sorted(groups.items()):
            wide = next((one for one in found if one.address == "*"), None)
            for door in found:
                yield from self._judge(door, wide)

    def _judge(self, door: Door, wide: Door | None) -> Iterator[Finding]:
        if _several(door):
            if door.number in CODESYS_PORTS and len(door.programs) <= CODESYS_PROGRAMS:
                yield self._tell(door, "codesys", door.programs, Level.NOTE)
            else:
                grouped = _is_group(door.address)
                yield self._tell(
                    door, "shared", door.programs, Level.NOTE if grouped else Level.WARNING
                )
        elif wide and wide is not door and _covers(wide, door):
            programs = tuple(sorted({*door.programs, *wide.programs}))
            yield self._tell(door, "covered", programs, Level.NOTE)

    def _tell(self, door: Door, variant: str, programs: tuple[str, ...], level: Level) -> Finding:
        return self.finding(
            door.place,
            variant,
            (opened(door),),
            level,
            port=door.number,
            address=door.address,
            programs=programs,
        )


def _several(door: Door) -> bool:
    """Tell whether different programs hold sockets that take each other's datagrams.

    One socket with two owners (handed over by systemd, or by a fork) is still one socket.
    """
    spaces: dict[tuple[str | None, str], set[frozenset[str]]] = defaultdict(set)
    for socket in door.sockets:
        family = "ipv6" if socket.family == "ipv6" else "ipv4"  # a dual socket takes IPv4 too
        names = frozenset(holders(socket))
        if names:
            spaces[socket.interface, family].add(names)
    return any(
        one.isdisjoint(other) for sets in spaces.values() for one, other in combinations(sets, 2)
    )


def _covers(wide: Door, door: Door) -> bool:
    if not door.programs or not wide.programs or _is_group(door.address):
        return False
    return set(door.programs).isdisjoint(wide.programs)


def _is_group(address: str) -> bool:
    """Tell whether every socket bound to this address gets a copy: multicast or broadcast."""
    known = parse(address)
    return known is not None and (known.is_multicast or str(known).endswith(".255"))


class ClaimedTwice(Rule):
    """PB203 claimed-twice

    What it tells: a port in use has several claimants, one of them a control protocol, and
        neither bytes nor program say which of them it is.
    Why it matters: whoever closes or opens the port by its name acts on a guess.
    Example: an owner that cannot be seen holds TCP 1743: the registry says cinegrfx-lm, Unitrends
        uses it, and on UDP so does CODESYS.
    What to do: capture a minute of its traffic and read it with portbook, or look at the owner.
    Sources: the claims themselves, each with its own.
    """

    code: ClassVar[str] = "PB203"
    name: ClassVar[str] = "claimed-twice"
    level: ClassVar[Level] = Level.NOTE
    words: ClassVar = {
        "open": Words(
            "{port}/{transport} is in use at {places}; it may be {claimants}",
            "Read a minute of its traffic, or look at the program that holds it",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Collect the places where a doubly claimed port is used by nobody knows whom."""
        used: dict[tuple[str, int, Transport], dict[str, str | None]] = defaultdict(dict)
        for service in case.services:
            if not service.protocols:
                where = endpoint(service.address, service.port)
                used[service.site, service.port, service.transport][where] = service.source
        for door in resident_doors(case):
            if door.scope is not Scope.LOOPBACK and all(map(is_opaque, door.owners)):
                where = endpoint(door.address, door.number)
                used[door.place.site, door.number, door.transport][where] = door.place.source
        for (site, number, transport), places in sorted(used.items()):
            yield from self._judge(case, site, number, transport, places)

    def _judge(
        self,
        case: Case,
        site: str,
        number: int,
        transport: Transport,
        places: dict[str, str | None],
    ) -> Iterator[Finding]:
        control = [one for one in residents(case, number, transport) if one.stays_inside]
        claimed = speaking(case.claims(number, transport)) if control else []
        if len(claimants(claimed)) < 2:
            return
        where = sorted(places)
        yield self.finding(
            Place(f"port {number}/{transport.value}", site, None, places[where[0]]),
            "open",
            (*(f"{one}/{transport.value} is in use" for one in where[:SHOWN]), *cited(claimed)),
            port=number,
            transport=transport.value,
            places=tuple(where[:SHOWN]),
            place_count=len(where),
            claimants=claimants(claimed),
        )
