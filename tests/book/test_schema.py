"""A book of the first schema becomes one of this: whole, or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from support import sighted
from support.sighted import KINDS, T0

from portbook.book import Asked, Book, entries, schema
from portbook.errors import SourceError
from portbook.ports import PortRange


def older(path: Path, count: int = 0) -> None:
    """Write a book as the first portbook did."""
    made = [
        entries.of_service(sighted.service("10.0.0.9", 502, "modbus")),
        entries.of_service(sighted.service("fe80::1", 80)),
        entries.of_device(sighted.device("10.0.0.9", name="Pump", vendor="Siemens AG")),
        entries.of_announcement(sighted.announcement()),
        entries.of_finding(sighted.finding(), T0, None),
        *entries.of_listeners([sighted.listener(22, "sshd")], "this machine"),
        *(entries.of_service(sighted.service(f"10.1.{at >> 8}.{at & 255}")) for at in range(count)),
    ]
    with closing(sqlite3.connect(path)) as book, book:
        for statement in schema._statements(schema.MIGRATIONS[0]):
            book.execute(statement)
        for one in made:
            vlan, kind, key, transport, port, first_ns, last_ns, quiet_ns, told = one
            book.execute(
                "INSERT INTO sightings (site, vlan, kind, key, transport, port, source, first_ns,"
                " last_ns, count, recorded_ns, written_ns, quiet_ns, details)"
                " VALUES ('local', ?, ?, ?, ?, ?, 'eth0', ?, ?, 1, ?, ?, ?, ?)",
                (vlan, kind, key, transport, port, first_ns, last_ns, T0, T0, quiet_ns,
                 entries.encode(told)),
            )  # fmt: skip
        book.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        book.execute("PRAGMA user_version = 1")


def test_the_rows_of_an_older_book_are_found(tmp_path: Path) -> None:
    path = tmp_path / "book"
    older(path)
    with pytest.raises(SourceError, match="schema 1 is older than 2; any command that writes"):
        Book.open(path, readonly=True)

    with Book.open(path) as book:
        found = {kind: book.listed(kind, Asked()).counted for kind in KINDS}
        assert {
            "service": 2, "device": 1, "listener": 1, "announcement": 1, "finding": 1,
        } == found  # fmt: skip
        assert ["10.0.0.9"] == [one.subject for one in book.found("siemens pump", 5)]
        assert ["announcement"] == [one.of for one in book.seen(1742)]
        asked = Asked(host="10.0.0.0/24", ports=(PortRange(502, 502),), protocol="modbus")
        assert 1 == book.listed("service", asked).counted
        assert "PB301 tcp 10.0.0.9:502" in [one.subject for one in book.of_host("10.0.0.9", 9)]


def test_an_older_book_and_a_new_one_list_the_same(tmp_path: Path) -> None:
    older(tmp_path / "older")
    with Book.open(tmp_path / "older") as book, Book.open(tmp_path / "new") as new:
        new.record(
            "local", "eth0", T0,
            services=[sighted.service("10.0.0.9", 502, "modbus"), sighted.service("fe80::1", 80)],
            devices=[sighted.device("10.0.0.9", name="Pump", vendor="Siemens AG")],
            announcements=[sighted.announcement()], findings=[sighted.finding()],
        )  # fmt: skip
        new.record("local", "this machine", T0, listeners=[sighted.listener(22, "sshd")])
        for columns in ("kind, key, address, rank, label FROM sightings",
                        "kind, value FROM further_hosts", "kind, value FROM further_ports",
                        "text FROM texts"):  # fmt: skip
            asked = f"SELECT {columns} ORDER BY 1, 2" if "," in columns else f"SELECT {columns}"
            assert sorted(new._connection.execute(asked)) == sorted(book._connection.execute(asked))


_HALF = """
import sys
import portbook.book.schema as schema
from portbook.book import Book
made, left = schema._facet, [300]
def stop(*told):
    left[0] -= 1
    if not left[0]:
        print("half", flush=True)
        sys.stdin.read()
    return made(*told)
schema._facet = stop
Book.open(sys.argv[1])
"""


def test_a_migration_killed_half_way_leaves_the_older_book(tmp_path: Path) -> None:
    path = tmp_path / "book"
    older(path, 2000)
    with subprocess.Popen(
        [sys.executable, "-c", _HALF, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert "half\n" == child.stdout.readline()
        child.kill()

    with closing(sqlite3.connect(path)) as checked:
        assert [(1,)] == checked.execute("PRAGMA user_version").fetchall()
        assert [("ok",)] == checked.execute("PRAGMA integrity_check").fetchall()
        names = [name for (name,) in checked.execute("SELECT name FROM sqlite_schema")]
        assert "texts" not in names
    with Book.open(path) as book:
        assert 2002 == book.listed("service", Asked()).counted


def test_pruning_leaves_nothing_behind(tmp_path: Path) -> None:
    older(tmp_path / "book")
    with Book.open(tmp_path / "book") as book:
        assert 6 == book.prune(T0 + 1)
        for table in ("sightings", "texts", "further_hosts", "further_ports"):
            assert [(0,)] == book._connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        book._connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
