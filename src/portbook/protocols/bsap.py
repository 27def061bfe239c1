"""BSAP over IP (Bristol, Emerson): numbered datagrams, in them messages that fill them exactly."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import LE, Field, Layout
from portbook.records import Identification, Source

NAME = "bsap"
HEADER = Layout(
    "BSAP over IP header",
    14,
    (
        Field("id", 0, 2, LE, None, "always 14", 14),
        Field("messages", 2, 2, LE, None, "how many follow; 0 in an acknowledgement"),
        Field("function", 4, 2, LE, None, "1 first, 5 answer, 6 request; 0 acknowledge"),
        Field("number", 6, 4, LE, None, "of this datagram, 0 in an acknowledgement"),
        Field("acknowledged", 10, 4, LE, None, "the last number that was received"),
    ),
)
SIZE, MESSAGES_AT_MOST, FUNCTIONS = 4, 64, (0, 1, 5, 6)
LEAST = 6


class Datagram(NamedTuple):
    """One datagram whose messages fill it."""

    messages: int
    function: int
    number: int
    acknowledged: int


def recognise(payload: Payload) -> Identification | None:
    """Name BSAP when messages fill every datagram; confirm it when numbers are acknowledged."""
    if payload.transport is not Transport.UDP:
        return None
    sides = (_read(payload.to_server), _read(payload.to_client))
    if None in sides or not any(sides):
        return None
    asked, answered = (side or [] for side in sides)
    agreed = _acknowledged(asked, answered) + _acknowledged(answered, asked)
    carrying = [one for one in asked + answered if one.messages]
    if not carrying:
        return None
    because = [f"{len(asked) + len(answered)} datagrams filled by their messages"]
    if agreed:
        because.append(f"{agreed} acknowledge a number of the other side")
    say = confirmed if agreed else plausible
    return say(NAME, *because, facts={"functions": sorted({one.function for one in carrying})})


def _read(side: Side) -> list[Datagram] | None:
    """Return the datagrams of one direction, or None when one does not fit."""
    found = []
    for piece in judged(side):
        read = HEADER.read(piece.octets)
        if read is None or read["id"] != HEADER.fields[0].default:
            return None
        if read["function"] not in FUNCTIONS or read["messages"] > MESSAGES_AT_MOST:
            return None
        if not _filled(piece.octets, piece.length, read["messages"]):
            return None
        if not read["messages"] and (read["function"] or read["number"]):
            return None
        found.append(
            Datagram(read["messages"], read["function"], read["number"], read["acknowledged"])
        )
    return found


def _filled(octets: bytes, length: int, messages: int) -> bool:
    """Tell whether that many messages, each with its own size before it, end the datagram.

    Of a datagram that was cut, as far as it was kept.
    """
    here = HEADER.size
    for _ in range(messages):
        size = octets[here : here + SIZE]
        if len(size) < SIZE:
            return len(octets) < length
        here += max(int.from_bytes(size, "little"), LEAST)
    return here == length


def _acknowledged(one: list[Datagram], other: list[Datagram]) -> int:
    numbers = {datagram.number for datagram in one if datagram.messages and datagram.number}
    return sum(datagram.acknowledged in numbers for datagram in other)


PROTOCOL = Protocol(
    name=NAME,
    title="BSAP over IP (Bristol controllers)",
    recognise=recognise,
    sources=(
        Source("ICSNPP BSAP analyzer for Zeek", None, "header and messages over IP"),
        Source("Emerson D4006: ControlWave, BSAP and IP protocols", None, "UDP port 1234"),
    ),
    signatures=(Signature(Transport.UDP, 0, b"\x0e\0\0\0\0\0", b"\xff\xff\xc0\xff\xf8\xff"),),
    usual=(Usual(PortRange(1234, 1235), Transport.UDP, "both", confidence="two sources"),),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "BSAP reads and writes signals of Bristol and ControlWave controllers without a login. "
        "Keep it inside the control network."
    ),
)
