# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# ruff: noqa: I001
# mypy: disable-error-code="misc,assignment,attr-defined,index,no-any-return,no-untyped-call"
"""The compiled reader's kernel: conversations in flat arrays, no Python object per packet.

Frames of the common kind are counted here; all others take the way of `internet` and come back
as segments. Indices are checked, so hostile octets end as an exception at worst. The plain twin
is `packets` with `flows` and `heads`; `arrays` says what stands where and reads it back.
"""

from __future__ import annotations

import sys

import cython

from portbook.evidence import arrays
from portbook.evidence.reading import Reader
from portbook.evidence.rings import tagged

if not cython.compiled:
    raise ImportError("the packet reader is not compiled")

if cython.compiled:
    from cython.cimports.portbook.evidence._flows import Flows

    # fmt: off
    from cython.cimports.portbook.evidence._layout import (
        Octet, AT, BATCH, BODY, CAPTURED, DONE, HAND, IPV6, KEY, LARGEST, LENGTH, LINK, OUTGOING,
        PACKETS, RING_HEAD, RING_KIND, ROW, SHAPE, SIDE, START, STATE, SWAPPED, TAGGED, TIME,
        TUNNEL,
    )
    # fmt: on

PRESENT = cython.declare(cython.ulonglong, arrays.PRESENT)
OTHERS = cython.declare(cython.ulonglong, 1 << 63)  # shape of a packet of another share
EVERY = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFF)  # the broadcast address


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def two(p: Octet, at: cython.Py_ssize_t) -> cython.int:
    return p[at] << 8 | p[at + 1]


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def four(p: Octet, at: cython.Py_ssize_t) -> cython.uint:
    return cython.cast(cython.uint, p[at]) << 24 | p[at + 1] << 16 | p[at + 2] << 8 | p[at + 3]


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def backwards(p: Octet, at: cython.Py_ssize_t) -> cython.uint:
    return cython.cast(cython.uint, p[at + 3]) << 24 | p[at + 2] << 16 | p[at + 1] << 8 | p[at]


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def eight(p: Octet, at: cython.Py_ssize_t) -> cython.ulonglong:
    return cython.cast(cython.ulonglong, four(p, at)) << 32 | four(p, at + 4)


