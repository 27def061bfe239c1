"""How wide each column is: which ones stand in the room, and what each of them gets of it."""

from __future__ import annotations

from collections.abc import Sequence

from portbook.faces.tui.columns import Column

BETWEEN = 2  # blanks between two columns
_ENOUGH = 48  # cells with which a column is served well


def widths(columns: Sequence[Column], natural: Sequence[int], room: int) -> list[int]:
    """Return the cells of each column; 0: it is left out.

    natural: cells that the column's texts and heading take
    """
    floors = [_floor(column, wanted) for column, wanted in zip(columns, natural, strict=True)]
    kept = _kept(columns, natural, floors, room)
    given = [floors[at] if at in kept else 0 for at in range(len(columns))]
    left = room - _sum(given)
    # addresses first, then the others from the left, and what takes all that is left last
    order = sorted(kept, key=lambda at: (columns[at].wide, not columns[at].whole, at))
    for at in order:
        more = max(0, min(natural[at] - given[at], left))
        given[at] += more
        left -= more
    if left < 0:
        last = max(kept)
        given[last] = max(1, given[last] + left)
    return given


def _floor(column: Column, wanted: int) -> int:
    return min(wanted, max(column.least, len(column.name)) if not column.wide else column.least)


def _kept(
    columns: Sequence[Column], natural: Sequence[int], floors: Sequence[int], room: int
) -> set[int]:
    """Return which columns stand in the room: what must, from the left, then spare ones.

    A spare one stands only where the others need not be cut for it.
    """
    kept: set[int] = set()
    for at, column in enumerate(columns):
        if not column.spare:
            if kept and _sum([floors[one] for one in sorted({*kept, at})]) > room:
                break
            kept.add(at)
    for at, column in enumerate(columns):
        if column.spare:
            whole = [min(natural[one], _ENOUGH) for one in {*kept, at}]
            if _sum(whole) <= room:
                kept.add(at)
    return kept


def _sum(cells: Sequence[int]) -> int:
    stand = [one for one in cells if one]
    return sum(stand) + BETWEEN * (len(stand) - 1)
