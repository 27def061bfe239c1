"""What can go wrong with the book's file, each in one clear line."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from portbook.errors import SourceError

# Primary result codes of SQLite (sqlite.org/rescode.html), the low octet of an extended one.
_TOLD = {
    3: "no permission to use it; check its owner and its folder's",
    5: "another program has been writing to it for too long; try again",
    6: "another program has been writing to it for too long; try again",
    8: "it or its folder is read-only; choose another with --book, or go without: --no-book",
    10: "the disk reported an error; nothing of this look was written",
    11: "it is damaged; move it away and a new one is begun (sqlite3 FILE .recover may save much)",
    13: "the disk is full; nothing of this look was written; make room, or: portbook book prune",
    14: "it cannot be opened; check the folder, or name another one with --book",
    26: "not a book, and not an SQLite file; name another one with --book",
}


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turn SQLite's and the system's errors into one SourceError that says what to do."""
    import sqlite3

    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        known = _TOLD.get(code & 0xFF) if isinstance(code, int) else None
        raise SourceError(f"{path}: {known or f'the book cannot be used: {error}'}") from error
    except OSError as error:
        said = _TOLD[13] if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or error
        raise SourceError(f"{path}: {said}") from error
