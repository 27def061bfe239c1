"""A map of stations on outlines of land: signs by state, labels that do not overlap, a graticule.

Projection: equirectangular, true to scale along the middle parallel. Stations on both sides of
the antimeridian stand together: the widest gap between their longitudes is what is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from portbook.faces.web.drawings.lettering import HEIGHT, fitted, label, width_of
from portbook.faces.web.drawings.outlines import View, has_coast, land
from portbook.faces.web.drawings.placing import Box, Plane
from portbook.faces.web.drawings.svg import Drawn, Markup, drawing, number, tag

MOST = 4096
SIGN = 13.0  # of a sign, across
_LABEL = 150.0  # the widest label
_LEAST_DEGREES = 0.6  # of latitude: the outlines say nothing about less
_MARGIN = 0.18  # of the stations' extent, on each side
_COSINE = 0.15  # not less: near a pole degrees of longitude would have no end
_STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45)
_LINES = 5  # of the graticule in each direction, about
_KM = 111.195  # of a degree of latitude, on a sphere of the earth's mean radius
_INSET, _REGION = (168.0, 112.0), 26.0  # of a small map: its size, and its degrees of latitude
SMALL = 10.5  # of the graticule's letters


class State(StrEnum):
    """How a station does; each has a sign of its own form."""

    UP = "up"
    STOPPED = "stopped"
    SILENT = "silent"
    NEVER = "never"
    AWAY = "away"


# By form and colour: a triangle, as on every map of stations, while it is up.
_SIGNS = {
    State.UP: "M0-6.5L6.5 6.5h-13z",
    State.STOPPED: "M0-6.5L6.5 0L0 6.5L-6.5 0z",
    State.SILENT: "M-5.5-5.5L5.5 5.5M5.5-5.5L-5.5 5.5",
    State.NEVER: "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0z",
    State.AWAY: "M-5.5-5.5h11v11h-11z",
}


class Mark(NamedTuple):
    """A station; title: all that is said when it is pointed at; address: of its page."""

    name: str
    latitude: float
    longitude: float
    state: State
    title: str
    address: str


class MapWords(NamedTuple):
    """The words of the map, in the reader's language."""

    title: str
    description: str


