"""Write in the book, look things up, and keep it small.

Gone, by the kind of look: a look at a machine shows every socket, so what it does not show any
more is gone. Traffic is only there when somebody speaks: a service, a device or a finding from
traffic is gone when the same source was watched for a day longer without it, an announcement when
five of its periods (at least five minutes) passed. A source that is never looked at again, such as
a capture file, makes nothing go.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from portbook.book import asking, opinions
from portbook.book.changes import Change, changes, latest
from portbook.book.entries import LATEST_NS, clean
from portbook.book.listings import Asked, Listed
from portbook.book.looks import Look, forget, write
from portbook.book.opinions import Opinion
from portbook.book.schema import PATIENCE_S, prepare
from portbook.book.sighting_pages import listed
from portbook.book.sightings import Seen, seen
from portbook.book.trouble import told
from portbook.errors import SourceError, UsageError
from portbook.findings import accepted as acceptance
from portbook.findings.accepted import Acceptance
from portbook.ports import Transport
from portbook.records import (
    LOCAL_SITE,
    Announcement,
    Device,
    Finding,
    Listener,
    Service,
)

if TYPE_CHECKING:
    from sqlite3 import Connection
    from types import TracebackType

MOST_SERVICES = 200_000  # given at once
MOST_SEEN = 1_000  # of each kind, on one port
_SUFFIXES = ("", "-wal", "-shm")


class Size(msgspec.Struct, frozen=True):
    """How large the book is and what it holds."""

    octets: int  # on disk, with what is not yet folded in
    sightings: Mapping[str, int]  # by kind
    events: int
    accepted: int
    first_ns: int | None  # the earliest thing seen


class Book:
    """One open book; a context manager that closes it."""

    def __init__(self, connection: Connection, path: str, *, readonly: bool) -> None:
        self._connection = connection
        self.path = path
        self.readonly = readonly

    @classmethod
    def open(cls, path: str | os.PathLike[str], readonly: bool = False) -> Book:
        """Open a book; a new one is begun where there is none, unless it is only read.

        Raises SourceError, in one line that says what to do, when the file cannot be a book or
        cannot be used.
        """
        where = os.fspath(path)
        with told(where):
            connection = _read_only(where) if readonly else _writable(where)
        try:
            with told(where):
                prepare(connection, where, readonly=readonly)
        except BaseException:
            connection.close()
            raise
        return cls(connection, where, readonly=readonly)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Book:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def record(
        self,
        site: str,
        source: str,
        now_ns: int,
        services: Iterable[Service] = (),
        devices: Iterable[Device] = (),
        listeners: Iterable[Listener] | None = None,
        announcements: Iterable[Announcement] = (),
        findings: Iterable[Finding] = (),
        *,
        whole: bool = True,
    ) -> None:
        """Write one look, all of it or nothing.

        source: what was looked at: "this machine", an interface, a capture's name
        listeners: None: no machine was looked at; empty: one was, and nothing is open there
        whole: False: the look was filtered or cut short, so nothing is gone for not being in it
        """
        look = Look(clean(site), clean(source), _within(now_ns), listeners is not None, whole)
        with self._writing() as connection:
            write(connection, look, services, devices, listeners or (), announcements, findings)

    def changes(self, since_ns: int, now_ns: int) -> list[Change]:
        """Return what is new, gone or different between two moments, by what the book learned."""
        with told(self.path):
            return changes(self._connection, _within(since_ns), _within(now_ns))

    def seen(
        self, number: int, transport: Transport | None = None, most: int = MOST_SEEN
    ) -> list[Seen]:
        """Return what was seen on a port, the latest first; no transport: on any.

        Of each kind at most so many are given.
        """
        with self._reading() as connection:
            return asking.on_port(connection, number, transport, most)

    def services(self) -> list[Seen]:
        """Return the services that are there still, by what the book knows, in order of port."""
        with told(self.path):
            rows = self._connection.execute(_SERVICES, {"most": MOST_SERVICES}).fetchall()
        return [seen(row) for row in rows]

    def listed(self, kind: str, asked: Asked) -> Listed[Seen]:
        """Return one page of what the book holds of a kind.

        kind: "service", "device", "listener", "announcement" or "finding". Raises UsageError for
        an order, a mark or a prefix that cannot be.
        """
        with self._reading() as connection:
            return listed(connection, kind, asked)

    def found(self, text: str, most: int) -> list[Seen]:
        """Return what a search by words meets, of each kind at most so many, the latest first."""
        with self._reading() as connection:
            return asking.found(connection, text, most)

    def of_host(self, address: str, most: int) -> list[Seen]:
        """Return what concerns one address, of each kind at most so many, devices first."""
        with self._reading() as connection:
            return asking.of_host(connection, address, most)

    def one(self, kind: str, about: str) -> Seen | None:
        """Return what the book saw last of one thing, by its subject.

        about: as `Seen.subject` has it: a device's address, a finding's "PB301 tcp 10.0.0.9:502"
        """
        with self._reading() as connection:
            return asking.one(connection, kind, about)

    def latest(self, since_ns: int, most: int) -> list[Change]:
        """Return what changed after a moment, the newest first; only so many are looked at."""
        with self._reading() as connection:
            return latest(connection, _within(since_ns), most)

    def data_version(self) -> int:
        """Return a number that is another one when another connection has written since."""
        with told(self.path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def rate(self, page: str, face: str, comment: str, language: str, now_ns: int) -> None:
        """Keep what a reader said of a page; raises UsageError for what no page of ours sends."""
        opinion = opinions.made(page, face, comment, language, _within(now_ns))
        with self._writing() as connection:
            opinions.keep(connection, opinion)

    def opinions(self, most: int = 50, after: str | None = None) -> Listed[Opinion]:
        """Return one page of what readers said, the newest first."""
        with self._reading() as connection:
            return opinions.listed(connection, most, after)

    def opinion_counts(self, page: str | None = None) -> dict[str, int]:
        """Return how often each face was chosen: "good", "unsure", "bad"; of one page or of all."""
        with self._reading() as connection:
            return opinions.counts(connection, page)

    def accept(
        self,
        code: str,
        subject: str,
        until_ns: int,
        reason: str,
        now_ns: int,
        site: str = LOCAL_SITE,
        vlan: int | None = None,
    ) -> int:
        """Accept a finding until a moment; return how many findings in the book it is about.

        0: the book has not met it; the first one met with this code and subject is then meant.
        vlan: None: on every VLAN where it was found. Raises UsageError for a moment in the past
        or a reason that says nothing.
        """
        if until_ns <= now_ns:
            raise UsageError(
                "the date until which a finding is accepted has passed already; give a later one"
            )
        if not reason.strip():
            raise UsageError("a finding is accepted for a reason; give one with --reason")
        asked = {"site": site, "vlan": vlan, "code": code, "subject": subject}
        with self._writing() as connection:
            met: dict[int, str] = dict(connection.execute(_FOUND, asked).fetchall())
            rows = met.items() if met else [(vlan or 0, None)]
            connection.executemany(
                _ACCEPT,
                [
                    (
                        site,
                        one,
                        code,
                        subject,
                        _within(until_ns),
                        reason.strip(),
                        fingerprint,
                        now_ns,
                    )
                    for one, fingerprint in rows
                ],
            )
        return len(met)

    def unaccept(
        self, code: str, subject: str, site: str = LOCAL_SITE, vlan: int | None = None
    ) -> int:
        """Take an acceptance back; return how many there were."""
        asked = {"site": site, "vlan": vlan, "code": code, "subject": subject}
        with self._writing() as connection:
            return connection.execute(_UNACCEPT, asked).rowcount

    def accepted(self, site: str | None = None) -> list[Acceptance]:
        """Return all acceptances, the expired ones too; of one site or of all."""
        with told(self.path):
            rows = self._connection.execute(_ACCEPTED, {"site": site}).fetchall()
        return [
            Acceptance(
                code, subject, until_ns, reason, fingerprint, place, vlan or None, accepted_ns
            )
            for code, subject, until_ns, reason, fingerprint, place, vlan, accepted_ns in rows
        ]

    def marked(self, findings: Iterable[Finding], now_ns: int) -> list[Finding]:
        """Return all findings, those that somebody accepted marked."""
        return list(acceptance.mark(findings, self.accepted(), now_ns))

    def prune(self, before_ns: int) -> int:
        """Forget what was last written before a moment; return how many sightings went."""
        with self._writing() as connection:
            gone = forget(connection, _within(before_ns))
        with told(self.path):
            # executescript: execute() takes one step of this statement, which frees one page.
            self._connection.executescript("PRAGMA incremental_vacuum")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return gone

    def size(self) -> Size:
        """Return how large the book is and what it holds."""
        with told(self.path):
            ask = self._connection.execute
            kinds: dict[str, int] = dict(
                ask("SELECT kind, count(*) FROM sightings GROUP BY kind ORDER BY kind").fetchall()
            )
            events, held, first = ask(_COUNTS).fetchone()
            octets = sum(_octets(self.path + suffix) for suffix in _SUFFIXES)
        return Size(octets, kinds, events, held, first)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Give a connection that sees the book as it was at one moment."""
        with told(self.path):
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give a transaction that is written whole or not at all."""
        if self.readonly:
            raise UsageError(f"{self.path}: the book was opened for reading only")
        with told(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise


def _within(moment_ns: int) -> int:
    """Return a moment that SQLite's 64 bits can hold: the year 2262 stands for all later ones."""
    return max(0, min(moment_ns, LATEST_NS))


