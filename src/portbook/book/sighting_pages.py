"""One page of the book's lists, in less time than a page may take with a million sightings.

Where few rows can match, their keys are gathered and put in order here. Else the index of the
order is walked until the page is full, which is soon where many rows match; but where the index of
a filter holds what is ordered by, its range is sorted: rows that match may all stand at the far
end of the order. Measured: `benchmarks/book.py`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from portbook.book.cursors import Cursor, mark, place
from portbook.book.facets import KINDS
from portbook.book.listings import MOST_COUNTED, Asked, Listed, order_of, rows_of
from portbook.book.sighting_filters import Filter, Filters
from portbook.book.sightings import COLUMNS, Seen, seen
from portbook.errors import UsageError

if TYPE_CHECKING:
    from sqlite3 import Connection

FEW = 8_000  # rows that are gathered
MANY = 100_000  # rows of an index that are sorted for one page
_EXAMINED = 20_000  # rows that are looked at for the count alone


class Order(NamedTuple):
    """What rows are put in order by: the columns of an index behind kind and presence."""

    by: str
    columns: tuple[str, ...]
    texts: frozenset[str] = frozenset({"address", "label"})

    @property
    def types(self) -> tuple[type, ...]:
        """Return the types of the columns' values."""
        return tuple(str if one in self.texts else int for one in self.columns)


_ADDRESS = Order("by_address", ("address", "rank"))
_RANK = Order("by_rank", ("rank",))
_LABEL = Order("by_label", ("label", "rank"))
_FIRST = Order("by_first", ("first_ns",))
_LAST = Order("by_last", ("last_ns", "first_ns", "rank"))
_INDEXES = {one.by: one for one in (_ADDRESS, _RANK, _LABEL, _FIRST, _LAST)}
_TIMES = {"first": _FIRST, "last": _LAST}

ORDERS: Mapping[str, dict[str, Order]] = {
    "service": {"address": _ADDRESS, "port": _RANK, "protocol": _LABEL, **_TIMES},
    "device": {"address": _ADDRESS, "name": _LABEL, **_TIMES},
    "listener": {"address": _ADDRESS, "port": _RANK, "program": _LABEL, **_TIMES},
    "announcement": {"address": _ADDRESS, "source": _ADDRESS, "port": _RANK, "protocol": _LABEL}
    | _TIMES,
    "finding": {"level": _RANK, "code": _LABEL, "subject": _ADDRESS, **_TIMES},
}
OWN = {
    "service": "address",
    "device": "address",
    "listener": "port",
    "announcement": "first",
    "finding": "-level",
}


def listed(connection: Connection, kind: str, asked: Asked) -> Listed[Seen]:
    """Return one page; raises UsageError for what cannot be asked."""
    if kind not in KINDS:
        raise UsageError(f"the book has no list of {kind[:40]!r}; known: {', '.join(KINDS)}")
    return Page(connection, kind, asked).page()


