"""Which things cover a number: ranges cut at their edges once, then one bisection a question."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Spans(Generic[Thing]):
    """Things that each cover numbers from first to last, both included; they may overlap."""

    def __init__(self, spans: Iterable[tuple[int, int, Thing]]) -> None:
        begins: dict[int, list[int]] = {}
        ends: dict[int, list[int]] = {}
        things: list[Thing] = []
        for place, (first, last, thing) in enumerate(spans):
            things.append(thing)
            begins.setdefault(first, []).append(place)
            ends.setdefault(last + 1, []).append(place)
        open_now: set[int] = set()
        self._edges = sorted({0, *begins, *ends})
        self._covering: list[tuple[Thing, ...]] = []
        for edge in self._edges:
            if edge in ends:
                open_now.difference_update(ends[edge])
            if edge in begins:
                open_now.update(begins[edge])
            self._covering.append(tuple([things[place] for place in sorted(open_now)]))

    def at(self, number: int) -> tuple[Thing, ...]:
        """Return what covers a number (0 or more), in the order in which it was given."""
        return self._covering[bisect_right(self._edges, number) - 1]

    def parts(self, numbers: range) -> Iterator[range]:
        """Cut numbers at the edges: what covers the first of a part covers all of it."""
        after_first = bisect_right(self._edges, numbers.start)
        cuts = self._edges[after_first : bisect_left(self._edges, numbers.stop)]
        return (range(*ends) for ends in pairwise((numbers.start, *cuts, numbers.stop)))
