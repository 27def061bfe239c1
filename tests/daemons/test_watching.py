"""The judgement, played: a child, a clock, and what the watchdog does about them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.daemons.watchdog.vitals import SECOND_NS, SPEAKS, Counts, Limits, Sight, Word
from portbook.daemons.watchdog.watching import Act, Do, Watch

STEP_S = 0.1
ENDS = (Do.TERMINATE, Do.ABORT, Do.KILL)


@dataclass
class OneLife:
    """From a start to an end, by the watchdog's own clock; act: the start, with its reason."""

    act: Act
    started_s: float
    ready_s: float | None = None
    ended_s: float = float("inf")


@dataclass
class Play:
    """A watchdog and its child. The child's behaviour is what the test sets in its fields."""

    limits: Limits = field(default_factory=Limits)
    now_s: float = 0.0
    running: bool = False
    ready_after_s: float | None = 0.3  # after its start; None: never
    beats: bool = True
    speaks: bool = True  # counts come, beat or not
    answers: bool = True
    grows: int = 1  # packets between two looks
    obeys: bool = True  # ends when told to; all do when killed
    locked: bool = False
    waits: bool = False
    state: str = "S"
    waiting: int = 0
    units_up: int = 1
    expected_s: float = 1.0
    held: str = ""
    packets: int = 0
    done: list[tuple[float, Act]] = field(default_factory=list)

    lives: list[OneLife] = field(default_factory=list)
    clock_s: float = 0.0  # the watchdog's own: a look moves it on by half a second at most

    def __post_init__(self) -> None:
        self.watch = Watch(self.limits)
        self.status: int | None = None
        self.started_s = 0.0
        self.ready = False

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.step()

    def step(self, seconds: float = STEP_S) -> Act:
        self.now_s += seconds
        self.clock_s += min(seconds, 0.5)
        now = round(self.now_s * SECOND_NS)
        if self.running:
            self._live(now)
        sight = Sight(now, self.running, self.status, self.locked, self.waits, self.state, "a note")
        self.status = None
        act = self.watch.look(sight)
        if act.do is not Do.NOTHING:
            self.done.append((self.now_s, act))
        if act.do is Do.START:
            self.running, self.ready, self.started_s = True, False, self.now_s
            self.lives.append(OneLife(act, self.clock_s))
        elif act.do is Do.KILL or (act.do in ENDS and self.obeys):
            self.die(-9)
        if act.probe and self.running:
            self.watch.probed(self.answers, now)
        return act

    def die(self, status: int) -> None:
        self.running, self.status = False, status
        self.lives[-1].ended_s = self.clock_s

    def _live(self, now: int) -> None:
        if not self.ready:
            late = self.ready_after_s is None or self.now_s - self.started_s < self.ready_after_s
            if late:
                return
            self.ready = True
            self.lives[-1].ready_s = self.clock_s
            self.watch.heard(Word(ready=True), now)
        self.packets += self.grows
        counts = Counts(self.packets, 0, self.waiting, self.units_up, 1, self.expected_s, self.held)
        if self.speaks:
            self.watch.heard(Word(beat=self.beats, counts=counts), now)

    def dos(self) -> list[Do]:
        return [act.do for _, act in self.done]

    def acts(self, *dos: Do) -> list[tuple[float, Act]]:
        return [(at, act) for at, act in self.done if act.do in dos]


def serving(**more: Any) -> Play:
    play = Play(**more)
    play.run(20)
    assert [Do.START] == play.dos()
    assert play.watch.serving
    play.done.clear()
    return play


def test_it_is_started_at_once_and_left_alone_while_it_serves() -> None:
    play = Play()
    play.run(600)

    assert [Do.START] == play.dos()
    assert play.watch.well


@pytest.mark.parametrize(
    ("status", "words"),
    [(-9, "killed by SIGKILL"), (-11, "killed by SIGSEGV"), (3, "exit code 3"), (-99, "signal 99")],
)
def test_a_death_is_told_with_its_cause_and_followed_by_a_start_at_once(
    status: int, words: str
) -> None:
    play = serving()
    play.die(status)
    act = play.step()

    assert Do.START is act.do
    assert "died" == act.what
    assert words in act.why


