"""How wide texts are at most, and texts cut to fit."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.web.drawings.lettering import SIZE, fitted, label, label_box, width_of

# widths of Verdana's and DejaVu Sans' letters in parts of the size, from their own metrics tables
VERDANA = {"a": 0.601, "i": 0.274, "m": 0.973, "W": 0.989, "0": 0.636, ".": 0.364, "%": 1.076}
DEJAVU = {"a": 0.613, "i": 0.278, "m": 0.974, "W": 0.989, "0": 0.636, ".": 0.318, "%": 0.950}


@pytest.mark.parametrize("font", [VERDANA, DEJAVU])
def test_no_letter_of_a_wide_font_is_wider_than_counted(font: dict[str, float]) -> None:
    assert [] == [letter for letter, wide in font.items() if width_of(letter, 1.0) < wide]


def test_ideographs_are_twice_as_wide_as_small_letters() -> None:
    assert width_of("東", 1.0) >= 1.0
    assert width_of("東側", 1.0) == 2 * width_of("東", 1.0)


@given(st.text(max_size=60), st.floats(0, 400), st.booleans(), st.booleans())
def test_a_fitted_text_fits(text: str, room: float, bold: bool, end: bool) -> None:
    told = fitted(text, room, SIZE, bold, end)

    assert width_of(told, SIZE, bold) <= room + 1e-6
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in told if one != "\n")


def test_a_text_that_fits_is_not_cut() -> None:
    assert "10.20.0.11" == fitted("10.20.0.11", 200)


def test_a_long_text_keeps_its_beginning_or_its_end() -> None:
    assert "Pres…" == fitted("Press controller of hall 1", 50)
    assert "…7788" == fitted("fe80::1a2b:3c4d:5e6f:7788", 50, end=True)


def test_nothing_is_left_of_a_text_without_room() -> None:
    assert "" == fitted("Press", 3)


def test_letters_with_many_marks_keep_one() -> None:
    assert "Z\u0335a" == fitted("Z\u0335\u0321\u0322\u0321a", 100)


def test_the_box_of_a_label_follows_its_anchor() -> None:
    start, middle, end = (
        label_box("abc", 100, 50, anchor=one) for one in ("start", "middle", "end")
    )

    assert 100 == start.x
    assert 100 == pytest.approx(middle.x + middle.width / 2)
    assert 100 == pytest.approx(end.right)
    assert start.y < 50 < start.bottom


def test_a_text_of_unknown_letters_is_held_to_its_room() -> None:
    assert "textLength" in label("\ufdfd", 0, 0)
    assert "textLength" not in label("10.0.0.5 · 東側…", 0, 0)
