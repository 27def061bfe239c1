"""Which ports are kept where, and why: from what protocols declare, and from a site's plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from portbook.addresses import Scope
from portbook.claims.policies import Policy, Role
from portbook.planning.names import names_it
from portbook.planning.siteplan import Entry, SitePlan
from portbook.ports import PortRange, Transport
from portbook.protocols import Profile

MOST_LINES = 8  # of the plan, named in one reason


class Kind(StrEnum):
    """How far a port may be reached.

    DISCOVERY: inside its subnet. ENGINEERING: from named stations. CONTROL: as far as the
    protocol's `stays_inside`.
    """

    DISCOVERY = "discovery"
    ENGINEERING = "engineering"
    CONTROL = "control"


class Guard(msgspec.Struct, frozen=True):
    """Ports of one protocol and transport, and why they are kept."""

    name: str  # "codesys-v3"
    kind: Kind
    transport: Transport
    ports: tuple[PortRange, ...]
    reach: Scope  # how far CONTROL may be reached
    why: str


# What is neither here is CONTROL. Sources: CODESYS FAQ, page "CODESYS Control" (a controller is
# never reachable from the Internet; programming runs over the block drivers); the address of a
# CODESYS node holds host bits of its own subnet only, so that discovery beyond it goes astray;
# EtherNet/IP's ListIdentity is asked over UDP; PAC Control loads and starts strategies on 22001.
_KINDS: Mapping[tuple[str, Transport], tuple[Kind, str]] = {
    ("codesys-v3", Transport.UDP): (
        Kind.DISCOVERY,
        "discovery and sessions stay in the subnet: nodes hold host bits only, and whoever "
        "reaches them can program",
    ),
    ("enip", Transport.UDP): (
        Kind.DISCOVERY,
        "ListIdentity answers anybody; asked inside the subnet only",
    ),
    ("codesys-v3", Transport.TCP): (
        Kind.ENGINEERING,
        "log-in, download and stop run here: named stations only, never from outside",
    ),
    ("codesys-v2", Transport.TCP): (
        Kind.ENGINEERING,
        "a command shell without log-in on old runtimes: named stations only",
    ),
    ("pac-control", Transport.TCP): (
        Kind.ENGINEERING,
        "strategies are loaded and stopped here without log-in: named stations only",
    ),
}


def guards(
    profiles: Iterable[Profile], plan: SitePlan | None = None, policies: Sequence[Policy] = ()
) -> tuple[Guard, ...]:
    """Return what is to be kept where, in the order of names and transports.

    profiles: those with `stays_inside` count; plan: adds ports whose use names such a protocol, or
    is the use that one of the policies rules over
    """
    found: dict[tuple[str, Transport], list[PortRange]] = {}
    known = {one.name: one for one in profiles if one.stays_inside is not None}
    for profile in known.values():
        for one in profile.usual:
            found.setdefault((profile.name, one.transport), []).append(one.ports)
    usual = {key: tuple(ports) for key, ports in found.items()}
    lines: dict[tuple[str, Transport], list[int]] = {}
    names: dict[tuple[str, str | None], str | None] = {}  # a plan names the same use many times
    for entry in plan.entries if plan else ():
        asked = (entry.use, entry.policy)
        if asked not in names:
            names[asked] = _name(entry, known, policies)
        name = names[asked]
        if name is None or entry.role != Role.LISTEN or entry.ports.first == 0:
            continue
        for transport in _transports(entry, name, usual):
            key = (name, transport)
            if not any(_holds(span, entry.ports) for span in usual.get(key, ())):
                found.setdefault(key, []).append(entry.ports)
                lines.setdefault(key, []).append(entry.line)
    return tuple(
        _guard(key, found[key], known.get(key[0]), lines.get(key, ())) for key in sorted(found)
    )


def _guard(
    key: tuple[str, Transport],
    ports: Iterable[PortRange],
    profile: Profile | None,
    lines: Sequence[int],
) -> Guard:
    reach = profile.stays_inside if profile and profile.stays_inside else Scope.PRIVATE
    usual = f"stays inside: {'private addresses' if reach is Scope.PRIVATE else reach.value}"
    kind, why = _KINDS.get(key, (Kind.CONTROL, usual))
    if lines:
        told = ", ".join(map(str, lines[:MOST_LINES])) + (" ..." if len(lines) > MOST_LINES else "")
        why += f"; line {told} of the plan"
    return Guard(key[0], kind, key[1], _joined(ports), reach, why)


def _name(entry: Entry, known: Mapping[str, Profile], policies: Iterable[Policy]) -> str | None:
    for name in sorted(known):
        if names_it(entry.use, (name, known[name].title.partition(":")[0])):
            return name
    use = entry.use.casefold()
    for policy in policies:
        if policy.name == entry.policy or any(word in use for word in policy.text.uses):
            return f"plan-{policy.name}"
    return None


def _transports(
    entry: Entry, name: str, found: Mapping[tuple[str, Transport], object]
) -> tuple[Transport, ...]:
    if entry.transport:
        return (entry.transport,) if entry.transport in (Transport.TCP, Transport.UDP) else ()
    both = (Transport.TCP, Transport.UDP)
    return tuple(one for one in both if (name, one) in found) or both


def _holds(one: PortRange, other: PortRange) -> bool:
    return one.first <= other.first and other.last <= one.last


def _joined(ports: Iterable[PortRange]) -> tuple[PortRange, ...]:
    joined: list[PortRange] = []
    for one in sorted(ports):
        if joined and one.first <= joined[-1].last + 1:
            joined[-1] = PortRange(joined[-1].first, max(joined[-1].last, one.last))
        else:
            joined.append(one)
    return tuple(joined)
