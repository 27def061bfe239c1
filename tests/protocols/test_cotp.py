"""ISO transport: what S7comm, MMS and RDP share, where none of them shows."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.cotp import recognise
from portbook.protocols.tpkt import access_point, parameters, read

TCP = Transport.TCP
CONNECT = unhex("0300001611e00000000100c0010ac1020100c2020101")
CONFIRM = unhex("0300001611d00001000100c0010ac1020100c2020101")
TIA_CONNECT = unhex("030000241fe00000000100c0010ac1020000c21053494d415449432d524f4f542d484d49")
# as of a directory (ITU-T X.511): presentation context 3, but no unit of MMS in it
SESSION_DATA = unhex("0300001802f08001000100610b3009020103a004bf310101")

EXAMPLES = [
    Example(
        "a connect and its confirm, Snap7",
        Payload.of(TCP, [CONNECT], [CONFIRM]),
        "cotp",
        facts={"calling tsap": "0100", "called tsap": "0101"},
    ),
    Example(
        "the connect of an engineering station alone, public captures",
        Payload.of(TCP, [TIA_CONNECT], []),
        "cotp",
        PLAUSIBLE,
        facts={"called tsap": "SIMATIC-ROOT-HMI"},
    ),
    Example(
        "a session of something else than MMS",
        Payload.of(TCP, [SESSION_DATA], [SESSION_DATA + SESSION_DATA]),
        "cotp",
        facts={"carries": "iso-session"},
    ),
    Example("one telegram of one side", Payload.of(TCP, [], [SESSION_DATA]), "cotp", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ([CONFIRM], []),
        ([], [CONNECT]),
        ([b"GET / HTTP/1.0\r\n\r\n"], [CONFIRM]),
        ([CONNECT[:-1]], []),
    ],
)
def test_what_does_not_fit_is_no_iso_transport(asked: list[bytes], answered: list[bytes]) -> None:
    assert recognise(Payload.of(TCP, asked, answered)) is None


def test_what_it_carries_is_not_guessed() -> None:
    told = recognise(Payload.of(TCP, [CONNECT], [CONFIRM]))

    assert told is not None
    assert "carries" not in told.facts
    assert told.against == ("what it carries is not told: S7comm, MMS, RDP?",)


def test_what_is_no_telegram_stands_against_it() -> None:
    told = recognise(Payload.of(TCP, [CONNECT, b"\x16\x03\x01"], [CONFIRM, b"hello"]))

    assert told is not None
    assert "what follows the connect is no telegram" in told.against


def test_parameters_that_run_past_the_header_are_left_out() -> None:
    connect = read(Side.of(unhex("0300000f0ae0 0000000100 c0010a c2"))).telegrams[0]

    assert parameters(connect) == {0xC0: b"\x0a"}


@pytest.mark.parametrize(
    ("octets", "text"), [(b"\x01\x02", "0102"), (b"SIMATIC", "SIMATIC"), (b"\0\1\2\3", "00010203")]
)
def test_an_access_point_is_printed_as_text_where_it_is_text(octets: bytes, text: str) -> None:
    assert text == access_point(octets)