def _writable(path: str) -> Connection:
    import sqlite3

    parent = Path(path).absolute().parent
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.path.lexists(path):
        # An inventory of a network is nobody else's to read.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    return _set_up(sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None))


def _read_only(path: str) -> Connection:
    import sqlite3

    if not os.path.exists(path):
        raise SourceError(f"{path}: no book there yet; begin one: portbook book create")
    address = Path(path).absolute().as_uri() + "?mode=ro"
    try:
        return _set_up(_connect(address))
    except sqlite3.OperationalError:
        # A folder that cannot be written has no room for the index of a write-ahead log; without
        # such a log the file is complete and nobody can be writing to it.
        if _octets(path + "-wal"):
            raise
        return _set_up(_connect(address + "&immutable=1"))


def _connect(address: str) -> Connection:
    import sqlite3

    connection = sqlite3.connect(address, uri=True, timeout=PATIENCE_S, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: Connection) -> Connection:
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")  # with WAL: consistent after any crash
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def _octets(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


_SERVICES = """
SELECT kind, site, vlan, source, first_ns, last_ns, count, gone_ns, details
FROM sightings INDEXED BY by_rank
WHERE kind = 'service' AND (gone_ns IS NULL) = 1 ORDER BY rank, id LIMIT :most
"""
_FOUND = """
SELECT vlan, json_extract(details, '$.fingerprint') FROM sightings
WHERE site = :site AND kind = 'finding' AND (vlan = :vlan OR :vlan IS NULL)
  AND json_extract(details, '$.code') = :code AND json_extract(details, '$.subject') = :subject
ORDER BY last_ns
"""
_ACCEPT = """
INSERT INTO accepted (site, vlan, code, subject, until_ns, reason, fingerprint, accepted_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, vlan, code, subject) DO UPDATE SET
    until_ns = excluded.until_ns, reason = excluded.reason,
    fingerprint = excluded.fingerprint, accepted_ns = excluded.accepted_ns
"""
_UNACCEPT = """
DELETE FROM accepted
WHERE site = :site AND code = :code AND subject = :subject AND (vlan = :vlan OR :vlan IS NULL)
"""
_ACCEPTED = """
SELECT code, subject, until_ns, reason, fingerprint, site, vlan, accepted_ns FROM accepted
WHERE site = :site OR :site IS NULL ORDER BY site, vlan, code, subject
"""
_COUNTS = """
SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM accepted),
       (SELECT min(first_ns) FROM sightings)
"""
