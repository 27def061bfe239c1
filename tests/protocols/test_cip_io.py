"""CIP I/O: a sequenced address, then data to the end of the datagram."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.cip_io import PLAIN, SEQUENCED, recognise
from portbook.records import Confidence

UDP = Transport.UDP
REAL = unhex("02000280080003064b00db943f00b1000600a587e80f0300")


def datagram(sequence: int, data: bytes = b"abcd", connection: int = 7) -> bytes:
    return SEQUENCED.write(sequence=sequence, connection=connection, data_length=len(data)) + data


EXAMPLES = [
    Example(
        "one datagram, public captures",
        Payload.of(UDP, [REAL]),
        "cip-io",
        PLAUSIBLE,
        facts={"connections": ["004B0603"]},
    ),
    Example("two that count up", Payload.of(UDP, [datagram(1), datagram(2)]), "cip-io"),
    Example("both directions", Payload.of(UDP, [datagram(9)], [datagram(4, b"", 8)]), "cip-io"),
    Example(
        "a plain address",
        Payload.of(UDP, [PLAIN.write(data_length=2) + b"ab"]),
        "cip-io",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    "octets",
    [REAL + b"\0", REAL[:-1], REAL[:17], b"\3" + REAL[1:], REAL[:14] + b"\xb2" + REAL[15:]],
)
def test_another_length_or_item_is_not_cip_io(octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None


def test_every_datagram_must_fit() -> None:
    assert recognise(Payload.of(UDP, [REAL, b"something else"])) is None
    assert recognise(Payload.of(UDP, [REAL], [b"something else"])) is None
    assert recognise(Payload.of(Transport.TCP, [REAL])) is None


def test_counting_goes_over_the_highest_number() -> None:
    wraps, back = (
        recognise(Payload.of(UDP, [datagram(first), datagram(second)]))
        for first, second in ((0xFFFFFFFF, 0), (500, 3))
    )

    assert wraps is not None
    assert back is not None
    assert (Confidence.CONFIRMED, Confidence.PLAUSIBLE) == (wraps.confidence, back.confidence)


def test_data_cut_by_the_capture_are_at_most_plausible() -> None:
    told = recognise(Payload(UDP, Side(REAL[:20], ((24, 20),), 24)))

    assert told is not None
    assert (Confidence.PLAUSIBLE, ("the capture cut the data",)) == (told.confidence, told.against)
    assert recognise(Payload(UDP, Side(REAL[:20], ((25, 20),), 25))) is None
