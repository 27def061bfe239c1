"""Which things cover a number: ranges cut at their edges once, then one bisection a question."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
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
        self.edges = sorted({0, *begins, *ends})
        self._covering: list[tuple[Thing, ...]] = []
        for edge in self.edges:
            open_now.difference_update(ends.get(edge, ()))
            open_now.update(begins.get(edge, ()))
            self._covering.append(tuple(things[place] for place in sorted(open_now)))

    def at(self, number: int) -> tuple[Thing, ...]:
        """Return what covers a number (0 or more), in the order in which it was given."""
        return self._covering[bisect_right(self.edges, number) - 1]
