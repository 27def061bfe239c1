"""RTCM 3: the checksum of 24 bits, frames to the end, one side only."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.rtcm import crc24q, recognise

TCP, UDP = Transport.TCP, Transport.UDP
# The example of the standard, section 4.2, and a station of pyrtcm's documentation
STANDARD = unhex("d300133ed7d30202980edeef34b4bd62ac0941986f33360b98")
STATION = unhex("d300133ed000038a58d9493c872f34109d07d6af48205ad7f7")


def frame(number: int, data: bytes) -> bytes:
    body = (number << 4).to_bytes(2, "big") + data
    whole = b"\xd3" + len(body).to_bytes(2, "big") + body
    return whole + crc24q(whole).to_bytes(3, "big")


EXAMPLES = [
    Example(
        "two positions of a station, RTCM 10403.3 section 4.2 and pyrtcm",
        Payload.of(TCP, (), [STANDARD, STATION]),
        "rtcm",
        facts={"messages": [1005]},
    ),
    Example("over UDP", Payload.of(UDP, [STANDARD, frame(1077, bytes(60))]), "rtcm"),
    Example("one frame alone", Payload.of(UDP, [STANDARD]), "rtcm", PLAUSIBLE),
    Example("zeros behind the preamble", Payload.of(UDP, [unhex("d300000000 00*20")]), None),
]


@pytest.mark.parametrize("octets", [STANDARD, STATION])
def test_the_checksum_is_the_one_of_the_standard(octets: bytes) -> None:
    assert int.from_bytes(octets[-3:], "big") == crc24q(octets[:-3])


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("checksum", STANDARD[:-1] + b"\x99"),
        ("preamble", b"\xd4" + STANDARD[1:]),
        ("the six bits that are zero", b"\xd3\x04" + STANDARD[2:]),
        ("a message number of nobody", frame(7, bytes(20))),
        ("a frame that does not end", STANDARD[:-1]),
        ("half a header", STANDARD[:2]),
    ],
)
def test_what_does_not_fit_is_not_rtcm(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why
    assert recognise(Payload.of(TCP, (), [STANDARD, octets])) is None, why


def test_it_goes_one_way() -> None:
    assert recognise(Payload.of(TCP, [STANDARD], [STATION])) is None


def test_frames_are_found_over_segments() -> None:
    stream = STANDARD + STATION

    told = recognise(Payload.of(TCP, (), [stream[:10], stream[10:40], stream[40:]]))
    assert told is not None
    assert "2 frames have the right checksum" == told.because[0]


def test_a_last_frame_that_is_cut_says_nothing() -> None:
    kept = STANDARD + STATION + STANDARD[:9]
    side = Side(kept, ((75, len(kept)),), 75)

    told = identify(Payload(TCP, to_client=side))
    assert told is not None
    assert "rtcm" == told.protocol