def test_a_frozen_one_is_noticed_within_two_seconds_and_started_again_within_half_a_second() -> (
    None
):
    play = serving()
    frozen_s = play.now_s
    play.speaks = play.beats = False
    play.run(1.8)
    assert [] == play.dos()
    play.run(0.7)
    assert [Do.ABORT, Do.START] == play.dos()
    (noticed_s, act), (started_s, _) = play.done
    assert "hangs" == act.what
    assert noticed_s - frozen_s <= 2.0
    assert started_s - noticed_s <= 0.5


def test_one_that_ignores_the_abort_is_killed_soon() -> None:
    play = serving(obeys=False)
    play.speaks = False
    play.run(3)

    assert [Do.ABORT, Do.KILL, Do.START] == play.dos()[:3]
    (aborted, _), (killed, _) = play.done[:2]
    assert killed - aborted <= 0.31


def test_a_stopped_process_is_killed_at_once_since_it_can_write_nothing_down() -> None:
    play = serving(state="T")
    play.speaks = False
    play.run(2)

    assert [Do.KILL] == play.dos()[:1]
    assert "stopped" in play.done[0][1].why


def test_one_that_waits_for_a_disk_is_given_time_and_told_of() -> None:
    play = serving(state="D")
    play.speaks = False
    play.run(25)
    assert [] == play.dos()
    assert "disk" in play.watch.trouble
    play.run(10)
    assert [Do.ABORT, Do.START] == play.dos()[:2]


def test_one_that_is_not_ready_in_time_is_replaced_with_pauses_that_grow() -> None:
    play = Play(limits=Limits(start_s=5), ready_after_s=None)
    play.run(200)

    starts = [at for at, _ in play.acts(Do.START)]
    gaps = [round(b - a - 5.2) for a, b in itertools.pairwise(starts)]
    assert [0, 1, 2, 4, 8, 16, 32] == gaps[:7]
    assert {"start", "late"} == {act.what for _, act in play.acts(Do.START)}


def test_more_time_for_a_start_is_granted_when_it_asks() -> None:
    play = Play(limits=Limits(start_s=5), ready_after_s=30)
    for _ in range(7):
        play.run(4)
        play.watch.heard(Word(more_s=5), round(play.now_s * SECOND_NS))
    play.run(10)

    assert [Do.START] == play.dos()
    assert play.watch.serving


def test_one_that_keeps_dying_is_tried_slowly_and_raises_trouble_until_it_runs_well() -> None:
    play = Play()
    for _ in range(3000):
        play.step()
        if play.running and play.ready:
            play.die(1)
    assert "in a row" in play.watch.trouble
    starts = [at for at, _ in play.acts(Do.START)]
    assert starts[-1] - starts[-2] >= 60

    play.run(80)

    assert "" == play.watch.trouble
    assert play.watch.well


def test_data_that_wait_in_the_socket_while_nothing_is_read_mean_a_restart() -> None:
    play = serving()
    play.grows, play.waits = 0, True
    play.run(3.2)

    assert [Do.ABORT] == play.dos()[:1]
    assert "waiting" == play.done[0][1].what
    assert "a note" in play.done[0][1].why


def test_data_that_wait_at_each_look_while_the_counter_goes_on_are_a_busy_socket_and_no_fault() -> (
    None
):
    play = serving()
    play.waits, play.waiting = True, 5
    play.run(600)

    assert [] == play.dos()


def test_refused_datagrams_count_as_moved_so_that_noise_is_no_reason() -> None:
    watch = Watch()
    watch.look(Sight(0))
    watch.heard(Word(ready=True), 0)
    acts = []
    for step in range(1, 400):
        now = step * SECOND_NS // 10
        watch.heard(Word(beat=True, counts=Counts(0, step, 9)), now)
        act = watch.look(Sight(now, running=True, waits=True))
        if act.probe:
            watch.probed(True, now)
        acts.append(act.do)

    assert {Do.NOTHING} == set(acts)


