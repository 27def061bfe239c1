"""The map of who speaks what to whom, readable from two hosts to five hundred.

Who asks stands on the left, who answers on the right, subnet by subnet; lines are bundled, coloured
and dashed by protocol, as wide as their traffic, and cross no label. Every host links to its page.
"""

from __future__ import annotations

from collections import Counter, defaultdict
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
from portbook.faces.web.drawings.lettering import fitted, label, label_box, width_of
from portbook.faces.web.drawings.placing import Box, Plane
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
MOST_NAMED = 7  # protocols with a colour of their own
_UNNAMED, _OTHERS = 0, 8
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
    legend = _Legend(links, words, wide)
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


class _Legend:
    """Which protocol has which colour, dash and letter; drawn above the map."""

    def __init__(self, links: Sequence[LinkLike], words: MapWords, width: float) -> None:
        count = Counter[str | None]()
        for one in links:
            count[one.protocol] += one.conversations
        named = sorted((name for name in count if name), key=lambda name: (-count[name], name))
        kept = sorted(named[:MOST_NAMED])
        self.series: dict[str | None, int] = {name: at + 1 for at, name in enumerate(kept)}
        self.letters = {at + 1: one for at, one in enumerate(_letters(kept))}
        entries = [(self.series[name], self.letters[self.series[name]], name) for name in kept]
        if len(named) > MOST_NAMED:
            entries.append((_OTHERS, "+", words.others))
        if None in count:
            self.series[None] = _UNNAMED
            entries.append((_UNNAMED, "?", words.unnamed))
        self.letters |= {_OTHERS: "+", _UNNAMED: "?"}
        self.boxes: list[Box] = []
        self.bottom = MARGIN
        self.drawn = self._draw(entries, width)

    def _draw(self, entries: Sequence[tuple[int, str, str]], width: float) -> Markup:
        parts: list[Markup] = []
        x, y = MARGIN, MARGIN + 9
        for series, letter, name in entries:
            text = fitted(name, min(180.0, width - 2 * MARGIN - 54))
            taken = 54 + width_of(text) + 16
            if x > MARGIN and x + taken > width - MARGIN:
                x, y = MARGIN, y + 22
            parts.append(_chip(x + 7, y, letter, series))
            parts.append(tag("path", d=f"M{at((x + 17, y))}h31", class_=f"d-line d-s{series}"))
            parts.append(label(text, x + 54, y + 4))
            self.boxes += [label_box(text, x + 54, y + 4), _chip_box(x + 7, y)]
            x += taken
            self.bottom = y + 12
        return joined(parts)


def _letters(names: Sequence[str]) -> list[str]:
    """Return a letter or digit for each name, no two the same, its own first letter if it may."""
    taken: list[str] = []
    for name in names:
        own = [one for one in name.upper() if one.isascii() and one.isalnum()]
        taken.append(next(one for one in (*own, *"123456789XYZ") if one not in taken))
    return taken


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

    def lines(self, told: Sequence[Way], legend: _Legend) -> None:
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
            boxes = (_chip_box(x, y) for x, y in way.places)
            box = self.plane.first_free(
                box for box in boxes if box.within(self._width, self.height)
            )
            if box:
                x, y = box.x + _CHIP / 2, box.y + _CHIP / 2
                chips.append(_chip(x, y, legend.letters[series], series))
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
        count = right if width_of(right, _SMALL) <= rest else ""
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


_CHIP = 14.0


def _chip_box(x: float, y: float) -> Box:
    return Box(x - _CHIP / 2, y - _CHIP / 2, _CHIP, _CHIP)


def _chip(x: float, y: float, letter: str, series: int) -> Markup:
    """Draw a protocol's letter in a small square, in the middle of x, y."""
    box = _chip_box(x, y)
    return tag(
        "g",
        tag("rect", x=box.x, y=box.y, width=_CHIP, height=_CHIP, rx=3),
        tag("text", letter, x=x, y=y + 3.6, font_size=10.0, text_anchor="middle"),
        class_=f"d-chip d-s{series}",
    )


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
