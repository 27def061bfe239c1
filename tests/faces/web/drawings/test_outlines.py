"""Outlines of land: the table is whole, and what a view shows is land."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.web.drawings.outlines import Point, View, has_coast, land, rings

LARGEST_OCTETS = 150_000


def inside(shapes: list[list[Point]], longitude: float, latitude: float) -> bool:
    """Tell whether a place is on land, by how often a ray from it meets a coast."""
    crossings = 0
    for shape in shapes:
        for (x1, y1), (x2, y2) in zip(shape, [*shape[1:], shape[0]], strict=True):
            if (y1 > latitude) != (y2 > latitude):
                crossings += longitude < (x2 - x1) * (latitude - y1) / (y2 - y1) + x1
    return crossings % 2 == 1


def test_the_table_is_small_and_says_where_it_is_from() -> None:
    text = files("portbook.faces.web.drawings").joinpath("data/outlines.txt").read_text("ascii")

    assert len(text) < LARGEST_OCTETS
    for word in ("Natural Earth", "public domain", "2026-11-21"):
        assert word in text.partition("\n-")[0]
    assert 900 < len(rings())
    assert [True] == [one.polar for one in rings() if one.polar]
    assert all(-9000 <= one.south <= one.north <= 9000 for one in rings())


@pytest.mark.parametrize(
    ("longitude", "latitude", "dry"),
    [
        (121.0, 24.0, True),  # Taiwan
        (14.4, 50.1, True),  # Prague
        (-98.0, 39.0, True),  # Kansas
        (134.0, -25.0, True),  # Australia
        (177.5, 67.0, True),  # Chukotka, on this side of the antimeridian
        (-175.0, 66.5, True),  # and on the other
        (100.0, -85.0, True),  # Antarctica
        (-40.0, 72.0, True),  # Greenland
        (0.0, 0.0, False),  # the Gulf of Guinea
        (-140.0, 0.0, False),  # the Pacific
        (179.0, -30.0, False),
        (5.0, 40.0, False),  # the Mediterranean
        (51.0, 42.0, False),  # the Caspian Sea
    ],
)
def test_land_is_land_and_sea_is_sea(longitude: float, latitude: float, dry: bool) -> None:
    view = View(longitude - 5, max(-90.0, latitude - 5), longitude + 5, min(90.0, latitude + 5))
    world = View(-180, -90, 180, 90)

    assert dry == inside(land(view), longitude + 1e-4, latitude + 1e-4)
    assert dry == inside(land(world), longitude + 1e-4, latitude + 1e-4)


def test_a_view_over_the_antimeridian_is_that_of_either_side() -> None:
    east, west = land(View(170, 60, 200, 75)), land(View(-190, 60, -160, 75))

    assert [[(round(x - 360, 6), y) for x, y in shape] for shape in east] == [
        [(round(x, 6), y) for x, y in shape] for shape in west
    ]
    assert inside(east, 185.0, 66.5)


def test_an_inland_view_has_no_coast() -> None:
    assert not has_coast(View(13, 49, 15, 51))
    assert has_coast(View(120, 22, 122, 25))
    assert has_coast(View(178, -19, 182, -16))


@given(st.floats(-180, 180), st.floats(-90, 89), st.floats(0.01, 40), st.floats(0.01, 40))
def test_nothing_is_drawn_outside_of_a_view(
    west: float, south: float, wide: float, high: float
) -> None:
    view = View(west, south, west + wide, min(90.0, south + high))

    for shape in land(view, wide / 800):
        assert len(shape) >= 3
        for x, y in shape:
            assert view.west - 0.011 <= x <= view.east + 0.011
            assert view.south - 0.011 <= y <= view.north + 0.011
