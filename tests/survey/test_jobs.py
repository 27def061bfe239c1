"""How captures are dealt out to jobs."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from portbook.evidence.pots import POTS
from portbook.survey.jobs import SHARES, SMALL, Load, Task, tasks

BIG = 1 << 30


def plain(*octets: int) -> list[Load]:
    return [Load(one, True) for one in octets]


def test_one_large_capture_is_shared_by_all() -> None:
    assert [Task(0, (0, 2)), Task(0, (1, 2))] == tasks(plain(BIG), 2)
    assert [Task(0, (number, 8)) for number in range(8)] == tasks(plain(BIG), 8)


def test_shares_are_as_many_as_have_pots_of_their_own() -> None:
    assert [POTS % shares for shares in SHARES] == [0] * len(SHARES)
    assert [Task(0, (number, 4)) for number in range(4)] == tasks(plain(BIG), 5)


def test_what_is_small_is_left_to_one_job() -> None:
    assert [] == tasks(plain(SMALL - 1), 8)
    assert [] == tasks(plain(*[SMALL // 10] * 9), 8)
    assert [] != tasks(plain(*[SMALL // 10] * 11), 8)


def test_one_job_has_nothing_to_deal_out() -> None:
    assert [] == tasks(plain(BIG, BIG), 1)
    assert [] == tasks([], 8)


def test_as_many_captures_as_jobs_stay_whole() -> None:
    assert {Task(0), Task(1)} == set(tasks(plain(BIG, BIG), 2))


def test_the_most_work_is_begun_first() -> None:
    assert [Task(2), Task(0), Task(3), Task(1)] == tasks(plain(3 * BIG, BIG, 4 * BIG, 2 * BIG), 2)


def test_a_capture_larger_than_its_fair_share_is_split() -> None:
    planned = tasks(plain(10 * BIG, BIG, BIG), 2)

    assert {Task(0, (0, 2)), Task(0, (1, 2)), Task(1), Task(2)} == set(planned)


def test_a_capture_too_many_is_split() -> None:
    assert 1 == sum(one.part == (0, 2) for one in tasks(plain(BIG, BIG, BIG), 2))


def test_what_cannot_be_read_twice_is_never_split() -> None:
    assert [] == tasks([Load(BIG, False)], 4)
    assert Task(0) in tasks([Load(20 * BIG, False), *plain(BIG)], 2)


def test_what_has_no_known_end_is_begun_first() -> None:
    planned = tasks([*plain(BIG), Load(None, False)], 2)

    assert Task(1) == planned[0]
    assert {0, 1} == {one.capture for one in planned}


def test_many_captures_are_dealt_out_whole() -> None:
    planned = tasks(plain(*[1 << 20] * 20_000), 8)

    assert {Task(at) for at in range(20_000)} == set(planned)


loads = st.lists(
    st.builds(Load, st.one_of(st.none(), st.integers(0, 20 * BIG)), st.booleans()), max_size=20
)


@given(loads, st.integers(1, 12))
def test_every_capture_is_dealt_out_once_and_whole(given_: list[Load], jobs: int) -> None:
    planned = tasks(given_, jobs)

    assert len(set(planned)) == len(planned)
    dealt: defaultdict[int, Fraction] = defaultdict(Fraction)
    for one in planned:
        number, shares = one.part
        assert 0 <= number < shares <= jobs
        assert shares == 1 or given_[one.capture].splits
        dealt[one.capture] += Fraction(1, shares)
    assert planned == [] or dealt == dict.fromkeys(range(len(given_)), 1)
