"""GE SRTP (PACSystems, Series 90, FANUC robots): mailboxes of 56 octets, with text behind them."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, HEX, LE, Field, Layout
from portbook.protocols.moulds import Any, Length, Mark, Mould, Octets, Rest, Speech
from portbook.protocols.moulds import Message as Steps
from portbook.records import Identification, Source

NAME = "ge-srtp"
MAILBOX = Layout(
    "GE SRTP mailbox",
    56,
    (
        Field("type", 0, 1, BE, None, "0 begin, 1 begun, 2 request, 3 answer, 8 first request", 2),
        Field("number", 2, 2, LE, None, "of the request, repeated in its answer"),
        Field("text", 4, 2, LE, "octet", "that follow this mailbox"),
        Field("message", 31, 1, BE, None, "C0 request, 80 with text, D4 answer, 94 with, D1 error"),
        Field("source", 32, 4, HEX, None, "mailbox that sends"),
        Field("destination", 36, 4, HEX, None, "mailbox that receives"),
        Field("packet", 40, 1, BE, None, "number of this packet", 1),
        Field("packets", 41, 1, BE, None, "how many there are", 1),
        Field("service", 42, 1, BE, None, "service code of a request without text"),
        Field("text_service", 50, 1, BE, None, "service code of a request with text"),
    ),
)
BEGIN, BEGUN, REQUEST, ANSWER, FIRST = 0, 1, 2, 3, 8
PLAIN, WITH_TEXT = 0xC0, 0x80
FROM_CLIENT, FROM_SERVER = (PLAIN, WITH_TEXT), (0xD4, 0x94, 0xD1)
WITHOUT_TEXT = (PLAIN, 0xD4)
# The rest of a mailbox that begins a session is zero; 2 and 8 were seen with values of their own.
FREE_AT_BEGIN = (0, 2, 8)
CPU_MAILBOX = 0x0E  # second octet of the mailbox that requests go to
SERVICES = {
    0x00: "short status", 0x03: "program names", 0x04: "read system memory",
    0x05: "read task memory", 0x06: "read program memory", 0x07: "write system memory",
    0x08: "write task memory", 0x09: "write program memory", 0x20: "programmer logon",
    0x21: "change privilege level", 0x22: "set control id", 0x23: "run or stop",
    0x24: "set time", 0x25: "read time", 0x38: "read fault table", 0x39: "clear fault table",
    0x3F: "program store", 0x40: "program load", 0x43: "controller type", 0x44: "toggle force",
    0x4F: "session for SCADA",
}  # fmt: skip


class Message(NamedTuple):
    """One mailbox that carries a request or an answer."""

    number: int
    source: str
    destination: str
    service: int


def recognise(payload: Payload) -> Identification | None:
    """Name SRTP when mailboxes fill both directions; confirm it when answers repeat requests."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _measure)
    if asked.wrong or answered.wrong or not (asked.messages or answered.messages):
        return None
    if not _sides_fit(asked, answered):
        return None
    requests, answers = _carried(asked), _carried(answered)
    begun = bool(asked.messages and answered.messages) and (
        asked.messages[0][0] == BEGIN and answered.messages[0][0] == BEGUN
    )
    if not (requests or answers or begun):
        return None
    agreed = _agreed(requests, answers)
    because = [f"{len(asked.messages) + len(answered.messages)} whole mailboxes"]
    if begun:
        because.append("a session is begun and granted")
    if agreed:
        because.append(f"{agreed} answers repeat number and mailbox of a request")
    known = sorted({SERVICES[one.service] for one in requests if one.service in SERVICES})
    say = confirmed if agreed else plausible
    against = () if agreed else ("no request with its answer",)
    return say(NAME, *because, against=against, facts={"services": known} if known else {})


def _measure(octets: bytes, at: int) -> int | None:
    head = octets[at : at + MAILBOX.size]
    kind = head[0]
    if len(head) < MAILBOX.size:
        return MORE if kind in (BEGIN, BEGUN, REQUEST, ANSWER, FIRST) else None
    if kind in (BEGIN, BEGUN):
        rest = (octet for place, octet in enumerate(head) if place not in FREE_AT_BEGIN)
        return None if any(rest) else MAILBOX.size
    message = MAILBOX.get(head, "message")
    text = int(MAILBOX.get(head, "text"))
    if kind not in (REQUEST, ANSWER, FIRST) or head[1] or any(head[6:9]):
        return None
    if message not in (FROM_SERVER if kind == ANSWER else FROM_CLIENT):
        return None
    if text and message in WITHOUT_TEXT:
        return None
    if kind != ANSWER and (head[37] != CPU_MAILBOX or any(head[38:40])):
        return None
    if not 1 <= MAILBOX.get(head, "packet") <= MAILBOX.get(head, "packets"):
        return None
    return MAILBOX.size + text


