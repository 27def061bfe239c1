"""Telnet: wishes, answers to them, and the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.telnet import recognise

TCP = Transport.TCP
# RFC 855; options by RFC 1091 (24), RFC 1079 (32), RFC 1096 (35), RFC 1572 (39)
WANTED = unhex("fffd18 fffd20 fffd23 fffd27")
GIVEN = unhex("fffb18 fffb20 fffc23 fffb27")
# RFC 857 (1), RFC 858 (3), RFC 1073 (31)
OFFER = unhex("fffb01 fffb03 fffd1f")
TAKEN = unhex("fffd01 fffd03 fffb1f fffa1f00500018fff0")
# RFC 1091 section 5
ASK_TERMINAL, TERMINAL = unhex("fffa1801fff0"), unhex("fffa1800") + b"XTERM" + unhex("fff0")

EXAMPLES = [
    Example(
        "options are bargained for, and the terminal is told, RFC 855 and RFC 1091",
        Payload.of(TCP, [GIVEN, TERMINAL], [WANTED, ASK_TERMINAL]),
        "telnet",
        facts={
            "options": ["terminal type", "terminal speed", "X display", "new environment"],
            "terminal": "XTERM",
        },
    ),
    Example(
        "a switch that echoes, RFC 857 and RFC 858",
        Payload.of(TCP, [TAKEN, b"admin\r\n"], [OFFER, b"\r\nlogin: "]),
        "telnet",
        facts={"options": ["echo", "suppress go ahead", "window size"]},
    ),
    Example("one side alone", Payload.of(TCP, [], [WANTED]), "telnet", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answered"),
    [
        ("text", [], [b"login: "]),
        ("two wishes of one side", [], [OFFER[:6]]),
        ("an option that nobody knows", [], [WANTED + unhex("fffbee")]),
        ("a command that is no wish", [], [WANTED + unhex("fff118")]),
        ("a value that does not end", [], [WANTED + unhex("fffa1801")]),
        ("half a wish", [], [WANTED[:-1]]),
        ("BGP", [unhex("ff*16 001304")], []),
        ("a wish that is not answered", [unhex("fffb01")], [unhex("fffb03")]),
    ],
)
def test_what_does_not_fit_is_not_telnet(
    why: str, asked: list[bytes], answered: list[bytes]
) -> None:
    assert recognise(Payload.of(TCP, asked, answered)) is None, why


def test_what_is_typed_goes_nowhere() -> None:
    told = recognise(Payload.of(TCP, [TAKEN, b"admin\r\nsecret\r\n"], [OFFER]))

    assert told is not None
    assert "admin" not in repr(told)
    assert "secret" not in repr(told)


@given(st.binary(max_size=40), st.integers(0, 20))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(TCP, [GIVEN[:at] + octets], [TERMINAL[:at] + octets]))
