"""DDS on the wire (RTPS): a magic word, a vendor, and submessages that fill each datagram."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import BE, HEX, TEXT, Field, Layout
from portbook.records import Identification, Source

NAME = "rtps"
HEADER = Layout(
    "RTPS message header",
    20,
    (
        Field("magic", 0, 4, TEXT, None, "always RTPS", "RTPS"),
        Field("major", 4, 1, BE, None, "version of the protocol", 2),
        Field("minor", 5, 1, BE, None, "version of the protocol", 1),
        Field("vendor", 6, 2, HEX, None, "who made the software", "0110"),
        Field("prefix", 8, 12, HEX, None, "of the participant's identifiers", "00" * 12),
    ),
)
MAGIC = b"RTPS"
MAJORS = (1, 2)
SUBMESSAGE = 4  # octets before each: kind, flags, length
LITTLE = 0x01  # flag: the length and all numbers have their least octet first
VENDOR_OWN = 0x80  # kinds from here on belong to the vendor
PAD, TIME = 0x01, 0x09
KINDS = {
    PAD: "pad", 0x06: "acknowledge", 0x07: "heartbeat", 0x08: "gap", TIME: "time",
    0x0C: "source", 0x0D: "reply address", 0x0E: "destination", 0x0F: "reply address",
    0x12: "acknowledge fragments", 0x13: "heartbeat of fragments", 0x15: "data",
    0x16: "data fragment", 0x30: "secured body", 0x31: "secure prefix", 0x32: "secure postfix",
    0x33: "secured message", 0x34: "secured message",
}  # fmt: skip
EMPTY = (PAD, TIME)  # of these a length of 0 does not mean: to the end
VENDORS = {
    "0101": "RTI Connext DDS", "0102": "OpenSplice DDS", "0103": "OpenDDS",
    "0106": "CoreDX DDS", "010a": "RTI Connext DDS Micro", "010f": "Fast DDS",
    "0110": "Cyclone DDS", "0112": "RustDDS",
}  # fmt: skip
SUBMESSAGES_AT_MOST = 128


class Message(NamedTuple):
    """One datagram that its submessages fill."""

    version: str
    vendor: str
    kinds: tuple[str, ...]


def recognise(payload: Payload) -> Identification | None:
    """Name RTPS by its magic word; confirm it when submessages fill every datagram."""
    if payload.transport is not Transport.UDP:
        return None
    sides = (payload.to_server, payload.to_client)
    if not any(sides) or not all(_begins(side) for side in sides):
        return None
    read = [[_read(piece.octets, piece.length) for piece in judged(side)] for side in sides]
    asked, answered = ([one for one in side if one] for side in read)
    told = asked + answered
    if not told:
        return None
    facts = {
        "rtps_version": told[0].version,
        "messages": sorted({kind for one in told for kind in one.kinds}),
    }
    client, server = _identity(asked), _identity(answered)
    because = (f"{len(told)} datagrams begin with RTPS", "submessages fill them to the end")
    if len(told) == sum(map(len, read)):
        return confirmed(NAME, *because, facts=facts, client=client, server=server)
    against = ("some datagrams are not filled",)
    return plausible(NAME, because[0], against=against, facts=facts, client=client, server=server)


def _begins(side: Side) -> bool:
    return all(piece.octets.startswith(MAGIC) for piece in judged(side))


def _read(octets: bytes, length: int) -> Message | None:
    header = HEADER.read(octets)
    if header is None or header["major"] not in MAJORS:
        return None
    kinds: list[str] = []
    at = HEADER.size
    while at < length and len(kinds) < SUBMESSAGES_AT_MOST:
        if at + SUBMESSAGE > len(octets):
            break
        kind, flags = octets[at], octets[at + 1]
        if kind not in KINDS and kind < VENDOR_OWN:
            return None
        size = int.from_bytes(octets[at + 2 : at + 4], "little" if flags & LITTLE else "big")
        at += SUBMESSAGE + size
        if not size and kind not in EMPTY:
            at = length
        kinds.append(KINDS.get(kind, "of the vendor"))
    cut = len(octets) < length
    if not kinds or at > length or (at < length and not cut and len(kinds) < SUBMESSAGES_AT_MOST):
        return None
    return Message(f"{header['major']}.{header['minor']}", header["vendor"], tuple(kinds))


def _identity(told: list[Message]) -> dict[str, str]:
    product = next((VENDORS[one.vendor] for one in told if one.vendor in VENDORS), None)
    return {"product": product} if product else {}


PROTOCOL = Protocol(
    name=NAME,
    title="DDS Interoperability Wire Protocol (RTPS)",
    recognise=recognise,
    sources=(
        Source("OMG formal/2022-04-01: DDS Interoperability Wire Protocol 2.5", "2022-04",
               "sections 8.3.3, 9.4 and 9.6.1"),
        Source("DDS Foundation, vendor and product IDs", None, "vendor ids"),
    ),
    signatures=(Signature(Transport.UDP, 0, MAGIC),),
    usual=(Usual(PortRange(7400, 7430), Transport.UDP, "both", confidence="one source"),),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Without DDS Security whoever reaches a participant reads and writes all its topics, and "
        "can make it answer to others. Keep it inside."
    ),
)  # fmt: skip
