"""Cases for the rules: a small plant's protocols and claims, and records in few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from portbook.addresses import Scope, scope_of
from portbook.findings import Case, judge
from portbook.ports import PortRange, Transport
from portbook.protocols import Profile, Usual
from portbook.records import (
    Claim,
    ClaimKind,
    Confidence,
    Conversation,
    Finding,
    Listener,
    Owner,
    Service,
    Source,
)

TCP, UDP = Transport.TCP, Transport.UDP
NOW = 1_790_000_000_000_000_000
IANA = Source("IANA registry", "2026-08-17")


def protocol(
    name: str,
    *ports: tuple[int, int, Transport],
    inside: Scope | None = None,
    programs: tuple[str, ...] = (),
) -> Profile:
    return Profile(
        name,
        name,
        (Source(f"page of {name}"),),
        tuple(Usual(PortRange(first, last), transport) for first, last, transport in ports),
        stays_inside=inside,
        programs=programs,
    )


PROTOCOLS: Mapping[str, Profile] = {
    one.name: one
    for one in (
        protocol(
            "codesys-v3",
            (1740, 1743, UDP),
            (11740, 11743, TCP),
            inside=Scope.LINK,
            programs=("codesyscontrol", "codesyscontrolservice"),
        ),
        protocol("modbus", (502, 502, TCP), inside=Scope.PRIVATE, programs=("mbserverd",)),
        protocol("enip", (44818, 44818, TCP), (44818, 44818, UDP), inside=Scope.PRIVATE),
        protocol("optommp", (2001, 2001, TCP), inside=Scope.PRIVATE),
        protocol("unitrends", (1743, 1743, TCP), inside=Scope.PRIVATE, programs=("bpserverd",)),
        protocol("reftek", (2543, 2543, TCP), (2543, 2543, UDP), programs=("rtpd",)),
        protocol("http", (80, 80, TCP), (8080, 8080, TCP)),
        protocol("ssh", (22, 22, TCP), programs=("sshd",)),
        protocol("tls", (443, 443, TCP)),
        protocol("snmp", (161, 161, UDP)),
        protocol("ftp", (21, 21, TCP)),
        protocol("dns", (53, 53, UDP)),
        protocol("mdns", (5353, 5353, UDP)),
    )
}


def claim(
    first: int,
    name: str,
    kind: ClaimKind = ClaimKind.ASSIGNED,
    transport: Transport | None = None,
    last: int | None = None,
    title: str | None = None,
) -> Claim:
    return Claim(PortRange(first, last or first), transport, name, kind, IANA, title=title)


CLAIMS = (
    claim(22, "ssh"),
    claim(80, "http"),
    claim(443, "https", title="http protocol over TLS/SSL"),
    claim(502, "mbap", title="Modbus Application Protocol"),
    claim(631, "ipp"),
    claim(1742, "3Com-nsd"),
    claim(1743, "cinegrfx-lm"),
    claim(1740, "CODESYS V3 block driver", ClaimKind.UNOFFICIAL, UDP, 1743),
    claim(1743, "Unitrends control channel", ClaimKind.UNOFFICIAL, TCP),
    claim(1714, "KDE Connect", ClaimKind.UNOFFICIAL, None, 1764),
    claim(2001, "dc", transport=TCP),
    claim(2001, "Opto 22 OptoMMP host port", ClaimKind.VENDOR_RESERVED),
    claim(2543, "reftek"),
    claim(3000, "remoteware-cl"),
    claim(3000, "Grafana", ClaimKind.UNOFFICIAL, TCP),
    claim(5355, "llmnr", title="LLMNR"),
    claim(22001, "optocontrol"),
    claim(44818, "EtherNet-IP-2"),
    claim(50000, "Opto 22 internal use", ClaimKind.VENDOR_RESERVED, None, 50999),
    claim(32768, "Linux clients", ClaimKind.DYNAMIC_USE, None, 60999),
)


def claims_at(number: int, transport: Transport) -> list[Claim]:
    return [one for one in CLAIMS if number in one.ports and one.transport in (None, transport)]


def case(**given: Any) -> Case:
    return Case(claims_at, PROTOCOLS, NOW, **given)


def findings(code: str, **given: Any) -> list[Finding]:
    return list(judge(case(**given), only=(code,)))


def told(found: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(one.level.value, one.subject) for one in found]


def service(
    address: str,
    number: int,
    *protocols: str,
    transport: Transport = TCP,
    confidence: Confidence | None = Confidence.CONFIRMED,
    **more: Any,
) -> Service:
    return Service(
        address,
        number,
        transport,
        protocols,
        (),
        1,
        NOW,
        NOW,
        "plant.pcap",
        confidence=confidence if protocols else None,
        **more,
    )


def conversation(
    client: str,
    server: str,
    number: int,
    name: str | None,
    transport: Transport = TCP,
    confidence: Confidence | None = Confidence.CONFIRMED,
    client_port: int = 51000,
    **more: Any,
) -> Conversation:
    return Conversation(
        transport,
        client,
        client_port,
        server,
        number,
        more.pop("source", "plant.pcap"),
        4,
        400,
        80,
        NOW,
        NOW,
        protocol=name,
        confidence=confidence,
        **more,
    )


def listener(
    number: int,
    *programs: str,
    address: str = "0.0.0.0",
    transport: Transport = TCP,
    command: str | None = None,
    pid: int = 4711,
    **more: Any,
) -> Listener:
    return Listener(
        transport,
        address,
        number,
        scope_of(address),
        more.pop("state", "listen" if transport is TCP else "unconnected"),
        NOW,
        tuple(Owner(pid + at, name, command=command) for at, name in enumerate(programs)),
        owners_hidden=not programs,
        **more,
    )
