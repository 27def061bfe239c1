"""IEC 60870-5-104: frames without a gap, and data units that their objects fill."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.iec104 import FILES, NAMES, SIZES, recognise
from portbook.records import Confidence

TCP = Transport.TCP
START, STARTED = unhex("680407000000"), unhex("68040b000000")
TEST, TESTED = unhex("680443000000"), unhex("680483000000")
SEEN = unhex("680401002a00")
VALUE = unhex("680f260006001501030001007a03004001")  # M_ME_ND_1, spontaneous
SET_POINT = unhex("681206001e003201060001002823000000504200")
SET_POINT_DONE = unhex("68121e0008003201070001002823000000504200")
# captured from c104 2.2.1 (lib60870) on loopback, 2026-11-21
STEP = unhex("68150c0026003c0106002f000c000002fa4c2a10150b1a")
STEP_DONE = unhex("681526000e003c0107002f000c000002fa4c2a10150b1a")
INTERROGATE = unhex("680e0000000064010600010000000014")

EXAMPLES = [
    Example("start of data transfer", Payload.of(TCP, [START], [STARTED]), "iec104"),
    Example("its question alone", Payload.of(TCP, [START], []), "iec104", PLAUSIBLE),
    Example(
        "values and their acknowledgement, EmreEkin 104deneme2",
        Payload.of(TCP, [SEEN], [VALUE]),
        "iec104",
        facts={"types": ["M_ME_ND_1 (21)"], "common addresses": [1]},
    ),
    Example("one value alone", Payload.of(TCP, [], [VALUE]), "iec104"),
    Example(
        "a set point and its confirmation, EmreEkin 50",
        Payload.of(TCP, [SET_POINT], [SET_POINT_DONE]),
        "iec104",
        facts={"types": ["C_SE_NC_1 (50)"]},
    ),
    Example(
        "a step command with its time, captured from c104 2.2.1 on loopback, 2026-11-21",
        Payload.of(TCP, [STEP], [STEP_DONE]),
        "iec104",
        facts={"types": ["C_RC_TA_1 (60)"], "common addresses": [47]},
    ),
    Example(
        "several frames in a segment",
        Payload.of(TCP, [START + INTERROGATE + SEEN], [STARTED + VALUE + VALUE]),
        "iec104",
        facts={"types": ["M_ME_ND_1 (21)", "C_IC_NA_1 (100)"]},
    ),
    Example(
        "joined behind a keep-alive, EmreEkin 104deneme2",
        Payload(
            TCP,
            Side.of(b"\0", SEEN, SEEN, started=False),
            Side.of(b"\0", VALUE, VALUE, started=False),
        ),
        "iec104",
    ),
    Example("link test", Payload.of(TCP, [TEST], [TESTED]), "iec104"),
    Example("one acknowledgement is too little", Payload.of(TCP, [SEEN], []), None),
    Example("text that begins with an h", Payload.of(TCP, [b"h, who is there?\r\n"], []), None),
]


def test_each_type_whose_size_is_known_has_its_name() -> None:
    assert set(NAMES) == {*SIZES, *FILES}


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("start", b"\x69" + START[1:]),
        ("length below 4", unhex("680307000000")),
        ("length over 253", unhex("68fe26000600") + bytes(250)),
        ("length past the end", VALUE[:-1]),
        ("function that does not exist", unhex("680433000000")),
        ("function with a number", unhex("680407000200")),
        ("acknowledgement with more", unhex("680401012a00")),
        ("odd number received", unhex("680f260007001501030001007a03004001")),
        ("data without a data unit", unhex("680726000600150103")),
    ],
)
def test_what_does_not_fit_is_not_iec104(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets], [])) is None, why
    assert recognise(Payload.of(TCP, [], [octets])) is None, why
    assert recognise(Payload.of(Transport.UDP, [octets], [])) is None, why


@pytest.mark.parametrize(
    ("unit", "exact"),
    [
        ("01010300010001000001", True),  # one single point
        ("0182030001000100000100", True),  # two in sequence
        ("0102030001000100000102000000", True),  # two by themselves
        ("01020300010001000001", False),
        ("01000300010001000001", False),  # no object
        ("01010000010001000001", False),  # no cause
        ("c8010300010001000001", False),  # a type that the standard lacks
    ],
)
def test_objects_fill_a_data_unit(unit: str, exact: bool) -> None:
    octets = unhex(unit)
    told = recognise(
        Payload.of(TCP, [SEEN], [bytes((0x68, len(octets) + 4, 2, 0, 0, 0)) + octets, TESTED])
    )

    assert told is not None
    assert exact is not bool(told.against)


@pytest.mark.parametrize("pair", [(STARTED, START), (VALUE, SEEN), (SET_POINT_DONE, SET_POINT)])
def test_each_side_says_only_what_is_its_own(pair: tuple[bytes, bytes]) -> None:
    payload = Payload.of(TCP, [pair[0], TEST], [pair[1]])

    assert recognise(payload) is None
    told = identify(payload)
    assert told is not None
    assert told.swapped


def test_the_last_frame_cut_by_the_head_takes_nothing_away() -> None:
    told = recognise(Payload(TCP, Side.of(SEEN), Side(VALUE + VALUE[:9], ((34, 26),), 34)))

    assert told is not None
    assert (Confidence.CONFIRMED, ()) == (told.confidence, told.against)


def test_octets_behind_the_frames_are_a_doubt() -> None:
    told = recognise(Payload.of(TCP, [SEEN], [VALUE + b"\xff" * 7]))

    assert told is not None
    assert (Confidence.PLAUSIBLE, ("no message begins at octet 17",)) == (
        told.confidence,
        told.against,
    )
