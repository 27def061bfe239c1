"""One line of pieces, and the screen that shows a page of sections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from portbook.faces.tui.bars import Piece
from portbook.faces.tui.cells import fit, plain, width
from portbook.faces.tui.details import Section

LONGEST = 4000  # letters of one line of a page


class Bar(Widget):
    """Lines of pieces, the right ones at the right edge as long as there is room."""

    DEFAULT_CSS = "Bar { height: 1; width: 1fr; }"

    def __init__(self, id: str) -> None:  # noqa: A002  # textual's word
        super().__init__(id=id)
        self._told: list[tuple[Sequence[Piece], Sequence[Piece]]] = []

    def show(self, left: Sequence[Piece], right: Sequence[Piece] = ()) -> None:
        """Show one line."""
        self.show_lines([(left, right)])

    def show_lines(self, told: Iterable[tuple[Sequence[Piece], Sequence[Piece]]]) -> None:
        """Show several lines; nothing is drawn when they are the same as before."""
        new = list(told)
        if new == self._told:
            return
        if len(new) != len(self._told):
            self.styles.height = len(new)
        self._told = new
        self.refresh()

    @property
    def plain_text(self) -> str:
        """Return what stands there without styles."""
        return "\n".join("".join(one.text for one in (*left, *right)) for left, right in self._told)

    def render_line(self, y: int) -> Strip:
        """Return a line as wide as the screen."""
        left, right = self._told[y] if y < len(self._told) else ((), ())
        room = self.size.width
        kept = sum(width(one.text) for one in right)
        kept = kept if kept <= room // 2 else 0
        segments, used = [], 0
        for piece in left:
            text = piece.text
            if used + width(text) > room - kept:
                text = fit(text, room - kept - used)
            if text:
                segments.append(Segment(text, Style.parse(piece.style)))
                used += width(text)
        if room - kept > used:
            segments.append(Segment(" " * (room - kept - used), Style.null()))
        if kept:
            segments += [Segment(one.text, Style.parse(one.style)) for one in right]
        return Strip(segments, room)


class Page(Screen[None]):
    """Sections to read, until a key leads back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,backspace,left", "back", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
        Binding("space", "scroll(10)", show=False),
    ]

    def __init__(self, sections: Sequence[Section]) -> None:
        super().__init__()
        self.sections = sections

    def compose(self) -> ComposeResult:
        """Lay out a heading, the text, and the keys."""
        first = self.sections[0] if self.sections else Section("nothing", ())
        yield Bar("page-head")
        with VerticalScroll(id="page-body"):
            yield Static(_written([Section("", first.lines), *self.sections[1:]]))
        yield Bar("page-keys")

    def on_mount(self) -> None:
        """Fill the first and the last line."""
        name = plain(self.sections[0].heading) if self.sections else ""
        self.query_one("#page-head", Bar).show([Piece(f" {name} ", "reverse bold")])
        back = [Piece(" Esc", "bold"), Piece(" back  ", "dim")]
        more = [Piece("Up Down PgUp PgDn", "bold"), Piece(" read on  ", "dim")]
        self.query_one("#page-keys", Bar).show([*back, *more])

    def action_back(self) -> None:
        """Go back to the tables."""
        self.dismiss()

    def action_scroll(self, by: int) -> None:
        """Read on, by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)


def _written(sections: Iterable[Section]) -> Group:
    """Return sections as text, broken below its own beginning; no mark of the network's counts."""
    parts: list[RenderableType] = []
    for heading, told in sections:
        if heading:
            parts += [Text(), Text(f" {plain(heading)}", Style(bold=True))]
        for line in told:
            indent = len(line) - len(line.lstrip(" "))
            parts.append(Padding(Text(plain(line.strip(), LONGEST)), (0, 1, 0, 3 + indent)))
    return Group(*parts)