def test_one_that_lives_but_moves_nothing_is_stuck_and_the_reason_says_so() -> None:
    play = serving()
    play.beats, play.grows, play.waiting = False, 0, 77
    play.run(2)

    assert "stuck" == play.done[0][1].what
    assert "77 wait" in play.done[0][1].why


def test_after_a_fault_of_one_that_speaks_the_next_starts_at_once_whatever_was_before() -> None:
    play = Play()
    for _ in range(3):
        play.run(20 if not play.lives else 5)
        play.die(1)
    play.run(6)
    play.done.clear()
    play.beats, play.grows, play.waiting = False, 0, 9
    play.run(2.5)

    assert [Do.ABORT, Do.START] == play.dos()
    assert "stuck" == play.done[0][1].what


def test_a_full_disk_is_no_reason_for_a_restart() -> None:
    play = serving()
    play.grows, play.waits, play.waiting, play.held = 0, True, 50, "the disk is full"
    play.run(3600)

    assert [] == play.dos()


def test_two_questions_without_answer_mean_a_restart_and_one_does_not() -> None:
    play = serving()
    play.watch.probed(False, round(play.now_s * SECOND_NS))
    play.run(30)
    assert [] == play.dos()

    play.answers = False
    play.run(12)

    assert [Do.ABORT] == play.dos()[:1]
    assert "silent" == play.done[0][1].what


def test_data_that_stop_though_instruments_are_up_mean_a_restart_after_30_s() -> None:
    play = serving()
    play.grows = 0
    play.run(29)
    assert [] == play.dos()
    play.run(2)
    assert [Do.ABORT, Do.START] == play.dos()
    assert "stalled" == play.done[0][1].what


def test_slow_instruments_are_waited_for_four_of_their_intervals() -> None:
    play = serving(expected_s=60)
    play.grows = 0
    play.run(239)
    assert [] == play.dos()
    play.run(2)
    assert [Do.ABORT, Do.START] == play.dos()


def test_no_instrument_sending_is_never_a_reason() -> None:
    play = serving()
    play.grows = play.units_up = 0
    play.run(7200)

    assert [] == play.dos()


def test_a_restart_that_brings_no_data_is_tried_again_only_after_pauses_that_grow() -> None:
    play = serving()
    play.grows = 0
    play.run(2 * 3600)

    at = [when for when, act in play.acts(Do.ABORT) if act.what == "stalled"]
    gaps = [b - a for a, b in itertools.pairwise(at)]
    assert 3 <= len(at) <= 4
    assert gaps[0] >= 600
    assert gaps[1] >= 1200
    assert "did not mend it" in play.watch.trouble
    assert play.watch.serving  # all that time it was up, for whom it could serve


def test_the_operators_lock_keeps_hands_off_a_frozen_one_and_nothing_is_held_against_it() -> None:
    play = serving()
    play.locked, play.speaks = True, False
    play.run(600)
    assert [] == play.dos()
    play.locked = False
    play.run(1)
    assert [] == play.dos()
    play.speaks = True
    play.run(60)
    assert [] == play.dos()


def test_a_dead_one_is_not_started_while_locked_and_at_once_when_unlocked() -> None:
    play = serving()
    play.locked = True
    play.run(1)
    play.die(0)
    play.run(100)
    assert [] == play.dos()
    play.locked = False
    play.step()
    assert [Do.START] == play.dos()


def test_a_machine_that_stood_still_is_not_held_against_the_child() -> None:
    play = serving()
    play.speaks = False
    for _ in range(2):
        play.step(3600.0)  # the virtual machine was paused: nobody ran, the watchdog neither

    assert [] == play.dos()


def test_to_leave_is_to_end_the_child_in_good_order_first() -> None:
    play = serving()
    play.watch.leave()
    play.run(1)

    assert [Do.TERMINATE, Do.LEAVE] == play.dos()[:2]


