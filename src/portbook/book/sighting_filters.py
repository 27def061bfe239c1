"""What is asked of the book's lists as conditions on its sightings, each with a way to few rows.

A condition is said twice: as what a row must hold, and as queries for the ids of the rows that
hold it, from an index. `sighting_parts` takes the way that meets the fewest rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from portbook.book import searching
from portbook.book.entries import clean
from portbook.book.facets import ANYWHERE, MARKS, NO_RANK, TRANSPORTS, address_key
from portbook.book.listings import UNKNOWN, Asked
from portbook.book.searching import Word
from portbook.errors import UsageError

if TYPE_CHECKING:
    from sqlite3 import Connection

PORTED = frozenset({"service", "listener"})  # one port each, in `rank`
SEVERAL = frozenset({"announcement", "finding"})  # may have several ports and hosts
SPOKEN = frozenset({"service", "announcement"})  # their label is their protocols
_MOST_LABELS = 2_000  # different sets of protocols that are looked through
_MOST_PLACES = 200  # sites and sources that are looked through
_MOST_RANGES = 128  # of ports; each is a condition of its own
_PLACES = "FROM sightings INDEXED BY by_source"
_NONE = "SELECT 0 WHERE 0"
_LARGEST = 2**63 - 1


class Filter(NamedTuple):
    """One condition.

    where: SQL that a row `s` must hold; ids: queries that together give its rows' ids
    by: the index in which these rows stand together, with `where`; "": there is none
    labels: where it is one of some labels, these
    span: where it is a range of one column: that, and the names of the lowest and highest value
    """

    where: str
    ids: tuple[str, ...] = ()
    by: str = ""
    labels: tuple[str, ...] = ()
    span: tuple[str, str, str] | None = None


class Filters:
    """The conditions of one question to one kind's list, and the values they bind.

    there: 1: the rows that are there; 0: those that are gone
    free: True: what is about every address is about any that is asked for
    """

    def __init__(
        self, connection: Connection, kind: str, asked: Asked, there: int, *, free: bool
    ) -> None:
        self._free = free and kind in ("listener", "finding")
        self.values: dict[str, Any] = {}
        self._connection, self._kind, self._there = connection, kind, there
        self.scope = f"s.kind = {self.bind(kind)} AND (s.gone_ns IS NULL) = {there}"
        self.all = tuple(self._made(asked))

    def bind(self, value: Any) -> str:
        """Return the name under which a value stands in the SQL."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return ":" + name

    def _made(self, asked: Asked) -> Iterable[Filter]:
        if asked.host is not None:
            yield self._host(asked.host)
        if asked.ports or asked.transport is not None:
            yield from self._ports(asked)
        if asked.protocol is not None and self._kind in SPOKEN:
            yield self._protocol(asked.protocol)
        if asked.level is not None and self._kind == "finding":
            yield self._range("by_rank", "rank", asked.level.rank, _LARGEST)
        if asked.source is not None or asked.site is not None:
            yield self._place(asked.site, asked.source)
        if asked.since_ns is not None:
            yield self._range("by_last", "last_ns", _within(asked.since_ns), _LARGEST)
        if asked.until_ns is not None:
            yield self._range("by_first", "first_ns", 0, _within(asked.until_ns))
        for word in searching.words_of(asked.text):
            yield self._word(word)

    def _ids(self, index: str, where: str) -> str:
        return f"SELECT s.id FROM sightings s INDEXED BY {index} WHERE {self.scope} AND {where}"

    def _range(self, index: str, column: str, low: Any, high: Any) -> Filter:
        span = (column, self.bind(low), self.bind(high))
        where = f"s.{column} BETWEEN {span[1]} AND {span[2]}"
        return Filter(where, (self._ids(index, where),), index, span=span)

    def _place(self, site: str | None, source: str | None) -> Filter:
        told = {"site": site, "source": source}
        where = " AND ".join(
            f"s.{name} = {self.bind(clean(value))}"
            for name, value in told.items()
            if value is not None
        )
        known = self._places()
        if len(known) > _MOST_PLACES:
            return Filter(where)
        pairs = [one for one in known if site in (None, one[0]) and source in (None, one[1])]
        if not pairs:
            return Filter("0", (_NONE,))
        # one query a place: of a list of pairs SQLite would walk the whole index
        exact = [f"s.site = {self.bind(one)} AND s.source = {self.bind(two)}" for one, two in pairs]
        ids = tuple(self._ids("by_source", one) for one in exact)
        return Filter(exact[0], ids, "by_source") if len(ids) == 1 else Filter(where, ids)

    def _places(self) -> list[tuple[str, str]]:
        """Return the sites and sources that there are, each one step in their index."""
        ask = self._connection.execute
        found: list[tuple[str, str]] = []
        (site,) = ask(f"SELECT min(site) {_PLACES}").fetchone()
        while site is not None and len(found) <= _MOST_PLACES:
            source = ask(f"SELECT min(source) {_PLACES} WHERE site = ?", (site,)).fetchone()[0]
            while source is not None and len(found) <= _MOST_PLACES:
                found.append((site, source))
                beyond = f"SELECT min(source) {_PLACES} WHERE site = ? AND source > ?"
                (source,) = ask(beyond, (site, source)).fetchone()
            (site,) = ask(f"SELECT min(site) {_PLACES} WHERE site > ?", (site,)).fetchone()
        return found

    def _host(self, host: str) -> Filter:
        low, high = _keys(host)
        filters = [self._range("by_address", "address", low, high)]
        if self._free:
            filters.append(self._range("by_address", "address", ANYWHERE, ANYWHERE))
        if self._kind in SEVERAL:
            filters.append(self._further("host", low, high))
        return _any(filters)

    def _ports(self, asked: Asked) -> Iterable[Filter]:
        if self._kind == "device":
            return
        spans = asked.ports
        if len(spans) > _MOST_RANGES:
            raise UsageError(f"at most {_MOST_RANGES} ports or ranges at once, got {len(spans)}")
        wanted = None if asked.transport is None else TRANSPORTS.index(asked.transport.value)
        if spans:
            # of one port of one transport the code is one number
            one = wanted if all(span.size == 1 for span in spans) else None
            yield self._codes(
                (span.first * 4 + (one or 0), span.last * 4 + (3 if one is None else one))
                for span in spans
            )
            if wanted is None or one is not None:
                return
        yield self._transport(wanted or 0, spans)

    def _codes(self, spans: Iterable[tuple[int, int]]) -> Filter:
        if self._kind in PORTED:
            return _any([self._range("by_rank", "rank", low, high) for low, high in spans])
        told = [self._further("port", low, high) for low, high in spans]
        if self._kind == "finding":
            told.append(self._further("port", NO_RANK, NO_RANK))
        return _any(told)

    def _transport(self, wanted: int, spans: Iterable[Any]) -> Filter:
        if self._kind in PORTED:
            return Filter(f"(s.rank & 3) = {wanted}")
        ranges = [f"p.value BETWEEN {one.first * 4} AND {one.last * 4 + 3}" for one in spans]
        within = f" AND ({' OR '.join(ranges)})" if ranges else ""
        free = f" OR p.value = {NO_RANK}" if self._kind == "finding" else ""
        return Filter(
            "EXISTS (SELECT 1 FROM further_ports p WHERE p.sighting = s.id"
            f" AND (((p.value & 3) = {wanted}{within}){free}))"
        )

    def _further(self, what: str, low: Any, high: Any) -> Filter:
        span = f"BETWEEN {self.bind(low)} AND {self.bind(high)}"
        table = f"further_{what}s"
        kind = self.bind(self._kind)
        return Filter(
            f"EXISTS (SELECT 1 FROM {table} f WHERE f.sighting = s.id AND f.value {span})",
            (f"SELECT f.sighting FROM {table} f WHERE f.kind = {kind} AND f.value {span}",),
        )

    def _protocol(self, name: str) -> Filter:
        if name == UNKNOWN:
            return self._range("by_label", "label", "", "")._replace(labels=("",))
        return self._labelled(f",{name},")

    def _labelled(self, letters: str) -> Filter:
        """Return the condition that the label has these letters, commas at its ends included."""
        known = self._known()
        if len(known) > _MOST_LABELS:
            return Filter(f"instr(',' || s.label || ',', {self.bind(letters)}) > 0")
        labels = [label for label in known if letters in f",{label},"]
        where = f"s.label IN ({', '.join(map(self.bind, labels))})"
        return Filter(where, (self._ids("by_label", where),), "by_label", tuple(labels))

    def _known(self) -> list[str]:
        """Return the labels that there are; each is one step in their index."""
        asked = (
            "SELECT min(s.label) FROM sightings s INDEXED BY by_label"
            " WHERE s.kind = ? AND (s.gone_ns IS NULL) = ? AND s.label > ?"
        )
        found: list[str] = []
        label: str | None = ""
        while label is not None and len(found) <= _MOST_LABELS:
            found.append(label)
            (label,) = self._connection.execute(asked, (self._kind, self._there, label)).fetchone()
        return found

    def _word(self, word: Word) -> Filter:
        if self._kind in MARKS:
            return self._written(word)
        meant = [self._range("by_address", "address", *span) for span in word.addresses]
        # a short word must begin a name, as in the texts of other kinds
        meant.append(self._labelled(word.text if len(word.text) > 2 else f",{word.text}"))
        if self._kind in SEVERAL:
            meant += [self._further("host", *span) for span in word.addresses]
        if word.ranks:
            meant.append(self._codes(word.ranks))
        if word.transport is not None:
            meant.append(Filter(f"(s.rank & 3) = {word.transport}"))
        return _any(meant)

    def _written(self, word: Word) -> Filter:
        letters = self.bind(word.letters)
        where = f"EXISTS (SELECT 1 FROM texts t WHERE t.id = s.id AND instr(t.text, {letters}) > 0)"
        if not searching.indexed(self._connection):
            return Filter(where)
        asked = self.bind(searching.matching(word, MARKS[self._kind]))
        # CROSS JOIN: first the index of letters, then the text of each row that it gives
        ids = (
            "SELECT w.rowid FROM words w CROSS JOIN texts t ON t.id = w.rowid"
            f" WHERE w.words MATCH {asked} AND instr(t.text, {letters}) > 0"
        )
        return Filter(where, (ids,))


def _any(filters: list[Filter]) -> Filter:
    """Join conditions of which one must hold."""
    if not filters:
        return Filter("0", (_NONE,))
    if len(filters) == 1:
        return filters[0]
    where = " OR ".join(one.where for one in filters)
    ids = tuple(query for one in filters for query in one.ids)
    return Filter(f"({where})", ids if all(one.ids for one in filters) else ())


def _keys(host: str) -> tuple[str, str]:
    """Return the first and last key of an address or prefix."""
    if "/" not in host:
        key = address_key(host)
        return key, key
    try:
        network = ip_network(host, strict=False)
    except ValueError:
        raise UsageError(
            f"not an address or prefix: {host[:60]!r}; write 10.0.0.5 or 10.0.0.0/24"
        ) from None
    return address_key(str(network[0])), address_key(str(network[-1]))


def _within(moment_ns: int) -> int:
    return max(0, min(moment_ns, _LARGEST))
