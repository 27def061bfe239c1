"""Which days of the archives are to go: by age, or because all of them are too large. Pure.

Whole days, the oldest first; never a day that is being written. What is still too much then is
for the raw archive to make room for, by its oldest event files.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec


class Tree(StrEnum):
    """An archive: raw packets, or miniSEED day files."""

    RAW = "raw"
    SDS = "sds"


class Rules(NamedTuple):
    """What may stay. keep_days: whole days before today, None: all; most_octets: None: any."""

    keep_days: dict[Tree, float]
    most_octets: int | None = None


class Part(NamedTuple):
    """What an archive holds of a day; days are counted from 1970-01-01.

    written: the day on which it was last written; a recorder's clock may be years behind
    """

    day: int
    tree: Tree
    octets: int
    written: int = 0

    @property
    def age_day(self) -> int:
        """Return the day from which it counts as old: of the data, or of their coming if later."""
        return max(self.day, self.written)


class Doomed(NamedTuple):
    """A part that is to go, and the setting that says so."""

    part: Part
    because: str


class Deleted(msgspec.Struct, frozen=True, tag="deleted", tag_field="kind"):
    """A day of an archive that was deleted, or the oldest event files of a raw one.

    day: YYYY-DDD, of the first file; because: the setting that says so
    """

    archive: str
    day: str
    files: int
    octets: int
    because: str


def doomed(parts: Iterable[Part], rules: Rules, today: int) -> list[Doomed]:
    """Return what has to go, the oldest first.

    today: the day now, UTC; what is of it, was written on it, or is ahead of it, stays
    """
    found: list[Doomed] = []
    every = sorted(parts, key=lambda part: (part.age_day, part))
    octets = sum(part.octets for part in every)
    for part in every:
        limit = rules.keep_days.get(part.tree)
        too_old = limit is not None and part.age_day < today - limit
        too_much = rules.most_octets is not None and octets > rules.most_octets
        if part.age_day < today and (too_old or too_much):
            found.append(Doomed(part, "keep_days" if too_old else "max_gb"))
            octets -= part.octets
    return found


def excess(parts: Iterable[Part], rules: Rules, gone: Iterable[Doomed]) -> int:
    """Return by how many octets the archives stay too large after all that may go has gone."""
    if rules.most_octets is None:
        return 0
    rest = sum(part.octets for part in parts) - sum(one.part.octets for one in gone)
    return max(0, rest - rules.most_octets)