@cython.final
@cython.cclass
class Kernel:
    """Walks blocks and hands packets to the conversations."""

    block = cython.declare(cython.const[cython.uchar][::1])
    interfaces = cython.declare(cython.ulonglong[::1])
    hand = cython.declare(cython.ulonglong[::1])
    flows: Flows
    data: object
    reader: object
    big: cython.bint
    last: cython.uchar
    held: cython.Py_ssize_t  # packets of the batch in hand
    offset: cython.longlong  # of the block in the source
    full: cython.bint
    tag: cython.ulonglong  # VLAN tag of the packet of a ring, which the kernel took off
    packets = cython.declare(cython.ulonglong, visibility="readonly")
    octets = cython.declare(cython.ulonglong, visibility="readonly")
    cut = cython.declare(cython.ulonglong, visibility="readonly")
    described: cython.Py_ssize_t
    sections: cython.Py_ssize_t

    def __init__(self, reader: Reader[memoryview], flows: Flows) -> None:
        self.reader, self.flows = reader, flows
        self.hand = flows.hand
        self.interfaces = memoryview(bytearray(32)).cast("Q")

    def records(self, data: object, here: cython.Py_ssize_t) -> int:
        """Walk pcap records; return where it stopped."""
        container = self.reader.container
        header: cython.Py_ssize_t = container.header
        tick_ns: cython.longlong = container.tick_ns
        link: cython.int = container.link
        swap: cython.int = container.swap
        self._open(data)
        end: cython.Py_ssize_t = self.block.shape[0]
        captured: cython.longlong = 0
        length: cython.longlong
        time_ns: cython.longlong
        while here + header <= end and not self.full:
            captured, length = self._number(here + 8), self._number(here + 12)
            if swap and (swap == 1 or captured > length):
                captured, length = length, captured
            if captured > LARGEST or here + header + captured > end:
                break
            time_ns = self._number(here) * 1_000_000_000 + self._number(here + 4) * tick_ns
            here = self._take(here, header, captured, length, link, time_ns, captured)
        here = self._flush(here)
        self._shut()
        if captured > LARGEST and not self.full:
            raise container.too_long(captured, self.offset + here)
        return here

    def packet_blocks(self, data: object, here: cython.Py_ssize_t) -> int:
        """Walk Enhanced Packet Blocks with nothing odd in them; return where it stopped."""
        self._open(data)
        self._describe()
        end: cython.Py_ssize_t = self.block.shape[0]
        size: cython.longlong
        captured: cython.longlong
        ticks: cython.longlong
        time_ns: cython.longlong = self.reader.last_ns
        at: cython.Py_ssize_t
        link: cython.int
        while here + 32 <= end and self._number(here) == 6 and not self.full:
            size, captured = self._number(here + 4), self._number(here + 20)
            if size % 4 or captured > size - 32 or captured > LARGEST or here + size > end:
                break
            at = 4 * self._number(here + 8)
            if at >= 4 * self.described or self._number(here + size - 4) != size:
                break
            ticks = self._number(here + 12) << 32 | self._number(here + 16)
            if ticks < 0 or cython.cast(cython.ulonglong, ticks) > self.interfaces[at + 3]:
                break
            if not self.interfaces[at + 1]:  # a clock that only the slow way can tell
                break
            time_ns = ticks * cython.cast(cython.longlong, self.interfaces[at + 1])
            time_ns += cython.cast(cython.longlong, self.interfaces[at + 2])
            link = self.interfaces[at]
            length: cython.longlong = self._number(here + 24)
            here = self._take(here, 28, captured, length, link, time_ns, size - 28)
        here = self._flush(here)
        self._shut()
        self.reader.last_ns = time_ns
        return here

    def ring(
        self, data: object, here: cython.Py_ssize_t, link: cython.int, twice: cython.bint
    ) -> int:
        """Walk packets of a block of the kernel's ring; see `reading.Reader.ring`."""
        self._open(data)
        self.big = sys.byteorder == "big"
        self.offset = 0
        end: cython.longlong = self.block.shape[0]
        step: cython.longlong
        captured: cython.longlong
        at: cython.longlong
        word: cython.longlong
        time_ns: cython.longlong
        wrong = ""
        while here < end and not self.full:
            if here + RING_HEAD > end:
                wrong = "begins"
                break
            step, captured = self._number(here), self._number(here + 12)
            word = self._number(here + 24)
            at = word >> 16 if self.big else word & 0xFFFF
            if step > end - here or here + at + captured > end:
                wrong = "ends"
                break
            step = step or end - here  # the last one points nowhere
            if self._number(here + 20) & TAGGED:
                word = self._number(here + 36)
                self.tag = (word >> 16 if self.big else word & 0xFFFF) << 16
                self.tag |= self._number(here + 32) & 0xFFFF
            time_ns = self._number(here + 4) * 1_000_000_000 + self._number(here + 8)
            if twice and self.block[here + RING_KIND] == OUTGOING:
                here += step
            else:
                word = self._number(here + 16)
                here = self._take(here, at, captured, word, link, time_ns, step - at)
            self.tag = 0
        here = self._flush(here)  # what stands before a packet that cannot be still counts
        self._shut()
        if wrong and not self.full:
            raise IndexError(f"a packet of the ring {wrong} outside of its block")
        return -1 if here >= end else here

    def frame(
        self,
        data: object,
        at: cython.Py_ssize_t,
        captured: cython.longlong,
        length: cython.longlong,
        link: cython.int,
        time_ns: cython.longlong,
        where: cython.longlong,
    ) -> None:
        """Count the frame that stands at `at`."""
        self._open(data)
        self.offset = where - at
        self.full = False  # a single frame is always taken; `reader` keeps what finds no room
        self._take(at, 0, captured, length, link, time_ns, captured)
        self._flush(at)
        self._shut()

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _open(self, data: object) -> cython.int:
        self.data = data
        self.block = data
        self.flows.heads.payload = self.block
        self.big = self.reader.container.big
        self.full = self.reader.full
        self.offset = self.reader.offset
        self.held = 0
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _shut(self) -> cython.int:
        self.data = None
        self.block = None
        self.flows.heads.payload = None
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _describe(self) -> cython.int:
        """Keep link, tick, offset and the last good time stamp of each interface at hand."""
        container = self.reader.container
        if container.sections != self.sections:
            self.sections, self.described = container.sections, 0
        while self.described < len(container.interfaces):
            if 4 * self.described == self.interfaces.shape[0]:
                old = self.interfaces
                self.interfaces = memoryview(bytearray(64 * self.described)).cast("Q")
                self.interfaces[: old.shape[0]] = old
            words = container.interfaces[self.described].words()
            number: cython.Py_ssize_t
            for number in range(4):
                self.interfaces[4 * self.described + number] = words[number]
            self.described += 1
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    @cython.inline
    def _number(self, at: cython.Py_ssize_t) -> cython.longlong:
        """Read four octets in the order of the capture."""
        self.last = self.block[at + 3]  # checked; then the three before it are there
        p: Octet = cython.address(self.block[at])
        return four(p, 0) if self.big else backwards(p, 0)

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _mac(self, at: cython.Py_ssize_t) -> cython.ulonglong:
        last: cython.ulonglong = self.block[at + 5]
        p: Octet = cython.address(self.block[at])
        return PRESENT | cython.cast(cython.ulonglong, four(p, 0)) << 16 | p[4] << 8 | last

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _take(
        self,
        start: cython.Py_ssize_t,
        header: cython.Py_ssize_t,
        captured: cython.longlong,
        length: cython.longlong,
        link: cython.int,
        time_ns: cython.longlong,
        step: cython.longlong,
    ) -> cython.Py_ssize_t:
        """Take a frame in hand; return where the next record begins."""
        h: cython.Py_ssize_t = self.held * HAND
        at: cython.Py_ssize_t = start + header
        length = max(length, captured)
        self.hand[h + START], self.hand[h + AT] = start, at
        self.hand[h + CAPTURED], self.hand[h + LENGTH] = captured, length
        self.hand[h + TIME] = cython.cast(cython.ulonglong, time_ns)
        self.hand[h + LINK], self.hand[h + SHAPE] = self.tag << 32 | link, 0
        if link == 1 and captured >= 42:
            self._parse(h, at, captured, length)
        self.held += 1
        return self._flush(at + step) if self.held == BATCH else at + step

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _parse(
        self,
        h: cython.Py_ssize_t,
        at: cython.Py_ssize_t,
        captured: cython.Py_ssize_t,
        length: cython.longlong,
    ) -> cython.bint:
        """Read a frame of the common kind, 42 octets or more; leave another kind as it is."""
        # the last octet is checked as every index is; below, nothing behind it is looked at
        flags: cython.int = self.block[at + captured - 1]
        p: Octet = cython.address(self.block[at])
        ip: Octet = p + 14
        kind: cython.int = two(p, 12)
        key: cython.ulonglong = 0
        if self.tag:
            if self.tag >> 16 != 0x8100 or kind == 0x8100:
                return False
            key = (self.tag & 0xFFF) + 1
        elif kind == 0x8100:
            key = (two(p, 14) & 0xFFF) + 1
            kind = two(p, 16)
            ip = p + 18
        number: cython.int
        body: Octet
        size: cython.longlong
        if kind == 0x0800:
            if ip[0] != 0x45 or two(ip, 6) & 0x3FFF:
                return False
            size, number, body = two(ip, 2) - 20, ip[9], ip + 20
        elif kind == 0x86DD and captured >= 62:
            if ip[0] >> 4 != 6:
                return False
            size, number, body = two(ip, 4), ip[6], ip + 40
        else:
            return False
        start: cython.Py_ssize_t = body - p
        header: cython.longlong = 8
        end: cython.longlong = size
        if number == 6 and captured >= start + 20:
            header, flags = body[12] >> 4 << 2, body[13]
            if header < 20:
                return False
        elif number == 17 and captured >= start + 8:
            end, flags = two(body, 4), 0
        else:
            return False
        if header > end or end > size or size > length - start:
            return False
        self.hand[h + SHAPE] = end << 16 | header << 8 | flags
        self.hand[h + BODY] = at + start
        key = key << 8 | cython.cast(cython.ulonglong, number) << 24
        ours: cython.bint
        if kind == 0x0800:
            ours = self.flows.ends(
                h, 0, four(ip, 12), two(body, 0), 0, four(ip, 16), two(body, 2), key
            )
        else:
            ours = self.flows.ends(
                h,
                eight(ip, 8),
                eight(ip, 16),
                two(body, 0),
                eight(ip, 24),
                eight(ip, 32),
                two(body, 2),
                key | IPV6,
            )
        if not ours:  # but what it carries may be
            self.hand[h + SHAPE] = 0 if self.flows.tunnelled(self.hand[h + KEY]) else OTHERS
        return True

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _flush(self, here: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Count the frames in hand; return where reading goes on: `here`, unless it got full."""
        number: cython.Py_ssize_t
        held: cython.Py_ssize_t = self.held
        h: cython.Py_ssize_t
        self.held = 0
        if held > 4:  # too few to be worth two rounds
            self.flows.touch(held)
        for number in range(held):
            h = number * HAND
            if self.full:
                return self.hand[h + START]
            if self.hand[h + SHAPE] == OTHERS or (self.hand[h + SHAPE] and self._quick(h)):
                self.packets += 1
                self.octets += self.hand[h + LENGTH] + (4 if self.hand[h + LINK] >> 32 else 0)
                self.cut += self.hand[h + CAPTURED] < self.hand[h + LENGTH]
            else:
                self._slow(h)
        return here

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _slow(self, h: cython.Py_ssize_t) -> cython.int:
        """Let a frame take the way that every kind can go."""
        at: cython.Py_ssize_t = self.hand[h + AT]
        end: cython.Py_ssize_t = at + self.hand[h + CAPTURED]
        time_ns: cython.longlong = cython.cast(cython.longlong, self.hand[h + TIME])
        where: cython.longlong = self.offset + self.hand[h + START]
        link: cython.int = self.hand[h + LINK] & 0xFFFFFFFF
        tag: cython.uint = self.hand[h + LINK] >> 32
        frame, length = bytes(self.data[at:end]), self.hand[h + LENGTH]
        if tag:
            frame, length = tagged(frame, tag), length + 4
        self.reader.dissect(frame, link, time_ns, length, None, where)
        self.flows.heads.payload = self.block
        self.full = self.reader.full
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _quick(self, h: cython.Py_ssize_t) -> cython.bint:
        """Count a frame of the common kind; False when its conversation needs the other way."""
        flows = self.flows
        shape: cython.Py_ssize_t = self.hand[h + SHAPE]  # the last word: all before it are there
        packet: cython.p_ulonglong = cython.address(self.hand[h])
        at: cython.Py_ssize_t = packet[AT]
        time_ns: cython.longlong = packet[TIME]
        row: cython.Py_ssize_t = flows.find(h)
        if row < 0:
            if flows.rows >= flows.limit or flows.tunnelled(packet[KEY]):
                return False
            flows.target_mac, flows.source_mac = self._mac(at), self._mac(at + 6)
            broadcast: cython.bint = flows.target_mac == EVERY | PRESENT
            row = flows.meet(h, time_ns, self.offset + packet[START], broadcast)
        state: cython.ulonglong = flows.hot[row * ROW + STATE]
        if state & TUNNEL:
            return False
        way: cython.int = (packet[SIDE] ^ state) & SWAPPED
        if way and not flows.hot[row * ROW + PACKETS + 1]:
            flows.source_mac = self._mac(at + 6)
            flows.learn(row)
        header: cython.Py_ssize_t = shape >> 8 & 0xFF
        end: cython.Py_ssize_t = shape >> 16
        length: cython.ulonglong = packet[LENGTH] + (4 if packet[LINK] >> 32 else 0)
        flows.count(row, way, 1, length, end - header, time_ns)
        if state & DONE << way and not shape & 2:
            return True
        body: cython.Py_ssize_t = packet[BODY]
        have: cython.Py_ssize_t = at + packet[CAPTURED] - body
        have = max(0, min(end, have) - header)
        if packet[KEY] >> 24 & 0xFF == 17:
            flows.datagram(row, way, body + header, have, end - header)
            return True
        self.last = self.block[body + 11]
        p: Octet = cython.address(self.block[body])
        flows.stream(
            row, way, shape & 0xFF, four(p, 4), four(p, 8), body + header, have, end - header
        )
        return True
