#!/usr/bin/env python3
"""Write the table of coasts that station maps are drawn on, from Natural Earth's land.

    python scripts/import_outlines.py land-50m.json

The file is Natural Earth's land at 1:50m, version 4.1.0, as the TopoJSON of world-atlas 2.0.2,
checked by its SHA-256; nothing of the wrapper is taken but these facts, which are in the public
domain. Rings are thinned as far as a map of a region can bear, islands too small to be seen are
left out, the rest is written as steps of a hundredth of a degree. Source of the form: TopoJSON
format specification, section 2.1.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "src/portbook/faces/web/drawings/data/outlines.txt"
DIGEST = "619477ff690c086885e45cb91707d783805561bd75ae8e437b7d4694b0204e0f"
UNITS = 100  # in a degree
TURN = 360 * UNITS
TOLERANCE = 3.8  # how far off a point may be that is left out
SMALLEST = 80.0  # square units: islands below are dots on any map of this scale
LARGEST_OCTETS = 150_000
HEAD = """\
# Outlines of land. Source: Natural Earth, land at 1:50m, version 4.1.0 (naturalearthdata.com).
# Licence: public domain. Imported on 2026-11-21, thinned to {tolerance:g}/{units} degrees.
# A ring a line: steps east,north in 1/{units} degrees, the first one from 0,0. Rings go on over
# the antimeridian; the one round a pole ends 360 degrees from where it began.
"""
Point = tuple[float, float]
Ring = list[tuple[int, int]]


def main() -> None:
    """Read the file, write the table, say what is in it."""
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: {sys.argv[0]} land-50m.json")
    octets = Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(octets).hexdigest() != DIGEST:
        raise SystemExit(f"{sys.argv[1]}: not the file that this was written for: see DIGEST")
    told = json.loads(octets)
    rings = sorted(rings_of(told), key=lambda ring: (-len(ring), ring))
    text = HEAD.format(tolerance=TOLERANCE, units=UNITS)
    text += "".join(f"{line(ring)}\n" for ring in rings)
    if len(text) > LARGEST_OCTETS:
        raise SystemExit(f"{len(text)} octets, more than {LARGEST_OCTETS}: raise TOLERANCE")
    TABLE.write_text(text)
    print(f"{TABLE.name}: {len(rings)} rings, {sum(map(len, rings))} points, {len(text)} octets")


def rings_of(told: dict[str, Any]) -> Iterator[Ring]:
    """Give the rings of a topology's land, thinned, in units, each once around."""
    arcs = decoded(told)
    for geometry in told["objects"]["land"]["geometries"]:
        polygons = geometry["arcs"]
        for polygon in polygons if geometry["type"] == "MultiPolygon" else [polygons]:
            for numbers in polygon:
                ring = closed(arcs, numbers)
                if len(ring) >= 3 and abs(area(ring)) >= SMALLEST:
                    yield ring


def decoded(told: dict[str, Any]) -> list[list[Point]]:
    """Return the arcs of a topology in units: whole steps, with a scale and where they begin."""
    scale, shift = told["transform"]["scale"], told["transform"]["translate"]
    found = []
    for arc in told["arcs"]:
        east = north = 0
        points = []
        for step in arc:
            east, north = east + step[0], north + step[1]
            points.append(
                ((east * scale[0] + shift[0]) * UNITS, (north * scale[1] + shift[1]) * UNITS)
            )
        found.append(points)
    return found


def closed(arcs: list[list[Point]], numbers: list[int]) -> Ring:
    """Return the ring that arcs make; a number below 0 is an arc backwards, counted from -1."""
    points: list[Point] = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        points += arc[1:] if points else arc
    points = unwrapped(points)
    far = max(range(len(points)), key=lambda at: math.dist(points[0], points[at]))
    kept = thinned(points[: far + 1]) + thinned(points[far:])[1:]
    ring: Ring = []
    for east, north in kept:
        if not ring or (round(east), round(north)) != ring[-1]:
            ring.append((round(east), round(north)))
    return ring[:-1] if ring[0] == ring[-1] else ring


def unwrapped(points: list[Point]) -> list[Point]:
    """Return a ring that does not leap back at the antimeridian, but goes on over it."""
    turn = 0
    found = [points[0]]
    for before, point in pairwise(points):
        turn += round((before[0] - point[0]) / TURN) * TURN
        found.append((point[0] + turn, point[1]))
    return found


def thinned(points: list[Point]) -> list[Point]:
    """Return a line without the points that are nearly on it; the ends stay (Douglas, Peucker)."""
    keep = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        at = max(
            range(first + 1, last), key=lambda one: off(points[one], points[first], points[last])
        )
        if off(points[at], points[first], points[last]) > TOLERANCE:
            keep.add(at)
            spans += [(first, at), (at, last)]
    return [points[at] for at in sorted(keep)]


def off(point: Point, begin: Point, end: Point) -> float:
    """Return how far a point is from the line between two others."""
    east, north = end[0] - begin[0], end[1] - begin[1]
    length = math.hypot(east, north)
    if not length:
        return math.dist(point, begin)
    return abs(east * (begin[1] - point[1]) - north * (begin[0] - point[0])) / length


def area(ring: Ring) -> float:
    """Return the area of a ring, as the map has it at its place: degrees east shrink with north."""
    twice = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
    middle = sum(north for _, north in ring) / len(ring) / UNITS
    return twice / 2 * math.cos(math.radians(min(abs(middle), 89.0)))


def line(ring: Ring) -> str:
    """Return a ring as the table has it."""
    before = (0, 0)
    steps = []
    for east, north in ring:
        steps.append(f"{east - before[0]},{north - before[1]}")
        before = (east, north)
    return " ".join(steps)


if __name__ == "__main__":
    main()
