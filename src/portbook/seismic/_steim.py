# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# ruff: noqa: I001
# mypy: disable-error-code="misc,type-arg,valid-type,assignment,attr-defined,index,no-any-return"
# mypy: disable-error-code="no-untyped-call,import"
"""The compiled twin of `frames`: Steim frames decoded, counted and checked in one pass.

libmseed decodes as many samples as it is asked for and forgives what does not add up, so `frames`
looks at every packet a second time. Here the counting is the decoding. Tests hold the two to each
other. Source: SEED manual 2.4, appendix B.
"""

from __future__ import annotations

import sys

import cython

if not cython.compiled:
    raise ImportError("the Steim decoder is not compiled")

if cython.compiled:
    # fmt: off
    from cython.cimports.portbook.seismic._numbers import (
        AGREE, COUNTED, FRAME, FRAMES, FROM, SIZE, SOUND, TOLD,
    )
    # fmt: on


HOLDS = (SOUND, COUNTED, AGREE, TOLD)


def unpack(level, words, samples, values, holds, befores) -> None:  # type: ignore[no-untyped-def]
    """Decode packets of one Steim level, 1 or 2, into one array of samples.

    words: whole packets, shape (n, 256), 32 bits as they stand; samples: int64, as many as each
    tells; values: int32, room for all of them; holds: a bit for each of HOLDS; befores: int32, the
    value before each packet's first sample
    """
    Decoder(level, words, values).unpack(samples, holds, befores)


@cython.final
@cython.cclass
class Decoder:
    """The packets in hand, and where their samples go."""

    level: cython.int
    words: cython.const[cython.uint][:, ::1]
    little: cython.bint  # this machine's order of octets
    # of the packet in hand: where its next sample goes and where they end, the last value,
    # the one before the first, all differences, whether a word among them cannot be
    at: cython.Py_ssize_t
    end: cython.Py_ssize_t
    filled: cython.Py_ssize_t
    value: cython.uint
    first: cython.uint
    broken: cython.bint
    values: cython.int[::1]

    def __init__(self, level, words, values) -> None:  # type: ignore[no-untyped-def]
        self.level, self.words, self.values = level, words, values
        self.little = sys.byteorder == "little"

    def unpack(self, samples, holds, befores) -> None:  # type: ignore[no-untyped-def]
        """Decode every packet, its samples behind those of the one before."""
        told = cython.declare(cython.const[cython.longlong][::1], samples)
        marks = cython.declare(cython.uchar[::1], holds)
        before = cython.declare(cython.int[::1], befores)
        row: cython.Py_ssize_t
        at: cython.Py_ssize_t = 0
        if self.words.shape[1] != SIZE // 4:
            raise ValueError("a packet has 1024 octets")
        for row in range(self.words.shape[0]):
            if told[row] < 1 or told[row] > self.values.shape[0] - at:
                raise ValueError("there is no room for the samples")
            marks[row] = self.packet(row, at, told[row], before)
            at += told[row]

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def word(self, row: cython.Py_ssize_t, at: cython.Py_ssize_t) -> cython.longlong:
        word: cython.uint = self.words[row, at >> 2]
        if self.little:
            word = word >> 24 | (word >> 8 & 0xFF00) | (word << 8 & 0xFF0000) | word << 24
        return word

    @cython.cfunc
    @cython.exceptval(check=True)
    def packet(
        self,
        row: cython.Py_ssize_t,
        begin: cython.Py_ssize_t,
        many: cython.Py_ssize_t,
        befores: cython.int[::1],
    ) -> cython.uchar:
        """Decode one packet; return what holds of it, as in HOLDS."""
        frame: cython.int
        slot: cython.int
        code: cython.uint
        control: cython.uint
        holds: cython.uchar = SOUND
        self.first = self.value = self.word(row, FROM + 4)
        self.at, self.end, self.filled = begin, begin + many, 0
        self.broken = False
        for frame in range(FRAMES):
            control = self.word(row, FROM + FRAME * frame)
            if control >> (30 if frame else 26):
                holds = 0
            for slot in range(1 if frame else 3, 16):
                code = control >> (30 - 2 * slot) & 3
                if code:
                    self.differences(code, self.word(row, FROM + FRAME * frame + 4 * slot))
        befores[row] = cython.cast(cython.int, self.first)
        if self.filled == many and not self.broken:
            holds |= COUNTED
        if self.filled >= many and self.values[self.end - 1] == cython.cast(
            cython.int, self.word(row, FROM + 8)
        ):
            holds |= AGREE
        if self.filled:
            holds |= TOLD
        return holds

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def differences(self, code: cython.uint, word: cython.uint) -> cython.int:
        """Add the differences of one word: `code` of its frame, in Steim-2 with its top bits."""
        kind: cython.uint = 0
        if code == 1:
            return self.spread(word, 4, 8)
        if self.level == 1:
            if code == 2:
                return self.spread(word, 2, 16)
            return self.spread(word, 1, 32)
        kind = code << 2 | word >> 30
        if kind == 9:
            return self.spread(word, 1, 30)
        if kind == 10:
            return self.spread(word, 2, 15)
        if kind == 11:
            return self.spread(word, 3, 10)
        if kind == 12:
            return self.spread(word, 5, 6)
        if kind == 13:
            return self.spread(word, 6, 5)
        if kind == 14:
            return self.spread(word, 7, 4)
        if self.at < self.end:
            self.broken = True
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def spread(self, word: cython.uint, count: cython.int, bits: cython.int) -> cython.int:
        """Add `count` differences of `bits` each, which stand at the low end of a word."""
        step: cython.int
        room: cython.int = count
        value: cython.uint = self.value
        at: cython.Py_ssize_t = self.at
        word <<= 32 - count * bits
        if self.filled == 0:
            # the step from the packet before: X0 is told, so nothing is added for it
            self.first = value - cython.cast(
                cython.uint, cython.cast(cython.int, word) >> 32 - bits
            )
            value = self.first
        self.filled += count
        if count <= self.end - at:  # nearly always: a loop of a length that the compiler knows
            for step in range(count):
                value += cython.cast(cython.uint, cython.cast(cython.int, word) >> 32 - bits)
                word <<= bits & 31
                self.values[at + step] = cython.cast(cython.int, value)
        else:
            room = cython.cast(cython.int, self.end - at)
            for step in range(room):
                value += cython.cast(cython.uint, cython.cast(cython.int, word) >> 32 - bits)
                word <<= bits & 31
                self.values[at + step] = cython.cast(cython.int, value)
        self.at = at + room
        self.value = value
        return 0
