"""What is asked of a story's list, as conditions in SQL, and the rows that each may leave.

A condition that an index can answer also says which rows it leaves, so that what leaves few is
looked up first and the rest is tried on those alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from portbook.addresses import parse
from portbook.book.listings import UNKNOWN, Asked
from portbook.book.story_rows import LARGEST, NO_HOST, NO_PORT, NO_PROTOCOL, address_key
from portbook.book.story_tables import PLACES, Kind
from portbook.errors import UsageError
from portbook.ports import HIGHEST

if TYPE_CHECKING:
    from sqlite3 import Connection

MOST_WORDS, LONGEST_WORD, MOST_SPANS = 8, 64, 64
_LAST = b"\xff\xff"  # behind an address: its last port
_TOKEN = re.compile(r"[^\W_]+")
_DOTTED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){1,2})\.?")


class Condition(NamedTuple):
    """One filter.

    sql: what holds of a row; few: selects the numbers of the rows that it leaves, by an index;
    None: no index says
    ways: where these are columns of conversations: parts of which one must hold, by column
    """

    sql: str
    few: str | None = None
    ways: tuple[tuple[str, str], ...] = ()


class Filters:
    """The conditions of what is asked, and the values that stand in them by name.

    The caller holds a transaction and rolls it back: what words mean is noted in it.
    """

    def __init__(self, connection: Connection, kind: Kind, asked: Asked) -> None:
        self._connection, self._kind, self._asked = connection, kind, asked
        self._notes = 0
        _check_texts(asked)
        self.values: dict[str, Any] = {}
        self.conditions = [one for one in self._every() if one is not None]

    def where(self, without: Condition | None = None) -> str:
        """Return all conditions together, "1" when there is none; one may be left out."""
        told = [f"({one.sql})" for one in self.conditions if one is not without]
        return " AND ".join(told) or "1"

    def bind(self, value: Any) -> str:
        """Give a value a name to stand in SQL by."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def _every(self) -> Iterator[Condition | None]:
        asked = self._asked
        if asked.host:
            yield self._host(*host_range(asked.host))
        if asked.ports:
            yield self._ports([(span.first, span.last) for span in asked.ports])
        if asked.transport:
            yield self._transport(asked.transport.value)
        if asked.protocol:
            yield self._protocol("" if asked.protocol == UNKNOWN else asked.protocol)
        if asked.level and self._kind.name == "finding":
            yield Condition(f"level >= {asked.level.rank}")
        yield from self._place()
        yield from self._times()
        yield from self._words(words_of(asked.text))

    def _host(self, first: bytes, last: bytes) -> Condition:
        low, high = self.bind(first), self.bind(last)
        if not self._kind.beside:
            high = self.bind(last + _LAST)
            span = f"BETWEEN {low} AND {high}"
            return self._any([("client", f"client {span}"), ("server", f"server {span}")])
        return self._beside("hosts", f"address BETWEEN {low} AND {high}", NO_HOST)

    def _ports(self, spans: list[tuple[int, int]]) -> Condition:
        if len(spans) > MOST_SPANS:
            raise UsageError(f"ask for {MOST_SPANS} ranges of ports at the most")
        spans = _apart(spans)
        if not self._kind.beside:
            return self._any(
                [
                    (column, f"{column} BETWEEN {int(first)} AND {int(last)}")
                    for column in ("client_port", "server_port")
                    for first, last in spans
                ]
            )
        told = [f"number BETWEEN {int(first)} AND {int(last)}" for first, last in spans]
        if self._kind.name == "device":
            return self._serving(" OR ".join(f"p.{one}" for one in told))
        return self._beside("ports", " OR ".join(told), NO_PORT)

    def _serving(self, told: str) -> Condition:
        """Return what leaves devices that announce themselves from a port, or serve at one."""
        device, service = PLACES["device"], PLACES["service"]
        few = (
            f"SELECT p.id FROM ports p WHERE p.kind = {device} AND ({told}) UNION "
            "SELECT d.id FROM ports p"
            f" JOIN hosts s ON s.kind = {service} AND s.id = p.id"
            f" JOIN hosts d ON d.kind = {device} AND d.address = s.address"
            f" WHERE p.kind = {service} AND ({told})"
        )
        return Condition(f"id IN ({few})", few)

    def _transport(self, name: str) -> Condition:
        value = self.bind(name)
        if not self._kind.beside:
            return Condition(f"transport = {value}")
        return Condition(f"transport IN ({value}, '')")

    def _protocol(self, name: str) -> Condition:
        value = self.bind(name)
        if not self._kind.beside:
            return self._any([("protocol", f"protocol = {value}")])
        return self._beside("protocols", f"name = {value}", NO_PROTOCOL)

    def _place(self) -> Iterator[Condition]:
        for column, told in (("site", self._asked.site), ("source", self._asked.source)):
            if told is not None:
                found = f"SELECT id FROM place WHERE {column} = {self.bind(told)}"
                rows = self._connection.execute(found, self.values).fetchall()
                places = ", ".join(str(int(number)) for (number,) in rows)
                nobody = None if rows else "SELECT 0 WHERE 0"
                yield Condition(f"place IN ({places})", nobody)

    def _times(self) -> Iterator[Condition]:
        since_ns, until_ns = self._asked.since_ns, self._asked.until_ns
        if since_ns is not None:
            yield self._time("last_ns", f"last_ns >= {self.bind(_moment(since_ns))}")
        if until_ns is not None:
            yield self._time("first_ns", f"first_ns <= {self.bind(_moment(until_ns))}")

    def _time(self, column: str, told: str) -> Condition:
        return Condition(told) if self._kind.beside else self._any([(column, told)])

    def _words(self, words: list[str]) -> Iterator[Condition]:
        """Give what holds where each word begins one of the row's, or is an end of it."""
        texts: list[str] = []
        for word in words:
            span = _address_range(word)
            number = int(word) if word.isascii() and word.isdecimal() else None
            port = number if number is not None and number <= HIGHEST else None
            if span is None and port is None:
                texts.append(word)
                continue
            # "::" is an address without a letter that an index of words has
            told = [self._said([word])] if _TOKEN.search(word) else []
            if span:
                told.append(self._host(*span))
            if port is not None:
                told.append(self._ports([(port, port)]))
            every = " UNION ALL ".join(one.few for one in told if one.few)
            yield Condition(" OR ".join(f"({one.sql})" for one in told), every)
        if any(map(_TOKEN.search, texts)):
            yield self._said(texts)

    def _said(self, words: list[str]) -> Condition:
        """Return what holds where all of these words are said; noted once, for every look."""
        tokens = [_TOKEN.findall(word) for word in words]
        match = " AND ".join(
            " AND ".join((*(f'"{one}"' for one in some[:-1]), f'"{some[-1]}"*'))
            for some in tokens
            if some
        )
        found = f"SELECT rowid FROM words WHERE words MATCH {self.bind(match)}"
        for word, some in zip(words, tokens, strict=True):
            if len(some) > 1:  # what joins its parts is no part of an index of words
                found = (
                    f"SELECT id FROM label WHERE id IN ({found}) "
                    f"AND instr(text, {self.bind(word)}) > 0"
                )
        name = f"said{self._notes}"
        self._notes += 1
        self._connection.execute(f"CREATE TEMP TABLE {name} (id INTEGER PRIMARY KEY)")
        self._connection.execute(f"INSERT INTO temp.{name} {found}", self.values)
        labels = f"label IN (SELECT id FROM temp.{name})"
        return Condition(labels, f"SELECT id FROM {self._kind.name} WHERE {labels}")

    def _any(self, ways: list[tuple[str, str]]) -> Condition:
        """Return what holds of a conversation where any of some columns says so."""
        few = " UNION ALL ".join(f"SELECT id FROM conversation WHERE {told}" for _, told in ways)
        return Condition(" OR ".join(told for _, told in ways), few, tuple(ways))

    def _beside(self, table: str, told: str, free: int) -> Condition:
        """Return what holds where a table beside says so, or where the kind is of none."""
        few = f"SELECT id FROM {table} WHERE kind = {PLACES[self._kind.name]} AND ({told})"
        held = f"id IN ({few})"
        if self._kind.name in ("finding", "oddity", "error"):
            return Condition(f"{held} OR free & {free}")
        return Condition(held, few)


