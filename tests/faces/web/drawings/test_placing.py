"""Boxes, and a plane that knows which of it is taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.web.drawings.placing import Box, Plane

boxes = st.builds(
    Box, st.floats(-500, 500), st.floats(-500, 500), st.floats(0.1, 300), st.floats(0.1, 300)
)


def test_boxes_that_share_an_edge_do_not_overlap() -> None:
    assert not Box(0, 0, 10, 10).overlaps(Box(10, 0, 10, 10))
    assert not Box(0, 0, 10, 10).overlaps(Box(0, 10, 10, 10))
    assert Box(0, 0, 10, 10).overlaps(Box(9.9, 9.9, 1, 1))


def test_a_box_is_within_a_drawing_or_not() -> None:
    assert Box(0, 0, 10, 10).within(10, 10)
    assert not Box(-0.1, 0, 10, 10).within(20, 20)
    assert not Box(0, 0, 10, 10).within(10, 9)


@given(st.lists(boxes, max_size=40))
def test_what_a_plane_gives_away_never_overlaps(wanted: list[Box]) -> None:
    plane = Plane()
    given_away = [box for box in wanted if plane.first_free([box])]

    assert given_away == plane.boxes
    for at, one in enumerate(given_away):
        assert not any(one.overlaps(other) for other in given_away[at + 1 :])
    for box in wanted:
        assert box in given_away or any(box.overlaps(other) for other in given_away)


def test_the_first_free_box_is_taken() -> None:
    plane = Plane()
    plane.take(Box(0, 0, 10, 10))

    assert Box(20, 0, 5, 5) == plane.first_free(
        [Box(5, 5, 5, 5), Box(20, 0, 5, 5), Box(40, 0, 5, 5)]
    )
    assert plane.first_free([Box(21, 1, 1, 1)]) is None
