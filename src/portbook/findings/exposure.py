"""PB3xx: reachable from wider than it should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_network
from typing import ClassVar

import msgspec

from portbook.addresses import Scope, scope_of
from portbook.findings import Case, Rule, Words
from portbook.findings.agreement import cited, residents, speaking
from portbook.findings.crossings import Way, gather
from portbook.findings.doors import Door, Doors, open_doors, resident_doors
from portbook.findings.identity import UNITRENDS, opened
from portbook.findings.parties import is_opaque, may_speak
from portbook.protocols import Profile
from portbook.records import Finding, Level

PLAIN_TEXT = frozenset({"ftp", "telnet", "snmp"})


class ControllerReachable(Rule):
    """PB301 controller-reachable

    What it tells: a control protocol was heard between ends that should not meet: one of them is
        public, or they lie on two networks while the protocol belongs on one link.
    Why it matters: these protocols answer anyone who asks and obey without a password. CODESYS
        programming runs over UDP 1740-1743 as well, so closing TCP alone does not help.
    Example: Modbus from 203.0.113.9 to 10.0.0.9:502.
    What to do: close the way at the border, and let distant stations in by a VPN only. Where a
        plant uses public addresses inside, that network is no way out: tell
        portbook so (`--network PREFIX`).
    Sources: CODESYS FAQ, page CODESYS Control (never reachable from the Internet); CISA
        AA22-103A; RFC 1918, RFC 4193, RFC 6598, RFC 3927 for what counts as not public.
    """

    code: ClassVar[str] = "PB301"
    name: ClassVar[str] = "controller-reachable"
    level: ClassVar[Level] = Level.ERROR
    words: ClassVar = {
        "public": Words(
            "{protocol} at {address} port {port}/{transport} spoke with {peers}; not both ends "
            "have private addresses",
            "Close {port}/{transport} at the border; let stations in by a VPN only",
        ),
        "crossing": Words(
            "{protocol} at {address} port {port}/{transport} spoke with {peers}, beyond its own "
            "network",
            "Check that the way between these networks is meant; drop {port}/{transport} there",
        ),
        "announced": Words(
            "{protocol} is announced on port {port}/{transport} by {address}, a public address",
            "Give it a private address, or tell portbook that this network is the plant's own",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Look how far each conversation of a control protocol went."""
        limits = {
            name: one.stays_inside
            for name, one in case.protocols.items()
            if one.stays_inside is not None and name != UNITRENDS
        }
        for group in gather(case, limits):
            certain = group.way is Way.PUBLIC and group.sure
            level = Level.ERROR if certain else Level.WARNING
            yield self.finding(
                group.place, group.way.value, group.because, level, **group.parameters
            )


def has_public_address(networks: Iterable[str], doors: Doors) -> bool:
    """Tell whether this machine has an address that the whole Internet can name."""
    prefixes = (str(ip_network(one, strict=False).network_address) for one in networks)
    return any(scope_of(one) is Scope.PUBLIC for one in (*prefixes, *doors.addresses))


