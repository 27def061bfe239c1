"""Does what speaks fit what is claimed? Asked by every rule that compares the two.

A claim to a large block (an operating system's ephemeral range, a vendor's thousand ports) says
who may use it, not what speaks on one of its numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from portbook.findings import Case
from portbook.ports import PortRange, Transport
from portbook.protocols import Profile
from portbook.records import Claim, ClaimKind

SPEAKING = frozenset(
    {
        ClaimKind.ASSIGNED,
        ClaimKind.UNOFFICIAL,
        ClaimKind.VENDOR_RESERVED,
        ClaimKind.SITE,
        ClaimKind.DYNAMIC_USE,
    }
)
WIDEST_CLAIM = 256  # numbers; wider blocks do not say what speaks on one of them
# Other products ride on these, so meeting them contradicts no claim of a product.
CARRIERS = frozenset({"http", "tls", "ssh"})
# The bytes of one may rightly be called by the other's name: a unicast LLMNR answer is DNS.
KIN = (
    frozenset({"dns", "mdns", "llmnr", "nbns"}),
    frozenset({"dhcp", "bootp"}),
    frozenset({"enip", "cip-io"}),
    frozenset({"cotp", "mms", "s7comm"}),
)
FAMILIES = (*KIN, frozenset({"http", "tls"}))  # may share a port of one program
_SECURED = {"tls", "ssl", "secure", "secured", "https"}


def speaking(claims: Iterable[Claim]) -> list[Claim]:
    """Return the claims that say what speaks on a port."""
    return [
        claim
        for claim in claims
        if claim.claim in SPEAKING and claim.ports.size <= WIDEST_CLAIM and claim.role != "client"
    ]


def claimants(claims: Iterable[Claim]) -> tuple[str, ...]:
    """Return the names in the order of the claims, each once."""
    return tuple(dict.fromkeys(claim.claimant for claim in claims))


def cited(claims: Iterable[Claim]) -> tuple[str, ...]:
    """Say for each claim who makes it and where it stands."""
    return tuple(
        dict.fromkeys(
            f"{claim.claimant} ({claim.claim.value}) says {_source(claim)}" for claim in claims
        )
    )


def usual_ports(protocol: Profile, transport: Transport) -> tuple[PortRange, ...]:
    """Return where a protocol's server is usually met."""
    return tuple(
        usual.ports
        for usual in protocol.usual
        if usual.transport is transport and usual.role != "client"
    )


def residents(case: Case, number: int, transport: Transport) -> Sequence[Profile]:
    """Return the known protocols that are usually met at this port."""
    return case.residents.get((number, transport), ())


def agrees(protocol: Profile, claims: Sequence[Claim], number: int, transport: Transport) -> bool:
    """Tell whether any claim of the port, or the protocol's own habit, fits the protocol."""
    if any(number in usual.ports and usual.transport is transport for usual in protocol.usual):
        return True
    kin = {protocol.name}.union(*(one for one in KIN if protocol.name in one))
    return any(_names(name, claim) for name in kin for claim in claims)


def related(names: Iterable[str]) -> bool:
    """Tell whether protocols of these names may share a port as one family."""
    wanted = set(names)
    return any(wanted <= family for family in FAMILIES)


def names(protocol: Profile, claim: Claim) -> bool:
    """Tell whether a claim's words are those of a protocol."""
    return _names(protocol.name, claim)


def _names(name: str, claim: Claim) -> bool:
    if claim.protocol == name and claim.claim in SPEAKING:
        return True
    told = _words(f"{claim.claimant} {claim.alias_of or ''} {claim.title or ''}")
    if name == "tls":
        return bool(_SECURED.intersection(told.split())) or claim.claimant.endswith("-s")
    return _words(name) in told


@lru_cache(maxsize=4096)
def _words(text: str) -> str:
    return f" {' '.join(re.findall(r'[a-z0-9]+', text.lower()))} "


def _source(claim: Claim) -> str:
    source = claim.source
    return f"{source.title}, {source.date}" if source.date else source.title
