"""Which rounds of an announcement were missed, and when they were due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.web.drawings.beats import MOST_PLACES, beats
from portbook.ports import Transport
from portbook.records import Announcement, Confidence

SECOND = 1_000_000_000
NOON = 1_767_268_800 * SECOND


def announcement(
    seconds: list[float], period_s: float = 60.0, *, times: int | None = None, first_s: float = 0.0
) -> Announcement:
    heard = tuple(NOON + round(one * SECOND) for one in seconds)
    first = NOON + round(first_s * SECOND)
    return Announcement(
        source="10.0.0.5",
        destination="10.0.0.255",
        ports=(1740,),
        transport=Transport.UDP,
        period_s=period_s,
        jitter_s=0.0,
        times=len(heard) if times is None else times,
        expected=len(heard),
        confidence=Confidence.CONFIRMED,
        first_ns=min((first, *heard)),
        last_ns=max((first, *heard)),
        capture="plant.pcap",
        protocol="codesys-v3",
        beats_ns=heard,
    )


def ends(seconds: float) -> dict[str, int]:
    return {"plant.pcap": NOON + round(seconds * SECOND)}


def test_a_steady_announcement_has_no_holes() -> None:
    told = beats(announcement([0, 60, 120.4, 180]), ends(200))

    assert ((), 0, 4) == (told.holes, told.earlier, len(told.heard_ns))


def test_missed_rounds_have_their_place_between_the_heard_ones() -> None:
    (hole,) = beats(announcement([0, 60, 240, 300]), ends(300)).holes

    assert (2, False) == (hole.missed, hole.last)
    assert [120, 180] == [(one - NOON) // SECOND for one in hole.places_ns]


def test_silence_until_the_end_of_listening_is_missed_rounds_too() -> None:
    told = beats(announcement([0, 60]), ends(250))
    (hole,) = told.holes

    assert (3, True, 3) == (hole.missed, hole.last, told.missed)
    assert [120, 180, 240] == [(one - NOON) // SECOND for one in hole.places_ns]


def test_a_round_that_is_due_just_now_is_not_missed_yet() -> None:
    assert () == beats(announcement([0, 60]), ends(125)).holes
    assert 1 == beats(announcement([0, 60]), ends(155)).missed


def test_the_end_of_another_capture_proves_no_silence() -> None:
    assert () == beats(announcement([0, 60]), {"other.pcap": NOON + 10_000 * SECOND}).holes


def test_rounds_whose_moments_were_not_kept_are_only_counted() -> None:
    told = beats(announcement([600, 660, 720], times=13), ends(720))

    assert (10, (), 3) == (told.earlier, told.holes, len(told.heard_ns))


def test_without_any_moment_nothing_is_said_of_missed_rounds_before_the_last() -> None:
    told = beats(announcement([], times=9), ends(0))

    assert ((), 9, ()) == (told.heard_ns, told.earlier, told.holes)


def test_a_hole_of_very_many_rounds_is_not_spelt_out() -> None:
    (hole,) = beats(announcement([0, 2.0 * MOST_PLACES], period_s=1.0), ends(8192)).holes

    assert (2 * MOST_PLACES - 1, ()) == (hole.missed, hole.places_ns)


@given(
    st.lists(st.floats(0, 1e6), max_size=70),
    st.floats(0, 1e5),
    st.floats(-1e6, 1e7),
    st.integers(0, 10**6),
)
def test_missed_rounds_lie_within_their_holes(
    seconds: list[float], period_s: float, end_s: float, times: int
) -> None:
    told = beats(announcement(seconds, period_s, times=times), ends(end_s))

    assert len(told.heard_ns) <= 64
    assert told.earlier >= 0
    for hole in told.holes:
        assert hole.missed > 0
        assert hole.from_ns <= hole.until_ns <= told.until_ns
        assert all(hole.from_ns <= one <= hole.until_ns for one in hole.places_ns)
