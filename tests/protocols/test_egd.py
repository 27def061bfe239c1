"""EGD: samples of one exchange that follow each other, from one side only."""

from __future__ import annotations

from typing import Any

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.egd import HEADER, recognise

UDP = Transport.UDP
# Octet by octet by the header of the dissector: 10.1.1.5, exchange 1, a second apart
SECONDS = 0x65D2E080


def sample(request: int, **other: Any) -> bytes:
    fields: dict[str, Any] = {
        "request": request,
        "producer": "10.1.1.5",
        "exchange": 1,
        "seconds": SECONDS + request,
        "nanoseconds": 500,
        "status": 1,
    }
    return HEADER.write({**fields, **other}) + b"\x12\x34\x56\x78"


SPELT = unhex("0d010100 0a010105 01000000 81e0d265 f4010000 01000000 00000000 00000000 12345678")

EXAMPLES = [
    Example(
        "three samples, built by packet-egd.c of Wireshark 4.0.17",
        Payload.of(UDP, [sample(1), sample(2), sample(3)]),
        "egd",
        PLAUSIBLE,
        facts={"producers": ["10.1.1.5"], "exchanges": [1]},
    ),
    Example(
        "two exchanges in turn",
        Payload.of(UDP, [sample(1), sample(9, exchange=2), sample(2), sample(10, exchange=2)]),
        "egd",
        PLAUSIBLE,
        facts={"exchanges": [1, 2]},
    ),
    Example("one sample alone", Payload.of(UDP, [sample(1)]), None),
]


def test_the_header_is_as_its_source_spells_it() -> None:
    assert sample(1) == SPELT


@pytest.mark.parametrize(
    ("why", "second"),
    [
        ("the same number", sample(1)),
        ("a number far away", sample(900)),
        ("time that runs back", sample(2, seconds=SECONDS - 5)),
        ("another length", sample(2) + b"\0"),
        ("an unknown status", sample(2, status=99)),
        ("more than a second of nanoseconds", sample(2, nanoseconds=1_000_000_000)),
        ("a reserved field that is used", sample(2, reserved=1)),
        ("another version", sample(2, version=2)),
        ("half a header", sample(2)[:20]),
        ("no data", sample(2)[:32]),
    ],
)
def test_what_does_not_follow_is_not_egd(why: str, second: bytes) -> None:
    assert recognise(Payload.of(UDP, [sample(1), second])) is None, why


def test_produced_data_has_no_answer() -> None:
    assert recognise(Payload.of(UDP, [sample(1), sample(2)], [sample(3)])) is None
    assert recognise(Payload.of(Transport.TCP, [sample(1), sample(2)])) is None


def test_a_number_that_wraps_follows() -> None:
    first, second = sample(0xFFFF, seconds=5), sample(0, seconds=6)

    assert recognise(Payload.of(UDP, [first, second])) is not None
