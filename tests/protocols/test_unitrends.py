"""Unitrends: greetings, command packets, and what only looks like them; all constructed.

No capture of it is public: the vectors follow three sources that agree.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.unitrends import COMMAND, recognise

TCP = Transport.TCP

GREETING = unhex(
    "a54100010000002c00000002000000010000000100000000020000000f436f6e6e6563743336303932000000"
)
FIREWALL = unhex(
    "a54100010000002b00000002000000010000000100000000020000000e436f6e6e65637431373435000000"
)
COMMAND_PACKET = unhex("a552002d0000001f000000010000004c0000000b2e2e2e2e2e2e2e2e000000")
CUT = unhex("a54100010000002c00000002000000010000000100000000020000000f436f6e6e656374")
PORT_99999 = unhex(
    "a54100010000002c00000002000000010000000100000000020000000f436f6e6e6563743939393939000000"
)
LENGTH_LIES = unhex(
    "a5410001ffffffff00000002000000010000000100000000020000000f436f6e6e6563743336303932000000"
)


def greeting(port: str | bytes, tail: bytes = bytes(3)) -> bytes:
    digits = port if isinstance(port, bytes) else port.encode()
    size = 36 + len(digits) + len(tail)
    return GREETING[:7] + bytes((size,)) + GREETING[8:36] + digits + tail


def _server(octets: bytes, title: str, confidence: object, **more: object) -> Example:
    name = "unitrends" if confidence else None
    return Example(title, Payload.of(TCP, (), [octets]), name, confidence, **more)  # type: ignore[arg-type]


EXAMPLES = (
    _server(GREETING, "greeting, port 36092", CONFIRMED, facts={"data_port": 36092}),
    _server(FIREWALL, "greeting, port 1745", CONFIRMED, facts={"data_port": 1745}),
    Example(
        "greeting and command packet",
        Payload.of(TCP, [COMMAND_PACKET], [GREETING]),
        "unitrends",
        server={"vendor": "Unitrends"},
    ),
    Example("command packet alone", Payload.of(TCP, [COMMAND_PACKET]), "unitrends", PLAUSIBLE),
    _server(CUT, "greeting cut before the port", None),
    _server(PORT_99999, "port 99999", None),
    _server(LENGTH_LIES, "length ffffffff, the text still fits", PLAUSIBLE),
    _server(unhex("436f6e6e65637465640a"), "Connected", None),
    _server(unhex("c50b4001001000af"), "a CODESYS beacon on a TCP stream", None),
    _server(b"\xa5", "the magic alone", None),
    _server(GREETING[:8] + bytes(36), "magic and length without the word", None),
    _server(greeting("0"), "port 0", None),
    _server(greeting("123456"), "six digits", None),
    _server(greeting("+1745"), "a sign", None),
    _server(greeting(" 1745"), "a blank", None),
    _server(greeting("1745", bytes(5)), "five octets behind the port", None),
    Example(
        "a greeting to a client that asks for a web page",
        Payload.of(TCP, [b"\r\n\r\n"], [GREETING]),
        "unitrends",
        PLAUSIBLE,
    ),
    Example("greeting over UDP", Payload.of(Transport.UDP, (), [GREETING]), None),
    Example("command with a lying length", Payload.of(TCP, [COMMAND_PACKET + b"\0"]), None),
    Example("a SuiteLink client on port 1743 says nothing", Payload.of(TCP, [bytes(40)]), None),
)


@pytest.mark.parametrize("split", [1, 7, 8, 30, 43])
def test_a_greeting_in_several_segments_is_the_same_greeting(split: int) -> None:
    told = recognise(Payload.of(TCP, (), [GREETING[:split], GREETING[split:]]))

    assert told is not None
    assert CONFIRMED == told.confidence


def test_two_greetings_in_one_segment_are_told_by_the_first() -> None:
    told = recognise(Payload.of(TCP, (), [GREETING + FIREWALL]))

    assert told is not None
    assert (CONFIRMED, 36092) == (told.confidence, told.facts["data_port"])


def test_endless_octets_behind_a_greeting_are_not_confirmed() -> None:
    told = recognise(Payload.of(TCP, (), [GREETING + bytes(range(200))]))

    assert told is None or told.confidence is PLAUSIBLE


def test_a_greeting_that_was_not_kept_whole_is_not_confirmed() -> None:
    told = recognise(Payload(TCP, to_client=Side(GREETING[:42], ((44, 42),), 44)))

    assert told is None or told.confidence is PLAUSIBLE


@pytest.mark.parametrize("port", ["80", "1743"])
def test_a_port_that_cannot_be_a_data_port_is_flagged(port: str) -> None:
    told = recognise(Payload.of(TCP, (), [greeting(port)]))

    assert told is not None
    assert (f"it announces port {port}, which is odd for a data port",) == told.against


@given(st.integers(1, 65535))
def test_every_port_that_is_announced_is_told(port: int) -> None:
    told = recognise(Payload.of(TCP, (), [greeting(str(port))]))

    assert told is not None
    assert (CONFIRMED, port) == (told.confidence, told.facts["data_port"])


def test_the_argument_never_travels_into_the_facts() -> None:
    octets = COMMAND.write(length=31, argument_length=11) + b"secret!!" + bytes(3)

    told = recognise(Payload.of(TCP, [octets]))

    assert told is not None
    assert b"secret" not in repr(told).encode()
