"""Rhythms that share a period and not their moments are found together."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.series import IRREGULAR, irregular, sightings

from portbook.evidence.mixtures import FEWEST_MIXED, mixed
from portbook.records import Confidence


def _three(chance: random.Random, count: int = 10) -> list[float]:
    begun = [chance.uniform(0, 60) for _ in range(3)]
    return sorted(
        at + moment for moment in begun for at in sightings(chance, count, loss=0.1, jitter=0.02)
    )


def test_three_senders_of_one_period_are_found_though_their_moments_differ() -> None:
    chance = random.Random(3)
    found = [mixed(_three(chance)) for _ in range(100)]
    periods = [one.seconds for one in found if one]

    assert len(periods) >= 95
    assert sum(abs(one - 60) < 3 for one in periods) >= 85
    assert all(one is None or one.confidence is Confidence.PLAUSIBLE for one in found)


@pytest.mark.parametrize("count", [15, 30, 64])
def test_irregular_series_hardly_ever_share_a_period(count: int) -> None:
    chance = random.Random(count)
    found = []
    for kind in IRREGULAR:
        for _ in range(60):
            times = [0.0]
            for interval in irregular(chance, kind, count):
                times.append(times[-1] + interval)
            found.append(mixed(times))

    assert sum(one is not None for one in found) <= 0.01 * len(found)


def test_few_sightings_tell_nothing() -> None:
    clock = [60.0 * number for number in range(FEWEST_MIXED)]

    assert mixed(clock) is not None
    assert mixed(clock[1:]) is None


def test_only_the_latest_sightings_count() -> None:
    chance = random.Random(64)
    before = sorted(chance.uniform(0, 50_000) for _ in range(500))
    found = mixed([*before, *(60_000 + 60.0 * number for number in range(64))])

    assert found is not None
    assert 60.0 == found.seconds


def test_a_pause_of_an_age_is_no_fault() -> None:
    assert mixed([number * 1e-6 for number in range(20)] + [1e15]) is None


@given(st.lists(st.floats(0, 1e12), max_size=80, unique=True).map(sorted))
def test_any_sightings_are_judged_without_a_fault(times: list[float]) -> None:
    found = mixed(times)

    if found:
        assert 0 < found.seconds <= times[-1] - times[0]
        assert found.jitter >= 0
