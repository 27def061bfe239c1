"""Alarms: set once, cleared once, bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.records import Level
from portbook.seismic.alarms import LONGEST, Alarms, What


def test_an_alarm_is_set_once_and_cleared_once() -> None:
    alarms = Alarms()
    first = alarms.set("silence:AE4C", What.SILENCE, "no packet", 10, unit="AE4C")
    again = alarms.set("silence:AE4C", What.SILENCE, "no packet yet", 20, unit="AE4C")
    ended = alarms.clear("silence:AE4C", 30)

    assert first is not None
    assert ("silence", Level.ERROR, 10, "AE4C", None) == (
        first.what,
        first.level,
        first.since_ns,
        first.unit,
        first.cleared_ns,
    )
    assert again is None
    assert ended is not None
    assert ("no packet", 10, 30) == (ended.message, ended.since_ns, ended.cleared_ns)
    assert alarms.clear("silence:AE4C", 40) is None
    assert (1, 1, []) == (alarms.set_times, alarms.cleared_times, alarms.standing())


def test_it_can_be_set_anew_after_it_was_cleared() -> None:
    alarms = Alarms()
    alarms.set("disk:/a", What.DISK, "full", 1)
    alarms.clear("disk:/a", 2)

    again = alarms.set("disk:/a", What.DISK, "full", 3)
    assert again is not None
    assert 3 == again.since_ns


def test_what_stood_before_a_restart_is_not_set_again_and_can_be_cleared() -> None:
    before = Alarms()
    before.set("clock:AE4C", What.CLOCK, "unlocked", 5, level=Level.WARNING, unit="AE4C")
    ended = before.happened("restart:1", What.RESTART, "killed", 6)
    assert ended is not None
    after = Alarms([*before.standing(), ended])

    assert ["clock:AE4C"] == [one.key for one in after.standing()]
    assert after.set("clock:AE4C", What.CLOCK, "unlocked", 7) is None
    assert after.clear("clock:AE4C", 8) is not None


def test_an_end_before_the_beginning_is_no_end_before_it() -> None:
    alarms = Alarms()
    alarms.set("a", What.DROPS, "m", 100)
    ended = alarms.clear("a", 50)

    assert ended is not None
    assert 100 == ended.cleared_ns


def test_alarms_and_their_texts_are_bounded() -> None:
    alarms = Alarms(most=2)
    made = [alarms.set(f"{n}" * 10_000, What.HOLE, "m" * 10_000, n) for n in range(1, 5)]

    assert [True, True, False, False] == [one is not None for one in made]
    assert (2, 2) == (len(alarms.standing()), alarms.left_out)
    assert all(LONGEST == len(one.key) == len(one.message) for one in alarms.standing())
    assert "1" * 10_000 in alarms
    assert alarms.clear("1" * 10_000, 9) is not None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_every_alarm_is_told_in_turns(steps: list[tuple[str, bool]]) -> None:
    alarms = Alarms()
    told: dict[str, list[bool]] = {}
    for now_ns, (key, wrong) in enumerate(steps):
        made = alarms.set(key, "hole", "m", now_ns) if wrong else alarms.clear(key, now_ns)
        if made:
            told.setdefault(key, []).append(wrong)

    for turns in told.values():
        assert [n % 2 == 0 for n in range(len(turns))] == turns
    assert {key for key, turns in told.items() if turns[-1]} == {
        one.key for one in alarms.standing()
    }
