"""Announcements as a timeline: each a row, heard rounds filled, missed ones hollow with a cross.

Where rounds are too close to be told apart they become bars, and missed ones gaps.
Stretches whose moments were not kept are drawn as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from portbook.faces.web.drawings import marks
from portbook.faces.web.drawings.beats import Beats, Hole, beats
from portbook.faces.web.drawings.lettering import fitted, label, label_box, width_of
from portbook.faces.web.drawings.placing import Box, Plane
from portbook.faces.web.drawings.svg import (
    Drawn,
    Markup,
    device_address,
    drawing,
    joined,
    number,
    tag,
)
from portbook.records import NOTHING, Announcement

__all__ = ["TimelineWords", "timeline"]

MOST_ROWS = 200
LEAST_WIDTH = 280
_NARROW = 640.0
_MARGIN = 8.0
_NAMES = 300.0  # width of the names beside a wide timeline
_ROW, _NARROW_ROW = 42.0, 62.0
_APART = 10.0  # units between rounds that are still drawn one by one
_SMALL = 10.5
_SECOND = 1_000_000_000
_STEPS_S = (
    *(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 7776000, 31536000),
)
_TICK = 92.0  # least distance of two times on the axis


class TimelineWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the timeline says, in the reader's language."""

    title: str
    description: str
    heard: str
    missed: str
    unknown: str  # "heard, times not kept"
    end: str  # "end of listening"
    row: Callable[[Announcement, int], str]  # and how many rounds it has been silent for
    gap: Callable[[int, int, int], str]  # rounds missed, between these two moments
    earlier: Callable[[int], str]  # rounds heard before, whose times were not kept
    time: Callable[[int, int], str]  # a moment on an axis of steps of so many seconds
    left_out: Callable[[int], str]  # announcements that are not drawn


class _Axis(NamedTuple):
    """Where moments are."""

    left: float
    right: float
    from_ns: int
    until_ns: int

    def at(self, moment_ns: int) -> float:
        """Return a moment's place, held inside the axis."""
        share = (moment_ns - self.from_ns) / max(1, self.until_ns - self.from_ns)
        return self.left + min(1.0, max(0.0, share)) * (self.right - self.left)


def timeline(
    announcements: Sequence[Announcement],
    ends: Mapping[str, int],
    *,
    width: int,
    words: TimelineWords,
    names: Mapping[str, str] = NOTHING,
    since_ns: int | None = None,
) -> Drawn:
    """Draw announcements of one capture or interface, in the order given.

    ends: until when each capture was listened to, Unix nanoseconds
    since_ns: where the drawing begins; None: with the first round whose moment is known
    width: of the drawing, at least 280; below 640 names stand above their rows
    """
    wide = max(LEAST_WIDTH, width)
    shown = announcements[:MOST_ROWS]
    told = [beats(one, ends) for one in shown]
    picture = _Picture(wide, words, names, _axis(shown, told, wide, since_ns))
    for one, rounds in zip(shown, told, strict=True):
        picture.row(one, rounds)
    left_out = len(announcements) - len(shown)
    picture.finish(words.left_out(left_out) if left_out else "")
    return Drawn(
        drawing(
            wide,
            picture.height,
            words.title,
            words.description,
            *picture.parts,
            kind="drawing-timeline",
            linked=True,
        ),
        wide,
        picture.height,
        tuple(picture.plane.boxes),
        left_out,
    )


def _axis(
    shown: Sequence[Announcement], told: Sequence[Beats], width: float, since_ns: int | None
) -> _Axis:
    first = [
        (rounds.heard_ns or (one.first_ns,))[0] for one, rounds in zip(shown, told, strict=True)
    ]
    from_ns = min(first, default=0) if since_ns is None else since_ns
    until_ns = max((rounds.until_ns for rounds in told), default=from_ns + _SECOND)
    left = _MARGIN + 8 if width < _NARROW else _MARGIN + _NAMES
    return _Axis(left, width - _MARGIN - 8, from_ns, max(until_ns, from_ns + 1))


