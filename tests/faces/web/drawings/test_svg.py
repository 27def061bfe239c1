"""The builder: what is text stays text, and nothing that runs or styles gets in."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.web.drawings.svg import Markup, device_address, drawing, joined, number, tag


@given(st.text(), st.text())
def test_any_text_comes_back_as_text(inside: str, attribute: str) -> None:
    made = tag("text", inside, class_=attribute)
    root = ElementTree.fromstring(made)

    assert [] == list(root)
    assert {"class"} == root.attrib.keys()


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_printable_text_is_kept_as_it_is(text: str) -> None:
    assert text == (ElementTree.fromstring(tag("text", text)).text or "")


def test_marks_that_turn_writing_round_are_shown_as_what_cannot_be_shown() -> None:
    assert "<text>a\ufffdb</text>" == tag("text", "a\u202eb")


@pytest.mark.parametrize("name", ["style", "onload", "on_click", "x y", "a=b", "<", ""])
def test_attributes_that_run_or_style_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not an attribute"):
        tag("rect", **{name: "x"})


def test_markup_inside_is_taken_and_text_is_escaped() -> None:
    assert '<g class="d"><path d="M0,0"/>&lt;b&gt;</g>' == tag(
        "g", tag("path", d="M0,0"), "<b>", class_="d"
    )
    assert "<g/>&lt;" == joined([tag("g"), "<"])


def test_attributes_of_nothing_are_left_out() -> None:
    assert '<rect stroke-width="1.5"/>' == tag("rect", stroke_width=1.5, href=None)


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (1.25, "1.2"), (-0.04, "-0"), (7, "7"), (1e6, "1000000")]
)
def test_coordinates_have_one_decimal(value: float, text: str) -> None:
    assert text == number(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_coordinate_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a coordinate"):
        number(value)


def test_a_drawing_has_a_name_and_a_role() -> None:
    image = drawing(10, 20, "Title", "More", kind="k")
    linked = drawing(10, 20, "Title", "", kind="k", linked=True)

    assert image.startswith('<svg xmlns="http://www.w3.org/2000/svg" class="drawing k" role="img"')
    assert 'viewBox="0 0 10 20"' in image
    assert "<title>Title</title><desc>More</desc>" in image
    assert 'role="group"' in linked
    assert "<desc>" not in linked


def test_template_engines_take_markup_as_it_is() -> None:
    assert "<g/>" == Markup("<g/>").__html__()


@given(st.text())
def test_the_address_of_a_device_stays_one_path(address: str) -> None:
    path = device_address(address)

    assert path.startswith("/devices/")
    assert 2 == path.count("/")
    assert path.isascii()
    assert {"?", "#", " ", '"', "<", "&", "\\"}.isdisjoint(path)


def test_addresses_with_colons_are_readable() -> None:
    assert "/devices/fe80::1" == device_address("fe80::1")
