"""MELSOFT (Mitsubishi's engineering protocol): a marker, 1111, and a length to the exact end.

There is no public specification; what stands here was read from conversations of a MELSEC-Q and a
MELSEC iQ-F. Over UDP questions and answers are broadcast, so each direction must do alone.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Cast,
    Payload,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, LE, Field, Layout
from portbook.protocols.moulds import Any, Counted, Length, Mould, Octets, Rest, Speech
from portbook.protocols.moulds import Message as Steps
from portbook.records import Identification, Source

NAME = "melsoft"
HEADER = Layout(
    "MELSOFT message header",
    24,
    (
        Field("marker", 0, 1, BE, None, "0x57 question, 0xD7 answer"),
        Field("zero", 3, 2, BE, None, "always 0", 0),
        Field("ones", 5, 2, BE, None, "always 0x1111", 0x1111),
        Field("length", 19, 2, LE, "octet", "octets that follow this field"),
        Field("inner", 21, 1, BE, None, "0x1C question, 0x9C answer"),
        Field("inner_size", 23, 1, BE, "octet", "from here to the command"),
    ),
)
FOLLOWS, INNER = 21, 23  # the length counts from one, the inner size from the other
ASKED, ANSWERED = (0x57, 0x1C), (0xD7, 0x9C)
MODEL_COMMANDS, MODEL_AFTER, MODEL_SIZE = (0x0101, 0x0121), 6, 16
SEARCHES = {b"\x5a\0\0\x01": 4, b"\x5a\0\0\xff": 4, b"\xda\0\0\x01": 14, b"\xda\0\0\xff": 28}
SEARCH_ANSWERS = 0xDA


class Message(NamedTuple):
    """One message, whole."""

    answers: bool
    command: int
    data: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name MELSOFT by its messages, over UDP also by the search for controllers before them."""
    if payload.transport is Transport.UDP and (found := _search(payload)):
        return found
    asked, answered = both(payload, _measure)
    requests, answers = _messages(asked), _messages(answered)
    if not (requests or answers) or _stray(asked, payload) or _stray(answered, payload):
        return None
    if not _sides_fit(payload, {one.answers for one in requests}, answers):
        return None
    broken = tuple(found.wrong for found in (asked, answered) if found.wrong)
    say = plausible if broken else confirmed
    told = {"vendor": "Mitsubishi Electric", **model(requests + answers)}
    sent_back = bool(requests) and requests[0].answers
    return say(
        NAME,
        f"{len(requests) + len(answers)} whole messages with marker, 1111 and inner header",
        against=broken,
        facts={"commands": sorted({f"{one.command:04X}" for one in requests + answers})},
        client=told if sent_back else {},
        server=told if answers else {},
    )


def model(messages: list[Message]) -> dict[str, str]:
    """Return the controller's model where one answered what it is."""
    for one in messages:
        if one.answers and one.command in MODEL_COMMANDS:
            text = one.data[:MODEL_SIZE].split(b"\0", 1)[0].decode("latin-1").rstrip(" ")
            if len(one.data) >= MODEL_SIZE and text.isprintable() and text:
                return {"product": text}
    return {}


def _search(payload: Payload) -> Identification | None:
    """Name the search for controllers: four octets, and answers of two fixed sizes."""
    sides = (payload.to_server, payload.to_client)
    if not any(sides) or not all(map(_searches, sides)):
        return None
    answers = {side.octets[0] == SEARCH_ANSWERS for side in sides if side}
    if payload.to_client and payload.to_client.octets[0] != SEARCH_ANSWERS:
        return None
    if payload.cast is Cast.UNICAST and payload.to_server.octets[:1] == b"\xda":
        return None
    against = ("four octets and a size are little to go by",)
    because = "the search for controllers" + (" and its answer" if len(answers) > 1 else "")
    return plausible(NAME, because, against=against, facts={"dialect": "search"})


def _searches(side: Side) -> bool:
    return all(SEARCHES.get(piece.octets[:4]) == piece.length for piece in side)


def _measure(octets: bytes, at: int) -> int | None:
    marker = HEADER.get(octets, "marker", at)
    if marker not in (ASKED[0], ANSWERED[0]):
        return None
    read = HEADER.read(octets, at)
    if read is None:
        return MORE
    if read["zero"] or read["ones"] != HEADER.fields[2].default:
        return None
    if (marker, read["inner"]) not in (ASKED, ANSWERED):
        return None
    least = INNER - FOLLOWS + read["inner_size"] + MODEL_AFTER - 4
    return FOLLOWS + int(read["length"]) if read["length"] >= least else None


def _messages(found: Walk) -> list[Message]:
    messages = []
    for octets in found.messages:
        here = INNER + octets[INNER]
        command = int.from_bytes(octets[here : here + 2], "big")
        answers = octets[0] == ANSWERED[0]
        messages.append(Message(answers, command, octets[here + MODEL_AFTER :]))
    return messages


def _sides_fit(payload: Payload, requests: set[bool], answers: list[Message]) -> bool:
    """Tell whether each side says only what it may; an answer may be broadcast too."""
    if len(requests) > 1 or not all(one.answers for one in answers):
        return False
    return True not in requests or payload.cast is not Cast.UNICAST


def _stray(found: Walk, payload: Payload) -> bool:
    """Tell whether a direction has octets that are no message; a datagram must end with one."""
    return bool(found.wrong) and (payload.transport is Transport.UDP or not found.messages)


def _signatures() -> tuple[Signature, ...]:
    """The zeros and 1111 behind the marker; over UDP also the four octets of a search."""
    mask = b"\xff\0\0\xff\xff\xff\xff"
    return (
        *(
            Signature(transport, 0, bytes((marker, 0, 0, 0, 0, 0x11, 0x11)), mask)
            for transport in (Transport.TCP, Transport.UDP)
            for marker in (ASKED[0], ANSWERED[0])
        ),
        *(Signature(Transport.UDP, 0, value) for value in SEARCHES),
    )


def _moulds() -> tuple[Mould, ...]:
    """Questions and answers, to one host."""
    asks, tells = (Speech((_message(*pair),)) for pair in (ASKED, ANSWERED))
    return tuple(Mould(transport, asks, tells) for transport in (Transport.TCP, Transport.UDP))


def _message(marker: int, inner: int) -> Steps:
    head = (Octets(bytes((marker,))), Any(2), Octets(b"\0\0\x11\x11"), Any(12))
    size = Length(2, little=True)
    return (*head, size, Octets(bytes((inner,))), Any(1), Counted(1, 0, 255), Rest(1))


PROTOCOL = Protocol(
    name=NAME,
    title="MELSOFT (Mitsubishi MELSEC engineering)",
    recognise=recognise,
    sources=(
        Source("plcscan and Redpoint, melsecq-discover.nse", "2014", "question for the CPU"),
        Source("Mitsubishi SH(NA)-080811ENG: QnUCPU built-in Ethernet port", None, "appendix 2"),
        Source("ICS-Security-Tools, MELSEC captures", None, "a MELSEC iQ-F searched and read"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(5007, 5007), Transport.TCP, confidence="two sources", source=1),
        Usual(PortRange(5006, 5006), Transport.UDP, source=1),
        Usual(PortRange(5560, 5560), Transport.UDP, title="MELSOFT direct connection", source=2),
    ),
    layouts=(HEADER,),
    moulds=_moulds(),
    stays_inside=Scope.PRIVATE,
    safety=(
        "MELSOFT loads and reads programs and stops the CPU. Keep it inside the control network, "
        "and let nothing but the engineering station speak it."
    ),
)
