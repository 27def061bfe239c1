"""TriStation: the checksum over all, the sum within a command, answers of the right kind."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.checks import crc16
from portbook.protocols.tristation import recognise

UDP = Transport.UDP
# The two messages that TsLow of TRITON spells out; a controller returns the ping as it is.
PING, CLOSE = unhex("060000000088"), unhex("040000000130")


def message(kind: int, body: bytes = b"") -> bytes:
    """Build a message by the header, length and CRC-16 that FireEye describes."""
    whole = kind.to_bytes(2, "little") + len(body).to_bytes(2, "little") + body
    return whole + crc16(whole, 0).to_bytes(2, "little")


def command(direction: int, function: int, counter: int, data: bytes = b"") -> bytes:
    size = (10 + len(data)).to_bytes(2, "little")
    head = bytes((direction, 0, function, counter, 0, 0))
    total = sum(head) + sum(size) + sum(data) + 10 + len(data)
    return message(5, head + total.to_bytes(2, "little") + size + data)


CONNECT, CONNECTED, CLOSED = message(1), message(2), message(3)
STATUS, STATUS_TOLD = command(0, 19, 1), command(1, 108, 1, bytes(range(40)))

EXAMPLES = [
    Example("ping, as TsLow spells it", Payload.of(UDP, [PING], [PING]), "tristation"),
    Example(
        "connect, status and close, built by the description of FireEye",
        Payload.of(UDP, [CONNECT, STATUS, CLOSE], [CONNECTED, STATUS_TOLD, CLOSED]),
        "tristation",
        facts={"messages": ["close", "closed", "command", "connect", "connected"]},
    ),
    Example("refused", Payload.of(UDP, [CONNECT], [message(10)]), "tristation"),
    Example("a command alone", Payload.of(UDP, [STATUS]), "tristation", PLAUSIBLE),
]


def test_the_messages_that_are_spelt_out_have_the_checksum_of_the_builder() -> None:
    assert PING == message(6)
    assert CLOSE == message(4)


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("checksum", PING[:-1] + b"\x89"),
        ("a type that nobody knows", message(12)),
        ("a ping with a body", message(6, b"\0")),
        ("length", STATUS[:2] + b"\x0b" + STATUS[3:]),
        ("half a header", PING[:3]),
        ("more behind it", PING + b"\0"),
        ("a command without its head", message(5, bytes(4))),
        ("a sum that is wrong", message(5, unhex("00001301 0000 ffff 0a00"))),
    ],
)
def test_what_does_not_fit_is_not_tristation(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why
    assert recognise(Payload.of(UDP, [CONNECT], [octets])) is None, why


def test_a_controller_does_not_connect() -> None:
    assert recognise(Payload.of(UDP, [CONNECT], [CONNECT])) is None
    assert recognise(Payload.of(UDP, [CONNECTED])) is None


def test_an_answer_with_another_counter_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [STATUS], [command(1, 108, 2)]))

    assert told is not None
    assert told.confidence is PLAUSIBLE


def test_the_controller_is_the_server() -> None:
    told = identify(Payload.of(UDP, [STATUS_TOLD], [STATUS]))

    assert told is not None
    assert told.swapped
