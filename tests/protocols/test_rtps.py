"""RTPS: the magic word, submessages of both byte orders that fill a datagram, the vendor."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.rtps import recognise

UDP = Transport.UDP
# Cyclone DDS 11.0.1, two participants on loopback, 2026-11-21
WRITER = "525450530205011001107259e627762626b9e00b"
HEARTBEATS = unhex(
    f"{WRITER} 0e010c00011058fc6647bd059dd64d6d "
    "07011c0000000000000003c2 000000000100000000000000000000000100000007011c0000000000000004c2"
    "0000000001000000000000000000000001000000"
)
DATA = unhex(
    f"{WRITER} 09010800d31d026b8ed7fb4f 1505240000001000000000000000020300000000"
    "02000000000100000800000076616c756520310007011c000000000000000203000000000300000000000000"
    "0200000001000000"
)
# Built by section 8.3.3 and 9.4 of the specification: RTI, most octet first, a last length of 0
BIG = unhex("5254505302010101 00*12 0900 0008 0000000000000000 1500 0000 0000 0010 00*16")

EXAMPLES = [
    Example(
        "data and heartbeat of Cyclone DDS 11.0.1, captured on loopback",
        Payload.of(UDP, [HEARTBEATS, DATA]),
        "rtps",
        facts={"rtps_version": "2.5", "messages": ["data", "destination", "heartbeat", "time"]},
        client={"product": "Cyclone DDS"},
    ),
    Example(
        "a datagram of the other byte order, specification sections 8.3.3 and 9.4",
        Payload.of(UDP, [BIG], cast=Cast.MULTICAST, group="239.255.0.1"),
        "rtps",
        client={"product": "RTI Connext DDS"},
    ),
    Example("filled, and not filled", Payload.of(UDP, [DATA, DATA + b"\0"]), "rtps", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("the word", b"RTPX" + DATA[4:]),
        ("a version of another age", DATA[:4] + b"\x07" + DATA[5:]),
        ("a kind that nobody knows", DATA[:20] + b"\x40" + DATA[21:]),
        ("a length past the end", DATA[:22] + b"\xff" + DATA[23:]),
        ("no submessage", DATA[:20]),
        ("half a header", DATA[:12]),
    ],
)
def test_what_does_not_fit_is_not_rtps(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_both_sides_must_speak_it() -> None:
    assert recognise(Payload.of(UDP, [DATA], [b"something else"])) is None
    assert recognise(Payload.of(Transport.TCP, [DATA])) is None
    assert recognise(Payload.of(UDP, [DATA], [HEARTBEATS])) is not None


def test_each_side_has_its_own_vendor() -> None:
    told = recognise(Payload.of(UDP, [DATA], [BIG]))

    assert told is not None
    assert "Cyclone DDS" == told.client["product"]
    assert "RTI Connext DDS" == told.server["product"]


def test_submessages_of_a_vendor_are_passed_over() -> None:
    own = DATA[:20] + unhex("80010400 00000000") + DATA[20:]

    told = recognise(Payload.of(UDP, [own]))
    assert told is not None
    assert "of the vendor" in told.facts["messages"]


def test_a_datagram_that_is_cut_counts() -> None:
    cut = Side(DATA[:40], ((len(DATA), 40),), len(DATA))

    assert recognise(Payload(UDP, cut)) is not None
