"""The marks of a timeline's rows; what each means does not hang on its colour."""

from __future__ import annotations

from collections.abc import Sequence

from portbook.faces.web.drawings.svg import Markup, number, tag

MARK = 4.0  # half a heard round


def heard(places: Sequence[float], y: float) -> Markup:
    """Draw heard rounds: filled."""
    shape = "".join(f"M{number(x - MARK)},{number(y)}a4,4 0 1 0 8,0a4,4 0 1 0 -8,0" for x in places)
    return tag("path", d=shape, class_="d-heard")


def crossed(places: Sequence[float], y: float) -> Markup:
    """Draw missed rounds: hollow, with a cross."""
    shape = "".join(
        f"M{number(x - 5)},{number(y)}a5,5 0 1 0 10,0a5,5 0 1 0 -10,0"
        f"M{number(x - 3)},{number(y - 3)}l6,6m0,-6l-6,6"
        for x in places
    )
    return tag("path", d=shape, class_="d-missed")


def gap(left: float, right: float, y: float) -> Markup:
    """Draw missed rounds that stand too close: a hollow bar with a cross, never too thin to see."""
    middle = (left + right) / 2
    left, right = min(left, middle - 5), max(right, middle + 5)
    shape = (
        f"M{number(left)},{number(y - 5)}H{number(right)}v10H{number(left)}z"
        f"M{number(middle - 3)},{number(y - 3)}l6,6m0,-6l-6,6"
    )
    return tag("path", d=shape, class_="d-missed")


def unknown(left: float, right: float, y: float, *inside: Markup) -> Markup:
    """Draw a stretch of heard rounds whose moments were not kept: an outline."""
    return tag(
        "rect",
        *inside,
        x=left,
        y=y - 4,
        width=max(2.0, right - left),
        height=8.0,
        class_="d-unknown",
    )


def end(x: float, y: float) -> Markup:
    """Draw where listening ended."""
    return tag("path", d=f"M{number(x)},{number(y - 8)}v16", class_="d-end")
