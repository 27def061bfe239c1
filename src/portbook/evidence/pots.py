"""The pool of longer heads, divided among pots, so that shares of a source have pots of their own.

How much is kept of a conversation depends on when the pool runs dry under it. With one pool that
would hang on all the other conversations, and a table that keeps a share of them would keep other
octets than a table of all. A pot belongs to some conversations, in every table to the same ones;
shares that divide the pots evenly have whole pots, and keep what a table of all keeps.
"""

from __future__ import annotations

from portbook.evidence.table import MORE_OCTETS

POTS = 24  # whole ones for 2, 3, 4, 6, 8 and 12 shares
LEAST = 16  # blocks in each; a smaller pool is one pot
LEFT = 8  # when so little of a pot is left, an eighth, what is young should be named


class Pots:
    """Blocks that are left in each pot."""

    def __init__(self, octets: int) -> None:
        """Divide a pool of so many octets."""
        blocks = octets // MORE_OCTETS
        self.count = POTS if blocks >= POTS * LEAST else 1
        each, more = divmod(blocks, self.count)
        self._left = [each + (pot < more) for pot in range(self.count)]
        self._low = [left // LEFT for left in self._left]
        self._dry: set[int] = set()  # or nearly so: who comes next would get none

    @property
    def starved(self) -> bool:
        """Tell whether a pot is dry, or nearly so."""
        return bool(self._dry)

    def due(self, pot: int) -> bool:
        """Tell whether blocks of a pot are to be put back: it is dry, or none is."""
        return not self._dry or pot in self._dry

    def left(self, pot: int) -> bool:
        """Tell whether a pot has a block."""
        return self._left[pot] > 0

    def take(self, pot: int) -> bool:
        """Take a block out of a pot; False when there is none."""
        had = self._left[pot]
        if had:
            self._left[pot] = had - 1
        if had - 1 <= self._low[pot]:
            self._dry.add(pot)
        return had > 0

    def give(self, pot: int) -> None:
        """Put a block back."""
        self._left[pot] += 1
        if self._left[pot] > self._low[pot]:
            self._dry.discard(pot)

    def filled(self) -> None:
        """Say that all was put back that can be."""
        self._dry.clear()
