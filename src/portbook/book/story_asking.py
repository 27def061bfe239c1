"""One page of a story's list: where few rows can match they are gathered and put in order, else
the order's own index is walked until the page is full.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from portbook.book.cursors import Cursor, mark, place
from portbook.book.listings import MOST_COUNTED, Asked, Listed, order_of, rows_of
from portbook.book.story_filters import Filters
from portbook.book.story_tables import KINDS, Kind
from portbook.book.story_ways import Ways
from portbook.errors import UsageError

if TYPE_CHECKING:
    from sqlite3 import Connection

_DECODERS = {name: msgspec.json.Decoder(kind.type) for name, kind in KINDS.items()}


class _Order(NamedTuple):
    """By what column the rows are asked for, and which way."""

    name: str  # as it is asked for, "-" before it for descending
    column: str
    kind: str  # of its values, as SQL has it: INTEGER, TEXT, BLOB
    down: bool

    def clause(self, back: bool) -> str:
        way = "DESC" if self.down is not back else "ASC"
        return f"ORDER BY {self.column} {way}, id {way}"

    def beyond(self, back: bool) -> str:
        return f"({self.column}, id) {'<' if self.down is not back else '>'}"

    def told(self, value: Any) -> int | str:
        return value.hex() if isinstance(value, bytes) else value

    def meant(self, cursor: Cursor) -> Any:
        if self.kind != "BLOB":
            return cursor.value
        try:
            return bytes.fromhex(str(cursor.value))
        except ValueError:
            raise UsageError(
                "the mark of this page is damaged; begin again with the first page"
            ) from None


class Pages:
    """Answers what is asked of one kind's list."""

    def __init__(self, connection: Connection, kind: Kind, asked: Asked) -> None:
        self._connection, self._kind, self._asked = connection, kind, asked
        self._order = _ordered(kind, asked)
        self._most = rows_of(asked)
        self._filters = Filters(connection, kind, asked)
        self._ways = Ways(connection, kind, self._filters, self._order.column)

    def page(self) -> Listed[Any]:
        """Return the page; raises UsageError for what cannot be asked."""
        cursor = self._cursor()
        back = cursor is not None and cursor.back
        rows, counted = self._found(cursor)
        extra = len(rows) > self._most
        rows = rows[: self._most]
        if back:
            rows.reverse()
        ahead, behind = (True, extra) if back else (extra, cursor is not None)
        return Listed(
            rows=self._records([number for _, number in rows]),
            counted=min(counted, MOST_COUNTED),
            more=counted > MOST_COUNTED,
            next=self._ahead(rows, cursor) if ahead else None,
            previous=self._behind(rows, cursor) if behind else None,
        )

    def _cursor(self) -> Cursor | None:
        if self._asked.after is None:
            return None
        kind: type[int] | type[str] = int if self._order.kind == "INTEGER" else str
        return place(self._asked.after, self._kind.name, self._order.name, kind)

    def _ahead(self, rows: list[tuple[Any, int]], cursor: Cursor | None) -> str | None:
        return self._mark(rows[-1]) if rows else self._turned(cursor)

    def _behind(self, rows: list[tuple[Any, int]], cursor: Cursor | None) -> str | None:
        return self._mark(rows[0], back=True) if rows else self._turned(cursor)

    def _mark(self, row: tuple[Any, int], *, back: bool = False) -> str:
        value = self._order.told(row[0])
        return mark(Cursor(self._kind.name, self._order.name, value, row[1], back))

    def _turned(self, cursor: Cursor | None) -> str | None:
        """Return the way back from a mark that nothing is behind any more."""
        if cursor is None:
            return None
        return mark(msgspec.structs.replace(cursor, back=not cursor.back, here=True))

    def _found(self, cursor: Cursor | None) -> tuple[list[tuple[Any, int]], int]:
        """Return values and numbers, one row more than the page has, and the count of all."""
        ways, most = self._ways, MOST_COUNTED + 1
        walked = ways.walked()
        if not self._filters.conditions:
            return self._rows(walked, cursor), ways.counted()
        if ways.narrow is None:
            every = self._ask(walked, self._order.clause(False), most)
        else:
            every = self._ask(ways.looked_up(), "", most)
            every.sort(reverse=self._order.down)
        if len(every) <= MOST_COUNTED:  # one look told all
            return self._sliced(every, cursor), len(every)
        return self._rows(walked, cursor), len(every)

    def _sliced(self, every: list[tuple[Any, int]], cursor: Cursor | None) -> list[tuple[Any, int]]:
        """Return the rows beyond a mark, nearest first, of a whole list in order."""
        if cursor is None:
            return every[: self._most + 1]
        at = (self._order.meant(cursor), cursor.row)
        upward = every[::-1] if self._order.down else every
        if self._order.down is cursor.back:
            find = bisect_left if cursor.here else bisect_right
            found = upward[find(upward, at) :]
        else:
            find = bisect_right if cursor.here else bisect_left
            found = upward[: find(upward, at)][::-1]
        return found[: self._most + 1]

    def _rows(self, source: str, cursor: Cursor | None) -> list[tuple[Any, int]]:
        order = self._order
        back = cursor is not None and cursor.back
        if cursor is not None:
            at = f"({self._filters.bind(order.meant(cursor))}, {self._filters.bind(cursor.row)})"
            source += f" AND {order.beyond(back)}{'=' if cursor.here else ''} {at}"
        return self._ask(source, order.clause(back), self._most + 1)

    def _ask(self, source: str, order: str, most: int) -> list[tuple[Any, int]]:
        asked = f"SELECT {self._order.column}, id FROM {source} {order} LIMIT {most}"
        return self._connection.execute(asked, self._filters.values).fetchall()

    def _records(self, numbers: list[int]) -> tuple[Any, ...]:
        marks = ", ".join(map(str, numbers))
        asked = f"SELECT id, record FROM {self._kind.name}_record WHERE id IN ({marks})"
        found = dict(self._connection.execute(asked).fetchall())
        decoder = _DECODERS[self._kind.name]
        return tuple(decoder.decode(found[one]) for one in numbers if one in found)


def _ordered(kind: Kind, asked: Asked) -> _Order:
    name, down = order_of(asked, dict(kind.orders), kind.own)
    column = kind.orders[name]
    told = dict(kind.columns)[column].split()[0]
    return _Order(f"-{name}" if down else name, column, told, down)
