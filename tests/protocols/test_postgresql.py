"""PostgreSQL: start-up, encryption that is asked for, and the server's messages."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.postgresql import recognise

TCP = Transport.TCP
TLS_ASKED = unhex("0000000804d2162f")
START = unhex("""
    00000040000300007573657200706f73746772657300646174616261736500706f737467726573006170706c6963
    6174696f6e5f6e616d65006d657465720000
""")
WELCOME = unhex("""
    520000000800000000530000001b6170706c69636174696f6e5f6e616d65006d65746572005300000019636c6965
    6e745f656e636f64696e670055544638005300000017446174655374796c650049534f2c204d4459005300000026
    64656661756c745f7472616e73616374696f6e5f726561645f6f6e6c79006f6666005300000017696e5f686f745f
    7374616e646279006f6666005300000019696e74656765725f6461746574696d6573006f6e00530000001b496e74
    657276616c5374796c6500706f73746772657300530000001469735f737570657275736572006f6e005300000019
    7365727665725f656e636f64696e6700555446380053000000327365727665725f76657273696f6e0031352e3230
    202844656269616e2031352e32302d302b646562313275312900530000002373657373696f6e5f617574686f7269
    7a6174696f6e00706f7374677265730053000000237374616e646172645f636f6e666f726d696e675f737472696e
    6773006f6e00530000001554696d655a6f6e65004574632f555443004b0000000c000068ffef6fe21e5a00000005
    49
""")
REASON = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"
FAILED = b"E" + (len(REASON) + 4).to_bytes(4, "big") + REASON
PASSWORD_WANTED = unhex("520000000c 00000005 93a1c07e")
HELLO = unhex("16030100050100000103")

EXAMPLES = [
    Example(
        "captured from psql and PostgreSQL 15 on loopback, 2026-11-21",
        Payload.of(TCP, [TLS_ASKED, START], [b"N", WELCOME]),
        "postgresql",
        facts={"protocol_version": "3.0"},
        client={"product": "meter"},
        server={"product": "PostgreSQL", "version": "15.20"},
    ),
    Example("the same without the question", Payload.of(TCP, [START], [WELCOME]), "postgresql"),
    Example("its start-up alone", Payload.of(TCP, [START]), "postgresql", PLAUSIBLE),
    Example(
        "a password is wanted, built from section 55.7",
        Payload.of(TCP, [START], [PASSWORD_WANTED]),
        "postgresql",
    ),
    Example(
        "an error, built from section 55.8",
        Payload.of(TCP, [START], [FAILED]),
        "postgresql",
    ),
    Example(
        "TLS, built from section 55.2.10",
        Payload.of(TCP, [TLS_ASKED, HELLO], [b"S", HELLO]),
        "postgresql",
        facts={"secured": "TLS"},
    ),
    Example(
        "a request to cancel, built from section 55.2.8",
        Payload.of(TCP, [unhex("00000010 04d2162e 00068ffe f6fe21e5")]),
        "postgresql",
        PLAUSIBLE,
    ),
    Example("HTTP where it is not expected", Payload.of(TCP, [b"GET /"], [b"no"]), None, None),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("a length past the end", START[:3] + b"\x41" + START[4:], b""),
        ("a version that is none", START[:5] + b"\x09" + START[6:], b""),
        ("no user", START.replace(b"user\0", b"usex\0"), b""),
        ("an answer of something else", START, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("a way to log in that is none", START, b"R\0\0\0\x08\0\0\0\x63"),
        ("yes, and then no TLS", TLS_ASKED, b"Sorry"),
        ("half a question", TLS_ASKED[:7], b"N"),
    ],
)
def test_what_does_not_fit_is_not_postgresql(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


def test_the_password_never_leaves_the_recogniser() -> None:
    said = b"p\0\0\0\x0bgeheim\0"
    shown = repr(recognise(Payload.of(TCP, [START, said], [PASSWORD_WANTED])))

    assert "geheim" not in shown
    assert "postgres'" not in shown
