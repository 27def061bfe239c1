"""Genisys: frames up to F6, checksums, and an escape before octets of F0 and more."""

from __future__ import annotations

import pytest
from support.examples import Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.checks import crc16
from portbook.protocols.genisys import Frame, frames, recognise

TCP = Transport.TCP
POLL, RECALL = unhex("fb018340f6"), unhex("fd0180e0f6")
NOTHING_NEW, NEWS = unhex("f101f6"), unhex("f201120628052c059046f6")
# the checksum holds an octet that goes without its escape
HIGH = unhex("f2010005040507051506defdf6")

EXAMPLES = [
    Example(
        "polls and their answers, genisys.pcap",
        Payload.of(TCP, [POLL, POLL, RECALL], [NOTHING_NEW, NEWS]),
        "genisys",
        facts={"messages": ["acknowledge", "indication data", "poll", "recall"], "stations": [1]},
    ),
    Example("two polls one way, genisys.pcap", Payload.of(TCP, [POLL, RECALL]), "genisys"),
    Example("data with a high checksum", Payload.of(TCP, [POLL], [HIGH]), "genisys"),
]


def framed(octets: bytes, escaped: bool) -> bytes:
    whole = octets[1:] + crc16(octets).to_bytes(2, "little")
    plain, tail = (whole, b"") if escaped else (whole[:-2], whole[-2:])
    body = b"".join(bytes((0xF0, one & 0xF)) if one >= 0xF0 else bytes((one,)) for one in plain)
    return octets[:1] + body + tail + b"\xf6"


@pytest.mark.parametrize("escaped", [True, False])
def test_data_of_any_value_survive_the_escape(escaped: bool) -> None:
    for value in range(256):
        octets = framed(bytes((0xFC, 7, 1, value)), escaped)

        assert [Frame(0xFC, 7, checked=True)] == frames(Side.of(octets)), value


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("no end", POLL[:-1]),
        ("the checksum", unhex("fb018341f6")),
        ("no such message", unhex("f8018340f6")),
        ("an escape at the end", unhex("f20112f0f6")),
        ("no station", unhex("fbf6")),
        ("an acknowledgement alone proves nothing", NOTHING_NEW),
    ],
)
def test_what_does_not_fit_is_not_genisys(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None, why
    assert recognise(Payload.of(TCP, [], [octets])) is None, why


def test_who_polls_is_the_client() -> None:
    told = identify(Payload.of(TCP, [NOTHING_NEW, NEWS], [POLL]))

    assert told is not None
    assert told.swapped


def test_an_answer_in_another_tongue_is_not_genisys() -> None:
    assert recognise(Payload.of(TCP, [POLL, POLL], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None
    assert recognise(Payload.of(Transport.UDP, [POLL, POLL], [NEWS])) is None


def test_a_frame_cut_by_the_capture_says_nothing() -> None:
    kept = POLL + RECALL + POLL[:3]
    told = recognise(Payload(TCP, Side(kept, ((5, 5), (5, 5), (5, 3)), 15)))

    assert told is not None
    assert told.because[0] == "2 frames have the right checksum"
