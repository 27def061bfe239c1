"""Text and tables on a terminal: safe, in columns, in colour only where colour is wanted.

Names, banners and host names come from the network: they may hold control characters, escape
sequences or marks that turn the direction of writing. Nothing is printed before `safe` saw it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LEVEL_STYLES = {"note": "cyan", "warning": "yellow", "error": "bold red"}


def safe(text: object, limit: int = 500) -> str:
    """Return text without anything that could steer a terminal; long text is cut and says so."""
    clean = str(text)
    if len(clean) > limit:
        clean = clean[:limit] + "…"
    if clean.isascii() and clean.isprintable():
        return clean
    return "".join(map(_shown, clean))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character == "\u00a0" else f"\\u{ord(character):04x}"


def colours(stream: Any = None) -> bool:
    """Tell whether colour is wanted: a terminal, and NO_COLOR is not set (no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return bool((stream or sys.stdout).isatty())


def console(stream: Any = None) -> Console:
    """Return a rich console; a file or pipe gets lines that are never cut."""
    from rich.console import Console

    out = stream or sys.stdout
    wide = None if out.isatty() else 400
    return Console(
        file=out,
        no_color=not colours(out),
        force_terminal=colours(out),  # else rich sends bold letters where no colour is wanted
        highlight=False,
        markup=False,
        emoji=False,
        width=wide,
        soft_wrap=False,
    )


def width() -> int | None:
    """Return the columns of the terminal that output goes to; None: it goes to a pipe or file."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def wrapped(text: object, indent: int) -> str:
    """Return safe text in lines that fit the terminal, indented; a pipe gets one line.

    indent: columns that stand before the first line already, and before each further one
    """
    room = width()
    if room is None:
        return safe(text)
    import textwrap

    room = max(40, room - indent)
    return f"\n{' ' * indent}".join(textwrap.wrap(safe(text), room, break_on_hyphens=False))


class _Column(NamedTuple):
    """A column by its heading: `name#` is of numbers, `name!` is never broken, `name?` may go."""

    name: str
    numbers: bool
    whole: bool
    spare: bool

    @classmethod
    def of(cls, heading: str) -> _Column:
        name = heading.rstrip("#!?")
        marks = heading[len(name) :]
        return cls(name, "#" in marks, "#" in marks or "!" in marks, "?" in marks)


def print_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[object]], stream: Any = None
) -> None:
    """Print a table.

    headings: marks after a name tell what its column is: `#` numbers, set to the right; `!` never
    broken over lines, such as addresses; `?` left out, and said so, where the terminal is narrow
    """
    out = console(stream)
    table, left_out = _laid_out(title, headings, rows, out.width)
    with out.capture() as drawn:
        out.print(table)
    out.file.write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))
    if left_out:
        out.file.write(f"  left out, a wider terminal shows it: {', '.join(left_out)}\n")
    out.file.write("\n")


def drawn_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table for a live picture, as `print_table` would print it."""
    return _laid_out(title, headings, rows, console().width)[0]


def _laid_out(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[object]], room: int
) -> tuple[Table, list[str]]:
    """Return a table that fits the room, and the columns that were left out for it."""
    from rich.cells import cell_len

    columns = [_Column.of(heading) for heading in headings]
    cells = [[safe(cell) for cell in row] for row in rows]
    widths = [
        max(cell_len(text) for text in (column.name, *(row[at] for row in cells)))
        for at, column in enumerate(columns)
    ]
    kept = _fitting(columns, widths, room)
    table = _table(title, columns, kept, cells, _room(columns, widths, kept) <= room)
    return table, [column.name for at, column in enumerate(columns) if at not in kept]


_NARROWEST = 12  # a column that may be broken keeps so much
_BETWEEN = 3  # blanks between two columns


def _room(columns: Sequence[_Column], widths: Sequence[int], kept: Sequence[int]) -> int:
    """Return how wide the kept columns are at least."""
    needed = (
        widths[at] if columns[at].whole else min(widths[at], max(_NARROWEST, len(columns[at].name)))
        for at in kept
    )
    return sum(needed) + _BETWEEN * (len(kept) - 1)


def _fitting(columns: Sequence[_Column], widths: Sequence[int], room: int) -> list[int]:
    """Return which columns stand in the room: all that must, then spare ones, the first first."""
    kept = [at for at, column in enumerate(columns) if not column.spare]
    for at, column in enumerate(columns):
        if column.spare and _room(columns, widths, sorted([*kept, at])) <= room:
            kept = sorted([*kept, at])
    return kept


def _table(
    title: str,
    columns: Sequence[_Column],
    kept: Sequence[int],
    cells: Iterable[Sequence[str]],
    fits: bool,
) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    for at in kept:
        column = columns[at]
        side: Any = "right" if column.numbers else "left"
        whole = column.whole and fits
        table.add_column(column.name, justify=side, overflow="fold", no_wrap=whole)
    for row in cells:
        table.add_row(*(Text(row[at], style=LEVEL_STYLES.get(row[at], "")) for at in kept))
    return table
