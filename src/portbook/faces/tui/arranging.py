"""Which rows are shown and in which order, and where the row under the cursor is now."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from portbook.faces.tui.columns import Column, Kind
from portbook.faces.tui.filters import NOTHING, Sought

NEAR = 200  # rows on each side in which a row is looked for before all of them are
PAGE = 500  # rows that are asked for at once where they are fetched


class View(NamedTuple):
    """What the reader asks to see of a kind.

    order: number of the column; down: the largest first; reach: rows that are wanted at least
    """

    sought: Sought = NOTHING
    order: int = 0
    down: bool = False
    reach: int = PAGE


class Rows(NamedTuple):
    """Rows as they are shown.

    total: before the filter, 0 where they were not counted; more: there are more to be fetched
    """

    rows: Sequence[Any] = ()
    total: int = 0
    more: bool = False


def arrange(kind: Kind, rows: Sequence[Any], view: View) -> Rows:
    """Return the rows that are wanted, in the order that is wanted.

    Equal ones stand in the kind's own order, so that a look later they stand there still.
    """
    kept = rows
    if view.sought:
        takes, text = view.sought.takes, kind.text
        kept = [one for one in rows if takes(kind.word, one, text)]
    column = kind.columns[view.order]
    if column.order is not kind.first:
        kept = sorted(kept, key=kind.first)
    return Rows(sorted(kept, key=_key(column), reverse=view.down), len(rows))


def _key(column: Column) -> Callable[[Any], Any]:
    if column.order is not None:
        return column.order
    value = column.value
    return lambda one: str(value(one)).casefold()


def position(kind: Kind, rows: Sequence[Any], known: Hashable, near: int) -> int | None:
    """Return where the row of that key is, looked for near its old place first."""
    near = min(near, len(rows))
    first, last = max(0, near - NEAR), min(len(rows), near + NEAR)
    found = chain(range(first, last), range(first), range(last, len(rows)))
    return next((at for at in found if kind.known(rows[at]) == known), None)
