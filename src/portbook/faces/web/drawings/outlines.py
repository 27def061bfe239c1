"""Outlines of land for maps that ask nobody for tiles: rings of data/outlines.txt, cut to a view.

Places are degrees, north and east positive. A view may reach beyond 180 degrees, over the
antimeridian; land is then drawn where it goes on. Cutting: Sutherland and Hodgman's algorithm.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

UNITS = 100  # in a degree
_TURN, _POLE = 36_000, 9_000
Point = tuple[float, float]


class Ring(NamedTuple):
    """A closed outline and what it lies within, in units; it may go on beyond 180 degrees.

    polar: it is round a pole; then it holds three turns, and is closed far from any view
    """

    points: tuple[tuple[int, int], ...]
    west: int
    south: int
    east: int
    north: int
    polar: bool = False


class View(NamedTuple):
    """What of the world is shown, in degrees; east is more than west, and may be beyond 180."""

    west: float
    south: float
    east: float
    north: float


@lru_cache(maxsize=1)
def rings() -> tuple[Ring, ...]:
    """Return all outlines that are shipped."""
    text = files("portbook.faces.web.drawings").joinpath("data/outlines.txt").read_text("ascii")
    return tuple(_ring(line) for line in text.splitlines() if not line.startswith("#"))


def land(view: View, least: float = 0.0) -> list[list[Point]]:
    """Return the shapes of land in a view, closed, in degrees.

    What is cut off runs along the view's edge. least: degrees that points are apart, and islands
    are large
    """
    found = []
    west, south, east, north = (round(side * UNITS) for side in view)
    for ring in rings():
        if max(ring.east - ring.west, ring.north - ring.south) < least * UNITS:
            continue
        points: list[Point] | None = None
        for turn in (0,) if ring.polar else (-_TURN, 0, _TURN):
            outside = (
                ring.east + turn < west
                or ring.west + turn > east
                or ring.north < south
                or ring.south > north
            )
            if outside:
                continue
            points = points or _thinned(ring.points, least * UNITS)
            shape = _cut([(x + turn, y) for x, y in points], west, south, east, north)
            if len(shape) >= 3:
                found.append([(x / UNITS, y / UNITS) for x, y in shape])
    return found


def has_coast(view: View) -> bool:
    """Tell whether an outline has a point within a view."""
    west, south, east, north = (side * UNITS for side in view)
    return any(
        west <= x + turn <= east and south <= y <= north
        for ring in rings()
        if ring.north >= south and ring.south <= north
        for turn in ((0,) if ring.polar else (-_TURN, 0, _TURN))
        if ring.east + turn >= west and ring.west + turn <= east
        for x, y in ring.points
    )


def _ring(line: str) -> Ring:
    east = north = 0
    points = []
    for step in line.split():
        right, up = step.split(",")
        east, north = east + int(right), north + int(up)
        points.append((east, north))
    polar = abs(points[-1][0] - points[0][0]) > _TURN // 2
    if polar:
        points = _round_a_pole(points)
    easts, norths = [x for x, _ in points], [y for _, y in points]
    return Ring(tuple(points), min(easts), min(norths), max(easts), max(norths), polar)


def _round_a_pole(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return three turns of a coast round a pole, closed by way of the pole's latitude."""
    pole = _POLE if points[0][1] > 0 else -_POLE
    onwards = points if points[-1][0] > points[0][0] else points[::-1]
    turns = [(x + turn, y) for turn in (-_TURN, 0, _TURN) for x, y in onwards]
    return [*turns, (turns[-1][0], pole), (turns[0][0], pole)]


def _thinned(points: Sequence[tuple[int, int]], least: float) -> list[Point]:
    """Return points that are so far apart."""
    kept = [points[0]]
    for point in points[1:]:
        before = kept[-1]
        if abs(point[0] - before[0]) >= least or abs(point[1] - before[1]) >= least:
            kept.append(point)
    return [*kept] if len(kept) >= 3 else [*points]


def _cut(
    points: Sequence[Point], west: float, south: float, east: float, north: float
) -> list[Point]:
    """Return what of a shape lies within a rectangle; what was outside runs along its edge."""
    edges: tuple[tuple[int, float, Callable[[float, float], bool]], ...] = (
        (0, west, operator.ge),
        (0, east, operator.le),
        (1, south, operator.ge),
        (1, north, operator.le),
    )
    kept = [(float(x), float(y)) for x, y in points]
    for axis, limit, inside in edges:
        before, kept = kept, []
        for begin, end in zip([before[-1], *before[:-1]] if before else [], before, strict=True):
            if inside(begin[axis], limit) != inside(end[axis], limit):
                kept.append(_crossing(begin, end, axis, limit))
            if inside(end[axis], limit):
                kept.append(end)
    return kept


def _crossing(begin: Point, end: Point, axis: int, limit: float) -> Point:
    part = (limit - begin[axis]) / (end[axis] - begin[axis])
    other = begin[1 - axis] + part * (end[1 - axis] - begin[1 - axis])
    return (limit, other) if axis == 0 else (other, limit)
