"""STUN: cookie, lengths, the CRC, and the transaction that comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.stun import recognise

TCP, UDP = Transport.TCP, Transport.UDP
# RFC 5769 section 2.1
ASKED = unhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e00"
    "01ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5"
    "b2d3f249c1b571a280280004e57a3bcf"
)
# RFC 5769 section 2.2
TOLD = unhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112"
    "a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
# arkime's tests, in mixed-ot-it-synthetic-352hosts.pcap
PLAIN = unhex(
    "000100342112a4420102030405060708090a0b0c00060009616c6963653a626f620000008022000f41726b696d65"
    "2d5354554e2f312e30000014000b6578616d706c652e636f6d00"
)
ANSWER = unhex(
    "010100382112a4420102030405060708090a0b0c0001000800013039c0a80164002000080001112be1baa5260016"
    "00080001f5232b06ac700009001000000401556e617574686f72697a6564"
)

EXAMPLES = [
    Example(
        "test vectors, RFC 5769 sections 2.1 and 2.2",
        Payload.of(UDP, [ASKED], [TOLD]),
        "stun",
        facts={"methods": ["binding"]},
        client={"product": "STUN test client"},
        server={"product": "test vector"},
    ),
    Example(
        "without a fingerprint, arkime's tests",
        Payload.of(UDP, [PLAIN], [ANSWER]),
        "stun",
        client={"product": "Arkime-STUN", "version": "1.0"},
    ),
    Example(
        "the same over TCP, RFC 8489 section 6.2.2", Payload.of(TCP, [PLAIN], [ANSWER]), "stun"
    ),
    Example("a fingerprint agrees, RFC 5769", Payload.of(UDP, [ASKED]), "stun"),
    Example("a request alone, arkime's tests", Payload.of(UDP, [PLAIN]), "stun", PLAUSIBLE),
    Example("an answer alone, arkime's tests", Payload.of(UDP, [], [ANSWER]), "stun", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("another cookie", PLAIN[:4] + b"\x20" + PLAIN[5:]),
        ("first bits", b"\x40" + PLAIN[1:]),
        ("a method that is none", b"\0\x02" + PLAIN[2:]),
        ("a length of one more", PLAIN[:3] + b"\x38" + PLAIN[4:]),
        ("a length that is no multiple of four", PLAIN[:3] + b"\x33" + PLAIN[4:-1]),
        ("an attribute past the end", PLAIN[:-13] + b"\x0e" + PLAIN[-12:]),
        ("an empty message, and something behind it", PLAIN[:3] + b"\0" + PLAIN[4:]),
        ("a fingerprint of something else", ASKED[:-1] + b"\0"),
    ],
)
def test_what_does_not_fit_is_not_stun(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_an_answer_to_another_transaction_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [PLAIN], [ANSWER[:8] + b"\0" + ANSWER[9:]]))

    assert told is not None
    assert told.confidence is PLAUSIBLE


def test_over_tcp_only_channels_follow() -> None:
    channel = unhex("400000040a0b0c0d")

    assert recognise(Payload.of(TCP, [PLAIN, channel], [ANSWER, channel])) is not None
    assert recognise(Payload.of(TCP, [PLAIN, b"hello"], [ANSWER])) is None


def test_users_and_realms_go_nowhere() -> None:
    told = recognise(Payload.of(UDP, [PLAIN], [ANSWER]))

    assert told is not None
    assert "alice" not in repr(told)


@given(st.binary(max_size=60), st.integers(0, 70))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    for transport in (UDP, TCP):
        recognise(Payload.of(transport, [ASKED[:at] + octets], [TOLD[:at] + octets]))