def test_to_leave_kills_a_child_that_does_not_end_in_time() -> None:
    play = serving(obeys=False, limits=Limits(stop_s=5))
    play.watch.leave()
    play.run(6)

    assert [Do.TERMINATE, Do.KILL, Do.LEAVE] == play.dos()[:3]


def test_to_leave_while_nothing_runs_leaves_at_once() -> None:
    watch = Watch()
    watch.leave()

    assert Do.LEAVE is watch.look(Sight(0)).do


def test_one_that_stops_by_itself_gets_time_for_it_and_is_started_again() -> None:
    play = serving()
    play.speaks = False
    play.watch.heard(Word(stopping=True), round(play.now_s * SECOND_NS))
    play.run(5)
    assert [] == play.dos()
    play.die(0)
    play.step()
    assert [Do.START] == play.dos()


# -- whatever happens


event = st.one_of(
    st.tuples(st.just("run"), st.floats(0.1, 30)),
    st.tuples(st.just("die"), st.integers(-15, 3)),
    st.tuples(st.just("away"), st.floats(0.5, 4000)),
    st.tuples(
        st.sampled_from(["beats", "speaks", "answers", "waits", "obeys", "locked"]), st.booleans()
    ),
    st.tuples(st.just("grows"), st.integers(0, 1)),
    st.tuples(st.just("units_up"), st.integers(0, 1)),
    st.tuples(st.just("ready_after_s"), st.sampled_from([0.2, 3.0, None])),
    st.tuples(st.just("state"), st.sampled_from("SDTRt")),
)


def happen(play: Play, events: list[tuple[str, Any]]) -> None:
    for what, value in events:
        if what == "run":
            play.run(value)
        elif what == "away":
            play.step(value)
        elif what == "die":
            if play.running:
                play.die(value)
        else:
            setattr(play, what, value)


@given(st.lists(event, max_size=30))
def test_a_dead_one_is_always_started_again_within_the_longest_pause(
    events: list[tuple[str, Any]],
) -> None:
    play = Play()
    happen(play, events)
    play.locked = False
    play.run(2)
    if play.running:
        play.die(1)
    play.done.clear()
    play.run(61)

    assert play.acts(Do.START)


@given(st.lists(event, max_size=30))
def test_starts_are_never_more_frequent_than_the_pauses_allow(
    events: list[tuple[str, Any]],
) -> None:
    play = Play()
    happen(play, events)
    play.run(30)
    failures = 0
    for life, following in zip(play.lives, play.lives[1:], strict=False):
        what = following.act.what
        served_s = life.ended_s - life.ready_s if life.ready_s is not None else 0.0
        if served_s >= play.limits.calm_s - STEP_S:
            failures = 0
        if what in SPEAKS:
            continue  # these have pauses of their own, see below
        least_s = 0 if not failures else min(60, 2 ** (failures - 1))
        assert following.started_s - life.ended_s >= least_s - STEP_S
        failures += 1


@given(st.lists(event, max_size=30))
def test_one_that_speaks_is_never_ended_twice_in_a_minute_for_the_same_fault(
    events: list[tuple[str, Any]],
) -> None:
    play = Play()
    happen(play, events)
    play.run(90)
    for what in SPEAKS:
        at = [life.started_s for life in play.lives if life.act.what == what]
        least_s = 600 if what == "stalled" else 60
        # an end may take a second or two longer for one than for the other
        assert all(b - a >= least_s - 3 for a, b in itertools.pairwise(at))


@given(
    st.lists(st.tuples(st.floats(0.01, 0.9), st.integers(0, 3), st.booleans()), max_size=300),
    st.lists(st.floats(0.001, 5000), max_size=5),
)
def test_a_healthy_one_is_never_ended_however_irregular_the_looks(
    steps: list[tuple[float, int, bool]], away: list[float]
) -> None:
    """It beats, answers and moves what waits; the watchdog itself may be away for long."""
    play = serving()
    for number, (seconds, grows, waits) in enumerate(steps):
        play.grows = grows
        play.waits = waits and grows > 0
        play.units_up = 1
        play.step(seconds)
        if number < len(away):
            play.step(away[number])

    assert [] == play.dos()
