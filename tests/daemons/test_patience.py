import itertools

from hypothesis import given
from hypothesis import strategies as st

from portbook.daemons.watchdog.patience import Backoff, Spacing
from portbook.daemons.watchdog.vitals import SECOND_NS


def test_pauses_are_0_1_2_4_and_never_above_60() -> None:
    backoff = Backoff(1, 60)

    pauses = [backoff.ended(well=False) // SECOND_NS for _ in range(10)]

    assert [0, 1, 2, 4, 8, 16, 32, 60, 60, 60] == pauses


def test_an_end_after_running_well_begins_the_row_anew() -> None:
    backoff = Backoff(1, 60)
    for _ in range(5):
        backoff.ended(well=False)

    assert 0 == backoff.ended(well=True)
    assert SECOND_NS == backoff.ended(well=False)


@given(st.lists(st.booleans(), max_size=200))
def test_pauses_never_shrink_without_a_good_run(runs: list[bool]) -> None:
    backoff = Backoff(0.5, 7)
    last = 0
    for well in runs:
        pause = backoff.ended(well=well)
        assert 0 <= pause <= 7 * SECOND_NS
        assert pause == 0 if well else pause >= last
        last = pause


@given(st.lists(st.integers(0, 2000), max_size=100))
def test_attempts_are_never_closer_than_the_pauses_that_grow(steps: list[int]) -> None:
    spacing = Spacing(10, 80)
    now, made = 0, []
    for step in steps:
        now += step * SECOND_NS
        if not spacing.wait_ns(now):
            spacing.attempt(now)
            made.append(now)
    gaps = [(b - a) // SECOND_NS for a, b in itertools.pairwise(made)]
    assert all(gap >= 10 for gap in gaps)
    for before, gap in itertools.pairwise(gaps):
        # after a gap below twice the pause the next pause is longer, up to the longest
        if before < 20:
            assert gap >= 20


def test_after_quiet_times_the_first_attempt_is_soon_again() -> None:
    spacing = Spacing(10, 80)
    for at in (0, 10, 30, 70):
        spacing.attempt(at * SECOND_NS)
    assert 80 * SECOND_NS == spacing.wait_ns(70 * SECOND_NS)

    spacing.attempt(300 * SECOND_NS)

    assert 10 * SECOND_NS == spacing.wait_ns(300 * SECOND_NS)
