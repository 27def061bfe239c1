# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# ruff: noqa: I001
# mypy: disable-error-code="misc,assignment,attr-defined,index,no-any-return,no-untyped-call"
# mypy: disable-error-code="import,operator"
"""Folds ordinary conversations together while they are still numbers: see `folding`.

A row is judged once: what fits a mould, what no signature knows, and what never answered is added
to a group of its kind; the rest is given back, to be named by the recognisers.
"""

from __future__ import annotations

from collections.abc import Callable

import cython

from portbook.evidence import arrays
from portbook.evidence._moulds import words
from portbook.evidence.arrays import memory
from portbook.evidence.conversations import BY_SYN
from portbook.ports import Transport
from portbook.protocols.moulds import Mould, first_octets

if not cython.compiled:
    raise ImportError("folding is not compiled")

if cython.compiled:
    from cython.cimports.portbook.evidence._flows import Flows
    from cython.cimports.portbook.evidence._moulds import Moulds

    # fmt: off
    from cython.cimports.portbook.evidence._layout import (
        BLOCK, BROADCAST, COOL, DONE, FILLED, FIRST, HEADS, KEY, LAST, LONG, MARKS, MOST_PIECES,
        OCTETS, PACKETS, PAYLOAD, PIECE, PIECES, ROW, SHORT, STARTED, STATE, SWAPPED, SYNS, WANTED,
    )
    # fmt: on

# what a row is judged to be; from 0 on it is the number of a mould
SLOW = cython.declare(cython.Py_ssize_t, -3)
LOST = cython.declare(cython.Py_ssize_t, -2)  # nobody answered, and nothing is known of it
UNKNOWN = cython.declare(cython.Py_ssize_t, -1)  # answered, and no signature knows it
# words of a group: first what it is known by
KEYS = cython.declare(cython.Py_ssize_t, 6)
GROUP = cython.declare(cython.Py_ssize_t, 20)
COUNT = cython.declare(cython.Py_ssize_t, 6)
SIZES = cython.declare(cython.Py_ssize_t, 7)  # packets, octets, payload to server, to client
FIRST_NS = cython.declare(cython.Py_ssize_t, 12)
LAST_NS = cython.declare(cython.Py_ssize_t, 13)
WHERE = cython.declare(cython.Py_ssize_t, 14)
MACS = cython.declare(cython.Py_ssize_t, 15)
CLIENT_PORT = cython.declare(cython.Py_ssize_t, 17)
SAID = cython.declare(cython.Py_ssize_t, 18)  # payload each way of the last that said enough
MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
SETTLED = cython.declare(cython.int, arrays.SETTLED)
HALF = cython.declare(cython.ulonglong, 0xFFFFFFFF)


