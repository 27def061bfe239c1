"""RADIUS: a length within the datagram, attributes to its end, and an answer with its number.

Users, passwords and authenticators are stepped over and never given out.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Piece,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import BE, RAW, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "radius"
HEADER = Layout(
    "RADIUS header",
    20,
    (
        Field("code", 0, 1, BE, None, "1 request, 2 accept, 3 reject, 4 accounting, ..."),
        Field("number", 1, 1, BE, None, "chosen by the client, repeated in the answer"),
        Field("length", 2, 2, BE, "octet", "of the whole message"),
        Field("authenticator", 4, 16, RAW, None, "random, or a digest"),
    ),
)
CODES = {
    1: "access request", 2: "access accept", 3: "access reject", 4: "accounting request",
    5: "accounting response", 11: "access challenge", 12: "status of server",
    40: "disconnect request", 41: "disconnected", 42: "not disconnected",
    43: "change request", 44: "changed", 45: "not changed",
}  # fmt: skip
ANSWERS = {1: (2, 3, 11), 4: (5,), 12: (2, 5), 40: (41, 42), 43: (44, 45)}
NUMBERS = {
    5,
    6,
    7,
    10,
    12,
    13,
    15,
    16,
    23,
    27,
    28,
    29,
    37,
    38,
    40,
    41,
    42,
    43,
    45,
    46,
    47,
    48,
    49,
    51,
    52,
    53,
    55,
    61,
    62,
}  # attributes that are an integer of four octets
ADDRESSES = {4, 8, 9, 14}
TEXTS = {1, 11, 30, 31, 32, 44, 77, 87}
IDENTITY = {1, 4, 32, 44, 80, 95}  # one of these stands in every request
USER_PASSWORD, CHAP, VENDOR, MESSAGE_DIGEST, NAS_NAME = 2, 3, 26, 80, 32
LONGEST = 4096


class Message(NamedTuple):
    """One message: code, number, and its attributes."""

    code: int
    number: int
    attributes: tuple[tuple[int, bytes], ...]
    padding: int  # octets of the datagram behind it

    def first(self, kind: int) -> bytes:
        """Return the first attribute of a kind, nothing when it has none."""
        return next((value for one, value in self.attributes if one == kind), b"")


def recognise(payload: Payload) -> Identification | None:
    """Name RADIUS by its attributes; confirm it by an answer that may follow the request."""
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = _read(payload.to_server), _read(payload.to_client)
    if asked is None or answered is None or not asked:
        return None
    if any(one.code not in ANSWERS or not _names(one) for one in asked):
        return None
    if any(one.code in ANSWERS for one in answered):
        return None
    wanted = {(one.number, code) for one in asked for code in ANSWERS[one.code]}
    agreed = sum((one.number, one.code) in wanted for one in answered)
    found = asked + answered
    facts: dict[str, object] = {"messages": list(dict.fromkeys(CODES[one.code] for one in found))}
    name = next((text for one in asked if (text := clean(one.first(NAS_NAME), 64))), "")
    client = {"name": name} if name else {}
    because = ["the length agrees, and attributes fill it"]
    if any(one.padding for one in found):
        because.append("what stands behind it is padding")
    if agreed and agreed == len(answered):
        because.append("the answer has the number of the request")
        return confirmed(NAME, *because, facts=facts, client=client)
    against = "no answer has the number of the request" if answered else "no answer was seen"
    return plausible(NAME, *because, against=(against,), facts=facts, client=client)


def _read(side: Side) -> list[Message] | None:
    found = [_message(piece) for piece in judged(side)]
    whole = [one for one in found if one]
    return whole if len(whole) == len(found) else None


def _message(piece: Piece) -> Message | None:
    """Read one message whose attributes fill it; what follows is padding (RFC 2865, 3 and 5)."""
    told = HEADER.read(piece.octets)
    if told is None or not piece.whole or told["code"] not in CODES:
        return None
    length = told["length"]
    if not HEADER.size <= length <= min(piece.length, LONGEST):
        return None
    attributes, at = [], HEADER.size
    while at < length:
        size = piece.octets[at + 1] if at + 1 < length else 0
        if size < 2 or at + size > length:
            return None
        one = piece.octets[at], piece.octets[at + 2 : at + size]
        if not _fits(*one):
            return None
        attributes.append(one)
        at += size
    padding = piece.length - length
    return Message(told["code"], told["number"], tuple(attributes), padding)


def _fits(kind: int, value: bytes) -> bool:
    """Tell whether an attribute is as long as its kind, and readable where it is text."""
    if kind in NUMBERS or kind in ADDRESSES:
        return len(value) == 4
    if kind in TEXTS:
        return bool(value) and all(one >= 0x20 and one != 0x7F for one in value)
    if kind == USER_PASSWORD:
        return 16 <= len(value) <= 128 and not len(value) % 16
    exact = {CHAP: 17, MESSAGE_DIGEST: 16}.get(kind)
    return len(value) == exact if exact else kind > 0 and (kind != VENDOR or len(value) >= 5)


def _names(one: Message) -> bool:
    """Tell whether a request says whom it is about or who asks (RFC 2865, section 4.1)."""
    return any(kind in IDENTITY for kind, _ in one.attributes)


def _signatures() -> tuple[Signature, ...]:
    """Return each request's code, with a length of less than LONGEST."""
    return tuple(
        Signature(Transport.UDP, 0, bytes((code, 0, 0)), b"\xff\x00\xf0") for code in ANSWERS
    )


PROTOCOL = Protocol(
    name=NAME,
    title="RADIUS (log-in of users and devices)",
    recognise=recognise,
    sources=(
        Source("RFC 2865: Remote Authentication Dial In User Service", "2000-06",
               "sections 3 to 5: port 1812"),
        Source("RFC 2866: RADIUS Accounting", "2000-06", "sections 3 to 5: port 1813"),
        Source("RFC 5176: Dynamic Authorization Extensions to RADIUS", "2008-01",
               "section 2.3: port 3799"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(1812, 1812), Transport.UDP, confidence="verified"),
        Usual(PortRange(1813, 1813), Transport.UDP, title="RADIUS accounting", source=1),
        Usual(PortRange(3799, 3799), Transport.UDP, title="RADIUS dynamic authorization", source=2),
    ),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety="All but the password is in the clear, and the password is hidden by MD5 alone: keep it "
    "in the management network, or inside TLS.",
    programs=("freeradius", "radiusd"),
)  # fmt: skip