class Projection(NamedTuple):
    """Degrees to places of the drawing; west: longitudes are counted on from there."""

    west: float
    north: float
    across: float  # units of a degree of longitude
    down: float  # units of a degree of latitude

    def place(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Return where a place is, longitudes counted eastwards from the map's edge."""
        east = (longitude - self.west) % 360
        return east * self.across, (self.north - latitude) * self.down


def stations_map(marks: Sequence[Mark], *, width: int, height: int, words: MapWords) -> Drawn:
    """Draw stations; at least one. left_out: how many have no label, for want of room."""
    shown = marks[:MOST]
    view = seen(shown, width / height)
    to = projection(view, width, height)
    plane = Plane()
    graticule = list(_graticule(view, to, width, height, plane))
    scale = list(_scale_bar(to, width, height, plane))
    places = [to.place(one.latitude, one.longitude) for one in shown]
    inset = list(_inset(view, width, height, places, plane))
    for x, y in places:
        plane.take(Box(x - SIGN / 2, y - SIGN / 2, SIGN, SIGN))
    signs: list[Markup] = []
    boxes: list[Box] = []
    unlabelled = len(marks) - len(shown)
    for one, (x, y) in zip(shown, places, strict=True):
        text = fitted(one.name, _LABEL)
        box = plane.first_free(
            found for found in _around(x, y, width_of(text)) if found.within(width, height)
        )
        unlabelled += box is None
        boxes += [box] if box else []
        signs.append(_station(one, x, y, text, box))
    top, bottom = (max(0.0, (view.north - pole) * to.down) for pole in (90, -90))
    ground = tag("rect", x=0, y=top, width=width, height=bottom - top, class_="m-sea")
    inside = tag(
        "svg",  # one of its own, so that nothing is drawn beyond the frame
        ground,
        _land(view, to),
        *graticule,
        *scale,
        *inset,
        *signs,
        x=0,
        y=0,
        width=width,
        height=height,
    )
    frame = tag("rect", x=0.5, y=0.5, width=width - 1, height=height - 1, class_="m-frame")
    svg = drawing(
        width,
        height,
        words.title,
        words.description,
        inside,
        frame,
        kind="stations-map",
        linked=True,
    )
    return Drawn(svg, width, height, tuple(boxes), unlabelled)


def sign(state: State) -> Markup:
    """Return a sign for a legend; its meaning stands beside it."""
    half = SIGN / 2 + 1.5
    return tag(
        "svg",
        _sign(state, half, half),
        xmlns="http://www.w3.org/2000/svg",
        class_="m-legend",
        viewBox=f"0 0 {number(2 * half)} {number(2 * half)}",
        width=2 * half,
        height=2 * half,
        aria_hidden="true",
    )


def seen(marks: Sequence[Mark], ratio: float) -> View:
    """Return the view of stations, with a margin, of a ratio of width to height."""
    south, north = min(m.latitude for m in marks), max(m.latitude for m in marks)
    west, extent = _window([one.longitude % 360 for one in marks])
    middle = (south + north) / 2
    narrow = max(_COSINE, math.cos(math.radians(middle)))
    high = max((north - south) * (1 + 2 * _MARGIN), _LEAST_DEGREES)
    wide = max(extent * (1 + 2 * _MARGIN), 0.001)
    if wide * narrow / high > ratio:
        high = wide * narrow / ratio
    else:
        wide = high * ratio / narrow
    if wide > 360:
        wide, high = 360.0, max(high, 360 * narrow / ratio)
    centre = west + extent / 2
    left = (centre - wide / 2 + 180) % 360 - 180
    if high >= 180:
        middle = 0.0
    else:  # what lies beyond a pole is nowhere
        middle = min(max(middle, high / 2 - 90), 90 - high / 2)
    return View(left, middle - high / 2, left + wide, middle + high / 2)


def projection(view: View, width: float, height: float) -> Projection:
    """Return the projection that fills a drawing with a view."""
    return Projection(
        view.west,
        view.north,
        width / (view.east - view.west),
        height / (view.north - view.south),
    )


def _window(longitudes: Sequence[float]) -> tuple[float, float]:
    """Return where the shortest arc with all longitudes begins, and its length in degrees."""
    around = sorted(longitudes)
    gaps = [
        ((after - before) % 360 or (360.0 if len(around) == 1 else 0.0), after)
        for before, after in zip([around[-1], *around[:-1]], around, strict=True)
    ]
    widest, begin = max(gaps)
    return (begin, 360 - widest) if widest else (around[0], 0.0)


@lru_cache(maxsize=32)
def _land(view: View, to: Projection) -> Markup:
    """Return the land of a view; stations seldom move, and a view is asked for again and again."""
    pixel = 1.0 / to.down
    spare = 4 * pixel  # cut edges run outside of the frame, where nobody sees them
    shapes = land(
        View(
            view.west - spare / max(_COSINE, to.across / to.down),
            view.south - spare,
            view.east + spare / max(_COSINE, to.across / to.down),
            view.north + spare,
        ),
        1.2 * pixel,
    )
    if not shapes:
        return Markup("")
    return tag("path", d="".join(f"{_line(points, to)}z" for points in shapes), class_="m-land")


def _line(points: Sequence[tuple[float, float]], to: Projection) -> str:
    """Return a path of whole units' tenths; longitudes are not turned: they were cut to fit."""
    told = []
    before = (0, 0)
    for at, (east, north) in enumerate(points):
        x = round((east - to.west) * to.across * 10)
        y = round((to.north - north) * to.down * 10)
        right, down = number((x - before[0]) / 10), number((y - before[1]) / 10)
        told.append(f"{'M' if not at else 'l' if at == 1 else ' '}{right} {down}")
        before = (x, y)
    return "".join(told)


def _graticule(
    view: View, to: Projection, width: float, height: float, plane: Plane
) -> Iterator[Markup]:
    degrees = max(view.north - view.south, (view.east - view.west) / 2)
    step = next((one for one in _STEPS if degrees / one <= _LINES), _STEPS[-1])
    decimals = 2 if step < 0.1 else 1 if step < 1 else 0
    for at in range(math.ceil(view.south / step), math.floor(view.north / step) + 1):
        latitude = at * step
        if not -90 <= latitude <= 90:
            continue
        y = (view.north - latitude) * to.down
        yield tag("path", d=f"M0 {number(y)}h{number(width)}", class_="m-graticule")
        text = _degrees(latitude, decimals, "N", "S")
        yield from _edge_label(text, 5, y - 3, width, height, plane)
    for at in range(math.ceil(view.west / step), math.floor(view.east / step) + 1):
        longitude = at * step
        x = (longitude - view.west) * to.across
        yield tag("path", d=f"M{number(x)} 0v{number(height)}", class_="m-graticule")
        turned = (longitude + 180) % 360 - 180
        text = _degrees(turned, decimals, "E", "W")
        yield from _edge_label(text, x + 4, height - 5, width, height, plane)


def _edge_label(
    text: str, x: float, y: float, width: float, height: float, plane: Plane
) -> Iterator[Markup]:
    box = Box(x, y - SMALL, width_of(text, SMALL), SMALL * HEIGHT)
    if box.within(width, height) and plane.free(box):
        plane.take(box)
        yield _letters(text, x, y)


def _letters(text: str, x: float, y: float) -> Markup:
    """Return a label whose letters are all known, a degree sign among them: set as they are."""
    return tag("text", text, x=x, y=y, class_="m-degree", font_size=SMALL, translate="no")


def _degrees(value: float, decimals: int, positive: str, negative: str) -> str:
    """Return `48°N`; the equator, the first meridian and the 180th have no side."""
    told = f"{abs(value):.{decimals}f}"
    sideless = float(told) == 0 or (positive == "E" and float(told) == 180)
    return f"{told}°{'' if sideless else positive if value > 0 else negative}"


def _scale_bar(to: Projection, width: float, height: float, plane: Plane) -> Iterator[Markup]:
    """Give a bar of a round length, true along the middle parallel, up to a fifth of the width."""
    most = width / 5 / to.down * _KM
    power = 10.0 ** math.floor(math.log10(most))
    length = next(part for part in (5 * power, 2 * power, power) if part <= most)
    wide = length / _KM * to.down
    text = f"{length:g} km"
    x, y = width - 14 - wide, height - 26.0
    plane.take(Box(x - 4, y - 18, wide + 8, 24))
    yield tag("path", d=f"M{number(x)} {number(y - 5)}v5h{number(wide)}v-5", class_="m-scale")
    yield _letters(text, x + wide / 2 - width_of(text, SMALL) / 2, y - 5)


def _inset(
    view: View, width: float, height: float, places: Sequence[tuple[float, float]], plane: Plane
) -> Iterator[Markup]:
    """Give a small map of the region, in a corner without stations, where no coast is in view."""
    wide, high = _INSET
    high_degrees = view.north - view.south
    if high_degrees > _REGION / 3 or min(width / wide, height / high) < 3 or has_coast(view):
        return
    corners = [(width - wide - 8, 8.0), (8.0, 8.0), (8.0, height - high - 34)]
    free = [
        (x, y)
        for x, y in corners
        if not any(
            x - SIGN < a < x + wide + SIGN and y - SIGN < b < y + high + SIGN for a, b in places
        )
    ]
    if not free:
        return
    x, y = free[0]
    plane.take(Box(x, y, wide, high))
    region = _region(view, wide / high)
    to = projection(region, wide, high)
    left, top = (view.west - region.west) * to.across, (region.north - view.north) * to.down
    here = tag(
        "rect",
        x=left - 1,
        y=top - 1,
        width=max(3.0, (view.east - view.west) * to.across) + 2,
        height=max(3.0, high_degrees * to.down) + 2,
        class_="m-here",
    )
    sea = tag("rect", x=0, y=0, width=wide, height=high, class_="m-sea")
    yield tag("svg", sea, _land(region, to), here, x=x, y=y, width=wide, height=high)
    yield tag("rect", x=x, y=y, width=wide, height=high, class_="m-frame")


def _region(view: View, ratio: float) -> View:
    """Return a wider view about the middle of another one."""
    middle, centre = (view.south + view.north) / 2, (view.west + view.east) / 2
    middle = min(max(middle, _REGION / 2 - 90), 90 - _REGION / 2)
    wide = min(359.0, _REGION * ratio / max(_COSINE, math.cos(math.radians(middle))))
    return View(centre - wide / 2, middle - _REGION / 2, centre + wide / 2, middle + _REGION / 2)


def _around(x: float, y: float, wide: float) -> Iterator[Box]:
    """Give the places for a label, the best first: right, left, below, above, then further off."""
    high = 12.0 * HEIGHT
    for off in (SIGN / 2 + 2, SIGN + 3, 2 * SIGN + 2):
        yield Box(x + off, y - high / 2, wide, high)
        yield Box(x - off - wide, y - high / 2, wide, high)
        yield Box(x - wide / 2, y + off, wide, high)
        yield Box(x - wide / 2, y - off - high, wide, high)
        for up in (-high - off / 2, off / 2):
            yield Box(x + off / 2, y + up, wide, high)
            yield Box(x - off / 2 - wide, y + up, wide, high)


def _station(one: Mark, x: float, y: float, text: str, box: Box | None) -> Markup:
    parts = [tag("title", one.title), _sign(one.state, x, y)]
    if box is not None:
        parts.append(label(text, box.x, box.y + 12.0, "m-name"))
        gap = max(box.x - x, x - box.right, box.y - y, y - box.bottom)
        if gap > SIGN:  # far off: a thread says whose label it is
            to_x = min(max(x, box.x), box.right)
            to_y = min(max(y, box.y), box.bottom)
            parts.insert(1, tag("line", x1=x, y1=y, x2=to_x, y2=to_y, class_="m-thread"))
    return tag("a", *parts, href=one.address, class_="m-station", translate="no")


def _sign(state: State, x: float, y: float) -> Markup:
    at = f"translate({number(x)} {number(y)})"
    return tag("path", d=_SIGNS[state], transform=at, class_=f"m-sign m-{state}")
