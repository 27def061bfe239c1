"""PB1xx: what speaks, or who listens, is not what is claimed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from portbook.findings import Case, Place, Rule, Words
from portbook.findings.agreement import (
    CARRIERS,
    agrees,
    cited,
    claimants,
    names,
    related,
    residents,
    speaking,
    usual_ports,
)
from portbook.findings.doors import Door, endpoint, open_doors, resident_doors
from portbook.findings.parties import is_one_of, is_opaque, may_speak, plain
from portbook.ports import Band, Transport
from portbook.protocols import Profile
from portbook.records import Claim, ClaimKind, Confidence, Conversation, Finding, Level, Service

REFTEK_PORT = 2543
ENOUGH_OCTETS = 8  # each way: fewer say nothing of a protocol
UNITRENDS = "unitrends"  # must stay inside too, but is a backup service: PB303 has it
# Servers and clients of the REF TEK protocol: the vendor's suite (its text configuration files),
# SeisComP, Earthworm, Antelope, USGS EdgeCWB, gempa; and portbook's own receiver.
SEISMIC_PROGRAMS = (
    "rtpd",
    "rtpid",
    "rtpmonitor",
    "rtcc",
    "smcc",
    "sgmonitor",
    "rtp2rtpd",
    "rtpd2caps",
    "rtp2orb",
    "reftek",
    "reftek_plugin",
    "reftek2ew",
    "reftekclient",
    "edgemom",
    "seedlink",
    "seiscomp",
    "scseedlink",
    "portbook",
    "portbook-rtpd",
)


def place_of(service: Service) -> Place:
    """Return a service's subject and place."""
    return Place(
        f"{service.transport.value} {endpoint(service.address, service.port)}",
        service.site,
        service.vlan,
        service.source,
    )


def heard(service: Service, name: str) -> str:
    """Say what was heard at a service, as evidence."""
    sure = service.confidence.value if service.confidence else "unnamed"
    return (
        f"{name} heard at {endpoint(service.address, service.port)}/{service.transport.value}, "
        f"{sure}"
    )


