"""Where labels are: boxes, and a plane that knows which of it is taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

_CELL = 64.0  # units of the index's squares: a few labels each


class Box(NamedTuple):
    """A rectangle in units of the drawing; y runs downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Return the right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Return the lower edge."""
        return self.y + self.height

    def overlaps(self, other: Box) -> bool:
        """Tell whether two boxes share more than an edge."""
        return (
            self.x < other.right
            and other.x < self.right
            and self.y < other.bottom
            and other.y < self.bottom
        )

    def within(self, width: float, height: float) -> bool:
        """Tell whether a drawing of this size holds the box."""
        return self.x >= 0 and self.y >= 0 and self.right <= width and self.bottom <= height


class Plane:
    """Takes boxes that overlap none taken before; a look costs by what is near."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self._cells: dict[tuple[int, int], list[Box]] = defaultdict(list)

    def free(self, box: Box) -> bool:
        """Tell whether nothing that was taken lies in a box."""
        return not any(
            box.overlaps(other) for cell in _cells(box) for other in self._cells.get(cell, ())
        )

    def take(self, box: Box) -> None:
        """Take a box, whoever has it."""
        self.boxes.append(box)
        for cell in _cells(box):
            self._cells[cell].append(box)

    def first_free(self, boxes: Iterable[Box]) -> Box | None:
        """Take the first box that is free, and return it; None: there is none."""
        for box in boxes:
            if self.free(box):
                self.take(box)
                return box
        return None


def _cells(box: Box) -> Iterable[tuple[int, int]]:
    for column in range(int(box.x // _CELL), int(box.right // _CELL) + 1):
        for row in range(int(box.y // _CELL), int(box.bottom // _CELL) + 1):
            yield column, row
