"""What speaks against a port, or should be known of it: one reason at a time, with its weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cached_property

import msgspec

from portbook.claims.policies import LINUX_EPHEMERAL, Policy, Role, Verdict
from portbook.ports import PortRange, Transport
from portbook.records import Claim, ClaimKind, Listener, Service, Source


class Weight(StrEnum):
    """How much a reason counts against a port."""

    BLOCK = "block"
    WARN = "warn"
    INFORM = "inform"


class Reason(msgspec.Struct, frozen=True):
    """One thing that speaks against a port, or should be known."""

    weight: Weight
    code: str  # a policy's code, or TAKEN, EXCLUDED, EPHEMERAL_OVERLAP, CLAIMED, SEEN, ...
    text: str
    claim: Claim | None = None


class Plan(msgspec.Struct, frozen=True, dict=True):
    """What is known when a port is chosen.

    claims: claims.everything.Claims.of; taken: this machine's sockets; seen: services that the
    book has met; ephemeral: what the system hands out to clients, None when not known;
    excluded: ranges that the system refuses to bind
    """

    claims: Callable[[int, Transport | None], Sequence[Claim]]
    policy: Policy | None = None
    taken: Sequence[Listener] = ()
    seen: Sequence[Service] = ()
    ephemeral: PortRange | None = LINUX_EPHEMERAL
    excluded: Sequence[PortRange] = ()

    @cached_property
    def sockets(self) -> Mapping[int, Sequence[Listener]]:
        """Return this machine's sockets by port number."""
        found: dict[int, list[Listener]] = {}
        for socket in self.taken:
            found.setdefault(socket.port, []).append(socket)
        return found

    @cached_property
    def sightings(self) -> Mapping[int, Sequence[Service]]:
        """Return the services that were seen, by port number."""
        found: dict[int, list[Service]] = {}
        for service in self.seen:
            found.setdefault(service.port, []).append(service)
        return found


_WARNING = (ClaimKind.ASSIGNED, ClaimKind.RESERVED, ClaimKind.DYNAMIC_USE, ClaimKind.SITE)
_SAID = {
    ClaimKind.ASSIGNED: "is registered there",
    ClaimKind.RESERVED: "keeps it back",
    ClaimKind.IANA_NOTED: "is noted there without an assignment",
    ClaimKind.VENDOR_RESERVED: "has its own rule for it",
    ClaimKind.UNOFFICIAL: "uses it by default",
    ClaimKind.DYNAMIC_USE: "uses it in the dynamic band",
    ClaimKind.MALWARE: "is known to use it or to look for it",
    ClaimKind.OS_EXCLUDED: "may refuse to bind it",
    ClaimKind.SITE: "has it by the site's own word",
}
# Wider ranges are what a system hands out; the ephemeral range of the host says that itself.
_WIDEST_USE = 1024


def source_of(source: Source) -> str:
    """Return who says it, when and where, in one line."""
    return ", ".join(part for part in (source.title, source.date, source.where) if part)


def of_policy(verdict: Verdict) -> Iterator[Reason]:
    """Give what a policy says."""
    weight = Weight.INFORM if verdict.allowed else Weight.BLOCK
    yield Reason(weight, verdict.code, f"{verdict.policy}: {verdict.reason}")
    for warning in verdict.warnings:
        yield Reason(Weight.WARN, warning.code, warning.message)


def of_number(plan: Plan, number: int, role: Role) -> Iterator[Reason]:
    """Give what a policy would say of any host, where there is no policy."""
    if number == 0:
        yield Reason(Weight.BLOCK, "PORT_ZERO", "0 asks the system for any port; none is fixed")
    elif role is Role.LISTEN and plan.ephemeral and number in plan.ephemeral:
        text = f"the system hands out {plan.ephemeral} to clients; a listener may find it taken"
        yield Reason(Weight.WARN, "EPHEMERAL_OVERLAP", text)


def of_machine(plan: Plan, number: int, transport: Transport | None) -> Iterator[Reason]:
    """Give what this machine holds or keeps back."""
    for socket in plan.sockets.get(number, ()):
        if transport in (None, socket.transport):
            who = f"{socket.program} (pid {socket.pid})" if socket.program else "a program unseen"
            address = f"[{socket.address}]" if ":" in socket.address else socket.address
            text = f"{socket.transport} {address}:{number} is held by {who}"
            yield Reason(Weight.BLOCK, "TAKEN", text)
    for kept in plan.excluded:
        if number in kept:
            text = f"this system refuses to bind {kept}"
            yield Reason(Weight.BLOCK, "EXCLUDED", text)


def of_claims(claims: Sequence[Claim], mild: bool) -> Iterator[Reason]:
    """Give what others say of the port; mild: nothing of it is a warning."""
    for claim in claims:
        if claim.claim not in _SAID or claim.alias_of:
            continue
        if claim.claim is ClaimKind.DYNAMIC_USE and claim.ports.size > _WIDEST_USE:
            continue
        weight = Weight.WARN if claim.claim in _WARNING and not mild else Weight.INFORM
        what = f"{claim.claimant} ({claim.title})" if claim.title else claim.claimant
        dated = f", {claim.source.date}" if claim.source.date else ""
        text = f"{what} {_SAID[claim.claim]}: {claim.source.title}{dated}"
        yield Reason(weight, "CLAIMED", text, claim)


def of_sightings(plan: Plan, number: int, transport: Transport | None) -> Iterator[Reason]:
    """Give who was seen to answer there."""
    for service in plan.sightings.get(number, ()):
        if transport in (None, service.transport):
            spoken = ", ".join(service.protocols) or "something unnamed"
            text = f"{service.address} answers there, {service.transport}: {spoken}"
            yield Reason(Weight.WARN, "SEEN", text)
