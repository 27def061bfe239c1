"""HART-IP: messages counted to their end, and HART frames in them whose check octet agrees."""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.moulds import (
    Any,
    Counted,
    Length,
    Mark,
    Mould,
    Number,
    Octets,
    OneOf,
    Rest,
    Speech,
    Step,
    Xor,
)
from portbook.protocols.moulds import Message as Steps
from portbook.records import Identification, Source

NAME = "hart-ip"
HEADER = Layout(
    "HART-IP header",
    8,
    (
        Field("version", 0, 1, BE, None, "always 1", 1),
        Field("type", 1, 1, BE, None, "0 request, 1 response, 2 published, 15 refused"),
        Field("id", 2, 1, BE, None, "0 open, 1 close, 2 keep alive, 3 frame, 4 commands, 5 log"),
        Field("status", 3, 1, BE, None, "of the answer; 0 in a request"),
        Field("sequence", 4, 2, BE, None, "chosen by the client, repeated in the answer"),
        Field("length", 6, 2, BE, "octet", "of the whole message, this header included"),
    ),
)
VERSION = 1
REQUEST, RESPONSE, PUBLISHED, REFUSED = 0, 1, 2, 15
OPEN, CLOSE, KEEP_ALIVE, FRAME, COMMANDS, LOG = range(6)
IDS = {
    OPEN: "open",
    CLOSE: "close",
    KEEP_ALIVE: "keep alive",
    FRAME: "frame",
    COMMANDS: "commands",
    LOG: "audit log",
}
LONG_ADDRESS, FRAME_TYPES = 0x80, (1, 2, 6)  # burst, from the master, from the device
HOSTS = (0, 1)  # secondary, primary


class Message(NamedTuple):
    """One message, whole."""

    type: int
    id: int
    sequence: int
    body: bytes

    @property
    def key(self) -> tuple[int, int]:
        """Return what an answer repeats of its request."""
        return self.id, self.sequence


class Frame(NamedTuple):
    """A HART frame inside a message."""

    device: str  # unique address as hex, or the polling address
    command: int


def recognise(payload: Payload) -> Identification | None:
    """Name HART-IP when all messages fit; confirm it by answers or by the frames in it."""
    asked, answered = both(payload, _measure)
    requests, answers = _messages(asked), _messages(answered)
    if not (requests or answers) or not (
        _fit(asked, requests, (REQUEST,))
        and _fit(answered, answers, (RESPONSE, PUBLISHED, REFUSED))
    ):
        return None
    keys = {message.key for message in requests}
    agreed = sum(message.key in keys for message in answers)
    frames = [found for message in requests + answers if (found := frame(message))]
    because = [f"{len(requests) + len(answers)} whole messages"]
    if agreed:
        because.append(f"{agreed} answers repeat a request's number")
    if frames:
        because.append(f"{len(frames)} HART frames have the right check octet")
    broken = tuple(found.wrong for found in (asked, answered) if found.wrong)
    say = confirmed if not broken and (agreed or len(frames) > 1) else plausible
    return say(NAME, *because, against=broken, facts=_facts(requests + answers, frames))


def frame(message: Message) -> Frame | None:
    """Read the HART frame of a message: exact length, exclusive or over all octets.

    Source: HCF_SPEC-081 (token-passing data link layer): delimiter, address, expansion, command,
    count, data, check.
    """
    body = message.body
    if message.id != FRAME or not body or body[0] & 0x07 not in FRAME_TYPES:
        return None
    wide = 5 if body[0] & LONG_ADDRESS else 1
    at = 1 + wide + (body[0] >> 5 & 3)
    if at + 2 > len(body) or len(body) != at + 3 + body[at + 1] or reduce(xor, body):
        return None
    address = bytes((body[1] & 0x3F,)) + body[2 : 1 + wide]
    return Frame(address.hex(), body[at])


def _measure(octets: bytes, at: int) -> int | None:
    version, kind, number = (HEADER.get(octets, name, at) for name in ("version", "type", "id"))
    length = HEADER.get(octets, "length", at)
    if version not in (None, VERSION) or kind not in (None, REQUEST, RESPONSE, PUBLISHED, REFUSED):
        return None
    if number is not None and number not in IDS:
        return None
    if length is None:
        return MORE
    return int(length) if length >= HEADER.size else None


