"""Kerberos 5: a message whose tag, version and type agree, down to the ends of its parts.

Names of users are stepped over; of a client only the name of its machine is told.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Protocol,
    Side,
    Signature,
    Usual,
    ber,
    confirmed,
    plausible,
)
from portbook.protocols.framing import MORE, Walk, walk
from portbook.protocols.moulds import Ber, Kind, Length, Mould, Octets, OneOf, Repeat, Speech, Step
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "kerberos"
AS_REQ, AS_REP, TGS_REQ, TGS_REP, AP_REQ, AP_REP, ERROR = 10, 11, 12, 13, 14, 15, 30
KINDS = {
    AS_REQ: "AS-REQ", AS_REP: "AS-REP", TGS_REQ: "TGS-REQ", TGS_REP: "TGS-REP", ERROR: "KRB-ERROR",
}  # fmt: skip
REQUESTS = (AS_REQ, TGS_REQ)
ANSWERS = {AS_REP: AS_REQ, TGS_REP: TGS_REQ}
APPLICATION, CONTEXT, STRING = 0x60, 0xA0, 0x1B
VERSION = 5
RECORD = 4  # octets of length before each message of a stream
MOST = 1 << 18
REALM_OF_BODY, ADDRESSES, REALM_OF_REPLY, REALM_OF_ERROR = 2, 9, 3, 9
NETBIOS = 20


class Message(NamedTuple):
    """One message: its kind, the realm it speaks of, and the machine that asks."""

    kind: int
    realm: str
    machine: str = ""


def recognise(payload: Payload) -> Identification | None:
    """Name Kerberos: clients send AS-REQ and TGS-REQ, the answers belong to them."""
    walks = _walk(payload, payload.to_server), _walk(payload, payload.to_client)
    asked, answered = (_read(payload, one) for one in walks)
    if asked is None or answered is None or not (asked or answered):
        return None
    if any(one.kind not in REQUESTS for one in asked):
        return None
    if any(one.kind in REQUESTS for one in answered):
        return None
    kinds = {one.kind for one in asked}
    agreed = [one for one in answered if one.kind == ERROR or ANSWERS.get(one.kind) in kinds]
    found = asked + answered
    because = ["tag, version and type agree, and all lengths"]
    client = next(({"name": one.machine} for one in asked if one.machine), {})
    facts: dict[str, object] = {"messages": list(dict.fromkeys(KINDS[one.kind] for one in found))}
    realm = next((one.realm for one in found if one.realm), "")
    facts |= {"realm": realm} if realm else {}
    wrong = tuple(one.wrong for one in walks if one.wrong)
    if asked and agreed and len(agreed) == len(answered) and not wrong:
        return confirmed(NAME, *because, "request and answer", facts=facts, client=client)
    only = "only requests were seen" if asked else "only answers were seen"
    against = "an answer belongs to no request" if asked and answered else only
    return plausible(NAME, *because, against=wrong or (against,), facts=facts, client=client)


def _walk(payload: Payload, side: Side) -> Walk:
    stream = payload.transport is Transport.TCP
    return walk(side, payload.transport, _record if stream else _datagram)


def _read(payload: Payload, found: Walk) -> list[Message] | None:
    """Return the messages of one direction, None where it holds something else.

    In a stream a whole message is enough to tell what it is, whatever follows it.
    """
    stream = payload.transport is Transport.TCP
    if found.wrong and not (found.messages and stream):
        return None
    read = [_message(one[RECORD:] if stream else one) for one in found.messages]
    whole = [one for one in read if one]
    return whole if len(whole) == len(read) else None


def _record(octets: bytes, at: int) -> int | None:
    if len(octets) < at + RECORD:
        return MORE
    length = int.from_bytes(octets[at : at + RECORD], "big")
    tag = octets[at + RECORD : at + RECORD + 1]
    if not 10 <= length <= MOST or (tag and tag[0] - APPLICATION not in KINDS):
        return None
    return RECORD + length


def _datagram(octets: bytes, at: int) -> int | None:
    outer = ber.item(octets, at, len(octets))
    if outer is None:
        tag, size = octets[at], octets[at + 1 : at + 4]
        if tag - APPLICATION not in KINDS or size[:1] != b"\x82" or len(size) < 3:
            return None
        return 4 + int.from_bytes(size[1:], "big")
    return outer.end - at if outer.tag - APPLICATION in KINDS else None


def _message(octets: bytes) -> Message | None:
    """Read one message, whose parts must fill it (RFC 4120, sections 5.4.1, 5.4.2, 5.9.1)."""
    outer = ber.item(octets, 0, len(octets))
    if outer is None or outer.end != len(octets) or outer.tag - APPLICATION not in KINDS:
        return None
    kind = outer.tag - APPLICATION
    parts = _parts(octets, outer)
    first = 1 if kind in REQUESTS else 0  # the number that the version has in its sequence
    if (
        _number(octets, parts.get(first)) != VERSION
        or _number(octets, parts.get(first + 1)) != kind
    ):
        return None
    if kind not in REQUESTS:
        where = REALM_OF_ERROR if kind == ERROR else REALM_OF_REPLY
        return Message(kind, _text(octets, parts.get(where)))
    body = _parts(octets, parts[4]) if 4 in parts else {}
    if REALM_OF_BODY not in body or 0 not in body:
        return None
    return Message(kind, _text(octets, body[REALM_OF_BODY]), _machine(octets, body.get(ADDRESSES)))


def _parts(octets: bytes, outer: ber.Item) -> dict[int, ber.Item]:
    """Return the numbered elements of the sequence that fills an element, or nothing."""
    inner = ber.item(octets, outer.start, outer.end, ber.SEQUENCE)
    found = ber.items(octets, inner, 32) if inner and inner.end == outer.end else None
    if not found or any(one.tag & 0xE0 != CONTEXT for one in found):
        return {}
    return {one.tag - CONTEXT: one for one in found}


def _number(octets: bytes, outer: ber.Item | None) -> int | None:
    inner = ber.item(octets, outer.start, outer.end, ber.INTEGER) if outer else None
    return ber.integer(inner.of(octets)) if inner and outer and inner.end == outer.end else None


def _text(octets: bytes, outer: ber.Item | None) -> str:
    inner = ber.item(octets, outer.start, outer.end, STRING) if outer else None
    return clean(inner.of(octets), 64) if inner else ""


def _machine(octets: bytes, outer: ber.Item | None) -> str:
    """Return the NetBIOS name among the addresses of a request (RFC 4120, section 7.5.3)."""
    inner = ber.item(octets, outer.start, outer.end, ber.SEQUENCE) if outer else None
    for one in (ber.items(octets, inner, 16) or []) if inner else []:
        pair = ber.items(octets, one, 3) if one.tag == ber.SEQUENCE else None
        if pair and len(pair) == 2 and _number(octets, pair[0]) == NETBIOS:
            name = ber.item(octets, pair[1].start, pair[1].end, ber.OCTETS)
            return clean(name.of(octets)[:15], 16) if name else ""
    return ""


def _signatures() -> tuple[Signature, ...]:
    """Return the tag of each kind, at the start or behind a length of at most MOST octets."""
    tags = [bytes((APPLICATION + kind,)) for kind in KINDS]
    return tuple(
        one
        for tag in tags
        for one in (
            Signature(Transport.UDP, 0, tag),
            Signature(Transport.TCP, 0, bytes(4) + tag, b"\xff\xf8\x00\x00\xff"),
        )
    )


def _moulds() -> tuple[Mould, ...]:
    """Requests of a client, and the reply or the error that each gets."""
    parts = Repeat((Ber(CONTEXT + 2, highest=CONTEXT + 30),))

    def message(kind: int, first: int, *more: Step) -> Ber:
        version = Octets(bytes((CONTEXT + first, 3, 2, 1, VERSION)))
        told = Octets(bytes((CONTEXT + first + 1, 3, 2, 1, kind)))
        return Ber(APPLICATION + kind, (Ber(ber.SEQUENCE, (version, told, *more)),))

    options, name, realm = Ber(CONTEXT), Ber(CONTEXT + 1), Ber(CONTEXT + REALM_OF_BODY)
    bodies = [
        Ber(CONTEXT + 4, (Ber(ber.SEQUENCE, (*first, realm, parts)),))
        for first in ((options, name), (options,))
    ]
    before = Ber(CONTEXT + 3)
    asks = [
        (message(kind, 1, *first, body), Kind(kind))
        for kind in REQUESTS
        for first in ((before,), ())
        for body in bodies
    ]
    tells: list[tuple[Step, ...]] = [
        (message(kind, 0, parts), Kind(asked)) for kind, asked in ANSWERS.items()
    ]
    tells.append((message(ERROR, 0, parts),))
    record = Length(RECORD, high=MOST)
    never = ((OneOf(()),),)  # a second datagram may be a stump, which says nothing
    return (
        Mould(Transport.UDP, Speech(tuple(asks), never), Speech(tuple(tells), never)),
        Mould(
            Transport.TCP,
            Speech(tuple((record, *one) for one in asks)),
            Speech(tuple((record, *one) for one in tells)),
        ),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Kerberos 5",
    recognise=recognise,
    sources=(
        Source("RFC 4120: The Kerberos Network Authentication Service (V5)", "2005-07",
               "sections 5.4, 5.9 and 7.2"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(88, 88), Transport.UDP, confidence="verified"),
        Usual(PortRange(88, 88), Transport.TCP, confidence="verified"),
    ),
    moulds=_moulds(),
    programs=("krb5kdc", "kdc"),
)  # fmt: skip
