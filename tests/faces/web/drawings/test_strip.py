"""The strip of ports: four ports are seen among 65,536, and each mark leads to its page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest
from faces.web.drawings import networks
from faces.web.drawings.networks import HOSTILE, SVG
from faces.web.drawings.test_stretches import WORDS, ranges
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.faces.web.drawings.stretches import MOST_MARKS, Mark, StripPlan
from portbook.faces.web.drawings.strip import strip_of_ports
from portbook.faces.web.drawings.svg import Drawn
from portbook.ports import HIGHEST, PortRange

WIDTHS = [328, 1200]
CODESYS = Mark(PortRange(1740, 1743), "CODESYS", "/1740")
_PIECE = re.compile(r"M([\d.]+),([\d.]+)h([\d.]+)v([\d.]+)h-")


def pieces(one: ElementTree.Element | Drawn, kind: str) -> list[tuple[float, float, float]]:
    """Return left, top and width of the pieces of a kind of stretch, without the legend's."""
    root = networks.parsed(one) if isinstance(one, Drawn) else one
    shapes = [path.get("d") or "" for path in root.iter(f"{SVG}path") if path.get("class") == kind]
    return [
        (float(x), float(y), float(wide))
        for shape in shapes[1:]  # the first is the legend's
        for x, y, wide, _ in _PIECE.findall(shape)
    ]


def check(drawn: Drawn) -> None:
    root = networks.parsed(drawn)

    assert [] == networks.overlaps(drawn.boxes)
    assert [] == [box for box in drawn.boxes if not box.within(drawn.width, drawn.height)]
    for kind in ("claimed", "reserved", "seen", "listening", "allowed", "free", "ephemeral"):
        for x, y, wide in pieces(root, f"d-{kind}"):
            assert x >= 0
            assert wide > 0
            assert x + wide <= drawn.width + 0.1
            assert 0 <= y <= drawn.height


@pytest.mark.parametrize("width", WIDTHS)
def test_four_ports_are_seen_and_lead_to_their_page(width: int) -> None:
    drawn = strip_of_ports(StripPlan(reserved=(CODESYS,)), width=width, words=WORDS)

    check(drawn)
    ((_, _, wide),) = pieces(drawn, "d-reserved")
    assert wide >= 3
    (link, *_) = networks.parsed(drawn).iter(f"{SVG}a")
    assert "/1740" == link.get("href")
    assert "1740-1743 CODESYS" == link.findtext(f"{SVG}path/{SVG}title")


def test_one_port_lies_where_its_number_says() -> None:
    marks = tuple(Mark(PortRange(at, at), "x") for at in (0, 512, 1024, 65024))
    told = pieces(strip_of_ports(StripPlan(seen=marks), width=1200, words=WORDS), "d-seen")
    (x0, y0, _), (x512, y512, _), (x1024, y1024, _), (x65024, y65024, _) = told

    assert (x0, y0) == (x1024, y512)
    assert x512 == x65024 > x0
    assert 14 == y1024 - y0
    assert 63 * 14 == y65024 - y0


def test_a_range_goes_on_in_the_next_row() -> None:
    plan = StripPlan(claimed=(PortRange(1000, 3000),))

    assert 3 == len(pieces(strip_of_ports(plan, width=1200, words=WORDS), "d-claimed"))


def test_the_last_port_stays_inside() -> None:
    last = Mark(PortRange(HIGHEST, HIGHEST), "last")

    check(strip_of_ports(StripPlan(listening=(last,)), width=1200, words=WORDS))


def test_reservations_are_named_beside_their_rows() -> None:
    drawn = strip_of_ports(StripPlan(reserved=(CODESYS,)), width=1200, words=WORDS)

    assert "1740-1743 CODESYS" in [
        one.text for one in networks.parsed(drawn).iter(f"{SVG}text") if one.text
    ]


def test_too_many_marks_are_counted() -> None:
    marks = tuple(Mark(PortRange(at, at), "x") for at in range(MOST_MARKS + 7))

    assert 7 == strip_of_ports(StripPlan(seen=marks), width=328, words=WORDS).left_out


_marks = st.lists(
    st.builds(Mark, ranges, st.sampled_from(HOSTILE), st.sampled_from([None, "/1743"])), max_size=8
).map(tuple)
_ranges = st.lists(ranges, max_size=8).map(tuple)


@settings(max_examples=40, deadline=None)
@given(
    st.builds(
        StripPlan,
        allowed=st.one_of(st.none(), _ranges),
        claimed=_ranges,
        reserved=_marks,
        seen=_marks,
        listening=_marks,
        ephemeral=st.one_of(st.none(), ranges),
    ),
    st.sampled_from([100, 328, 640, 1200, 2000]),
)
def test_any_plan_is_drawn_well(plan: StripPlan, width: int) -> None:
    drawn = strip_of_ports(plan, width=width, words=WORDS)

    check(drawn)
    assert "<script" not in drawn.svg
    assert drawn == strip_of_ports(plan, width=width, words=WORDS)
