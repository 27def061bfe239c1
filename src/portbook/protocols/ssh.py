"""SSH: each side's first line is its protocol version and its software."""

from __future__ import annotations

import re
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import Mould, Octets, OneOf, Run, Speech
from portbook.protocols.text import clean, product
from portbook.records import Identification, Source

NAME = "ssh"
SOURCES = (
    Source("RFC 4253, SSH Transport Layer Protocol", "2006-01", "sections 4.2 and 5.1"),
    Source("RFC 4251, SSH Protocol Architecture", "2006-01"),
)
LONGEST = 255  # octets of the version line with its line end, RFC 4253 section 4.2
LINES_BEFORE = 16  # a server may send other lines first, RFC 4253 section 4.2
REFUSAL = b"Exceeded MaxStartups"

_VERSION = re.compile(rb"SSH-(1\.[0-9]{1,2}|2\.0)-(.*)\Z", re.DOTALL)


class Banner(NamedTuple):
    """A version line."""

    protocol: str  # "2.0", "1.99"
    software: str  # "OpenSSH_9.2p1"
    comment: str
    faults: tuple[str, ...]


def recognise(payload: Payload) -> Identification | None:
    """Name SSH by the version line of either side."""
    if payload.transport is not Transport.TCP:
        return None
    asks, answers = banner(payload.to_server, before=0), banner(payload.to_client)
    seen = [one for one in (asks, answers) if one]
    if not seen:
        return _refused(payload)
    faults = tuple(fault for one in seen for fault in one.faults)
    if len(seen) == 1 and payload.to_server and payload.to_client:
        faults += ("the other side has no version line",)
    told = plausible if any(len(one.faults) > 0 for one in seen) else confirmed
    return told(
        NAME,
        *(f"version line SSH-{one.protocol}-{one.software}" for one in seen),
        against=faults,
        facts={"ssh_version": seen[-1].protocol},
        client=_facts(asks),
        server=_facts(answers),
    )


def banner(side: Side, before: int = LINES_BEFORE) -> Banner | None:
    """Return the version line of one side, or None when it has none.

    before: how many other lines may stand in front of it
    """
    for number, line in enumerate(side.octets.split(b"\n", before + 1)):
        match = _VERSION.match(line.removesuffix(b"\r")) if number <= before else None
        if match:
            ended = len(side.octets.split(b"\n", number + 1)) > number + 1
            software, _, comment = match[2].partition(b"\n")[0].rstrip(b"\r").partition(b" ")
            return Banner(match[1].decode(), clean(software), clean(comment), _faults(line, ended))
    return None


def _faults(line: bytes, ended: bool) -> tuple[str, ...]:
    line = line.partition(b"\n")[0]
    faults = []
    if not ended:
        faults.append("the version line has no end")
    if len(line) + 1 > LONGEST:
        faults.append(f"the version line has {len(line) + 1} octets, {LONGEST} are allowed")
    if any(octet < 0x20 or octet == 0x7F for octet in line.removesuffix(b"\r")):
        faults.append("control characters in the version line")
    return tuple(faults)


def _refused(payload: Payload) -> Identification | None:
    if payload.to_server or not payload.to_client.octets.startswith(REFUSAL):
        return None
    return plausible(
        NAME,
        "the server turns away the way OpenSSH does",
        against=("no version line was seen",),
        server={"product": "OpenSSH"},
    )


def _facts(line: Banner | None) -> dict[str, str]:
    if not line or not line.software:
        return {}
    facts = product(line.software.replace("_Release", "").replace("_for_Windows", ""))
    if "version" in facts and line.comment:
        facts["version"] += f" {line.comment}"
    return facts


def _mould() -> Mould:
    """A version line of SSH 2 of either side, at the start of what it says."""
    text = Run(bytes({*range(0x20, 0x100)} - {0x7F}), 1, 200)
    line = (Octets(b"SSH-"), OneOf((b"2.0-", b"1.99-")), text, OneOf((b"\r\n", b"\n")))
    return Mould(Transport.TCP, Speech((line,), ()), Speech((line,), ()))


PROTOCOL = Protocol(
    name=NAME,
    title="Secure Shell",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        Signature(Transport.TCP, 0, b"SSH-"),
        Signature(Transport.TCP, 0, REFUSAL[:8]),
    ),
    usual=(Usual(PortRange(22, 22), Transport.TCP, confidence="verified"),),
    moulds=(_mould(),),
    safety="Encrypted; version 1 (SSH-1.x other than 1.99) is broken and should be off.",
    programs=("sshd", "sshd-session", "ssh", "dropbear"),
)
