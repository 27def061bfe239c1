"""One page of the book's lists: which orders there are, and the marks of pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from portbook.book.cursors import Cursor, mark, place
from portbook.book.facets import KINDS
from portbook.book.listings import MOST_COUNTED, Asked, Listed, order_of, rows_of
from portbook.book.sighting_parts import ADDRESS, FIRST, LABEL, LAST, RANK, Beyond, Order, Part
from portbook.book.sightings import COLUMNS, Seen, seen
from portbook.errors import UsageError

if TYPE_CHECKING:
    from sqlite3 import Connection

_TIMES = {"first": FIRST, "last": LAST}
ORDERS: Mapping[str, dict[str, Order]] = {
    "service": {"address": ADDRESS, "port": RANK, "protocol": LABEL, **_TIMES},
    "device": {"address": ADDRESS, "name": LABEL, **_TIMES},
    "listener": {"address": ADDRESS, "port": RANK, "program": LABEL, **_TIMES},
    "announcement": {"source": ADDRESS, "port": RANK, "protocol": LABEL, **_TIMES},
    "finding": {"level": RANK, "code": LABEL, "subject": ADDRESS, **_TIMES},
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
    """Answers one question to one kind's list.

    free: False: only what is about the host that is asked for, not what is about every host
    """

    def __init__(
        self, connection: Connection, kind: str, asked: Asked, *, free: bool = True
    ) -> None:
        self._connection, self._kind, self._asked = connection, kind, asked
        self._most = rows_of(asked)
        name, self._down = order_of(asked, ORDERS[kind], OWN[kind])
        self._name = ("-" if self._down else "") + name
        self._order = ORDERS[kind][name]
        states = (1, 0) if asked.gone else (1,)
        known: dict[str, list[int]] = {}
        self._parts = [Part(connection, kind, asked, there, known, free=free) for there in states]

    def page(self) -> Listed[Seen]:
        """Return the page."""
        cursor = self._cursor()
        rows = self._keys(cursor)
        counts = [part.counted() for part in self._parts]
        counted = sum(count for count, _ in counts)
        back = cursor is not None and cursor.back
        extra = len(rows) > self._most
        rows = rows[: self._most]
        if back:
            rows.reverse()
        ahead, behind = (True, extra) if back else (extra, cursor is not None)
        return Listed(
            rows=self._seen([row[-1] for row in rows]),
            counted=min(counted, MOST_COUNTED),
            more=counted > MOST_COUNTED or any(more for _, more in counts),
            next=self._mark(rows[-1:], cursor, back=False) if ahead else None,
            previous=self._mark(rows[:1], cursor, back=True) if behind else None,
        )

    def rows(self) -> tuple[Seen, ...]:
        """Return the first rows without counting the rest."""
        return self._seen([row[-1] for row in self._keys(None)[: self._most]])

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

    def _keys(self, cursor: Cursor | None) -> list[Any]:
        """Return the keys of the page's rows, nearest first, and of one row more."""
        falling = self._down is not (cursor is not None and cursor.back)
        if cursor is None:
            beyond = Beyond(None, False, falling)
        else:
            key = (*msgspec.json.decode(str(cursor.value)), cursor.row)
            beyond = Beyond(key, cursor.here, falling)
        most = self._most + 1
        found = [row for part in self._parts for row in part.rows(self._order, beyond, most)]
        if len(self._parts) > 1:
            found.sort(reverse=falling)
        return found[:most]

    def _seen(self, numbers: list[int]) -> tuple[Seen, ...]:
        marks = ", ".join(map(str, numbers))
        found = {
            row[0]: seen(row[1:])
            for row in self._connection.execute(
                f"SELECT id, {COLUMNS} FROM sightings WHERE id IN ({marks})"
            )
        }
        return tuple(found[one] for one in numbers if one in found)
