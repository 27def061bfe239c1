"""Questions and answers are told from what somebody sends by itself: by their moments."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.evidence.answering import ANSWERED_NS, Spoken, exchanged
from portbook.evidence.streams import Member, Stream
from portbook.ports import Transport

SECOND = 1_000_000_000
ASKER, ANSWERER, GROUP = "10.0.0.5", "10.0.0.9", "239.255.255.250"


def _stream(
    sender: str, port: int | None, to: str, *, vlan: int | None = None, site: str = "local"
) -> Stream:
    return Stream(
        capture="a.pcap",
        site=site,
        vlan=vlan,
        tunnel=None,
        transport=Transport.UDP,
        sender=sender,
        sender_port=port,
        destination=to,
        to_one=to != GROUP,
        protocol=None,
        asks=False,
    )


def _member(sender_port: int, port: int, times: list[int]) -> Member:
    return Member("a.pcap", sender_port, port, tuple(times), len(times), times[-1])


def _asked(
    questions: list[int],
    answers: list[int],
    *,
    to: str = GROUP,
    back_to: int = 4000,
    vlan: int | None = None,
) -> tuple[bool, bool]:
    """Return whether the questions, and whether the answers, are found to be that."""
    asking, answering = _stream(ASKER, 4000, to), _stream(ANSWERER, 5000, ASKER, vlan=vlan)
    spoken = [
        Spoken(asking, frozenset((4000,)), tuple(questions)),
        Spoken(answering, frozenset((5000,)), tuple(answers)),
    ]
    streams = {
        asking: [_member(4000, 1900, questions)],
        answering: [_member(5000, back_to, answers)],
    }
    found = exchanged(spoken, streams)
    return 0 in found, 1 in found


def _every(seconds: float, count: int, after_ns: int = 0) -> list[int]:
    return [round(seconds * SECOND) * number + after_ns for number in range(count)]


@pytest.mark.parametrize("to", [GROUP, ANSWERER])
@pytest.mark.parametrize("after_ns", [0, 1, ANSWERED_NS])
def test_answers_right_behind_questions_are_an_exchange(to: str, after_ns: int) -> None:
    questions = _every(30, 10)

    assert (True, True) == _asked(questions, _every(30, 10, after_ns), to=to)


@pytest.mark.parametrize("after_ns", [-1, ANSWERED_NS + 1, 15 * SECOND])
def test_what_comes_before_or_long_after_is_no_answer(after_ns: int) -> None:
    questions = _every(30, 10)

    assert (False, False) == _asked(questions, _every(30, 10, after_ns + 30 * SECOND)[:-1])


def test_what_is_told_another_port_or_network_is_no_answer() -> None:
    questions, answers = _every(30, 10), _every(30, 10, 5)

    assert (False, False) == _asked(questions, answers, back_to=4001)
    assert (False, False) == _asked(questions, answers, vlan=7)


def test_two_answers_may_be_chance_and_three_are_not() -> None:
    assert (False, False) == _asked(_every(30, 2), _every(30, 2, 5))
    assert (True, True) == _asked(_every(30, 3), _every(30, 3, 5))


def test_half_of_the_questions_have_to_be_answered() -> None:
    questions, answers = _every(30, 20), _every(30, 20, 5)

    assert (True, True) == _asked(questions, answers[::2])
    assert (False, False) == _asked(questions, answers[::3])


def test_steady_traffic_back_answers_nothing() -> None:
    assert (False, False) == _asked(_every(30, 10), _every(1.5, 200, 5))


def test_only_the_time_in_which_both_were_heard_counts() -> None:
    questions, answers = _every(30, 60), _every(30, 60, 5)

    assert (True, True) == _asked(questions, answers[-8:])


def test_a_stream_alone_is_no_exchange() -> None:
    alone = _stream(ASKER, 4000, GROUP)
    times = _every(30, 10)

    assert frozenset() == exchanged(
        [Spoken(alone, frozenset((4000,)), tuple(times))], {alone: [_member(4000, 1900, times)]}
    )
    assert frozenset() == exchanged([], {})


_TIMES = st.lists(st.integers(0, 10**12), min_size=1, max_size=40, unique=True).map(sorted)


@given(_TIMES, _TIMES)
def test_any_moments_are_compared_without_a_fault(questions: list[int], answers: list[int]) -> None:
    asks, answered = _asked(questions, answers)

    if asks or answered:
        met = [
            one for one in questions if any(0 <= other - one <= ANSWERED_NS for other in answers)
        ]
        assert len(met) >= 3


@given(_TIMES, st.integers(0, ANSWERED_NS))
def test_whatever_is_answered_each_time_is_an_exchange(times: list[int], after_ns: int) -> None:
    questions = [one * 4 for one in times]
    far = all(b - a > 2 * ANSWERED_NS for a, b in pairwise(questions))
    if far and len(questions) >= 3:
        assert (True, True) == _asked(questions, [one + after_ns for one in questions])