def host_range(text: str) -> tuple[bytes, bytes]:
    """Return the first and last key of an address, a prefix, or another end's own name.

    Raises UsageError for what can be none of them.
    """
    if "/" in text:
        try:
            network = ip_network(text.strip(), strict=False)
        except ValueError:
            raise UsageError(
                f"not an address or prefix: {text[:60]!r}; write 10.0.0.5 or 10.0.0.0/24"
            ) from None
        return address_key(str(network[0])), address_key(str(network[-1]))
    if not 0 < len(text) <= LONGEST_WORD or not text.isprintable():
        raise UsageError(f"not an address: {text[:60]!r}; write 10.0.0.5 or 10.0.0.0/24")
    key = address_key(text.strip().lower())
    return key, key


def _apart(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ranges that overlap."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


def _check_texts(asked: Asked) -> None:
    for text in (asked.text, asked.host, asked.protocol, asked.source, asked.site):
        try:
            (text or "").encode()
        except UnicodeEncodeError:
            raise UsageError(f"not a text: {text!a:.60}") from None


def words_of(text: str) -> list[str]:
    """Return the words of a search; raises UsageError for more than a search can have."""
    words = list(dict.fromkeys(text.lower().split()))
    if len(words) > MOST_WORDS or any(len(one) > LONGEST_WORD for one in words):
        raise UsageError(
            f"search for {MOST_WORDS} words at the most, of {LONGEST_WORD} letters each"
        )
    return words


def _address_range(word: str) -> tuple[bytes, bytes] | None:
    """Return the range of keys that a word stands for which is an address or begins one."""
    if "/" in word:
        try:
            return host_range(word)
        except UsageError:
            return None
    begun = _DOTTED.fullmatch(word)
    if begun:
        parts = [int(one) for one in begun[1].split(".")]
        if max(parts) > 255:
            return None
        low = bytes((4, *parts))
        return low.ljust(5, b"\0"), low.ljust(5, b"\xff")
    if parse(word) or re.fullmatch(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", word):
        return address_key(word), address_key(word)
    return None


def _moment(time_ns: int) -> int:
    return max(0, min(time_ns, LARGEST))
