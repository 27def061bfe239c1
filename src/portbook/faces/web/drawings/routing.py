"""The lines of the map: links bundled between hosts and rooms, and ways that cross no label.

Lines run in the gaps between columns and rooms only. A line ends at a host where the host has a row
of its own, else at its room's edge; what then goes the same way with the same protocol is one line.
When there are too many, lines between rooms stand for all; still too many are drawn by `buses`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from portbook.faces.web.drawings.arranging import ROOM_GAP, Arranged, Placed
from portbook.faces.web.drawings.grouping import LinkLike

MOST_LINES = 100
_EDGE = 12.0  # from a room's corner to its first line
_LANES = 5  # lines beside each other in a gap between rooms


Point = tuple[float, float]


class End(NamedTuple):
    """Where a line ends: at a room, or at one of its rows."""

    room: int
    row: int | None


class Line(NamedTuple):
    """Links that go the same way with the same protocol."""

    client: End
    server: End
    series: int
    conversations: int
    octets: int
    clients: tuple[str, ...]
    servers: tuple[str, ...]
    protocols: tuple[str | None, ...]


class Way(NamedTuple):
    """A line's path, where it arrives, and places for a letter on it."""

    line: Line
    path: str
    arrival: Point | None
    leftwards: bool  # it arrives from the right
    places: tuple[Point, ...]
    dots: tuple[Point, ...] = ()  # where it is joined to another


def bundled(
    links: Sequence[LinkLike], told: Arranged, series: Mapping[str | None, int]
) -> tuple[list[Line], bool]:
    """Return the lines to draw, and whether they are few enough to be told apart one by one.

    series: of protocols; what is not in it belongs to the last
    """
    where = {
        spot.host.address: End(number, at if placed.rows else None)
        for number, placed in enumerate(told.placed)
        for at, spot in enumerate(placed.spots)
    }
    lines = _lines(links, where, series)
    if len(lines) > MOST_LINES:
        where = {address: End(end.room, None) for address, end in where.items()}
        lines = _lines(links, where, series)
    return sorted(lines, key=_key), len(lines) <= MOST_LINES


def _key(one: Line) -> tuple[int, ...]:
    rows = (one.client.row, one.server.row)
    return (
        one.client.room,
        one.server.room,
        *(-1 if row is None else row for row in rows),
        one.series,
    )


def _lines(
    links: Sequence[LinkLike], where: Mapping[str, End], series: Mapping[str | None, int]
) -> list[Line]:
    groups: dict[tuple[End, End, int], list[LinkLike]] = defaultdict(list)
    for one in links:
        client, server = where.get(one.client), where.get(one.server)
        if client and server:
            groups[client, server, series.get(one.protocol, 8)].append(one)
    return [
        Line(
            *ends,
            sum(one.conversations for one in members),
            sum(one.octets for one in members),
            tuple(sorted({one.client for one in members})),
            tuple(sorted({one.server for one in members})),
            tuple(sorted({one.protocol for one in members}, key=lambda name: name or "")),
        )
        for ends, members in groups.items()
    ]


def ways(lines: Sequence[Line], told: Arranged) -> list[Way]:
    """Return a way for each line, in their order."""
    slots = _slots(lines, told)
    return [_way(number, line, told, slots) for number, line in enumerate(lines)]


def _sides(line: Line, told: Arranged) -> tuple[bool, bool]:
    """Tell whether a line ends at the right edge of its client's and of its server's room."""
    client, server = told.placed[line.client.room].column, told.placed[line.server.room].column
    return client <= server, server <= client


def _slots(lines: Sequence[Line], told: Arranged) -> dict[tuple[int, bool], float]:
    """Return the height of each end (line, is the client's) by spreading lines over room edges."""
    found: dict[tuple[int, bool], float] = {}
    edges: dict[tuple[int, bool], list[tuple[float, int, bool]]] = defaultdict(list)
    for number, line in enumerate(lines):
        sides = _sides(line, told)
        for end, other, right, is_client in (
            (line.client, line.server, sides[0], True),
            (line.server, line.client, sides[1], False),
        ):
            placed = told.placed[end.room]
            if end.row is not None:
                found[number, is_client] = placed.spots[end.row].y
            else:
                edges[end.room, right].append((_middle(told, other), number, is_client))
    for (room, _), ends in edges.items():
        box = told.placed[room].box
        step = (box.height - 2 * _EDGE) / max(1, len(ends))
        for at, (_, number, is_client) in enumerate(sorted(ends)):
            found[number, is_client] = box.y + _EDGE + step * (at + 0.5)
    return found


