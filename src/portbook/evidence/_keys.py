# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# ruff: noqa: I001
# mypy: disable-error-code="misc,assignment,attr-defined,index,no-any-return,no-untyped-call"
"""Which row of the compiled table a packet belongs to, found by its ends.

A slot holds a row's number plus 1 and, above it, half of its hash: what is no match is passed by
without a look at the row. The hash is seeded; which share a conversation belongs to is not.
"""

from __future__ import annotations

import cython

from portbook.evidence import arrays, shares
from portbook.evidence.tunnels import PORTS

if not cython.compiled:
    raise ImportError("the packet reader is not compiled")

if cython.compiled:
    # fmt: off
    from cython.cimports.portbook.evidence._layout import (
        Words, BATCH, HAND, HASH, HEADS, KEY, ROW, ROW_AHEAD, SIDE, ahead,
    )
    # fmt: on

FIRST_MIX = cython.declare(cython.ulonglong, shares.FIRST_MIX)
SECOND_MIX = cython.declare(cython.ulonglong, shares.SECOND_MIX)
THIRD_MIX = cython.declare(cython.ulonglong, shares.THIRD_MIX)
FOURTH_MIX = cython.declare(cython.ulonglong, 0xC4CEB9FE1A85EC53)
FIFTH_MIX = cython.declare(cython.ulonglong, 0x9FB21C651E98DF25)
HALF = cython.declare(cython.ulonglong, 0xFFFFFFFF)
SMALLEST = cython.declare(cython.Py_ssize_t, 1 << 10)


