"""One story on disk: all records of a capture or an interface, asked for page by page.

A story of 600,000 conversations is too much to hold in a server's memory, and a child process
that may die wrote it. So it is a file (SQLite), readable while it is written, and whoever reads it
takes nothing of it for granted: what cannot be decoded is a damaged file, told as SourceError.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from portbook.book import story_links, story_schema
from portbook.book.listings import MOST_ROWS, Asked, Listed
from portbook.book.story_asking import Pages
from portbook.book.story_links import Link, Linked
from portbook.book.story_tables import KINDS, Kind
from portbook.book.story_writing import Writer
from portbook.errors import SourceError, UsageError
from portbook.records import Announcement, Device, Summary

if TYPE_CHECKING:
    from sqlite3 import Connection
    from types import TracebackType

__all__ = ["DONE", "FAILED", "READING", "Link", "Linked", "StoryFile"]

READING, DONE, FAILED = "reading", "done", "failed: "
SUFFIXES = ("", "-wal", "-shm")  # the files that one story is kept in
MOST_HELD = 16 << 20  # octets of the file that one reader keeps in memory
_COMMITTED = 20_000  # rows written in one transaction
_PATIENCE_S = 10.0
_LONGEST_WHY = 2_000


class StoryFile:
    """One open story; a context manager that closes it. Threads may share it: they take turns."""

    def __init__(self, connection: Connection, path: str, *, readonly: bool) -> None:
        self._connection, self.path, self.readonly = connection, path, readonly
        self._turn = threading.RLock()
        self._writes: Writer | None = None

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> StoryFile:
        """Begin a story; only its owner may read it. Raises SourceError when that cannot be."""
        where = os.fspath(path)
        with _told(where):
            os.close(os.open(where, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            connection = _connected(where, readonly=False)
        story = cls(connection, where, readonly=False)
        try:
            with _told(where):
                story_schema.begin(connection)
                story._set("state", READING)
        except BaseException:
            story.close()
            raise
        return story

    @classmethod
    def open(cls, path: str | os.PathLike[str], readonly: bool = True) -> StoryFile:
        """Open a story. Raises SourceError where there is none, or none that can be used."""
        where = os.fspath(path)
        if not os.path.exists(where):
            raise SourceError(f"{where}: no story there; read the capture again")
        with _told(where):
            connection = _connected(where, readonly=readonly)
            try:
                story_schema.check(connection, where)
            except BaseException:
                connection.close()
                raise
        return cls(connection, where, readonly=readonly)

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._connection.close()

    def __enter__(self) -> StoryFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, records: Iterable[msgspec.Struct]) -> None:
        """Write records of any kinds; one that is the same thing as an earlier one replaces it.

        Raises UsageError for a kind that a story does not have, SourceError for a full disk.
        """
        with self._turn, _told(self.path):
            written = 0
            with self._writing() as writer:
                for count in writer.write(records):
                    written += count
                    if written >= _COMMITTED:  # else the log would grow as long as the story
                        written = 0
                        self._connection.execute("COMMIT")
                        self._connection.execute("BEGIN IMMEDIATE")

    def keep_only(self, kind: str, records: Iterable[msgspec.Struct]) -> None:
        """Remove the records of a kind that are not the same thing as one of these."""
        with self._turn, self._writing() as writer:
            writer.keep_only(_kind(kind), records)

    def keep_newest(self, kind: str, most: int) -> int:
        """Remove the records of a kind that were last seen longest ago, but for so many.

        Returns how many went.
        """
        with self._turn, self._writing() as writer:
            gone = writer.keep_newest(_kind(kind), most)
            if gone:
                writer.forget_words()
            return gone

    def arrange(self) -> None:
        """Make what lists and maps are read from quickly; what is written later is kept in it."""
        with self._turn, self._writing():
            story_schema.index(self._connection)

    def link(self) -> None:
        """Add up anew who speaks to whom."""
        with self._turn, self._writing():
            story_links.rebuild(self._connection)
            self._set("linked", "yes")

    def tell(self, summary: Summary) -> None:
        """Say how much it is so far."""
        with self._turn, self._writing():
            self._set("summary", msgspec.json.encode(summary).decode())

    def finish(self, summary: Summary) -> None:
        """Say that all is written; lists and maps are quick from now on."""
        self.arrange()
        self.link()
        with self._turn, self._writing():
            self._set("summary", msgspec.json.encode(summary).decode())
            self._set("counts", msgspec.json.encode(self._counted()).decode())
            self._set("state", DONE)
        import sqlite3

        with self._turn, _told(self.path):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            with suppress(sqlite3.OperationalError):  # somebody is reading: then it keeps its log
                self._connection.execute("PRAGMA busy_timeout = 0")
                self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.execute(f"PRAGMA busy_timeout = {int(1000 * _PATIENCE_S)}")

    def fail(self, why: str) -> None:
        """Say that it ended too early, and why."""
        told = why.encode("utf-8", "backslashreplace").decode()[:_LONGEST_WHY]
        with self._turn, self._writing():
            self._set("state", FAILED + told)

    def state(self) -> str:
        """Return "reading", "done", or "failed: " and why."""
        return self._get("state") or READING

    def summary(self) -> Summary | None:
        """Return how much was read; None before anybody said so."""
        told = self._get("summary")
        with _told(self.path):
            return msgspec.json.decode(told, type=Summary) if told else None

    def listed(self, kind: str, asked: Asked) -> Listed[Any]:
        """Return one page of the records of a kind.

        kind: "conversation", "service", "device", "announcement", "finding", "oddity", "error"
        They are as they were written, but that lists stand for tuples within free-form facts.
        Raises UsageError for what cannot be asked, SourceError when the file is damaged.
        """
        chosen = _kind(kind)
        with self._reading():
            return Pages(self._connection, chosen, asked).page()

    def links(self, asked: Asked, most: int) -> Linked:
        """Return who speaks what to whom, the biggest first, and how many are left out.

        most: 1 to 1,000; of what is asked, order and place are left aside
        """
        with self._reading():
            ready = self._get("linked") is not None
            return story_links.links(self._connection, asked, most, ready=ready)

    def timeline(self, asked: Asked, most: int = MOST_ROWS) -> Listed[Announcement]:
        """Return announcements for a drawing, those first that missed the most times."""
        order = asked.order or "-missed"
        return self.listed(
            "announcement", msgspec.structs.replace(asked, order=order, after=None, most=most)
        )

    def devices(self, addresses: Iterable[str]) -> dict[str, Device]:
        """Return the devices that have these addresses, by address; others are left out."""
        with self._reading():
            return story_links.devices(self._connection, addresses)

    def counts(self) -> Mapping[str, int]:
        """Return how many records of each kind there are."""
        with self._reading():
            told = self._get("counts")
            return msgspec.json.decode(told, type=dict[str, int]) if told else self._counted()

    def _counted(self) -> dict[str, int]:
        asked = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in KINDS)
        return dict(self._connection.execute(asked).fetchall())

    def data_version(self) -> int:
        """Return a number that differs when somebody else has written since."""
        with self._turn, _told(self.path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _get(self, name: str) -> str | None:
        with self._turn, _told(self.path):
            row = self._connection.execute(
                "SELECT value FROM meta WHERE name = ?", (name,)
            ).fetchone()
        return str(row[0]) if row else None

    def _set(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Give a look at the file as it stands at one moment."""
        with self._turn, _told(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            except UsageError:
                raise
            except (ValueError, TypeError) as error:  # a column holds what was never written there
                raise SourceError(f"{self.path}: {_DAMAGED} ({error})") from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        """Give a transaction that is written whole or not at all."""
        if self.readonly:
            raise UsageError(f"{self.path}: the story was opened for reading only")
        with _told(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._writes = self._writes or Writer(self._connection)
                self._connection.execute("DELETE FROM meta WHERE name = 'counts'")  # no more true
                yield self._writes
                self._connection.execute("COMMIT")
            except BaseException:
                self._writes = None  # it may know of rows that are not there now
                if self._connection.in_transaction:  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise


def orders(kind: str) -> tuple[str, ...]:
    """Return the names of what a kind's list may be ordered by."""
    return tuple(_kind(kind).orders)


def removed(path: str | os.PathLike[str]) -> None:
    """Remove a story's files, as far as they are there."""
    for suffix in SUFFIXES:
        Path(os.fspath(path) + suffix).unlink(missing_ok=True)


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise UsageError(f"no list of {name[:40]!r} in a story; known: {', '.join(KINDS)}")
    return KINDS[name]


def _connected(path: str, *, readonly: bool) -> Connection:
    import sqlite3

    address = Path(path).absolute().as_uri() + ("?mode=ro" if readonly else "?mode=rw")
    connection = sqlite3.connect(
        address, uri=True, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute(f"PRAGMA cache_size = {-(MOST_HELD >> 10)}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn errors of the file into one SourceError that says what to do."""
    import sqlite3

    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        known = _TROUBLE.get(code & 0xFF) if isinstance(code, int) else None
        raise SourceError(f"{path}: {known or f'the story cannot be used: {error}'}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {_DAMAGED} ({error})") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error


_DAMAGED = "the story's file is damaged; remove the story, and read the capture again"
# Primary result codes of SQLite (sqlite.org/rescode.html), the low octet of an extended one.
_TROUBLE = {
    5: "another program has been writing the story for too long; try again",
    8: "the story or its folder is read-only",
    10: "the disk reported an error, or the story has reached the size that it may have",
    11: _DAMAGED,
    13: "the disk is full; make room",
    14: "the story cannot be opened; check its folder",
    26: _DAMAGED,
}
