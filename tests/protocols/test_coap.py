"""CoAP: options to the end of a message, tokens that return, and both sides of a TCP stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.coap import recognise

TCP, UDP = Transport.TCP, Transport.UDP
# libcoap 4.3.1, coap-client against coap-server on loopback, 2026-11-21
CORE = unhex("41016b3701 bb 2e77656c6c2d6b6e6f776e 04 636f7265")
CORE_TOLD = unhex("61456b3701c128ff 3c2f3e3b7469746c653d2247656e6572616c20496e666f223b63743d30")
PUT, CHANGED = unhex("41035e5501 b4 74696d65 ff 3132"), unhex("61445e5501")
OBSERVE, TIME = unhex("41018237016054 74696d65"), unhex("614582370161028101ff 4a616e203031")
LATER, LATER_ACK = unhex("4145201c0161038101ff 4a616e203031"), unhex("6000201c")
NON, NOT_FOUND = unhex("5101717701b4 6e6f6e65"), unhex("5184717701ff 4e6f7420466f756e64")
CSM, EMPTY_CSM = unhex("50e12380010020"), unhex("00e1")
GET_TCP = unhex("010101")
TOLD_TCP = unhex("d1814501 d30102ffffff") + b"This is a test server".ljust(13 + 0x81 - 6, b".")
RTP = unhex("806001020000030400000506") + bytes(20)

EXAMPLES = [
    Example(
        "discovery, a put and a get in libcoap 4.3.1, captured on loopback",
        Payload.of(UDP, [CORE, PUT], [CORE_TOLD, CHANGED]),
        "coap",
        facts={"methods": ["GET", "PUT"]},
    ),
    Example(
        "an observation with its acknowledgement, captured on loopback",
        Payload.of(UDP, [OBSERVE, LATER_ACK], [TIME, LATER]),
        "coap",
    ),
    Example("without acknowledgement", Payload.of(UDP, [NON], [NOT_FOUND]), "coap"),
    Example(
        "over TCP, libcoap 4.3.1, captured on loopback",
        Payload.of(TCP, [CSM, GET_TCP], [CSM]),
        "coap",
        facts={"methods": ["GET"]},
    ),
    Example("a request alone", Payload.of(UDP, [CORE]), "coap", PLAUSIBLE),
    Example("an answer alone", Payload.of(UDP, (), [CORE_TOLD]), None),
    Example("a ping alone", Payload.of(UDP, [unhex("40001234")]), None),
    Example("a request without a path alone", Payload.of(UDP, [unhex("41010001aa")]), None),
    Example("RTP", Payload.of(UDP, [RTP], [RTP]), None),
    Example("capabilities of one side only", Payload.of(TCP, [CSM, GET_TCP]), None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("version", b"\x81" + CORE[1:]),
        ("a token of nine octets", b"\x49" + CORE[1:]),
        ("a method that nobody knows", CORE[:1] + b"\x1e" + CORE[2:]),
        ("a request that acknowledges", b"\x61" + CORE[1:]),
        ("an option that nobody knows", CORE[:5] + b"\xa1\x00"),
        ("an option that is longer than it may be", CORE + b"\x13\0\0\0"),
        ("an option past the end", CORE[:-1]),
        ("a marker with nothing behind it", CORE + b"\xff"),
        ("a path that nobody can read", CORE[:6] + b"\x01" + CORE[7:]),
        ("half a header", CORE[:3]),
        ("a token past the end", CORE[:4]),
    ],
)
def test_what_does_not_fit_is_not_coap(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why
    assert recognise(Payload.of(UDP, [octets], [CORE_TOLD])) is None, why


def test_an_answer_to_another_request_is_not_named() -> None:
    assert recognise(Payload.of(UDP, [CORE], [CHANGED[:4] + b"\x99"])) is None


def test_an_acknowledgement_with_an_empty_token_is_known_by_its_number() -> None:
    asked, told = unhex("40011234") + CORE[5:], unhex("60451234ff41")

    found = recognise(Payload.of(UDP, [asked], [told]))
    assert found is not None
    assert found.because[1] == "1 answers repeat a token or number"


def test_the_one_that_answers_is_the_server() -> None:
    told = identify(Payload.of(UDP, [CORE_TOLD], [CORE]))

    assert told is not None
    assert told.swapped


def test_an_answer_that_is_cut_counts() -> None:
    cut = Side(CORE_TOLD[:12], ((len(CORE_TOLD), 12),), len(CORE_TOLD))

    assert recognise(Payload(UDP, Side.of(CORE), cut)) is not None


def test_a_stream_must_begin_with_capabilities_on_both_sides() -> None:
    assert recognise(Payload.of(TCP, [GET_TCP], [CSM])) is None
    assert recognise(Payload.of(TCP, [CSM, GET_TCP], [EMPTY_CSM])) is not None
    assert recognise(Payload.of(TCP, [CSM, b"\x09\xff\xff"], [CSM])) is None
    assert recognise(Payload.of(TCP, [CSM, GET_TCP], [CSM, TOLD_TCP])) is not None


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_random_datagrams_are_hardly_ever_coap(asked: bytes, answered: bytes) -> None:
    told = recognise(Payload.of(UDP, [asked], [answered]))

    assert told is None or asked[:1] >= b"\x40"
