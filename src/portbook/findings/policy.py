"""PB4xx: against a vendor's or the system's port policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

from portbook.addresses import Scope
from portbook.findings import Case, Place, Rule, Words
from portbook.findings.agreement import agrees, cited, residents, speaking
from portbook.findings.doors import Door, Unmade, by_programs, made, open_doors
from portbook.findings.identity import heard, opened, place_of
from portbook.findings.parties import may_speak, plain
from portbook.ports import PortRange, Transport
from portbook.records import ClaimKind, Finding, Level, Service

MANY = 8  # ports of one program that are told one by one
HIDDEN = "an owner that is hidden from this user"


class AgainstPolicy(Rule):
    """PB401 against-policy

    What it tells: a port is in use that the chosen port policy forbids, by a program or protocol
        that is not the one for which the policy keeps it.
    Why it matters: the vendor's firmware, or another site's rule, takes the number for itself;
        the two will meet on a later day, mostly after an update.
    Example: with the Opto 22 policy, a chart's own protocol on TCP 22001 or on UDP 50500.
    What to do: `portbook plan next --policy NAME` gives a number that is free for it.
    Sources: the policy names its own; for Opto 22, TCP and UDP Port Assignments.
    """

    code: ClassVar[str] = "PB401"
    name: ClassVar[str] = "against-policy"
    level: ClassVar[Level] = Level.WARNING
    words: ClassVar = {
        "used": Words(
            "{port}/{transport} at {address} is in use; the port policy says no ({reason_code}): "
            "{reason}",
            "Choose another number: portbook plan next",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Ask the policy about each service and each listener; unasked without a policy."""
        if case.policy is None:
            return
        for service in case.services:
            verdict = _forbidden(case, service.port, service.transport)
            if verdict and not self._is_rightful(case, service):
                level = Level.WARNING if service.protocols else Level.NOTE
                because = [heard(service, name) for name in service.protocols]
                yield self._tell(case, place_of(service), service, verdict, because, level)
        for door in open_doors(case):
            verdict = _forbidden(case, door.number, door.transport)
            if verdict and door.scope is not Scope.LOOPBACK and not self._is_resident(case, door):
                level = Level.NOTE if _has_owner(case, door) else Level.WARNING
                yield self._tell(case, door.place, door, verdict, [opened(door)], level)

    def _is_rightful(self, case: Case, service: Service) -> bool:
        claims = case.claims(service.port, service.transport)
        known = [case.protocols.get(name) for name in service.protocols]
        return any(one and agrees(one, claims, service.port, service.transport) for one in known)

    def _is_resident(self, case: Case, door: Door) -> bool:
        usual = residents(case, door.number, door.transport)
        if any(may_speak(owner, one) for owner in door.owners for one in usual):
            return True
        claims = speaking(case.claims(door.number, door.transport))
        names = {plain(name) for name in door.programs}
        return bool(names.intersection(plain(claim.claimant) for claim in claims))

    def _tell(
        self,
        case: Case,
        place: Place,
        used: Service | Door,
        verdict: Verdict,
        because: list[str],
        level: Level,
    ) -> Finding:
        number = used.port if isinstance(used, Service) else used.number
        claims = speaking(case.claims(number, used.transport))
        return self.finding(
            place,
            "used",
            (*because, f"policy: {verdict.code}, {verdict.reason}", *cited(claims)),
            level,
            port=number,
            transport=used.transport.value,
            address=used.address,
            reason_code=verdict.code,
            reason=verdict.reason,
        )


class Verdict(NamedTuple):
    """What a policy says against a port."""

    code: str
    reason: str


def _forbidden(case: Case, number: int, transport: Transport) -> Verdict | None:
    told: Any = case.policy(number, transport) if case.policy else None
    if told is None or told.allowed:
        return None
    return Verdict(str(told.code), str(told.reason))


def _has_owner(case: Case, door: Door) -> bool:
    """Tell whether the registry or the site gives the number to someone, who may be this one."""
    given = (ClaimKind.ASSIGNED, ClaimKind.SITE)
    claims = case.claims(door.number, door.transport)
    vendor = any(one.claim is ClaimKind.VENDOR_RESERVED for one in claims)
    return not vendor and any(one.claim in given for one in claims)


