# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# ruff: noqa: I001
# mypy: disable-error-code="misc,assignment,attr-defined,index,no-any-return,no-untyped-call"
"""The compiled twin of `flows`: conversations in flat arrays, found as `_keys` does.

What stands where: `arrays`. What is kept of a packet and why: `flows` and `heads`.
"""

from __future__ import annotations

import cython

from portbook.evidence import arrays, shares
from portbook.evidence.segments import Segment

if not cython.compiled:
    raise ImportError("the packet reader is not compiled")

if cython.compiled:
    from cython.cimports.portbook.evidence._heads import Heads
    from cython.cimports.portbook.evidence._keys import Keys

    # fmt: off
    from cython.cimports.portbook.evidence._layout import (
        BASES, BATCH, BROADCAST, COOL, DONE, EARLY, FAR, FILLED, FIRST, HAND, HASH, HEADS, HINTED,
        KEY, KNOWN, LAST, LATE, LONG, MANY, MARKS, OCTETS, PACKETS, PAST, PAYLOAD, PIECES, QUIET_NS,
        ROW, ROW_AHEAD, SHORT, SIDE, STARTED, STATE, SWAPPED, SYNS, TIME, TUNNEL, WANTED, ahead,
    )
    # fmt: on

BURST = cython.declare(cython.ulonglong, arrays.BURST)
GROUP = cython.declare(cython.ulonglong, 1 << 40)  # of a MAC address: more than one station
HALF = cython.declare(cython.ulonglong, 0xFFFFFFFF)


