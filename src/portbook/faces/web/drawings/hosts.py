"""The map of who speaks what to whom, readable from two hosts to five hundred.

Who asks stands on the left, who answers on the right, subnet by subnet; lines are bundled, coloured
and dashed by protocol, as wide as their traffic, and cross no label. Every host links to its page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from portbook.faces.web.drawings.arranging import (
    HEAD,
    MARGIN,
    MARK,
    PADDING,
    ROOM_GAP,
    Arranged,
    Placed,
    Spot,
    arranged,
)
from portbook.faces.web.drawings.buses import buses
from portbook.faces.web.drawings.grouping import LinkLike, Role, Room, people
from portbook.faces.web.drawings.legend import CHIP, Legend, chip, chip_box
from portbook.faces.web.drawings.lettering import fitted, label, label_box, width_of
from portbook.faces.web.drawings.placing import Plane
from portbook.faces.web.drawings.routing import Line, Way, at, bundled, ways
from portbook.faces.web.drawings.svg import (
    Drawn,
    Markup,
    device_address,
    drawing,
    joined,
    number,
    tag,
)
from portbook.records import NOTHING

__all__ = ["LinkLike", "MapWords", "map_of_hosts"]

LEAST_WIDTH = 280
_SMALL = 10.5
_MOST_TOLD = 6  # hosts told by address in the title of a line
_WIDEST = 6.0


class MapWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the map says, in the reader's language."""

    title: str
    description: str
    roles: tuple[str, str, str, str]  # of Role, in its order: "Asks", "Asks and answers", ...
    elsewhere: str  # heading of a room of many subnets
    unnamed: str  # traffic whose protocol is not known
    others: str  # protocols without a colour of their own
    hosts: Callable[[int], str]  # "34 hosts"
    host: Callable[[str, int, int], str]  # who, asks how many, is asked by how many
    line: Callable[
        [str, str, str, int, int], str
    ]  # client, server, protocol, conversations, octets
    left_out: Callable[[int], str]  # "12 quiet hosts are not drawn"


def map_of_hosts(
    links: Sequence[LinkLike],
    *,
    width: int,
    words: MapWords,
    names: Mapping[str, str] = NOTHING,
    groups: Collection[str] = (),
) -> Drawn:
    """Draw who speaks what to whom.

    width: of the drawing, at least 280; below 640 it is one column. Its height follows.
    names: of hosts, by address; groups: addresses known to be broadcast ones
    """
    wide = max(LEAST_WIDTH, width)
    told = people(links, groups)
    legend = Legend(links, words.others, words.unnamed, wide)
    place = arranged(told.rooms, wide, legend.bottom + 20 + ROOM_GAP, names)
    lines, few = bundled(links, place, legend.series)
    picture = _Picture(place, words, names, wide)
    if told.left_out:
        picture.note(words.left_out(told.left_out))
    picture.lines(ways(lines, place) if few else buses(lines, place), legend)
    return Drawn(
        drawing(
            wide,
            picture.height,
            words.title,
            words.description,
            legend.drawn,
            *picture.parts,
            kind="drawing-map",
            linked=True,
        ),
        wide,
        picture.height,
        (*legend.boxes, *picture.plane.boxes),
        told.left_out,
    )


