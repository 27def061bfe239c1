"""The usual file is read at once, with the same outcome as packet by packet."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recorded import (
    FILES,
    Recorder,
    changed,
    needs_obspy,
    obspy_traces,
    real_file,
)

from portbook.seismic.files import pieces
from portbook.seismic.outcomes import Join
from portbook.seismic.plain import plain
from portbook.seismic.traces import read, traces

YEAR = 2023
MADE = Recorder().event_of(6, samples=40)


def told(found: object) -> list[tuple[object, list[int]]]:
    return [(one.segment, one.values.tolist()) for one in found]  # type: ignore[attr-defined]


def singly(octets: bytes, year: int = YEAR) -> list[tuple[object, list[int]]]:
    found = pieces(io.BytesIO(octets).read)
    return told(traces((one.packet for one in found if one.packet), year))


def test_a_whole_event_is_a_usual_file() -> None:
    octets = b"".join(MADE)
    found = plain(octets, YEAR)

    assert found is not None
    assert singly(octets) == told(found)
    assert [240] * 3 == [one.segment.samples for one in found]


def test_one_without_its_trailer_is_too() -> None:
    octets = b"".join(MADE[:-1])

    assert plain(octets, YEAR) is not None
    assert singly(octets) == told(read(octets, YEAR))


def test_sequences_that_wrap_and_clocks_that_are_set_are_usual() -> None:
    recorder = Recorder(rate_hz=1000)
    made = [recorder.header()]
    for number in range(3400):
        recorder.now_ns += (number == 1700) * 10**9
        made += recorder.round(2)
    octets = b"".join(made)
    found = plain(octets, YEAR)

    assert found is not None
    assert singly(octets) == told(found)
    assert [Join.FIRST, Join.CLOCK_STEP] * 3 == [one.segment.join for one in found]


@pytest.mark.parametrize("name", FILES)
def test_real_files_are_read_alike(name: str) -> None:
    octets = real_file(name).read_bytes()

    assert singly(octets, 2016) == told(read(octets, 2016))


@needs_obspy
@pytest.mark.parametrize("name", FILES)
def test_obspy_reads_the_same_traces(name: str) -> None:
    path = real_file(name)
    found = read(path.read_bytes(), 2016)

    assert sorted(obspy_traces(path)) == sorted(
        (one.segment.channel, one.segment.start_ns, one.segment.rate_hz, one.values.tolist())
        for one in found
    )


@pytest.mark.parametrize(
    "made",
    [
        MADE[1:],
        MADE[:4] + MADE[5:],
        [*MADE[:4], MADE[5], MADE[4], *MADE[6:]],
        [*MADE, MADE[-1]],
        [*MADE[:4], changed(MADE[4], 75, b"\0"), *MADE[5:]],
        [*MADE[:4], changed(MADE[4], 20, b"\0\0"), *MADE[5:]],
        [MADE[0], changed(MADE[1], 6, bytes.fromhex("3661")), *MADE[2:]],
        [*MADE, *Recorder("9AAA").event_of(2)],
        [*MADE[:4], b"xyz", *MADE[4:]],
        [*MADE, MADE[0][:100]],
        [],
        [b"no packet at all"],
    ],
    ids=range(12),
)
def test_what_is_otherwise_goes_packet_by_packet(made: list[bytes]) -> None:
    octets = b"".join(made)

    assert plain(octets, YEAR) is None
    assert singly(octets) == told(read(octets, YEAR))


@given(
    st.lists(
        st.tuples(st.integers(0, len(MADE) - 1), st.integers(0, 140), st.integers(0, 255)),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_changed_both_ways_agree(changes: list[tuple[int, int, int]]) -> None:
    made = list(MADE)
    for which, at, new in changes:
        made[which] = changed(made[which], at, bytes((new,)))
    octets = b"".join(made)

    assert singly(octets) == told(read(octets, YEAR))