@cython.final
@cython.cclass
class Folding:
    """Groups of conversations that differ in their client's port and in nothing that is judged.

    most: groups; of what comes when there are as many, only the totals are kept
    enough: octets each way that say something of a protocol
    every: new conversations between two sweeps
    """

    moulds: Moulds
    choices = cython.declare(cython.longlong[::1])
    lists = cython.declare(cython.longlong[::1])
    words = cython.declare(cython.ulonglong[::1])
    slots = cython.declare(cython.uint[::1])
    totals = cython.declare(cython.longlong[::1])
    asks = cython.declare(cython.uchar[::1])
    seed: cython.ulonglong
    mask: cython.ulonglong
    groups = cython.declare(cython.Py_ssize_t, visibility="readonly")
    most: cython.Py_ssize_t
    enough: cython.ulonglong
    left_out = cython.declare(cython.Py_ssize_t, visibility="readonly")
    unknowable: cython.bint
    swept: cython.Py_ssize_t
    every: cython.Py_ssize_t
    seen: cython.int  # what the moulds look at: 1 short heads, 2 longer ones
    key = cython.declare(cython.ulonglong[::1])
    tell: object

    def __init__(
        self,
        moulds: list[Mould],
        *,
        seed: int,
        most: int,
        enough: int,
        unknowable: bool,
        every: int,
        tell: Callable[[list[tuple[list[int], int]]], None] | None,
    ) -> None:
        self.moulds = Moulds(moulds)
        lists: list[int] = []
        choices: list[int] = []
        for transport in (Transport.TCP, Transport.UDP):
            own = [number for number, one in enumerate(moulds) if one.transport is transport]
            first = {number: first_octets(moulds[number]) for number in own}
            for octet in range(256):
                choices.append(len(lists))
                lists += [number for number in own if octet in first[number]]
        choices.append(len(lists))
        self.choices, self.lists = words(choices), words(lists)
        self.totals = words([0] * 5 * (len(moulds) + 2))
        self.asks = memoryview(bytearray(2 if told is None else not told for told in BY_SYN))
        self.key = memoryview(bytearray(48)).cast("Q")
        self.seed, self.most, self.enough = seed & 0xFFFFFFFFFFFFFFFF, most, enough
        self.unknowable, self.tell, self.every = unknowable, tell, every
        self.words = memory(8 * 20 * 1024).cast("Q")
        self._rehash(1 << 11)

    def fold(self, flows: Flows, rows: object) -> list[int]:
        """Judge rows by their numbers; return those that need their recogniser."""
        slow: list[int] = []
        told: list[tuple[list[int], int]] = []
        number: cython.Py_ssize_t
        judged: cython.Py_ssize_t
        for number in rows:
            judged = self._judge(flows, number)
            if judged == SLOW:
                slow.append(number)
                continue
            self._add(flows, number, judged)
            if self.tell is not None:
                told.append((self._words(flows, number), judged))
                if len(told) == 4096:
                    self.tell(told)
                    told.clear()
        if told:
            self.tell(told)
        self._look_away(flows)
        return slow

    def learn(self, flows: Flows, rows: object) -> list[int]:
        """Judge rows before their longer heads are given back; return those that fit no mould.

        What fits is settled: nothing more of its payload is kept, nor what was.
        """
        left: list[int] = []
        number: cython.Py_ssize_t
        judged: cython.Py_ssize_t
        for number in rows:
            judged = self._judge(flows, number)
            if judged < 0:
                left.append(number)
            else:
                self._settle(flows, number, judged)
        self._look_away(flows)
        return left

    def sweep(self, flows: Flows) -> None:
        """Settle every conversation that fits by now, once many have been met since."""
        number: cython.Py_ssize_t
        judged: cython.Py_ssize_t
        if flows.rows < self.swept:
            self.swept = 0  # some were closed
        if flows.rows - self.swept < self.every:
            return
        self.swept = flows.rows
        for number in range(flows.rows):
            if not flows.hot[number * ROW + STATE] >> SETTLED & 0xFFF:
                judged = self._judge(flows, number)
                if judged >= 0:
                    self._settle(flows, number, judged)
        self._look_away(flows)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _settle(
        self, flows: Flows, number: cython.Py_ssize_t, judged: cython.Py_ssize_t
    ) -> cython.int:
        """Keep what a conversation was judged to be, and nothing of its payload."""
        r: cython.Py_ssize_t = number * ROW
        flows.hot[r + STATE] |= (
            cython.cast(cython.ulonglong, judged + 1) << SETTLED | DONE | DONE << 1
        )
        heads: cython.ulonglong = flows.hot[r + HEADS]
        flows.hot[r + HEADS] = 0
        self._empty(flows, heads & HALF)
        self._empty(flows, heads >> 32)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _empty(self, flows: Flows, head: cython.Py_ssize_t) -> cython.int:
        """Give a head back; 0 is none, 1 the first."""
        m: cython.Py_ssize_t = (head - 1) * MARKS
        number: cython.Py_ssize_t
        if not head:
            return 0
        if flows.heads.marks[m + BLOCK]:
            flows.stores.give_block(head - 1, flows.heads.marks[m + BLOCK] - 1)
        for number in range(MARKS):
            flows.heads.marks[m + number] = 0
        flows.heads.spare.append(head - 1)
        return 0

    def total(self, judged: int) -> tuple[int, int, int, int, int]:
        """Return conversations, packets, octets, payload and the last time of a judgement."""
        start: cython.Py_ssize_t = 5 * (judged + 2)
        return tuple(self.totals[start : start + 5])

    def group(self, number: int) -> list[int]:
        """Return the words of a group."""
        start: cython.Py_ssize_t = number * GROUP
        return list(self.words[start : start + GROUP])

    @cython.cfunc
    def _words(self, flows: Flows, number: cython.Py_ssize_t) -> list:  # type: ignore[type-arg]
        return [flows.hot[number * ROW + at] for at in range(ROW)]

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _look_away(self, flows: Flows) -> cython.int:
        """Let go of the heads, so that they can grow."""
        self.moulds.data, self.seen = b"\0", 0
        flows.heads.payload = b"\0"
        return 0

    @cython.cfunc
    @cython.exceptval(-4, check=False)
    def _judge(self, flows: Flows, number: cython.Py_ssize_t) -> cython.Py_ssize_t:
        r: cython.Py_ssize_t = number * ROW
        key: cython.ulonglong = flows.hot[r + KEY]
        state: cython.ulonglong = flows.hot[r + STATE]
        transport: cython.int = key >> 24 & 0xFF
        ask: cython.int = 0
        if transport == 6:
            ask = self.asks[state // SYNS & 15]
            if not flows.hot[r + PAYLOAD] and not flows.hot[r + PAYLOAD + 1]:
                if ask < 2 and state & (SYNS << (3 - ask)):
                    return UNKNOWN
                return LOST
            if ask == 2 or not (state & STARTED and state & STARTED << 1):
                return SLOW
        elif transport == 17:
            if not flows.hot[r + PACKETS] or not flows.hot[r + PACKETS + 1]:
                return SLOW
            if state & BROADCAST or self._is_group(flows, r) or self._is_group(flows, r + 2):
                return SLOW
        else:
            return SLOW
        if state >> SETTLED & 0xFFF:
            return cython.cast(cython.Py_ssize_t, state >> SETTLED & 0xFFF) - 1
        heads: cython.ulonglong = flows.hot[r + HEADS]
        asked: cython.Py_ssize_t = heads >> 32 * ask & HALF
        told: cython.Py_ssize_t = heads >> 32 * (1 - ask) & HALF
        if not state & WANTED:
            return self._unknown(flows, transport, asked, told)
        if not asked or not told:
            return SLOW
        start: cython.Py_ssize_t = self._head(flows, asked - 1)
        octet: cython.int = self.moulds.data[start]
        octet += 256 if transport == 17 else 0
        choice: cython.Py_ssize_t
        found: cython.Py_ssize_t
        for choice in range(self.choices[octet], self.choices[octet + 1]):
            found = self.lists[choice]
            self.moulds.open()
            if self._fits(flows, r, found, 0, ask, asked - 1, transport) and self._fits(
                flows, r, found, 1, 1 - ask, told - 1, transport
            ):
                return found
        return SLOW

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _is_group(self, flows: Flows, at: cython.Py_ssize_t) -> cython.bint:
        """Tell whether an address, two words from `at` on, stands for many."""
        high: cython.ulonglong = flows.hot[at]
        low: cython.ulonglong = flows.hot[at + 1]
        if high:
            return high >> 56 == 0xFF
        return low >> 28 == 14 or low == HALF

    @cython.cfunc
    @cython.exceptval(-4, check=False)
    def _unknown(
        self,
        flows: Flows,
        transport: cython.int,
        asked: cython.Py_ssize_t,
        told: cython.Py_ssize_t,
    ) -> cython.Py_ssize_t:
        """Judge what no signature has known at its first payload: nor may the joined ones."""
        head: cython.Py_ssize_t
        size: cython.Py_ssize_t
        if not self.unknowable:
            return SLOW
        for head in (asked, told):
            if head:
                size = flows.heads.marks[(head - 1) * MARKS + FILLED]
                flows.heads.payload = flows.heads.octets
                if flows.heads.hit(transport, (head - 1) * SHORT, min(size, SHORT)):
                    return SLOW
        return UNKNOWN if asked and told else SLOW

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _head(self, flows: Flows, head: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Let the moulds look at a head; return where it begins."""
        block: cython.Py_ssize_t = flows.heads.marks[head * MARKS + BLOCK]
        if block:
            if self.seen != 2:
                self.moulds.data, self.seen = flows.heads.pool, 2
            return (block - 1) * LONG
        if self.seen != 1:
            self.moulds.data, self.seen = flows.heads.octets, 1
        return head * SHORT

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _fits(
        self,
        flows: Flows,
        r: cython.Py_ssize_t,
        mould: cython.Py_ssize_t,
        side: cython.int,
        way: cython.int,
        head: cython.Py_ssize_t,
        transport: cython.int,
    ) -> cython.bint:
        """Tell whether one side fits its half of a mould."""
        start: cython.Py_ssize_t = self._head(flows, head)
        m: cython.Py_ssize_t = head * MARKS
        filled: cython.Py_ssize_t = flows.heads.marks[m + FILLED]
        if transport == 6:
            return self.moulds.talk(mould, side, start, filled, flows.hot[r + PAYLOAD + way]) == 1
        pieces: cython.Py_ssize_t = flows.heads.marks[m + PIECES]
        end: cython.Py_ssize_t = start + LONG
        number: cython.Py_ssize_t
        at: cython.Py_ssize_t
        length: cython.Py_ssize_t
        here: cython.Py_ssize_t = 0
        before: cython.Py_ssize_t = 0
        long: cython.Py_ssize_t = 0
        found: cython.int
        whole: cython.bint = False
        for number in range(pieces + 1):
            length, at = 0, filled
            if number < min(pieces, MOST_PIECES):
                at = min(filled, flows.heads.marks[m + PIECE + 2 * number])
                length = flows.heads.marks[m + PIECE + 2 * number + 1]
            elif number < pieces:
                here = end - 4 * (number + 1 - MOST_PIECES)
                at = min(filled, self._half(flows, here))
                length = self._half(flows, here + 2)
            if number:
                found = self.moulds.message(
                    mould, side, number > 1, start + before, at - before, long
                )
                if not found:
                    return False
                whole = whole or found == 1
            before, long = at, length
        return whole

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _half(self, flows: Flows, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        return flows.heads.pool[at] | flows.heads.pool[at + 1] << 8

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _add(
        self, flows: Flows, number: cython.Py_ssize_t, judged: cython.Py_ssize_t
    ) -> cython.int:
        """Add a row to its group and to the totals."""
        r: cython.Py_ssize_t = number * ROW
        t: cython.Py_ssize_t = 5 * (judged + 2)
        key: cython.ulonglong = flows.hot[r + KEY]
        state: cython.ulonglong = flows.hot[r + STATE]
        ask: cython.int = 0
        first: cython.longlong = flows.hot[r + FIRST]
        last: cython.longlong = flows.hot[r + LAST]
        self.totals[t] += 1
        self.totals[t + 1] += flows.hot[r + PACKETS] + flows.hot[r + PACKETS + 1]
        self.totals[t + 2] += flows.hot[r + OCTETS] + flows.hot[r + OCTETS + 1]
        self.totals[t + 3] += flows.hot[r + PAYLOAD] + flows.hot[r + PAYLOAD + 1]
        self.totals[t + 4] = max(self.totals[t + 4], last)
        if judged == LOST:
            return 0
        if key >> 24 & 0xFF == 6:
            ask = self.asks[state // SYNS & 15]
        # `a` is the higher end where SWAPPED is set; the client is `a` unless b asks
        higher: cython.int = (state & SWAPPED) ^ ask
        client: cython.Py_ssize_t = r + 2 * higher
        server: cython.Py_ssize_t = r + 2 - 2 * higher
        ports: cython.ulonglong = key >> 32
        client_port: cython.ulonglong = ports & 0xFFFF if higher else ports >> 16
        server_port: cython.ulonglong = ports >> 16 if higher else ports & 0xFFFF
        self.key[0], self.key[1] = flows.hot[client], flows.hot[client + 1]
        self.key[2], self.key[3] = flows.hot[server], flows.hot[server + 1]
        self.key[4] = server_port << 32 | key & HALF
        self.key[5] = judged + 3
        g: cython.Py_ssize_t = self._place()
        if g < 0:
            self.left_out += 1
            return 0
        if not self.words[g + COUNT]:
            self.words[g + FIRST_NS] = self.words[g + LAST_NS] = first
            self.words[g + WHERE] = flows.cool[number * COOL]
            self.words[g + MACS] = flows.cool[number * COOL + 1 + ask]
            self.words[g + MACS + 1] = flows.cool[number * COOL + 2 - ask]
            self.words[g + CLIENT_PORT] = client_port
        self.words[g + COUNT] += 1
        self.words[g + SIZES] += flows.hot[r + PACKETS + ask]
        self.words[g + SIZES + 1] += flows.hot[r + PACKETS + 1 - ask]
        self.words[g + SIZES + 2] += flows.hot[r + OCTETS] + flows.hot[r + OCTETS + 1]
        self.words[g + SIZES + 3] += flows.hot[r + PAYLOAD + ask]
        self.words[g + SIZES + 4] += flows.hot[r + PAYLOAD + 1 - ask]
        if first < cython.cast(cython.longlong, self.words[g + FIRST_NS]):
            self.words[g + FIRST_NS] = first
        if last > cython.cast(cython.longlong, self.words[g + LAST_NS]):
            self.words[g + LAST_NS] = last
        if judged == UNKNOWN and (
            min(flows.hot[r + PAYLOAD], flows.hot[r + PAYLOAD + 1]) >= self.enough
        ):
            self.words[g + SAID] = flows.hot[r + PAYLOAD + ask]
            self.words[g + SAID + 1] = flows.hot[r + PAYLOAD + 1 - ask]
            self.words[g + WHERE] = flows.cool[number * COOL]
        return 0

    @cython.cfunc
    @cython.exceptval(-2, check=False)
    def _place(self) -> cython.Py_ssize_t:
        """Return where the group of `key` begins in `words`, -1 when there is no room for it."""
        h: cython.ulonglong = self.seed
        number: cython.Py_ssize_t
        for number in range(KEYS):
            h = (h ^ h >> 29 ^ self.key[number]) * MIX
        slot: cython.ulonglong = (h ^ h >> 32) & self.mask
        g: cython.Py_ssize_t
        while self.slots[slot]:
            g = (self.slots[slot] - 1) * GROUP
            for number in range(KEYS):
                if self.words[g + number] != self.key[number]:
                    break
            else:
                return g
            slot = slot + 1 & self.mask
        if self.groups >= self.most:
            return -1
        if 2 * (self.groups + 1) > cython.cast(cython.Py_ssize_t, self.mask):
            self._rehash(2 * (self.mask + 1))
            return self._place()
        if (self.groups + 1) * GROUP > self.words.shape[0]:
            old = self.words
            self.words = memory(16 * old.shape[0]).cast("Q")
            self.words[: old.shape[0]] = old
        g = self.groups * GROUP
        for number in range(KEYS):
            self.words[g + number] = self.key[number]
        self.groups += 1
        self.slots[slot] = cython.cast(cython.uint, self.groups)
        return g

    def _rehash(self, size: int) -> None:
        g: cython.Py_ssize_t
        number: cython.Py_ssize_t
        h: cython.ulonglong
        slot: cython.ulonglong
        self.slots = memory(4 * size).cast("I")
        self.mask = size - 1
        for g in range(self.groups):
            h = self.seed
            for number in range(KEYS):
                h = (h ^ h >> 29 ^ self.words[g * GROUP + number]) * MIX
            slot = (h ^ h >> 32) & self.mask
            while self.slots[slot]:
                slot = slot + 1 & self.mask
            self.slots[slot] = cython.cast(cython.uint, g + 1)
