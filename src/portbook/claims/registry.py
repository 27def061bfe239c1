"""The IANA registry: who holds a port, looked up in the table without reading all of it.

The octets of the table are sorted by port and taken in pages: where each number's rows stand is
noted for the page that a question falls on, so that one port costs little and thousands do too.
No row at all is silence, which is not the same as Unassigned.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from portbook.claims.rows import State, claims_of, holding, state_of
from portbook.claims.spans import Spans
from portbook.claims.table import LARGEST_OCTETS, Row, parse_about, row
from portbook.errors import SourceError
from portbook.ports import HIGHEST, Transport
from portbook.records import Claim, ClaimKind, Source

SHIPPED = os.path.join(os.path.dirname(__file__), "data", "registry.tsv")
TITLE = "IANA Service Name and Transport Protocol Port Number Registry"
_PAGE_OCTETS = 16384  # some 250 rows
_ALL = tuple(Transport)
_PORT_OCTETS = len("65535-")
_RANGE = re.compile(rb"\n(\d{1,5})-(\d{1,5})\t")


class _Pages(NamedTuple):
    """Where the pages of a table begin: no number stands on two of them."""

    firsts: list[int]  # their first numbers
    starts: list[int]  # their first octets, and the end of the last one


class Registry:
    """The table, in octets, and answers out of it."""

    def __init__(self, octets: bytes, where: str = "registry table") -> None:
        self.about, self._body = parse_about(octets, where)
        self._octets = octets
        self._where = where
        self._singles: dict[int, tuple[Row, ...]] = {}
        self._singles_of: dict[int, dict[int, tuple[int, int]]] = {}
        self._of_range: dict[int, Row] = {}
        self._claims: dict[tuple[int, Transport | None], tuple[Claim, ...]] = {}
        self._of_ranges: dict[tuple[tuple[int, ...], Transport | None], tuple[Claim, ...]] = {}
        self._of_row: dict[Row, tuple[Claim, ...]] = {}
        self._source = Source(TITLE, self.about.date, self.about.source)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Registry:
        """Read a table; None: the one that is shipped. Raises SourceError when it is damaged."""
        where = os.fspath(path) if path is not None else SHIPPED
        try:
            with open(where, "rb") as stream:
                octets = stream.read(LARGEST_OCTETS + 1)
        except OSError as error:
            raise SourceError(f"{where}: {error.strerror}; no registry table there") from error
        if len(octets) > LARGEST_OCTETS:
            raise SourceError(f"{where}: larger than a registry table can be", offset=0)
        return cls(octets, where)

    def claims(self, number: int, transport: Transport | None = None) -> tuple[Claim, ...]:
        """Return what IANA says of a port, well-formed names first; empty where it is silent.

        transport: None asks for all four; a claim of a row without transport has none either.
        """
        asked = (number, transport)
        found = self._claims.get(asked)
        if found is None:
            found = self._claims[asked] = self._looked_up(number, transport)
        return found

    def rows(self, number: int, transport: Transport) -> tuple[Row, ...]:
        """Return the rows that hold for a number on a transport, the most specific only."""
        return holding(self._covering(number), transport)

    def state(self, number: int, transport: Transport) -> State:
        """Return whether a number is assigned, reserved, unassigned, something else, or silent."""
        rows = self.rows(number, transport)
        return state_of(rows[0]) if rows else State.SILENT

    def spoken_of(self, numbers: range) -> set[int]:
        """Return which of the numbers have a row of their own, or lie in a range with a name."""
        pages = range(self._page_of(numbers.start), self._page_of(numbers.stop - 1) + 1)
        found = {number for page in pages for number in self._places(page) if number in numbers}
        for part in self._ranges.parts(numbers):
            if any(self._range(at).name for at in self._ranges.at(part.start)):
                found.update(part)
        return found

    def by_name(self, name: str) -> tuple[Claim, ...]:
        """Return the claims of a service name, compared without case; historic aliases too."""
        wanted = name.casefold()
        return self._assigned(row for row in self._matching(name) if row.name.casefold() == wanted)

    def portless(self, name: str) -> tuple[Row, ...]:
        """Return the rows of a service name that has no port (DNS-SD), compared without case."""
        wanted = name.casefold()
        return tuple(
            row
            for row in self._matching(name)
            if row.first is None and row.name.casefold() == wanted
        )

    def search(self, text: str) -> tuple[Claim, ...]:
        """Return assigned ports whose name or description holds the text, without case.

        Exact names come first, then names that begin with it, names, descriptions; then by port.
        """
        wanted = " ".join(text.split()).casefold()
        if not wanted:
            return ()
        ranked = [
            (rank, row)
            for row in self._matching(wanted)
            if row.name and (rank := _rank(row, wanted)) is not None
        ]
        ranked.sort(key=lambda entry: entry[0])
        return self._assigned(row for _, row in ranked)

    def _looked_up(self, number: int, transport: Transport | None) -> tuple[Claim, ...]:
        if not 0 <= number <= HIGHEST:
            return ()
        if self._single(number):
            return self._combined(number, transport)[0]
        # Nothing but ranges: what was told of one of their numbers holds for the next one too.
        ranges = self._ranges.at(number)
        if not ranges:
            return ()
        found = self._of_ranges.get((ranges, transport))
        if found is None:
            found, anywhere = self._combined(number, transport)
            if anywhere:
                self._of_ranges[ranges, transport] = found
        return found

    def _combined(self, number: int, transport: Transport | None) -> tuple[tuple[Claim, ...], bool]:
        """Return the claims, and whether they hold wherever the same rows do."""
        covering = self._covering(number)
        if transport is not None:
            rows = holding(covering, transport)
        else:
            rows = tuple(dict.fromkeys(row for one in _ALL for row in holding(covering, one)))
        if len(rows) == 1 and len(told := self._told(rows[0])) == 1:
            return told, True
        claims = [claim for row in rows for claim in self._told(row)]
        here = sorted((claim for claim in claims if number in claim.ports), key=_place)
        return tuple(here), not any(row.unauthorized for row in rows)

    def _covering(self, number: int) -> tuple[Row, ...]:
        if not 0 <= number <= HIGHEST:
            return ()
        ranges = self._ranges.at(number)
        singles = self._single(number)
        return singles + tuple(map(self._range, ranges)) if ranges else singles

    def _single(self, number: int) -> tuple[Row, ...]:
        found = self._singles.get(number)
        if found is None:
            found = self._singles[number] = self._read_singles(number)
        return found

    def _range(self, at: int) -> Row:
        found = self._of_range.get(at)
        if found is None:
            (found,) = self._lines(at, self._octets.find(b"\n", at))
            self._of_range[at] = found
        return found

    def _read_singles(self, number: int) -> tuple[Row, ...]:
        place = self._places(self._page_of(number)).get(number)
        return tuple(self._lines(*place)) if place else ()

    def _places(self, page: int) -> dict[int, tuple[int, int]]:
        """Return where the rows of each single number on a page begin and end."""
        places = self._singles_of.get(page)
        if places is None:
            places = self._singles_of[page] = {}
            before, start = b"", 0
            at, end = self._pages.starts[page : page + 2]
            for line in self._octets[at:end].split(b"\n"):
                head = line[: line.find(b"\t")]
                if head != before:
                    if before.isdigit():
                        places[int(before)] = (start, at - 1)
                    before, start = head, at
                at += len(line) + 1
        return places

    def _page_of(self, number: int) -> int:
        return bisect_right(self._pages.firsts, number) - 1

    @cached_property
    def _pages(self) -> _Pages:
        firsts, starts = [0], [self._body]
        while (at := self._after_this_number(starts[-1] + _PAGE_OCTETS)) < len(self._octets):
            firsts.append(self._number_at(at))
            starts.append(at)
        return _Pages(firsts, [*starts, len(self._octets)])

    def _after_this_number(self, at: int) -> int:
        """Return where the next number's rows begin; the rows without a port are one page."""
        at = self._octets.find(b"\n", at) + 1
        number = self._number_at(at)
        while at and number <= HIGHEST and self._number_at(at) == number:
            at = self._octets.find(b"\n", at) + 1
        return at or len(self._octets)

    def _number_at(self, at: int) -> int:
        """Return the first number of the row that begins there; one without a port comes last."""
        head = self._octets[at : at + _PORT_OCTETS].partition(b"\t")[0].partition(b"-")[0]
        return int(head) if head.isdigit() else HIGHEST + 1

    def _lines(self, start: int, end: int) -> Iterable[Row]:
        for line in self._octets[start:end].decode(errors="replace").split("\n"):
            yield row(line, self._where)

    @cached_property
    def _ranges(self) -> Spans[int]:
        # Only where each range row begins: most are never asked for.
        return Spans(
            (int(match[1]), int(match[2]), match.start() + 1)
            for match in _RANGE.finditer(self._octets, self._body - 1)
        )

    def _matching(self, text: str) -> Iterable[Row]:
        """Give every row whose line holds the text, without case."""
        whole = self._octets[self._body :].lower()
        wanted = " ".join(text.split()).casefold().encode()
        at = whole.find(wanted)
        while at >= 0 and wanted:
            start = whole.rfind(b"\n", 0, at) + 1
            end = whole.find(b"\n", at)
            yield from self._lines(self._body + start, self._body + end)
            at = whole.find(wanted, end)

    def _assigned(self, rows: Iterable[Row]) -> tuple[Claim, ...]:
        return tuple(self._told(row)[0] for row in rows if row.name and row.first is not None)

    def _told(self, row: Row) -> tuple[Claim, ...]:
        claims = self._of_row.get(row)
        if claims is None:
            claims = self._of_row[row] = claims_of(row, self._source)
        return claims


def _rank(row: Row, wanted: str) -> int | None:
    name = row.name.casefold()
    if name == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    if wanted in name:
        return 2
    return 3 if wanted in row.description.casefold() else None


def _place(claim: Claim) -> tuple[bool, bool]:
    # Historic aliases after well-formed names, what IANA merely notes at the end.
    return claim.claim is ClaimKind.IANA_NOTED, claim.alias_of is not None