class ControllerListeningWide(Rule):
    """PB302 controller-listening-wide

    What it tells: a control protocol's usual port is open on this machine at every address, or at
        a public one.
    Why it matters: the program answers on every network that this machine will ever join, not
        only on the plant's. With a public address the whole Internet may ask it.
    Example: UDP 1740-1743 bound to 0.0.0.0 on a host with a public address.
    What to do: bind the program to the control network's address, or drop its ports on the other
        interfaces.
    Sources: CODESYS FAQ, page CODESYS Control; CISA AA22-103A. As long as only the number speaks
        for the protocol, this is a note; a program known to speak it, its traffic, or a second
        port of the same protocol in the same hands makes it a warning, a public address an error.
    """

    code: ClassVar[str] = "PB302"
    name: ClassVar[str] = "controller-listening-wide"
    level: ClassVar[Level] = Level.WARNING
    words: ClassVar = {
        "wide": Words(
            "{port}/{transport}, a usual port of {protocols}, is open at every address of this "
            "machine",
            "Bind it to the control network's address, or drop the port on other interfaces",
        ),
        "public": Words(
            "{port}/{transport}, a usual port of {protocols}, is open at {address} on a machine "
            "with a public address",
            "Bind it to the control network's address, and drop the port at the border",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Look at the addresses to which control protocols' ports are bound."""
        held = resident_doors(case)
        public = has_public_address(case.networks, open_doors(case))
        for door in held:
            if scope_of(door.address, case.networks).rank < Scope.PUBLIC.rank:
                continue
            control = [
                one
                for one in residents(case, door.number, door.transport)
                if one.stays_inside is not None and one.name != UNITRENDS
            ]
            if control:
                yield self._tell(case, door, control, held, public)

    def _tell(
        self,
        case: Case,
        door: Door,
        control: Sequence[Profile],
        held: Sequence[Door],
        public: bool,
    ) -> Finding:
        signs = [sign for one in control for sign in _signs(case, door, one, held)]
        widest = Level.ERROR if public else Level.WARNING
        claims = speaking(case.claims(door.number, door.transport))
        return self.finding(
            door.place,
            "public" if public else "wide",
            (opened(door), *signs, *cited(claims)),
            widest if signs else Level.NOTE,
            port=door.number,
            transport=door.transport.value,
            address=door.address,
            protocols=tuple(one.name for one in control),
            programs=door.programs,
        )


def _signs(case: Case, door: Door, protocol: Profile, held: Sequence[Door]) -> Iterator[str]:
    """Give what says, beside the number, that this door belongs to the protocol."""
    for owner in door.owners:
        if may_speak(owner, protocol):
            yield f"{owner.program} is known to speak {protocol.name}"
            break
    here = (door.number, door.transport)
    for service in case.services:
        at = (service.port, service.transport)
        if at == here and service.address == door.address and protocol.name in service.protocols:
            yield f"{protocol.name} was heard at {service.address}"
            break
    if any(not is_opaque(owner) for owner in door.owners):
        mine = set(door.programs)
        for other in held:
            at = (other.number, other.transport)
            usual = at != here and protocol in case.residents.get(at, ())
            if usual and mine.intersection(other.programs):
                yield f"the same program holds {other.number}/{other.transport.value} too"
                break


class BackupReachable(Rule):
    """PB303 backup-reachable

    What it tells: the Unitrends control channel was heard across the public network, or its port
        is open on a machine with a public address.
    Why it matters: commands on it ran as root without a log-in in appliances before 10.0, and
        remote code execution is on record before 10.5.5; exploits are public.
    Example: a greeting from a backup appliance to 198.51.100.7 on TCP 1743.
    What to do: let only the backup network reach TCP 1743 (UDP 1743 is somebody else's); update
        the appliance.
    Sources: CVE-2017-12477, CVE-2021-43033.
    """

    code: ClassVar[str] = "PB303"
    name: ClassVar[str] = "backup-reachable"
    level: ClassVar[Level] = Level.ERROR
    words: ClassVar = {
        "heard": Words(
            "{protocol} control channel at {address} port {port}/{transport} spoke with {peers}, "
            "across the public network",
            "Let only the backup network reach {port}/{transport}; update the appliance",
        ),
        "open": Words(
            "{port}/{transport}, the {protocol} control channel, is held by {programs} at "
            "{address} on a machine with a public address",
            "Let only the backup network reach {port}/{transport}; update the appliance",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Look at the conversations and at the open control port."""
        for group in gather(case, {UNITRENDS: Scope.PRIVATE}):
            level = Level.ERROR if group.sure else Level.WARNING
            yield self.finding(group.place, "heard", group.because, level, **group.parameters)
        protocol = case.protocols.get(UNITRENDS)
        if protocol:
            yield from self._open(case, protocol)

    def _open(self, case: Case, protocol: Profile) -> Iterator[Finding]:
        held = resident_doors(case)
        if not has_public_address(case.networks, open_doors(case)):
            return
        for door in held:
            wide = scope_of(door.address, case.networks).rank >= Scope.PUBLIC.rank
            if wide and protocol in residents(case, door.number, door.transport):
                signs = list(_signs(case, door, protocol, held))
                yield self.finding(
                    door.place,
                    "open",
                    (opened(door), *signs),
                    Level.ERROR if signs else Level.NOTE,
                    port=door.number,
                    transport=door.transport.value,
                    address=door.address,
                    protocol=protocol.name,
                    programs=door.programs or ("an owner that is hidden from this user",),
                )


class PlainTextAbroad(Rule):
    """PB304 plain-text-abroad

    What it tells: FTP, Telnet or SNMP before version 3 crossed the public network.
    Why it matters: names, passwords and communities travel readable; whoever reads them once can
        set the device up as they like.
    Example: SNMP from 10.0.0.9 to a management station at 203.0.113.20.
    What to do: use SFTP, SSH or SNMPv3, or a VPN between the ends.
    Sources: RFC 2577 (FTP), RFC 3414 section 1.2 (what SNMP before version 3 lacks).
    """

    code: ClassVar[str] = "PB304"
    name: ClassVar[str] = "plain-text-abroad"
    level: ClassVar[Level] = Level.WARNING
    words: ClassVar = {
        "public": Words(
            "{protocol} at {address} port {port}/{transport} spoke in plain text with {peers}, "
            "across the public network",
            "Use an encrypted protocol in its place, or a VPN between the ends",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Look how far plain-text management went."""
        plain = [
            one
            for one in case.conversations
            if one.protocol in PLAIN_TEXT and str(one.facts.get("version", "")) not in _ENCRYPTED
        ]
        told = msgspec.structs.replace(case, conversations=plain)
        limits = dict.fromkeys(_unbound(case), Scope.PRIVATE)
        for group in gather(told, limits) if limits else ():
            if group.way is Way.PUBLIC:
                level = Level.WARNING if group.sure else Level.NOTE
                yield self.finding(group.place, "public", group.because, level, **group.parameters)


def _unbound(case: Case) -> list[str]:
    """Return the plain-text protocols that PB301 does not watch already."""
    known = {name: case.protocols.get(name) for name in sorted(PLAIN_TEXT)}
    return [name for name, one in known.items() if one is None or one.stays_inside is None]


_ENCRYPTED = frozenset({"3", "v3", "SNMPv3", "snmpv3"})
