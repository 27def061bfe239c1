"""DNS over UDP and TCP, and what goes to one host though it may be mDNS or LLMNR."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side, identify
from portbook.protocols.dns import recognise

TCP, UDP = Transport.TCP, Transport.UDP
ASKED = unhex("032c0100000100000000000003626f78056669616e6505696e7472610000010001")
ANSWERED = unhex(
    "032c8580000100010001000003626f78056669616e6505696e7472610000010001c00c00010001000096000004"
    "c0a80114c01000020001000096000002c00c"
)
# One NetBIOS name of 32 letters, asked for its status (type 0x21, which is SRV in DNS).
NETBIOS = unhex("000100000001000000000000 20 43 4b 41*30 00 0021 0001")


def over_tcp(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


EXAMPLES = [
    Example(
        "box.fiane.intra and its answer, public capture",
        Payload.of(UDP, (ASKED,), (ANSWERED,)),
        "dns",
        facts={"asked": "box.fiane.intra"},
    ),
    Example("question alone", Payload.of(UDP, (ASKED,)), "dns", PLAUSIBLE),
    Example("answer alone", Payload.of(UDP, (), (ANSWERED,)), "dns", PLAUSIBLE),
    Example(
        "over TCP, two questions in one segment",
        Payload.of(TCP, (over_tcp(ASKED, ASKED),), (over_tcp(ANSWERED),)),
        "dns",
    ),
    Example(
        "answer with more records than its header counts",
        Payload.of(UDP, (ASKED,), (ANSWERED + ANSWERED[33:49],)),
        "dns",
        PLAUSIBLE,
    ),
    Example(
        "refusal that repeats no question",
        Payload.of(UDP, (ASKED,), (unhex("032c81810000000000000000"),)),
        "dns",
    ),
    Example("a status question of NetBIOS", Payload.of(UDP, (NETBIOS,)), "nbns"),
    Example("twelve zeros", Payload.of(UDP, (bytes(12),)), None, None),
]


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("032c014000010000000000000161000001 0001", "the Z bit"),
        ("032c1900000100000000000001610000010001", "operation 3"),
        ("032c01000001000000000000016100000100", "a cut question"),
        ("032c0100000100000000000001610000010002", "class 2"),
        ("032c01000002000000000000016100000100010162000001 0001", "two questions"),
        ("032c0100ffff00000000000001610000010001", "65535 questions"),
        ("032c010000010000000000000161000001000100", "an octet too many"),
    ],
)
def test_what_cannot_be_a_question_is_not_dns(octets: str, why: str) -> None:
    assert recognise(Payload.of(UDP, (unhex(octets),))) is None, why


def test_a_question_cut_by_what_was_kept_is_plausible() -> None:
    cut = Side(ASKED + b"\0", ((900, len(ASKED) + 1),), 900)

    told = recognise(Payload(UDP, cut))

    assert told is not None
    assert PLAUSIBLE is told.confidence


def test_an_answer_to_another_question_is_plausible_at_the_most() -> None:
    told = recognise(Payload.of(UDP, (ASKED,), (b"\x77" + ANSWERED[1:],)))

    assert told is not None
    assert PLAUSIBLE is told.confidence


@pytest.mark.parametrize(
    ("octets", "doubt"),
    [
        ("1234010000010000000000000161056c6f63616c0000010001", "multicast DNS"),
        ("000001000001000000000000016101620000018001", "multicast DNS"),
        ("1234010000010000000000000470756d700000010001", "LLMNR"),
    ],
)
def test_what_may_be_another_protocol_says_so(octets: str, doubt: str) -> None:
    told = recognise(Payload.of(UDP, (unhex(octets),)))

    assert told is not None
    assert any(doubt in reason for reason in told.against)


def test_an_llmnr_answer_to_one_host_is_dns_with_the_doubt() -> None:
    question = unhex("03534356 00 0001 0001")
    answer = unhex("9fa9 8000 0001 0001 0000 0000") + question + question
    answer += unhex("0000001e 0004 c0a8c701")
    told = identify(Payload.of(UDP, (answer,)))

    assert told is not None
    assert "dns" == told.protocol
    assert told.swapped
    assert any("LLMNR" in reason for reason in told.against)


def test_the_groups_of_its_kin_are_left_to_them() -> None:
    for group in ("224.0.0.251", "ff02::fb", "224.0.0.252", "ff02::1:3"):
        payload = Payload.of(UDP, (ASKED,), cast=Cast.MULTICAST, group=group)
        assert recognise(payload) is None
    elsewhere = Payload.of(UDP, (ASKED,), cast=Cast.MULTICAST, group="239.1.1.1")
    assert recognise(elsewhere) is not None


def test_a_stream_that_ends_inside_a_message_is_read_as_far_as_it_goes() -> None:
    whole = over_tcp(ASKED, ANSWERED)
    cut = Side(whole[:40], ((len(whole), 40),), len(whole))
    told = recognise(Payload(TCP, cut, Side.of(over_tcp(ANSWERED))))

    assert told is not None
    assert CONFIRMED is told.confidence


def test_a_length_in_front_that_lies_is_not_dns() -> None:
    assert recognise(Payload.of(TCP, (b"\x00\x80" + ASKED,))) is None
    assert recognise(Payload.of(TCP, (b"\x00\x03" + ASKED,))) is None


@given(st.integers(0, 0xFFFF), st.lists(st.from_regex(rb"[a-z]{1,9}", fullmatch=True), min_size=2))
def test_any_question_with_its_answer_is_dns(number: int, labels: list[bytes]) -> None:
    name = b"".join(bytes((len(label),)) + label for label in labels[:12]) + b"\0"
    body = unhex("0001 0000 0000 0000") + name + unhex("0001 0001")
    start = number.to_bytes(2, "big")
    told = identify(Payload.of(UDP, (start + b"\x01\x00" + body,), (start + b"\x85\x83" + body,)))

    assert told is not None
    assert ("dns", CONFIRMED) == (told.protocol, told.confidence)
