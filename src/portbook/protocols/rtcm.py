"""RTCM 3 corrections for satellite receivers: frames with a length and a checksum of 24 bits."""

from __future__ import annotations

from portbook.ports import Transport
from portbook.protocols import Payload, Protocol, Signature, confirmed, plausible
from portbook.protocols.framing import MORE, both
from portbook.protocols.layout import BE, Field, Layout
from portbook.records import Identification, Source

NAME = "rtcm"
HEADER = Layout(
    "RTCM 3 frame header and the begin of a message",
    5,
    (
        Field("preamble", 0, 1, BE, None, "always D3", 0xD3),
        Field("length", 1, 2, BE, "octet", "6 bits 0, 10 bits length of the message"),
        Field("number", 3, 2, BE, None, "12 bits message number, then its first field"),
    ),
)
PREAMBLE, CHECK, MOST, LEAST = 0xD3, 3, 0x3FF, 2
NUMBERS = range(1001, 4096)  # below 1001 are messages of no standard
ENOUGH = 2  # frames with the right checksum


def _table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        value = octet << 16
        for _ in range(8):
            value = value << 1 ^ (0x1864CFB if value & 0x800000 else 0)
        table.append(value & 0xFFFFFF)
    return tuple(table)


_TABLE = _table()


def recognise(payload: Payload) -> Identification | None:
    """Name RTCM 3 when frames with the right checksum fill what was sent, from one side only."""
    asked, answered = both(payload, _measure)
    if asked.wrong or answered.wrong or (payload.to_server and payload.to_client):
        return None
    frames = asked.messages + answered.messages
    if not frames:
        return None
    facts = {"messages": sorted({number for one in frames if (number := _number(one))})}
    because = f"{len(frames)} frames have the right checksum"
    if len(frames) < ENOUGH:
        return plausible(NAME, because, against=("one frame only",), facts=facts)
    return confirmed(NAME, because, "lengths agree to the end", facts=facts)


def crc24q(octets: bytes) -> int:
    """Return the checksum CRC-24Q (polynomial 0x1864CFB, begins with 0).

    Source: RTCM 10403.3, section 4.2.
    """
    value = 0
    for octet in octets:
        value = (value << 8 & 0xFFFFFF) ^ _TABLE[value >> 16 ^ octet]
    return value


def _measure(octets: bytes, at: int) -> int | None:
    if octets[at] != PREAMBLE:
        return None
    length = HEADER.get(octets, "length", at)
    if length is None:
        return MORE
    if not (length == 0 or LEAST <= length <= MOST):
        return None
    end = at + 3 + int(length)
    told = octets[end : end + CHECK]
    if len(told) == CHECK and crc24q(octets[at:end]) != int.from_bytes(told, "big"):
        return None
    number = _number(octets[at:])
    if length and number is not None and number not in NUMBERS:
        return None
    return 3 + int(length) + CHECK


def _number(frame: bytes) -> int | None:
    if HEADER.get(frame, "length") == 0:
        return None
    told = HEADER.get(frame, "number")
    return None if told is None else int(told) >> 4


PROTOCOL = Protocol(
    name=NAME,
    title="RTCM 3 (corrections for satellite navigation)",
    recognise=recognise,
    sources=(
        Source("RTCM 10403.3: Differential GNSS Services, version 3", "2016-10", "section 4"),
        Source("pyrtcm 1.2.1", "2026", "frame, checksum, messages"),
    ),
    signatures=tuple(
        Signature(transport, 0, bytes((PREAMBLE, 0)), b"\xff\xfc")
        for transport in (Transport.TCP, Transport.UDP)
    ),
    layouts=(HEADER,),
    safety="Corrections have no sign of who sent them; a false reference moves all that use it.",
)
