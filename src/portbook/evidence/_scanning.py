# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# mypy: disable-error-code="misc,assignment,attr-defined,index,no-any-return,no-untyped-call"
"""Looks over octets for the judge of moulds: numbers, lines of text, names of DNS, frames of DNP3.

Every octet is looked at through a checked index, and only before the end of what was kept.
"""

from __future__ import annotations

import cython

from portbook.protocols import moulds

if not cython.compiled:
    raise ImportError("the judge of moulds is not compiled")

MISFIT = cython.declare(cython.Py_ssize_t, -1)
CUT = cython.declare(cython.Py_ssize_t, -2)  # it goes on where nothing was kept
WORDS = cython.declare(cython.Py_ssize_t, moulds.WORDS)
WHOLE = cython.declare(cython.ulonglong, moulds.WHOLE)
XOR = cython.declare(cython.ulonglong, moulds.XOR)
CLEAR = cython.declare(cython.ulonglong, moulds.CLEAR)
MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
LINE_FEED = cython.declare(cython.int, 10)
COUNTS = cython.declare(cython.Py_ssize_t, 8)  # octets of the four counts of a DNS message
BEFORE = cython.declare(cython.Py_ssize_t, 4)  # octets of number and flags in front of them
NAME = cython.declare(cython.Py_ssize_t, 255)
LABEL = cython.declare(cython.Py_ssize_t, 63)
LETTERS = cython.declare(cython.Py_ssize_t, 32)  # that a name of NetBIOS is written in
HOPS = cython.declare(cython.Py_ssize_t, 16)  # of pointers in one name
OPT = cython.declare(cython.int, 41)  # a record whose class is a size


