"""Search by words in what devices, listeners and findings tell: an index of three letters.

`texts` holds one folded text a row; `words` is an FTS5 table of its trigrams, without places and
so half as large: whether the letters stand together is looked up in the text. Where SQLite was
built without FTS5 the texts are walked instead, and `searched` says that the index is behind.
Services and announcements are not here: they are found by address, port and protocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from portbook.book.facets import GAP, TRANSPORTS, address_key, code, folded
from portbook.ports import HIGHEST

if TYPE_CHECKING:
    from sqlite3 import Connection

MOST_WORDS = 8  # of one search; further ones are not looked at
LONGEST_WORD = 64  # letters; what is longer is met by these
_MOST_TRIGRAMS = 24

_WORDS = """
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    text, content = 'texts', content_rowid = 'id', detail = none, columnsize = 0,
    tokenize = 'trigram case_sensitive 1'
)
"""
_OCTETS = re.compile(r"(?:\d{1,3}\.){0,3}\d{0,3}\Z")
_PORT = re.compile(r":?(\d{1,5})(?:/([a-z]+))?\Z")
_ENDPOINT = re.compile(r"(\[[0-9a-f:.]+\]|[0-9.]+)(:\d{1,5})\Z")


class Word(NamedTuple):
    """One word of a search, and what it can mean.

    text: folded; addresses: ranges of keys of the addresses that begin so
    ranks: ranges of codes of the ports that it is; transport: that it is
    """

    text: str
    addresses: tuple[tuple[str, str], ...]
    ranks: tuple[tuple[int, int], ...]
    transport: int | None

    @property
    def letters(self) -> str:
        """Return what must be met in a text: a short word must begin one."""
        return self.text if len(self.text) > 2 else GAP[: 3 - len(self.text)] + self.text


def words_of(text: str) -> tuple[Word, ...]:
    """Return the words of a search; any text has some or none."""
    found: dict[str, None] = {}
    for word in folded(text[: LONGEST_WORD * MOST_WORDS * 2]).split():
        end = _ENDPOINT.match(word)
        parts = (end[1].strip("[]"), end[2]) if end else (word,)
        found.update(dict.fromkeys(one[:LONGEST_WORD] for one in parts))
    return tuple(map(_word, list(found)[:MOST_WORDS]))


def matching(word: Word, mark: str) -> str:
    """Return the query of FTS5 for the rows of a kind whose texts may hold a word."""
    letters = word.letters
    three = dict.fromkeys(letters[at : at + 3] for at in range(len(letters) - 2))
    wanted = (mark, *list(three)[:_MOST_TRIGRAMS])
    return " AND ".join('"' + one.replace('"', '""') + '"' for one in wanted)


def _word(text: str) -> Word:
    transport = TRANSPORTS.index(text) if text in TRANSPORTS else None
    return Word(text, tuple(_addresses(text)), tuple(_ranks(text)), transport)


def _ranks(text: str) -> Iterable[tuple[int, int]]:
    told = _PORT.match(text)
    if told is None or int(told[1]) > HIGHEST:
        return
    port, transport = int(told[1]), told[2]
    if transport is None:
        yield port * 4, port * 4 + 3
    elif transport in TRANSPORTS:
        yield code(port, transport), code(port, transport)


def _addresses(text: str) -> Iterable[tuple[str, str]]:
    """Return the ranges of keys of the addresses that begin with a text, as they are written."""
    if _OCTETS.match(text):
        yield from _fours(text)
    elif ":" in text and len(text) <= 45:
        yield from _sixes(text)


def _fours(text: str) -> Iterable[tuple[str, str]]:
    *whole, last = text.split(".")
    if any(not part or int(part) > 255 for part in whole):
        return
    head = "".join(f"{int(part):02x}" for part in whole)
    free = 3 - len(whole)
    for low, high in _continued(last, 255, 10):
        yield (
            f"4{head}{low:02x}" + "00" * free,
            f"4{head}{high:02x}" + "ff" * free,
        )


def _sixes(text: str) -> Iterable[tuple[str, str]]:
    whole = address_key(text)
    if whole[0] == "6":
        yield whole, whole
    if "::" in text:
        # what is left out reaches as far as it can, so it is an address, or the head of one
        head, _, tail = text.partition("::")
        if tail:
            return
        text = head + ":"
    *parts, last = text.split(":")
    try:
        head = "".join(f"{int(part, 16):04x}" for part in parts)
        ends = list(_continued(last, 0xFFFF, 16))
    except ValueError:
        return
    free = 7 - len(parts)
    if len(head) != 4 * len(parts) or free < 0:
        return
    for low, high in ends:
        yield f"6{head}{low:04x}" + "0000" * free, f"6{head}{high:04x}" + "ffff" * free


def _continued(digits: str, most: int, base: int) -> Iterable[tuple[int, int]]:
    """Return the ranges of numbers up to `most` whose digits begin so; "" begins them all."""
    if not digits:
        yield 0, most
        return
    low = high = int(digits, base)
    if digits[0] == "0" and len(digits) > 1:
        return
    while low <= most:
        yield low, min(high, most)
        if low == 0:
            return
        low, high = low * base, high * base + base - 1


def begin(connection: Connection) -> None:
    """Make the index, or bring it up to date, where this SQLite can; the caller holds a write."""
    if is_behind(connection) and _able(connection):
        connection.execute(_WORDS)
        connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
        connection.execute("UPDATE searched SET behind = 0")


def is_behind(connection: Connection) -> bool:
    """Tell whether the index lacks something that a program without FTS5 wrote."""
    return bool(connection.execute("SELECT behind FROM searched").fetchone()[0])


def indexed(connection: Connection) -> bool:
    """Tell whether the index can be asked."""
    return _able(connection) and not is_behind(connection)


def put(connection: Connection, texts: list[tuple[int, str]]) -> None:
    """Keep the texts of new rows."""
    if not texts:
        return
    connection.executemany("INSERT INTO texts (id, text) VALUES (?, ?)", texts)
    _index(connection, "INSERT INTO words (rowid, text) VALUES (?, ?)", texts)


def change(connection: Connection, texts: list[tuple[int, str]]) -> None:
    """Keep other texts for rows that had some."""
    ids = [number for number, _ in texts]
    old = [row for one in ids for row in connection.execute(_OLD, (one,))]
    _index(connection, _TAKE_OUT, old)
    connection.executemany("UPDATE texts SET text = ?2 WHERE id = ?1", texts)
    _index(connection, "INSERT INTO words (rowid, text) VALUES (?, ?)", texts)


def forget(connection: Connection, which: str, named: dict[str, int]) -> None:
    """Take rows out before they are deleted; which: a query for their ids."""
    if not _able(connection):
        connection.execute("UPDATE searched SET behind = 1")
    elif not is_behind(connection):
        connection.execute(
            "INSERT INTO words (words, rowid, text) "
            f"SELECT 'delete', id, text FROM texts WHERE id IN ({which})",
            named,
        )


def _index(connection: Connection, statement: str, rows: list[tuple[int, str]]) -> None:
    if not _able(connection):
        connection.execute("UPDATE searched SET behind = 1")
    elif not is_behind(connection):
        connection.executemany(statement, rows)


def _able(connection: Connection) -> bool:
    asked = "SELECT 1 FROM pragma_module_list WHERE name = 'fts5'"
    return connection.execute(asked).fetchone() is not None


_OLD = "SELECT id, text FROM texts WHERE id = ?"
_TAKE_OUT = "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)"
