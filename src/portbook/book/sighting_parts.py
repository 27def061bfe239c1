"""The rows of one list that are there, or those that are gone: how they are found in time.

Where few rows can match, their keys are gathered and put in order here. Else the index of the
order is walked until the page is full, which is soon where many rows match. Where it is not, since
all that match stand far behind, and the index of a filter holds what is ordered by, its range is
sorted instead. Measured: `benchmarks/book.py`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from portbook.book.listings import MOST_COUNTED, Asked
from portbook.book.sighting_filters import Filter, Filters

if TYPE_CHECKING:
    from sqlite3 import Connection

FEW = 10_000  # rows that are gathered
FEWER = 3_000  # rows that are gathered where SQLite could sort them as well
SOME = 15_000  # rows that are sorted where each must be looked up
MOST_WALKS = 64  # that are put together for one page
PATIENCE = 40_000  # steps of SQLite's machine for a walk that something else could replace


class Order(NamedTuple):
    """What rows are put in order by: the columns of an index behind kind and presence."""

    by: str
    columns: tuple[str, ...]

    @property
    def types(self) -> tuple[type, ...]:
        """Return the types of the columns' values."""
        return tuple(str if one in ("address", "label") else int for one in self.columns)


ADDRESS = Order("by_address", ("address", "rank"))
RANK = Order("by_rank", ("rank",))
LABEL = Order("by_label", ("label", "rank"))
FIRST = Order("by_first", ("first_ns", "rank", "address"))
LAST = Order("by_last", ("last_ns", "first_ns", "rank"))
_INDEXES = {one.by: one for one in (ADDRESS, RANK, LABEL, FIRST, LAST)}


class Beyond(NamedTuple):
    """The rows that are wanted: those behind a key, in one direction of the order.

    key: the order's values and the row's id; None: from the beginning
    here: True: the row with this key too; falling: True: downwards
    """

    key: tuple[Any, ...] | None
    here: bool
    falling: bool