def _lent(ephemeral: PortRange, reserved: Iterable[PortRange]) -> Container[int]:
    """Return the numbers that the system hands out to clients."""
    lent = range(ephemeral.first, ephemeral.last + 1)
    kept = [range(one.first, one.last + 1) for one in reserved]
    return set(lent).difference(*kept) if kept else lent


def _is_spoken_of(case: Case, number: int, transport: Transport) -> bool:
    return bool(residents(case, number, transport) or speaking(case.claims(number, transport)))


class InsideEphemeral(Rule):
    """PB402 inside-ephemeral

    What it tells: a fixed service listens on a number that this system also lends to clients.
    Why it matters: when the service is down, or starts late, any outgoing connection may have
        been given its number; then it cannot start, now and then, with no fault to be found.
    Example: EtherNet/IP on TCP 44818 with Linux's usual range 32768-60999.
    What to do: keep the number out of the range: on Linux add it to
        net.ipv4.ip_local_reserved_ports; binding it explicitly still works.
    Sources: Linux kernel documentation, ip-sysctl: ip_local_port_range and
        ip_local_reserved_ports; RFC 6335 section 6.
    """

    code: ClassVar[str] = "PB402"
    name: ClassVar[str] = "inside-ephemeral"
    level: ClassVar[Level] = Level.NOTE
    words: ClassVar = {
        "lent": Words(
            "{port}/{transport} is fixed for {programs}, and inside {ephemeral}, which this "
            "system lends to clients",
            "Reserve it: add {port} to net.ipv4.ip_local_reserved_ports, now and in /etc/sysctl.d",
        ),
        "many": Words(
            "{programs} listens on {port_count} ports inside {ephemeral}, which this system "
            "lends to clients, {ports} among them",
            "If their numbers are fixed, add them to net.ipv4.ip_local_reserved_ports",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Look for listeners inside the range that the system hands out."""
        if case.ephemeral is None:
            return
        lent = _lent(case.ephemeral, case.reserved)
        groups: dict[tuple[str, str, Transport, tuple[str, ...]], list[Unmade]] = defaultdict(list)
        for room in open_doors(case).rooms:
            numbers = [one for one in sorted(room.ports) if one in lent]
            if room.transport is not Transport.TCP:
                # UDP does not listen: without a claim it may as well be a client's socket.
                numbers = [one for one in numbers if _is_spoken_of(case, one, room.transport)]
            for programs, found in by_programs(room, numbers).items():
                groups[room.site, room.source, room.transport, programs] += found
        for found in groups.values():
            yield from self._judge(case, found)

    def _judge(self, case: Case, found: Sequence[Unmade]) -> Iterator[Finding]:
        numbers = sorted({number for _, number, _ in found})
        if len(numbers) > MANY:
            yield self._tell_many(case, next(made(*found[0])), numbers)
        else:
            yield from (self._tell(case, door) for one in found for door in made(*one))

    def _tell(self, case: Case, door: Door) -> Finding:
        claims = speaking(case.claims(door.number, door.transport))
        return self.finding(
            door.place,
            "lent",
            (opened(door), f"this system lends {case.ephemeral} to clients", *cited(claims)),
            port=door.number,
            transport=door.transport.value,
            address=door.address,
            programs=door.programs or (HIDDEN,),
            ephemeral=str(case.ephemeral),
        )

    def _tell_many(self, case: Case, door: Door, numbers: Sequence[int]) -> Finding:
        programs = door.programs or (HIDDEN,)
        place = door.place
        subject = f"{door.transport.value} ports of {', '.join(programs)}"
        return self.finding(
            Place(subject, place.site, place.vlan, place.source),
            "many",
            (opened(door), f"this system lends {case.ephemeral} to clients"),
            transport=door.transport.value,
            programs=programs,
            ports=tuple(numbers[:MANY]),
            port_count=len(numbers),
            ephemeral=str(case.ephemeral),
        )