class SpeaksOtherwise(Rule):
    """PB101 speaks-otherwise

    What it tells: the bytes at a port are of a protocol that nobody who claims the port speaks.
    Why it matters: a service on another's number hides from people and from rules by number, and
        it takes the number from the program that should have it. On a control network it is the
        plainest sign of a tunnel, a forgotten test server or a wrong setting.
    Example: HTTP answers on TCP 502, where Modbus is expected.
    What to do: find the program on that host; move it to a port of its own, or claim the port for
        the site with `portbook claim add --protocol` so that everyone knows.
    Sources: IANA Service Name and Transport Protocol Port Number Registry; RFC 6335 section 8.1
        (an assignment is no proof of what a port carries).
    """

    code: ClassVar[str] = "PB101"
    name: ClassVar[str] = "speaks-otherwise"
    level: ClassVar[Level] = Level.WARNING
    words: ClassVar = {
        "claimed": Words(
            "{protocol} answers on {port}/{transport}, a port claimed by {claimants}",
            "Find the program behind {address}; move it, or say that it belongs there: "
            "portbook claim add {port}/{transport} NAME --protocol {protocol}",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Compare each service's protocols with the claims of its port."""
        for service in case.services:
            if not service.protocols:
                continue
            claims = case.claims(service.port, service.transport)
            claimed = speaking(claims)
            for name in service.protocols if claimed else ():
                protocol = case.protocols.get(name)
                if protocol and not agrees(protocol, claims, service.port, service.transport):
                    yield self._tell(case, service, protocol, claimed)

    def _tell(
        self, case: Case, service: Service, protocol: Profile, claimed: Sequence[Claim]
    ) -> Finding:
        return self.finding(
            place_of(service),
            "claimed",
            (heard(service, protocol.name), *cited(claimed)),
            _weight(case, service, protocol, claimed),
            protocol=protocol.name,
            address=service.address,
            port=service.port,
            transport=service.transport.value,
            claimants=claimants(claimed),
        )


def _weight(case: Case, service: Service, protocol: Profile, claimed: Sequence[Claim]) -> Level:
    if service.confidence is not Confidence.CONFIRMED:
        return Level.NOTE
    if Band.of(service.port) is Band.DYNAMIC or protocol.name == "tls":
        return Level.NOTE  # TLS does not tell what it carries: it may be the claimed protocol
    for resident in residents(case, service.port, service.transport):
        if resident.stays_inside or any(names(resident, claim) for claim in claimed):
            return Level.WARNING
    if protocol.name in CARRIERS and Band.of(service.port) is not Band.SYSTEM:
        return Level.NOTE
    registered = (ClaimKind.ASSIGNED, ClaimKind.SITE, ClaimKind.VENDOR_RESERVED)
    return Level.WARNING if any(one.claim in registered for one in claimed) else Level.NOTE


class UnusualPort(Rule):
    """PB102 unusual-port

    What it tells: a protocol was recognised by its bytes on a port where it is not usual.
    Why it matters: firewall rules, monitoring and inventories by number miss it. For a control
        protocol that is a way to a controller that nobody watches.
    Example: Modbus on TCP 8502.
    What to do: add the port to the rules that guard the protocol, or move the service back to
        its usual port.
    Sources: the port's page (`portbook port NAME`) names them for each usual port.
    """

    code: ClassVar[str] = "PB102"
    name: ClassVar[str] = "unusual-port"
    level: ClassVar[Level] = Level.WARNING
    words: ClassVar = {
        "moved": Words(
            "{protocol} speaks on {port}/{transport}; it is usual on {usual}",
            "Guard this port like {usual}, or move the service at {address} back",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Compare each service's port with the usual ports of its protocols."""
        for service in case.services:
            for name in service.protocols:
                protocol = case.protocols.get(name)
                if protocol and self._is_moved(case, service, protocol):
                    yield self._tell(service, protocol)

    def _is_moved(self, case: Case, service: Service, protocol: Profile) -> bool:
        number, transport = service.port, service.transport
        if not usual_ports(protocol, transport) or any(
            number in usual.ports and usual.transport is transport for usual in protocol.usual
        ):
            return False
        claims = case.claims(number, transport)
        if any(one.claim is ClaimKind.SITE and names(protocol, one) for one in claims):
            return False  # the site has put it there
        if protocol.stays_inside is not None:
            return True
        lent = case.ephemeral is not None and number in case.ephemeral
        if lent or Band.of(number) is Band.DYNAMIC:
            return False  # a reply caught without its question looks like this
        return not speaking(claims)  # else PB101 has it

    def _tell(self, service: Service, protocol: Profile) -> Finding:
        usual = tuple(map(str, usual_ports(protocol, service.transport)))
        control = protocol.stays_inside is not None
        sure = service.confidence is Confidence.CONFIRMED
        return self.finding(
            place_of(service),
            "moved",
            (heard(service, protocol.name), f"usual on {', '.join(usual)}: {_first(protocol)}"),
            Level.WARNING if control and sure else Level.NOTE,
            protocol=protocol.name,
            address=service.address,
            port=service.port,
            transport=service.transport.value,
            usual=usual,
        )


def _first(protocol: Profile) -> str:
    return protocol.sources[0].title if protocol.sources else protocol.title


class StrangerOnRefTek(Rule):
    """PB103 stranger-on-reftek

    What it tells: the REF TEK port 2543 is open on this machine, and the program that holds it
        is not a seismic one, or cannot be seen.
    Why it matters: seismic recorders push their data to 2543; a stranger there makes them retry
        for ever, and the data stay in the field until the disks are full.
    Example: a SIP telephone program listens on UDP 2543 of the acquisition server.
    What to do: stop or move that program, then start the REF TEK receiver; with a hidden owner,
        ask again with more rights (`portbook doctor` tells which).
    Sources: IANA registry, service reftek, 2543 TCP and UDP; SeisComP reftek_libs, default port.
    """

    code: ClassVar[str] = "PB103"
    name: ClassVar[str] = "stranger-on-reftek"
    level: ClassVar[Level] = Level.WARNING
    words: ClassVar = {
        "stranger": Words(
            "REF TEK port {port}/{transport} is held by {programs}, not a seismic program",
            "Stop or move {programs}, then start the REF TEK receiver",
        ),
        "opaque": Words(
            "REF TEK port {port}/{transport} is held by {programs}, which does not tell what it "
            "runs",
            "Look at the command line of {programs} on this machine",
        ),
        "hidden": Words(
            "REF TEK port {port}/{transport} is open, and its owner is hidden from this user",
            "Ask again with the rights that portbook doctor names",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Look who holds port 2543 on this machine."""
        known = case.protocols.get("reftek")
        programs = (*SEISMIC_PROGRAMS, *(known.programs if known else ()))
        for door in open_doors(case).among({REFTEK_PORT}):
            yield from self._judge(door, programs)

    def _judge(self, door: Door, programs: Iterable[str]) -> Iterator[Finding]:
        known = list(programs)
        owners = [owner for owner in door.owners if not is_one_of(owner, known)]
        named = {plain(name) for name in door.programs}
        if door.owners and len(owners) < len(door.owners):
            return
        if not door.owners:
            if not named.intersection(known):
                yield self._tell(door, "hidden", Level.NOTE)
        elif all(map(is_opaque, owners)):
            yield self._tell(door, "opaque", Level.NOTE)
        else:
            yield self._tell(door, "stranger", Level.WARNING)

    def _tell(self, door: Door, variant: str, level: Level) -> Finding:
        return self.finding(
            door.place,
            variant,
            (opened(door), "IANA assigns 2543 to reftek (TCP and UDP)"),
            level,
            port=door.number,
            transport=door.transport.value,
            address=door.address,
            programs=door.programs or ("a program without a name",),
        )


def opened(door: Door) -> str:
    """Say which socket is open and who holds it, as evidence."""
    who = ", ".join(door.programs) or "an owner that is hidden from this user"
    where = endpoint(door.address, door.number)
    return f"socket {where}/{door.transport.value} is open, held by {who}"


class UnknownSpeaker(Rule):
    """PB104 unknown-speaker

    What it tells: a control protocol's usual port is open on this machine, and portbook does not
        know its program to speak that protocol.
    Why it matters: a control port in other hands keeps the controller program from starting, or
        answers in its place. It may just as well be a program that portbook has not met.
    Example: a web server holds TCP 502.
    What to do: look at the program. If it is right, accept the finding; if not, move it.
    Sources: the programs named by each protocol's page. A name is no proof: this is never more
        than a note.
    """

    code: ClassVar[str] = "PB104"
    name: ClassVar[str] = "unknown-speaker"
    level: ClassVar[Level] = Level.NOTE
    words: ClassVar = {
        "unknown": Words(
            "{programs} holds {port}/{transport}, a usual port of {protocols}, and is not known "
            "to speak it",
            "Look at the program; if it is right, accept this finding until a date",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Compare the program of each open control port with those known to speak there."""
        for door in resident_doors(case):
            if door.number == REFTEK_PORT or not door.owners:
                continue
            usual = residents(case, door.number, door.transport)
            control = [one for one in usual if one.stays_inside and one.name != UNITRENDS]
            if control and not self._is_known(case, door, usual):
                yield self._tell(case, door, control)

    def _is_known(self, case: Case, door: Door, usual: Sequence[Profile]) -> bool:
        claims = speaking(case.claims(door.number, door.transport))
        for owner in door.owners:
            if is_opaque(owner) or any(may_speak(owner, one) for one in usual):
                return True
            if owner.program and plain(owner.program) in {
                plain(claim.claimant) for claim in claims
            }:
                return True
        return False

    def _tell(self, case: Case, door: Door, control: Sequence[Profile]) -> Finding:
        claims = speaking(case.claims(door.number, door.transport))
        return self.finding(
            door.place,
            "unknown",
            (opened(door), *cited(claims)),
            port=door.number,
            transport=door.transport.value,
            address=door.address,
            programs=door.programs,
            protocols=tuple(one.name for one in control),
        )


class SeveralProtocols(Rule):
    """PB105 several-protocols

    What it tells: different conversations with one port carried different protocols.
    Why it matters: a port that answers in two ways is a multiplexer, a tunnel, or a host whose
        program changed while it was watched. A controller's port has one language.
    Example: TCP 502 of one host answered Modbus to one client and SSH to another.
    What to do: look which program holds the port, and since when.
    Sources: the identifications themselves, each with its reasons.
    """

    code: ClassVar[str] = "PB105"
    name: ClassVar[str] = "several-protocols"
    level: ClassVar[Level] = Level.NOTE
    words: ClassVar = {
        "several": Words(
            "{port}/{transport} at {address} carried {protocols}",
            "Find the program behind {address} and since when it runs",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Look for services with protocols that are not of one family."""
        for service in case.services:
            if len(service.protocols) < 2 or related(service.protocols):
                continue
            known = [case.protocols.get(name) for name in service.protocols]
            control = any(one and one.stays_inside is not None for one in known)
            sure = service.confidence is Confidence.CONFIRMED
            yield self.finding(
                place_of(service),
                "several",
                (heard(service, name) for name in sorted(service.protocols)),
                Level.WARNING if control and sure else Level.NOTE,
                address=service.address,
                port=service.port,
                transport=service.transport.value,
                protocols=tuple(sorted(service.protocols)),
            )


class UnnamedOnControlPort(Rule):
    """PB106 unnamed-on-control-port

    What it tells: a service answers on a control protocol's usual port, from its first octet on in
        the capture, and its bytes are neither that protocol nor any other that portbook knows.
    Why it matters: it may be a database, a tunnel or a test server that took the number, and rules
        by number let it through to the control network.
    Example: a key-value store answers on TCP 502.
    What to do: look which program holds the port on that host. If it is a protocol that portbook
        should know, `CONTRIBUTING.md` tells how to add it in one file.
    Sources: IANA Service Name and Transport Protocol Port Number Registry; RFC 6335 section 8.1.
    """

    code: ClassVar[str] = "PB106"
    name: ClassVar[str] = "unnamed-on-control-port"
    level: ClassVar[Level] = Level.NOTE
    words: ClassVar = {
        "unnamed": Words(
            "what answers on {port}/{transport} at {address} is not {protocols}, and nothing else "
            "that portbook knows",
            "Find the program behind {address}",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Look at services without a name whose conversations were seen whole, both ways."""
        spoken = {
            (one.site, one.vlan, one.server, one.server_port): one
            for one in case.conversations
            if _says_enough(one)
        }
        for service in case.services:
            seen = spoken.get((service.site, service.vlan, service.address, service.port))
            if service.protocols or seen is None or service.transport is not Transport.TCP:
                continue
            control = [
                one.name
                for one in residents(case, service.port, service.transport)
                if one.stays_inside is not None
            ]
            if control:
                yield self.finding(
                    place_of(service),
                    "unnamed",
                    (
                        f"{seen.payload_octets_to_client} octets came from there and "
                        f"{seen.payload_octets_to_server} went there, from the first on",
                    ),
                    address=service.address,
                    port=service.port,
                    transport=service.transport.value,
                    protocols=tuple(control),
                )


def _says_enough(one: Conversation) -> bool:
    return (
        one.transport is Transport.TCP
        and one.protocol is None
        and one.roles == "syn"
        and min(one.payload_octets_to_server, one.payload_octets_to_client) >= ENOUGH_OCTETS
    )