class Part:
    """Answers one question to the rows of a kind that are there, or to those that are gone.

    known: the ids that queries gave, for the other part; they know nothing of what is gone
    """

    def __init__(
        self,
        connection: Connection,
        kind: str,
        asked: Asked,
        there: int,
        known: dict[str, list[int]],
        *,
        free: bool,
    ) -> None:
        self._connection, self._known = connection, known
        self._filters = Filters(connection, kind, asked, there, free=free)
        self._sizes = [self._size(one) if one.ids else SOME + 1 for one in self._filters.all]
        ways = [at for at, one in enumerate(self._filters.all) if one.ids]
        best = min(ways, key=self._sizes.__getitem__, default=None)
        self._leading = None if best is None else self._filters.all[best]
        self._leading_size = SOME + 1 if best is None else self._sizes[best]

    def rows(self, order: Order, beyond: Beyond, most: int) -> list[Any]:
        """Return the keys of the nearest rows, so many at most."""
        leading, size = self._leading, self._leading_size
        if leading is None or (size > FEW and not leading.by):
            return self._walked(order, beyond, most)
        alone = bool(leading.by) and len(self._filters.all) == 1
        if size <= (FEWER if alone else FEW):
            return _sliced(self._gathered(leading, order), beyond, most)
        if 0 < len(leading.labels) <= MOST_WALKS and order in (RANK, LABEL):
            return self._merged(leading.labels, order, beyond, most)
        if leading.by == order.by:
            return self._walked(order, beyond, most)
        if size <= SOME:
            return self._sorted(leading.by, order, beyond, most)
        held = set(_INDEXES[leading.by].columns) if leading.by in _INDEXES else set()
        if not alone or not set(order.columns) <= held:
            return self._walked(order, beyond, most)
        found = self._patiently(lambda: self._walked(order, beyond, most))
        return self._sorted(leading.by, order, beyond, most) if found is None else found

    def counted(self) -> tuple[int, bool]:
        """Return how many rows match, as far as is counted, and whether there may be more."""
        leading, size = self._leading, self._leading_size
        scope, most = self._filters.scope, MOST_COUNTED + 1
        every = f"SELECT s.id FROM sightings s INDEXED BY by_last WHERE {scope}"
        others = self._where(leading)
        if leading is None and not others:
            return self._count(f"{every} LIMIT {most}"), False
        if leading and leading.by and not others:
            return min(size, most), size > SOME
        few = self._source(leading, FEW + 1) if leading else f"{every} LIMIT {FEW + 1}"
        if leading is None:
            size = self._count(few)
        counted = self._count(
            f"SELECT 1 FROM ({few}) few CROSS JOIN sightings s ON s.id = few.id"
            f" WHERE {scope}{others} LIMIT {most}"
        )
        return counted, size > FEW

    def _size(self, one: Filter) -> int:
        """Return how many rows a filter leaves, or one more than would be sorted."""
        return self._count(_joined(one.ids, SOME + 1)) if one.by else len(self._few(one))

    def _few(self, one: Filter) -> list[int]:
        """Return the ids of a filter that no single index gives, or one more than is gathered."""
        asked = _joined(one.ids, FEW + 1)
        if asked not in self._known:
            ids = dict.fromkeys(number for (number,) in self._ask(asked))
            self._known[asked] = list(ids)[: FEW + 1]
        return self._known[asked]

    def _source(self, leading: Filter, most: int) -> str:
        """Return a query for the ids of a filter's rows, as column `id`."""
        if leading.by:
            return f"{leading.ids[0]} LIMIT {most}"
        ids = msgspec.json.encode(self._few(leading)[:most]).decode()
        return f"SELECT value AS id FROM json_each({self._filters.bind(ids)})"

    def _count(self, rows: str) -> int:
        return int(self._ask(f"SELECT count(*) FROM ({rows})")[0][0])

    def _where(self, but: Filter | None = None) -> str:
        return "".join(f" AND {one.where}" for one in self._filters.all if one is not but)

    def _hidden(self, where: str) -> str:
        """Return all conditions; ranges of columns that `where` bounds without their bounds."""
        return "".join(
            f" AND +{one.where}"
            if one.span and f"s.{one.span[0]} " in where
            else f" AND {one.where}"
            for one in self._filters.all
        )

    def _gathered(self, leading: Filter, order: Order) -> list[Any]:
        """Return the keys of all rows that match, upwards."""
        found = self._ask(
            f"SELECT {_selected(order)} FROM ({self._source(leading, FEW)}) few"
            f" CROSS JOIN sightings s ON s.id = few.id"
            f" WHERE {self._filters.scope}{self._where(leading)}"
        )
        found.sort()
        return found

    def _walked(self, order: Order, beyond: Beyond, most: int) -> list[Any]:
        """Walk the order's index."""
        columns = (*order.columns, "id")
        return self._walk(order.by, order, columns, beyond, most)

    def _merged(
        self, labels: tuple[str, ...], order: Order, beyond: Beyond, most: int
    ) -> list[Any]:
        """Walk the index of labels for each of some: behind a label it is in order of port."""
        found: list[Any] = []
        for label in sorted(labels, reverse=beyond.falling):
            within = beyond
            if order is LABEL and beyond.key is not None:
                at, *key = beyond.key
                if label != at and (label < at) is not beyond.falling:
                    continue
                within = beyond._replace(key=tuple(key) if label == at else None)
            only = f" AND s.label = {self._filters.bind(label)}"
            found += self._walk("by_label", order, ("rank", "id"), within, most, only)
            if order is LABEL and len(found) >= most:
                break
        return sorted(found, reverse=beyond.falling)[:most]

    def _walk(
        self,
        index: str,
        order: Order,
        columns: tuple[str, ...],
        beyond: Beyond,
        most: int,
        only: str = "",
    ) -> list[Any]:
        """Return rows in the order of an index's columns.

        Behind a key, first those that share all of its values but the last are asked for, then
        those that share all but two, and so on: of a comparison of rows SQLite seeks by the first
        column alone, and 100,000 rows may share a port.
        """
        if beyond.key is None:
            return self._in_order(index, order, columns, only, beyond.falling, most)
        found: list[Any] = []
        values = [self._filters.bind(value) for value in beyond.key]
        for last in range(len(columns) - 1, -1, -1):
            same = (f" AND s.{columns[at]} = {values[at]}" for at in range(last))
            here = beyond.here and last == len(columns) - 1
            behind = self._behind(columns[last], values[last], beyond.falling, here=here)
            where = only + "".join(same) + behind
            found += self._in_order(index, order, columns, where, beyond.falling, most - len(found))
            if len(found) >= most:
                break
        return found

    def _behind(self, column: str, value: str, falling: bool, *, here: bool) -> str:
        """Return the condition of standing behind a value, and not beyond a filter's range.

        SQLite seeks by one lower and one upper bound of a column, whichever come first; so those
        of the filter are hidden from it, and the nearer ones are said here.
        """
        spans = [one.span for one in self._filters.all if one.span and one.span[0] == column]
        end = spans[0][1 if falling else 2] if spans else None
        sign = ("<" if falling else ">") + ("=" if here else "")
        behind = f" AND s.{column} {sign} {value}"
        return behind + (f" AND s.{column} {'>=' if falling else '<='} {end}" if end else "")

    def _sorted(self, index: str, order: Order, beyond: Beyond, most: int) -> list[Any]:
        """Sort what the index of a filter gives."""
        columns = (*order.columns, "id")
        where = ""
        if beyond.key is not None:
            sign = ("<" if beyond.falling else ">") + ("=" if beyond.here else "")
            values = ", ".join(map(self._filters.bind, beyond.key))
            where = f" AND ({_selected(order)}) {sign} ({values})"
        return self._in_order(index, order, columns, where, beyond.falling, most)

    def _in_order(
        self,
        index: str,
        order: Order,
        columns: tuple[str, ...],
        where: str,
        falling: bool,
        most: int,
    ) -> list[Any]:
        ordered = ", ".join(f"s.{one}{' DESC' if falling else ''}" for one in columns)
        return self._ask(
            f"SELECT {_selected(order)} FROM sightings s INDEXED BY {index}"
            f" WHERE {self._filters.scope}{self._hidden(where)}{where}"
            f" ORDER BY {ordered} LIMIT {most}"
        )

    def _patiently(self, ask: Callable[[], list[Any]]) -> list[Any] | None:
        """Return the answer, or None when it takes too long: the rows may stand far behind."""
        import sqlite3

        self._connection.set_progress_handler(lambda: 1, PATIENCE)
        try:
            return ask()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return None
        finally:
            self._connection.set_progress_handler(None, 0)

    def _ask(self, asked: str) -> list[Any]:
        return self._connection.execute(asked, self._filters.values).fetchall()


def _selected(order: Order) -> str:
    return ", ".join(f"s.{one}" for one in (*order.columns, "id"))


def _sliced(every: list[Any], beyond: Beyond, most: int) -> list[Any]:
    """Return the nearest rows behind a key, of all rows upwards."""
    key = beyond.key
    if beyond.falling:
        before = bisect_right if beyond.here else bisect_left
        end = len(every) if key is None else before(every, key)
        return every[max(0, end - most) : end][::-1]
    after = bisect_left if beyond.here else bisect_right
    begin = 0 if key is None else after(every, key)
    return every[begin : begin + most]


def _joined(queries: tuple[str, ...], most: int) -> str:
    if len(queries) == 1:
        return f"{queries[0]} LIMIT {most}"
    return " UNION ALL ".join(f"SELECT * FROM ({one} LIMIT {most})" for one in queries)
