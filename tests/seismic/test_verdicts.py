"""Alarms that follow from how instruments do: each told once, and once when it is over."""

from __future__ import annotations

from portbook.seismic.alarms import Alarm, Alarms
from portbook.seismic.clocks import ClockState
from portbook.seismic.instruments import Instrument, StreamState, Verdict
from portbook.seismic.liveness import FORGET_NS
from portbook.seismic.tags import NANO
from portbook.seismic.verdicts import CALM_NS, judge


class Play:
    """Judges instruments at moments of a clock of our own."""

    def __init__(self) -> None:
        self.alarms = Alarms()
        self.started_ns = 0

    def at(self, seconds: float, *instruments: Instrument) -> list[tuple[str, bool]]:
        told = judge(instruments, self.alarms, int(seconds * NANO), started_ns=self.started_ns)
        return [(one.key, one.cleared_ns is None) for one in told]

    def standing(self) -> Alarm:
        (one,) = self.alarms.standing()
        return one


def test_silence_is_told_once_and_its_end_once() -> None:
    play = Play()
    up = Instrument("AE4C", Verdict.UP, "up")
    silent = Instrument("AE4C", Verdict.SILENT, "silent for 11 min", address="10.1.0.5")

    assert [] == play.at(1, up)
    assert [("silence:AE4C", True)] == play.at(2, silent)
    assert "unit AE4C: silent for 11 min, last from 10.1.0.5" == play.standing().message
    assert [] == play.at(3, silent)
    assert [] == play.at(4, Instrument("AE4C", Verdict.STOPPED, "link up, data stopped"))
    assert [("silence:AE4C", False)] == play.at(5, up)
    assert [] == play.at(6, up)


def test_who_was_never_heard_is_told_when_there_was_time_to_be_heard() -> None:
    play = Play()
    never = Instrument("9EEF", Verdict.NEVER, "never heard")

    assert [] == play.at(599, never)
    assert [("silence:9EEF", True)] == play.at(601, never)


def test_a_clock_is_told_when_it_is_unlocked_for_long() -> None:
    play = Play()
    lost = Instrument("A", Verdict.UP, "up", clock=ClockState.UNLOCKED, clock_since_ns=0)
    found = Instrument("A", Verdict.UP, "up", clock=ClockState.LOCKED, clock_since_ns=0)

    assert [] == play.at(3600, lost)
    assert [("clock:A", True)] == play.at(3661, lost)
    assert "unit A: its clock is unlocked for 61 min" == play.standing().message
    assert [("clock:A", False)] == play.at(3700, found)


def test_holes_are_one_alarm_until_there_are_none_for_ten_minutes() -> None:
    play = Play()
    first = Instrument("A", Verdict.UP, "up", holes=1, missing=3, hole_ns=5 * NANO)
    second = Instrument("A", Verdict.UP, "up", holes=2, missing=9, hole_ns=300 * NANO)

    assert [("hole:A", True)] == play.at(6, first)
    assert [] == play.at(301, second)
    assert [] == play.at(899, second)
    assert [("hole:A", False)] == play.at(301 + CALM_NS / NANO, second)


def test_clock_steps_are_one_alarm_until_there_are_none_for_ten_minutes() -> None:
    play = Play()
    first = Instrument("A", Verdict.UP, "up", clock_steps=1, clock_step_ns=0, clock_step_s=-0.61)
    again = Instrument("A", Verdict.UP, "up", clock_steps=2, clock_step_ns=5 * NANO)

    assert [("clock-step:A", True)] == play.at(1, first)
    assert "unit A: its clock was set by -0.610 s; no packet is missing there" == (
        play.standing().message
    )
    assert [] == play.at(6, again)
    assert [("clock-step:A", False)] == play.at(6 + CALM_NS / NANO, again)


def test_a_restart_ends_no_alarm_only_what_comes_after_it_does() -> None:
    play = Play()
    lane = StreamState(1, 9, 5 * NANO, None, 2.0, ended=False, missing=0, late=True)
    missed = Instrument("A", Verdict.SILENT, "silent", arrived_ns=5 * NANO, hole_ns=5 * NANO)
    play.at(6, missed, Instrument("B", Verdict.UP, "up", streams=(lane,), clock_step_ns=NANO))
    stood = {"silence:A", "hole:A", "silence:B:1", "clock-step:B"}
    assert stood == {one.key for one in play.alarms.standing()}

    play.started_ns = 100 * NANO
    lane = StreamState(1, 9, 5 * NANO, None, 2.0, ended=False, missing=0, late=False)
    recalled = Instrument("A", Verdict.UP, "up", arrived_ns=5 * NANO)
    assert [] == play.at(101, recalled, Instrument("B", Verdict.UP, "up", streams=(lane,)))

    lane = StreamState(1, 10, 102 * NANO, None, 2.0, ended=False, missing=0, late=False)
    heard = Instrument("A", Verdict.UP, "up", arrived_ns=102 * NANO)
    other = Instrument("B", Verdict.UP, "up", streams=(lane,))
    assert [("silence:A", False), ("silence:B:1", False)] == play.at(103, heard, other)
    assert [("hole:A", False), ("clock-step:B", False)] == play.at(701, heard, other)


def test_a_stream_that_is_late_is_an_alarm_of_its_own() -> None:
    play = Play()

    def with_stream(late: bool) -> Instrument:
        stream = StreamState(9, 5, 0, 0, 5000.0, ended=False, missing=0, late=late)
        return Instrument("A", Verdict.UP, "up", streams=(stream,))

    assert [("silence:A:9", True)] == play.at(1, with_stream(True))
    assert "one is due every 5000 s" in play.standing().message
    assert [("silence:A:9", False)] == play.at(2, with_stream(False))


def test_what_stands_for_a_unit_that_is_gone_for_good_is_cleared() -> None:
    play = Play()
    play.at(1, Instrument("A", Verdict.SILENT, "silent"))

    assert [] == play.at(100)
    assert [("silence:A", False)] == play.at(2 + FORGET_NS / NANO)
