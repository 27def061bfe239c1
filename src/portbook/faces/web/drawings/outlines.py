"""Outlines of land for maps that ask nobody for tiles: rings of data/outlines.txt, cut to a view.

Places are degrees, north and east positive. A view may reach beyond 180 degrees, over the
antimeridian; land is then drawn where it goes on. Cutting: Sutherland and Hodgman's algorithm.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

UNITS = 100  # in a degree
_EDGE = 18_000  # units east or west: the seam at which rings were cut, where no coast is
_TURN = 36_000
Point = tuple[float, float]


class Ring(NamedTuple):
    """A closed outline and what it lies within, in units."""

    points: tuple[tuple[int, int], ...]
    west: int
    south: int
    east: int
    north: int


class View(NamedTuple):
    """What of the world is shown, in degrees; east is more than west, and may be beyond 180."""

    west: float
    south: float
    east: float
    north: float


class Land(NamedTuple):
    """The land of a view in degrees: closed shapes to be filled, and coasts to be drawn."""

    shapes: list[list[Point]]
    coasts: list[list[Point]]


@lru_cache(maxsize=1)
def rings() -> tuple[Ring, ...]:
    """Return all outlines that are shipped."""
    text = files("portbook.faces.web.drawings").joinpath("data/outlines.txt").read_text("ascii")
    return tuple(_ring(line) for line in text.splitlines() if not line.startswith("#"))


def land(view: View, least: float = 0.0) -> Land:
    """Return the land of a view; least: degrees that points are apart, and islands are large."""
    told = Land([], [])
    west, south, east, north = (round(side * UNITS) for side in view)
    for ring in rings():
        for turn in (-_TURN, 0, _TURN):
            outside = (
                ring.east + turn < west
                or ring.west + turn > east
                or ring.north < south
                or ring.south > north
            )
            small = max(ring.east - ring.west, ring.north - ring.south) < least * UNITS
            if outside or small:
                continue
            points = _thinned(ring.points, least * UNITS)
            moved = [(x + turn, y) for x, y in points]
            shape = _cut(moved, west, south, east, north)
            if len(shape) >= 3:
                told.shapes.append(_degrees(shape))
            told.coasts.extend(map(_degrees, _coasts(points, turn, (west, south, east, north))))
    return told


def _ring(line: str) -> Ring:
    east = north = 0
    points = []
    for step in line.split():
        right, up = step.split(",")
        east, north = east + int(right), north + int(up)
        points.append((east, north))
    easts, norths = [x for x, _ in points], [y for _, y in points]
    return Ring(tuple(points), min(easts), min(norths), max(easts), max(norths))


def _thinned(points: Sequence[tuple[int, int]], least: float) -> list[tuple[int, int]]:
    """Return points that are so far apart; those at the seam and at the poles stay."""
    kept = [points[0]]
    for point in points[1:]:
        before = kept[-1]
        near = abs(point[0] - before[0]) < least and abs(point[1] - before[1]) < least
        if not near or abs(point[0]) == _EDGE:
            kept.append(point)
    return kept if len(kept) >= 3 else list(points)


def _coasts(
    points: Sequence[tuple[int, int]], turn: int, view: tuple[int, int, int, int]
) -> Iterator[list[Point]]:
    """Give the pieces of a ring that are coast and may be seen."""
    west, south, east, north = view
    piece: list[Point] = []
    for begin, end in zip(points, [*points[1:], points[0]], strict=True):
        seam = abs(begin[0]) == abs(end[0]) == _EDGE or begin[1] == end[1] == -_EDGE // 2
        x, y = begin[0] + turn, end[0] + turn
        unseen = (
            max(x, y) < west
            or min(x, y) > east
            or max(begin[1], end[1]) < south
            or min(begin[1], end[1]) > north
        )
        if seam or unseen:
            if piece:
                yield piece
            piece = []
            continue
        piece = piece or [(x, begin[1])]
        piece.append((y, end[1]))
    if piece:
        yield piece


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


def _degrees(points: Sequence[Point]) -> list[Point]:
    return [(x / UNITS, y / UNITS) for x, y in points]
