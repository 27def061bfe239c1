"""The map of stations: every station once where it is, no two labels overlap, no text believed."""

from __future__ import annotations

import math
import random
import re
from xml.etree import ElementTree

import pytest
from faces.web.drawings import networks
from faces.web.drawings.networks import HOSTILE, SVG
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.faces.web.drawings.stations_map import (
    SIGN,
    MapWords,
    Mark,
    State,
    projection,
    seen,
    sign,
    stations_map,
)
from portbook.faces.web.drawings.svg import Drawn

WORDS = MapWords("Map of the stations", "Where they are")
AT = re.compile(r"translate\(([-0-9.]+) ([-0-9.]+)\)")
PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def marks(places: list[tuple[float, float]], name: str = "XX.S{}") -> list[Mark]:
    states = list(State)
    return [
        Mark(
            name.format(at), north, east, states[at % len(states)], f"S {at}", f"/stations/{at:04X}"
        )
        for at, (north, east) in enumerate(places)
    ]


def around(north: float, east: float, spread: float, count: int) -> list[tuple[float, float]]:
    chance = random.Random(count)
    return [
        (
            max(-90.0, min(90.0, north + chance.uniform(-spread, spread))),
            (east + chance.uniform(-spread, spread) + 180) % 360 - 180,
        )
        for _ in range(count)
    ]


def check(drawn: Drawn, many: int) -> ElementTree.Element:
    root = networks.parsed(drawn)
    signs = [one for one in root.iter(f"{SVG}path") if "m-sign" in (one.get("class") or "")]
    places = [AT.match(one.get("transform") or "") for one in signs]

    assert [] == networks.overlaps(drawn.boxes)
    assert [] == [box for box in drawn.boxes if not box.within(drawn.width, drawn.height)]
    assert many == len(signs) == len(drawn.boxes) + drawn.left_out
    for found in places:
        assert found
        x, y = float(found[1]), float(found[2])
        assert -0.1 <= x <= drawn.width + 0.1
        assert -0.1 <= y <= drawn.height + 0.1
        for box in drawn.boxes:  # no label lies on a sign
            right, bottom = x + SIGN / 2 - 0.2, y + SIGN / 2 - 0.2
            left, top = x - SIGN / 2 + 0.2, y - SIGN / 2 + 0.2
            assert not (box.x < right and left < box.right and box.y < bottom and top < box.bottom)
    assert "style" not in drawn.svg
    return root


@pytest.mark.parametrize("width", [340, 920])
@pytest.mark.parametrize(
    ("places"),
    [
        around(23.7, 121, 1.2, 24),
        around(-17.5, 179.5, 3, 14),
        around(10, 0, 60, 60),
        around(48.1, 12.5, 0.3, 6),
        around(-85, 100, 5, 8),
        around(90, 0, 0, 1),
        around(36, 138, 3, 300),
        [(50.08, 14.42)] * 5,
    ],
    ids=["taiwan", "fiji", "world", "inland", "antarctica", "pole", "dense", "one-place"],
)
def test_networks_of_all_sizes_are_drawn_without_overlapping_labels(
    places: list[tuple[float, float]], width: int
) -> None:
    drawn = stations_map(marks(places), width=width, height=440, words=WORDS)

    check(drawn, len(places))
    if len(places) < 20:
        assert 0 == drawn.left_out


@given(st.lists(PLACES, min_size=1, max_size=40), st.integers(300, 1200), st.integers(200, 900))
@settings(deadline=None, max_examples=60)
def test_any_places_are_drawn(places: list[tuple[float, float]], width: int, height: int) -> None:
    check(stations_map(marks(places), width=width, height=height, words=WORDS), len(places))


@given(st.lists(st.text(max_size=300), min_size=1, max_size=12))
@settings(deadline=None, max_examples=40)
def test_any_names_are_text(names: list[str]) -> None:
    told = [
        Mark(name, 24 + at / 10, 121.0, State.UP, name, f"/stations/{at:04X}")
        for at, name in enumerate(names)
    ]
    check(stations_map(told, width=600, height=400, words=WORDS), len(names))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text(name: str) -> None:
    drawn = stations_map(
        [Mark(name, 24, 121, State.UP, name, "/stations/9D20")], width=600, height=400, words=WORDS
    )
    root = check(drawn, 1)

    assert {"svg", "title", "desc", "rect", "path", "text", "a", "line"} >= {
        one.tag.removeprefix(SVG) for one in root.iter()
    }


def test_stations_on_both_sides_of_the_antimeridian_stand_together() -> None:
    view = seen(marks([(-17.0, 179.9), (-17.5, -179.9)]), 2.0)

    assert view.east - view.west < 3
    assert 179 < view.west + (view.east - view.west) / 2 < 181


@given(st.lists(PLACES, min_size=1, max_size=20), st.floats(0.5, 3))
def test_every_station_is_in_the_view_and_none_at_its_edge(
    places: list[tuple[float, float]], ratio: float
) -> None:
    told = marks(places)
    view = seen(told, ratio)
    to = projection(view, 1000 * ratio, 1000)

    assert view.east > view.west
    assert view.east - view.west <= 360.0001
    for one in told:
        x, y = to.place(one.latitude, one.longitude)
        assert -1 <= x <= 1000 * ratio + 1
        assert -1 <= y <= 1001
    if all(abs(north) < 80 for north, _ in places):  # east and north have the same scale
        middle = math.radians((view.north + view.south) / 2)
        assert math.isclose(to.across, to.down * math.cos(middle), rel_tol=0.35)


def test_each_state_has_a_sign_of_its_own_form() -> None:
    forms = {ElementTree.fromstring(sign(one))[0].get("d") for one in State}

    assert len(State) == len(forms)
