"""A table of any length: only the lines in sight are ever made, only changed ones drawn.

The cursor stays on its row, by what the row is known by, and the row stays where it is on the
screen while others come, go and change places. At the very top it stays at the top.
"""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Iterator
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from portbook.faces.tui.arranging import Rows, position
from portbook.faces.tui.cells import fit, plain, width
from portbook.faces.tui.columns import Column, Kind, Moment
from portbook.faces.tui.layout import BETWEEN, widths

WIDEST = 400  # cells of a column
_PLAIN, _HEAD, _FAINT = Style.null(), Style(bold=True, underline=True), Style(dim=True)
_CURSOR = Style(reverse=True)


class Listing(Widget, can_focus=True):
    """A table with a cursor."""

    DEFAULT_CSS = "Listing { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "edge(False)", show=False),
        Binding("end,G", "edge(True)", show=False),
        Binding("enter", "choose", show=False),
    ]

    class Chosen(Message):
        """Enter was pressed on a row."""

        def __init__(self, row: Any) -> None:
            super().__init__()
            self.row = row

    class Moved(Message):
        """The cursor moved, or other rows came."""

        def __init__(self, listing: Listing) -> None:
            super().__init__()
            self.listing = listing

    def __init__(self, kind: Kind, id: str) -> None:  # noqa: A002  # textual's word
        super().__init__(id=id)
        self.kind = kind
        self.rows = Rows()
        self.at = self.top = 0
        self.empty = ""
        self._moment = Moment(0, 0)
        self._known: Hashable = None  # of the row under the cursor; None: the cursor is at the top
        self._natural = [width(column.name) for column in kind.columns]
        self._widths = self._natural
        self._strips: list[Strip] = []

    @property
    def row(self) -> Any | None:
        """Return the row under the cursor."""
        return self.rows.rows[self.at] if self.at < len(self.rows.rows) else None

    def show(self, rows: Rows, moment: Moment, *, home: bool = False) -> None:
        """Show rows in place of those before; home: begin at the top again."""
        found = None
        if self._known is not None and not home:
            found = position(self.kind, rows.rows, self._known, self.at)
        below = self.at - self.top
        self.rows, self._moment = rows, moment
        if home or self._known is None:
            self.at = self.top = 0
        elif found is not None:
            self.at, self.top = found, found - below
        self._settle()
        self._known = self._key() if self._known is not None and not home else None
        self._draw()
        self.post_message(self.Moved(self))

    def action_move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        self._go(self.at + by)

    def action_page(self, pages: int) -> None:
        """Move the cursor by pages."""
        self.top += pages * max(1, self._room - 1)
        self._go(self.at + pages * max(1, self._room - 1))

    def action_edge(self, last: bool) -> None:
        """Go to the first or the last row."""
        self._go(len(self.rows.rows) - 1 if last else 0)

    def action_choose(self) -> None:
        """Say that the row under the cursor is wanted."""
        if self.row is not None:
            self.post_message(self.Chosen(self.row))

    def on_resize(self, event: events.Resize) -> None:
        """Measure anew."""
        self._natural = [width(column.name) for column in self.kind.columns]
        self._settle()
        self._draw()

    def on_focus(self) -> None:
        """Show the cursor."""
        self._draw()

    def on_blur(self) -> None:
        """Show that the keys go elsewhere."""
        self._draw()

    def render_line(self, y: int) -> Strip:
        """Return a line that was made already."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    @property
    def _room(self) -> int:
        """Return how many rows are in sight below the headings."""
        return max(1, self.size.height - 1)

    def _key(self) -> Hashable:
        key: Hashable = self.kind.known(self.row) if self.row is not None else None
        return key

    def _go(self, to: int) -> None:
        self.at = to
        self._settle()
        self._known = self._key() if self.at else None
        self._draw()
        self.post_message(self.Moved(self))

    def _settle(self) -> None:
        """Keep the cursor on a row and in sight."""
        count = len(self.rows.rows)
        self.at = max(0, min(self.at, count - 1))
        highest = max(0, min(self.at, count - self._room))
        self.top = min(max(self.top, self.at - self._room + 1, 0), highest)

    def _draw(self) -> None:
        """Make the lines in sight and draw those that differ."""
        if not self.size.width or not self.size.height:
            return
        before, self._strips = self._strips, list(self._lines())
        wide = self.size.width
        changed = [
            Region(0, y, wide, 1)
            for y in range(max(len(before), len(self._strips)))
            if before[y : y + 1] != self._strips[y : y + 1]
        ]
        if changed:
            self.refresh(*changed)

    def _lines(self) -> Iterator[Strip]:
        wide = self.size.width
        shown = self.rows.rows[self.top : self.top + self._room]
        if not shown:
            for line in textwrap.wrap(plain(self.empty), max(20, min(wide - 2, 72))):
                yield Strip([Segment(fit(f" {line}", wide), _FAINT)], wide)
            return
        columns = self.kind.columns
        texts = [[self._text(column, row, WIDEST) for column in columns] for row in shown]
        for line_of in texts:
            self._natural = [
                max(known, width(text)) for known, text in zip(self._natural, line_of, strict=True)
            ]
        self._widths = widths(columns, self._natural, wide - 2)
        yield self._heading(wide)
        for at, row in enumerate(shown, self.top):
            yield self._drawn(row, texts[at - self.top], wide, at == self.at and self.has_focus)

    def _text(self, column: Column, row: Any, room: int) -> str:
        if column.drawn is not None:
            return plain(column.drawn(row, self._moment, room))
        return plain(column.value(row))

    def _heading(self, wide: int) -> Strip:
        names = (
            fit(column.name, cells, right=column.right)
            for column, cells in zip(self.kind.columns, self._widths, strict=True)
            if cells
        )
        line = fit(" " + (" " * BETWEEN).join(names), wide)
        return Strip([Segment(line, _FAINT)], wide)

    def _drawn(self, row: Any, texts: list[str], wide: int, under_cursor: bool) -> Strip:
        base = _CURSOR if under_cursor else _PLAIN
        segments = [Segment(" ", base)]
        left = wide - 1
        for at, column in enumerate(self.kind.columns):
            cells = min(self._widths[at], left)
            if not cells:
                continue
            text = self._text(column, row, cells) if column.drawn else texts[at]
            shown = fit(text, cells, right=column.right, middle=column.whole)
            style = base
            if column.style is not None and not under_cursor:
                style = Style.parse(column.style(row))
            segments += _marked(shown, style, column, under_cursor)
            blanks = min(BETWEEN, left - cells)
            segments.append(Segment(" " * blanks, base))
            left -= cells + blanks
        return Strip([*(one for one in segments if one.text), Segment(" " * left, base)], wide)


def _marked(text: str, style: Style, column: Column, under_cursor: bool) -> Iterator[Segment]:
    """Give a cell's segments: letters that have a style of their own stand alone."""
    if not column.marks or under_cursor:
        yield Segment(text, style)
        return
    for letter in text:
        yield Segment(letter, style + Style.parse(column.marks.get(letter, "")))
