"""VNC: two greetings, the offer, and the desktop's name."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.vnc import INITIAL, recognise

TCP = Transport.TCP
NEW, MIDDLE, OLD = b"RFB 003.008\n", b"RFB 003.007\n", b"RFB 003.003\n"
# RFC 6143 section 7.3.2: 1024 x 768, 32 bits of which 24 count, true colour
DESKTOP = unhex("0400 0300 2018000100ff00ff00ff100800000000 00000007") + b"hmi:0.0"
CHALLENGE, RESPONSE = bytes(range(16)), bytes(range(16, 32))

EXAMPLES = [
    Example(
        "version 3.8 without a password, RFC 6143 sections 7.1.1 to 7.3.2",
        Payload.of(TCP, [NEW, b"\x01", b"\x01"], [NEW, b"\x01\x01", bytes(4), DESKTOP]),
        "vnc",
        facts={"server_version": "3.8", "client_version": "3.8", "security": ["none"]},
        server={"name": "hmi:0.0"},
    ),
    Example(
        "version 3.8 with a password, RFC 6143 section 7.2.2",
        Payload.of(
            TCP,
            [NEW, b"\x02", RESPONSE, b"\0"],
            [NEW, b"\x02\x02\x10", CHALLENGE, bytes(4), DESKTOP],
        ),
        "vnc",
        facts={"security": ["VNC password", "Tight"]},
        server={"name": "hmi:0.0"},
    ),
    Example(
        "version 3.7 without a password has no result, RFC 6143 appendix A.2",
        Payload.of(TCP, [MIDDLE, b"\x01", b"\0"], [NEW, b"\x01\x01", DESKTOP]),
        "vnc",
        server={"name": "hmi:0.0"},
    ),
    Example(
        "version 3.3, where the server decides, RFC 6143 appendix A.1",
        Payload.of(TCP, [OLD, b"\x01"], [OLD, b"\0\0\0\x01", DESKTOP]),
        "vnc",
        facts={"client_version": "3.3", "security": ["none"]},
        server={"name": "hmi:0.0"},
    ),
    Example(
        "a server of Apple and a client of today, rfbproto",
        Payload.of(TCP, [b"RFB 003.008\n"], [b"RFB 003.889\n"]),
        "vnc",
        facts={"server_version": "3.889"},
    ),
    Example("the greeting of a server alone", Payload.of(TCP, [], [NEW]), "vnc", PLAUSIBLE),
    Example("a greeting of the client alone", Payload.of(TCP, [NEW]), "vnc", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answered"),
    [
        ("another word", [], [b"RFC 003.008\n"]),
        ("a version of letters", [], [b"RFB 003.00x\n"]),
        ("no line end", [], [b"RFB 003.008\r\n"]),
        ("a version that is none", [NEW], [b"RFB 009.008\n"]),
        ("a client that speaks otherwise", [b"GET / HTTP/1.1\r\n\r\n"], [NEW]),
        ("a client that is newer than the server", [NEW], [OLD]),
        ("a server that goes on alone", [], [NEW + b"hello"]),
    ],
)
def test_what_does_not_fit_is_not_vnc(why: str, asked: list[bytes], answered: list[bytes]) -> None:
    assert recognise(Payload.of(TCP, asked, answered)) is None, why


def test_a_choice_that_was_not_offered_stands_against_it() -> None:
    told = recognise(Payload.of(TCP, [NEW, b"\x13"], [NEW, b"\x01\x02", CHALLENGE]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert ("what follows is no offer of ways to log in",) == told.against


def test_a_name_that_was_cut_is_not_told() -> None:
    for end in range(len(DESKTOP)):
        told = recognise(Payload.of(TCP, [OLD], [OLD, b"\0\0\0\x01", DESKTOP[:end]]))

        assert told is not None
        assert {} == dict(told.server)
    assert 24 == INITIAL.size


def test_the_challenge_goes_nowhere() -> None:
    told = identify(EXAMPLES[1].payload)

    assert told is not None
    assert CHALLENGE.hex() not in repr(told)
    assert RESPONSE.hex() not in repr(told)
