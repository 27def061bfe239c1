"""EtherNet/IP: encapsulated messages to their exact end, and ListIdentity's fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.enip import HEADER, items, recognise
from portbook.records import Confidence

TCP, UDP = Transport.TCP, Transport.UDP
ASK = unhex("63000000000000000000000000000000c1debed100000000")
ENBT = unhex(
    "63003300000000000000000000000000c1debed10000000001000c002d0001000002af120a0101a4"
    "000000000000000001000c003a00040330008e4d52000b313735362d454e42542f4103"
)
OPTO = unhex(
    "630033000000000000000000f401504254424f4b0000000001000c002d0001000002af120ac0377b"
    "000000000000000053000c0001000a0330003e2211000b534e41502d5041432d523103"
)
REGISTER = unhex("65000400000000000000000000000000000000000000000001000000")
REGISTERED = unhex("65000400000202130000000000000000000000000000000001000000")
SERVICES = unhex("0400 00*22")
SERVICES_ARE = unhex(
    "04001a00000000000000000000000000000000000000000001000001140001002001"
    "436f6d6d756e69636174696f6e730000"
)
READ = unhex(  # cisagov/icsnpp-enip, enip-software-upload: connected data, service 3
    "7000200000010211000000000000000000000000000000000000000001000200"
    "a1000400010b7c00b1000c00260403022073240101000500"
)
READ_ANSWER = unhex(
    "7000240000010211000000000000000000000000000000000000000000000200"
    "a10004002800fe80b100100026048300000001000500000000000000"
)
# captured from pycomm3 1.2.16 and cpppo 5.2.5 on loopback, 2026-11-21
OPENS = unhex("6500040000000000000000005f7079636f6d6d5f0000000001000000")
OPENED = unhex("650004002d81abac000000005f7079636f6d6d5f0000000001000000")
ASKS_THROUGH = unhex(
    "6f0024002d81abac000000005f7079636f6d6d5f00000000000000000a00020000000000b2001400520220062401"
    "0a05060001022001240101000100"
)
ANSWERED_THROUGH = unhex(
    "6f003b002d81abac000000005f7079636f6d6d5f00000000000000000a00020000000000b2002b00810000000100"
    "0e003600140b60311a066c0014313735362d4c36312f42204c4f47495835353631ff000000"
)
NO_STATUS = unhex(
    "700000002d81abac080000005f7079636f6d6d5f00000000"
)  # CIP's status 8, where only EtherNet/IP's own belong
ENBT_IS = {
    "vendor": "Rockwell Automation/Allen-Bradley",
    "product": "1756-ENBT/A",
    "version": "4.3",
    "serial": "00524D8E",
    "address told": "10.1.1.164",
    "device type": "12",
    "product code": "58",
}

EXAMPLES = [
    Example(
        "a session asked for, unanswered, captured from pylogix 1.1.6 on loopback, 2026-11-21",
        Payload.of(TCP, [unhex("650004000000000000000000312e312e362020200000000001000000")]),
        "enip",
        PLAUSIBLE,
    ),
    Example("list identity, public", Payload.of(TCP, [ASK], [ENBT]), "enip", server=ENBT_IS),
    Example("its answer alone, over UDP", Payload.of(UDP, [], [ENBT]), "enip", server=ENBT_IS),
    Example(
        "an answer of Opto 22, made after the reference",
        Payload.of(UDP, [], [OPTO]),
        "enip",
        server={
            "vendor": "Opto 22",
            "product": "SNAP-PAC-R1",
            "vendor id": "83",
            "version": "10.3",
            "serial": "0011223E",
        },
    ),
    Example("a lone question by UDP", Payload.of(UDP, [ASK], []), "enip", PLAUSIBLE),
    Example("a lone header by TCP is too little", Payload.of(TCP, [ASK], []), None),
    Example(
        "register session, public captures",
        Payload.of(TCP, [REGISTER], [REGISTERED]),
        "enip",
        facts={"commands": ["RegisterSession"]},
    ),
    Example("list services, public captures", Payload.of(TCP, [SERVICES], [SERVICES_ARE]), "enip"),
    Example(
        "three messages in one segment",
        Payload.of(TCP, [SERVICES + ASK + REGISTER], [SERVICES_ARE + ENBT + REGISTERED]),
        "enip",
        facts={"commands": ["ListServices", "ListIdentity", "RegisterSession"]},
        server={"product": "1756-ENBT/A"},
    ),
    Example("connected data, cisagov/icsnpp-enip", Payload.of(TCP, [READ], [READ_ANSWER]), "enip"),
    Example("one connected request", Payload.of(TCP, [READ], []), "enip"),
]  # fmt: skip


def message(command: int, data: bytes = b"", **more: object) -> bytes:
    return HEADER.write(command=command, length=len(data), **more) + data


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("length past the end", ENBT[:-1]),
        ("unknown command", b"\x05\0" + ENBT[2:]),
        ("unknown status", ENBT[:8] + b"\x08" + ENBT[9:]),
        ("options", ENBT[:20] + b"\1" + ENBT[21:]),
        ("session of another size", message(0x65, b"\1\0\0\0\0\0")),
        ("data too short for items", message(0x6F, bytes(12))),
    ],
)
def test_what_does_not_fit_is_not_ethernet_ip(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [], [octets])) is None, why
    assert recognise(Payload.of(TCP, [], [octets])) is None, why


def test_octets_after_the_end_are_a_doubt_where_the_items_fit() -> None:
    told = recognise(Payload.of(UDP, [], [ENBT + b"\0"]))

    assert told is not None
    assert Confidence.PLAUSIBLE is told.confidence
    assert told.against


def test_each_side_says_only_what_is_its_own() -> None:
    assert recognise(Payload.of(TCP, [ENBT], [ASK])) is None
    assert recognise(Payload.of(TCP, [READ_ANSWER], [READ])) is None
    told = identify(Payload.of(TCP, [READ_ANSWER], [READ]))
    assert told is not None
    assert told.swapped


def test_an_answer_cut_by_the_capture_alone_is_at_most_plausible() -> None:
    cut = Side(ENBT[:60], ((len(ENBT), 60),), len(ENBT))

    told = recognise(Payload(UDP, Side(), cut))

    assert told is not None
    assert (Confidence.PLAUSIBLE, {}) == (told.confidence, told.server)


def test_the_last_message_cut_by_the_head_takes_nothing_away() -> None:
    answers = SERVICES_ARE + ENBT
    cut = Side(answers[:100], ((len(answers), 100),), len(answers))

    told = recognise(Payload(TCP, Side.of(SERVICES + ASK), cut))

    assert told is not None
    assert Confidence.CONFIRMED is told.confidence


def test_a_name_longer_than_the_item_and_a_missing_state_octet() -> None:
    item = bytearray(ENBT[30:])
    item[32] = 200
    lying = ENBT[:30] + bytes(item)
    stateless = ENBT[:2] + b"\x32" + ENBT[3:28] + b"\x2c" + ENBT[29:-1]

    for octets, product in ((lying, None), (stateless, "1756-ENBT/A")):
        told = recognise(Payload.of(TCP, [ASK], [octets]))
        assert told is not None
        assert product == told.server.get("product")


def test_an_unknown_vendor_is_told_by_its_number() -> None:
    told = recognise(Payload.of(UDP, [], [ENBT[:48] + b"\x39\x30" + ENBT[50:]]))

    assert told is not None
    assert told.server["vendor"] == "CIP vendor 12345"


def test_a_stray_message_leaves_a_doubt() -> None:
    told = recognise(Payload.of(TCP, [ASK + b"GET / HTTP/1.1\r\n\r\n"], [ENBT]))

    assert told is not None
    assert (Confidence.PLAUSIBLE, ("no message begins at octet 24",)) == (
        told.confidence,
        told.against,
    )


def test_a_stray_message_behind_several_that_agree_is_told_as_odd() -> None:
    told = recognise(
        Payload.of(TCP, [OPENS, ASKS_THROUGH], [OPENED, ANSWERED_THROUGH, NO_STATUS]),
    )

    assert told is not None
    assert (Confidence.CONFIRMED, ("no message begins at octet 111",)) == (
        told.confidence,
        told.against,
    )


@given(st.binary(max_size=80))
def test_items_fill_no_more_than_there_is(data: bytes) -> None:
    found, exact = items(data)

    used = 2 + sum(4 + len(octets) for _, octets in found)
    assert used <= max(2, len(data))
    assert not exact or used == len(data)
