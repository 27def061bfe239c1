"""DNP3: start octets, checksums, and who is the master."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.dnp3 import checksum, recognise
from portbook.records import Confidence

TCP, UDP = Transport.TCP, Transport.UDP
RESET = unhex("056405c00100020074e3")
ACKNOWLEDGE = unhex("05640500020001005008")
STATUS_ASKED = unhex("05640549640001007e5f")
POLL = unhex("056414c4010002004aa2d6c6013c01063c02063c03063c04067aa5")
ASK_STATUS = unhex("056405c901000000de8e")
STATUS = unhex("0564050b00000100baf0")
FUZZED = unhex("050511c40400030046a2c2c2143c02063c03063c0406d32f")
ANSWER = unhex("05640a44030004007caeeaf98200009b5a")

EXAMPLES = [
    Example(
        "reset link and its answer, public captures",
        Payload.of(TCP, [RESET], [ACKNOWLEDGE]),
        "dnp3",
        facts={"master": [2], "outstation": [1]},
    ),
    Example("one frame alone", Payload.of(TCP, [RESET]), "dnp3"),
    Example(
        "class poll, public captures",
        Payload.of(TCP, [POLL]),
        "dnp3",
        facts={"functions": ["read"], "master": [2], "outstation": [1]},
    ),
    Example(
        "a question of the outstation to its master, public captures",
        Payload.of(TCP, [STATUS_ASKED]),
        "dnp3",
        facts={"master": [100], "outstation": [1], "caller": "outstation"},
    ),
    Example("link status", Payload.of(UDP, [ASK_STATUS], [STATUS]), "dnp3"),
    Example("several frames in one segment", Payload.of(TCP, [RESET + POLL + RESET]), "dnp3"),
    Example("several frames in one datagram", Payload.of(UDP, [RESET + POLL]), "dnp3"),
    Example(
        "a fuzzed question and its true answer, DNP3 test data part 1",
        Payload.of(TCP, [FUZZED], [ANSWER]),
        "dnp3",
        PLAUSIBLE,
        facts={"functions": ["unsolicited response"]},
    ),
]


@pytest.mark.parametrize("octets", [RESET, ACKNOWLEDGE, POLL[:10], ASK_STATUS, STATUS])
def test_the_checksum_agrees_with_frames_from_the_field(octets: bytes) -> None:
    assert octets[8:10] == checksum(octets[:8]).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("start", b"\x05\x65" + RESET[2:]),
        ("checksum", RESET[:-1] + b"\0"),
        ("length below 5", RESET[:2] + b"\4" + RESET[3:8] + b"\0\0"),
        ("half a header", RESET[:8]),
    ],
)
def test_what_does_not_fit_is_not_dnp3(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None, why
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_a_bad_checksum_in_the_data_is_told() -> None:
    bad = POLL[:-1] + b"\0"

    for octets, confidence in ((bad, Confidence.PLAUSIBLE), (POLL + bad, Confidence.CONFIRMED)):
        told = recognise(Payload.of(TCP, [octets]))
        assert told is not None
        assert confidence is told.confidence
        assert told.against == ("1 frames have a bad checksum in their data",)


def test_a_frame_cut_behind_its_header_is_certain_all_the_same() -> None:
    told = recognise(Payload(TCP, Side(POLL[:12], ((27, 12),), 27)))

    assert told is not None
    assert Confidence.CONFIRMED is told.confidence


def test_the_master_is_the_client_where_nothing_else_tells() -> None:
    told = identify(Payload.of(UDP, [ACKNOWLEDGE], [RESET]))

    assert told is not None
    assert told.swapped


def test_an_outstation_that_called_its_master_stays_the_client() -> None:
    told = identify(Payload.of(TCP, [ACKNOWLEDGE], [RESET]), roles_known=True)

    assert told is not None
    assert not told.swapped
    assert told.facts["caller"] == "outstation"


def test_a_question_answered_in_another_tongue_is_not_dnp3() -> None:
    assert recognise(Payload.of(TCP, [POLL], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None


def test_octets_behind_the_frames_are_a_doubt() -> None:
    told = recognise(Payload.of(TCP, [RESET + b"\0\0\0"]))

    assert told is not None
    assert told.against == ("no message begins at octet 10",)
