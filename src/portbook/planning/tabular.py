"""A plan as CSV: comma, semicolon or tab, with or without a line of headings. Pure.

Each row stands for itself: an open quotation mark spoils its own row, not the rest of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence

from portbook.planning.siteplan import KEYS, SitePlan, row_plan

LONGEST_LINE = 4096
MOST_LINES_OF_A_ROW = 8  # a quoted field may run over several
MOST_COLUMNS = 64
PLAIN = ("host", "port", "transport", "use")
_DELIMITERS = ",;\t"
Row = tuple[int, Mapping[str, str] | str]


def read_csv_plan(text: str) -> SitePlan:
    """Read a plan; the columns are host, port, transport, use, and role, system, policy if wanted.

    Without a line of headings the first four stand in that order. Never raises: what cannot be
    read is a trouble with its line.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((line for line in lines if _says_something(line)), "")
    delimiter = max(_DELIMITERS, key=first.count)
    return row_plan(_rows(lines, delimiter))


def looks_like_headings(line: str) -> bool:
    """Tell whether a line has a column for the port and at least one more that is known."""
    words = {
        word.strip(" \"'").casefold()
        for word in line.replace(";", ",").replace("\t", ",").split(",")
    }
    names = {KEYS[word] for word in words if word in KEYS}
    return "port" in names and len(names) > 1


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _rows(lines: Sequence[str], delimiter: str) -> Iterator[Row]:
    headings: Sequence[str] | None = None
    at = 0
    while at < len(lines):
        line = at + 1
        fields, taken = _fields(lines, at, delimiter)
        at += taken
        if isinstance(fields, str):
            yield line, fields
        elif fields:
            if headings is None:
                told = delimiter.join(fields)
                headings = fields if looks_like_headings(told.replace(delimiter, ",")) else PLAIN
                if headings is fields:
                    continue
            yield line, _named(headings, fields)


def _named(headings: Sequence[str], fields: Sequence[str]) -> Mapping[str, str] | str:
    if len(fields) > len(headings):
        return f"{len(fields)} fields under {len(headings)} columns; quote a field with a delimiter"
    known = zip(headings, fields, strict=False)
    return {
        heading: field.strip()
        for heading, field in known
        if heading.strip().casefold() in KEYS  # a plan may have columns of its own
    }


def _fields(lines: Sequence[str], at: int, delimiter: str) -> tuple[Sequence[str] | str, int]:
    """Return the fields of a row and how many lines it took; a text tells why it is none."""
    line = lines[at]
    if len(line) > LONGEST_LINE:
        return f"longer than {LONGEST_LINE} letters", 1
    if not _says_something(line):
        return (), 1
    room = LONGEST_LINE
    for taken in range(1, MOST_LINES_OF_A_ROW + 1):
        part = lines[at : at + taken]
        room -= len(part[-1])
        if len(part) < taken or room < 0:
            break
        try:
            fields = next(csv.reader(["\n".join(part)], delimiter=delimiter, strict=True))
        except csv.Error:
            continue
        if len(fields) > MOST_COLUMNS:
            return f"more than {MOST_COLUMNS} columns", 1
        return [field.strip() for field in fields], taken
    return "a quotation mark that is never closed, or text after one", 1
