# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# mypy: disable-error-code="misc,assignment,attr-defined,index,no-any-return,no-untyped-call,import"
"""Judges conversations by the moulds of `portbook.protocols.moulds`, a microsecond each.

Every octet is looked at through a checked index, and only before the end of what was kept. The
recognisers are the oracle: what fits here they confirm.
"""

from __future__ import annotations

from collections.abc import Sequence

import cython

from portbook.evidence._scanning import check_of, words
from portbook.evidence.arrays import memory
from portbook.protocols import moulds
from portbook.protocols.moulds import Mould

if not cython.compiled:
    raise ImportError("the judge of moulds is not compiled")

if cython.compiled:
    from cython.cimports.portbook.evidence._scanning import Scanner

MISFIT = cython.declare(cython.Py_ssize_t, -1)
CUT = cython.declare(cython.Py_ssize_t, -2)  # it goes on where nothing was kept
WORDS = cython.declare(cython.Py_ssize_t, moulds.WORDS)
DEEPEST = cython.declare(cython.Py_ssize_t, moulds.DEEPEST)
OCTETS = cython.declare(cython.int, moulds.OCTETS)
ONE_OF = cython.declare(cython.int, moulds.ONE_OF)
NUMBER = cython.declare(cython.int, moulds.NUMBER)
ANY = cython.declare(cython.int, moulds.ANY)
LENGTH = cython.declare(cython.int, moulds.LENGTH)
VARINT = cython.declare(cython.int, moulds.VARINT)
COUNTED = cython.declare(cython.int, moulds.COUNTED)
BER = cython.declare(cython.int, moulds.BER)
CLOSE = cython.declare(cython.int, moulds.CLOSE)
UNTIL = cython.declare(cython.int, moulds.UNTIL)
MARK = cython.declare(cython.int, moulds.MARK)
REPEAT = cython.declare(cython.int, moulds.REPEAT)
AGAIN = cython.declare(cython.int, moulds.AGAIN)
REST = cython.declare(cython.int, moulds.REST)
DNP3 = cython.declare(cython.int, moulds.DNP3)
SIZED = cython.declare(cython.int, moulds.SIZED)
RUN = cython.declare(cython.int, moulds.RUN)
LINE = cython.declare(cython.int, moulds.LINE)
KIND = cython.declare(cython.int, moulds.KIND)
TAIL = cython.declare(cython.int, moulds.TAIL)
DNS = cython.declare(cython.int, moulds.DNS)
CHECK = cython.declare(cython.int, moulds.CHECK)
MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
MOST = cython.declare(cython.Py_ssize_t, 512)  # questions remembered of a conversation
MESSAGES = cython.declare(cython.Py_ssize_t, 8192)  # looked at in one direction
EARLY = cython.declare(cython.Py_ssize_t, 128)  # questions, of which the first answer is to one
UNLESS = cython.declare(cython.ulonglong, moulds.UNLESS)
SPEECH = cython.declare(cython.Py_ssize_t, 6)  # first: from, to; then: from, to, anything; most