class Page:
    """Answers one question to one kind's list."""

    def __init__(
        self, connection: Connection, kind: str, asked: Asked, *, free: bool = True
    ) -> None:
        self._connection, self._kind, self._asked = connection, kind, asked
        self._most = rows_of(asked)
        name, self._down = order_of(asked, ORDERS[kind], OWN[kind])
        self._name = ("-" if self._down else "") + name
        self._order = ORDERS[kind][name]
        self._filters = Filters(connection, kind, asked, free=free)
        self._columns = ", ".join(f"s.{one}" for one in (*self._order.columns, "id"))

    def page(self) -> Listed[Seen]:
        """Return the page."""
        cursor = self._cursor()
        rows, counted, more = self._found(cursor)
        back = cursor is not None and cursor.back
        extra = len(rows) > self._most
        rows = rows[: self._most]
        if back:
            rows.reverse()
        ahead, behind = (True, extra) if back else (extra, cursor is not None)
        return Listed(
            rows=self._seen([row[-1] for row in rows]),
            counted=min(counted, MOST_COUNTED),
            more=more or counted > MOST_COUNTED,
            next=self._mark(rows[-1:], cursor, back=False) if ahead else None,
            previous=self._mark(rows[:1], cursor, back=True) if behind else None,
        )

    def rows(self) -> tuple[Seen, ...]:
        """Return the first rows without counting the rest."""
        found, _, _ = self._found(None, counting=False)
        return self._seen([row[-1] for row in found[: self._most]])

    def _cursor(self) -> Cursor | None:
        if self._asked.after is None:
            return None
        cursor = place(self._asked.after, self._kind, self._name, str)
        try:
            values = msgspec.json.decode(str(cursor.value))
        except (msgspec.MsgspecError, ValueError):
            values = None
        fits = isinstance(values, list) and tuple(map(type, values)) == self._order.types
        if not fits or any(isinstance(one, int) and abs(one) >= 2**63 for one in values):
            raise UsageError("the mark of this page is damaged; begin again with the first page")
        return cursor

    def _mark(self, rows: list[Any], cursor: Cursor | None, *, back: bool) -> str | None:
        if rows:
            *values, number = rows[0]
            value = msgspec.json.encode(values).decode()
            return mark(Cursor(self._kind, self._name, value, number, back))
        if cursor is None:
            return None
        # nothing is behind the mark any more: the way back begins with the row that it stands at
        return mark(msgspec.structs.replace(cursor, back=not cursor.back, here=True))

    def _found(
        self, cursor: Cursor | None, *, counting: bool = True
    ) -> tuple[list[Any], int, bool]:
        """Return keys, one row more than the page has, the count of all, and whether it is less."""
        filters = self._filters.all
        ways = [(self._size(one), at) for at, one in enumerate(filters) if one.ids]
        size, at = min(ways, default=(MANY + 1, None))
        leading = None if at is None else filters[at]
        if leading and size <= FEW:
            every = self._gathered(leading)
            return self._sliced(every, cursor), len(every), False
        counted, more = self._counted(leading, size) if counting else (0, False)
        by = leading.by if leading else ""
        if by and size <= (MANY if len(filters) == 1 else 2 * FEW) and self._held(by):
            return self._in_order(by, self._filters.scope, cursor), counted, more
        return self._walked(cursor), counted, more

    def _held(self, index: str) -> bool:
        """Tell whether an index holds all that is ordered by."""
        return set(self._order.columns) <= set(_INDEXES[index].columns)

    def _size(self, one: Filter) -> int:
        """Return how many rows a filter may leave, or one more than are sorted."""
        most = MANY if one.by else _EXAMINED
        size = self._count(f"{_joined(one.ids)} LIMIT {most + 1}")
        return size if size <= most else MANY + 1

    def _counted(self, leading: Filter | None, size: int) -> tuple[int, bool]:
        """Return how many rows the whole list has, as far as is counted; whether more may be."""
        scope, others = self._filters.scope, self._where(leading)
        most = MOST_COUNTED + 1
        every = f"SELECT s.id FROM sightings s INDEXED BY by_last WHERE {scope}"
        if not others and (leading is None or leading.by):
            return min(size, most) if leading else self._count(f"{every} LIMIT {most}"), False
        if leading is None:
            size = self._count(f"{every} LIMIT {_EXAMINED + 1}")
        few = f"SELECT id FROM ({_joined(leading.ids) if leading else every} LIMIT {_EXAMINED})"
        counted = self._count(
            f"SELECT 1 FROM ({few}) few CROSS JOIN sightings s ON s.id = few.id"
            f" WHERE {scope}{others} LIMIT {most}"
        )
        return counted, size > _EXAMINED

    def _count(self, rows: str) -> int:
        return int(self._ask(f"SELECT count(*) FROM ({rows})")[0][0])

    def _where(self, but: Filter | None = None) -> str:
        return "".join(f" AND {one.where}" for one in self._filters.all if one is not but)

    def _gathered(self, leading: Filter) -> list[Any]:
        """Return the keys of all rows that match, upwards."""
        found = self._ask(
            f"WITH few (id) AS ({_joined(leading.ids)}) SELECT {self._columns} FROM few"
            f" CROSS JOIN sightings s ON s.id = few.id"
            f" WHERE {self._filters.scope}{self._where(leading)}"
        )
        found.sort()
        return found

    def _sliced(self, every: list[Any], cursor: Cursor | None) -> list[Any]:
        """Return the rows beyond a mark, nearest first."""
        if cursor is None:
            return (every[::-1] if self._down else every)[: self._most + 1]
        at = (*msgspec.json.decode(str(cursor.value)), cursor.row)
        if self._down is cursor.back:
            found = every[(bisect_left if cursor.here else bisect_right)(every, at) :]
        else:
            found = every[: (bisect_right if cursor.here else bisect_left)(every, at)][::-1]
        return found[: self._most + 1]

    def _walked(self, cursor: Cursor | None) -> list[Any]:
        """Walk the order's index: of what is there, and of what is gone, where that is asked."""
        states = (1, 0) if self._asked.gone else (1,)
        found: list[Any] = []
        for there in states:
            scope = f"s.kind = {self._filters.bind(self._kind)} AND (s.gone_ns IS NULL) = {there}"
            found += self._in_order(self._order.by, scope, cursor)
        if len(states) > 1:
            found.sort(reverse=self._falling(cursor))
        return found[: self._most + 1]

    def _in_order(self, index: str, scope: str, cursor: Cursor | None) -> list[Any]:
        falling = self._falling(cursor)
        beyond = ""
        if cursor is not None:
            at = (*msgspec.json.decode(str(cursor.value)), cursor.row)
            sign = ("<" if falling else ">") + ("=" if cursor.here else "")
            beyond = f" AND ({self._columns}) {sign} ({', '.join(map(self._filters.bind, at))})"
        way = " DESC" if falling else ""
        order = self._columns.replace(",", f"{way},") + way
        return self._ask(
            f"SELECT {self._columns} FROM sightings s INDEXED BY {index}"
            f" WHERE {scope}{self._where()}{beyond} ORDER BY {order} LIMIT {self._most + 1}"
        )

    def _falling(self, cursor: Cursor | None) -> bool:
        return self._down is not (cursor is not None and cursor.back)

    def _seen(self, numbers: list[int]) -> tuple[Seen, ...]:
        marks = ", ".join(map(str, numbers))
        found = {
            row[0]: seen(row[1:])
            for row in self._connection.execute(
                f"SELECT id, {COLUMNS} FROM sightings WHERE id IN ({marks})"
            )
        }
        return tuple(found[one] for one in numbers if one in found)

    def _ask(self, asked: str) -> list[Any]:
        return self._connection.execute(asked, self._filters.values).fetchall()


def _joined(queries: tuple[str, ...]) -> str:
    return " UNION ".join(queries)
