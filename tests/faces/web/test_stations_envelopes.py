"""Envelopes: column by column the samples' own lowest and highest count, gaps as gaps."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support import recorded, reftek
from support.recorded import Recorder

from portbook.faces.web.stations_envelopes import Piece, coarser, enveloped, envelopes
from portbook.faces.web.stations_records import Envelope, Run
from portbook.protocols.reftek.packets import read
from portbook.seismic.stations import Stations as Codes
from portbook.seismic.stations import of

NANO = 1_000_000_000
START_NS = 1_700_000_000 * NANO
Columns = dict[int, tuple[int, int]]
COUNTS = st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=40)


def by_hand(pieces: list[Piece], from_ns: int, until_ns: int, width: int) -> Columns:
    """Return the range of each column, sample by sample."""
    found: Columns = {}
    for piece in pieces:
        for at, value in enumerate(piece.values.tolist()):
            when = piece.at_ns + round(at * NANO / (piece.rate_hz or 1))
            if from_ns <= when < until_ns:
                column = (when - from_ns) * width // (until_ns - from_ns)
                low, high = found.get(column, (value, value))
                found[column] = min(low, value), max(high, value)
    return found


def columns(runs: tuple[Run, ...]) -> Columns:
    found: Columns = {}
    for run in runs:
        assert list(run.columns) == sorted(set(run.columns))
        for column, low, high in zip(run.columns, run.lowest, run.highest, strict=True):
            before = found.get(column, (low, high))
            found[column] = min(low, before[0]), max(high, before[1])
    return found


@st.composite
def laid(draw: st.DrawFn) -> list[Piece]:
    """Draw pieces in order of time; some follow each other, some leave or share some time."""
    rate = draw(st.sampled_from([0.1, 1, 100, 125, 250, 1000]))
    at_ns, pieces = START_NS, []
    for values in draw(st.lists(COUNTS, min_size=1, max_size=8)):
        piece = Piece(at_ns, rate, np.array(values, np.int32))
        pieces.append(piece)
        off = draw(st.sampled_from([0, 0, 0, 1, 7, 2000])) * round(NANO / rate)
        at_ns = piece.end_ns + off
    return pieces


@given(laid(), st.integers(1, 300), st.integers(0, 90), st.integers(1, 90))
def test_every_column_is_that_of_its_samples(
    pieces: list[Piece], width: int, begin: int, long: int
) -> None:
    whole = pieces[-1].end_ns - pieces[0].at_ns
    from_ns = pieces[0].at_ns + begin * whole // 100 - NANO
    until_ns = from_ns + max(1, long * whole // 100)
    runs, gaps, samples = enveloped(pieces, from_ns, until_ns, width)

    assert by_hand(pieces, from_ns, until_ns, width) == columns(runs)
    assert all(from_ns <= one.from_ns < one.until_ns <= until_ns for one in gaps)
    assert samples == sum(
        from_ns <= piece.at_ns + round(at * NANO / (piece.rate_hz or 1)) < until_ns
        for piece in pieces
        for at in range(len(piece.values))
    )


@given(laid(), st.integers(1, 200))
def test_a_coarser_envelope_is_that_of_half_the_columns(pieces: list[Piece], half: int) -> None:
    from_ns, until_ns = pieces[0].at_ns, pieces[-1].end_ns
    until_ns += (until_ns - from_ns) % (2 * half)
    fine = Envelope("9D20", 1, 1, from_ns, until_ns, 2 * half)
    runs, gaps, samples = enveloped(pieces, from_ns, until_ns, 2 * half)
    made = coarser(Envelope("9D20", 1, 1, from_ns, until_ns, 2 * half, runs, gaps, samples))

    assert half == made.width == fine.width // 2
    assert by_hand(pieces, from_ns, until_ns, half) == columns(made.runs)


@given(laid())
def test_gaps_are_where_no_sample_is_due(pieces: list[Piece]) -> None:
    _, gaps, _ = enveloped(pieces, pieces[0].at_ns, pieces[-1].end_ns, 100)
    due = [
        (before.end_ns, after.at_ns)
        for before, after in itertools.pairwise(pieces)
        if after.at_ns > before.end_ns
    ]

    assert due == [(one.from_ns, one.until_ns) for one in gaps]


def test_time_that_goes_back_begins_a_run_and_is_no_gap() -> None:
    first = Piece(START_NS, 100, np.arange(100, dtype=np.int32))
    again = Piece(START_NS + NANO // 2, 100, np.arange(100, dtype=np.int32))
    runs, gaps, samples = enveloped([first, again], START_NS, START_NS + 2 * NANO, 50)

    assert (2, (), 200) == (len(runs), gaps, samples)


def test_without_any_rate_the_first_sample_alone_has_a_time() -> None:
    piece = Piece(START_NS, None, np.array([5, 9, 7], np.int32))
    runs, _, samples = enveloped([piece], START_NS, START_NS + NANO, 10)

    assert ((Run((0,), (5,), (5,)),), 1) == (runs, samples)


def made(packets: list[bytes], **more: int) -> tuple[Envelope, ...]:
    told = [one for octets in packets if (one := read(octets))]
    asked = {"seconds": 600, "width": 500, "near_year": 2023, **more}
    return envelopes("9ABC", told, {}, None, **asked)


def test_the_rate_is_derived_where_no_header_tells_it() -> None:
    recorder = Recorder()
    packets = [one for _ in range(5) for one in recorder.round()]
    found = made(packets)

    assert [(1, 1, 100.0), (1, 2, 100.0), (1, 3, 100.0)] == [
        (one.stream, one.channel, one.rate_hz) for one in found
    ]
    assert [500] * 3 == [one.samples for one in found]


def test_packets_in_disorder_and_packets_that_cannot_be_cost_only_themselves() -> None:
    recorder = Recorder()
    packets = recorder.event_of(6)
    broken = bytearray(packets[7])
    broken[72:76] = b"\x7f\xff\xff\xff"  # another last sample than the frames have
    whole = made(packets)
    found = made([*reversed(packets[:7]), bytes(broken), *packets[8:]])

    assert [0, 0, 1] == sorted(one.refused for one in found)
    damaged = next(at for at, one in enumerate(found) if one.refused)
    assert 1 == len(found[damaged].gaps)
    assert [one.runs for at, one in enumerate(whole) if at != damaged] == [
        one.runs for at, one in enumerate(found) if at != damaged
    ]


def test_real_packets_give_their_own_samples() -> None:
    (found,) = made([recorded.C0], near_year=2015)  # type: ignore[misc]

    assert found.rate_hz is None
    (found,) = envelopes(
        "AE4C", [read(recorded.C0)], {0: 200.0}, None, seconds=1, width=4000, near_year=2015
    )  # type: ignore[list-item]
    assert recorded.C0_SAMPLES == [low for run in found.runs for low in run.lowest]
    assert recorded.C0_SAMPLES == [high for run in found.runs for high in run.highest]


def test_a_channel_has_the_code_of_the_settings() -> None:
    told = {"9D20": {"network": "XX", "station": "T", "stream": {"1": ["HHZ", "HHN"]}}}
    codes: Codes = of(told, "a test")
    packets = [one for octets in reftek.event(seconds=5) if (one := read(octets))]
    found = envelopes("9D20", packets, {}, codes, seconds=9, width=9, near_year=2026)

    assert ["HHZ", "HHN", None] == [one.code for one in found]


def test_many_channels_and_wide_drawings_are_bounded() -> None:
    one = reftek.event(seconds=3)[1]
    flood = [
        one[:18]
        + bytes((stream // 10 << 4 | stream % 10, channel // 10 << 4 | channel % 10))
        + one[20:]
        for stream in range(20)
        for channel in range(90)
    ]
    found = made(flood, width=10**9, seconds=10**9, near_year=2026)

    assert 64 == len(found)
    assert 4000 == found[0].width
    assert 6 * 3600 * NANO == found[0].until_ns - found[0].from_ns
