# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# mypy: disable-error-code="misc,assignment,attr-defined,index,no-any-return,no-untyped-call"
"""The compiled twin of `prefilter.Index`: which protocols the first octets may be.

Only signatures that ask for the first octet at hand are looked at, and those that ask nothing of
it; where many look at the same octets, their values stand in order.
"""

from __future__ import annotations

import cython

from portbook.evidence.signature_lists import Packed

if not cython.compiled:
    raise ImportError("the packet reader is not compiled")

if cython.compiled:
    from cython.cimports.portbook.evidence._layout import FEW, GROUP, Octet

HALF = cython.declare(cython.ulonglong, 0xFFFFFFFF)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def eight(p: Octet) -> cython.ulonglong:
    """Return eight octets as a number, the highest one first: in this form one instruction."""
    return (
        cython.cast(cython.ulonglong, p[0]) << 56
        | cython.cast(cython.ulonglong, p[1]) << 48
        | cython.cast(cython.ulonglong, p[2]) << 40
        | cython.cast(cython.ulonglong, p[3]) << 32
        | cython.cast(cython.ulonglong, p[4]) << 24
        | cython.cast(cython.ulonglong, p[5]) << 16
        | cython.cast(cython.ulonglong, p[6]) << 8
        | p[7]
    )


@cython.cfunc
@cython.exceptval(check=False)
def fewer(p: Octet, length: cython.Py_ssize_t) -> cython.ulonglong:
    """Return some octets as a number."""
    value: cython.ulonglong = 0
    at: cython.Py_ssize_t
    for at in range(length):
        value = value << 8 | p[at]
    return value


@cython.final
@cython.cclass
class Signatures:
    """Looks signatures up in the octets that stand at a place."""

    def __init__(self, packed: Packed) -> None:
        self.transports = packed.words("transports").cast("B").cast("q")
        self.starts, self.groups = packed.words("starts"), packed.words("groups")
        self.values, self.answers = packed.words("values"), packed.words("answers")
        self.many, self.bits = packed.words("many"), packed.bits
        # every group of two lists may fit, each with one value
        self.most = self.groups.shape[0] // GROUP
        self.found = memoryview(bytearray(8 * self.most + 8)).cast("Q")

    def match(self, transport: cython.int, octets: bytes) -> int:
        """Return a bit for each protocol one of whose signatures fits the start of `octets`."""
        found = 0
        at: cython.Py_ssize_t
        if octets:
            for at in range(self._look(transport, octets, len(octets))):
                found |= self.bits[self.found[at]]
        return found

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def hit(self, transport: cython.int, p: Octet, size: cython.Py_ssize_t) -> cython.int:
        """Return 0 when no signature fits, 2 when its protocol asks for more datagrams, else 1."""
        count: cython.Py_ssize_t = self._look(transport, p, size)
        at: cython.Py_ssize_t
        for at in range(count):
            if self.many[self.found[at]]:
                return 2
        return count > 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _look(self, transport: cython.int, p: Octet, size: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Write the answers of all signatures that fit `size` octets; return how many."""
        s: cython.Py_ssize_t = self.transports[transport]
        count: cython.Py_ssize_t
        if s < 0 or size <= 0:
            return 0
        first: cython.Py_ssize_t = s + p[0]
        count = self._fitting(self.starts[first], self.starts[first + 1], p, size, 0)
        return self._fitting(self.starts[s + 256], self.starts[s + 257], p, size, count)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _fitting(
        self,
        begin: cython.Py_ssize_t,
        end: cython.Py_ssize_t,
        p: Octet,
        size: cython.Py_ssize_t,
        count: cython.Py_ssize_t,
    ) -> cython.Py_ssize_t:
        """Go through one list; return how many answers there are now."""
        group: cython.p_ulonglong
        place: cython.Py_ssize_t
        length: cython.Py_ssize_t
        value: cython.ulonglong
        if begin >= end:
            return count
        self.seen = self.groups[end - 1]  # the last word of the list: all before it are there
        while begin < end:
            group = cython.cast(cython.p_ulonglong, cython.address(self.groups[begin]))
            begin += GROUP
            place, length = group[0] & 0xFFFF, group[0] >> 16
            if place + 8 <= size:
                value = eight(p + place) >> (64 - 8 * length)
            elif place + length <= size:
                value = fewer(p + place, length)
            else:
                continue
            if (value ^ group[3]) & group[4]:
                continue  # it differs from all of them
            place = group[2] & HALF
            if group[2] >> 32 > 1:
                place = self._place(value & group[1], group[2])
                if place < 0:
                    continue
            self.found[count] = self.answers[place]
            count += 1
        return count

    @cython.cfunc
    @cython.exceptval(-2, check=False)
    def _place(self, value: cython.ulonglong, where: cython.ulonglong) -> cython.Py_ssize_t:
        """Return where a value stands among those of a group, -1 when it does not."""
        low: cython.Py_ssize_t = where & HALF
        count: cython.Py_ssize_t = where >> 32
        half: cython.Py_ssize_t
        while count > FEW:
            half = count >> 1
            low += half if self.values[low + half] <= value else 0
            count -= half
        for half in range(low, low + count):
            if self.values[half] == value:
                return half
        return -1
