"""Records become rows of a story's file: met again, they replace what stood there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from portbook.book.entries import clean
from portbook.book.story_rows import Row
from portbook.book.story_schema import BESIDE
from portbook.book.story_tables import KINDS, PLACES, Kind
from portbook.errors import UsageError

if TYPE_CHECKING:
    from sqlite3 import Connection

TOGETHER = 500  # rows written at once; fewer than the variables of one statement
_MOST_KNOWN = 100_000  # texts whose numbers are remembered


class Writer:
    """Writes rows in one file; the caller holds the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._upserts = {name: _upsert(kind) for name, kind in KINDS.items()}
        self._labels: dict[str, int] = {}
        self._places: dict[tuple[str, str], int] = {}
        self._next = {name: self._after(name) for name in (*KINDS, "label")}

    def _after(self, table: str) -> int:
        last = self._connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0]
        return (last or 0) + 1

    def write(self, records: Iterable[msgspec.Struct]) -> Iterator[int]:
        """Write records of any kinds; give a number now and then: so many are written since.

        Two records of one call that are the same thing, but for what their kind does not show,
        both stay.
        """
        waiting: dict[str, list[msgspec.Struct]] = {}
        met: Counter[bytes] = Counter()
        for one in records:
            name = str(one.__struct_config__.tag)
            if name not in KINDS:
                raise UsageError(f"a story's file has no room for a record of kind {name!r}")
            some = waiting.setdefault(name, [])
            some.append(one)
            if len(some) == TOGETHER:
                self._some(KINDS[name], some, met)
                yield len(some)
                some.clear()
        for name, some in waiting.items():
            self._some(KINDS[name], some, met)
            yield len(some)

    def _some(self, kind: Kind, records: Sequence[Any], met: Counter[bytes]) -> None:
        rows = list(map(kind.row, records))
        if kind.beside:  # conversations are told apart by all that they are known by
            rows = [_nth(row, met) for row in rows]
        ids = self.ids(kind, [row.key for row in rows])
        fresh = self._next[kind.name]
        numbers = []
        for row in rows:
            number = ids.get(row.key)
            if number is None:
                number = ids[row.key] = self._next[kind.name]
                self._next[kind.name] += 1
            numbers.append(number)
        self._connection.executemany(
            self._upserts[kind.name],
            [
                (number, row.key, self._place(row), self._label(row.words), *row.values)
                for number, row in zip(numbers, rows, strict=True)
            ],
        )
        self._connection.executemany(
            f"INSERT OR REPLACE INTO {kind.name}_record VALUES (?, ?)",
            zip(numbers, map(_encoded, records), strict=True),
        )
        if kind.beside:
            self._beside(kind, numbers, rows, fresh)

    def ids(self, kind: Kind, keys: Sequence[bytes]) -> dict[bytes, int]:
        """Return the numbers of the rows that have these keys; of so many at once as are."""
        marks = ", ".join("?" * len(keys))
        asked = f"SELECT key, id FROM {kind.name} WHERE key IN ({marks})"
        return dict(self._connection.execute(asked, keys).fetchall())

    def _beside(self, kind: Kind, numbers: list[int], rows: list[Row], fresh: int) -> None:
        at = PLACES[kind.name]
        known = [(at, number) for number in numbers if number < fresh]
        for table in BESIDE:
            self._connection.executemany(f"DELETE FROM {table} WHERE kind = ? AND id = ?", known)
            self._connection.executemany(
                f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)",
                [
                    (at, value, number)
                    for number, row in zip(numbers, rows, strict=True)
                    for value in getattr(row, table)
                ],
            )

    def _place(self, row: Row) -> int:
        at = row.site, row.source
        if at not in self._places:
            told = clean(row.site), clean(row.source)
            self._connection.execute(
                "INSERT OR IGNORE INTO place (site, source) VALUES (?, ?)", told
            )
            (self._places[at],) = self._connection.execute(
                "SELECT id FROM place WHERE site = ? AND source = ?", told
            ).fetchone()
        return self._places[at]

    def _label(self, text: str) -> int:
        number = self._labels.get(text)
        if number is None:
            if len(self._labels) >= _MOST_KNOWN:
                self._labels.clear()
            number = self._labels[text] = self._numbered(text)
        return number

    def _numbered(self, text: str) -> int:
        digest = blake2b(text.encode(), digest_size=16).digest()
        ask = self._connection.execute
        found = ask("SELECT id FROM label WHERE digest = ?", (digest,)).fetchone()
        if found:
            return int(found[0])
        number = self._next["label"]
        self._next["label"] += 1
        ask("INSERT INTO label VALUES (?, ?, ?)", (number, digest, text))
        ask("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, text))
        return number

    def keep_only(self, kind: Kind, records: Iterable[Any]) -> None:
        """Remove the rows of a kind that are not among these records."""
        met: Counter[bytes] = Counter()
        ask = self._connection.execute
        ask("CREATE TEMP TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY)")
        ask("DELETE FROM temp.kept")
        self._connection.executemany(
            "INSERT OR IGNORE INTO temp.kept VALUES (?)",
            ((_nth(kind.row(one), met).key,) for one in records),
        )
        self._remove(kind, "key NOT IN (SELECT key FROM temp.kept)", {})

    def keep_newest(self, kind: Kind, most: int) -> int:
        """Remove the rows that were last seen longest ago, but for so many; return how many."""
        ask = self._connection.execute
        excess: int = ask(f"SELECT count(*) - ? FROM {kind.name}", (most,)).fetchone()[0]
        if excess <= 0:
            return 0
        which = f"id IN (SELECT id FROM {kind.name} ORDER BY last_ns, id LIMIT :excess)"
        self._remove(kind, which, {"excess": excess})
        return excess

    def _remove(self, kind: Kind, which: str, values: Mapping[str, Any]) -> None:
        ask = self._connection.execute
        ask("CREATE TEMP TABLE IF NOT EXISTS going (id INTEGER PRIMARY KEY)")
        ask("DELETE FROM temp.going")
        ask(f"INSERT INTO temp.going SELECT id FROM {kind.name} WHERE {which}", values)
        gone = "(SELECT id FROM temp.going)"
        for table in (kind.name, f"{kind.name}_record"):
            ask(f"DELETE FROM {table} WHERE id IN {gone}")
        for table in BESIDE if kind.beside else ():
            ask(f"DELETE FROM {table} WHERE kind = ? AND id IN {gone}", (PLACES[kind.name],))

    def forget_words(self) -> None:
        """Remove texts that no row says any more."""
        ask = self._connection.execute
        used = " UNION ALL ".join(f"SELECT label FROM {name}" for name in KINDS)
        ask("CREATE TEMP TABLE IF NOT EXISTS unsaid (id INTEGER PRIMARY KEY, text TEXT)")
        ask("DELETE FROM temp.unsaid")
        ask(f"INSERT INTO temp.unsaid SELECT id, text FROM label WHERE id NOT IN ({used})")
        # a table without content forgets a text only when it is told what it was
        ask(
            "INSERT INTO words (words, rowid, text) "
            "SELECT 'delete', id, text FROM temp.unsaid WHERE true"
        )
        ask("DELETE FROM label WHERE id IN (SELECT id FROM temp.unsaid)")
        self._labels.clear()


def _nth(row: Row, met: Counter[bytes]) -> Row:
    """Return a row with a key of its own when its key was met before."""
    before = met[row.key]
    met[row.key] += 1
    if not before:
        return row
    told = row.key + before.to_bytes(8, "big")
    return row._replace(key=blake2b(told, digest_size=16).digest())


def _upsert(kind: Kind) -> str:
    columns = ("place", "label", *(name for name, _ in kind.columns))
    marks = ", ".join("?" * (len(columns) + 2))
    told = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return (
        f"INSERT INTO {kind.name} (id, key, {', '.join(columns)}) VALUES ({marks}) "
        f"ON CONFLICT (id) DO UPDATE SET {told}"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):  # msgspec writes dict, but not every other mapping
        return dict(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


def _cleaned(value: Any) -> Any:
    """Return a value whose texts UTF-8 can hold: file names need not be text at all."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(one) for key, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, (list, tuple)) else value


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def _encoded(record: msgspec.Struct) -> bytes:
    try:
        return _encoder.encode(record)
    except UnicodeEncodeError:
        told = _cleaned(msgspec.to_builtins(record, enc_hook=_plain))
        return _encoder.encode(told)
