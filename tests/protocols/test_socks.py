"""SOCKS: the greeting, the log-in, and the way that is asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.socks import recognise

TCP = Transport.TCP
HELLO, TAKEN = b"\5\1\0", b"\5\0"
# frag-socks-http.pcap
TO_WEB, GRANTED = (
    unhex("05010003 0e 7777772e676f6f676c652e636f6d 0050"),
    unhex("05000001 0a000002 0050"),
)
# odd-socks-on-10080.pcap
THREE, LOG_IN = unhex("0503000302"), unhex("01 03 626f62 05 616c696365")
TO_SSH, OPEN = unhex("05010001 c0a80002 0016"), unhex("05000001 c0a80001 da8f")
FOUR = unhex("04 01 0050 5db8d822") + b"anna\0"
FOUR_A = unhex("04 01 0050 00000001") + b"\0hmi.example\0"

EXAMPLES = [
    Example(
        "a browser's way, frag-socks-http.pcap",
        Payload.of(TCP, [HELLO, TO_WEB, b"GET / HTTP/1.1\r\n"], [TAKEN, GRANTED, b"HTTP/1.1 302 "]),
        "socks",
        facts={"socks_version": 5, "command": "connect", "target": "www.google.com:80"},
    ),
    Example(
        "with a password, odd-socks-on-10080.pcap",
        Payload.of(TCP, [THREE, LOG_IN, TO_SSH], [b"\5\2", b"\1\0", OPEN]),
        "socks",
        facts={"log_in": "user and password", "target": "192.168.0.2:22"},
    ),
    Example(
        "a request that nobody answered yet, mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(TCP, [HELLO, unhex("05010001 0a000001 0050")], [TAKEN]),
        "socks",
        facts={"target": "10.0.0.1:80"},
    ),
    Example(
        "IPv6, built from RFC 1928 sections 4 to 6",
        Payload.of(
            TCP,
            [HELLO, unhex("05010004 20010db8 00*11 01 01bb")],
            [TAKEN, unhex("05000004 20010db8 00*11 02 c000")],
        ),
        "socks",
        facts={"target": "[2001:db8::1]:443"},
    ),
    Example(
        "no way in, RFC 1928 section 3",
        Payload.of(TCP, [b"\5\2\0\1"], [b"\5\xff"]),
        "socks",
        PLAUSIBLE,
        facts={"log_in": "refused"},
    ),
    Example(
        "version 4, built from its description",
        Payload.of(TCP, [FOUR], [unhex("005a 0050 5db8d822")]),
        "socks",
        facts={"socks_version": 4, "target": "93.184.216.34:80"},
    ),
    Example(
        "version 4A, built from its description",
        Payload.of(TCP, [FOUR_A], [unhex("005a 00*6")]),
        "socks",
        facts={"target": "hmi.example:80"},
    ),
    Example("a greeting alone says too little", Payload.of(TCP, [HELLO]), None, None),
]


@pytest.mark.parametrize(
    ("why", "asked", "told"),
    [
        ("an answer of another version", [HELLO], [b"\4\0"]),
        ("a way that was not offered", [HELLO, TO_WEB], [b"\5\2"]),
        ("a way twice", [b"\5\2\0\0"], [TAKEN]),
        ("a way that nobody assigned", [b"\5\1\x20"], [b"\5\x20"]),
        ("no way at all", [b"\5\0"], [b"\5\xff"]),
        ("a request of another version", [HELLO, b"\4" + TO_WEB[1:]], [TAKEN]),
        ("a command that is none", [HELLO, b"\5\7" + TO_WEB[2:]], [TAKEN]),
        ("a reserved octet", [HELLO, b"\5\1\1" + TO_WEB[3:]], [TAKEN]),
        ("an address that is cut", [HELLO, TO_WEB[:-4]], [TAKEN]),
        ("a kind of address that is none", [HELLO, b"\5\1\0\2" + TO_WEB[4:]], [TAKEN]),
        ("a reply that is none", [HELLO, TO_WEB], [TAKEN, b"\5\x20" + GRANTED[2:]]),
        ("an answer that goes on alone", [HELLO], [TAKEN, b"hello"]),
        ("a log-in of another version", [THREE, b"\2" + LOG_IN[1:]], [b"\5\2"]),
        ("version 4 with more behind it", [FOUR + b"\1"], [unhex("005a 00*6")]),
        ("version 4 without its end", [FOUR[:-1]], [unhex("005a 00*6")]),
        ("version 4 with a long answer", [FOUR], [unhex("005a 00*9")]),
        ("version 4 with an answer that is none", [FOUR], [unhex("0000 00*6")]),
    ],
)
def test_what_does_not_fit_is_not_socks(why: str, asked: list[bytes], told: list[bytes]) -> None:
    assert recognise(Payload.of(TCP, asked, told)) is None, why


def test_a_password_never_leaves_the_recogniser() -> None:
    told = identify(EXAMPLES[1].payload)

    assert told is not None
    assert "alice" not in repr(told)
    assert "bob" not in repr(told)


@given(st.binary(max_size=60), st.binary(max_size=40), st.sampled_from((b"\5", b"\4")))
def test_any_octets_are_read_without_an_error(asked: bytes, told: bytes, version: bytes) -> None:
    recognise(Payload.of(TCP, [version + asked], [version + told]))
