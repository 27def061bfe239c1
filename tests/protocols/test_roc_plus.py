"""ROC Plus: a count that ends where the checksum stands, operations that come back."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.checks import crc16
from portbook.protocols.roc_plus import recognise

TCP, UDP = Transport.TCP, Transport.UDP
CLOCK, CLOCK_TOLD = unhex("0102030407003bbf"), unhex("0102030407081e2d0c0f0307e803fd67")
SET, DONE = unhex("0102030408071e2d0c0f0307e8890d"), unhex("0102030408003e4f")
LOGIN = unhex("0102030411064f503112340141bc")
# Modbus RTU, which has the same checksum: read 10 holding registers of station 1
RTU = unhex("01030000000ac5cd")

EXAMPLES = [
    Example(
        "the clock read and set, all_opcodes_tcp.pcap",
        Payload.of(TCP, [CLOCK, SET], [CLOCK_TOLD, DONE]),
        "roc-plus",
        facts={"operations": ["read clock", "set clock"], "units": ["1.2"]},
    ),
    Example("the clock, all_opcodes_udp.pcap", Payload.of(UDP, [CLOCK], [CLOCK_TOLD]), "roc-plus"),
    Example("a question alone", Payload.of(UDP, [CLOCK]), "roc-plus", PLAUSIBLE),
    Example("Modbus RTU", Payload.of(TCP, [RTU]), None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("checksum", CLOCK[:-1] + b"\0"),
        ("count", CLOCK[:5] + b"\1" + CLOCK[6:]),
        ("half a header", CLOCK[:5]),
        ("more behind it", CLOCK + b"\0"),
    ],
)
def test_what_does_not_fit_is_not_roc_plus(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why
    assert recognise(Payload.of(TCP, [CLOCK], [octets])) is None, why


def test_no_login_is_told() -> None:
    told = recognise(Payload.of(TCP, [LOGIN, CLOCK]))

    assert told is not None
    assert "OP1" not in str((told.facts, told.client, told.server))


def test_an_operation_that_nobody_knows_counts_when_its_checksum_is_right() -> None:
    head = CLOCK[:4] + b"\xee\x00"
    other = head + crc16(head).to_bytes(2, "little")
    told = recognise(Payload.of(TCP, [CLOCK, other]))

    assert told is not None
    assert told.because == ("2 messages have the right checksum",)


def test_a_message_cut_by_the_capture_counts_by_its_operation_only() -> None:
    side = Side(CLOCK + SET[:9], ((8, 8), (15, 9)), 23)

    told = recognise(Payload(TCP, side))
    assert told is not None
    assert told.confidence is PLAUSIBLE
