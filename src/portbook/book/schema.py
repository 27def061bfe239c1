"""The book's tables and how an older book becomes a newer one.

Version n of the schema is the first n scripts of `MIGRATIONS`, run in order; a script that has
been released is never changed. Every key includes site and VLAN; the VLAN of untagged traffic is
stored as 0, which on the wire means "no VLAN" too (IEEE 802.1Q, priority-tagged frames).
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from portbook.book import searching
from portbook.book.facets import Facets, facets
from portbook.errors import SourceError

if TYPE_CHECKING:
    from sqlite3 import Connection

PATIENCE_S = 20.0  # how long a writer waits for another one
APPLICATION_ID = 0x50_42_6F_6B  # "PBok", in the file's header (sqlite.org, fileformat2, 1.3.17)

_FIRST = """
CREATE TABLE sightings (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    vlan INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,            -- what makes it the same thing, see entries.py
    transport TEXT,
    port INTEGER,
    source TEXT NOT NULL,         -- the latest look that saw it
    first_ns INTEGER NOT NULL,    -- first and last seen, by the evidence
    last_ns INTEGER NOT NULL,
    count INTEGER NOT NULL,       -- looks that saw it
    recorded_ns INTEGER NOT NULL, -- when it came into the book
    written_ns INTEGER NOT NULL,  -- when it was last written here; pruning goes by it
    quiet_ns INTEGER,             -- silence that means gone; NULL: missing in one look does
    gone_ns INTEGER,              -- NULL: there
    details TEXT NOT NULL,        -- JSON: what a change is told by
    UNIQUE (site, vlan, kind, key)
) STRICT;
CREATE INDEX sightings_by_port ON sightings (port, transport) WHERE port IS NOT NULL;
CREATE INDEX sightings_by_source ON sightings (site, source, kind) WHERE gone_ns IS NULL;
CREATE INDEX sightings_by_recorded ON sightings (recorded_ns);
CREATE INDEX announcements ON sightings (kind) WHERE kind = 'announcement';
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    sighting INTEGER NOT NULL REFERENCES sightings (id) ON DELETE CASCADE,
    at_ns INTEGER NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('gone', 'back', 'changed')),
    before TEXT,                  -- JSON details, for 'changed'
    after TEXT
) STRICT;
CREATE INDEX events_by_time ON events (at_ns);
CREATE INDEX events_by_sighting ON events (sighting);
CREATE TABLE accepted (
    site TEXT NOT NULL,
    vlan INTEGER NOT NULL,
    code TEXT NOT NULL,
    subject TEXT NOT NULL,
    until_ns INTEGER NOT NULL,
    reason TEXT NOT NULL,
    fingerprint TEXT,             -- NULL: not met yet
    accepted_ns INTEGER NOT NULL,
    PRIMARY KEY (site, vlan, code, subject)
) STRICT, WITHOUT ROWID;
"""

# `portbook_facet` is `facets` as a function of SQL, known while migrations run. Indexes whose
# columns change from look to look are two only: every look rewrites them for each row it meets.
_SECOND = """
ALTER TABLE sightings ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE sightings ADD COLUMN rank INTEGER NOT NULL DEFAULT -1;
ALTER TABLE sightings ADD COLUMN label TEXT NOT NULL DEFAULT '';
CREATE TABLE further_hosts (
    sighting INTEGER NOT NULL REFERENCES sightings (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,          -- key of an address beside the sighting's own
    PRIMARY KEY (sighting, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE further_ports (
    sighting INTEGER NOT NULL REFERENCES sightings (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    value INTEGER NOT NULL,       -- code of a port, of kinds that may have several
    PRIMARY KEY (sighting, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE texts (
    id INTEGER PRIMARY KEY REFERENCES sightings (id) ON DELETE CASCADE,
    text TEXT NOT NULL            -- what a search by words looks at, folded
) STRICT;
CREATE TABLE searched (
    behind INTEGER NOT NULL       -- 1: the index of words lacks what `texts` holds
) STRICT;
INSERT INTO searched VALUES (1);
CREATE TABLE opinions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ns INTEGER NOT NULL,
    page TEXT NOT NULL,
    face TEXT NOT NULL CHECK (face IN ('good', 'unsure', 'bad')),
    comment TEXT NOT NULL,
    language TEXT NOT NULL
) STRICT;
UPDATE sightings SET
    address = portbook_facet(kind, details, 'address'),
    rank = portbook_facet(kind, details, 'rank'),
    label = portbook_facet(kind, details, 'label');
INSERT INTO texts SELECT id, portbook_facet(kind, details, 'text') FROM sightings
WHERE kind IN ('device', 'listener', 'finding');
INSERT INTO further_hosts
SELECT s.id, s.kind, j.value FROM sightings s, json_each(portbook_facet(kind, details, 'hosts')) j
WHERE s.kind IN ('announcement', 'finding');
INSERT INTO further_ports
SELECT s.id, s.kind, j.value FROM sightings s, json_each(portbook_facet(kind, details, 'ports')) j
WHERE s.kind IN ('announcement', 'finding');
DROP INDEX sightings_by_port;
DROP INDEX sightings_by_source;
DROP INDEX announcements;
CREATE INDEX by_address ON sightings (kind, gone_ns IS NULL, address, rank);
CREATE INDEX by_rank ON sightings (kind, gone_ns IS NULL, rank);
CREATE INDEX by_label ON sightings (kind, gone_ns IS NULL, label, rank);
CREATE INDEX by_first ON sightings (kind, gone_ns IS NULL, first_ns, rank, address);
CREATE INDEX by_last ON sightings (kind, gone_ns IS NULL, last_ns, first_ns, rank);
CREATE INDEX by_source ON sightings (site, source, kind, gone_ns IS NULL, last_ns + quiet_ns);
CREATE INDEX by_further_host ON further_hosts (kind, value);
CREATE INDEX by_further_port ON further_ports (kind, value);
CREATE INDEX by_page ON opinions (page, face);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _SECOND)


def prepare(connection: Connection, path: str, *, readonly: bool) -> None:
    """Check that the file is a book of ours, and bring it to this version.

    Raises SourceError when it is another program's file, newer, or older and read-only.
    """
    version, ours = _state(connection)
    if not ours:
        raise SourceError(f"{path}: an SQLite file, but not a book; name another one with --book")
    if version > len(MIGRATIONS):
        raise SourceError(
            f"{path}: written by a newer portbook (schema {version}, this one knows "
            f"{len(MIGRATIONS)}); use that version, or name another book with --book"
        )
    if version == len(MIGRATIONS):
        return
    if readonly:
        raise SourceError(
            f"{path}: schema {version} is older than {len(MIGRATIONS)}; any command that writes "
            "the book brings it up to date"
        )
    _migrate(connection)


def _state(connection: Connection) -> tuple[int, bool]:
    """Return the schema's version, and whether the file is empty or a book of ours."""
    version: int
    mark: int
    tables: int
    # one statement, one look at the file: another program may begin the book between two
    version, mark, tables = connection.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)"
        " FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    return version, mark == APPLICATION_ID or (mark == 0 and version == 0 and tables == 0)


def _migrate(connection: Connection) -> None:
    """Run the missing scripts, all or none; another process may have done so meanwhile."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes effect in an empty file only
    _log_ahead(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        version, _ = _state(connection)
        connection.create_function("portbook_facet", 3, _facet, deterministic=True)
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        searching.begin(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {max(version, len(MIGRATIONS))}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _facet(kind: str, details: str, name: str) -> str | int:
    value: str | int | tuple[str | int, ...] = getattr(_facets(kind, details), name)
    return msgspec.json.encode(value).decode() if isinstance(value, tuple) else value


@lru_cache(maxsize=1)  # one row's facets are asked for one after another
def _facets(kind: str, details: str) -> Facets:
    return facets(kind, msgspec.json.decode(details))


def _log_ahead(connection: Connection) -> None:
    """Switch to a write-ahead log; where two switch at once, SQLite refuses without waiting."""
    import sqlite3

    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _statements(script: str) -> list[str]:
    """Split a script: executescript would commit after each statement."""
    return [part for part in script.split(";\n") if part.strip()]