@cython.final
@cython.cclass
class Flows(Keys):
    """Conversations by number, in the order they were first met."""

    def __init__(
        self, stores: arrays.Stores, heads: Heads, seed: int, limit: int, part: shares.Part
    ) -> None:
        super().__init__(seed, part)
        self.stores, self.heads, self.limit = stores, heads, limit
        self.spare = stores.spare["early"]
        self.attach()

    @cython.ccall
    def attach(self):  # type: ignore[no-untyped-def]
        """Look at the stores again, after they were let go of."""
        self.hot, self.cool = self.stores.view("hot"), self.stores.view("cool")
        self.early, self.late = self.stores.view("early"), self.stores.view("late")
        self.room, self.early_room = self.stores.room("hot"), self.stores.room("early")

    @cython.ccall
    def detach(self):  # type: ignore[no-untyped-def]
        """Let go of the stores, so that they can grow."""
        # empty: an index is refused if there is no memory to grow
        self.hot = self.cool = self.early = self.late = memoryview(bytearray()).cast("Q")

    def kept(self, rows: int) -> None:
        """Say how many conversations are left after some were taken out."""
        self.rows = rows
        self.rehash(self.mask + 1)

    def add(self, segment: Segment, force: bool) -> bool:
        """Add a segment that came the plain way; False when it is new and there is no room.

        One of another share is passed by.
        """
        a_high, a = arrays.halves(segment.source)
        b_high, b = arrays.halves(segment.target)
        key = arrays.key(segment)
        h: cython.Py_ssize_t = BATCH * HAND  # the row of `hand` behind those of a batch
        if not self.ends(h, a_high, a, segment.source_port, b_high, b, segment.target_port, key):
            return True
        self.source_mac = arrays.mac(segment.source_mac)
        self.target_mac = arrays.mac(segment.target_mac)
        row: cython.Py_ssize_t = self.find(h)
        if row < 0:
            if not force and self.rows >= self.limit:
                return False
            row = self.meet(h, segment.time_ns, segment.where, segment.broadcast)
        way: cython.int = (self.hand[h + SIDE] ^ self.hot[row * ROW + STATE]) & SWAPPED
        if way and not self.hot[row * ROW + PACKETS + 1]:
            self.learn(row)
        self.count(row, way, segment.packets, segment.octets, segment.length, segment.time_ns)
        payload = segment.payload
        self.heads.payload = payload or b"\0"  # an empty one has no place to look at
        if segment.transport != 6:
            self.datagram(row, way, 0, len(payload), segment.length)
        elif segment.seq is not None:
            seq, ack, length = segment.seq, segment.ack, segment.length
            self.stream(row, way, segment.flags, seq, ack, 0, len(payload), length)
        elif segment.flags & 2:
            self.told(row, way, segment.flags)
            self.hot[row * ROW + STATE] |= STARTED << way
        return True

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def touch(self, packets: cython.Py_ssize_t) -> cython.int:
        """Ask for the memory that a batch of packets will need, to wait for it only once."""
        h: cython.Py_ssize_t
        row: cython.Py_ssize_t
        fresh: cython.Py_ssize_t = self.rows
        for h in range(0, packets * HAND, HAND):
            row = self.met(self.hand[h + HASH])
            self.hand[h + ROW_AHEAD] = row
            if not row and fresh < self.room:  # perhaps a new one
                fresh += 1
                row = fresh
                ahead(cython.address(self.cool[(row - 1) * COOL]))
            if row:
                ahead(cython.address(self.hot[(row - 1) * ROW]))
                ahead(cython.address(self.hot[row * ROW - 1]))
        fresh = self.heads.used
        for h in range(0, packets * HAND, HAND):
            if self.hand[h + ROW_AHEAD]:
                fresh += self._touch_head(h, self.hand[h + ROW_AHEAD] - 1, fresh)
            else:
                fresh += self._touch_octets(fresh)
        for h in range(0, packets * HAND, HAND):
            if self.hand[h + ROW_AHEAD]:
                self._touch_times(h, self.hand[h + ROW_AHEAD] - 1)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    @cython.inline
    def _touch_head(
        self, h: cython.Py_ssize_t, row: cython.Py_ssize_t, fresh: cython.Py_ssize_t
    ) -> cython.bint:
        """Ask for what a packet of a known row needs; tell whether it is a new head."""
        r: cython.Py_ssize_t = row * ROW
        state: cython.ulonglong = self.hot[r + STATE]
        way: cython.int = (self.hand[h + SIDE] ^ state) & SWAPPED
        head: cython.Py_ssize_t = self.hot[r + HEADS] >> 32 * way & HALF
        if not self.hot[r + PACKETS + 1] or self._quiet(h, r):
            ahead(cython.address(self.cool[row * COOL]))
        if state & DONE << way:
            return False
        return self._touch_octets(head - 1 if head else fresh) and not head

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    @cython.inline
    def _touch_octets(self, head: cython.Py_ssize_t) -> cython.bint:
        if head >= self.heads.room:
            return False
        ahead(cython.address(self.heads.marks[head * MARKS]))
        ahead(cython.address(self.heads.octets[head * SHORT]))
        ahead(cython.address(self.heads.octets[(head + 1) * SHORT - 1]))
        return True

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    @cython.inline
    def _touch_times(self, h: cython.Py_ssize_t, row: cython.Py_ssize_t) -> cython.int:
        """Ask for the times of a row when a packet in hand begins a burst."""
        r: cython.Py_ssize_t = row * ROW
        bursts: cython.ulonglong = self.hot[r + STATE] >> 32
        place: cython.ulonglong
        if bursts > 1 and self._quiet(h, r):
            place = self.cool[row * COOL + 3]
            if place & HALF and bursts < EARLY:
                ahead(cython.address(self.early[((place & HALF) - 1) * EARLY]))
            elif place >> 32:
                place = ((place >> 32) - 1) * LATE
                ahead(cython.address(self.late[place + (bursts - EARLY) % LATE]))
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    @cython.inline
    def _quiet(self, h: cython.Py_ssize_t, r: cython.Py_ssize_t) -> cython.bint:
        """Tell whether a packet in hand comes after a silence."""
        last: cython.longlong = self.hot[r + LAST]
        return cython.cast(cython.longlong, self.hand[h + TIME]) - last > QUIET_NS

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def meet(
        self,
        h: cython.Py_ssize_t,
        time_ns: cython.longlong,
        where: cython.longlong,
        broadcast: cython.bint,
    ) -> cython.Py_ssize_t:
        """Begin a conversation with a packet in hand that `find` did not know."""
        if self.rows == self.room:
            self.detach()
            self.stores.grow("hot")
            self.attach()
        number: cython.Py_ssize_t
        row: cython.Py_ssize_t = self.rows
        r: cython.Py_ssize_t = row * ROW
        key: cython.ulonglong = self.hand[h + KEY]
        state: cython.ulonglong = BURST | self.hand[h + SIDE] | (BROADCAST if broadcast else 0)
        if key >> 24 & 0xFF != 6:
            state |= STARTED | STARTED << 1
        if self.tunnelled(key):
            state |= TUNNEL
        for number in range(KEY + 1):
            self.hot[r + number] = self.hand[h + number]
        self.hot[r + STATE] = state
        self.hot[r + FIRST] = self.hot[r + LAST] = cython.cast(cython.ulonglong, time_ns)
        self.cool[row * COOL] = cython.cast(cython.ulonglong, where)
        self.cool[row * COOL + 1] = self.source_mac
        if not self.target_mac & GROUP:
            self.cool[row * COOL + 2] = self.target_mac
        self.enter(h, row)
        self.rows += 1
        return row

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def learn(self, row: cython.Py_ssize_t) -> cython.int:
        """Take the MAC address of the second end from its first packet, if it is not known."""
        if not self.cool[row * COOL + 2]:
            self.cool[row * COOL + 2] = self.source_mac
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def count(
        self,
        row: cython.Py_ssize_t,
        way: cython.int,
        packets: cython.int,
        octets: cython.longlong,
        length: cython.longlong,
        time_ns: cython.longlong,
    ) -> cython.int:
        r: cython.Py_ssize_t = row * ROW
        self.seen = self.hot[r + HEADS]  # the last word: all before it are there
        words: cython.p_ulonglong = cython.address(self.hot[r])
        words[PACKETS + way] += packets
        words[OCTETS + way] += octets
        words[PAYLOAD + way] += length
        last: cython.longlong = words[LAST]
        if time_ns > last:
            words[LAST] = time_ns
            if time_ns - last > QUIET_NS:
                self.burst(row, time_ns)
        elif time_ns < cython.cast(cython.longlong, words[FIRST]):
            words[FIRST] = time_ns
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def burst(self, row: cython.Py_ssize_t, time_ns: cython.longlong) -> cython.int:
        r: cython.Py_ssize_t = row * ROW
        c: cython.Py_ssize_t = row * COOL + 3
        number: cython.ulonglong = self.hot[r + STATE] >> 32
        place: cython.ulonglong
        self.hot[r + STATE] += BURST
        if number == 1:
            self.cool[c] |= self.take_early() + 1
        elif number == EARLY:
            self.detach()
            taken = self.stores.take_ring()
            self.attach()
            if taken is not None:
                place = taken + 1
                self.cool[c] |= place << 32
        place = self.cool[c] & HALF
        if number == 1:
            self.early[(place - 1) * EARLY] = self.hot[r + FIRST]
        if number < EARLY:
            self.early[(place - 1) * EARLY + number] = cython.cast(cython.ulonglong, time_ns)
            return 0
        place = self.cool[c] >> 32
        if place:
            number = (number - EARLY) % LATE
            self.late[(place - 1) * LATE + number] = cython.cast(cython.ulonglong, time_ns)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def take_early(self) -> cython.Py_ssize_t:
        """Return a row for first times that nobody has."""
        if self.spare:
            return self.spare.pop()
        if self.early_used == self.early_room:
            self.detach()
            self.stores.grow("early")
            self.attach()
        self.early_used += 1
        return self.early_used - 1

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def head(self, row: cython.Py_ssize_t, way: cython.int) -> cython.Py_ssize_t:
        """Return the head of a direction; it gets one when it has none."""
        shift: cython.int = 32 * way
        place: cython.ulonglong = self.hot[row * ROW + HEADS] >> shift & HALF
        if not place:
            place = self.heads.take() + 1
            self.hot[row * ROW + HEADS] |= place << shift
        return place - 1

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def pieces(self, row: cython.Py_ssize_t, way: cython.int) -> cython.Py_ssize_t:
        """Return how many payloads of a direction are kept."""
        place: cython.ulonglong = self.hot[row * ROW + HEADS] >> 32 * way & HALF
        return self.heads.marks[(place - 1) * MARKS + PIECES] if place else 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def judge(
        self,
        row: cython.Py_ssize_t,
        at: cython.Py_ssize_t,
        size: cython.Py_ssize_t,
    ) -> cython.int:
        """Find out by the first payload of a direction whether longer heads are worth it."""
        r: cython.Py_ssize_t = row * ROW
        found: cython.int = self.heads.hit(self.hot[r + KEY] >> 24 & 0xFF, at, size)
        if found:
            self.hot[r + STATE] |= WANTED | (MANY if found == 2 else 0)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def datagram(
        self,
        row: cython.Py_ssize_t,
        way: cython.int,
        at: cython.Py_ssize_t,
        size: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
    ) -> cython.int:
        r: cython.Py_ssize_t = row * ROW
        if not length or self.hot[r + STATE] & DONE << way:
            return 0
        head: cython.Py_ssize_t = self.head(row, way)
        if not self.heads.marks[head * MARKS + PIECES]:
            self.judge(row, at, size)
        if self.hot[r + STATE] & WANTED and self.heads.lacks(head, size):
            self.extend(head, row)
        if self.heads.append(head, at, size, length, bool(self.hot[r + STATE] & MANY)):
            self.hot[r + STATE] |= DONE << way
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def extend(self, head: cython.Py_ssize_t, row: cython.Py_ssize_t) -> cython.int:
        """Try to get a block for a head, out of the pot of its conversation."""
        self.seen = self.hot[row * ROW + HEADS]  # the last word: all before it are there
        words: cython.p_ulonglong = cython.address(self.hot[row * ROW])
        return self.heads.extend(head, row, self.drawn(words, self.heads.pots))

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def told(self, row: cython.Py_ssize_t, way: cython.int, flags: cython.int) -> cython.int:
        self.hot[row * ROW + STATE] |= SYNS << (way + (2 if flags & 16 else 0))
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def syn(
        self,
        row: cython.Py_ssize_t,
        way: cython.int,
        flags: cython.int,
        first: cython.ulonglong,
    ) -> cython.int:
        r: cython.Py_ssize_t = row * ROW
        shift: cython.int = 32 * way
        base: cython.ulonglong = self.hot[r + BASES] >> shift & HALF
        self.told(row, way, flags)
        if self.hot[r + STATE] & KNOWN << way and base == first:
            self.hot[r + STATE] |= STARTED << way
        elif not flags & 16 and (self.pieces(row, 0) or self.pieces(row, 1)):
            self.hot[r + STATE] |= DONE | DONE << 1
        elif self.pieces(row, way):
            self.hot[r + STATE] |= DONE << way
        else:
            self.rebase(row, way, first)
            self.hot[r + STATE] |= (STARTED | KNOWN) << way
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def rebase(self, row: cython.Py_ssize_t, way: cython.int, base: cython.ulonglong) -> cython.int:
        keep: cython.ulonglong = HALF << (32 - 32 * way)
        self.hot[row * ROW + BASES] = self.hot[row * ROW + BASES] & keep | base << 32 * way
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def stream(
        self,
        row: cython.Py_ssize_t,
        way: cython.int,
        flags: cython.int,
        seq: cython.uint,
        ack: cython.uint,
        at: cython.Py_ssize_t,
        size: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
    ) -> cython.int:
        r: cython.Py_ssize_t = row * ROW
        other: cython.int = 1 - way
        if flags & 2:
            seq += 1
            self.syn(row, way, flags, seq)
        state: cython.ulonglong = self.hot[r + STATE]
        if state & DONE << way:
            return 0
        if flags & 16 and not state & KNOWN << other:
            self.rebase(row, other, ack)
            self.hot[r + STATE] |= HINTED << other
        if not length:
            return 0
        base: cython.uint = cython.cast(cython.uint, self.hot[r + BASES] >> 32 * way & HALF)
        if not state & KNOWN << way:
            if length == 1 and state & HINTED << way and base == seq + 1:
                return 0
            self.rebase(row, way, seq)
            self.hot[r + STATE] |= KNOWN << way
            base = seq
        place: cython.longlong = cython.cast(cython.uint, seq - base)
        if place >= 1 << 31:
            place -= 1 << 32
        if (place < 0 or place > FAR) and length > 1 and not self.pieces(row, way):
            if place != -1:
                self.hot[r + STATE] &= ~(STARTED << way)
            self.rebase(row, way, seq)
            place = 0
        if place >= PAST:
            self.hot[r + STATE] |= DONE << way
            return 0
        if place + length <= 0:
            return 0
        skipped: cython.Py_ssize_t = max(0, -place)
        head: cython.Py_ssize_t = self.head(row, way)
        at += skipped
        size = max(0, size - skipped)
        if place <= 0 and not self.heads.marks[head * MARKS + FILLED]:
            self.judge(row, at, size)
        self.heads.note(head, place + skipped, place + length)
        place += skipped
        wanted: cython.bint = self.hot[r + STATE] & WANTED != 0
        if size and not (wanted and place >= LONG):
            if wanted and place + size > SHORT:
                self.extend(head, row)
            self.heads.place(head, place, at, size)
        if self.heads.settled(head, wanted):
            self.hot[r + STATE] |= DONE << way
        return 0
