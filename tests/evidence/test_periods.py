"""Periods are found in what has one, and hardly ever in what has none.

The series, their seeds and the wanted shares are fixed; nothing here depends on the clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.series import IRREGULAR, irregular, sightings

from portbook.evidence.periods import Period, expected, known, shown, unknown
from portbook.records import Confidence

CONFIRMED, PLAUSIBLE = Confidence.CONFIRMED, Confidence.PLAUSIBLE


def _intervals(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def _share(found: list[Period | None], confidence: Confidence | None = None) -> float:
    hits = [one for one in found if one and confidence in (None, one.confidence)]
    return len(hits) / len(found)


def _minute(intervals: list[float]) -> Period | None:
    return known(intervals, 60.0)


def test_a_known_period_is_confirmed_from_five_sightings_through_loss_and_jitter() -> None:
    chance = random.Random(5)
    series = [_intervals(sightings(chance, 5, loss=0.3, jitter=0.05)) for _ in range(400)]

    assert _share([_minute(one) for one in series], CONFIRMED) >= 0.995


@pytest.mark.parametrize(
    ("judge", "count", "most"),
    [
        (_minute, 5, 0.01),
        (_minute, 10, 0.01),
        (unknown, 5, 0.02),
        (unknown, 15, 0.01),
        (unknown, 40, 0.01),
    ],
)
def test_irregular_series_hardly_ever_pass(
    judge: Callable[[list[float]], Period | None], count: int, most: float
) -> None:
    chance = random.Random(count)
    series = [irregular(chance, kind, count) for kind in IRREGULAR for _ in range(70)]
    found = [judge(one) for one in series]

    assert _share(found, CONFIRMED) <= 0.005
    assert _share(found) <= most


def test_three_sightings_are_plausible_and_five_are_confirmed() -> None:
    told = [known([60.0] * intervals, 60.0) for intervals in range(7)]

    assert [None, None, PLAUSIBLE, PLAUSIBLE, CONFIRMED, CONFIRMED, CONFIRMED] == [
        one and one.confidence for one in told
    ]


@pytest.mark.parametrize(
    ("intervals", "wanted"),
    [
        ([60.0, 66.0], PLAUSIBLE),
        ([60.0, 66.1], None),
        ([60.0, 33.4], None),
        ([120.0, 60.0, 180.0, 60.0], CONFIRMED),
        ([60.0, 60.0, 38.8, 60.0], PLAUSIBLE),  # five sightings, a restart among them
        ([60.0, 60.0, 38.8, 60.0, 60.0], CONFIRMED),
        ([480.0, 420.0], None),  # two of fifteen are no rhythm
        ([10.0] * 40, None),
    ],
)
def test_a_known_period_is_judged_by_its_multiples(
    intervals: list[float], wanted: Confidence | None
) -> None:
    found = _minute(intervals)

    assert wanted == (found and found.confidence)


def test_an_unknown_period_is_found_from_fifteen_sightings_through_loss_and_jitter() -> None:
    chance = random.Random(15)
    for anchored in (True, False):
        series = [
            _intervals(sightings(chance, 15, loss=0.3, jitter=0.1, anchored=anchored))
            for _ in range(150)
        ]
        found = [unknown(one) for one in series]

        assert _share(found) >= 0.95
        periods = sorted(one.seconds for one in found if one)
        assert 59 < periods[len(periods) // 2] < 61
        assert sum(abs(one - 60) < 3 for one in periods) >= 0.97 * len(periods)


@pytest.mark.parametrize("count", [8, 15, 40])
def test_a_restart_in_the_middle_does_not_hide_a_period(count: int) -> None:
    chance = random.Random(count)
    found = [
        unknown(_intervals(sightings(chance, count, jitter=0.01, restart=True))) for _ in range(60)
    ]

    assert _share(found) >= 0.95
    assert all(one is None or abs(one.seconds - 60) < 2 for one in found)


def test_a_wide_jitter_without_loss_is_seen_by_its_spread() -> None:
    chance = random.Random(20)
    found = [unknown(_intervals(sightings(chance, 15, jitter=0.2))) for _ in range(60)]

    assert _share(found) >= 0.95


def test_a_clockwork_of_five_is_plausible_and_of_eight_confirmed() -> None:
    told = [unknown([300.0] * intervals) for intervals in (3, 4, 6, 7)]

    assert [None, PLAUSIBLE, PLAUSIBLE, CONFIRMED] == [one and one.confidence for one in told]
    assert [300.0, 300.0] == [told[1] and told[1].seconds, told[3] and told[3].seconds]


def test_period_and_jitter_are_measured_well() -> None:
    chance = random.Random(1)
    found = unknown(_intervals(sightings(chance, 30, loss=0.2, jitter=0.02, period=7.0)))

    assert found is not None
    assert abs(found.seconds - 7.0) < 0.03
    assert 0.02 < found.jitter < 0.2
    assert "multiples of 7" in found.because


def test_what_is_expected_counts_the_gaps() -> None:
    assert 1 == expected([], 60.0)
    assert 7 == expected([60.0, 121.0, 33.4, 119.0], 60.0)


@pytest.mark.parametrize(
    ("seconds", "wanted"), [(60.006, 60.0), (3601.0, 3600.0), (0.9996, 1.0), (7.126, 7.13)]
)
def test_a_period_is_shown_with_three_digits(seconds: float, wanted: float) -> None:
    assert wanted == shown(seconds)


@given(st.lists(st.floats(0.001, 1e12), max_size=40), st.floats(0.1, 1e6))
def test_any_intervals_are_judged_without_a_fault(intervals: list[float], period: float) -> None:
    for found in (known(intervals, period), unknown(intervals)):
        if found:
            assert found.seconds > 0
            assert found.jitter >= 0


@given(st.lists(st.floats(1, 1000), min_size=4, max_size=30), st.floats(0.5, 50))
def test_the_unit_of_time_does_not_matter(intervals: list[float], scale: float) -> None:
    one, other = unknown(intervals), unknown([scale * interval for interval in intervals])

    # a series that stands exactly on a threshold may fall either way
    if one and other:
        assert abs(one.seconds * scale - other.seconds) <= 0.5 * other.seconds


@pytest.mark.parametrize("count", [15, 30, 60])
def test_a_known_period_is_hardly_ever_seen_in_intervals_about_as_long(count: int) -> None:
    # gamma and uniform intervals lie near 60 s more often than others
    chance = random.Random(count)
    series = [irregular(chance, kind, count) for kind in ("gamma", "uniform") for _ in range(300)]

    assert _share([_minute(one) for one in series]) <= 0.01


def test_five_sightings_are_enough_however_many_were_lost() -> None:
    chance = random.Random(1743)
    series = [_intervals(sightings(chance, 5, loss=0.3, jitter=0.05)) for _ in range(3000)]

    assert 1 == _share([_minute(one) for one in series], CONFIRMED)


def test_a_wide_jitter_does_not_bend_the_period() -> None:
    chance = random.Random(15)
    found = [unknown(_intervals(sightings(chance, 15, jitter=0.2))) for _ in range(100)]

    assert sum(one is not None and abs(one.seconds - 60) < 3 for one in found) >= 90


@pytest.mark.parametrize("judge", [_minute, unknown])
def test_of_a_very_long_series_the_latest_intervals_count(
    judge: Callable[[list[float]], Period | None],
) -> None:
    chance = random.Random(2)
    before = [chance.expovariate(1 / 60) + 1 for _ in range(5000)]
    found = judge([*before, *[60.0] * 63])

    assert found is not None
    assert (CONFIRMED, 60.0) == (found.confidence, round(found.seconds, 6))
