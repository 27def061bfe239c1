"""LonWorks over IP (CEA-852): a header with its length, sessions that count their datagrams."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import BE, Field, Layout
from portbook.records import Identification, Source

NAME = "lonworks-ip"
HEADER = Layout(
    "CEA-852 header",
    20,
    (
        Field("length", 0, 2, BE, "octet", "of the whole message"),
        Field("version", 2, 1, BE, None, "always 1", 1),
        Field("type", 3, 1, BE, None, "1 data, 3 register, 7 acknowledge and others"),
        Field("extension", 4, 1, BE, "4 octets", "header that follows this one", 0),
        Field("flags", 5, 1, BE, None, "bit 5: signed; 5 bits protocol, 0 LonTalk", 0),
        Field("vendor", 6, 2, BE, None, "vendor code of an extension", 0),
        Field("session", 8, 4, BE, None, "chosen when the sender started"),
        Field("sequence", 12, 4, BE, None, "counts the messages of a session"),
        Field("time", 16, 4, BE, "ms", "when it was sent"),
    ),
)
DATA, ACKNOWLEDGE = 0x01, 0x07
TYPES = {
    DATA: "data", 0x03: "device registration", 0x04: "channel membership", 0x06: "send list",
    ACKNOWLEDGE: "acknowledge", 0x08: "channel routing", 0x60: "statistics request",
    0x63: "configuration request", 0x64: "membership request", 0x66: "send list request",
    0x68: "routing request", 0x70: "statistics", 0x71: "device configuration", 0x7F: "segment",
}  # fmt: skip
ANSWERS = {0x60: 0x70, 0x63: 0x71, 0x64: 0x04, 0x66: 0x06, 0x68: 0x08}
SIGNED, VERSION_BITS = 0x20, 0xC0
LEAST_DATA, STEP_AT_MOST = 4, 64


def recognise(payload: Payload) -> Identification | None:
    """Name CEA-852 when datagrams of one session follow each other, or a request is answered."""
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = _read(payload.to_server), _read(payload.to_client)
    if asked is None or answered is None:
        return None
    followed = _followed(asked) + _followed(answered)
    pairs = _answered(asked, answered) + _answered(answered, asked)
    if not (followed or pairs):
        return None
    told = asked + answered
    because = [f"{len(told)} datagrams have the length that their header tells"]
    if followed:
        because.append(f"{followed} follow the one before in its session")
    if pairs:
        because.append(f"{pairs} answers are of the kind that was asked for")
    return plausible(
        NAME, *because, facts={"messages": sorted({TYPES[one["type"]] for one in told})}
    )


def _read(side: Side) -> list[dict[str, Any]] | None:
    found = []
    for piece in judged(side):
        read = HEADER.read(piece.octets)
        if read is None or read["length"] != piece.length or read["version"] != 1:
            return None
        if read["type"] not in TYPES or read["flags"] & ~SIGNED or read["vendor"]:
            return None
        start = HEADER.size + 4 * read["extension"]
        if start > piece.length or not read["session"]:
            return None
        if read["type"] == DATA and not _lontalk(piece.octets[start:], piece.length - start):
            return None
        found.append(read)
    return found


def _lontalk(octets: bytes, length: int) -> bool:
    """Tell whether a LonTalk packet of version 0 can stand there (EIA-709.1, section 7)."""
    return length >= LEAST_DATA and not (len(octets) > 1 and octets[1] & VERSION_BITS)


def _followed(told: list[dict[str, Any]]) -> int:
    """Count the datagrams that follow the one before in number and time; 0 where one does not."""
    for before, after in pairwise(told):
        step = (after["sequence"] - before["sequence"]) & 0xFFFFFFFF
        if before["session"] != after["session"] or not 1 <= step <= STEP_AT_MOST:
            return 0
    return max(len(told) - 1, 0)


def _answered(asked: list[dict[str, Any]], answered: list[dict[str, Any]]) -> int:
    wanted = {ANSWERS[one["type"]] for one in asked if one["type"] in ANSWERS}
    return sum(one["type"] in wanted for one in answered)


PROTOCOL = Protocol(
    name=NAME,
    title="LonWorks over IP (CEA-852)",
    recognise=recognise,
    sources=(
        Source("ANSI/CEA-852-C: Tunneling Device Area Network Protocols over IP", "2010",
               "header, message types, ports"),
        Source("Wireshark 4.0.17, packet-cnip.c", "2024-11", "header, message types"),
    ),
    signatures=tuple(Signature(Transport.UDP, 2, bytes((1, kind))) for kind in TYPES),
    usual=(Usual(PortRange(1628, 1629), Transport.UDP, "both", confidence="two sources"),),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "LonWorks over IP switches what a building has, as a rule without a signature. "
        "Keep it inside the building's control network."
    ),
)  # fmt: skip
