"""The closed files of a raw archive, the one first that was written longest ago.

Found by names and times of files, some at a time. By when they were written, not by what their
data tell: a recorder whose clock is years off is neither the first to lose its data nor the last.
What is closed does not change, so what was found stays right until all of it is used up.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from portbook.seismic.names import Span
from portbook.seismic.raw_listing import days, files

STEP = 2048  # files that are looked at in one go: about 10 ms


class Candidate(NamedTuple):
    """A file that may go; of two that were written at once, the one with the older data."""

    written_ns: int
    span: Span
    unit: str
    place: int


class Oldest:
    """Gives files, the oldest first; `look` until it says that all are known."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: list[Candidate] = []  # the oldest last
        self._looking: Iterator[Candidate] | None = None

    def look(self) -> bool:
        """Look at some files, from the beginning when all were used up; True: all are known."""
        if self._looking is None:
            self._found.clear()
            self._looking = self._every()
        some = list(islice(self._looking, STEP))
        self._found += some
        if len(some) < STEP:
            self._found.sort(reverse=True)
            self._looking = None
        return self._looking is None

    def take(self) -> Candidate | None:
        """Return the oldest of those that are left; None: used up, or not all are known yet."""
        return self._found.pop() if self._found and self._looking is None else None

    def _every(self) -> Iterator[Candidate]:
        for day in days(self._root):
            for (unit, place), span, about in files(self._root, day):
                yield Candidate(about.st_mtime_ns, span, unit, place)
