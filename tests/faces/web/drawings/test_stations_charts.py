"""Small charts of state of health."""

from __future__ import annotations

import pytest
from faces.web.drawings import networks
from faces.web.drawings.networks import HOSTILE, SVG
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.faces.web.drawings.stations_charts import (
    LEFT,
    RIGHT,
    ChartWords,
    LockWords,
    chart,
    strip,
)
from portbook.faces.web.stations_records import Lock, Measure, Series

NANO = 1_000_000_000
START_NS = 1_795_219_200 * NANO
END_NS = START_NS + 86_400 * NANO


def numbers(root: networks.ElementTree.Element) -> list[tuple[float, float]]:
    return [
        (float(one.get("cx") or 0), float(one.get("cy") or 0)) for one in root.iter(f"{SVG}circle")
    ]


@given(st.lists(st.tuples(st.integers(0, 86_399), st.floats(-1e6, 1e6)), min_size=1, max_size=50))
@settings(deadline=None)
def test_points_are_in_the_frame_and_higher_is_higher(some: list[tuple[int, float]]) -> None:
    points = tuple(sorted((START_NS + at * NANO, value) for at, value in some))
    told = chart(
        Series(Measure.SUPPLY, points),
        START_NS,
        END_NS,
        width=420,
        height=128,
        words=ChartWords("Supply", "volts", "V"),
    )
    found = numbers(networks.parsed(told))

    assert len(points) == len(found)
    assert all(LEFT - 0.1 <= x <= 420 - RIGHT + 0.1 and 0 <= y <= 128 for x, y in found)
    for (_, one), (_, y) in zip(points, found, strict=True):
        for (_, other), (_, z) in zip(points, found, strict=True):
            assert not (one > other and y > z)


def test_a_locked_and_an_unlocked_clock_differ_in_height_and_in_words() -> None:
    locks = (Lock(START_NS, True), Lock(START_NS + 43_200 * NANO, False))
    root = networks.parsed(
        strip(locks, START_NS, END_NS, width=420, words=LockWords("Clock", "its lock"))
    )
    rects = list(root.iter(f"{SVG}rect"))

    assert ["locked", "unlocked"] == [one.findtext(f"{SVG}title") for one in rects]
    assert float(rects[0].get("height") or 0) < float(rects[1].get("height") or 0)
    assert float(rects[0].get("width") or 0) == pytest.approx(float(rects[1].get("width") or 0))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_stay_text(text: str) -> None:
    drawn = chart(
        Series(Measure.SUPPLY, ((START_NS, 1.0),)),
        START_NS,
        END_NS,
        width=420,
        height=128,
        words=ChartWords(text, text, text[:20]),
    )
    locks = strip(
        (Lock(START_NS, True),), START_NS, END_NS, width=420, words=LockWords(*[text] * 4)
    )
    for one in (drawn, locks):
        assert {"svg", "title", "desc", "rect", "path", "text", "line", "circle"} >= {
            each.tag.removeprefix(SVG) for each in networks.parsed(one).iter()
        }
