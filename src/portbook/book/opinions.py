"""Was this page helpful: what readers said, kept in the book for its owner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from portbook.book.cursors import Cursor, mark, place
from portbook.book.listings import MOST_COUNTED, Asked, Listed, rows_of
from portbook.errors import UsageError

if TYPE_CHECKING:
    from sqlite3 import Connection

FACES = ("good", "unsure", "bad")
MOST = 10_000  # kept; older ones are forgotten
LONGEST_COMMENT = 2_000  # letters
_LONGEST_PAGE = 200
_PAGE = re.compile(r"/(?:[\w.:~-]{1,80}(?:/[\w.:~-]{1,80}){0,5}/?)?\Z", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}\Z")


class Opinion(msgspec.Struct, frozen=True, tag="opinion", tag_field="kind"):
    """What one reader said of one page."""

    page: str  # its path: "/1743/udp"
    face: str  # "good", "unsure", "bad"
    comment: str  # "" for none
    language: str  # that the page was read in: "zh-Hant"
    at_ns: int


def made(page: str, face: str, comment: str, language: str, now_ns: int) -> Opinion:
    """Check what came from outside; raises UsageError for what no page of ours sends.

    A comment loses its control characters, and what is beyond 2,000 letters.
    """
    if len(page) > _LONGEST_PAGE or not _PAGE.match(page) or ".." in page:
        raise UsageError(f"not the path of a page: {page[:60]!r}; such as /1743/udp")
    if face not in FACES:
        raise UsageError(f"no such answer: {face[:20]!r}; known: {', '.join(FACES)}")
    if not _LANGUAGE.match(language):
        raise UsageError(f"not the tag of a language: {language[:20]!r}; such as en or zh-Hant")
    return Opinion(page, face, _cleaned(comment), language, now_ns)


def keep(connection: Connection, opinion: Opinion) -> None:
    """Write one opinion, and forget the oldest where there are too many."""
    row = msgspec.structs.astuple(opinion)
    connection.execute(
        "INSERT INTO opinions (page, face, comment, language, at_ns) VALUES (?, ?, ?, ?, ?)", row
    )
    connection.execute(
        "DELETE FROM opinions WHERE id <= (SELECT max(id) FROM opinions) - ?", (MOST,)
    )


def listed(connection: Connection, most: int, after: str | None) -> Listed[Opinion]:
    """Return one page, the newest first."""
    most = rows_of(Asked(most=most))
    cursor = place(after, "opinion", "-at", int) if after is not None else None
    back = cursor is not None and cursor.back
    number = cursor.row if cursor is not None else 2**63 - 1
    rows = connection.execute(_NEWER if back else _OLDER, (number, most + 1)).fetchall()
    extra = len(rows) > most
    rows = rows[:most][:: -1 if back else 1]
    ahead, behind = (True, extra) if back else (extra, cursor is not None)
    counted = connection.execute("SELECT count(*) FROM opinions").fetchone()[0]
    return Listed(
        rows=tuple(Opinion(*row[1:]) for row in rows),
        counted=min(counted, MOST_COUNTED),
        more=False,
        next=_mark(rows[-1], back=False) if ahead and rows else None,
        previous=_mark(rows[0], back=True) if behind and rows else None,
    )


def counts(connection: Connection, page: str | None) -> dict[str, int]:
    """Return how often each face was chosen, of one page or of all."""
    rows = connection.execute(
        "SELECT face, count(*) FROM opinions WHERE page = :page OR :page IS NULL GROUP BY face",
        {"page": page},
    )
    return {**dict.fromkeys(FACES, 0), **dict(rows.fetchall())}


def _mark(row: tuple[int, ...], *, back: bool) -> str:
    return mark(Cursor("opinion", "-at", row[0], row[0], back))


def _cleaned(comment: str) -> str:
    """Keep letters and line feeds: a terminal obeys some of the rest."""
    letters = comment[: 2 * LONGEST_COMMENT].replace("\r\n", "\n").replace("\t", " ")
    told = "".join(one for one in letters if one.isprintable() or one == "\n")
    return told.encode("utf-8", "replace").decode().strip()[:LONGEST_COMMENT]


_COLUMNS = "id, page, face, comment, language, at_ns"
_OLDER = f"SELECT {_COLUMNS} FROM opinions WHERE id < ? ORDER BY id DESC LIMIT ?"
_NEWER = f"SELECT {_COLUMNS} FROM opinions WHERE id > ? ORDER BY id LIMIT ?"
