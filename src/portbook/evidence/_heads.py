# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# ruff: noqa: I001
# mypy: disable-error-code="misc,assignment,attr-defined,index,no-any-return,no-untyped-call,import"
"""The compiled twin of `heads`: the first octets of each direction, in flat arrays.

A head is a row of `marks` and a row of octets, or a block of the pool. What stands where:
`arrays`. What the methods mean: `heads.Head`, whose names they have.
"""

from __future__ import annotations

import cython

from portbook.evidence import arrays

if not cython.compiled:
    raise ImportError("the packet reader is not compiled")

if cython.compiled:
    from cython.cimports.libc.string import memcpy
    from cython.cimports.portbook.evidence._signatures import Signatures

    # fmt: off
    from cython.cimports.portbook.evidence._layout import (
        Octet,
        BLOCK, CLIPPED, FILLED, FLAGS, LONG, MARKS, MOST_DATAGRAMS, MOST_PARTS, MOST_PIECES, PART,
        PARTS, PIECE, PIECES, SHORT, TRIED, WIDE,
    )
    # fmt: on


@cython.final
@cython.cclass
class Heads:
    """Heads by number; `payload` is what the packet in hand brings."""

    def __init__(self, stores: arrays.Stores, signatures: Signatures) -> None:
        self.stores, self.signatures = stores, signatures
        self.spare, self.pots = stores.spare["heads"], stores.pots.count
        self.scratch = memoryview(bytearray(64)).cast("I")
        self.attach()

    @cython.ccall
    def attach(self):  # type: ignore[no-untyped-def]
        """Look at the stores again, after they were let go of."""
        self.marks, self.octets = self.stores.view("marks"), self.stores.view("heads")
        self.pool = self.stores.view("pool")
        self.room = self.stores.room("heads")

    @cython.ccall
    def detach(self):  # type: ignore[no-untyped-def]
        """Let go of the stores, so that they can grow."""
        # empty: an index is refused if there is no memory to grow
        self.marks = memoryview(bytearray()).cast("I")
        self.octets = self.pool = memoryview(bytearray())

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def hit(
        self, transport: cython.int, at: cython.Py_ssize_t, size: cython.Py_ssize_t
    ) -> cython.int:
        """Return 0 when no signature fits, 2 when its protocol asks for more datagrams, else 1."""
        size = min(size, SHORT)
        if size <= 0:
            return 0
        self.last = self.payload[at + size - 1]  # checked; then all before it are there
        return self.signatures.hit(transport, cython.address(self.payload[at]), size)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def take(self) -> cython.Py_ssize_t:
        """Return a head that nobody has, empty."""
        if self.spare:
            return self.spare.pop()
        if self.used == self.room:
            self.detach()
            self.stores.grow("heads")
            self.attach()
        self.used += 1
        return self.used - 1

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def may_grow(self, head: cython.Py_ssize_t) -> cython.bint:
        """Tell whether a head has a block, or can still get one."""
        m: cython.Py_ssize_t = head * MARKS
        return self.marks[m + BLOCK] != 0 or not self.marks[m + FLAGS] & (TRIED | CLIPPED)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def lacks(self, head: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.bint:
        """Tell whether a datagram of `size` octets finds no room in the row of a head."""
        m: cython.Py_ssize_t = head * MARKS
        return self.marks[m + FILLED] + size > SHORT or self.marks[m + PIECES] >= MOST_PIECES

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def extend(
        self, head: cython.Py_ssize_t, row: cython.Py_ssize_t, pot: cython.Py_ssize_t
    ) -> cython.int:
        """Try once to get a block out of a pot for a head of the conversation `row`."""
        m: cython.Py_ssize_t = head * MARKS
        start: cython.Py_ssize_t
        if self.marks[m + FLAGS] & TRIED:
            return 0
        self.marks[m + FLAGS] |= TRIED
        if self.marks[m + FLAGS] & CLIPPED:
            return 0
        if self.stores.cramped(pot):
            self.detach()
            self.stores.grow("pool")
            self.attach()
        block = self.stores.take_block(head, row, pot)
        if block is None:
            return 0
        start = block * LONG
        self.last = self.octets[(head + 1) * SHORT - 1]  # checked, as the last of the target is
        self.pool[start + SHORT - 1] = self.last
        memcpy(cython.address(self.pool[start]), cython.address(self.octets[head * SHORT]), SHORT)
        self.marks[m + BLOCK] = block + 1
        return 0

    def release(self) -> None:
        """Cut heads whose block is due to their first octets, and put the blocks back."""
        for head in self.stores.due():
            self._shorten(head)
        self.stores.released()

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _shorten(self, head: cython.Py_ssize_t) -> cython.int:
        m: cython.Py_ssize_t = head * MARKS
        block: cython.Py_ssize_t = self.marks[m + BLOCK] - 1
        start: cython.Py_ssize_t = block * LONG
        filled: cython.uint = min(self.marks[m + FILLED], SHORT)
        kept: cython.Py_ssize_t = 0
        number: cython.Py_ssize_t
        part: cython.uint
        self.last = self.octets[(head + 1) * SHORT - 1]  # checked, as the block's end is
        self.last = self.pool[start + LONG - 1]
        memcpy(cython.address(self.octets[head * SHORT]), cython.address(self.pool[start]), SHORT)
        if self.marks[m + PIECES] > MOST_PIECES:
            start += LONG - 4
            filled = min(filled, self.pool[start] | self.pool[start + 1] << 8)
            self.marks[m + PIECES] = MOST_PIECES
        for number in range(self.marks[m + PARTS] & 0xFFFF):
            part = self.marks[m + PART + number]
            if part & 0xFFFF < SHORT:
                self.marks[m + PART + kept] = part & 0xFFFF | min(part >> 16, SHORT) << 16
                kept += 1
        self.marks[m + FILLED] = filled
        self.marks[m + PARTS] = cython.cast(cython.uint, kept) | CLIPPED | TRIED
        self.marks[m + BLOCK] = 0
        self.stores.spare["pool"].append(block)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def append(
        self,
        head: cython.Py_ssize_t,
        at: cython.Py_ssize_t,
        size: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
        many: cython.bint,
    ) -> cython.bint:
        """Join a datagram of which `size` octets are there; tell whether it was the last one."""
        m: cython.Py_ssize_t = head * MARKS
        block: cython.Py_ssize_t = self.marks[m + BLOCK]
        filled: cython.Py_ssize_t = self.marks[m + FILLED]
        capacity: cython.Py_ssize_t = WIDE if block else SHORT
        pieces: cython.uint = self.marks[m + PIECES]
        if pieces >= MOST_PIECES and not block:
            return True
        kept: cython.Py_ssize_t = min(size, capacity - filled)
        if kept < size:
            self.marks[m + FLAGS] |= CLIPPED
        self.copy(head, filled, at, kept)
        if pieces < MOST_PIECES:
            self.marks[m + PIECE + 2 * pieces] = cython.cast(cython.uint, filled)
            self.marks[m + PIECE + 2 * pieces + 1] = cython.cast(cython.uint, length)
        else:
            at = block * LONG - 4 * (pieces + 1 - MOST_PIECES)
            self.pool[at] = filled & 0xFF
            self.pool[at + 1] = filled >> 8
            self.pool[at + 2] = length & 0xFF
            self.pool[at + 3] = length >> 8
        self.marks[m + PIECES] = pieces + 1
        self.marks[m + FILLED] = cython.cast(cython.uint, filled + kept)
        return pieces + 1 >= (MOST_DATAGRAMS if many and self.may_grow(head) else MOST_PIECES)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def settled(self, head: cython.Py_ssize_t, wanted: cython.bint) -> cython.bint:
        """Tell whether a stream's head is complete; wanted: a longer one is worth it."""
        m: cython.Py_ssize_t = head * MARKS
        here: cython.uint = 0
        number: cython.uint
        if self.marks[m + FILLED] < (LONG if wanted and self.may_grow(head) else SHORT):
            return False
        if self.marks[m + PIECES] < MOST_PIECES:
            return False
        for number in range(MOST_PIECES):
            if self.marks[m + PIECE + 2 * number] != here:
                return False
            here += self.marks[m + PIECE + 2 * number + 1]
        return True

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def note(
        self, head: cython.Py_ssize_t, start: cython.Py_ssize_t, end: cython.Py_ssize_t
    ) -> cython.int:
        p: cython.Py_ssize_t = head * MARKS + PIECE
        count: cython.Py_ssize_t = self.marks[head * MARKS + PIECES]
        most: cython.Py_ssize_t = MOST_PIECES
        number: cython.Py_ssize_t = 0
        low: cython.Py_ssize_t
        if count == most and start >= self.marks[p + 2 * most - 2]:
            return 0  # behind the last one that is kept
        while number < count:
            low = self.marks[p + 2 * number]
            if low > start:
                end = min(end, low)
                break
            start = max(start, low + self.marks[p + 2 * number + 1])
            number += 1
        if start >= end or number == most:
            return 0
        low = min(count, most - 1)
        while low > number:
            self.marks[p + 2 * low] = self.marks[p + 2 * low - 2]
            self.marks[p + 2 * low + 1] = self.marks[p + 2 * low - 1]
            low -= 1
        self.marks[p + 2 * number] = cython.cast(cython.uint, start)
        self.marks[p + 2 * number + 1] = cython.cast(cython.uint, end - start)
        self.marks[head * MARKS + PIECES] = cython.cast(cython.uint, min(count + 1, most))
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def place(
        self,
        head: cython.Py_ssize_t,
        start: cython.Py_ssize_t,
        at: cython.Py_ssize_t,
        size: cython.Py_ssize_t,
    ) -> cython.int:
        m: cython.Py_ssize_t = head * MARKS
        capacity: cython.Py_ssize_t = LONG if self.marks[m + BLOCK] else SHORT
        end: cython.Py_ssize_t = start + size
        if end > capacity:
            self.marks[m + FLAGS] |= CLIPPED
            end = capacity
        here: cython.Py_ssize_t = max(start, self.marks[m + FILLED])
        if here >= end:
            return 0
        count: cython.Py_ssize_t = self._join(m, here, end)
        if count > MOST_PARTS:
            return 0
        number: cython.Py_ssize_t
        low: cython.Py_ssize_t
        high: cython.Py_ssize_t
        for number in range(self.marks[m + PARTS] & 0xFFFF):
            low = self.marks[m + PART + number] & 0xFFFF
            high = self.marks[m + PART + number] >> 16
            if here < min(low, end):
                self.copy(head, here, at + here - start, min(low, end) - here)
            if high > here and low < end:
                here = max(here, high)
        if here < end:
            self.copy(head, here, at + here - start, end - here)
        first: cython.Py_ssize_t = 0
        if self.scratch[0] & 0xFFFF == self.marks[m + FILLED]:
            self.marks[m + FILLED] = self.scratch[0] >> 16
            first = 1
        for number in range(first, count):
            self.marks[m + PART + number - first] = self.scratch[number]
        self.marks[m + PARTS] &= ~cython.cast(cython.uint, 0xFFFF)
        self.marks[m + PARTS] |= cython.cast(cython.uint, count - first)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _join(
        self, m: cython.Py_ssize_t, start: cython.Py_ssize_t, end: cython.Py_ssize_t
    ) -> cython.Py_ssize_t:
        """Write the parts with one more into `scratch`, as `fragments.joined` does; count them."""
        count: cython.Py_ssize_t = 0
        number: cython.Py_ssize_t
        later: cython.Py_ssize_t = self.marks[m + PARTS] & 0xFFFF
        low: cython.Py_ssize_t
        high: cython.Py_ssize_t
        for number in range(self.marks[m + PARTS] & 0xFFFF):
            low = self.marks[m + PART + number] & 0xFFFF
            high = self.marks[m + PART + number] >> 16
            if high < start:
                self.scratch[count] = self.marks[m + PART + number]
                count += 1
            elif low > end:
                later = min(later, number)
            else:
                start, end = min(start, low), max(end, high)
        self.scratch[count] = cython.cast(cython.uint, start | end << 16)
        count += 1
        for number in range(later, self.marks[m + PARTS] & 0xFFFF):
            self.scratch[count] = self.marks[m + PART + number]
            count += 1
        return count

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def copy(
        self,
        head: cython.Py_ssize_t,
        to: cython.Py_ssize_t,
        at: cython.Py_ssize_t,
        size: cython.Py_ssize_t,
    ) -> cython.int:
        block: cython.Py_ssize_t = self.marks[head * MARKS + BLOCK]
        source: Octet
        if size <= 0:
            return 0
        self.last = self.payload[at + size - 1]  # checked, as the last octet of the target is
        source = cython.address(self.payload[at])
        if block:
            to += (block - 1) * LONG
            self.pool[to + size - 1] = self.last
            memcpy(cython.address(self.pool[to]), source, size)
        else:
            to += head * SHORT
            self.octets[to + size - 1] = self.last
            memcpy(cython.address(self.octets[to]), source, size)
        return 0
