"""Where rooms and hosts of the map stand: columns from who asks to who answers, rooms by subnet.

On a narrow drawing all rooms stand in one column and the lines run beside it. A room of a few hosts
gives each a row, at which lines end; a room of many is a grid, and lines end at its edge. Grids
depend on the width alone, so that a new host moves those behind it by one place at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from portbook.faces.web.drawings.grouping import Host, Role, Room, short_of
from portbook.faces.web.drawings.lettering import fitted, label_box, width_of
from portbook.faces.web.drawings.placing import Box

MARGIN, PADDING, ROOM_GAP = 8.0, 9.0, 20.0
HEAD = 25.0  # of a room, above its hosts
ROW, GRID_ROW = 22.0, 18.0
MARK = 5.0  # half a host's mark
NARROW = 640.0  # units: below, everything stands in one column
_LABEL_GAP = 5.0  # between a mark and its label
_FEW, _FEW_OF_MANY, _MANY = 24, 8, 80  # hosts of a room with rows; of a map with fewer such rooms
_CROWD = 40  # hosts that make a column half as wide again
_WIDEST_CELL = 150.0


class Spot(NamedTuple):
    """A host's place: the middle of its mark, and its label."""

    host: Host
    x: float
    y: float
    text: str
    anchor: str
    box: Box | None  # of the label; None: no room for one


class Placed(NamedTuple):
    """A room and its place."""

    room: Room
    column: int
    box: Box
    rows: bool  # each host has a row of its own
    spots: tuple[Spot, ...]


class Column(NamedTuple):
    """A column: where it stands, and who is in it."""

    x: float
    width: float
    roles: tuple[Role, ...]

    @property
    def right(self) -> float:
        """Return its right edge."""
        return self.x + self.width


class Arranged(NamedTuple):
    """The whole arrangement."""

    columns: tuple[Column, ...]
    placed: tuple[Placed, ...]
    top: float  # where rooms begin
    bottom: float
    gutter: float  # room for lines between columns
    width: float

    def edge_behind(self, column: int) -> float:
        """Return where the room for lines behind a column ends."""
        after = column + 1
        return self.columns[after].x if after < len(self.columns) else self.width - MARGIN / 2

    def between(self, start: float, end: float) -> list[int]:
        """Return the columns that lie on the way from one place to another, in that order."""
        low, high = sorted((start, end))
        found = [at for at, one in enumerate(self.columns) if low <= one.x and one.right <= high]
        return found if start < end else found[::-1]


def arranged(rooms: Sequence[Room], width: float, top: float, names: Mapping[str, str]) -> Arranged:
    """Place rooms in a drawing of some width, beginning at `top`."""
    columns, gutter = _columns(rooms, width)
    crowd = sum(len(room.hosts) for room in rooms)
    placed: list[Placed] = []
    bottom = top
    for number, column in enumerate(columns):
        y = top
        for room in rooms:
            if room.role not in column.roles:
                continue
            one = _placed(room, number, column, y, crowd, names)
            placed.append(one)
            y = one.box.bottom + ROOM_GAP
        bottom = max(bottom, y - ROOM_GAP)
    return Arranged(tuple(columns), tuple(placed), top, bottom, gutter, width)


def _columns(rooms: Sequence[Room], width: float) -> tuple[list[Column], float]:
    """Return the columns that are needed, and the room for lines behind each."""
    hosts = {role: sum(len(r.hosts) for r in rooms if r.role is role) for role in Role}
    parts: list[tuple[Role, ...]] = [
        roles
        for roles in ((Role.ASKS,), (Role.BOTH,), (Role.ANSWERS, Role.GROUP))
        if any(hosts[role] for role in roles)
    ]
    if width < NARROW or len(parts) < 2:
        gutter = min(150.0, max(100.0, 0.22 * width))
        every = tuple(Role)
        return [Column(MARGIN, width - 2 * MARGIN - gutter, every)], gutter
    gutter = min(190.0, max(80.0, 0.15 * width))
    last = gutter / 2  # lines within the last column
    weights = [1.5 if sum(hosts[role] for role in roles) > _CROWD else 1.0 for roles in parts]
    room = width - 2 * MARGIN - gutter * (len(parts) - 1) - last
    columns, x = [], MARGIN
    for roles, weight in zip(parts, weights, strict=True):
        wide = room * weight / sum(weights)
        columns.append(Column(x, wide, roles))
        x += wide + gutter
    return columns, gutter


def _placed(
    room: Room,
    number: int,
    column: Column,
    y: float,
    crowd: int,
    names: Mapping[str, str],
) -> Placed:
    rows = len(room.hosts) <= (_FEW if crowd <= _MANY else _FEW_OF_MANY)
    inner = column.width - 2 * PADDING
    if rows:
        left = number > 0
        spots = [
            _row(one, room, column, y + HEAD + ROW * (at + 0.5), left, names)
            for at, one in enumerate(room.hosts)
        ]
        height = HEAD + ROW * len(spots) + PADDING / 2
    else:
        labels = [short_of(one.address, room.prefix) for one in room.hosts]
        around = 2 * MARK + _LABEL_GAP + 8
        cell = min(_WIDEST_CELL, inner, max(map(width_of, labels)) + around)
        across = max(1, int(inner // cell))
        cell = inner / across
        spots = [
            _cell(
                one,
                text,
                column.x + PADDING + cell * (at % across),
                y + HEAD + GRID_ROW * (at // across + 0.5),
                cell - around,
            )
            for at, (one, text) in enumerate(zip(room.hosts, labels, strict=True))
        ]
        height = HEAD + GRID_ROW * -(-len(spots) // across) + PADDING / 2
    box = Box(column.x, y, column.width, height)
    return Placed(room, number, box, rows, tuple(spots))


def _row(
    host: Host, room: Room, column: Column, y: float, left: bool, names: Mapping[str, str]
) -> Spot:
    """Place a host on a row of its own; its mark stands on the side where lines come in."""
    name, own = names.get(host.address, ""), host.address
    space = column.width - 2 * PADDING - 4 * MARK
    text = fitted(own, space, end=True)
    if name:
        tail = f" · {short_of(own, room.prefix)}"
        rest = space - width_of(tail)
        text = fitted(name, rest) + tail if rest > space / 3 else fitted(name, space)
    x = column.x + 2 * MARK if left else column.right - 2 * MARK
    aside = MARK + _LABEL_GAP
    return _spot(host, x, y, text, x + aside if left else x - aside, "start" if left else "end")


def _cell(host: Host, text: str, x: float, y: float, space: float) -> Spot:
    told = fitted(text, space, end=True)
    return _spot(host, x + MARK, y, told, x + 2 * MARK + _LABEL_GAP, "start")


def _spot(host: Host, x: float, y: float, text: str, label_x: float, anchor: str) -> Spot:
    box = label_box(text, label_x, y + 4, anchor=anchor) if text else None
    return Spot(host, x, y, text, anchor, box)