def _sides_fit(asked: Walk, answered: Walk) -> bool:
    from_client = {one[0] for one in asked.messages}
    from_server = {one[0] for one in answered.messages}
    return from_client <= {BEGIN, REQUEST, FIRST} and from_server <= {BEGUN, ANSWER}


def _carried(found: Walk) -> list[Message]:
    read = []
    for one in found.messages:
        if one[0] in (REQUEST, ANSWER, FIRST):
            with_text = MAILBOX.get(one, "message") == WITH_TEXT
            service = MAILBOX.get(one, "text_service" if with_text else "service")
            number, source, destination = (
                MAILBOX.get(one, name) for name in ("number", "source", "destination")
            )
            read.append(Message(number, source, destination, service))
    return read


def _agreed(requests: list[Message], answers: list[Message]) -> int:
    asked = {(one.number, one.destination) for one in requests}
    return sum((one.number, one.source) in asked for one in answers)


def _mould() -> Mould:
    """A session that is begun and granted, then requests and their answers."""
    cpu = Octets(bytes((CPU_MAILBOX, 0, 0)))
    asked, told = (Any(4), Mark(1), cpu), (Mark(1), cpu, Any(4))
    asks = (
        *_mailboxes(FIRST, PLAIN, WITH_TEXT, asked),
        *_mailboxes(REQUEST, PLAIN, WITH_TEXT, asked),
    )
    tells = _mailboxes(ANSWER, FROM_SERVER[0], FROM_SERVER[1], told)
    refused = _mailboxes(ANSWER, FROM_SERVER[2], FROM_SERVER[2], told)
    begin, begun = _began(BEGIN), _began(BEGUN)
    return Mould(
        Transport.TCP,
        Speech(tuple((*begin, *one) for one in asks), asks),
        Speech(tuple((*begun, *one) for one in tells), (*tells, *refused)),
    )


def _mailboxes(kind: int, plain: int, with_text: int, route: Steps) -> tuple[Steps, ...]:
    """Return a mailbox without text and one with it."""
    start, one_packet = (Octets(bytes((kind, 0))), Mark(2)), Octets(b"\1\1")
    blank = (Octets(bytes(3)), Any(22))
    size = Length(2, MAILBOX.size - 6, little=True)
    return (
        (*start, Octets(b"\0\0"), *blank, Octets(bytes((plain,))), *route, one_packet, Any(14)),
        (*start, size, *blank, Octets(bytes((with_text,))), *route, one_packet, Any(14), Rest()),
    )


def _began(kind: int) -> Steps:
    """Return a whole mailbox of zeros, but for the two octets that were seen with values."""
    start = (Octets(bytes((kind, 0))), Any(1), Octets(bytes(5)), Any(1))
    return (*start, *(Octets(bytes(8)) for _ in range(5)), Octets(bytes(7)))


PROTOCOL = Protocol(
    name=NAME,
    title="GE SRTP (GE and Emerson PACSystems, Series 90, FANUC robots)",
    recognise=recognise,
    sources=(
        Source(
            "Denton and others: Leveraging the SRTP protocol for over-the-network memory "
            "acquisition of a GE Fanuc Series 90-30",
            "2017-08",
            "Digital Investigation 22, tables 1 to 4",
        ),
        Source("jobeastwood/gesrtp-py, protocol discoveries", "2025-10", "text length, answers"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, bytes(8), b"\xff\xff\0\xff\xff\xff\xff\xff"),
        Signature(Transport.TCP, 0, b"\x01" + bytes(7), b"\xff\xff\0\xff\xff\xff\xff\xff"),
        Signature(Transport.TCP, 32, bytes(5) + b"\x0e\0\0", b"\xff\xff\xff\xff\0\xff\xff\xff"),
        Signature(Transport.TCP, 31, b"\x94\0\x0e\0\0", b"\xbf\0\xff\xff\xff"),
        Signature(Transport.TCP, 31, b"\xd1\0\x0e\0\0", b"\xff\0\xff\xff\xff"),
    ),
    usual=(Usual(PortRange(18245, 18245), Transport.TCP, confidence="two sources"),),
    layouts=(MAILBOX,),
    moulds=(_mould(),),
    stays_inside=Scope.PRIVATE,
    safety=(
        "SRTP reads and writes the memory of a controller and stops it; its passwords travel in "
        "the clear. Keep it inside the control network."
    ),
)
