"""The page of a port: what it belongs to, who claims it, what is there, how to look for oneself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from portbook.claims.everything import Claims
from portbook.claims.profiles import profiles
from portbook.ports import Band, PortRange, Transport
from portbook.protocols import Profile, Usual
from portbook.records import Claim, ClaimKind

SHOWN = (Transport.TCP, Transport.UDP, Transport.SCTP, Transport.DCCP)
PARTIES = (
    ClaimKind.ASSIGNED,
    ClaimKind.UNOFFICIAL,
    ClaimKind.VENDOR_RESERVED,
    ClaimKind.DYNAMIC_USE,
    ClaimKind.SITE,
)


class PortPage(msgspec.Struct, frozen=True, tag="port", tag_field="kind"):
    """What stands on a port's page beside the claims, which are records of their own."""

    port: int
    transports: tuple[Transport, ...]  # asked for, or all that anybody claims
    band: Band
    alias: str  # the older name of the band
    range: PortRange
    registry: str  # source and date of the table
    collisions: tuple[str, ...]
    safety: tuple[str, ...]
    neighbours: tuple[str, ...]  # ports that belong to the same protocols
    how_to_check: Mapping[str, tuple[str, ...]]  # by system
    how_to_watch: tuple[str, ...]
    from_pid_to_program: Mapping[str, str]


def page(number: int, transport: Transport | None, claims: Claims) -> PortPage:
    """Return the page of a port; transport None asks for all."""
    said = claims.of(number, transport)
    asked = (transport,) if transport else _claimed(said)
    about = claims.registry.about
    band = Band.of(number)
    known = _spoken(number, said)
    return PortPage(
        port=number,
        transports=asked,
        band=band,
        alias=band.alias,
        range=band.range,
        registry=f"{about.source}, {about.date}",
        collisions=tuple(_collisions(number, asked, claims)),
        safety=tuple(dict.fromkeys(one.safety for one in known if one.safety)),
        neighbours=tuple(_neighbours(number, claims)),
        how_to_check=how_to_check(number, asked),
        how_to_watch=tuple(
            f"tcpdump -n {one.value} port {number}"
            for one in asked
            if one in (Transport.TCP, Transport.UDP)
        ),
        from_pid_to_program={
            "linux": "ps -o pid,user,args -p PID",
            "macos": "ps -o pid,user,command -p PID",
            "windows": "Get-Process -Id PID | Select-Object Id, ProcessName, Path",
        },
    )


def how_to_check(number: int, transports: Sequence[Transport]) -> dict[str, tuple[str, ...]]:
    """Return the system's own commands that show who holds a port, by system.

    Port 0 cannot be held: a program that binds it is given any free one.
    """
    if number == 0:
        return {}
    tcp, udp = Transport.TCP in transports, Transport.UDP in transports
    letters = ("t" if tcp else "") + ("u" if udp else "")
    linux = [f"sudo ss -{letters}lnp 'sport = :{number}'"] if letters else []
    macos = [f"sudo lsof -nP -iTCP:{number} -sTCP:LISTEN"] if tcp else []
    windows = [f"Get-NetTCPConnection -LocalPort {number} -State Listen"] if tcp else []
    if udp:
        macos.append(f"sudo lsof -nP -iUDP:{number}")
        windows.append(f"Get-NetUDPEndpoint -LocalPort {number}")
    return {"linux": tuple(linux), "macos": tuple(macos), "windows": tuple(windows)}


def _claimed(said: Sequence[Claim]) -> tuple[Transport, ...]:
    named = {
        one.transport for one in said if one.transport and one.claim is not ClaimKind.UNASSIGNED
    }
    always = {Transport.TCP, Transport.UDP}
    return tuple(one for one in SHOWN if one in named | always)


def _spoken(number: int, said: Sequence[Claim]) -> list[Profile]:
    """Return the protocols of ours that usually stand on the port."""
    names = {claim.protocol for claim in said if claim.protocol}
    return [one for name, one in profiles().items() if name in names]


def parties(
    number: int, transports: Sequence[Transport], claims: Claims
) -> list[tuple[Transport, dict[str, ClaimKind]]]:
    """Return who claims a port, by transport, where more than one party does."""
    found = []
    for transport in transports:
        named = {
            claim.claimant: claim.claim
            for claim in claims.of(number, transport)
            if claim.claim in PARTIES and claim.alias_of is None
        }
        if len(named) > 1:
            found.append((transport, named))
    return found


def relatives(number: int, claims: Claims) -> list[tuple[Profile, tuple[Usual, ...]]]:
    """Return the protocols that usually stand on a port, each with its other ports."""
    found = []
    for protocol in _spoken(number, claims.of(number)):
        others = tuple(one for one in protocol.usual if one.ports != PortRange(number, number))
        if others:
            found.append((protocol, others))
    return found


def _collisions(number: int, transports: Sequence[Transport], claims: Claims) -> Iterator[str]:
    for transport, named in parties(number, transports, claims):
        told = ", ".join(f"{name} ({kind.value})" for name, kind in named.items())
        yield f"{number}/{transport.value} is claimed by {len(named)}: {told}"


def _neighbours(number: int, claims: Claims) -> Iterator[str]:
    for protocol, others in relatives(number, claims):
        told = ", ".join(f"{one.ports}/{one.transport.value}" for one in others)
        yield f"{protocol.title}: {told}"
