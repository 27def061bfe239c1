"""The line of beats: a missed one is seen, and nothing is called missed that could not be heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.tui.beats import DUE, HEARD, MISSED, MOST, UNHEARD, line, missed

SECOND = 1_000_000_000


def at(*seconds: float) -> list[int]:
    return [int(one * SECOND) for one in seconds]


@pytest.mark.parametrize(
    ("beats", "until", "shown"),
    [
        ([0, 60, 120, 180], 190, "▮▮▮▮▯"),
        ([0, 60, 180, 240], 250, "▮▮x▮▮▯"),
        ([0, 60, 118, 182, 240], 250, "▮▮▮▮▮▯"),  # a rhythm is not exact
        ([0, 60], 100, "▮▮▯"),
        ([0, 60], 149, "▮▮▯"),  # late, within half a period
        ([0, 60], 151, "▮▮x▯"),
        ([0, 60], 240, "▮▮xx▯"),
        ([0, 60], 0, "▮▮▯"),  # a clock that went back
        ([], 100, ""),
    ],
)
def test_each_period_has_its_mark(beats: list[float], until: float, shown: str) -> None:
    assert shown == line(at(*beats), 60.0, int(until * SECOND), 80)


def test_the_latest_marks_stay_where_there_is_little_room() -> None:
    assert "x▮▮▯" == line(at(0, 60, 120, 240, 300), 60.0, 310 * SECOND, 4)


def test_what_nobody_listened_to_was_not_missed() -> None:
    pause = (100 * SECOND, 200 * SECOND)
    beats = at(0, 60, 240, 300)

    assert "▮▮??▮▮▯" == line(beats, 60.0, 310 * SECOND, 80, [pause])
    assert "▮▮??xx▯" == line(at(0, 60), 60.0, 360 * SECOND, 80, [pause])
    assert 2 == missed(at(0, 60), 60.0, 360 * SECOND, [pause])


@pytest.mark.parametrize("period", [0.0, -1.0])
def test_a_period_that_is_none_has_no_line(period: float) -> None:
    assert "" == line(at(0, 1), period, SECOND, 80)
    assert 0 == missed(at(0, 1), period, SECOND)


def test_a_gap_of_a_thousand_years_is_not_counted_mark_by_mark() -> None:
    beats = [0, 10**18]

    assert MISSED * 7 + HEARD + DUE == line(beats, 0.001, 10**18, 9)
    assert MOST == missed([0], 0.001, 10**19)


@given(
    st.lists(st.integers(-(2**63), 2**63), max_size=64).map(sorted),
    st.floats(1e-6, 1e6),
    st.integers(-(2**63), 2**63),
    st.integers(-3, 100),
)
def test_a_line_never_passes_its_room(
    beats: list[int], period_s: float, until_ns: int, room: int
) -> None:
    shown = line(beats, period_s, until_ns, room)

    assert len(shown) <= max(0, room)
    assert set(shown) <= {HEARD, MISSED, UNHEARD, DUE}
    if beats and room > 0:
        assert shown.endswith(DUE)
