"""All 65,536 ports as a strip folded into rows, in which four ports are still to be seen.

A row holds 1,024 ports, so bands begin where rows do: the system band is the first row, the dynamic
one the last sixteen. On a narrow drawing a row holds 256.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from portbook.faces.web.drawings.lettering import fitted, label, label_box, width_of
from portbook.faces.web.drawings.placing import Box, Plane
from portbook.faces.web.drawings.stretches import (
    LEAST_FREE,
    MOST_MARKS,
    Mark,
    StripPlan,
    StripWords,
    free_stretches,
    merged,
    together,
)
from portbook.faces.web.drawings.svg import Drawn, Markup, drawing, joined, number, tag
from portbook.ports import HIGHEST, Band, PortRange

__all__ = ["Mark", "StripPlan", "StripWords", "strip_of_ports"]

LEAST_WIDTH = 280
_NARROW = 640.0
_MARGIN, _NUMBERS, _NAMES = 8.0, 46.0, 210.0
_SMALL = 9.5
_FOLDS = {False: (1024, 14.0, 1), True: (256, 5.0, 8)}  # ports of a row, its height, rows a label
_LEAST = 3.0  # units: what is there is seen, however few ports it has


def strip_of_ports(plan: StripPlan, *, width: int, words: StripWords) -> Drawn:
    """Draw the strip.

    width: at least 280; below 640 rows are shorter and nothing is named beside them
    Every mark has its text as a title; `stretches.listed` tells the same as a list.
    """
    wide = float(max(LEAST_WIDTH, width))
    picture = _Picture(wide, words)
    picture.draw(plan)
    return Drawn(
        drawing(
            wide,
            picture.height,
            words.title,
            words.description,
            *picture.parts,
            kind="drawing-strip",
            linked=True,
        ),
        wide,
        picture.height,
        tuple(picture.plane.boxes),
        picture.left_out,
    )


class _Picture:
    """The rows, what is in them, and the names beside them."""

    def __init__(self, width: float, words: StripWords) -> None:
        self._narrow = width < _NARROW
        self._per_row, self._pitch, self._labelled = _FOLDS[self._narrow]
        self._width, self._words = width, words
        self._left = _MARGIN + _NUMBERS
        self._right = width - _MARGIN - (0.0 if self._narrow else _NAMES)
        self._scale = (self._right - self._left) / self._per_row
        self.plane = Plane()
        self.left_out = 0
        self.parts: list[Markup] = [self._legend()]
        self.height = self._top + self._pitch * (HIGHEST + 1) / self._per_row + _MARGIN

    def draw(self, plan: StripPlan) -> None:
        """Draw all that is known, the widest first."""
        inner = self._pitch - (2 if not self._narrow else 1)
        for band, text in zip(Band, self._words.bands, strict=True):
            shape = self._shape([band.range], 0, inner)
            title = tag("title", f"{text} {band.range}")
            self.parts.append(tag("path", title, d=shape, class_=f"d-band d-{band.value}"))
        self._layer(plan.allowed or (), 0, inner, "d-allowed")
        low = 0.55 * inner
        self._layer(merged(plan.claimed), low, inner - low, "d-claimed")
        free = free_stretches(plan, LEAST_FREE)
        self._layer(free, inner - max(1.0, 0.2 * inner), max(1.0, 0.2 * inner), "d-free")
        if plan.ephemeral:
            self._layer([plan.ephemeral], 0, max(1.0, 0.16 * inner), "d-ephemeral")
        for marks, kind in (
            (plan.reserved, "d-reserved"),
            (plan.seen, "d-seen"),
            (plan.listening, "d-listening"),
        ):
            self._marks(marks, kind, inner)
        self._numbers()
        if not self._narrow:
            self._names(plan)

    @property
    def _top(self) -> float:
        return self._legend_bottom + 10

    def _layer(self, ranges: Iterable[PortRange], y: float, height: float, kind: str) -> None:
        shape = self._shape(ranges, y, height)
        if shape:
            self.parts.append(tag("path", d=shape, class_=kind))

    def _pieces(self, ports: PortRange) -> Iterator[tuple[float, float, float]]:
        """Give where a range lies: left, top and width in each of its rows."""
        for row in range(ports.first // self._per_row, ports.last // self._per_row + 1):
            begin = row * self._per_row
            first = max(ports.first, begin) - begin
            last = min(ports.last, begin + self._per_row - 1) - begin
            left, wide = self._left + first * self._scale, (last - first + 1) * self._scale
            yield left, self._top + row * self._pitch, wide

    def _shape(
        self, ranges: Iterable[PortRange], y: float, height: float, least: float = 0.0
    ) -> str:
        found = []
        for ports in ranges:
            for left, top, exact in self._pieces(ports):
                wide = max(exact, least)
                at = min(left, self._right - wide)
                found.append(
                    f"M{at:.1f},{number(top + y)}h{wide:.1f}v{number(height)}h-{wide:.1f}z"
                )
        return "".join(found)

    def _marks(self, marks: Sequence[Mark], kind: str, inner: float) -> None:
        for one in marks[:MOST_MARKS]:
            drawn = tag(
                "path",
                tag("title", f"{one.ports} {one.text}"),
                d=self._shape([one.ports], -0.5, inner + 1, _LEAST),
                class_=kind,
            )
            self.parts.append(_said_elsewhere(one, drawn))
        self.left_out += max(0, len(marks) - MOST_MARKS)

    def _numbers(self) -> None:
        step = self._per_row * self._labelled
        for first in range(0, HIGHEST + 1, step):
            y = self._top + first / self._per_row * self._pitch + (9.5 if not self._narrow else 7)
            self._label(str(first), self._left - 6, y, "end")

    def _label(self, text: str, x: float, y: float, anchor: str, kind: str = "d-quiet") -> None:
        self.plane.take(label_box(text, x, y, _SMALL, anchor))
        self.parts.append(label(text, x, y, kind, _SMALL, anchor))

    def _names(self, plan: StripPlan) -> None:
        """Write beside the rows what they hold: reservations first, then the bands."""
        rows: dict[int, list[Mark]] = defaultdict(list)
        for mark in sorted(plan.reserved[:MOST_MARKS]):
            rows[mark.ports.first // self._per_row].append(mark)
        for row, marks in rows.items():
            self._name(row, together(marks), "d-named")
        for band, text in zip(Band, self._words.bands, strict=True):
            mark = Mark(band.range, text)
            self._name(mark.ports.first // self._per_row, mark, "d-quiet")

    def _name(self, row: int, mark: Mark, kind: str) -> None:
        """Write a name beside its row, or lower where that place is taken; else leave it out."""
        x = self._right + 22
        text = fitted(f"{mark.ports} {mark.text}".rstrip(), self._width - _MARGIN - x, _SMALL)
        last = HIGHEST // self._per_row
        tops = [self._top + at * self._pitch for at in range(row, min(row + 3, last) + 1)]
        boxes = [label_box(text, x, top + 9.5, _SMALL) for top in tops]
        box = self.plane.first_free(boxes) if text else None
        if box is None:
            return
        middle, there = self._top + (row + 0.45) * self._pitch, box.y + box.height / 2
        line = f"M{number(self._right + 2)},{number(middle)}L{number(x - 3)},{number(there)}"
        told = label(text, x, tops[boxes.index(box)] + 9.5, kind, _SMALL)
        self.parts.append(tag("path", d=line, class_="d-leader"))
        self.parts.append(_said_elsewhere(mark, told) if kind == "d-named" else told)

    def _legend(self) -> Markup:
        words = self._words
        entries = (
            ("d-listening", words.listening),
            ("d-seen", words.seen),
            ("d-reserved", words.reserved),
            ("d-claimed", words.claimed),
            ("d-ephemeral", words.ephemeral),
            ("d-allowed", words.allowed),
            ("d-free", words.free),
        )
        parts = []
        x, y = _MARGIN, _MARGIN + 10
        for kind, told in entries:
            text = fitted(told, self._width - 2 * _MARGIN - 30)
            if x > _MARGIN and x + 24 + width_of(text) > self._width - _MARGIN:
                x, y = _MARGIN, y + 20
            parts += [_sample(kind, x, y), label(text, x + 22, y + 4)]
            self.plane.take(label_box(text, x + 22, y + 4))
            x += 22 + width_of(text) + 16
        self._legend_bottom = y + 10
        return joined(parts)


def _said_elsewhere(mark: Mark, drawn: Markup) -> Markup:
    """Wrap what is drawn of a mark, whose text is its source's own."""
    if mark.href:
        return tag("a", drawn, href=mark.href, lang="en")
    return tag("g", drawn, lang="en")


def _sample(kind: str, x: float, y: float) -> Markup:
    """Draw what a kind looks like in a row."""
    box = {
        "d-listening": Box(x + 6, y - 6, 3, 12),
        "d-seen": Box(x + 6, y - 6, 3, 12),
        "d-reserved": Box(x + 2, y - 6, 12, 12),
        "d-claimed": Box(x, y, 16, 6),
        "d-ephemeral": Box(x, y - 5, 16, 2),
        "d-allowed": Box(x, y - 6, 16, 12),
        "d-free": Box(x, y + 3, 16, 2.4),
    }[kind]
    shape = f"M{number(box.x)},{number(box.y)}h{number(box.width)}v{number(box.height)}"
    base = tag("rect", x=x, y=y - 6, width=16.0, height=12.0, class_="d-band d-user")
    return joined([base, tag("path", d=f"{shape}h-{number(box.width)}z", class_=kind)])
