"""Questions over several lists of the book: of a port, of a host, by words, of one thing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from portbook.book.facets import ANYWHERE, KINDS, address_key, ends
from portbook.book.listings import MOST_ROWS, Asked
from portbook.book.searching import words_of
from portbook.book.sighting_pages import Page
from portbook.book.sightings import COLUMNS, Seen, seen
from portbook.ports import PortRange, Transport

if TYPE_CHECKING:
    from sqlite3 import Connection

_ON_PORTS = ("service", "listener", "announcement")
_OF_HOSTS = ("device", "service", "listener", "announcement", "finding")


def on_port(
    connection: Connection, number: int, transport: Transport | None, most: int
) -> list[Seen]:
    """Return what was seen on a port, the latest first."""
    asked = _asked(most, ports=(PortRange(number, number),), transport=transport)
    found = [one for kind in _ON_PORTS for one in Page(connection, kind, asked).rows()]
    return sorted(found, key=lambda one: (-one.last_ns, one.subject))


def found(connection: Connection, text: str, most: int) -> list[Seen]:
    """Return what a search by words meets, of each kind at most so many, the latest first."""
    if not words_of(text):
        return []
    return _of_all(connection, _asked(most, text=text))


def of_host(connection: Connection, address: str, most: int) -> list[Seen]:
    """Return what concerns one address, of each kind at most so many, the latest first.

    What concerns every address, such as a socket that is bound to all, is not among it.
    """
    return _of_all(connection, _asked(most, host=address.replace("/", " ")), free=False)


def one(connection: Connection, kind: str, about: str) -> Seen | None:
    """Return the sighting with a subject, the latest of those that are there, else of all."""
    if kind not in KINDS:
        return None
    where, values = _place(kind, about)
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM sightings INDEXED BY by_address"
        f" WHERE kind = ? AND (gone_ns IS NULL) IN (0, 1) AND {where}"
        " ORDER BY gone_ns IS NOT NULL, last_ns DESC",
        (kind, *values),
    )
    return next((known for known in map(seen, rows) if known.subject == about), None)


def _asked(most: int, **asked: object) -> Asked:
    return Asked(gone=True, order="-last", most=max(1, min(most, MOST_ROWS)), **asked)  # type: ignore[arg-type]


def _of_all(connection: Connection, asked: Asked, *, free: bool = True) -> list[Seen]:
    return [one for kind in _OF_HOSTS for one in Page(connection, kind, asked, free=free).rows()]


def _place(kind: str, about: str) -> tuple[str, Iterable[str | int]]:
    """Return where in the index of addresses a subject stands."""
    if kind == "device":
        return "address = ?", (address_key(about),)
    code, _, subject = about.partition(" ") if kind == "finding" else ("", "", about)
    hosts, ports = ends(subject)
    address = hosts[0] if hosts else ANYWHERE
    if kind == "finding":
        return "address = ? AND label = ?", (address, code)
    if kind == "announcement" or not ports:
        return "address = ?", (address,)
    # a socket that is bound to every address stands at none
    return "address IN (?, ?) AND rank = ?", (address, ANYWHERE, ports[0])