@cython.cclass
class Keys:
    """Rows by the ends of their packets; `hand` is what a batch of packets brings."""

    def __init__(self, seed: int, part: tuple[int, int]) -> None:
        self.seed = seed & 0xFFFFFFFFFFFFFFFF
        self.share, self.shares = part
        self.hand = memoryview(bytearray(8 * HAND * (BATCH + 1))).cast("Q")
        carrying = bytearray(1 << 16)
        for port in PORTS:
            carrying[port] = 1
        self.tunnels = memoryview(carrying)
        self.slots = arrays.memory(8 * SMALLEST).cast("Q")
        self.mask = SMALLEST - 1

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def ends(
        self,
        h: cython.Py_ssize_t,
        a_high: cython.ulonglong,
        a: cython.ulonglong,
        a_port: cython.ulonglong,
        b_high: cython.ulonglong,
        b: cython.ulonglong,
        b_port: cython.ulonglong,
        key: cython.ulonglong,
    ) -> cython.bint:
        """Take the ends of a packet in hand, the lower one first; `key` is without the ports.

        False when the packet belongs to another share.
        """
        lower: cython.bint = a < b or (a == b and a_port <= b_port)
        if a_high != b_high:
            lower = a_high < b_high
        if not lower:
            a_high, a, a_port, b_high, b, b_port = b_high, b, b_port, a_high, a, a_port
        key |= a_port << 48 | b_port << 32
        self.seen = self.hand[h + HAND - 1]  # the last word: all before it are there
        words: cython.p_ulonglong = cython.address(self.hand[h])
        words[0], words[1], words[2], words[3] = a_high, a, b_high, b
        words[KEY] = key
        words[SIDE] = 0 if lower else 1
        words[ROW_AHEAD] = 0
        if self.shares > 1 and self.drawn(words, self.shares) != self.share:
            words[HASH] = 0
            return False
        words[HASH] = self.mixed(words)
        ahead(cython.address(self.slots[words[HASH] & self.mask]))
        return True

    @cython.cfunc
    @cython.exceptval(check=False)
    def mixed(self, words: Words) -> cython.ulonglong:
        """Return the seeded hash of a key, five words."""
        h: cython.ulonglong = self.seed ^ words[1]
        h = (h ^ words[0] * FIRST_MIX) * SECOND_MIX
        h = ((h ^ h >> 32) + words[3]) * THIRD_MIX
        h = ((h ^ h >> 32) + words[2]) * FOURTH_MIX
        h = ((h ^ h >> 32) + words[KEY]) * FIFTH_MIX
        return h ^ h >> 32

    @cython.cfunc
    @cython.exceptval(check=False)
    def drawn(self, words: Words, of: cython.ulonglong) -> cython.ulonglong:
        """Return the share that a key belongs to, of so many, as `shares.share` does."""
        ports: cython.ulonglong = (words[KEY] >> 48 ^ words[KEY] >> 32) & 0xFFFF
        h: cython.ulonglong = (words[0] ^ words[2]) * FIRST_MIX + (words[1] ^ words[3])
        h = h * SECOND_MIX
        h = ((h ^ h >> 32) + (ports << 32) + (words[KEY] & HALF)) * THIRD_MIX
        return (h >> 32) * of >> 32

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def met(self, mix: cython.ulonglong) -> cython.Py_ssize_t:
        """Return the first row plus 1 whose hash seems to be this one, 0 when there is none."""
        slot: cython.ulonglong = mix & self.mask
        while self.slots[slot]:
            if (self.slots[slot] ^ mix) >> 32 == 0:
                return self.slots[slot] & HALF
            slot = slot + 1 & self.mask
        return 0

    @cython.cfunc
    @cython.exceptval(-2, check=False)
    def find(self, h: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Return the row of a packet in hand, -1 when there is none; `slot` is where it goes."""
        # the end of a row is checked as every index is; the words before it are looked at freely
        self.seen = self.hand[h + HAND - 1]
        packet: cython.p_ulonglong = cython.address(self.hand[h])
        slot: cython.ulonglong = packet[HASH] & self.mask
        row: cython.Py_ssize_t = packet[ROW_AHEAD]
        known: cython.p_ulonglong
        while True:
            if row:
                known = cython.address(self.hot[(row - 1) * ROW])
                if (
                    self.hot[row * ROW - 1] == known[HEADS]
                    and known[KEY] == packet[KEY]
                    and known[1] == packet[1]
                    and known[3] == packet[3]
                    and known[0] == packet[0]
                    and known[2] == packet[2]
                ):
                    return row - 1
            # a row met ahead is seldom the wrong one: then it is met here again
            row = 0
            while not row:
                if not self.slots[slot]:
                    self.slot = slot
                    return -1
                if (self.slots[slot] ^ packet[HASH]) >> 32 == 0:
                    row = self.slots[slot] & HALF
                slot = slot + 1 & self.mask

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def enter(self, h: cython.Py_ssize_t, row: cython.Py_ssize_t) -> cython.int:
        """Put a new row where `find` found nothing."""
        if 2 * (self.rows + 1) > cython.cast(cython.Py_ssize_t, self.mask):
            self.rehash(2 * (self.mask + 1))
            self.find(h)
        place: cython.ulonglong = self.hand[h + HASH] & ~HALF
        self.slots[self.slot] = place | cython.cast(cython.ulonglong, row + 1)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def rehash(self, size: cython.Py_ssize_t) -> cython.int:
        """Fill a hash table of `size` slots, a power of two, with the conversations held."""
        number: cython.Py_ssize_t
        mix: cython.ulonglong
        slot: cython.ulonglong
        self.slots = arrays.memory(8 * size).cast("Q")
        self.mask = size - 1
        for number in range(self.rows):
            self.seen = self.hot[number * ROW + HEADS]  # the last word of a row
            mix = self.mixed(cython.address(self.hot[number * ROW]))
            slot = mix & self.mask
            while self.slots[slot]:
                slot = slot + 1 & self.mask
            self.slots[slot] = mix & ~HALF | cython.cast(cython.ulonglong, number + 1)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def tunnelled(self, key: cython.ulonglong) -> cython.bint:
        """Tell whether packets of a key may carry a tunnel."""
        if key >> 24 & 0xFF != 17:
            return False
        return self.tunnels[key >> 48] != 0 or self.tunnels[key >> 32 & 0xFFFF] != 0
