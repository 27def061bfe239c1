"""Lines of a large map as buses: one bar a protocol between two columns, rooms wired to it.

Hundreds of lines between rooms cannot be told apart. A bar stands for all links of one protocol
from the rooms of one column to those of another: a wire without a head asks, one with a head is
asked, a dot joins wire and bar, and what crosses without a dot is not joined. Which host asks which
is told by the wires' titles, and by the map of fewer hosts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from portbook.faces.web.drawings.arranging import Arranged
from portbook.faces.web.drawings.routing import Line, Point, Way, at, free_height, path_across

_EDGE = 12.0  # from a room's corner to its first wire
_ASIDE = 24.0  # from a column to the first bar
_BORDER = 6.0  # from the last bar to the drawing's edge


class _Hub(NamedTuple):
    """What a bar is for."""

    client_column: int
    server_column: int
    series: int


class _Wire(NamedTuple):
    hub: _Hub
    room: int
    asks: bool


def buses(lines: Sequence[Line], told: Arranged) -> list[Way]:
    """Return a way for each bar and each wire; lines are those between rooms."""
    columns = [one.column for one in told.placed]
    found: dict[_Hub, list[Line]] = defaultdict(list)
    for line in lines:
        hub = _Hub(columns[line.client.room], columns[line.server.room], line.series)
        found[hub].append(line)
    bars = _bars(found, told)
    wires = sorted(
        {_Wire(hub, one.client.room, True) for hub, members in found.items() for one in members}
        | {_Wire(hub, one.server.room, False) for hub, members in found.items() for one in members}
    )
    heights = _heights(wires, told, bars)
    ends: dict[_Hub, list[float]] = defaultdict(list)
    ways: list[Way] = []
    for wire in wires:
        way, joint = _wired(wire, found[wire.hub], told, bars[wire.hub], heights[wire])
        ways.append(way)
        ends[wire.hub].append(joint)
    return [_bar(bars[hub], ends[hub], found[hub]) for hub in sorted(found)] + ways


def _bars(hubs: Iterable[_Hub], told: Arranged) -> dict[_Hub, float]:
    """Return where each bar stands: beside the column that is asked, those of one gap apart."""
    gaps: dict[int, list[_Hub]] = defaultdict(list)
    for hub in sorted(hubs):
        before = hub.client_column < hub.server_column
        gaps[hub.server_column - 1 if before else hub.server_column].append(hub)
    found = {}
    for gap, members in gaps.items():
        left = told.columns[gap].right + _ASIDE
        last = gap == len(told.columns) - 1
        right = told.edge_behind(gap) - (_BORDER if last else _ASIDE)
        for place, hub in enumerate(members):
            found[hub] = left + (right - left) * (place + 0.5) / len(members)
    return found


def _heights(
    wires: Sequence[_Wire], told: Arranged, bars: Mapping[_Hub, float]
) -> dict[_Wire, float]:
    """Return where wires leave their rooms, spread over each edge."""
    edges: dict[tuple[int, bool], list[_Wire]] = defaultdict(list)
    for wire in wires:
        edges[wire.room, _is_right(wire, told, bars)].append(wire)
    found = {}
    for (room, _), members in edges.items():
        box = told.placed[room].box
        step = (box.height - 2 * _EDGE) / len(members)
        for place, wire in enumerate(members):
            found[wire] = box.y + _EDGE + step * (place + 0.5)
    return found


def _is_right(wire: _Wire, told: Arranged, bars: Mapping[_Hub, float]) -> bool:
    return bars[wire.hub] > told.placed[wire.room].box.x


def _wired(
    wire: _Wire, lines: Sequence[Line], told: Arranged, bar: float, height: float
) -> tuple[Way, float]:
    """Return a wire, and the height at which it meets its bar."""
    placed = told.placed[wire.room]
    right = bar > placed.box.x
    start = (placed.box.right if right else placed.box.x, height)
    path, joint = f"M{at(start)}", height
    here = start
    for column in told.between(start[0], bar):
        edges = (told.columns[column].x, told.columns[column].right)
        near, far = edges if right else edges[::-1]
        joint = free_height(told, column, joint, wire.hub.series)
        path += path_across(here, (near, joint)) + f"L{at((far, joint))}"
        here = (far, joint)
    path += f"L{at((bar, joint))}"
    own = [one for one in lines if wire.room == (one.client if wire.asks else one.server).room]
    return (
        Way(
            _summed(own),
            path,
            None if wire.asks else start,
            right,
            # beside the room, where wires are apart
            tuple((start[0] + (13 if right else -13) * far, height) for far in (1.2, 2.3)),
            ((bar, joint),),
        ),
        joint,
    )


def _bar(x: float, heights: Sequence[float], lines: Sequence[Line]) -> Way:
    top, bottom = min(heights), max(heights)
    path = f"M{at((x, top))}L{at((x, bottom))}"
    places: list[Point] = [(x, top + (bottom - top) * share) for share in (0, 0.5, 0.25, 0.75, 1)]
    return Way(_summed(lines), path, None, False, tuple(places))


def _summed(lines: Sequence[Line]) -> Line:
    """Return one line for several."""
    return Line(
        lines[0].client,
        lines[0].server,
        lines[0].series,
        sum(one.conversations for one in lines),
        sum(one.octets for one in lines),
        tuple(sorted({name for one in lines for name in one.clients})),
        tuple(sorted({name for one in lines for name in one.servers})),
        tuple(sorted({name for one in lines for name in one.protocols}, key=lambda one: one or "")),
    )
