"""Decisions out of fuzz octets, in a form that mutating octets changes in small steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Supply:
    """Octets that are used up from the front; behind their end everything is zero."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def number(self, size: int = 1) -> int:
        """Return the next big-endian number of `size` octets."""
        return int.from_bytes(self.octets(size).ljust(size, b"\0"), "big")

    def choice(self, among: Sequence[T]) -> T:
        """Return one of several values; the first one at the end."""
        return among[self.number() % len(among)]

    def octets(self, most: int) -> bytes:
        """Return the next octets, fewer at the end."""
        found = self._octets[self._at : self._at + most]
        self._at += len(found)
        return found

    def piece(self) -> bytes:
        """Return octets behind their length, which takes two octets."""
        return self.octets(self.number(2))

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.octets(len(self._octets))


def piece(octets: bytes) -> bytes:
    """Return octets as `Supply.piece` reads them."""
    return len(octets).to_bytes(2, "big") + octets
