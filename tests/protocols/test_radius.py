"""RADIUS: lengths, attributes, and the answer's number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.radius import recognise

UDP = Transport.UDP
# RFC 2865 section 7.1
ASKED = unhex(
    "010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee0406"
    "c0a80110050600000003"
)
ACCEPTED = unhex("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103")
# malformed/tcpdump-RADIUS-RFC5176-2.pcap and malformed/tcpdump-radius_rfc5447.pcap
BOB = unhex(
    "01c80037bc6e7022445e359835692c8c121c19850105626f62021212f41bff810dbe2294a8eedc62c57d03650600"
    "0000c96506000000d1"
)
MOBILE = unhex(
    "014f00385bec15a7f3ac1590f65629a9f979c34001076c757365727c0a00000600000000017d132020010db80000"
    "00000000000000000000"
)
# arkime's tests, in mixed-ot-it-synthetic-352hosts.pcap
LYING = unhex(
    "01010038000102030405060708090a0b0c0d0e0f010874657374757365720212000102030405060708090a0b0c0d"
    "0e0f0406c0a80164050600000000"
)
PADDED = unhex(
    "010100290000000000000000000000000000000001097061647573657204060a0911020806c0a832050000"
)
FRAMED = unhex("010100240102030405060708090a0b0c0d0e0f10010a746573747573657204060a141d01")
TOLD = unhex("0201002a0102030405060708090a0b0c0d0e0f1042103139322e3136382e3130302e35300806ac100164")
# RFC 2866 sections 4.1 and 4.2: start, and the session's name
START = unhex("04070029 00*16 2806 00000001 2c0a 3030303030303141 2005 706c63")
NOTED = unhex("05070014 00*16")

EXAMPLES = [
    Example(
        "a user who dials in and is accepted, RFC 2865 section 7.1",
        Payload.of(UDP, [ASKED], [ACCEPTED]),
        "radius",
        facts={"messages": ["access request", "access accept"]},
    ),
    Example("a framed user, arkime's tests", Payload.of(UDP, [FRAMED], [TOLD]), "radius"),
    Example(
        "a session that begins, RFC 2866 section 4",
        Payload.of(UDP, [START], [NOTED]),
        "radius",
        facts={"messages": ["accounting request", "accounting response"]},
        client={"name": "plc"},
    ),
    Example("a request alone, tcpdump's tests", Payload.of(UDP, [BOB]), "radius", PLAUSIBLE),
    Example(
        "attributes of RFC 5447, tcpdump's tests", Payload.of(UDP, [MOBILE]), "radius", PLAUSIBLE
    ),
    Example(
        "padding behind the length, RFC 2865 section 3; mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(UDP, [PADDED]),
        "radius",
        PLAUSIBLE,
    ),
    Example("an answer alone says too little", Payload.of(UDP, [], [NOTED]), None, None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a code that is none", b"\x09" + ASKED[1:]),
        ("a length of one more", ASKED[:3] + b"\x39" + ASKED[4:]),
        ("a length before its attributes end", ASKED[:3] + b"\x37" + ASKED[4:]),
        ("a length that is less than the header's", ASKED[:3] + b"\x13" + ASKED[4:]),
        ("an attribute past the end", ASKED[:-5] + b"\x07" + ASKED[-4:]),
        ("an attribute without a length", ASKED[:-5] + b"\x00" + ASKED[-4:]),
        ("a user of control characters", ASKED.replace(b"nemo", b"n\1mo")),
        ("a password of 15 octets", unhex("0100002b 00*16 0106 6e656d6f 0211 00*15")),
        ("a request about nobody", unhex("0100001a 00*16 0506 00000003")),
        ("an answer", ACCEPTED),
        ("lengths that lie, mixed-ot-it-synthetic-352hosts.pcap", LYING),
    ],
)
def test_what_does_not_fit_is_not_radius(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


@pytest.mark.parametrize("answer", [b"\x02\x01" + ACCEPTED[2:], b"\x05" + ACCEPTED[1:]])
def test_an_answer_to_another_request_confirms_nothing(answer: bytes) -> None:
    told = recognise(Payload.of(UDP, [ASKED], [answer]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert ("no answer has the number of the request",) == told.against


def test_padding_is_told_and_confirms_as_well() -> None:
    told = recognise(Payload.of(UDP, [ASKED + b"\xff" * 3], [ACCEPTED + b"\0"]))

    assert told is not None
    assert "what stands behind it is padding" in told.because
    assert CONFIRMED is told.confidence


def test_the_user_goes_nowhere() -> None:
    told = recognise(Payload.of(UDP, [ASKED], [ACCEPTED]))

    assert told is not None
    assert "nemo" not in repr(told)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(UDP, [ASKED[:at] + octets], [ACCEPTED[:at] + octets]))
