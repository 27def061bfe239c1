"""The registry table as text: one row a line, sorted by port, with its own origin on top.

Header lines begin with `# `. A row is eleven fields between tabs: port or range, transport, name,
description, assignee, registered, modified, reference, service code, unauthorised use, note.
Contacts are not kept. Ports, names and texts are those of the IANA registry (CC0 1.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from portbook.errors import SourceError
from portbook.ports import HIGHEST

MAGIC = "# portbook registry table 1"
FIELDS = 11
LARGEST_OCTETS = 64 << 20
MOST_ROWS = 500_000


class Row(NamedTuple):
    """One row of the registry; a text that it does not have is empty."""

    first: int | None  # None: a service name without a port
    last: int | None
    transport: str  # "tcp", "udp", "sctp", "dccp" or ""
    name: str
    description: str
    assignee: str = ""  # keys in square brackets
    registered: str = ""  # "2002-01" or "2002-01-31"
    modified: str = ""
    reference: str = ""
    code: str = ""  # DCCP service code
    unauthorized: str = ""
    note: str = ""


class About(msgspec.Struct, frozen=True):
    """Where a table comes from, of what day it is, and how much it holds."""

    source: str
    date: str  # the registry's own date; "at least ..." where the file does not carry one
    sha256: tuple[str, ...]  # of the files that it was made from
    counts: dict[str, int]  # "rows", "tcp", "udp", "sctp", "dccp", "none", "names"
    imported: str | None = None  # ISO date; None: shipped with portbook


class Table(msgspec.Struct, frozen=True):
    """A registry: its rows and where they come from."""

    rows: tuple[Row, ...]
    about: About


def table(
    rows: Iterable[Row], *, source: str, date: str, sha256: Sequence[str], imported: str | None
) -> Table:
    """Make a table: rows in order of port and transport, counts taken."""
    ordered = tuple(sorted(rows, key=_order))
    return Table(ordered, About(source, date, tuple(sha256), counts(ordered), imported))


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Count rows, rows by transport, and distinct names."""
    told = {"rows": len(rows), "tcp": 0, "udp": 0, "sctp": 0, "dccp": 0, "none": 0}
    for row in rows:
        told[row.transport or "none"] += 1
    told["names"] = len({row.name for row in rows if row.name})
    return told


def render(whole: Table) -> bytes:
    """Write a table as text."""
    about = whole.about
    head = [MAGIC, f"# source: {_line(about.source)}", f"# date: {_line(about.date)}"]
    head += [f"# sha256: {_line(digest)}" for digest in about.sha256]
    if about.imported:
        head.append(f"# imported: {_line(about.imported)}")
    head += [f"# {name}: {count}" for name, count in about.counts.items()]
    return "\n".join((*head, *map(_written, whole.rows), "")).encode()


def parse(octets: bytes, where: str = "registry table") -> Table:
    """Read a table that `render` wrote; raises SourceError with the place where it breaks."""
    about, body = parse_about(octets, where)
    try:
        lines = octets[body:].decode().split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise SourceError(f"{where}: not UTF-8 text; {AGAIN}", offset=body + error.start) from error
    rows = [row(line, where) for line in lines]
    if counts(rows) != about.counts:
        raise SourceError(f"{where}: {len(rows)} rows do not add up to the counts on top; {AGAIN}")
    return Table(tuple(rows), about)


AGAIN = "write it anew: portbook registry update FILE_OR_URL"


def parse_about(octets: bytes, where: str = "registry table") -> tuple[About, int]:
    """Read the header alone; also return the octet at which the rows begin.

    Raises SourceError when it is no table of ours, or when rows are missing at its end.
    """
    if not octets.startswith(MAGIC.encode() + b"\n"):
        raise SourceError(f"{where}: not a registry table of portbook; {AGAIN}", offset=0)
    values: dict[str, list[str]] = {}
    at = len(MAGIC) + 1
    while octets.startswith(b"# ", at):
        end = octets.find(b"\n", at)
        if end < 0:
            break
        key, _, value = octets[at + 2 : end].decode(errors="replace").partition(": ")
        values.setdefault(key, []).append(value)
        at = end + 1
    try:
        about = _about(values)
    except (KeyError, ValueError):
        raise SourceError(f"{where}: its header lacks a value; {AGAIN}", offset=at) from None
    if octets.count(b"\n", at) != about.counts["rows"] or not octets.endswith(b"\n"):
        raise SourceError(f"{where}: cut short or grown by hand; {AGAIN}", offset=len(octets))
    return about, at


def row(line: str, where: str = "registry table") -> Row:
    """Read one line; raises SourceError when it has not the fields of a row."""
    fields = line.split("\t")
    if len(fields) != FIELDS:
        raise SourceError(f"{where}: a row has {len(fields)} fields, not {FIELDS}; {AGAIN}")
    numbers = port_field(fields[0])
    if numbers is None:
        raise SourceError(f"{where}: {fields[0]!r} is no port; {AGAIN}")
    return Row(*numbers, *fields[1:])


_NUMBERS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?\Z", re.ASCII)


def port_field(text: str) -> tuple[int | None, int | None] | None:
    """Read "", "N" or "N-M"; None when it is neither, or no port."""
    if not text:
        return None, None
    match = _NUMBERS.match(text)
    if not match:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    return (first, last) if first <= last <= HIGHEST else None


def checked_row(fields: list[str], where: str) -> Row:
    """Make a row of folded texts in the order of Row, ports still as text."""
    numbers = port_field(fields[0])
    if numbers is None:
        raise SourceError(f"{where}: {fields[0]!r} is no port or range of ports")
    transport = fields[1].lower()
    if transport not in _TRANSPORTS:
        raise SourceError(f"{where}: {fields[1]!r} is no transport of the registry")
    return Row(*numbers, transport, *fields[2:])


def fold(text: str) -> str:
    """Turn every run of white space into one blank."""
    return " ".join(text.split())


_TRANSPORTS = {name: place for place, name in enumerate(("", "tcp", "udp", "sctp", "dccp"))}


def _order(one: Row) -> tuple[bool, int, int, int]:
    # Python's sort keeps the official order of several names on one port.
    return one.first is None, one.first or 0, one.last or 0, _TRANSPORTS[one.transport]


def _written(one: Row) -> str:
    ports = "" if one.first is None else str(one.first)
    if one.last != one.first:
        ports += f"-{one.last}"
    return "\t".join((ports, *map(_line, one[2:])))


def _line(text: str | int | None) -> str:
    return fold(str(text))


def _about(values: dict[str, list[str]]) -> About:
    numbers = ("rows", "tcp", "udp", "sctp", "dccp", "none", "names")
    return About(
        source=values["source"][0],
        date=values["date"][0],
        sha256=tuple(values.get("sha256", ())),
        counts={name: int(values[name][0]) for name in numbers},
        imported=values.get("imported", [None])[0],
    )
