"""The lines above and below the tables: what is looked at, the tabs, what a table shows, the keys.

Pure: each is a list of pieces, a text with its style. `Bar` in `widgets` draws them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from portbook.faces.tui.arranging import Rows, View
from portbook.faces.tui.cells import plain, width
from portbook.faces.tui.picture import TABS, Picture, Tab
from portbook.faces.tui.rates import bars, many
from portbook.faces.tui.when import clock

KEYS = (
    ("1-7", "tabs"),
    ("/", "filter"),
    ("s", "sort"),
    ("Enter", "details"),
    ("p", "pause"),
    ("?", "help"),
    ("q", "quit"),
)
_ROOMY = 24  # lines, with which there is room for an empty one
LABEL = 10  # cells of a label in the overview


class Piece(NamedTuple):
    """A text and its style."""

    text: str
    style: str = ""


def head(picture: Picture | None, source: str, paused: bool) -> tuple[list[Piece], list[Piece]]:
    """Return what stands on the left and on the right of the first line."""
    left = [Piece(" portbook", "dim"), Piece(f"  {plain(source, 40)}", "bold")]
    if picture is None:
        return [*left, Piece("  one moment …", "dim")], []
    if picture.state:
        left.append(Piece(f"  {plain(picture.state, 60)}", "bold red" if picture.grave else ""))
    if picture.rates:
        left.append(Piece(f"  {many(picture.rates[-1])} packets/s"))
    lost = picture.story.summary.dropped
    if lost:
        left.append(Piece(f"  {many(lost)} LOST", "bold red"))
    pause = [Piece(" PAUSED ", "reverse")] if paused else []
    return left, [*pause, Piece(f" {clock(picture.moment.now_ns)} ", "dim")]


def tabs(picture: Picture | None, chosen: int, room: int) -> list[Piece]:
    """Return the tabs: with counts where they fit, with short titles where they must."""
    titles = ["Overview", *(tab.title for tab in TABS)]
    short = ["Overview", *(tab.short for tab in TABS)]
    lone = [title if at == chosen else "" for at, title in enumerate(short)]
    found = ["", *(_count(picture, tab) for tab in TABS)]
    none = [""] * len(titles)
    for names, numbers in ((titles, found), (titles, none), (short, none), (lone, none)):
        parts = list(zip(names, numbers, strict=True))
        between = 2 if names is titles else 1
        pieces = [
            piece
            for at, (name, number) in enumerate(parts)
            for piece in _tab(at + 1, name, number, at == chosen, between if at else 1)
        ]
        if sum(width(piece.text) for piece in pieces) <= room:
            break
    return pieces


def _tab(at: int, name: str, number: str, chosen: bool, between: int) -> Iterator[Piece]:
    if chosen:
        label = " ".join(filter(None, (str(at), name, number)))
        yield Piece(" " * (between - 1))
        yield Piece(f" {label} ", "reverse bold")
        return
    yield Piece(" " * between)
    yield Piece(str(at), "dim")
    yield Piece(f" {name}" if name else "")
    yield Piece(f" {number}" if number else "", "dim")


def title(
    tab: Tab, rows: Rows, view: View, words: str, trouble: str, at: int
) -> tuple[list[Piece], list[Piece]]:
    """Return the line above a table: how many of how many, in which order, by which filter."""
    column = tab.kind.columns[view.order]
    by = column.name or "transport"
    turned = ", reversed" if view.down != column.down else ""
    left = headline(tab.title, rows, words, trouble)
    if not trouble:
        left.insert(2, Piece(f"   by {by}{turned}", "dim"))
    return left, [Piece(f" row {many(at + 1)} ", "dim")] if rows.rows else []


def headline(name: str, rows: Rows, words: str, trouble: str) -> list[Piece]:
    """Return what stands above a table: its name, how many of how many, the filter, trouble."""
    shown = many(len(rows.rows)) + ("+" if rows.more else "")
    of = f" of {many(rows.total)}" if rows.total > len(rows.rows) else ""
    pieces = [Piece(f" {name}", "bold"), Piece(f"  {shown}{of}")]
    if trouble:
        pieces.append(Piece(f"   {plain(trouble)}", "yellow"))
    elif words:
        pieces.append(Piece(f"   filter: {plain(words)}", "bold"))
    return pieces


def lines(picture: Picture, room: int) -> Iterator[list[Piece]]:
    """Give the lines of the overview: rates, what was heard, what is wrong with hearing."""
    if picture.rates is not None:
        yield _rate(picture.rates, room)
    for label, words, grave in picture.lines:
        yield [
            Piece(f" {label:<{LABEL}}", "dim"),
            Piece(plain(words), "bold red" if grave else ""),
        ]


def _rate(rates: tuple[float, ...], room: int) -> list[Piece]:
    now = f"{many(rates[-1])} /s" if rates else "…"
    most = f"at most {many(max(rates))} /s" if rates else ""
    drawn = bars(rates, min(60, room - LABEL - 2 - 14 - width(most) - 4))
    return [
        Piece(f" {'packets':<{LABEL}}", "dim"),
        Piece(f"{now:<14}", "bold"),
        Piece(drawn, "cyan"),
        Piece(f"  {most}", "dim"),
    ]


def keys(room: int) -> list[Piece]:
    """Return the keys; the last of them, which lead out, always stand."""
    labels = [(key, f" {what}  ") for key, what in KEYS]
    while sum(len(key) + len(what) for key, what in labels) > room - 1 and len(labels) > 2:
        labels.pop(-3)
    pieces = [Piece(" ")]
    for key, what in labels:
        pieces += [Piece(key, "bold"), Piece(what, "dim")]
    return pieces


def _count(picture: Picture | None, tab: Tab) -> str:
    count = picture.counts.get(tab.word) if picture else None
    if picture is None or count is None:
        return ""
    return many(count) + ("+" if tab.word in picture.uncounted else "")


def height_of(wrong: int, room: int) -> int:
    """Return the lines for what is wrong: its own number, and half of the room at most."""
    gap = 1 if room >= _ROOMY else 0
    return max(2, min(wrong + 1, room // 2)) + gap
