"""SNMP: versions, directions, what a device tells, and the community that nobody may see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Piece, Side
from portbook.protocols.snmp import read, recognise

TCP, UDP = Transport.TCP, Transport.UDP
GET = unhex("302802010104067075626c6963a01b02030458aa020100020100300e300c06082b060102010101000500")
RESPONSE = unhex(
    "303802010104067075626c6963a22b02030458aa020100020100301e301c06082b0601020101010004 10"
    "554d545320536f667420537769746368"
)
ASKS_ENGINE = unhex(
    "3040020103300f02030091c8020205dc040104020103041530130400020100020100040561646d696e0400040030"
    "1304000400a00d02030091c80201000201003000"
)
ENGINE = unhex(
    "306c020103300f02030091c80202080004010002010304243022040c000039e7000000a1c0a81da0020202f00203"
    "02fde7040561646d696e040004003030040c000039e7000000a1c0a81da00400a81e02030091c802010002010030"
    "11300f060a2b060106030f01010400410101"
)
TRAP = unhex(
    "307b02010004067075626c6963a46e06082b0601060301010540040a011e01020103020100430303ab543051300f"
    "060a2b0601020102020101020201023019060a2b060102010202010202040b45746865726e6574302f31300f060a"
    "2b0601020102020103020201063012060c2b060104010902020101140204027570"
)
OPTO22 = unhex(
    "305602010104067075626c6963a249020101020100020100303e302606082b06010201010100041a4f70746f2032"
    "3220534e41502d5041432d5231205231302e3363301406082b0601020101020006082b06010401a27901"
)
# captured from Net-SNMP 5.9.3 on loopback, 2026-11-21: encrypted
SEALED_GET = unhex(
    "3081890201033011020405f2282b020300ffe3040107020103043a3038041180001f88809ff4072980c7016b0000"
    "0000020101020102040561646d696e040cc7d1238262ca7f1ffc18159b04087f129eb53c8ae58504354b17bf2495"
    "47b32084c4983da85e73cc0fab4fe474c25d23b40ef0e7ecb763ac54f5a06a743d5c158a7b49d56681871b2997ca"
    "f8af"
)
SEALED_ANSWER = unhex(
    "3081930201033011020405f2282b020300ffe3040103020103043a3038041180001f88809ff4072980c7016b0000"
    "0000020101020102040561646d696e040c3f8af72726bb8e8ffc23a35e0408cd5c27805d89045a043fcd1ed0cdc0"
    "c7913bf7523569f21beafd34b507442f70e1c21888090c4921ccf2d55bbe2d5059fe294ffa906f1534c6232de0fd"
    "e9b7ddb053ad50605e6a9f70"
)
# the same over TCP: system name, the fifth answer of a walk
NAME_IS = unhex(
    "303002010004087075626c6963524fa221020463ff14bf0201000201003013301106082b06010201010500040570"
    "6c632d37"
)
# LDAP: the second element of a message is followed by an operation, not by a string
LDAP_UNBIND = unhex("308400000006020200984200")
CLDAP = unhex("30840000009d0202009363 00*152")  # start of a public capture's search

EXAMPLES = [
    Example(
        "sysDescr of a UMTS switch, public capture",
        Payload.of(UDP, (GET,), (RESPONSE,)),
        "snmp",
        facts={"snmp_version": "v2c", "pdu": "get"},
        server={"product": "UMTS Soft Switch"},
    ),
    Example("request alone", Payload.of(UDP, (GET,)), "snmp"),
    Example(
        "engine of an Aruba switch, public capture",
        Payload.of(UDP, (ASKS_ENGINE,), (ENGINE,)),
        "snmp",
        facts={
            "snmp_version": "v3",
            "engine_id": "000039e7000000a1c0a81da0",
            "enterprise": 14823,
        },
        server={"vendor": "Aruba"},
    ),
    Example(
        "trap of version 1, public capture",
        Payload.of(UDP, (TRAP,)),
        "snmp",
        facts={"snmp_version": "v1", "pdu": "trap"},
    ),
    Example(
        "answer of an Opto 22 controller, made by hand",
        Payload.of(UDP, (GET,), (OPTO22,)),
        "snmp",
        facts={"enterprise": 4473},
        server={"vendor": "Opto 22", "product": "Opto 22 SNAP-PAC-R1 R10.3c"},
    ),
    Example("over TCP, two in one segment", Payload.of(TCP, (GET + GET,), (RESPONSE,)), "snmp"),
    Example("LDAP unbind", Payload.of(UDP, (LDAP_UNBIND,)), None, None),
    Example("CLDAP search", Payload.of(UDP, (CLDAP,)), None, None),
]


@pytest.mark.parametrize("payload", [Payload.of(UDP, (GET,), (OPTO22,)), Payload.of(UDP, (TRAP,))])
def test_the_community_never_leaves_the_recogniser(payload: Payload) -> None:
    told = recognise(payload)

    assert told is not None
    assert "public" not in repr(told)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (GET + b"\0", "an octet too many"),
        (GET[:-1], "an octet too few"),
        (GET.replace(b"\x02\x01\x01\x04", b"\x02\x01\x02\x04"), "version 2 (party based)"),
        (GET.replace(b"\xa0\x1b", b"\xa9\x1b"), "no such PDU"),
        (GET.replace(b"\xa0\x1b", b"\xa0\x1a"), "a PDU that ends early"),
        (b"\x30\x80" + GET[2:] + b"\0\0", "an indefinite length"),
        (GET.replace(b"\x04\x06", b"\x04\x7f"), "a community past the end"),
    ],
)
def test_lengths_that_do_not_agree_are_not_snmp(octets: bytes, why: str) -> None:
    assert recognise(Payload.of(UDP, (octets,))) is None, why


def test_long_forms_of_lengths_are_read() -> None:
    for head in (b"\x30\x81\x28", b"\x30\x82\x00\x28", b"\x30\x84\x00\x00\x00\x28"):
        told = recognise(Payload.of(UDP, (head + GET[2:],)))
        assert told is not None
        assert CONFIRMED is told.confidence


def test_a_pdu_whose_inside_is_odd_is_plausible() -> None:
    odd = GET.replace(b"\x02\x03\x04\x58\xaa", b"\x04\x03\x04\x58\xaa")
    told = recognise(Payload.of(UDP, (odd,)))

    assert told is not None
    assert PLAUSIBLE is told.confidence


def test_an_encrypted_message_still_tells_whether_it_asks() -> None:
    told = recognise(Payload.of(UDP, (SEALED_GET,), (SEALED_ANSWER,)))

    assert told is not None
    assert CONFIRMED is told.confidence
    assert recognise(Payload.of(UDP, (SEALED_ANSWER,), (SEALED_GET,))) is None


def test_a_walk_over_tcp_tells_the_name() -> None:
    told = recognise(Payload.of(TCP, (GET,) * 5, (RESPONSE,) * 4 + (NAME_IS,)))

    assert told is not None
    assert {"product": "UMTS Soft Switch", "name": "plc-7"} == dict(told.server)


def test_an_empty_community_and_a_negative_request_id_are_borne() -> None:
    octets = unhex("30 22 020101 0400 a0 1b 0203f458aa020100020100300e300c06082b060102010101000500")
    told = recognise(Payload.of(UDP, (octets,)))

    assert told is not None
    assert CONFIRMED is told.confidence


def test_a_message_cut_by_what_was_kept_is_plausible_and_tells_nothing() -> None:
    cut = Side(RESPONSE[:30], ((len(RESPONSE), 30),), len(RESPONSE))
    told = recognise(Payload(UDP, Side(), cut))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert {} == dict(told.server)


def test_requests_and_responses_keep_their_direction() -> None:
    assert recognise(Payload.of(UDP, (RESPONSE,))) is None
    assert recognise(Payload.of(UDP, (), (GET,))) is None
    assert recognise(Payload.of(UDP, (), (TRAP,))) is None


def test_an_engine_id_of_text_names_no_enterprise() -> None:
    text = ENGINE.replace(unhex("000039e7000000a1c0a81da0"), b"bc1189ibf7ed")
    odd = text.replace(b"\x04\x0cbc1189ibf7ed", b"\x04\x0bbc1189ibf7e\x05\x00", 1)
    assert recognise(Payload.of(UDP, (), (text,))) is not None
    told = recognise(Payload.of(UDP, (), (odd,)))
    assert told is None or "enterprise" not in told.facts


@given(st.integers(0, len(RESPONSE) - 1), st.integers(0, 255))
def test_one_changed_octet_never_shows_the_community(at: int, value: int) -> None:
    changed = RESPONSE[:at] + bytes((value,)) + RESPONSE[at + 1 :]
    told = recognise(Payload.of(UDP, (GET,), (changed,)))

    assert told is None or "public" not in repr(told)


@given(st.binary(max_size=120))
def test_any_octets_are_read_without_an_error(octets: bytes) -> None:
    read(Piece(b"\x30" + octets, len(octets) + 1))


def test_object_identifier_and_place_are_told_as_they_are() -> None:
    """Answers of an agent whose maker is not in the list: shapes of RFC 3418, section 2."""

    def answer(name: str, value: str) -> bytes:
        bound = unhex(f"06082b0601020101{name}00") + unhex(value)
        bound = b"\x30" + bytes((len(bound) + 2,)) + b"\x30" + bytes((len(bound),)) + bound
        pdu = unhex("0201010201000201 00") + bound
        rest = unhex("0201010406 7075626c6963") + b"\xa2" + bytes((len(pdu),)) + pdu
        return b"\x30" + bytes((len(rest),)) + rest

    told = recognise(
        Payload.of(UDP, (), (answer("02", "06082b060104018f5101"), answer("06", "0404526f6f66")))
    )

    assert told is not None
    assert CONFIRMED is told.confidence
    assert {"object id": "1.3.6.1.4.1.2001.1", "location": "Roof"} == told.server
