"""What of an announcement's rounds was heard and missed, and when: nothing is invented.

A missed round has a place only between two heard ones of which every one in between is known, or
after the last; of what came before the known rounds only the number can be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from portbook.findings.rhythm import silent_periods
from portbook.records import Announcement

MOST_PLACES = 4096  # missed rounds of one hole that are given a place each
_KNOWN = 64  # rounds that are looked at
_SHORTEST_S = 1e-3  # a period of less is none: rounds are a second apart
_LATE = 1.5  # periods after the last round, when the next one counts as missed


class Hole(NamedTuple):
    """Rounds that were due one after the other and not heard."""

    from_ns: int  # the heard round before
    until_ns: int  # the heard round behind, or the end of listening
    missed: int
    places_ns: tuple[int, ...]  # when they were due; empty when they are too many
    last: bool  # nothing was heard any more


class Beats(NamedTuple):
    """The rounds of one announcement."""

    heard_ns: tuple[int, ...]  # all of them from the first of these on
    holes: tuple[Hole, ...]
    earlier: int  # heard before those, at moments that were not kept
    until_ns: int  # the end of listening

    @property
    def missed(self) -> int:
        """Return how many rounds are known to be missed, those behind the last one too."""
        return sum(hole.missed for hole in self.holes)


def beats(one: Announcement, ends: Mapping[str, int]) -> Beats:
    """Return what is known of an announcement's rounds.

    ends: until when each capture was listened to, Unix nanoseconds
    """
    heard = tuple(sorted(one.beats_ns)[-_KNOWN:])
    until_ns = max(ends.get(one.capture, one.last_ns), one.last_ns, *heard[-1:])
    holes = []
    if one.period_s < _SHORTEST_S:
        return Beats(heard, (), max(0, one.times - len(heard)), until_ns)
    for before, after in pairwise(heard):
        due = round((after - before) / (one.period_s * 1e9))
        if due > 1:
            # the same rounding as `expected` counts with
            holes.append(_hole(before, after, due - 1, (after - before) / due, False))
    silent = silent_periods(one, ends)
    # a round that is due about now is not missed yet
    if silent > 1 or (until_ns - one.last_ns) / 1e9 >= _LATE * one.period_s:
        last = heard[-1] if heard else one.last_ns
        holes.append(_hole(last, until_ns, silent, one.period_s * 1e9, True))
    return Beats(heard, tuple(holes), max(0, one.times - len(heard)), until_ns)


def _hole(from_ns: int, until_ns: int, missed: int, period_ns: float, last: bool) -> Hole:
    places: tuple[int, ...] = ()
    if missed <= MOST_PLACES:
        due = (from_ns + round(period_ns * number) for number in range(1, missed + 1))
        places = tuple(min(place, until_ns) for place in due)
    return Hole(from_ns, until_ns, missed, places, last)
