"""The registry file as IANA publishes it, CSV or XML, plain or gzip: octets in, a table out.

What it is, is told by its content, never by its name. Nothing of it is trusted: sizes, depth and
counts are bounded, and a document type declaration (the door to entity bombs) is refused.
Source: RFC 6335 for the columns' meaning; the files' own headers for their names.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence

from portbook.claims.official_xml import rows_and_date
from portbook.claims.table import (
    LARGEST_OCTETS,
    MOST_ROWS,
    About,
    Row,
    Table,
    checked_row,
    fold,
    render,
    table,
)
from portbook.errors import SourceError

MAY_SHRINK = 0.05
MUST_HAVE = (22, 80, 443)

__all__ = ["checked_update", "parse_official", "render"]


def parse_official(
    octets: bytes, source: str = "IANA registry file", imported: str | None = None
) -> Table:
    """Read the official CSV or XML, plain or gzip.

    source: what the table's header shall say of its origin; imported: ISO date of today
    Raises SourceError with the row or octet where it cannot be read.
    """
    plain = _unpacked(octets, source)
    if plain.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        rows, date = rows_and_date(plain, source)
    else:
        rows = read_csv(plain, source)
        date = _newest(rows)
    if not rows:
        raise SourceError(f"{source}: no row in it; is it the registry's CSV or XML?")
    digest = hashlib.sha256(octets).hexdigest()
    return table(rows, source=source, date=date, sha256=(digest,), imported=imported)


def checked_update(old: About, new: Table) -> Table:
    """Return the new table when it may replace the old one.

    Raises SourceError when it shrinks by more than 5 % (rows, rows of TCP or of UDP, names) or has
    no name on 22, 80 or 443: such a file is cut, or something else.
    """
    for what in ("rows", "tcp", "udp", "names"):
        had, has = old.counts[what], new.about.counts[what]
        if has < had * (1 - MAY_SHRINK):
            raise SourceError(
                f"{new.about.source}: {has} {what} where the table in use has {had}; "
                "kept the old one. Is the file whole?"
            )
    named = {row.first for row in new.rows if row.name}
    lacking = [str(number) for number in MUST_HAVE if number not in named]
    if lacking:
        raise SourceError(
            f"{new.about.source}: no service on port {', '.join(lacking)}; "
            "kept the old table. Is it the registry's own file?"
        )
    return new


def read_csv(octets: bytes, source: str) -> list[Row]:
    """Read the 12 columns, found by name; record ends CR LF or LF, line ends inside quotes."""
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{source}: not UTF-8 text at octet {error.start}; is it the CSV?"
        ) from error
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = _columns(next(lines, []), source)
        return list(_csv_rows(lines, columns, source))
    except csv.Error as error:
        raise SourceError(
            f"{source}: line {lines.line_num}: {error}; the file may be cut"
        ) from error


# In the order of Row; the eleventh column was renamed between 2018 and 2020.
_COLUMNS: tuple[tuple[str, ...], ...] = (
    ("port number",),
    ("transport protocol",),
    ("service name",),
    ("description",),
    ("assignee",),
    ("registration date",),
    ("modification date",),
    ("reference",),
    ("service code",),
    ("unauthorized use reported", "known unauthorized uses"),
    ("assignment notes",),
)


def _columns(header: Sequence[str], source: str) -> list[int]:
    names = [fold(name).lower() for name in header]
    found = []
    for accepted in _COLUMNS:
        places = [names.index(name) for name in accepted if name in names]
        if not places:
            raise SourceError(
                f"{source}: line 1 has no column {accepted[0]!r}; "
                "is it IANA's service-names-port-numbers.csv?"
            )
        found.append(places[0])
    return found


def _csv_rows(lines: Iterator[list[str]], columns: list[int], source: str) -> Iterator[Row]:
    width = max(columns) + 1
    for count, fields in enumerate(lines, 1):
        if count > MOST_ROWS:
            raise SourceError(f"{source}: more than {MOST_ROWS} rows; not the registry")
        if not fields:
            continue
        if len(fields) < width:
            raise SourceError(f"{source}: row {count} has {len(fields)} columns, not 12")
        yield checked_row([fold(fields[place]) for place in columns], f"{source}: row {count}")


def _newest(rows: Sequence[Row]) -> str:
    newest = max((date for row in rows for date in (row.registered, row.modified)), default="")
    return f"at least {newest}" if newest else "not told"


def _unpacked(octets: bytes, source: str) -> bytes:
    if len(octets) > LARGEST_OCTETS:
        raise SourceError(f"{source}: {len(octets)} octets, more than a registry can have")
    if not octets.startswith(b"\x1f\x8b"):
        return octets
    unpacker = zlib.decompressobj(31)
    try:
        plain = unpacker.decompress(octets, LARGEST_OCTETS)
    except zlib.error as error:
        raise SourceError(f"{source}: the gzip data is damaged ({error})") from error
    if unpacker.unconsumed_tail:
        raise SourceError(f"{source}: unpacks to more than {LARGEST_OCTETS} octets; refused")
    if not unpacker.eof:
        raise SourceError(f"{source}: the gzip data is cut", offset=len(octets))
    return plain
