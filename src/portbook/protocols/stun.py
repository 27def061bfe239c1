"""STUN and TURN: a cookie, a length that is the datagram's, attributes to its end, often a CRC.

Users, realms, digests and tokens are stepped over and never given out.
"""

from __future__ import annotations

from binascii import crc32
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, walk
from portbook.protocols.layout import BE, RAW, Field, Layout
from portbook.protocols.moulds import (
    Counted,
    Kind,
    Length,
    Mark,
    Mould,
    Number,
    Octets,
    Repeat,
    Rest,
    Speech,
    Step,
)
from portbook.protocols.text import clean, product
from portbook.records import Identification, Source

NAME = "stun"
COOKIE = 0x2112A442
HEADER = Layout(
    "STUN header",
    20,
    (
        Field("type", 0, 2, BE, None, "two bits 0, then method and class in one another"),
        Field("length", 2, 2, BE, "octet", "of the attributes"),
        Field("cookie", 4, 4, BE, None, "always 0x2112A442", COOKIE),
        Field("transaction", 8, 12, RAW, None, "chosen by who asks, repeated in the answer"),
    ),
)
ATTRIBUTE = Layout(
    "STUN attribute",
    4,
    (Field("type", 0, 2, BE), Field("length", 2, 2, BE, "octet", "without what fills it to four")),
)
METHODS = {
    1: "binding", 3: "allocate", 4: "refresh", 6: "send", 7: "data", 8: "permission", 9: "channel",
    10: "connect", 11: "connection bind", 12: "connection attempt",
}  # fmt: skip
REQUEST, INDICATION, SUCCESS, FAILURE = range(4)
SOFTWARE, FINGERPRINT, TURNED = 0x8022, 0x8028, 0x5354554E
CHANNELS = range(0x40, 0x50)  # first octet of TURN's channel data


class Message(NamedTuple):
    """One message: method, class, transaction, and what it tells."""

    method: int
    kind: int
    transaction: bytes
    software: str
    checked: bool


def recognise(payload: Payload) -> Identification | None:
    """Name STUN by its cookie and lengths; confirm it by an answer or a CRC that agrees."""
    if payload.transport not in (Transport.UDP, Transport.TCP):
        return None
    asked, answered = _read(payload, payload.to_server), _read(payload, payload.to_client)
    if asked is None or answered is None or not (asked or answered):
        return None
    first = (asked or answered)[0]
    if not asked and first.kind == REQUEST:
        return None
    if asked and first.kind in (SUCCESS, FAILURE):
        return None
    wanted = {(one.transaction, one.method) for one in asked if one.kind == REQUEST}
    answers = [one for one in answered if one.kind in (SUCCESS, FAILURE)]
    agreed = sum((one.transaction, one.method) in wanted for one in answers)
    found = asked + answered
    checked = sum(one.checked for one in found)
    because = ["cookie of STUN", "all lengths agree"]
    because += [f"{agreed} answers repeat a transaction"] if agreed else []
    because += [f"{checked} fingerprints agree"] if checked else []
    facts: dict[str, object] = {
        "methods": list(dict.fromkeys(METHODS[one.method] for one in found))
    }
    client, server = _software(asked), _software(answered)
    if agreed or checked:
        return confirmed(NAME, *because, facts=facts, client=client, server=server)
    against = ("no answer repeats a transaction",)
    return plausible(NAME, *because, against=against, facts=facts, client=client, server=server)


def _read(payload: Payload, side: Side) -> list[Message] | None:
    """Return the messages of one direction, None where it begins with something else.

    Media and TURN's channels travel on the same path, so what follows may be something else.
    """
    found = walk(side, payload.transport, _measure)
    if found.wrong and not found.messages:
        return None
    if payload.transport is Transport.UDP:
        if found.messages and len(found.messages[0]) != side.first.length:
            return None
    elif found.wrong and side.octets[sum(map(len, found.messages))] not in CHANNELS:
        return None
    read = [_message(one) for one in found.messages]
    whole = [one for one in read if one]
    return whole if len(whole) == len(read) else None


def _measure(octets: bytes, at: int) -> int | None:
    told = HEADER.read(octets[at : at + HEADER.size])
    if told is None:
        return MORE if octets[at] < 2 else None
    method, _ = _split(told["type"])
    if told["type"] >> 14 or told["cookie"] != COOKIE or told["length"] % 4:
        return None
    return HEADER.size + int(told["length"]) if method in METHODS else None


def _split(kind: int) -> tuple[int, int]:
    """Return method and class, whose bits stand between one another (RFC 8489, section 5)."""
    method = kind & 0x000F | kind >> 1 & 0x0070 | kind >> 2 & 0x0F80
    return method, kind >> 4 & 1 | kind >> 7 & 2


def _message(octets: bytes) -> Message | None:
    """Read one message whose attributes fill it (RFC 8489, sections 5 and 14)."""
    told = HEADER.read(octets)
    if told is None:
        return None
    software, checked, at = "", False, HEADER.size
    while at < len(octets):
        one = ATTRIBUTE.read(octets[at : at + ATTRIBUTE.size])
        if one is None:
            return None
        start = at + ATTRIBUTE.size
        end = start + one["length"]
        if end > len(octets):
            return None
        if one["type"] == SOFTWARE:
            software = clean(octets[start:end])
        if one["type"] == FINGERPRINT:
            checked = octets[start:end] == (crc32(octets[:at]) ^ TURNED).to_bytes(4, "big")
            if not checked:
                return None
        at = end + -end % 4
    return Message(*_split(told["type"]), told["transaction"], software, checked)


def _software(found: list[Message]) -> dict[str, str]:
    return product(next((one.software for one in found if one.software), ""))


def _mould() -> Mould:
    """Requests without a fingerprint and their answers; media may follow on the same path."""
    cookie, transaction = Octets(COOKIE.to_bytes(4, "big")), (Mark(8), Mark(4))
    attributes = Repeat((Number(2, 0, FINGERPRINT - 1), Counted(2, fill=4)))

    def messages(kind: int) -> list[tuple[Step, ...]]:
        bits = (kind & 1) << 4 | (kind & 2) << 7
        return [
            (Octets((method | bits).to_bytes(2, "big")), Length(2, 16), cookie, *transaction,
             attributes, Kind(method))
            for method in METHODS
        ]  # fmt: skip

    media = (Number(1, 0x40), Rest())
    asks, tells = messages(REQUEST), messages(SUCCESS) + messages(FAILURE)
    return Mould(
        Transport.UDP,
        Speech(tuple(asks), (*asks, media)),
        Speech(tuple(tells), (*tells, media)),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="STUN and TURN (ways through address translation)",
    recognise=recognise,
    sources=(
        Source("RFC 8489: Session Traversal Utilities for NAT (STUN)", "2020-02",
               "sections 5, 14 and 18.6: port 3478"),
        Source("RFC 8656: Traversal Using Relays around NAT (TURN)", "2020-02", "sections 17, 18"),
        Source("RFC 5769: Test Vectors for STUN", "2010-04", "section 2"),
    ),
    signatures=tuple(
        Signature(transport, 4, COOKIE.to_bytes(4, "big"))
        for transport in (Transport.UDP, Transport.TCP)
    ),
    usual=(
        Usual(PortRange(3478, 3478), Transport.UDP, confidence="verified"),
        Usual(PortRange(3478, 3478), Transport.TCP, confidence="verified"),
    ),
    moulds=(_mould(),),
    layouts=(HEADER, ATTRIBUTE),
    programs=("turnserver", "coturn", "stund"),
)  # fmt: skip