def _middle(told: Arranged, end: End) -> float:
    placed = told.placed[end.room]
    return placed.box.y + placed.box.height / 2 if end.row is None else placed.spots[end.row].y


def _way(number: int, line: Line, told: Arranged, slots: Mapping[tuple[int, bool], float]) -> Way:
    client, server = told.placed[line.client.room], told.placed[line.server.room]
    right_of_client, right_of_server = _sides(line, told)
    start = _edge(client, right_of_client), slots[number, True]
    end = _edge(server, right_of_server), slots[number, False]
    if client.column == server.column:
        pieces = [_arc(start, end, told, client.column)]
    elif abs(client.column - server.column) == 1:
        pieces = [_across(start, end)]
    else:
        pieces = _through(start, end, told, number)
    path = f"M{at(start)}" + "".join(map(_written, pieces))
    curves = [piece for piece in pieces if piece[0]]
    # the letter stands near the server, where lines of different protocols are apart
    order = (0.5, 0.66, 0.34) if client.column == server.column else (0.78, 0.66, 0.5, 0.34, 0.88)
    places = [_point(curves[-1], t) for t in order]
    return Way(line, path, end, right_of_server, tuple(places))


_Piece = tuple[bool, Point, Point, Point, Point]  # a curve or a straight line, and its points


def _edge(placed: Placed, right: bool) -> float:
    return placed.box.right if right else placed.box.x


def _across(start: Point, end: Point) -> _Piece:
    half = (end[0] - start[0]) / 2
    return (True, start, (start[0] + half, start[1]), (end[0] - half, end[1]), end)


def _arc(start: Point, end: Point, told: Arranged, column: int) -> _Piece:
    last = column == len(told.columns) - 1 and column > 0
    most = told.gutter * (0.5 if last or len(told.columns) > 1 else 1.0) - 10
    # a curve comes three quarters as far out as the points that pull it
    out = min(most / 0.75, 26 + 0.3 * abs(end[1] - start[1]))
    if abs(end[1] - start[1]) < 2:
        end = (end[0], end[1] + 3)
    return (True, start, (start[0] + out, start[1]), (end[0] + out, end[1]), end)


def _through(start: Point, end: Point, told: Arranged, number: int) -> list[_Piece]:
    """Go between the rooms of the columns that lie in the way."""
    pieces: list[_Piece] = []
    here = start
    for column in told.between(start[0], end[0]):
        edges = (told.columns[column].x, told.columns[column].right)
        first, second = edges if start[0] < end[0] else edges[::-1]
        share = (first - start[0]) / (end[0] - start[0])
        y = free_height(told, column, start[1] + share * (end[1] - start[1]), number)
        pieces.append(_across(here, (first, y)))
        pieces.append((False, (first, y), (first, y), (second, y), (second, y)))
        here = (second, y)
    return [*pieces, _across(here, end)]


def free_height(told: Arranged, column: int, wanted: float, lane: int) -> float:
    """Return the height nearest to a wanted one at which a column has no room in the way.

    lane: any number; of the lines in one gap, those of different lanes run beside each other
    """
    boxes = [one.box for one in told.placed if one.column == column]
    aside = (lane % _LANES - _LANES // 2) * (ROOM_GAP / (_LANES + 2))
    below = boxes[-1].bottom + ROOM_GAP / 2
    if wanted >= below:
        return max(below, min(wanted, told.bottom)) + aside
    gaps = [box.y - ROOM_GAP / 2 for box in boxes]
    return aside + min((*gaps, below), key=lambda y: (abs(y - wanted), y))


def path_across(start: Point, end: Point) -> str:
    """Return the rest of a path that goes on from `start` to `end` in a curve."""
    return _written(_across(start, end))


def _written(piece: _Piece) -> str:
    curve, _, one, two, three = piece
    return f"C{at(one)} {at(two)} {at(three)}" if curve else f"L{at(three)}"


def at(point: Point) -> str:
    """Return a point as a path has it."""
    return f"{point[0]:.1f},{point[1]:.1f}"


def _point(piece: _Piece, t: float) -> Point:
    """Return a point of a cubic curve."""
    _, a, b, c, d = piece
    u = 1 - t
    x, y = (u**3 * a[k] + 3 * u * u * t * b[k] + 3 * u * t * t * c[k] + t**3 * d[k] for k in (0, 1))
    return x, y
