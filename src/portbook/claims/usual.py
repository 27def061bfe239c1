"""The usual ports that protocols declare, as claims; what they share with other rows is told once.

A protocol's file names its ports; nothing of it is written again here. Where the registry gave
the port to the very protocol, the registry's claim says so and no second one is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from portbook.claims.profiles import profiles
from portbook.protocols import Profile, Usual
from portbook.records import Claim, ClaimKind

# Registered names that share no word with the protocol's own name or title.
_REGISTERED_AS: Mapping[str, tuple[str, ...]] = {
    "cip-io": ("ethernet-ip-1",),
    "cotp": ("iso-tsap", "ms-wbt-server"),
    "dhcp": ("bootps", "bootpc"),
    "dnp3": ("dnp",),
    "dns": ("domain",),
    "dtls": ("coaps",),
    "ike": ("isakmp", "ipsec-nat-t"),
    "knxnet-ip": ("efcp",),
    "memcached": ("memcache",),
    "oracle-tns": ("oracle",),
    "smb": ("microsoft-ds", "netbios-ssn"),
    "smtp": ("submission",),
    "tds": ("ms-sql-s",),
}


def usual_claims(known: Iterable[Profile] | None = None) -> tuple[Claim, ...]:
    """Return one claim for each usual port of the protocols; None: of all that are known."""
    chosen = profiles().values() if known is None else known
    return tuple(_claim(protocol, usual) for protocol in chosen for usual in protocol.usual)


def is_the_same(claim: Claim, usual: Claim, titles: Mapping[str, str]) -> bool:
    """Tell whether another row already says that a usual claim's protocol has the port.

    titles: the protocols' titles by name
    """
    if claim.protocol or usual.protocol is None:
        return claim.protocol == usual.protocol
    if claim.claim in _OTHER_THINGS:
        return False
    claimant = claim.claimant.casefold()
    if claimant in _REGISTERED_AS.get(usual.protocol, ()):
        return True
    name, plain = _plain(usual.protocol), _plain(claimant)
    if plain.startswith(name):
        return True
    words = (claim.title or "").casefold().replace("/", " ").split()
    head = titles.get(usual.protocol, "").partition(":")[0].casefold()
    return usual.protocol in words or (bool(head) and head in (claim.title or "").casefold())


_OTHER_THINGS = (
    ClaimKind.RESERVED,
    ClaimKind.UNASSIGNED,
    ClaimKind.MALWARE,
    ClaimKind.OS_EXCLUDED,
    ClaimKind.VENDOR_RESERVED,
)


def _claim(protocol: Profile, usual: Usual) -> Claim:
    source = protocol.sources[min(usual.source, len(protocol.sources) - 1)]
    return Claim(
        ports=usual.ports,
        transport=usual.transport,
        claimant=protocol.title.partition(":")[0],
        claim=ClaimKind.UNOFFICIAL,
        source=source,
        confidence=usual.confidence,
        title=usual.title or protocol.title,
        role=usual.role,
        protocol=protocol.name,
    )


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