def _messages(found: Walk) -> list[Message]:
    read = (HEADER.read(octets) or {} for octets in found.messages)
    return [
        Message(one["type"], one["id"], one["sequence"], octets[HEADER.size :])
        for one, octets in zip(read, found.messages, strict=True)
    ]


def _fit(found: Walk, messages: list[Message], types: tuple[int, ...]) -> bool:
    """Tell whether a direction is empty or holds only what that side says, in its shape."""
    if found.wrong and not messages:
        return False
    return all(message.type in types and _shaped(message) for message in messages)


def _shaped(message: Message) -> bool:
    """Tell whether a body has the shape of its kind (HCF_SPEC-085, message body)."""
    size = len(message.body)
    if message.type == REFUSED:
        return True
    if message.id == OPEN:
        return size == 5 and message.body[0] in HOSTS
    if message.id in (CLOSE, KEEP_ALIVE):
        return size == 0
    if message.id == FRAME:
        return frame(message) is not None
    return size >= 2


def _facts(messages: list[Message], frames: list[Frame]) -> dict[str, object]:
    seen = {message.id for message in messages}
    facts: dict[str, object] = {
        "messages": [name for number, name in IDS.items() if number in seen]
    }
    if frames:
        facts["commands"] = sorted({one.command for one in frames})
        facts["devices"] = sorted({one.device for one in frames})
    return facts


def _signatures() -> tuple[Signature, ...]:
    """Version 1, one of the types, an id of at most 7."""
    return tuple(
        Signature(transport, 0, bytes((VERSION, kind, 0)), b"\xff\xff\xf8")
        for transport in (Transport.TCP, Transport.UDP)
        for kind in (REQUEST, RESPONSE, PUBLISHED, REFUSED)
    )


def _moulds() -> tuple[Mould, ...]:
    """Sessions of requests and their answers, with frames of one device or of several."""
    asks = _session(REQUEST, answered=True)
    # once the first answer repeats its request, the others need not
    tells = Speech(_session(RESPONSE, answered=True), _session(RESPONSE, answered=False))
    return tuple(
        Mould(transport, Speech(asks), tells) for transport in (Transport.TCP, Transport.UDP)
    )


def _session(kind: int, *, answered: bool) -> tuple[Steps, ...]:
    def headed(number: int, *rest: Step) -> Steps:
        mark = Mark(1, low=number, high=number) if answered else Number(1, number, number)
        sequence = Mark(2) if answered else Any(2)
        return (Octets(bytes((VERSION, kind))), mark, Any(1), sequence, *rest)

    size = Length(2, -HEADER.size)
    ends = (Counted(1, 0, 255), Any(1))  # data and the check octet
    frames = ((LONG_ADDRESS, Any(6)), (0, Any(2)))  # address and command
    return (
        *(
            headed(FRAME, size, Xor(), OneOf(tuple(bytes((wide | one,)) for one in FRAME_TYPES)),
                   rest, *ends)
            for wide, rest in frames
        ),
        headed(KEEP_ALIVE, Octets(b"\0\x08")),
        headed(OPEN, Octets(b"\0\x0d"), Number(1, HOSTS[0], HOSTS[-1]), Any(4)),
        headed(CLOSE, Octets(b"\0\x08")),
        headed(COMMANDS, size, Rest(2)),
        headed(LOG, size, Rest(2)),
    )  # fmt: skip


PROTOCOL = Protocol(
    name=NAME,
    title="HART-IP",
    recognise=recognise,
    sources=(
        Source("HCF_SPEC-085: HART network management (HART-IP)", None, "header, session messages"),
        Source("Wireshark 4.0.17, packet-hartip.c", "2024-11", "message types and ids"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(5094, 5094), Transport.TCP, confidence="two sources"),
        Usual(PortRange(5094, 5094), Transport.UDP, confidence="two sources"),
    ),
    layouts=(HEADER,),
    moulds=_moulds(),
    stays_inside=Scope.PRIVATE,
    safety=(
        "HART-IP reaches through a gateway to single transmitters and valves; its commands write "
        "ranges and outputs, and older versions have no login. Keep it inside the control network."
    ),
)
