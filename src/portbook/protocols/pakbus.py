"""PakBus (Campbell Scientific loggers) over TCP: quoted packets with a signature of zero."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "pakbus"
HEADER = Layout(
    "PakBus packet header, without its frame, and the begin of a message",
    10,
    (
        Field("link", 0, 2, BE, None, "4 bits link state, 12 bits address of the next receiver"),
        Field("priority", 2, 2, BE, None, "2 bits more expected, 2 bits priority, 12 bits sender"),
        Field("destination", 4, 2, BE, None, "4 bits protocol (0 control, 1 data), 12 bits node"),
        Field("source", 6, 2, BE, None, "4 bits hops, 12 bits node"),
        Field("message", 8, 1, BE, None, "what it is; bit 7: an answer"),
        Field("number", 9, 1, BE, None, "of the transaction, repeated in the answer"),
    ),
)
FRAME, QUOTE = 0xBD, 0xBC
QUOTED = {0xDC: 0xBC, 0xDD: 0xBD}
SEED, CHECK = 0xAAAA, 2
LINK_ONLY = 4  # octets of a packet that tells of the link and nothing else
LINK_STATES, PROTOCOLS = range(0x8, 0xD), (0, 1)
ADDRESS, ANSWER = 0x0FFF, 0x80
LONGEST, FRAMES_AT_MOST = 2048, 64
MESSAGES = {
    (0, 0x09): "hello", (0, 0x0B): "bye", (0, 0x0E): "hello request", (0, 0x0F): "get settings",
    (0, 0x10): "set settings", (0, 0x13): "device configuration", (1, 0x09): "collect data",
    (1, 0x14): "one-way data", (1, 0x17): "clock", (1, 0x18): "program status",
    (1, 0x1A): "get values", (1, 0x1B): "set values", (1, 0x1C): "file download",
    (1, 0x1D): "file upload", (1, 0x1E): "file control", (1, 0x21): "please wait",
}  # fmt: skip
STATUS = (1, 0x98)


class Packet(NamedTuple):
    """One packet with the right signature."""

    protocol: int
    kind: int
    number: int
    destination: int
    source: int
    data: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name PakBus by packets whose signature is right; confirm it by a transaction's answer."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = _packets(payload.to_server), _packets(payload.to_client)
    if asked is None or answered is None or not (asked or answered):
        return None
    sent = {(one.protocol, one.kind, one.number, one.source, one.destination) for one in asked}
    agreed = sum(
        (one.protocol, one.kind & ~ANSWER, one.number, one.destination, one.source) in sent
        for one in answered
        if one.kind & ANSWER
    )
    if any(one.kind & ANSWER for one in asked) and not agreed:
        return None
    because = [f"{len(asked) + len(answered)} packets have the right signature"]
    if agreed:
        because.append(f"{agreed} answers repeat transaction and nodes of a command")
    say = confirmed if agreed else plausible
    against = () if agreed else ("no command with its answer",)
    return say(NAME, *because, against=against, facts=_facts(asked + answered),
               server=_identity(answered))  # fmt: skip


def signature(octets: bytes, value: int = SEED) -> int:
    """Return the signature of 16 bits; over a packet and what nullifies it, it is 0.

    Source: Campbell Scientific BMP5 Transparent Commands Manual, appendix B.
    """
    for octet in octets:
        low = value << 1 & 0x1FF
        low += low >= 0x100
        value = (low + (value >> 8) + octet & 0xFF) | (value << 8 & 0xFF00)
    return value


def _packets(side: Side) -> list[Packet] | None:
    """Return what stands in the frames of one direction; None where something else does."""
    octets = side.octets
    if octets and octets[0] != FRAME:
        return None
    parts = octets.split(bytes((FRAME,)), FRAMES_AT_MOST)
    last = parts.pop() if parts else b""
    if len(last) > LONGEST or (last and side.complete and len(parts) < FRAMES_AT_MOST):
        return None
    found = []
    for part in parts:
        if not part:
            continue
        plain = _unquoted(part) if len(part) <= LONGEST else None
        if plain is None or len(plain) < LINK_ONLY + CHECK or signature(plain):
            return None
        if plain[0] >> 4 not in LINK_STATES:
            return None
        packet = _read(plain[:-CHECK])
        if packet is None and len(plain) != LINK_ONLY + CHECK:
            return None
        found += [packet] if packet else []
    return found


def _unquoted(octets: bytes) -> bytes | None:
    plain, quoted = bytearray(), False
    for octet in octets:
        if quoted:
            if octet not in QUOTED:
                return None
            plain.append(QUOTED[octet])
            quoted = False
        elif octet == QUOTE:
            quoted = True
        else:
            plain.append(octet)
    return None if quoted else bytes(plain)


def _read(plain: bytes) -> Packet | None:
    read = HEADER.read(plain)
    if read is None or read["destination"] >> 12 not in PROTOCOLS:
        return None
    return Packet(
        read["destination"] >> 12,
        read["message"],
        read["number"],
        read["destination"] & ADDRESS,
        read["source"] & ADDRESS,
        plain[HEADER.size :],
    )


def _facts(packets: list[Packet]) -> dict[str, object]:
    kinds = {(one.protocol, one.kind & ~ANSWER) for one in packets}
    nodes = {node for one in packets for node in (one.destination, one.source)} - {ADDRESS}
    return {
        "messages": sorted({MESSAGES[kind] for kind in kinds if kind in MESSAGES}),
        "nodes": sorted(nodes),
    }


def _identity(answers: list[Packet]) -> dict[str, str]:
    """Return system and serial number of a logger, where it tells of its program."""
    for one in answers:
        if (one.protocol, one.kind) == STATUS and one.data[:1] == b"\0":
            system, _, rest = one.data[1:].partition(b"\0")
            serial = rest[2:].partition(b"\0")[0]
            told = {"vendor": "Campbell Scientific", "product": clean(system.split(b".")[0]),
                    "version": clean(system), "serial": clean(serial)}  # fmt: skip
            return {key: text for key, text in told.items() if text}
    return {}


PROTOCOL = Protocol(
    name=NAME,
    title="PakBus (Campbell Scientific data loggers)",
    recognise=recognise,
    sources=(
        Source("Campbell Scientific: BMP5 Transparent Commands Manual", None,
               "sections 1 and 2, appendix B"),
        Source("PyCampbellCR1000 0.4, pakbus.py", "2019", "header, signature, messages; port"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, bytes((FRAME, FRAME))),
        *(
            Signature(Transport.TCP, 0, bytes((FRAME, state << 4)), b"\xff\xf0")
            for state in LINK_STATES
        ),
    ),
    usual=(Usual(PortRange(6785, 6785), Transport.TCP, confidence="two sources"),),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "PakBus sets clocks, values and programs of data loggers; its security code travels in "
        "the clear. Keep it inside."
    ),
)  # fmt: skip