@cython.cclass
class Scanner:
    """Octets, the program of a set of moulds, and ways to look over the octets."""

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def begins(
        self, pc: cython.Py_ssize_t, here: cython.Py_ssize_t, limit: cython.Py_ssize_t
    ) -> cython.bint:
        """Tell whether what was kept of the octets at `pc` begins as they do."""
        size: cython.Py_ssize_t = limit - here
        if size <= 0:
            return True
        rest: cython.int = 8 * (cython.cast(cython.int, self.program[pc + 1]) - size)
        return self.read(here, size) & self.program[pc + 2] >> rest == self.program[pc + 3] >> rest

    @cython.cfunc
    @cython.exceptval(-3, check=False)
    def run(
        self, pc: cython.Py_ssize_t, here: cython.Py_ssize_t, stop: cython.Py_ssize_t
    ) -> cython.Py_ssize_t:
        """Return where the first octet stands that is not of the set at `pc`, at most `stop`."""
        octet: cython.Py_ssize_t
        while here < stop:
            octet = self.data[here]
            if not self.program[pc + 1 + (octet >> 6)] >> (octet & 63) & 1:
                break
            here += 1
        return here

    @cython.cfunc
    @cython.exceptval(-3, check=False)
    def line(
        self,
        pc: cython.Py_ssize_t,
        here: cython.Py_ssize_t,
        limit: cython.Py_ssize_t,
        bound: cython.Py_ssize_t,
    ) -> cython.Py_ssize_t:
        """Return where a line ends that has none of the words at `pc`, MISFIT or CUT."""
        start: cython.Py_ssize_t = here
        stop: cython.Py_ssize_t = here + cython.cast(cython.Py_ssize_t, self.program[pc + 2])
        count: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, self.program[pc + 1])
        word: cython.Py_ssize_t
        size: cython.Py_ssize_t
        at: cython.Py_ssize_t
        while True:
            if here >= stop:
                return MISFIT
            if here >= limit:
                return CUT if limit < bound else MISFIT
            here += 1
            if self.data[here - 1] == LINE_FEED:
                break
        for word in range(1, count + 1):
            size = cython.cast(cython.Py_ssize_t, self.program[pc + WORDS * word + 1])
            for at in range(start, here - size + 1):
                if (
                    self.read(at, size) & self.program[pc + WORDS * word + 2]
                    == self.program[pc + WORDS * word + 3]
                ):
                    return MISFIT
        return here

    @cython.cfunc
    @cython.exceptval(-3, check=False)
    def names(
        self,
        pc: cython.Py_ssize_t,
        here: cython.Py_ssize_t,
        limit: cython.Py_ssize_t,
        short: cython.Py_ssize_t,
        end: cython.Py_ssize_t,
    ) -> cython.Py_ssize_t:
        """Return where questions and records end that a DNS message counts, MISFIT or `short`.

        here: its counts; end: of the message
        """
        base: cython.Py_ssize_t = here - BEFORE
        netbios: cython.bint = self.program[pc + 2] != 0
        left: cython.Py_ssize_t = 0
        asked: cython.Py_ssize_t
        number: cython.Py_ssize_t
        kind: cython.int
        if here + COUNTS > limit:
            return short
        for number in range(4):
            if self.data[here + 2 * number]:
                return MISFIT
            left += self.data[here + 2 * number + 1]
        asked = self.data[here + 1]
        if asked != cython.cast(cython.Py_ssize_t, self.program[pc + 1]) or not left:
            return MISFIT
        here += COUNTS
        for number in range(left):
            here = self._name(base, here, limit, netbios, number == 0)
            if here < 0:
                return short if here == CUT else MISFIT
            if here + (4 if number < asked else 10) > limit:
                return short
            kind = self.data[here] << 8 | self.data[here + 1]
            if netbios and number == 0 and kind != 0x20 and kind != 0x21:
                return MISFIT
            other: cython.bint = self.data[here + 2] & 0x7F or self.data[here + 3] != 1
            if other and (number < asked or kind != OPT):
                return MISFIT  # of another class than the Internet's
            if number < asked:
                here += 4
            else:
                here += 10 + (self.data[here + 8] << 8 | self.data[here + 9])
                if here > limit:
                    return short if here <= end else MISFIT
        return here

    @cython.cfunc
    @cython.exceptval(-3, check=False)
    def _name(
        self,
        base: cython.Py_ssize_t,
        here: cython.Py_ssize_t,
        limit: cython.Py_ssize_t,
        netbios: cython.bint,
        first: cython.bint,
    ) -> cython.Py_ssize_t:
        """Return where a name ends (RFC 1035, 4.1.4), MISFIT, or CUT.

        first: of a message for NetBIOS, whose names begin with 32 letters from A to P; no other
        message has a name that begins with a label of that size
        """
        at: cython.Py_ssize_t = here
        lowest: cython.Py_ssize_t = here
        end: cython.Py_ssize_t = -1
        total: cython.Py_ssize_t = 0
        hops: cython.Py_ssize_t = 0
        size: cython.Py_ssize_t
        number: cython.Py_ssize_t
        while True:
            if at >= limit:
                return CUT
            size = self.data[at]
            if size >= 0xC0:
                if at + 2 > limit:
                    return CUT
                if end < 0:
                    end = at + 2
                at = base + ((size & 0x3F) << 8 | self.data[at + 1])
                hops += 1
                if at >= lowest or hops > HOPS:
                    return MISFIT
                lowest = at
                continue
            if not total:
                if netbios and first and size != LETTERS:
                    return MISFIT
                if not netbios and size == LETTERS:
                    return MISFIT
            if not size:
                return end if end >= 0 else at + 1
            total += size + 1
            if size > LABEL or total >= NAME:
                return MISFIT
            if at + 1 + size > limit:
                return CUT
            if netbios and first and total == LETTERS + 1:
                for number in range(at + 1, at + 1 + size):
                    if self.data[number] < 0x41 or self.data[number] > 0x50:
                        return MISFIT
            at += size + 1

    @cython.cfunc
    @cython.exceptval(-3, check=False)
    def frame(
        self, here: cython.Py_ssize_t, limit: cython.Py_ssize_t, cut: cython.bint
    ) -> cython.Py_ssize_t:
        """Return where a DNP3 frame ends whose checks are right, as far as it was kept."""
        if here + 10 > limit:
            return CUT if cut else MISFIT
        left: cython.Py_ssize_t = self.data[here + 2]
        size: cython.Py_ssize_t = 8
        check: cython.uint
        number: cython.Py_ssize_t
        if left < 5:
            return MISFIT
        left -= 5
        while True:
            if here + size + 2 > limit:
                return CUT if cut else MISFIT
            check = 0
            for number in range(size):
                check = check >> 8 ^ self.crc[(check ^ self.data[here + number]) & 0xFF]
            if self.little(here + size, 2) != check ^ 0xFFFF:
                return MISFIT
            here += size + 2
            if not left:
                return here
            size = min(left, 16)
            left -= size

    @cython.cfunc
    @cython.exceptval(-3, check=False)
    def check(
        self,
        pc: cython.Py_ssize_t,
        here: cython.Py_ssize_t,
        end: cython.Py_ssize_t,
        limit: cython.Py_ssize_t,
        bound: cython.Py_ssize_t,
    ) -> cython.Py_ssize_t:
        """Return where a message goes on whose octets pass the check at `pc`, MISFIT or CUT."""
        kind: cython.ulonglong = self.program[pc + 1]
        at: cython.Py_ssize_t
        if kind == WHOLE:
            at = cython.cast(cython.Py_ssize_t, self.program[pc + 2])
            if limit == bound or (at and limit - here >= at):
                return here
            return CUT if at and limit == here else MISFIT
        if kind == CLEAR:
            if here >= limit:
                return CUT if limit < bound else MISFIT
            return MISFIT if self.data[here] & self.program[pc + 2] else here
        if end < 0 or end > limit:
            return MISFIT if end < 0 or limit == bound else CUT
        octet: cython.ulonglong
        value: cython.ulonglong = 0
        if kind == XOR:
            for at in range(here, end):
                value ^= self.data[at]
            return MISFIT if value else here
        if here + 4 > end:
            return MISFIT
        value = 0xFFFFFFFF
        for at in range(here - cython.cast(cython.Py_ssize_t, self.program[pc + 2]), end):
            octet = 0 if here <= at < here + 4 else self.data[at]
            value = value >> 8 ^ self.crc32[(value ^ octet) & 0xFF]
        return here + 4 if self.little(here, 4) == value ^ 0xFFFFFFFF else MISFIT

    @cython.cfunc
    @cython.exceptval(check=False)
    def mixed(self, value: cython.ulonglong, place: cython.ulonglong) -> cython.ulonglong:
        """Return a mark and its place as one number; their sum does not depend on their order."""
        value = (value + place) * MIX
        return (value ^ value >> 29) * MIX

    @cython.cfunc
    @cython.exceptval(check=False)
    def read(self, at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.ulonglong:
        value: cython.ulonglong = 0
        number: cython.Py_ssize_t
        for number in range(size):
            value = value << 8 | self.data[at + number]
        return value

    @cython.cfunc
    @cython.exceptval(check=False)
    def little(self, at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.ulonglong:
        value: cython.ulonglong = 0
        number: cython.Py_ssize_t
        for number in range(size - 1, -1, -1):
            value = value << 8 | self.data[at + number]
        return value


def words(numbers: list[int], kind: str = "q") -> memoryview:
    """Return numbers as a view that compiled code can look at."""
    sizes = {"Q": 8, "q": 8, "H": 2}
    view = memoryview(bytearray(sizes[kind] * max(1, len(numbers)))).cast(kind)  # type: ignore
    for place, number in enumerate(numbers):
        view[place] = number
    return view


def check_of(octet: int, polynomial: int) -> int:
    """Return the check of one octet by a reflected polynomial: DNP3's is A6BC (IEEE 1815, E)."""
    for _ in range(8):
        octet = octet >> 1 ^ polynomial if octet & 1 else octet >> 1
    return octet