class _Picture:
    """Rows from above to below."""

    def __init__(
        self, width: float, words: TimelineWords, names: Mapping[str, str], axis: _Axis
    ) -> None:
        self._width, self._words, self._names, self._axis = width, words, names, axis
        self.plane = Plane()
        self._y = _MARGIN
        self._legend = self._explained()
        self._y += 30
        self._top = self._y
        self._rows: list[Markup] = []
        self._grid = self._notes = Markup()

    @property
    def parts(self) -> tuple[Markup, ...]:
        """Return what is drawn, the lowest layer first."""
        return self._grid, self._legend, *self._rows, self._notes

    @property
    def height(self) -> float:
        """Return how high the drawing is by now."""
        return self._y + _MARGIN

    def row(self, one: Announcement, rounds: Beats) -> None:
        """Add an announcement."""
        narrow = self._axis.left < _NAMES
        middle = self._y + (44 if narrow else _ROW / 2)
        space = self._width - 2 * _MARGIN if narrow else _NAMES - 20
        silent = next((hole.missed for hole in rounds.holes if hole.last), 0)
        title = self._words.row(one, silent)
        name = self._names.get(one.source, "")
        who = f"{name} · {one.source}" if name else one.source
        head = self._text(fitted(who, space, bold=True), self._y + 16, bold=True)
        self._rows.append(
            tag(
                "g",
                tag("a", tag("title", who), head, href=device_address(one.source)),
                self._text(fitted(title, space, _SMALL), self._y + 31, _SMALL),
                tag("g", tag("title", f"{who}: {title}"), *self._beats(one, rounds, middle)),
            )
        )
        self._y += _NARROW_ROW if narrow else _ROW

    def finish(self, note: str) -> None:
        """Draw the axis behind the rows, and say what is left out."""
        self._grid = self._ticks()
        if note:
            text = fitted(note, self._width - 2 * _MARGIN)
            self._notes = self._text(text, self._y + 16, kind="d-quiet")
            self._y += 22

    def _text(
        self, text: str, y: float, size: float = 12.0, bold: bool = False, kind: str | None = None
    ) -> Markup:
        if not text:
            return Markup()
        self.plane.take(label_box(text, _MARGIN, y, size, bold=bold))
        kind = kind or ("d-quiet" if size < 12 else None)
        return label(text, _MARGIN, y, kind, size, bold=bold)

    def _explained(self) -> Markup:
        parts: list[Markup] = []
        x, y = _MARGIN, self._y + 10
        words = self._words
        for which, told in enumerate((words.heard, words.missed, words.unknown, words.end)):
            text = fitted(told, self._width - 2 * _MARGIN - 40)
            if x > _MARGIN and x + 26 + width_of(text) > self._width - _MARGIN:
                x, y = _MARGIN, y + 20
            mark = (
                marks.heard((x + 8,), y),
                marks.crossed((x + 8,), y),
                marks.unknown(x, x + 18, y),
                marks.end(x + 8, y),
            )[which]
            parts += [mark, label(text, x + 24, y + 4)]
            self.plane.take(label_box(text, x + 24, y + 4))
            x += 24 + width_of(text) + 18
        self._y = y + 10
        return joined(parts)

    def _ticks(self) -> Markup:
        axis = self._axis
        span_s = (axis.until_ns - axis.from_ns) / _SECOND
        most = max(1.0, (axis.right - axis.left) / _TICK)
        step = next((one for one in _STEPS_S if span_s / one <= most), None)
        if step is None:
            step = int(span_s / most) + 1
        parts, drawn = [], []
        moment = -(-axis.from_ns // (step * _SECOND)) * step * _SECOND
        while moment <= axis.until_ns:
            x = axis.at(moment)
            drawn.append(f"M{number(x)},{number(self._top - 6)}V{number(self._y)}")
            text = fitted(self._words.time(moment, step), _TICK - 6, _SMALL)
            box = label_box(text, x, self._top - 11, _SMALL, "middle")
            left = min(max(box.x, 0.0), self._width - box.width)
            if text and self.plane.first_free([Box(left, *box[1:])]):
                middle = left + box.width / 2
                parts.append(label(text, middle, self._top - 11, "d-quiet", _SMALL, "middle"))
            moment += step * _SECOND
        return joined([tag("path", d="".join(drawn), class_="d-grid"), *parts])

    def _beats(self, one: Announcement, rounds: Beats, y: float) -> Iterator[Markup]:
        axis = self._axis
        begin = max(axis.from_ns, min(one.first_ns, rounds.until_ns))
        yield tag(
            "path", d=f"M{number(axis.at(begin))},{number(y)}H{number(axis.at(rounds.until_ns))}",
            class_="d-base",
        )  # fmt: skip
        known = rounds.heard_ns
        if rounds.earlier and one.first_ns < (known[0] if known else rounds.until_ns):
            last = known[0] if known else one.last_ns
            title = tag("title", self._words.earlier(rounds.earlier))
            yield marks.unknown(axis.at(begin), axis.at(last), y, title)
        heard = [moment for moment in known if moment >= axis.from_ns]
        holes = [hole for hole in rounds.holes if hole.until_ns > axis.from_ns]
        width = axis.at(axis.until_ns) - axis.at(axis.from_ns)
        apart = one.period_s * _SECOND / (axis.until_ns - axis.from_ns) * width
        if apart >= _APART and heard:
            yield marks.heard([axis.at(moment) for moment in heard], y)
        else:
            yield from _bars(heard, holes, axis, y)
        for hole in holes:
            yield self._hole(hole, apart >= _APART, y)
        yield marks.end(axis.at(rounds.until_ns), y)

    def _hole(self, hole: Hole, apart: bool, y: float) -> Markup:
        axis = self._axis
        title = tag("title", self._words.gap(hole.missed, hole.from_ns, hole.until_ns))
        if apart and hole.places_ns:
            due = [axis.at(one) for one in hole.places_ns if one >= axis.from_ns]
            return tag("g", title, marks.crossed(due, y))
        left, right = axis.at(hole.from_ns), axis.at(hole.until_ns)
        return tag("g", title, marks.gap(left, right, y))


def _bars(heard: Sequence[int], holes: Sequence[Hole], axis: _Axis, y: float) -> Iterator[Markup]:
    """Draw rounds that stand too close as bars from hole to hole."""
    if not heard:
        return
    breaks = {hole.from_ns for hole in holes if not hole.last}
    begin = before = heard[0]
    runs = []
    for moment in heard[1:]:
        if before in breaks:
            runs.append((begin, before))
            begin = moment
        before = moment
    runs.append((begin, before))
    shape = "".join(
        f"M{number(axis.at(first) - 1.5)},{number(y - 4)}H{number(axis.at(last) + 1.5)}"
        f"v8H{number(axis.at(first) - 1.5)}z"
        for first, last in runs
    )
    yield tag("path", d=shape, class_="d-heard")
