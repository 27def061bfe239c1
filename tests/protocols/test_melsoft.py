"""MELSOFT: a marker, 1111, two sizes that agree, and the search over broadcast."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, identify
from portbook.protocols.melsoft import recognise

TCP, UDP = Transport.TCP, Transport.UDP
ASK_Q = unhex("57000000001111070000ffff030000fe03000014001c080a08 00*7 040101010000000001")
Q = unhex(
    "d700c80000111107000000e40300ffff03000038009c000c08000000001004000000000101010000005130335544"
    "454350552020202020202068020008baba081020210316002002000101e802"
)
ASK_FX5 = unhex("57010000001111070000ffff030000fe03000020001c0a1614 00*20 0121010000000001")
FX5 = unhex(
    "d70100000011117f000000a80300ffff03000038009c0a1814 00*22 012101000000"
    "465835552d33324d542f455300000000294a000800000000"
)
SEARCH, FOUND = unhex("5a000001"), unhex("da0000011400c0a80365c0a80365")
BROADCAST = Cast.BROADCAST

EXAMPLES = [
    Example(
        "the CPU of a MELSEC-Q, hi-KK/ICS-Protocol-identify, and melsecq-discover.nse",
        Payload.of(TCP, [ASK_Q], [Q]),
        "melsoft",
        facts={"commands": ["0101"]},
        server={"vendor": "Mitsubishi Electric", "product": "Q03UDECPU"},
    ),
    Example(
        "the answer of an iQ-F, broadcast, melsoft_UDP_clean_2.pcap",
        Payload.of(UDP, [FX5], cast=BROADCAST),
        "melsoft",
        client={"product": "FX5U-32MT/ES"},
    ),
    Example(
        "the question, same capture",
        Payload.of(UDP, [ASK_FX5], cast=BROADCAST),
        "melsoft",
        facts={"commands": ["0121"]},
    ),
    Example(
        "the search, same capture", Payload.of(UDP, [SEARCH], cast=BROADCAST), "melsoft", PLAUSIBLE
    ),
    Example(
        "its answer, same capture", Payload.of(UDP, [FOUND], cast=BROADCAST), "melsoft", PLAUSIBLE
    ),
    Example(
        "search and answer together",
        Payload.of(UDP, [SEARCH], [FOUND]),
        "melsoft",
        PLAUSIBLE,
        facts={"dialect": "search"},
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("marker", b"\x58" + ASK_Q[1:]),
        ("zeros", ASK_Q[:3] + b"\1" + ASK_Q[4:]),
        ("1111", ASK_Q[:5] + b"\x12" + ASK_Q[6:]),
        ("length", ASK_Q[:-1]),
        ("more behind it", ASK_Q + b"\0"),
        ("inner marker", ASK_Q[:21] + b"\x9c" + ASK_Q[22:]),
        ("an inner header past the end", ASK_Q[:23] + b"\xff" + ASK_Q[24:]),
        ("half a header", ASK_Q[:20]),
        ("a search of five octets", SEARCH + b"\0"),
        ("a search for something else", b"\x5a\0\0\2"),
    ],
)
def test_what_does_not_fit_is_not_melsoft(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_the_answer_makes_the_server_where_nothing_is_broadcast() -> None:
    for first, second in ((Q, ASK_Q), (FOUND, SEARCH)):
        told = identify(Payload.of(UDP, [first], [second]))

        assert told is not None
        assert told.swapped


def test_a_model_that_nobody_can_read_is_not_told() -> None:
    told = recognise(Payload.of(TCP, [ASK_Q], [Q[:41] + b"\1" * 16 + Q[57:]]))

    assert told is not None
    assert {"vendor": "Mitsubishi Electric"} == dict(told.server)
