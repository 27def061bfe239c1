"""TriStation (Triconex safety controllers): a length, a checksum, and answers of their own kind."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.checks import crc16
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import LE, Field, Layout
from portbook.records import Identification, Source

NAME = "tristation"
HEADER = Layout(
    "TriStation header",
    4,
    (
        Field("type", 0, 2, LE, None, "1 connect, 2 connected, 3 closed, 4 close, 5 command, ..."),
        Field("length", 2, 2, LE, "octet", "between this header and the checksum"),
    ),
)
COMMAND = Layout(
    "TriStation command, behind the header",
    10,
    (
        Field("direction", 0, 1, LE, None, "0 to the controller, 1 from it"),
        Field("connection", 1, 1, LE, None, "connection id"),
        Field("function", 2, 1, LE, None, "function code"),
        Field("counter", 3, 1, LE, None, "repeated in the answer"),
        Field("unknown", 4, 2, LE, None, "0 in what was seen"),
        Field("sum", 6, 2, LE, None, "length and all octets but these, added"),
        Field("length", 8, 2, LE, "octet", "of this command with its data"),
    ),
)
CHECK, SUM = 2, slice(6, 8)
CONNECT, CONNECTED, CLOSED, CLOSE, EXECUTE, PING = 1, 2, 3, 4, 5, 6
REFUSALS = {7: "too many connections", 8: "not connected", 9: "no main processor",
            10: "access denied", 11: "connection failed"}  # fmt: skip
TYPES = {CONNECT: "connect", CONNECTED: "connected", CLOSED: "closed", CLOSE: "close",
         EXECUTE: "command", PING: "ping", **REFUSALS}  # fmt: skip
ANSWERS = {CONNECT: CONNECTED, CLOSE: CLOSED, EXECUTE: EXECUTE, PING: PING}
EMPTY = (CLOSE, PING)


class Message(NamedTuple):
    """One message with the right checksum."""

    type: int
    direction: int | None  # of a command
    counter: int | None


def recognise(payload: Payload) -> Identification | None:
    """Name TriStation by checksums that are right; confirm it by answers of the right kind."""
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = _messages(payload.to_server), _messages(payload.to_client)
    if asked is None or answered is None or not (asked or answered):
        return None
    if any(one.type not in ANSWERS or one.direction == 1 for one in asked):
        return None
    if any(one.type in (CONNECT, CLOSE) or one.direction == 0 for one in answered):
        return None
    agreed = _agreed(asked, answered)
    facts = {"messages": sorted({TYPES[one.type] for one in asked + answered})}
    because = [f"{len(asked) + len(answered)} messages have the right length and checksum"]
    if not agreed:
        against = ("no message with its answer",)
        return plausible(NAME, *because, against=against, facts=facts)
    because.append(f"{agreed} answers are of the kind that was asked for")
    return confirmed(NAME, *because, facts=facts)


def _messages(side: Side) -> list[Message] | None:
    found = []
    for piece in judged(side):
        message = _read(piece.octets)
        if message is None:
            return None
        found.append(message)
    return found


def _read(octets: bytes) -> Message | None:
    head = HEADER.read(octets)
    if head is None or head["type"] not in TYPES:
        return None
    body, told = octets[HEADER.size : -CHECK], int.from_bytes(octets[-CHECK:], "little")
    if len(octets) < HEADER.size + CHECK or len(body) != head["length"]:
        return None
    if crc16(octets[:-CHECK], 0) != told or (head["type"] in EMPTY and body):
        return None
    if head["type"] != EXECUTE:
        return Message(head["type"], None, None)
    command = COMMAND.read(body)
    if command is None or command["direction"] > 1 or command["length"] != len(body):
        return None
    if (sum(body) - sum(body[SUM]) + len(body)) & 0xFFFF != command["sum"]:
        return None
    return Message(EXECUTE, command["direction"], command["counter"])


def _agreed(asked: list[Message], answered: list[Message]) -> int:
    wanted = {(ANSWERS[one.type], one.counter) for one in asked}
    refusable = any(one.type in (CONNECT, EXECUTE) for one in asked)
    return sum(
        (one.type, one.counter) in wanted or (refusable and one.type in REFUSALS)
        for one in answered
    )


PROTOCOL = Protocol(
    name=NAME,
    title="TriStation (Triconex safety controllers)",
    recognise=recognise,
    sources=(
        Source("FireEye: A Totally Tubular Treatise on TRITON and TriStation", "2018-06",
               "message types, function codes, checksums"),
        Source("MDudek-ICS/TRISIS-TRITON-HATMAN, TsLow and TsBase", "2017-12",
               "lengths, checksums, ping and close"),
    ),
    signatures=tuple(
        Signature(Transport.UDP, 0, bytes((kind, 0))) for kind in TYPES
    ),
    usual=(Usual(PortRange(1502, 1502), Transport.UDP, confidence="two sources"),),
    layouts=(HEADER, COMMAND),
    stays_inside=Scope.PRIVATE,
    safety=(
        "TriStation programs safety controllers and has no login of its own; TRITON used it. "
        "Keep it inside the safety network, and the key switch on RUN."
    ),
)  # fmt: skip
