"""Which alarms follow from how the instruments do: silence, stopped data, clocks, holes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from portbook.records import Level
from portbook.seismic.alarms import Alarm, Alarms, What
from portbook.seismic.clocks import ClockState
from portbook.seismic.instruments import Instrument, Verdict
from portbook.seismic.liveness import FORGET_NS
from portbook.seismic.tags import NANO

CALM_NS = 600 * NANO  # an alarm about holes or clock steps ends after so long without one


def judge(
    instruments: Sequence[Instrument],
    alarms: Alarms,
    now_ns: int,
    *,
    started_ns: int,
    silence_s: float = 600.0,
    unlocked_s: float = 3600.0,
) -> list[Alarm]:
    """Set and clear alarms; return those that are to be told.

    instruments: all, as `Liveness.look` returns them; started_ns: when listening began, before
    which nobody can have been heard; an alarm of before it ends by what came since, not by a
    restart
    """
    told: list[Alarm | None] = []
    waited = now_ns - started_ns > silence_s * NANO
    for one in instruments:
        told += _silence(one, alarms, now_ns, started_ns, waited)
        if one.verdict is not Verdict.AWAY:
            told += _clock(one, alarms, now_ns, unlocked_s)
        told += _steps(one, alarms, now_ns, started_ns)
        told += _holes(one, alarms, now_ns, started_ns)
        if one.verdict is Verdict.UP:
            told += _streams(one, alarms, now_ns, started_ns)
    told += _forgotten({one.unit for one in instruments}, alarms, now_ns)
    return [one for one in told if one is not None]


def _silence(
    one: Instrument, alarms: Alarms, now_ns: int, started_ns: int, waited: bool
) -> Iterator[Alarm | None]:
    key = f"silence:{one.unit}"
    if one.verdict is Verdict.UP:
        if max(one.arrived_ns or 0, one.link_ns or 0) >= started_ns:
            yield alarms.clear(key, now_ns)
    elif one.verdict is not Verdict.AWAY and (one.verdict is not Verdict.NEVER or waited):
        from_where = f", last from {one.address}" if one.address else ""
        message = f"unit {one.unit}: {one.said}{from_where}"
        yield alarms.set(key, What.SILENCE, message, now_ns, unit=one.unit)


def _streams(
    one: Instrument, alarms: Alarms, now_ns: int, started_ns: int
) -> Iterator[Alarm | None]:
    for stream in one.streams:
        key = f"silence:{one.unit}:{stream.stream}"
        if not stream.late:
            if (stream.arrived_ns or 0) >= started_ns:
                yield alarms.clear(key, now_ns)
            continue
        message = (
            f"unit {one.unit}, stream {stream.stream}: no packet, though one is due every "
            f"{stream.interval_s:.0f} s and other streams go on"
        )
        yield alarms.set(key, What.SILENCE, message, now_ns, level=Level.WARNING, unit=one.unit)


def _clock(
    one: Instrument, alarms: Alarms, now_ns: int, unlocked_s: float
) -> Iterator[Alarm | None]:
    key = f"clock:{one.unit}"
    if one.clock is ClockState.LOCKED:
        yield alarms.clear(key, now_ns)
    elif one.clock is ClockState.UNLOCKED and one.clock_since_ns is not None:
        lasted = (now_ns - one.clock_since_ns) // NANO
        if lasted > unlocked_s:
            message = f"unit {one.unit}: its clock is unlocked for {lasted // 60} min"
            yield alarms.set(key, What.CLOCK, message, now_ns, level=Level.WARNING, unit=one.unit)


def _steps(one: Instrument, alarms: Alarms, now_ns: int, started_ns: int) -> Iterator[Alarm | None]:
    key = f"clock-step:{one.unit}"
    if one.clock_step_ns is None or now_ns - one.clock_step_ns > CALM_NS:
        if now_ns - max(started_ns, one.clock_step_ns or 0) > CALM_NS:
            yield alarms.clear(key, now_ns)
        return
    by = "" if one.clock_step_s is None else f" by {one.clock_step_s:+.3f} s"
    message = f"unit {one.unit}: its clock was set{by}; no packet is missing there"
    yield alarms.set(key, What.CLOCK, message, now_ns, level=Level.WARNING, unit=one.unit)


def _holes(one: Instrument, alarms: Alarms, now_ns: int, started_ns: int) -> Iterator[Alarm | None]:
    key = f"hole:{one.unit}"
    if one.hole_ns is None or now_ns - one.hole_ns > CALM_NS:
        if now_ns - max(started_ns, one.hole_ns or 0) > CALM_NS:
            yield alarms.clear(key, now_ns)
        return
    packets = "1 packet is" if one.missing == 1 else f"{one.missing} packets are"
    holes = "1 hole" if one.holes == 1 else f"{one.holes} holes"
    message = f"unit {one.unit}: {packets} missing in {holes} since the start"
    yield alarms.set(key, What.HOLE, message, now_ns, level=Level.WARNING, unit=one.unit)


def _forgotten(units: set[str], alarms: Alarms, now_ns: int) -> Iterator[Alarm | None]:
    """Clear what stands for units that are neither heard nor expected any more."""
    ours = (What.SILENCE, What.CLOCK, What.HOLE)
    for one in alarms.standing():
        gone = one.what in ours and one.unit is not None and one.unit not in units
        if gone and now_ns - one.since_ns > FORGET_NS:
            yield alarms.clear(one.key, now_ns)
