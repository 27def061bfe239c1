"""How far a log has been archived, kept in a file that is always whole.

The file holds the number of the first packet that is to be given again, and, in a second line,
where each stream of each unit stood then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from portbook.seismic.lanes import Stand
from portbook.seismic.store import failure, write_beside

NAME = "archived"
_Line = list[tuple[str, int, list[Stand]]]


class Standing(NamedTuple):
    """All numbers below `number` are in the archive; stands: by unit and stream."""

    number: int = 0
    stands: Mapping[tuple[str, int], Sequence[Stand]] = {}


def read(folder: Path) -> Standing:
    """Return what `write` wrote last; the begin when there is none, or it is not readable.

    Beginning anew harms nothing: the archive takes each packet once.
    """
    try:
        number, _, rest = (folder / NAME).read_bytes().partition(b"\n")
    except OSError:
        return Standing()
    if not number.isdigit() or len(number) > 20:
        return Standing()
    try:
        every = msgspec.json.decode(rest, type=_Line) if rest else []
    except msgspec.DecodeError:
        every = []
    return Standing(int(number), {(unit, stream): stands for unit, stream, stands in every})


def write(folder: Path, standing: Standing) -> None:
    """Put a standing in the place of the one before, synced. Raises ArchiveError."""
    every = [(unit, stream, list(one)) for (unit, stream), one in standing.stands.items()]
    octets = b"%d\n%s" % (standing.number, msgspec.json.encode(every))
    path = folder / NAME
    try:
        write_beside(path, octets)
    except OSError as error:
        raise failure(path, error) from error
