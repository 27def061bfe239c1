"""The tables of a story's file, and the indexes that its lists are read from.

The indexes are made once all rows are there, which is quicker than keeping them; the file of an
interface has them from the start. Each index of conversations holds every column that a filter
looks at, so the whole of it can be searched without touching a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.book.story_tables import KINDS, Kind
from portbook.errors import SourceError

if TYPE_CHECKING:
    from sqlite3 import Connection

APPLICATION_ID = 0x50_42_53_74  # "PBSt", in the file's header (sqlite.org, fileformat2, 1.3.17)
VERSION = 1
_SCANNED = (
    "packets",
    "octets",
    "client",
    "server",
    "client_port",
    "server_port",
    "transport",
    "protocol",
    "first_ns",
    "last_ns",
    "place",
    "label",
)
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE place (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, source TEXT NOT NULL, UNIQUE (site, source)
) STRICT;
CREATE TABLE label (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, text TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', detail = none, columnsize = 0);
CREATE TABLE hosts (
    kind INTEGER NOT NULL, address BLOB NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (kind, address, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hosts_by_id ON hosts (kind, id);
CREATE TABLE ports (
    kind INTEGER NOT NULL, number INTEGER NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (kind, number, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ports_by_id ON ports (kind, id);
CREATE TABLE protocols (
    kind INTEGER NOT NULL, name TEXT NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (kind, name, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX protocols_by_id ON protocols (kind, id);
CREATE TABLE link (
    id INTEGER PRIMARY KEY,
    client BLOB NOT NULL, server BLOB NOT NULL, transport TEXT NOT NULL, protocol TEXT NOT NULL,
    server_port INTEGER,          -- NULL: several
    conversations INTEGER NOT NULL, packets INTEGER NOT NULL, octets INTEGER NOT NULL,
    first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX link_octets ON link (octets, id);
CREATE INDEX link_client ON link (client);
CREATE INDEX link_server ON link (server);
"""
BESIDE = ("hosts", "ports", "protocols")


def begin(connection: Connection) -> None:
    """Make the tables of an empty file."""
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in (*_TABLES.split(";\n"), *map(_table, KINDS.values())):
        if statement.strip():
            connection.execute(statement)
    for kind in KINDS:
        connection.execute(
            f"CREATE TABLE {kind}_record (id INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT"
        )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def check(connection: Connection, path: str) -> None:
    """Raise SourceError unless the file is a story of this version."""
    version, mark = connection.execute(
        "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if mark != APPLICATION_ID:
        raise SourceError(f"{path}: not a story of ours; remove it, and read the capture again")
    if version != VERSION:
        raise SourceError(
            f"{path}: written by another portbook (schema {version}, this one knows {VERSION}); "
            "remove it, and read the capture again"
        )


def index(connection: Connection) -> None:
    """Make the indexes of all lists, those that are not there yet."""
    for kind in KINDS.values():
        for name, columns in indexes(kind).items():
            connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {kind.name} ({columns})")


def indexes(kind: Kind) -> dict[str, str]:
    """Return the indexes of a kind: their names and columns."""
    found = {f"{kind.name}_label": "label"}
    for column in dict.fromkeys(kind.orders.values()):
        more = () if kind.beside else tuple(one for one in _SCANNED if one != column)
        found[ordered_by(kind, column)] = ", ".join((column, "id", *more))
    return found


def ordered_by(kind: Kind, column: str) -> str:
    """Return the name of the index that a kind's rows are in order by."""
    return f"{kind.name}_by_{column}"


def _table(kind: Kind) -> str:
    columns = ", ".join(f"{name} {told}" for name, told in kind.columns)
    return (
        f"CREATE TABLE {kind.name} (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, "
        f"place INTEGER NOT NULL, label INTEGER NOT NULL, {columns}) STRICT"
    )
