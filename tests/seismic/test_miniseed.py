"""miniSEED records of REF TEK packets: read back identically by libmseed and ObsPy."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymseed import MS3Record, MS3TraceList
from support.recorded import (
    C0,
    C0_SAMPLES,
    C2,
    C2_SAMPLES,
    FILES,
    PLAIN,
    PLAIN_SAMPLES,
    changed,
    needs_obspy,
    read,
    real_file,
    split,
)

from portbook.errors import PeerError, UsageError
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.miniseed import Name, Quality, copied, packed, records, swapped
from portbook.seismic.samples import decode_all
from portbook.seismic.tags import time_ns

NAME = Name("XX", "TEST", "00", "HHZ")
HEADER = (
    "30303030303144205445535420303048485a585807df011a163319000226004300c8000100000002000000000040"
    "003003e800380a010a0003e900006400000f"
)
START_NS = 1_700_000_000_123_000_000


def back(octets: bytes) -> list[MS3Record]:
    return list(MS3Record.from_buffer(octets, unpack_data=True))


def samples(made: list[bytes]) -> list[int]:
    return [int(one) for octets in made for record in back(octets) for one in record.datasamples]


def when(packet: Packet) -> int:
    told = time_ns(packet, 2016)
    assert told is not None
    return told


def test_the_published_record_is_made_octet_for_octet() -> None:
    record = swapped(read(C0), NAME, 200, 2015, quality=Quality(100))

    assert HEADER == record[:64].hex()
    digest = "e789d36936904bd5e38e2a5318a1cb20893afd06264573f12baed7f277406769"
    assert digest == hashlib.sha256(record).hexdigest()


@pytest.mark.parametrize(
    ("octets", "told", "rate_hz"),
    [(C0, C0_SAMPLES, 200.0), (C2, C2_SAMPLES, 100.0), (PLAIN, PLAIN_SAMPLES, 0.1)],
    ids=["C0", "C2", "16"],
)
def test_a_packet_reads_back_as_it_was(octets: bytes, told: list[int], rate_hz: float) -> None:
    packet = read(octets)
    made = records(packet, NAME, rate_hz, when(packet))
    (record,) = back(made[0])

    assert [1024] == [len(one) for one in made]
    assert told == list(record.datasamples)
    assert rate_hz == pytest.approx(record.samprate)
    assert when(packet) == record.starttime
    assert "FDSN:XX_TEST_00_H_H_Z" == record.sourceid


@pytest.mark.parametrize("name", FILES)
def test_real_files_read_back_as_they_were_decoded(name: str) -> None:
    data = [one for one in split(real_file(name).read_bytes()) if one.type == "DT"]
    made = [one for packet in data for one in records(packet, NAME, 100, when(packet))]
    told = [int(one) for each in decode_all(data) if each.values is not None for one in each.values]

    assert told == samples(made)


@needs_obspy
@pytest.mark.parametrize("name", FILES)
def test_obspy_reads_the_same_samples_back(name: str) -> None:
    data = [one for one in split(real_file(name).read_bytes()) if one.type == "DT"]
    told = [int(one) for each in decode_all(data) if each.values is not None for one in each.values]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import obspy

        theirs = [
            int(value)
            for packet in data
            for record in records(packet, NAME, 100, when(packet))
            for value in obspy.read(io.BytesIO(record))[0].data
        ]

    assert told == theirs


def test_a_full_plain_packet_needs_two_records() -> None:
    told = list(range(-250, 250))
    octets = changed(PLAIN, 12, bytes.fromhex("1024"))
    octets = changed(octets, 20, bytes.fromhex("0500")) + b""
    octets = changed(octets, 24, struct.pack(">500h", *told))
    made = copied(read(octets), NAME, 0.1, START_NS, number=7)
    first, second = (back(one)[0] for one in made)

    assert told == samples(made)
    assert [b"000007", b"000008"] == [one[:6] for one in made]
    assert (480, 20) == (first.samplecnt, second.samplecnt)
    assert 4800 * 10**9 == second.starttime - first.starttime


@pytest.mark.parametrize(
    ("marked", "base", "told"), [("C1", C0, C0_SAMPLES), ("C3", C2, C2_SAMPLES)]
)
def test_marked_formats_are_decoded_and_packed(marked: str, base: bytes, told: list[int]) -> None:
    packet = read(changed(base, 23, bytes.fromhex(marked)))
    made = records(packet, NAME, 100, when(packet))

    assert told == samples(made)
    assert {1024} == {len(one) for one in made}


def test_samples_that_cannot_be_are_not_packed() -> None:
    packet = read(changed(changed(C0, 23, b"\xc1"), 75, b"\0"))

    with pytest.raises(PeerError, match="last-sample-mismatch"):
        records(packet, NAME, 100, when(packet))


def test_a_packet_without_samples_is_no_record() -> None:
    assert [] == records(read(changed(C0, 20, b"\0\0")), NAME, 100, START_NS)


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=600),
    st.sampled_from([0.1, 1.0, 40.0, 100.0, 1000.0]),
)
def test_small_records_hold_any_samples(told: list[int], rate_hz: float) -> None:
    made = packed(np.array(told, np.int32), NAME, rate_hz, START_NS)

    assert told == samples(made)
    assert {512} >= {len(one) for one in made}


def test_small_records_are_one_trace() -> None:
    told = np.cumsum(np.arange(-2000, 2000)).astype(np.int32)
    with MS3TraceList.from_buffer(b"".join(packed(told, NAME, 100.0, START_NS))) as traces:
        (trace,) = list(traces)
        (segment,) = list(trace)
        ends = segment.starttime, segment.samplecnt

    assert (START_NS, 4000) == ends


def test_flags_of_the_packet_and_the_clock_are_carried_over() -> None:
    packet = read(changed(C0, 22, b"\xc3"))
    record = swapped(packet, NAME, 200, 2015, quality=Quality(90, locked=True, stale=True))

    assert (0x0D, 0x20, 0x82, 90) == (record[36], record[37], record[38], record[60])


def test_the_century_is_the_one_that_is_near() -> None:
    for near, year in ((2015, 2015), (1990, 2015), (1960, 1915), (2095, 2115)):
        record = swapped(read(C0), NAME, 200, near)
        assert year == int.from_bytes(record[20:22])


@pytest.mark.parametrize(
    ("rate_hz", "told"),
    [(1000, (1000, 1)), (1, (1, 1)), (0.1, (-10, 1)), (62.5, (625, -10)), (31.25, (3125, -100))],
)
def test_rates_are_written_as_seed_has_them(rate_hz: float, told: tuple[int, int]) -> None:
    octets = swapped(read(C0), NAME, rate_hz, 2015)

    assert told == struct.unpack(">hh", octets[32:36])
    assert rate_hz == pytest.approx(back(octets)[0].samprate)


@pytest.mark.parametrize("rate_hz", [0, -1, 1e9, 0.123456789, float("nan"), float("inf")])
def test_a_rate_that_does_not_fit_is_refused(rate_hz: float) -> None:
    with pytest.raises(UsageError, match="Hz does not fit"):
        swapped(read(C0), NAME, rate_hz, 2015)


@pytest.mark.parametrize(
    "name",
    [
        Name("XXX", "TEST", "00", "HHZ"),
        Name("XX", "STATION", "00", "HHZ"),
        Name("XX", "TEST", "000", "HHZ"),
        Name("XX", "TEST", "00", "H-Z"),
        Name("ÄX", "TEST", "00", "HHZ"),
    ],
)
def test_codes_that_do_not_fit_are_refused(name: Name) -> None:
    with pytest.raises(UsageError, match="does not fit miniSEED"):
        swapped(read(C0), name, 100, 2015)
    with pytest.raises(UsageError, match="does not fit miniSEED"):
        packed(np.array([1], np.int32), name, 100.0, START_NS)


def test_what_is_no_steim_packet_is_not_swapped() -> None:
    with pytest.raises(UsageError, match="no miniSEED record"):
        swapped(read(PLAIN), NAME, 100, 2015)
    with pytest.raises(UsageError, match="cannot be copied"):
        copied(read(C0), NAME, 100, START_NS)


def test_a_leap_second_is_carried_over() -> None:
    record = swapped(read(changed(C0, 6, bytes.fromhex("181235960055"))), NAME, 200, 2015)

    assert 60 == record[26]
    assert C0_SAMPLES == samples([record])
