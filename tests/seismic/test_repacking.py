"""Records of 512 octets for old clients: the same samples, at most four, whatever they are."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CAPTURES, needs_captures
from support.live import START_NS, data, feed

from portbook.errors import PeerError
from portbook.seismic.feed import Feed
from portbook.seismic.live_records import Record
from portbook.seismic.repacking import pieces

pymseed = pytest.importorskip("pymseed", reason="pymseed packs the records")


def read(octets: Sequence[bytes]) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the samples of records, and time and number of samples of each, by libmseed."""
    samples: list[int] = []
    times = []
    for one in octets:
        made = pymseed.MS3Record.parse(one, unpack_data=True)
        samples += list(made.datasamples)
        times.append((made.starttime, made.numsamples))
    return samples, times


def extremes(kind: str) -> list[int]:
    chance = random.Random(7)
    return {
        "16 bits": lambda: [chance.choice((-32768, 32767)) for _ in range(500)],
        "32 bits": lambda: [chance.choice((-(1 << 31), (1 << 31) - 1)) for _ in range(250)],
        "steps of 16 bits": lambda: [
            sum(((-1) ** at) * 20_000 for at in range(n)) for n in range(900)
        ],
        "small steps": lambda: [n % 3 for n in range(2000)],
        "steps of 32 bits": lambda: [(-1) ** n * (1 << 29) * 2 for n in range(250)],
        "steps of 30 bits": lambda: [(-1) ** n * (1 << 27) for n in range(300)],
    }[kind]()


@pytest.mark.parametrize(
    ("kind", "coding"),
    [
        ("16 bits", "16"),
        ("32 bits", "32"),
        ("steps of 16 bits", "C0"),
        ("small steps", "C0"),
        ("small steps", "C2"),
        ("steps of 30 bits", "C2"),
        ("steps of 32 bits", "C0"),
    ],
)
def test_the_pieces_hold_the_samples_of_the_record(kind: str, coding: str) -> None:
    for record in feed().add(1, data(samples=extremes(kind), coding=coding)):
        small = pieces(record)

        assert {512} == {len(one) for one in small}
        assert 1 <= len(small) <= 4
        whole, _ = read([record.octets])
        again, times = read(small)
        assert whole == again
        begin = record.start_ns
        for start, many in times:
            assert begin == start
            begin += many * 10_000_000


def test_pieces_carry_the_record_s_codes_and_rate() -> None:
    (record,) = feed().add(1, data())

    for one in pieces(record):
        made = pymseed.MS3Record.parse(one)
        assert ("FDSN:XX_ALFA_00_H_H_Z", 100.0, 2) == (
            made.sourceid,
            made.samprate,
            made.formatversion,
        )


def test_pieces_are_made_once() -> None:
    (record,) = feed().add(1, data())

    assert pieces(record) is pieces(record)


def test_a_record_whose_samples_cannot_be_is_told() -> None:
    (record,) = feed().add(1, data())
    broken = Record(record.channel, record.packet[:-960] + bytes(960), 100, 1)

    with pytest.raises(PeerError):
        pieces(broken)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-(1 << 23), (1 << 23) - 1), min_size=1, max_size=400),
    st.sampled_from(["C0", "C2"]),
)
def test_any_samples_come_through(samples: list[int], coding: str) -> None:
    (record,) = feed().add(1, data(samples=samples, coding=coding))

    small = pieces(record)

    again, _ = read(small)
    assert samples[: record.samples] == again
    assert len(small) <= 4


@needs_captures
@pytest.mark.parametrize("name", ["225051000_00008656", "230000005_0036EE80_cropped.rt130"])
def test_real_packets_come_through(name: str) -> None:
    octets = (CAPTURES / "reftek" / name).read_bytes()
    source = Feed(None, 2026)
    found = [
        record
        for at in range(0, len(octets), 1024)
        for record in source.add(at // 1024, octets[at : at + 1024])
    ]

    assert found
    for record in found:
        whole, _ = read([record.octets])
        again, _ = read(pieces(record))
        assert whole == again


def test_numbers_of_pieces_never_run_into_the_next_packet() -> None:
    first, second = feed().add(9, data(samples=extremes("16 bits"), coding="16"))
    octets = first.packets_3(pieces(first)) + second.packets_3(pieces(second))

    numbers = [int(octets[at + 2 : at + 8], 16) for at in range(0, len(octets), 520)]

    assert [36, 37, 38, 39] == numbers
    assert START_NS == first.start_ns
