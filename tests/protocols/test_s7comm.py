"""S7comm and S7comm-plus: units of data whose lengths agree, and the lists that a CPU tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.s7comm import recognise
from portbook.protocols.tpkt import measure, read
from portbook.records import Confidence

TCP = Transport.TCP
CONNECT = unhex("0300001611e00000000100c0010ac1020100c2020101")
CONFIRM = unhex("0300001611d00001000100c0010ac1020100c2020101")
SETUP = unhex("0300001902f08032010000000000080000f0000001000101e0")
SET_UP = unhex("0300001b02f080320300000000000800000000f0000001000101e0")
ASK_MODULES = unhex("0300002102f080320700000100000800080001120411440100ff09000400110000")
MODULES = unhex(
    "0300009902f080320700000100000c007c000112081284010000000000ff09007800110000001c0004"
    "000136455337203331352d32454831342d304142302000c00004000100063645533720333135"
    "2d32454831342d304142302000c0000400010007202020202020202020202020202020202020202000c0"
    "560302060081426f6f74204c6f61646572202020202020202020000041200909"
)
ASK_COMPONENTS = unhex("0300002102f080320700000200000800080001120411440100ff090004001c0000")
COMPONENTS = unhex(
    "0300017d02f080320700000200000c0160000112081284010000000000ff09015c001c00000022000a"
    "0001534e4150372d534552564552 00*21 02435055203331352d3220504e2f4450 00*18 03 00*33 "
    "044f726967696e616c205369656d656e732045717569706d656e7400000000000000"
    "055320432d433255523238393232303132 00*17 07435055203331352d3220504e2f4450 00*18 "
    "084d4d43203236374646313146 00*21 09002af6000001 00*27 0a 00*33 0b 00*32"
)
TIA_CONNECT = unhex("030000241fe00000000100c0010ac1020000c21053494d415449432d524f4f542d484d49")
# captured from python-snap7 3.3.0 on loopback, 2026-11-21: it confirms that it was left
LEAVES, LEFT = unhex("0300000c0680000100010000"), unhex("0300000a05c000010001")
EMPTY_PART = unhex("0300000702f000")  # Siemens drivers send it before a question


def telegram(data: bytes, last: int = 0x80) -> bytes:
    return b"\x03\0" + (7 + len(data)).to_bytes(2, "big") + b"\x02\xf0" + bytes((last,)) + data


def plus(data: bytes, version: int = 1) -> bytes:
    head = bytes((0x72, version))
    return telegram(head + len(data).to_bytes(2, "big") + data + head + b"\0\0")


QUESTION = plus(unhex("31000004ca0000000100000120360000 00*8"))
ANSWER = plus(unhex("32000004ca0000000136110287 00*8"))

EXAMPLES = [
    Example(
        "a whole dialogue with a Snap7 server",
        Payload.of(
            TCP,
            [CONNECT, SETUP, ASK_MODULES, ASK_COMPONENTS],
            [CONFIRM, SET_UP, MODULES, COMPONENTS],
        ),
        "s7comm",
        facts={"dialect": "s7comm"},
        server={
            "vendor": "Siemens",
            "product": "CPU 315-2 PN/DP",
            "version": "V3.2.6",
            "name": "SNAP7-SERVER",
            "serial": "S C-C2UR28922012",
            "order number": "6ES7 315-2EH14-0AB0",
            "memory card": "MMC 267FF11F",
        },
    ),
    Example("its set-up, joined in the middle", Payload.of(TCP, [SETUP], [SET_UP]), "s7comm"),
    Example("one question alone", Payload.of(TCP, [SETUP], []), "s7comm"),
    Example(
        "one list alone",
        Payload.of(TCP, [], [MODULES]),
        "s7comm",
        server={"product": "6ES7 315-2EH14-0AB0", "version": "V3.2.6", "vendor": "Siemens"},
    ),
    Example(
        "several telegrams in one segment, an empty part among them",
        Payload.of(TCP, [CONNECT + SETUP + EMPTY_PART + ASK_MODULES], [CONFIRM + SET_UP]),
        "s7comm",
    ),
    Example(
        "S7comm-plus, made after the reference",
        Payload.of(TCP, [TIA_CONNECT, QUESTION], [CONFIRM, ANSWER]),
        "s7comm",
        facts={"dialect": "s7comm-plus"},
    ),
    Example(
        "a question of S7comm-plus, lengths that lie",
        Payload.of(TCP, [telegram(unhex("7201000a003100000000"))], []),
        "s7comm",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize("dialogue", [([CONNECT], [CONFIRM]), ([TIA_CONNECT], []), ([], [CONFIRM])])
def test_a_connect_alone_is_no_s7comm(dialogue: tuple[list[bytes], list[bytes]]) -> None:
    assert recognise(Payload.of(TCP, *dialogue)) is None


def test_a_disconnect_and_its_confirmation_are_telegrams() -> None:
    told = recognise(
        Payload.of(TCP, [CONNECT, SETUP, LEAVES], [CONFIRM, SET_UP, LEFT]),
    )

    assert told is not None
    assert told.confidence is Confidence.CONFIRMED
    assert told.against == ()


def test_iso_session_on_the_same_transport_is_no_s7comm() -> None:
    session = telegram(unhex("0d 05 13 01 00 16 01"))

    assert recognise(Payload.of(TCP, [CONNECT, session], [CONFIRM])) is None


def test_a_question_answered_in_another_tongue_is_no_s7comm() -> None:
    assert recognise(Payload.of(TCP, [SETUP], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None


def test_a_unit_in_two_parts_is_put_together() -> None:
    body = ASK_MODULES[7:]
    parts = telegram(body[:5], 0) + telegram(body[5:])

    told = recognise(Payload.of(TCP, [CONNECT, SETUP, parts], [CONFIRM, SET_UP]))

    assert told is not None
    assert (Confidence.CONFIRMED, ()) == (told.confidence, told.against)


def test_a_list_in_two_answers_is_put_together() -> None:
    data = COMPONENTS[7 + 22 + 4 :]
    head = unhex("3207000002000c")
    both = b""
    for number, (part, more) in enumerate(((data[:100], 1), (data[100:], 0))):
        told = unhex("00011208128401") + bytes((number + 1, 1, more, 0, 0))
        sized = b"\xff\x09" + len(part).to_bytes(2, "big") + part
        lengths = len(told).to_bytes(2, "big") + len(sized).to_bytes(2, "big")
        both += telegram(head[:6] + lengths + told + sized)

    told_of = recognise(Payload.of(TCP, [ASK_COMPONENTS], [both]))

    assert told_of is not None
    assert ("SNAP7-SERVER", "S C-C2UR28922012") == (
        told_of.server["name"],
        told_of.server["serial"],
    )


def test_the_side_that_answers_first_is_the_server() -> None:
    told = identify(Payload.of(TCP, [SET_UP, MODULES], [SETUP, ASK_MODULES]))

    assert told is not None
    assert told.swapped
    assert told.server["vendor"] == "Siemens"


def test_a_unit_that_is_no_s7_leaves_a_doubt() -> None:
    told = recognise(Payload.of(TCP, [telegram(b"\x32") + SETUP], []))

    assert told is not None
    assert Confidence.PLAUSIBLE is told.confidence
    assert told.against == ("1 units are no S7 or do not agree with their inner lengths",)


def test_a_unit_cut_by_the_capture_is_at_most_plausible() -> None:
    told = recognise(Payload(TCP, Side(SETUP[:12], ((len(SETUP), 12),), len(SETUP))))

    assert told is not None
    assert Confidence.PLAUSIBLE is told.confidence


def test_the_last_telegram_cut_by_the_head_takes_nothing_away() -> None:
    answers = CONFIRM + SET_UP + MODULES
    cut = Side(answers[:128], ((len(answers), 128),), len(answers))

    told = recognise(Payload(TCP, Side.of(CONNECT + SETUP + ASK_MODULES), cut))

    assert told is not None
    assert (Confidence.CONFIRMED, ()) == (told.confidence, told.against)


@pytest.mark.parametrize(
    "octets",
    [
        "02000016",
        "03010016",
        "03000006",
        "0300000602f0",
        "0300000703f08001",
        "0300001611c0",
        "16030100",
    ],
)
def test_what_is_no_telegram_is_not_measured(octets: str) -> None:
    assert measure(unhex(octets), 0) is None


@given(st.binary(max_size=120))
def test_units_hold_no_more_than_was_sent(octets: bytes) -> None:
    stream = read(Side.of(telegram(octets[:50], 0) + telegram(octets[50:]) + octets))

    assert sum(map(len, stream.units)) <= 2 * len(octets)
