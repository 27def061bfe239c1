"""DCE/RPC: lengths to the end, numbers that come back, and the interfaces that are bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.dcerpc import recognise

TCP = Transport.TCP
SYNTAX = "045d888aeb1cc9119fe808002b10486002000000"  # transfer syntax NDR 2.0


def bind(interface: str, call: int = 1) -> bytes:
    """C706 section 12.6.4.3: one interface, in one way to encode it."""
    octets: bytes = unhex(
        f"05000b0310000000 48000000 {call:02x}000000 d016d016 00000000 01000000 00000100"
        f"{interface} 00000000 {SYNTAX}"
    )
    return octets


OXID = bind("c4fefc9960521b10bbcb00aa0021347a")
MAPPER = bind("0883afe11f5dc91191a408002b14a0fa")
# C706 section 12.6.4.4: port 135 as the second address, one result, accepted
BOUND = unhex(
    "05000c03100000003c00000001000000d016d016 11220000 0400 31333500 0000 01000000 00000000"
    f"{SYNTAX}"
)
REFUSED = unhex("05000d03100000001800000001000000 0100 00 00000000 00")
# ServerAlive (MS-DCOM section 3.1.2.5.1.3): no arguments, and the answer 0
CALL = unhex("05000003100000001800000002000000 00000000 0000 0300")
BACK = unhex("05000203100000001c00000002000000 04000000 0000 0000 00000000")
FAULT = unhex("05000323100000002000000002000000 00000000 0000 0000 05000000 00000000")
BIG = unhex("05000b0300000000 0048 0000 00000001 16d016d0 00000000 01000000 00000100") + unhex(
    "e1af83085d1f11c991a408002b14a0fa 00030000 8a885d041ceb11c99fe808002b104860 00000002"
)
# suricata-verify, in mixed-ot-it-synthetic-352hosts.pcap
UNANSWERED = unhex(
    "05000b03100000004800000001000000d016d01600000000010000000000010078563412341234121234123456789a"
    "bc01000000045d888aeb1cc9119fe808002b10486002000000"
)
ASKED = unhex("05000003100000002800000002000000100000000000030001000000010000000100000001000000")

EXAMPLES = [
    Example(
        "a server of DCOM is asked whether it lives, C706 section 12.6.4",
        Payload.of(TCP, [OXID, CALL], [BOUND, BACK]),
        "dcerpc",
        facts={"interfaces": ["DCOM object exporter"]},
    ),
    Example(
        "a fault, C706 section 12.6.4.7",
        Payload.of(TCP, [MAPPER, CALL], [BOUND, FAULT]),
        "dcerpc",
        facts={"interfaces": ["endpoint mapper"]},
    ),
    Example(
        "a bind that is refused, C706 section 12.6.4.5",
        Payload.of(TCP, [MAPPER], [REFUSED]),
        "dcerpc",
    ),
    Example(
        "a bind with its most significant octet first, C706 section 12.6.3.1",
        Payload.of(TCP, [BIG]),
        "dcerpc",
        PLAUSIBLE,
        facts={"interfaces": ["endpoint mapper"]},
    ),
    Example(
        "an interface that nobody knows, suricata-verify",
        Payload.of(TCP, [UNANSWERED, ASKED]),
        "dcerpc",
        PLAUSIBLE,
        facts={"interfaces": ["12345678-1234-1234-1234-123456789abc"]},
    ),
    Example("one request of a call that was joined late", Payload.of(TCP, [CALL]), None, None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("version 4", b"\x04" + OXID[1:]),
        ("version 5.2", b"\x05\x02" + OXID[2:]),
        ("a type that is none", OXID[:2] + b"\x0a" + OXID[3:]),
        ("an order that is none", OXID[:4] + b"\x20" + OXID[5:]),
        ("something reserved", OXID[:6] + b"\x01" + OXID[7:]),
        ("a length past the end", OXID[:8] + b"\x49" + OXID[9:]),
        ("a length within", OXID[:8] + b"\x47" + OXID[9:]),
        ("credentials larger than it", OXID[:10] + b"\x01" + OXID[11:]),
        ("fragments that are too small", OXID[:16] + b"\x10\0\x10\0" + OXID[20:]),
        ("no interface", OXID[:24] + b"\0" + OXID[25:]),
        ("an answer by the client", BOUND),
        ("SOCKS 5", unhex("050100 050100037f0000010050")),
    ],
)
def test_what_does_not_fit_is_not_dce_rpc(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None, why


def test_an_answer_with_another_number_confirms_nothing() -> None:
    told = recognise(Payload.of(TCP, [bind("c4fefc9960521b10bbcb00aa0021347a", 7)], [BOUND]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert ("no question with its answer",) == told.against


@given(st.binary(max_size=80), st.integers(0, 80))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(TCP, [OXID[:at] + octets], [BOUND[:at] + octets]))
