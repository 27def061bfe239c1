"""HART-IP: whole messages, HART frames whose check agrees, answers that repeat a number."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.hart_ip import HEADER, recognise

TCP, UDP = Transport.TCP, Transport.UDP
OPEN = unhex("010000000001000d01000927c0")
OPENED = unhex("010100000001000d01000927c0")
ALIVE, ALIVE_TOO = unhex("0100020000020008"), unhex("0101020000020008")
IDENTIFY = unhex("0100030000060011822695eb27b8000045")
REFUSED = unhex("010103000006001386a695eb27b80002840047")
TAG = unhex("0100030000140031822695eb27b8152062382d32372d65622d39352d32362d3666 00*15 5d")
COMMANDS = unhex("010004000004000e000000360100")

EXAMPLES = [
    Example(
        "a session opened and a command refused, hart-ip_all_types_and_commands_sent",
        Payload.of(TCP, [OPEN, IDENTIFY], [OPENED, REFUSED]),
        "hart-ip",
        facts={"commands": [0], "devices": ["2695eb27b8"], "messages": ["open", "frame"]},
    ),
    Example("keep alive, same capture", Payload.of(UDP, [ALIVE], [ALIVE_TOO]), "hart-ip"),
    Example("two frames one way, same capture", Payload.of(TCP, [IDENTIFY + TAG]), "hart-ip"),
    Example("one frame alone, same capture", Payload.of(UDP, [IDENTIFY]), "hart-ip", PLAUSIBLE),
    Example("commands alone, same capture", Payload.of(TCP, [COMMANDS]), "hart-ip", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("version", b"\x03" + OPEN[1:]),
        ("type", b"\x01\x05" + OPEN[2:]),
        ("id", OPEN[:2] + b"\x06" + OPEN[3:]),
        ("length below the header's", ALIVE[:-1] + b"\x07"),
        ("length past the end", OPEN[:-1]),
        ("octets behind a datagram", OPEN + b"\0"),
        ("the check octet", IDENTIFY[:-1] + b"\x46"),
        ("the count of the frame", IDENTIFY[:-2] + b"\x01\x44"),
        ("a keep alive with a body", HEADER.write(id=2, length=9) + b"x"),
        ("a host of neither kind", OPEN[:8] + b"\x02" + OPEN[9:]),
        ("half a header", OPEN[:6]),
    ],
)
def test_what_does_not_fit_is_not_hart_ip(why: str, octets: bytes) -> None:
    told = recognise(Payload.of(UDP, [octets]))

    assert told is None or (told.confidence is PLAUSIBLE and told.against), why


def test_the_answer_makes_the_server() -> None:
    told = identify(Payload.of(UDP, [OPENED], [OPEN]))

    assert told is not None
    assert told.swapped


def test_an_answer_in_another_tongue_is_not_hart_ip() -> None:
    assert recognise(Payload.of(TCP, [OPEN], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None


def test_a_published_frame_comes_from_the_server() -> None:
    published = b"\x01\x02" + IDENTIFY[2:]

    assert recognise(Payload.of(UDP, [], [published])) is not None
    assert recognise(Payload.of(UDP, [published])) is None


def test_a_frame_cut_by_the_capture_says_nothing_against_what_came_before() -> None:
    kept = OPEN + IDENTIFY[:9]
    side = Side(kept, ((13, 13), (17, 9)), 30)

    told = recognise(Payload(TCP, side, Side.of(OPENED)))
    assert told is not None
    assert told.against == ()