class _Picture:
    """Rooms, hosts and lines as elements, and the plane of their labels."""

    def __init__(
        self, place: Arranged, words: MapWords, names: Mapping[str, str], width: float
    ) -> None:
        self._place, self._words, self._names, self._width = place, words, names, width
        self._prefixes = {
            spot.host.address: one.room.prefix for one in place.placed for spot in one.spots
        }
        self.plane = Plane()
        self._rooms = joined(map(self._room, place.placed))
        self._heads = joined(map(self._heading, range(len(place.columns))))
        self._lines, self._notes = Markup(), Markup()
        self.height = place.bottom + ROOM_GAP + MARGIN

    @property
    def parts(self) -> tuple[Markup, ...]:
        """Return what is drawn, the lowest layer first."""
        return self._lines, self._heads, self._rooms, self._notes

    def note(self, text: str) -> None:
        """Write below the map what it does not show."""
        told = fitted(text, self._width - 2 * MARGIN)
        self._notes = self._label(told, MARGIN, self.height + 8, "d-quiet")
        self.height += 22

    def lines(self, told: Sequence[Way], legend: Legend) -> None:
        """Draw the lines, their ends, and a letter on each that has room for one."""
        drawn: dict[int, list[Markup]] = defaultdict(list)
        ends: dict[int, list[str]] = defaultdict(list)
        chips: list[Markup] = []
        heaviest = max((way.line.octets for way in told), default=0)
        for way in told:
            series = way.line.series
            title = tag("title", self._told(way.line))
            thick = _thickness(way.line.octets, heaviest)
            drawn[series].append(tag("path", title, d=way.path, stroke_width=thick))
            ends[series] += _ends(way)
            boxes = (chip_box(x, y) for x, y in way.places)
            box = self.plane.first_free(
                box for box in boxes if box.within(self._width, self.height)
            )
            if box:
                x, y = box.x + CHIP / 2, box.y + CHIP / 2
                chips.append(chip(x, y, legend.letters[series], series))
        groups = [
            tag("g", *drawn[series], class_=f"d-line d-s{series}") for series in sorted(drawn)
        ]
        heads = [
            tag("path", d="".join(ends[series]), class_=f"d-arrow d-s{series}")
            for series in sorted(ends)
        ]
        self._lines = joined([*groups, *heads, *chips])

    def _heading(self, which: int) -> Markup:
        column = self._place.columns[which]
        present = {one.room.role for one in self._place.placed if one.column == which}
        if len(self._place.columns) == 1 and len(present) != 1:
            return Markup()
        role = min(present)
        text = fitted(self._words.roles[role], column.width, bold=True)
        return self._label(text, column.x, self._place.top - ROOM_GAP - 3, "d-head", bold=True)

    def _label(
        self,
        text: str,
        x: float,
        y: float,
        kind: str | None = None,
        size: float = 12.0,
        anchor: str = "start",
        bold: bool = False,
    ) -> Markup:
        if not text:
            return Markup()
        self.plane.take(label_box(text, x, y, size, anchor, bold))
        return label(text, x, y, kind, size, anchor, bold)

    def _room(self, placed: Placed) -> Markup:
        box, room = placed.box, placed.room
        group = room.role is Role.GROUP
        frame = tag(
            "rect",
            x=box.x,
            y=box.y,
            width=box.width,
            height=box.height,
            rx=9 if group else 3,
            class_="d-room d-everybody" if group else "d-room",
        )
        # a single column has no heading, so each room says what its hosts do
        alone = len(self._place.columns) == 1
        left, right = self._title(room, alone)
        space = box.width - 2 * PADDING
        rest = space - width_of(left, bold=True) - 8
        fits = width_of(right, _SMALL) <= rest
        count = right if fits else fitted(right, rest, _SMALL) if alone else ""
        y = box.y + HEAD - 9
        return tag(
            "g",
            frame,
            self._label(fitted(left, space, bold=True), box.x + PADDING, y, bold=True),
            self._label(count, box.right - PADDING, y, "d-quiet", _SMALL, "end"),
            *(self._host(one, placed) for one in placed.spots),
        )

    def _title(self, room: Room, alone: bool) -> tuple[str, str]:
        words = self._words
        name = room.prefix or (
            words.roles[Role.GROUP] if room.role is Role.GROUP else words.elsewhere
        )
        if alone and room.role is not Role.GROUP:
            return name, words.roles[room.role]
        return name, "" if room.role is Role.GROUP else words.hosts(len(room.hosts))

    def _host(self, spot: Spot, placed: Placed) -> Markup:
        host = spot.host
        name = self._names.get(host.address)
        who = f"{name} · {host.address}" if name else host.address
        if spot.box:
            self.plane.take(spot.box)
        text = Markup()
        if spot.text:
            aside = MARK + 5
            x = spot.x - aside if spot.anchor == "end" else spot.x + aside
            text = label(spot.text, x, spot.y + 4, anchor=spot.anchor)
        inside = (
            tag("title", self._words.host(who, host.asks, host.asked)),
            _mark(spot.x, spot.y, host.role),
            text,
        )
        if host.role is Role.GROUP:
            return tag("g", *inside, class_="d-host")
        return tag("a", *inside, href=device_address(host.address), class_="d-host")

    def _told(self, line: Line) -> str:
        protocols = ", ".join(one or self._words.unnamed for one in line.protocols[:_MOST_TOLD])
        return self._words.line(
            self._whom(line.clients),
            self._whom(line.servers),
            protocols,
            line.conversations,
            line.octets,
        )

    def _whom(self, addresses: Sequence[str]) -> str:
        if len(addresses) <= _MOST_TOLD:
            return ", ".join(self._names.get(one, one) for one in addresses)
        rooms = {self._prefixes.get(one) for one in addresses}
        count = self._words.hosts(len(addresses))
        (only,) = rooms if len(rooms) == 1 else (None,)
        return f"{only} ({count})" if only else count


def _mark(x: float, y: float, role: Role) -> Markup:
    """Draw a host: round for one that asks, square for one that answers, a diamond for both."""
    here, half = at((x, y)), number(MARK - 0.5)
    if role is Role.ASKS:
        return tag("circle", cx=x, cy=y, r=MARK - 0.5)
    if role is Role.GROUP:
        rings = (
            f"M{here}m-2,0a2,2 0 1 0 4,0a2,2 0 1 0 -4,0M{here}m-5,0a5,5 0 1 0 10,0a5,5 0 1 0 -10,0"
        )
        return tag("path", d=rings, class_="d-hollow")
    if role is Role.ANSWERS:
        return tag("rect", x=x - MARK + 1, y=y - MARK + 1, width=8.0, height=8.0)
    return tag(
        "path",
        d=f"M{here}m0,-{half}l{half},{half}l-{half},{half}l-{half},-{half}z",
        class_="d-mark",
    )


def _ends(way: Way) -> Iterator[str]:
    """Give the head of a line, which points at who is asked, and the dots that join it."""
    if way.arrival:
        x, y = way.arrival
        back = x + (6 if way.leftwards else -6)
        yield f"M{at((back, y - 3.5))}L{at((x, y))}L{at((back, y + 3.5))}z"
    for x, y in way.dots:
        yield f"M{at((x - 2.5, y))}a2.5,2.5 0 1 0 5,0a2.5,2.5 0 1 0 -5,0"


def _thickness(octets: int, most: int) -> float:
    """Return how wide a line is: a step of half a unit for each doubling below the heaviest."""
    if most <= 0 or octets <= 0:
        return 1.0
    steps = max(0, most.bit_length() - octets.bit_length())
    return max(1.0, min(_WIDEST, 4.5 - steps * 0.35))
