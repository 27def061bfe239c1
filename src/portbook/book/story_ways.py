"""Which way through a story's table answers soonest.

What leaves few rows is looked up by its own index, and tried against the rest: the index of a
conversation's column holds all other columns too, so quite many count as few. Where that finds too
much to count, a match is so common that a page is soon full when the order's index is walked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from portbook.book.listings import MOST_COUNTED
from portbook.book.story_filters import Condition, Filters
from portbook.book.story_schema import ordered_by
from portbook.book.story_tables import Kind

if TYPE_CHECKING:
    from sqlite3 import Connection

FEW = 20_000  # rows that are looked up one by one
FEW_SCANNED = 150_000  # rows that are read out of an index that holds all there is to know


class Ways:
    """The ways to one list; column: that it is in the order of."""

    def __init__(self, connection: Connection, kind: Kind, filters: Filters, column: str) -> None:
        self._connection, self._kind = connection, kind
        self._filters, self._column = filters, column
        self._arranged = self._has_indexes()
        self.narrow = self._narrowest(FEW_SCANNED if self._arranged else FEW)

    def looked_up(self) -> str:
        """Return what follows FROM to get all that matches by the condition that leaves few."""
        narrow = self.narrow
        if narrow and narrow.ways and self._arranged:
            return f"({' UNION ALL '.join(self._parts(narrow))}) WHERE 1"
        return f"{self._kind.name} NOT INDEXED {_where(self._filters, narrow)}"

    def walked(self) -> str:
        """Return what follows FROM to get all that matches in order."""
        index = ordered_by(self._kind, self._column)
        way = f"INDEXED BY {index}" if self._arranged else "NOT INDEXED"
        return f"{self._kind.name} {way} WHERE {self._filters.where()}"

    def counted(self) -> int:
        """Return how many rows there are in all, one more than are counted where that is more."""
        asked = f"SELECT 1 FROM {self._kind.name} LIMIT {MOST_COUNTED + 1}"
        return int(self._ask(f"SELECT count(*) FROM ({asked})")[0][0])

    def _parts(self, narrow: Condition) -> Iterator[str]:
        """Give a part for each column that may hold, none of which has a row of another."""
        first = narrow.ways[0][0]
        before = " OR ".join(told for column, told in narrow.ways if column == first)
        for column, told in narrow.ways:
            apart = "" if column == first else f" AND NOT ({before})"
            yield (
                f"SELECT {self._column}, id FROM {self._kind.name} "
                f"INDEXED BY {ordered_by(self._kind, column)} "
                f"WHERE {told}{apart} AND {self._filters.where(narrow)}"
            )

    def _narrowest(self, scanned: int) -> Condition | None:
        """Return the condition that leaves the fewest rows, when these are few."""
        best, fewest = None, scanned + 1
        for one in self._filters.conditions:
            if one.few:
                most = min(fewest, (scanned if one.ways else FEW) + 1)
                asked = f"SELECT count(*) FROM (SELECT 1 FROM ({one.few}) LIMIT {most})"
                count = int(self._ask(asked)[0][0])
                if count < most:
                    best, fewest = one, count
        return best

    def _has_indexes(self) -> bool:
        """Tell whether the indexes are there: not before all is written."""
        asked = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?"
        name = f"{self._kind.name}_label"
        return self._connection.execute(asked, (name,)).fetchone() is not None

    def _ask(self, asked: str) -> list[Any]:
        return self._connection.execute(asked, self._filters.values).fetchall()


def whole_rows(connection: Connection, kind: Kind, filters: Filters) -> str:
    """Return what follows FROM to get all columns of all that matches."""
    ways = Ways(connection, kind, filters, "id")
    return f"{kind.name} NOT INDEXED {_where(filters, ways.narrow)}"


def _where(filters: Filters, narrow: Condition | None) -> str:
    few = f"id IN ({narrow.few}) AND " if narrow else ""
    return f"WHERE {few}{filters.where(narrow)}"
