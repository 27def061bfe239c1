"""PakBus: frames, quoting, the signature, and a transaction's answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.pakbus import recognise, signature

TCP = Transport.TCP
# Both directions as PyCampbellCR1000 0.4 packs and signs them: node 2050 asks node 1
ATTENTION = unhex("bdbdbdbdbdbd")
HELLO, HELLO_TOLD = (
    unhex("bd9001580200010802090100020708f686bd"),
    unhex("bda8029001080200018901000207083ba2bd"),
)
CLOCK = unhex("bda0019802100108021702000000000000000000003d16bd")
CLOCK_TOLD = unhex("bda8029001180200019702004378f300000000004346bd")
STATUS = unhex("bda00198021001080218030000638bbd")
STATUS_TOLD = unhex(
    "bda8029001180200019803004352313030302e5374642e32370012343132333435004350553a706c616e742e4352"
    "310001b127bd"
)

EXAMPLES = [
    Example(
        "hello, clock and program status, packed by PyCampbellCR1000 0.4",
        Payload.of(TCP, [ATTENTION, HELLO, CLOCK, STATUS], [HELLO_TOLD, CLOCK_TOLD, STATUS_TOLD]),
        "pakbus",
        facts={"messages": ["clock", "hello", "program status"], "nodes": [1, 2050]},
        server={
            "vendor": "Campbell Scientific",
            "product": "CR1000",
            "version": "CR1000.Std.27",
            "serial": "12345",
        },
    ),
    Example("a clock alone", Payload.of(TCP, [ATTENTION, CLOCK]), "pakbus", PLAUSIBLE),
    Example("a call for attention alone", Payload.of(TCP, [ATTENTION]), None),
]


def framed(packet: bytes) -> bytes:
    """Sign and quote a packet; the nullifier is looked for, not computed as the reader does."""
    for value in range(1 << 16):
        whole = packet + value.to_bytes(2, "big")
        if not signature(whole):
            break
    return b"\xbd" + whole.replace(b"\xbc", b"\xbc\xdc").replace(b"\xbd", b"\xbc\xdd") + b"\xbd"


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("signature", CLOCK[:-2] + b"\x17\xbd"),
        ("no frame", CLOCK[1:]),
        ("a frame that does not end", CLOCK[:-1]),
        ("a link state that nobody knows", b"\xbd\x10" + CLOCK[2:]),
        ("a quote that is none", CLOCK[:-1] + b"\xbc\x00\xbd"),
        ("half a header", unhex("bda0019802bd")),
    ],
)
def test_what_does_not_fit_is_not_pakbus(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None, why
    assert recognise(Payload.of(TCP, [CLOCK], [octets])) is None, why


def test_quoted_octets_count_as_what_they_stand_for() -> None:
    asked = framed(unhex("a001980210010802 1a05 0000 bdbc"))
    told = framed(unhex("a802900118020001 9a05 bd"))

    found = recognise(Payload.of(TCP, [asked], [told]))
    assert found is not None
    assert found.facts["messages"] == ["get values"]
    assert "1 answers repeat transaction and nodes of a command" == found.because[1]


def test_an_answer_to_another_transaction_confirms_nothing() -> None:
    told = recognise(Payload.of(TCP, [CLOCK], [STATUS_TOLD]))

    assert told is not None
    assert told.confidence is PLAUSIBLE


def test_the_logger_is_the_server() -> None:
    told = identify(Payload.of(TCP, [STATUS_TOLD], [STATUS]))

    assert told is not None
    assert told.swapped


def test_no_security_code_is_told() -> None:
    secret = framed(unhex("a001980210010802 1803 5a17"))

    told = recognise(Payload.of(TCP, [secret]))
    assert told is not None
    assert "23063" not in str((told.facts, told.client, told.server))


@given(st.binary(max_size=64))
def test_a_packet_and_its_nullifier_have_the_signature_zero(packet: bytes) -> None:
    value = signature(packet)
    for _ in range(2):
        low = value << 1 & 0x1FF
        low += low >= 0x100
        octet = (0x100 - (low + (value >> 8))) & 0xFF
        value = signature(bytes((octet,)), value)

    assert 0 == value
