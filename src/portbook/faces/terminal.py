"""Text and tables on a terminal: safe, in columns, in colour only where colour is wanted.

Names, banners and host names come from the network: they may hold control characters, escape
sequences or marks that turn the direction of writing. Nothing is printed before `safe` saw it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

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
    if os.environ.get("NO_COLOR"):
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
        force_terminal=colours(out) or None,
        highlight=False,
        markup=False,
        emoji=False,
        width=wide,
        soft_wrap=False,
    )


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], stream: Any = None
) -> None:
    """Print a table; a column whose name ends in `#` is of numbers and set to the right."""
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
    for column in columns:
        number = column.endswith("#")
        table.add_column(column.rstrip("#"), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(safe(cell), style=LEVEL_STYLES.get(str(cell), "")) for cell in row))
    out = console(stream)
    with out.capture() as drawn:
        out.print(table)
    out.file.write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()) + "\n")
