"""A status is text of another program, and of everyone that it heard."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.daemons.reports.snapshot import Snapshot
from portbook.daemons.voices.documents import document
from portbook.faces.web.stations_reading import LETTERS, MOST_ALARMS, Names, moment_ns, read
from portbook.records import Level
from portbook.seismic.alarms import Alarm
from portbook.seismic.clocks import ClockState
from portbook.seismic.instruments import Instrument, NamedHole, StreamState, Verdict
from portbook.seismic.liveness import MOST_STREAMS, MOST_UNITS
from portbook.seismic.positions import Position

NOW_NS = 1_795_248_000_123_456_789
HOLE = NamedHole(1, 7, 12, 14, 3, NOW_NS - 9, NOW_NS - 5, NOW_NS)
STREAM = StreamState(1, 12, NOW_NS, NOW_NS, 4.0, False, 3, False)
ONE = Instrument(
    "9D20",
    Verdict.STOPPED,
    "link up, data stopped for 12 min",
    packets=12,
    arrived_ns=NOW_NS,
    data_arrived_ns=NOW_NS - 720 * 10**9,
    data_ns=NOW_NS - 721 * 10**9,
    link_ns=NOW_NS,
    address="10.1.0.5",
    health="BATTERY \x1b[31m<script>",
    clock=ClockState.LOCKED,
    quality=80,
    holes=1,
    missing=3,
    streams=(STREAM,),
    latitude=48.1,
    longitude=-12.6,
    elevation_m=547.0,
    last_holes=(HOLE,),
)


def octets(**more: Any) -> bytes:
    """Return an answer of a receiver, made by the receiver's own code."""
    told = {"at_ns": NOW_NS, "started_ns": NOW_NS, "pid": 7, "instruments": (ONE,), **more}
    return msgspec.json.encode(document(Snapshot(**told)))


def without(**more: Any) -> dict[str, Any]:
    """Return a bare answer, for what no receiver would say."""
    return {"kind": "receiver", "at": "2026-11-21T08:00:00Z", "pid": 7, "version": "1", **more}


def test_what_the_receiver_writes_is_read() -> None:
    told = read(octets(), {})
    (one,) = told.stations

    assert (NOW_NS, 7, ()) == (told.at_ns, told.pid, told.alarms)
    assert (ONE.unit, ONE.verdict, ONE.said, ONE.missing) == (
        one.unit,
        one.verdict,
        one.said,
        one.missing,
    )
    assert ONE.data_arrived_ns == one.since_ns
    assert (HOLE,) == one.last_holes
    assert (ClockState.LOCKED, 80) == (one.clock, one.quality)
    assert (1, 12, 4.0, 3) == (
        one.streams[0].stream,
        one.streams[0].packets,
        one.streams[0].interval_s,
        one.streams[0].missing,
    )
    assert one.place
    assert (48.1, -12.6, 547.0, "recorder") == (
        one.place.latitude,
        one.place.longitude,
        one.place.elevation_m,
        one.place.told_by,
    )


def test_the_operator_knows_better_where_a_station_is() -> None:
    names = {"9D20": Names("XX.TEST", Position(50.0, 14.5))}
    (one,) = read(octets(), names).stations

    assert "XX.TEST" == one.name
    assert one.place
    assert (50.0, 14.5, "settings") == (
        one.place.latitude,
        one.place.longitude,
        one.place.told_by,
    )


def test_a_quality_that_nobody_told_is_none() -> None:
    (one,) = read(
        octets(instruments=(Instrument("9D20", Verdict.NEVER, "never heard"),)), {}
    ).stations

    assert (None, None, None) == (one.quality, one.place, one.since_ns)


def test_an_alarm_names_its_unit() -> None:
    alarm = Alarm("hole:9D20", "hole", Level.WARNING, "unit 9D20: a hole", NOW_NS, unit="9D20")
    (one,) = read(octets(alarms=(alarm,)), {}).alarms

    assert ("hole", "warning", "9D20", NOW_NS) == (one.what, one.level, one.unit, one.since_ns)


@pytest.mark.parametrize(
    "told",
    [
        [],
        {},
        {"kind": "summary"},
        without(at="yesterday"),
        without(pid="x"),
        without(instruments=7),
        without(instruments=[{"unit": 7}]),
        without(instruments=[{"unit": "9D20", "verdict": "up", "packets": "many"}]),
        without(alarms=["fire"]),
        without(pid=10**400),
        without(pid=-1),
        without(instruments=[{"unit": "9D20", "verdict": "up", "clock_step_s": 1e300}]),
    ],
)
def test_what_is_no_status_is_refused(told: Any) -> None:
    with pytest.raises(ValueError):
        read(json.dumps(told).encode(), {})


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(ValueError):
        read(b'{"kind":"receiver","x":' + b"[" * 100_000, {})


def test_a_flood_is_cut_and_counted() -> None:
    units = [
        {"unit": f"{at:04X}", "verdict": "up", "said": "x" * 9999} for at in range(MOST_UNITS + 9)
    ]
    alarms = [{"what": "hole", "level": "error", "message": "y" * 9999}] * (MOST_ALARMS + 9)
    told = read(json.dumps(without(instruments=units, alarms=alarms)).encode(), {})

    assert (MOST_UNITS, MOST_ALARMS, 9) == (len(told.stations), len(told.alarms), told.left_out)
    assert LETTERS == len(told.stations[0].said) == len(told.alarms[0].message)


def test_streams_and_holes_and_places_that_cannot_be_are_left_out() -> None:
    one = {
        "unit": "9D20",
        "verdict": "up",
        "streams": [{"stream": at} for at in range(500)],
        "last_holes": [{"stream": 1, "event": 1, "first_sequence": 1, "last_sequence": 1,
                        "packets": 1, "from": "soon", "until": None, "found": "@12"}],
        "latitude": 0.0,
        "longitude": 0.0,
        "clock": "striking",
        "quality": 4000,
        "arrived": "2026-13-41T08:00:00Z",
    }  # fmt: skip
    told = read(
        json.dumps(without(instruments=[one, {"unit": "../x", "verdict": "up"}])).encode(), {}
    )
    (found,) = told.stations

    assert MOST_STREAMS == len(found.streams)
    assert ((), None, None, None, ClockState.UNKNOWN) == (
        found.last_holes,
        found.place,
        found.quality,
        found.arrived_ns,
        found.clock,
    )
    assert 1 == told.left_out


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps)
)
def test_any_json_is_read_or_refused(text: str) -> None:
    try:
        read(text.encode(), {})
    except ValueError:
        return
    raise AssertionError(text)


@given(st.binary(max_size=200))
def test_any_octets_are_refused(some: bytes) -> None:
    with pytest.raises(ValueError):
        read(some, {})


@given(st.integers(0, 2**62))
def test_times_are_read_as_the_receiver_writes_them(time_ns: int) -> None:
    assert time_ns == moment_ns(
        document(STREAM.__class__(1, 0, time_ns, 0, None, False, 0, False))["arrived"]
    )
