"""X11: the set-up and its answers, and requests of a stream that was joined in the middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.x11 import recognise

TCP = Transport.TCP
COOKIE = bytes(range(16))
WAY = b"MIT-MAGIC-COOKIE-1"
# X Window System Protocol, appendix B, connection setup: what the client sends, in both orders
ASKED = b"l\0" + unhex("0b00 0000 1200 1000 0000") + WAY + b"\0\0" + COOKIE
BIG = b"B\0" + unhex("000b 0000 0000 0000 0000")
XORG = b"The X.Org Foundation"
# the same, success: release 12101004, ids, 20 octets of vendor, one screen, two formats
SCREEN, FORMATS = bytes(40), unhex("01 01 20 00*5 18 20 20 00*5")
TOLD = (
    unhex("01 00 0b00 0000 1b00")
    + unhex("8ca5b800 00002002 ffff1f00 00010000 1400 ffff 01 02 00 00 20 20 08 ff 00000000")
    + XORG
    + FORMATS
    + SCREEN
)
REASON = b"No protocol specified\n\0\0"
REFUSED = unhex("00 16 0b00 0000 0600") + REASON
REFUSED_BIG = unhex("00 16 000b 0000 0006") + REASON
# container-pcapng-ether-and-sll.pcapng: 60 octets were kept of each
PIXMAP = unhex("""
    35180400 e1c85202 a7514b02 11001100 9e040500 e2c85202 e1c85202 34010000 00000000
    9e050400 e2c85202 40000000 00000000 9e1a0700 03c85202
""")
COORDINATES = unhex("280104004fe9f8018801000000000000")


def middle(*sides: tuple[bytes, int]) -> Payload:
    """Return what was kept of streams whose beginning was not seen."""
    asked, told = (
        Side(octets, ((length, len(octets)),) if octets else (), length, started=False)
        for octets, length in (*sides, (b"", 0))[:2]
    )
    return Payload(TCP, asked, told)


EXAMPLES = [
    Example(
        "a program and its screen, X Window System Protocol appendix B",
        Payload.of(TCP, [ASKED], [TOLD]),
        "x11",
        facts={"order": "little", "log_in": "MIT-MAGIC-COOKIE-1"},
        server={"vendor": "The X.Org Foundation", "version": "1.21.1.4"},
    ),
    Example(
        "a program that is not let in, section 8",
        Payload.of(TCP, [BIG], [REFUSED_BIG]),
        "x11",
        facts={"order": "big", "log_in": "none"},
    ),
    Example("a set-up alone", Payload.of(TCP, [ASKED]), "x11", PLAUSIBLE),
    Example(
        "a picture is drawn, container-pcapng-ether-and-sll.pcapng",
        middle((PIXMAP, 1376)),
        "x11",
        PLAUSIBLE,
    ),
    Example(
        "where the pointer is, container-pcapng-ether-and-sll.pcapng",
        middle((COORDINATES * 3, 48), (unhex("0103803e 00*28"), 32)),
        "x11",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "asked", "told"),
    [
        ("version 10", ASKED[:2] + b"\x0a" + ASKED[3:], TOLD),
        ("version 11.1", ASKED[:4] + b"\1" + ASKED[5:], TOLD),
        ("the other order", b"B" + ASKED[1:], TOLD),
        ("a set-up that is cut", ASKED[:-30], TOLD),
        ("a set-up with more behind it, and no answer", ASKED + b"\0", b""),
        ("a way of control characters", ASKED.replace(b"MIT", b"M\1T"), TOLD),
        ("a long way", ASKED[:6] + b"\x41" + ASKED[7:] + bytes(99), TOLD),
        ("an answer of something else", ASKED, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("an answer of another version", ASKED, TOLD[:2] + b"\x0a" + TOLD[3:]),
        ("an answer that is cut", ASKED, TOLD[:60]),
        ("an answer without a screen", ASKED, TOLD[:28] + b"\0" + TOLD[29:]),
        ("more formats than there is room for", ASKED, TOLD[:29] + b"\x20" + TOLD[30:]),
        ("ids within their mask", ASKED, TOLD[:12] + b"\1" + TOLD[13:]),
        ("keys before the first one", ASKED, TOLD[:34] + b"\7" + TOLD[35:]),
        ("a refusal whose reason does not fill it", ASKED, REFUSED + bytes(4)),
        ("a refusal in the other order", BIG, REFUSED),
    ],
)
def test_what_does_not_fit_is_not_x11(why: str, asked: bytes, told: bytes) -> None:
    assert recognise(Payload.of(TCP, [asked], [told] if told else [])) is None, why


@pytest.mark.parametrize(
    ("why", "payload"),
    [
        ("two requests", middle((COORDINATES * 2, 32))),
        ("another length than the request has", middle((COORDINATES[:2] + b"\5" + PIXMAP, 99))),
        ("requests that share nothing", middle((PIXMAP.replace(b"\xc8\x52\2", b"\0\0\0"), 1376))),
        ("ids that none can be", middle((COORDINATES.replace(b"\1\x88", b"\xf1\x88") * 3, 48))),
        ("a request past the end", middle((COORDINATES * 3 + COORDINATES[:8], 56))),
        ("a request of no length", middle((COORDINATES * 3 + bytes(4), 52))),
        (
            "an answer of something else",
            middle((COORDINATES * 3, 48), (b"HTTP/1.1 200 OK\r\n", 40)),
        ),
        ("an answer that is too short", middle((COORDINATES * 3, 48), (b"\1" * 8, 8))),
        ("a stream that begins so", Payload.of(TCP, [COORDINATES * 3])),
    ],
)
def test_what_is_joined_in_the_middle_must_prove_more(why: str, payload: Payload) -> None:
    assert recognise(payload) is None, why


def test_a_cookie_never_leaves_the_recogniser() -> None:
    told = identify(EXAMPLES[0].payload)

    assert told is not None
    assert COOKIE.hex() not in repr(told)
    assert repr(COOKIE)[2:-1] not in repr(told)


@given(
    st.binary(max_size=80),
    st.binary(max_size=80),
    st.sampled_from((b"", b"l\0\x0b\0\0\0", b"B\0\0\x0b\0\0")),
)
def test_any_octets_are_read_without_an_error(asked: bytes, told: bytes, start: bytes) -> None:
    recognise(Payload.of(TCP, [start + asked], [b"\1" + told]))
    recognise(middle((start + asked + b"\0", 1376), (told, 1400)))
