"""Reads what a receiver answers at /status: text of another program, and of everyone it heard.

Types are checked, lists and texts are cut, times and places that cannot be are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple

import msgspec

from portbook.faces.web.stations_records import Place, Station, StationAlarm, Stream, Told
from portbook.seismic.clocks import ClockState
from portbook.seismic.instruments import NamedHole, Verdict
from portbook.seismic.liveness import MOST_HOLES, MOST_STREAMS, MOST_UNITS
from portbook.seismic.positions import Position, place

MOST_ALARMS = 2000
LETTERS = 300
_UNIT = re.compile(r"[0-9A-F]{4}\Z")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z\Z", re.ASCII)


class Names(NamedTuple):
    """What the receiver's settings say of a unit: `XX.TEST`, and where it is."""

    name: str | None
    position: Position | None


_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Signed = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)]
_Real = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]  # of seconds, metres, degrees


class _Stream(msgspec.Struct):
    stream: _Count
    packets: _Count = 0
    arrived: str | None = None
    data: str | None = None
    interval_s: _Real | None = None
    ended: bool = False
    missing: _Count = 0
    late: bool = False


class _Hole(msgspec.Struct):
    stream: _Count
    event: _Count
    first_sequence: _Count
    last_sequence: _Count
    packets: _Count
    from_: str | None = msgspec.field(name="from", default=None)
    until: str | None = None
    found: str | None = None


class _Instrument(msgspec.Struct):
    unit: str
    verdict: str
    said: str = ""
    packets: _Count = 0
    arrived: str | None = None
    data_arrived: str | None = None
    data: str | None = None
    link: str | None = None
    address: str | None = None
    health_at: str | None = None
    health: str | None = None
    clock: str = "unknown"
    quality: _Count | None = None
    phase_error_us: _Signed | None = None
    clock_since: str | None = None
    holes: _Count = 0
    missing: _Count = 0
    hole: str | None = None
    clock_steps: _Count = 0
    clock_step: str | None = None
    clock_step_s: _Real | None = None
    streams: list[_Stream] = []
    latitude: _Real | None = None
    longitude: _Real | None = None
    elevation_m: _Real | None = None
    last_holes: list[_Hole] = []


class _Alarm(msgspec.Struct):
    what: str
    level: str
    message: str
    since: str | None = None
    unit: str | None = None


class _Receiver(msgspec.Struct):
    kind: Literal["receiver"]
    at: str
    pid: _Count
    version: str
    started: str | None = None
    troubles: list[str] = []
    instruments: list[_Instrument] = []
    alarms: list[_Alarm] = []


_decode = msgspec.json.Decoder(_Receiver).decode


def read(octets: bytes, names: Mapping[str, Names]) -> Told:
    """Return what a receiver told; raises ValueError when it is not what a receiver tells."""
    try:
        told = _decode(octets)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    at_ns = moment_ns(told.at)
    if at_ns is None:
        raise ValueError("it does not say when")
    known = [one for one in told.instruments if _UNIT.match(one.unit)]
    return Told(
        at_ns=at_ns,
        started_ns=moment_ns(told.started),
        pid=told.pid,
        version=told.version[:LETTERS],
        troubles=tuple(one[:LETTERS] for one in told.troubles[:MOST_STREAMS]),
        stations=tuple(_station(one, names.get(one.unit)) for one in known[:MOST_UNITS]),
        alarms=tuple(
            StationAlarm(
                one.what[:LETTERS],
                one.level[:LETTERS],
                one.message[:LETTERS],
                moment_ns(one.since),
                one.unit if one.unit and _UNIT.match(one.unit) else None,
            )
            for one in told.alarms[:MOST_ALARMS]
        ),
        left_out=len(told.instruments) - len(known[:MOST_UNITS]),
    )


def moment_ns(text: str | None) -> int | None:
    """Read a time as the receiver writes it, RFC 3339 in UTC; None for anything else."""
    match = _TIME.match(text) if text else None
    if match is None:
        return None
    try:
        whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(whole.timestamp()) * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))


def _station(one: _Instrument, names: Names | None) -> Station:
    try:
        verdict = Verdict(one.verdict)
    except ValueError:  # of a newer receiver: what it says stands in its words
        verdict = Verdict.SILENT
    arrived, data_arrived = moment_ns(one.arrived), moment_ns(one.data_arrived)
    link = moment_ns(one.link)
    signs = max((at for at in (arrived, link) if at is not None), default=None)
    since = {Verdict.UP: None, Verdict.STOPPED: data_arrived}.get(verdict, signs)
    return Station(
        unit=one.unit,
        verdict=verdict,
        said=one.said[:LETTERS],
        name=names.name if names else None,
        since_ns=since,
        packets=one.packets,
        arrived_ns=arrived,
        data_arrived_ns=data_arrived,
        data_ns=moment_ns(one.data),
        address=one.address[:LETTERS] if one.address else None,
        health=one.health[:LETTERS] if one.health else None,
        health_at_ns=moment_ns(one.health_at),
        clock=ClockState(one.clock) if one.clock in set(ClockState) else ClockState.UNKNOWN,
        quality=one.quality if one.clock != ClockState.UNKNOWN and _percent(one.quality) else None,
        phase_error_us=one.phase_error_us,
        clock_since_ns=moment_ns(one.clock_since),
        clock_steps=one.clock_steps,
        clock_step_ns=moment_ns(one.clock_step),
        clock_step_s=one.clock_step_s,
        holes=one.holes,
        missing=one.missing,
        hole_ns=moment_ns(one.hole),
        last_holes=tuple(
            hole for told in one.last_holes[-MOST_HOLES:] if (hole := _hole(told)) is not None
        ),
        streams=tuple(map(_stream, one.streams[:MOST_STREAMS])),
        place=_place(one, names),
    )


def _percent(quality: int | None) -> bool:
    return quality is not None and 0 <= quality <= 100


def _stream(one: _Stream) -> Stream:
    return Stream(
        one.stream,
        one.packets,
        moment_ns(one.arrived),
        moment_ns(one.data),
        one.interval_s,
        one.ended,
        one.missing,
        one.late,
    )


def _hole(one: _Hole) -> NamedHole | None:
    times = moment_ns(one.from_), moment_ns(one.until), moment_ns(one.found)
    if times[0] is None or times[1] is None or times[2] is None:
        return None
    numbers = one.stream, one.event, one.first_sequence, one.last_sequence, one.packets
    return NamedHole(*numbers, times[0], times[1], times[2])


def _place(one: _Instrument, names: Names | None) -> Place | None:
    """Return where it is: the operator knows better than a receiver of satellites."""
    if names is not None and names.position is not None:
        return Place(*names.position, "settings")
    if one.latitude is None or one.longitude is None:
        return None
    found = place(one.latitude, one.longitude, one.elevation_m)
    return None if found is None else Place(*found, "recorder")
