"""Memcached: commands and answers that fit, in words, counted, and over UDP."""

from __future__ import annotations

import pytest
from support.examples import Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.memcached import recognise

TCP, UDP = Transport.TCP, Transport.UDP
ASKED = b"version\r\nset k 0 60 3\r\nabc\r\nget k\r\n"
TOLD = b"VERSION 1.6.18\r\nSTORED\r\nVALUE k 0 3\r\nabc\r\nEND\r\n"
COUNTED = unhex("800b00000000000000000000000000070000000000000000")
COUNTED_TOLD = unhex("810b00000000000000000006000000070000000000000000312e362e3138")
STATISTICS = unhex("000100000001000073746174730d0a")
STATISTICS_TOLD = unhex("""
    000100000002000053544154207069642032343633300d0a5354415420757074696d6520330d0a53544154207469
    6d6520313739353330313337360d0a535441542076657273696f6e20312e362e31380d0a53544154206c69626576
    656e7420322e312e31322d737461626c
""")

EXAMPLES = [
    Example(
        "captured from memcached 1.6.18 on loopback, 2026-11-21",
        Payload.of(TCP, [ASKED], [TOLD]),
        "memcached",
        server={"product": "Memcached", "version": "1.6.18"},
    ),
    Example(
        "counted fields, memcached 1.6.18 on loopback",
        Payload.of(TCP, [COUNTED], [COUNTED_TOLD]),
        "memcached",
        server={"product": "Memcached", "version": "1.6.18"},
    ),
    Example(
        "over UDP, the start of the answer, memcached 1.6.18 on loopback",
        Payload.of(UDP, [STATISTICS], [STATISTICS_TOLD]),
        "memcached",
        server={"product": "Memcached", "version": "1.6.18"},
    ),
    Example("a command alone", Payload.of(TCP, [b"get k\r\n"]), None, None),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("an answer of another command", b"get k\r\n", b"STORED\r\n"),
        ("an error tells nothing", b"get k\r\n", b"ERROR\r\n"),
        ("no length", b"set k 0 60\r\n", b"STORED\r\n"),
        ("capital letters", b"GET k\r\n", b"END\r\n"),
        ("another number", COUNTED, COUNTED_TOLD.replace(b"\7", b"\x08")),
        ("another opcode", COUNTED, COUNTED_TOLD.replace(b"\x0b", b"\x0c")),
        ("a key longer than the body", COUNTED[:3] + b"\x09" + COUNTED[4:], COUNTED_TOLD),
        ("a request from the server", COUNTED, COUNTED),
    ],
)
def test_what_does_not_fit_is_not_memcached(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


def test_over_udp_the_number_must_be_given_back() -> None:
    other = b"\7" + STATISTICS_TOLD[1:]

    assert recognise(Payload.of(UDP, [STATISTICS], [other])) is None