@cython.final
@cython.cclass
class Moulds(Scanner):
    """A set of moulds by number."""

    def __init__(self, known: list[Mould]) -> None:
        rows: list[tuple[int, ...]] = []
        starts: list[int] = []
        speeches: list[int] = []
        for one in known:
            for speech in (one.asks, one.tells):
                then = speech.first if speech.then is None else speech.then
                for messages in (speech.first, then):
                    speeches.append(len(starts))
                    for message in messages:
                        starts.append(len(rows) * moulds.WORDS)
                        rows += moulds.program(message)
                    speeches.append(len(starts))
                speeches += [speech.then == (), one.most]
        self.count = len(known)
        self.program = words([number for row in rows for number in row], "Q")
        self.speeches = words(speeches, "q")
        self.starts = words(starts, "q")
        self.keys = memory(8 * 512).cast("Q")
        self.ends = words([0] * (moulds.DEEPEST + 1), "q")
        self.crc32 = words([check_of(octet, 0xEDB88320) for octet in range(256)], "Q")
        self.crc = words([check_of(octet, 0xA6BC) for octet in range(256)], "H")

    def fits(
        self,
        number: int,
        stream: bool,
        asked: Sequence[tuple[bytes, int]],
        told: Sequence[tuple[bytes, int]],
    ) -> bool:
        """Tell whether a conversation fits a mould; for tests and for a few.

        asked, told: what was kept of each datagram and its true length; of a stream one such
        pair, the true length being that of all that was sent
        """
        self.open()
        side: cython.int
        for side, pieces in enumerate((asked, told)):
            later: cython.int = 0
            whole: cython.int = 0
            for octets, length in pieces:
                self.data = octets or b"\0"
                if stream:
                    found: cython.int = self.talk(number, side, 0, len(octets), length)
                else:
                    found = self.message(number, side, later, 0, len(octets), length)
                if not found:
                    return False
                later, whole = 1, whole or found == 1
            if not whole:
                return False
        return True

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def open(self) -> cython.int:
        """Begin with another conversation."""
        self.asked = self.answered = 0
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def talk(
        self,
        number: cython.Py_ssize_t,
        side: cython.int,
        at: cython.Py_ssize_t,
        kept: cython.Py_ssize_t,
        total: cython.Py_ssize_t,
    ) -> cython.int:
        """Judge one side of a stream: 0 it does not fit, 1 it does, 2 no message was whole.

        at: where its first octet stands in `data`; the question's side comes first
        """
        here: cython.Py_ssize_t = at
        limit: cython.Py_ssize_t = at + kept
        found: cython.Py_ssize_t
        later: cython.int = 0
        anything: cython.bint = self.speeches[(2 * number + side) * SPEECH + 4] != 0
        _count: cython.Py_ssize_t
        most: cython.Py_ssize_t = self.speeches[(2 * number + side) * SPEECH + 5]
        for _count in range(most or MESSAGES):
            if here >= limit or (later and anything):
                break
            found = self._any(number, side, later, here, limit, at + total, False)
            if found == MISFIT:
                return 0
            if found == CUT:
                break
            here, later = found, 1
        else:
            return 0 if most and here < limit else 1
        return 1 if later else 2

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def message(
        self,
        number: cython.Py_ssize_t,
        side: cython.int,
        later: cython.int,
        at: cython.Py_ssize_t,
        kept: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
    ) -> cython.int:
        """Judge a datagram: 0 it does not fit, 1 it does, 2 a later one does as far as kept."""
        if later and self.speeches[(2 * number + side) * SPEECH + 4]:
            return 1
        found: cython.Py_ssize_t = self._any(number, side, later, at, at + kept, at + length, True)
        if found == MISFIT or (found == CUT and not later):
            return 0
        return 2 if found == CUT else 1

    @cython.cfunc
    @cython.exceptval(-3, check=False)
    def _any(
        self,
        number: cython.Py_ssize_t,
        side: cython.int,
        later: cython.int,
        at: cython.Py_ssize_t,
        limit: cython.Py_ssize_t,
        bound: cython.Py_ssize_t,
        exact: cython.bint,
    ) -> cython.Py_ssize_t:
        """Return where a message ends that fits one of the alternatives, MISFIT or CUT."""
        speech: cython.Py_ssize_t = (2 * number + side) * SPEECH + 2 * later
        choice: cython.Py_ssize_t
        found: cython.Py_ssize_t
        for choice in range(self.speeches[speech], self.speeches[speech + 1]):
            self.key, self.marked = 0, False
            found = self._run(self.starts[choice], at, limit, bound, exact)
            if found == CUT:
                return CUT
            if found != MISFIT and (not self.marked or self._known(side)):
                return found
        return MISFIT

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _known(self, side: cython.int) -> cython.bint:
        """Keep the marks of a question; tell whether those of an answer were asked."""
        number: cython.Py_ssize_t
        stop: cython.Py_ssize_t = self.asked if self.answered else min(self.asked, EARLY)
        if side == 0:
            if self.asked < MOST:
                self.keys[self.asked] = self.key
                self.asked += 1
            return True
        for number in range(self.answered, stop):
            if self.keys[number] == self.key:
                self.answered = number + 1
                return True
        for number in range(min(self.answered, self.asked)):
            if self.keys[number] == self.key:
                return True
        return False

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def mark(self, here: cython.Py_ssize_t, stop: cython.Py_ssize_t) -> cython.int:
        """Let octets be a mark of the message."""
        self.key = (self.key ^ cython.cast(cython.ulonglong, stop - here)) * MIX + 1
        while here < stop:
            self.key = (self.key ^ self.data[here]) * MIX + 1
            here += 1
        self.marked = True
        return 0

    @cython.cfunc
    @cython.exceptval(-3, check=False)
    def _run(
        self,
        pc: cython.Py_ssize_t,
        here: cython.Py_ssize_t,
        limit: cython.Py_ssize_t,
        bound: cython.Py_ssize_t,
        exact: cython.bint,
    ) -> cython.Py_ssize_t:
        """Take the steps of a message; return where it ends, MISFIT, or CUT.

        limit: where what was kept ends; bound: where what was sent ends
        exact: a datagram, which one message fills
        """
        short: cython.Py_ssize_t = CUT if limit < bound else MISFIT
        end: cython.Py_ssize_t = bound if exact else -1  # of the message, once it is told
        depth: cython.Py_ssize_t = 0
        op: cython.int
        a: cython.ulonglong
        value: cython.ulonglong
        size: cython.Py_ssize_t
        stop: cython.Py_ssize_t
        edge: cython.Py_ssize_t
        fits: cython.bint
        while True:
            op, a = cython.cast(cython.int, self.program[pc]), self.program[pc + 1]
            size = cython.cast(cython.Py_ssize_t, a)
            if op == OCTETS:
                if here + size > limit:
                    return short if self.begins(pc, here, limit) else MISFIT
                if self.read(here, size) & self.program[pc + 2] != self.program[pc + 3]:
                    return MISFIT
                here += size
            elif op == NUMBER:
                if here + size > limit:
                    return short
                little: cython.bint = self.program[pc + 4] != 0
                value = self.little(here, size) if little else self.read(here, size)
                if value < self.program[pc + 2] or value > self.program[pc + 3]:
                    return MISFIT
                here += size
            elif op == ANY:
                here += size
                if here > limit:
                    return short if here <= bound else MISFIT
            elif op == LENGTH:
                if here + size > limit:
                    return short
                little = self.program[pc + 3] != 0
                value = self.little(here, size) if little else self.read(here, size)
                here += size
                if value > self.program[pc + 5]:
                    return MISFIT
                stop = cython.cast(cython.Py_ssize_t, value * self.program[pc + 4])
                stop += here + cython.cast(cython.Py_ssize_t, self.program[pc + 2])
                if stop < here or stop > bound or (end >= 0 and end != stop):
                    return MISFIT
                end = stop
            elif op == MARK:
                if here + size > limit:
                    return short
                value = self.read(here, size)
                if value < self.program[pc + 3] or value > self.program[pc + 4]:
                    return MISFIT
                value &= self.program[pc + 2]
                a = self.program[pc + 5]
                self.key = self.key + self.mixed(value, a) if a else (self.key ^ value) * MIX + 1
                self.marked = True
                here += size
            elif op == ONE_OF:
                fits = False
                stop = pc + WORDS * (size + 1)
                while pc + WORDS < stop:
                    pc += WORDS
                    size = cython.cast(cython.Py_ssize_t, self.program[pc + 1])
                    if fits:
                        continue
                    if here + size > limit:
                        if limit < bound:
                            return CUT
                        continue
                    if self.read(here, size) & self.program[pc + 2] == self.program[pc + 3]:
                        here += size
                        fits = True
                if not fits:
                    return MISFIT
            elif op == COUNTED:
                if here + size > limit:
                    return short
                little = self.program[pc + 4] != 0
                value = self.little(here, size) if little else self.read(here, size)
                if value < self.program[pc + 2] or value > self.program[pc + 3]:
                    return MISFIT
                a = self.program[pc + 5]
                here += size + cython.cast(cython.Py_ssize_t, (value + a - 1) // a * a)
                if here > limit:
                    return short if here <= bound else MISFIT
            elif op == VARINT:
                value, size = 0, 0
                while True:
                    if here >= limit:
                        return short
                    if size == 4:
                        return MISFIT
                    a = self.data[here]
                    value |= (a & 0x7F) << 7 * size
                    here, size = here + 1, size + 1
                    if a < 0x80:
                        break
                stop = here + cython.cast(cython.Py_ssize_t, value)
                if stop > bound or (end >= 0 and end != stop):
                    return MISFIT
                end = stop
            elif op == BER:
                if here >= limit:
                    return short
                value = self.data[here]
                if value < a or value > self.program[pc + 2] or value & 0x1F == 0x1F:
                    return MISFIT
                if here + 2 > limit:
                    return short
                value = self.data[here + 1]
                here += 2
                if value >= 0x80:
                    size = cython.cast(cython.Py_ssize_t, value & 0x7F)
                    if size < 1 or size > 4:
                        return MISFIT
                    if here + size > limit:
                        return short
                    value = self.read(here, size)
                    if value >> 24:
                        return MISFIT
                    here += size
                stop = here + cython.cast(cython.Py_ssize_t, value)
                if depth:
                    if stop > self.ends[depth]:
                        return MISFIT
                elif stop > bound or (end >= 0 and stop != end and self.program[pc + 3]):
                    return MISFIT
                elif end < 0:
                    end = stop
                if self.program[pc + 3]:
                    if depth == DEEPEST:
                        return MISFIT
                    depth += 1
                    self.ends[depth] = stop
                else:
                    if stop > limit:
                        return short
                    if self.program[pc + 4]:
                        self.mark(here, stop)
                    here = stop
            elif op == SIZED:
                little, a, value = self.program[pc + 3] != 0, 0, 0
                while a < self.program[pc + 5]:
                    if here + size > limit:
                        return short
                    value += self.little(here, size) if little else self.read(here, size)
                    here, a = here + size, a + 1
                if value > 1 << 31 or depth == DEEPEST:
                    return MISFIT
                stop = cython.cast(cython.Py_ssize_t, value * self.program[pc + 4])
                stop += here + cython.cast(cython.Py_ssize_t, self.program[pc + 2])
                if stop < here or stop > (self.ends[depth] if depth else bound):
                    return MISFIT
                depth += 1
                self.ends[depth] = stop
            elif op == CLOSE:
                if here != self.ends[depth]:
                    return MISFIT
                depth -= 1
            elif op == UNTIL:
                value, a = 0, 0
                stop = here + cython.cast(cython.Py_ssize_t, self.program[pc + 4])
                while True:
                    if here >= limit:
                        return short
                    if here >= stop:
                        return MISFIT
                    value = value << 8 | self.data[here]
                    here, a = here + 1, a + 1
                    if (
                        a >= self.program[pc + 1]
                        and value & self.program[pc + 2] == self.program[pc + 3]
                    ):
                        break
            elif op == REPEAT:
                stop = self.ends[depth] if depth else end
                value = self.program[pc + 2]
                if here > stop >= 0 or (stop < 0 and not value):
                    return MISFIT
                if here == stop:
                    if value == UNLESS:
                        return MISFIT
                    pc += WORDS * (size + 1)
                elif here >= limit:
                    return short
                elif value and (self.data[here] == self.program[pc + 3]) == (value == UNLESS):
                    here += value == UNLESS
                    pc += WORDS * (size + 1)
            elif op == RUN:
                stop = here + cython.cast(cython.Py_ssize_t, self.program[pc + 2])
                edge = self.ends[depth] if depth else end
                if edge < 0 or edge > limit:
                    edge = limit
                stop = self.run(pc + WORDS, here, min(stop, edge))
                if stop == limit < bound:
                    return CUT
                if stop < here + size:
                    return MISFIT
                if self.program[pc + 3]:
                    self.mark(here, stop)
                here = stop
                pc += WORDS
            elif op == LINE:
                here = self.line(pc, here, limit, bound)
                if here < 0:
                    return here
                pc += WORDS * size
            elif op == KIND:
                self.key = (self.key ^ a) * MIX + 1
                self.marked = True
            elif op == TAIL:
                return limit
            elif op == DNS:
                if end < 0:
                    return MISFIT
                here = self.names(pc, here, limit, short, end)
                if here < 0:
                    return here
            elif op == AGAIN:
                pc -= WORDS * (size + 2)
            elif op == REST:
                stop = self.ends[depth] if depth else end
                if stop < 0 or stop - here < size:
                    return MISFIT
                here = stop
            elif op == CHECK:
                here = self.check(pc, here, end, limit, bound)
                if here < 0:
                    return here
            elif op == DNP3:
                stop = self.frame(here, limit, limit < bound)
                if stop < 0:
                    return stop
                if stop > bound or (end >= 0 and end != stop):
                    return MISFIT
                end = stop
            else:
                if end < 0:
                    end = here
                if here != end:
                    return MISFIT
                return end if end <= limit else short
            pc += WORDS
