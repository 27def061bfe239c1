"""Small bars: what is there is seen, what is not known is no nought."""

from __future__ import annotations

from faces.web.drawings import networks
from faces.web.drawings.networks import HOSTILE, SVG
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.web.drawings.bars import MOST_BARS, Tick, activity, share_bar, sparkline
from portbook.faces.web.drawings.svg import Drawn


def kinds(drawn: Drawn) -> list[str | None]:
    return [one.get("class") for one in networks.parsed(drawn)][1:]


def bars(drawn: Drawn) -> int:
    return sum(
        (one.get("d") or "").count("M")
        for one in networks.parsed(drawn)
        if one.get("class") == "d-bar"
    )


def test_each_value_above_nought_is_a_bar() -> None:
    assert 3 == bars(sparkline([1, 0, 0.001, 900], "activity"))


def test_an_hour_of_which_nothing_is_known_differs_from_one_in_which_nothing_was() -> None:
    assert ["d-base", "d-unknown", "d-bar"] == kinds(sparkline([1, None, None, 2], "activity"))
    assert ["d-base", "d-bar"] == kinds(sparkline([1, 0, 0, 2], "activity"))


def test_no_values_are_a_line() -> None:
    assert ["d-base"] == kinds(sparkline([], "activity"))


def test_the_latest_values_are_drawn_and_the_others_counted() -> None:
    drawn = activity([1.0] * (MOST_BARS + 5), "activity", "", width=1200)

    assert (MOST_BARS, 5) == (bars(drawn), drawn.left_out)


def test_words_that_would_touch_are_left_out() -> None:
    ticks = [Tick(at, f"{at:02}:00") for at in range(24)]
    narrow = activity([1.0] * 24, "activity", "", width=328, ticks=ticks, scale="9 an hour")
    wide = activity([1.0] * 24, "activity", "", width=1200, ticks=ticks, scale="9 an hour")

    assert 25 == len(wide.boxes)
    assert 5 < len(narrow.boxes) < 25


def _filled(share: float) -> float:
    found = [
        float(one.get("width", 0))
        for one in networks.parsed(share_bar(share, "share")).iter(f"{SVG}rect")
        if one.get("class") == "d-share"
    ]
    return sum(found)


def test_a_share_fills_its_part_and_the_smallest_is_seen() -> None:
    assert 94 == _filled(1.0) == _filled(7.0)
    assert 47 == _filled(0.5)
    assert 1.5 == _filled(1e-9)
    assert 0 == _filled(0.0) == _filled(-1.0) == _filled(float("nan"))


@given(
    st.lists(st.one_of(st.none(), st.floats(), st.integers(0, 2**70)), max_size=60),
    st.lists(st.builds(Tick, st.integers(-5, 70), st.sampled_from(HOSTILE)), max_size=20),
    st.integers(0, 1500),
)
def test_any_values_are_drawn_within_the_drawing(
    values: list[float | None], ticks: list[Tick], width: int
) -> None:
    drawn = activity(values, HOSTILE[0], HOSTILE[1], width=width, ticks=ticks, scale=HOSTILE[2])
    small = sparkline(values, HOSTILE[0])

    networks.parsed(small)
    networks.parsed(drawn)
    assert [] == networks.overlaps(drawn.boxes)
    assert [] == [box for box in drawn.boxes if not box.within(drawn.width, drawn.height)]
