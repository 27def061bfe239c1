"""A registry table on disk: written whole beside the old one, then put in its place."""

from __future__ import annotations

import os

from portbook.claims.official import checked_update
from portbook.claims.table import About, Table, parse, render
from portbook.claims.whole import write_whole
from portbook.errors import SourceError


def replace_table(path: str | os.PathLike[str], old: About, new: Table) -> About:
    """Check a new table against the one in use, write it, and return what it says of itself.

    path: the table of this user or system; its folder is made when it is not there
    Raises SourceError, and leaves what stands at `path` as it was, on any failure.
    """
    octets = render(checked_update(old, new))
    parse(octets, str(new.about.source))  # what was written must be what is read
    where = os.fspath(path)
    try:
        write_whole(where, octets)
    except OSError as error:
        raise SourceError(
            f"{where}: {error.strerror or error}; the table in use was kept"
        ) from error
    return new.about
