# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# mypy: disable-error-code="misc,assignment,attr-defined,index,no-any-return,no-untyped-call"
"""The compiled reader's kernel: conversations in flat arrays, no Python object per packet.

Frames of the common kind are counted here; all others take the way of `internet` and come back
as segments. Indices are checked, so hostile octets end as an exception at worst. The plain twin
is `packets` with `flows` and `heads`; `arrays` says what stands where and reads it back.
"""

from __future__ import annotations

import cython

from portbook.evidence import arrays
from portbook.evidence.reading import Reader

if not cython.compiled:
    raise ImportError("the packet reader is not compiled")

if cython.compiled:
    from cython.cimports.portbook.evidence._flows import Flows

ROW = cython.declare(cython.Py_ssize_t, arrays.ROW)
PACKETS = cython.declare(cython.Py_ssize_t, arrays.PACKETS)
STATE = cython.declare(cython.Py_ssize_t, arrays.STATE)
SWAPPED = cython.declare(cython.ulonglong, arrays.SWAPPED)
DONE = cython.declare(cython.ulonglong, arrays.DONE)
TUNNEL = cython.declare(cython.ulonglong, arrays.TUNNEL)
IPV6 = cython.declare(cython.ulonglong, arrays.IPV6)
PRESENT = cython.declare(cython.ulonglong, arrays.PRESENT)
HAND = cython.declare(cython.Py_ssize_t, arrays.HAND)
BATCH = cython.declare(cython.Py_ssize_t, arrays.BATCH)
KEY = cython.declare(cython.Py_ssize_t, arrays.KEY)
SIDE = cython.declare(cython.Py_ssize_t, arrays.SIDE)
START = cython.declare(cython.Py_ssize_t, arrays.START)
AT = cython.declare(cython.Py_ssize_t, arrays.AT)
CAPTURED = cython.declare(cython.Py_ssize_t, arrays.CAPTURED)
LENGTH = cython.declare(cython.Py_ssize_t, arrays.LENGTH)
TIME = cython.declare(cython.Py_ssize_t, arrays.TIME)
LINK = cython.declare(cython.Py_ssize_t, arrays.LINK)
BODY = cython.declare(cython.Py_ssize_t, arrays.BODY)
SHAPE = cython.declare(cython.Py_ssize_t, arrays.SHAPE)  # end, header, flags; 0: not quick
LARGEST = cython.declare(cython.longlong, 262144)
EVERY = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFF)  # the broadcast address


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
    held: cython.Py_ssize_t  # packets of the batch in hand
    offset: cython.longlong  # of the block in the source
    full: cython.bint
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
            time_ns = ticks * cython.cast(cython.longlong, self.interfaces[at + 1])
            time_ns += cython.cast(cython.longlong, self.interfaces[at + 2])
            link = self.interfaces[at]
            length: cython.longlong = self._number(here + 24)
            here = self._take(here, 28, captured, length, link, time_ns, size - 28)
        here = self._flush(here)
        self._shut()
        self.reader.last_ns = time_ns
        return here

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
        a: cython.uint = self.block[at]
        b: cython.uint = self.block[at + 1]
        c: cython.uint = self.block[at + 2]
        d: cython.uint = self.block[at + 3]
        if self.big:
            return a << 24 | b << 16 | c << 8 | d
        return d << 24 | c << 16 | b << 8 | a

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    @cython.inline
    def _four(self, at: cython.Py_ssize_t) -> cython.longlong:
        a: cython.uint = self.block[at]
        b: cython.uint = self.block[at + 1]
        c: cython.uint = self.block[at + 2]
        return a << 24 | b << 16 | c << 8 | self.block[at + 3]

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    @cython.inline
    def _two(self, at: cython.Py_ssize_t) -> cython.int:
        high: cython.int = self.block[at]
        return high << 8 | self.block[at + 1]

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _eight(self, at: cython.Py_ssize_t) -> cython.ulonglong:
        high: cython.ulonglong = self._four(at)
        return high << 32 | cython.cast(cython.ulonglong, self._four(at + 4))

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _mac(self, at: cython.Py_ssize_t) -> cython.ulonglong:
        high: cython.ulonglong = self._two(at)
        return PRESENT | high << 32 | cython.cast(cython.ulonglong, self._four(at + 2))

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
        self.hand[h + LINK], self.hand[h + SHAPE] = link, 0
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
        captured: cython.longlong,
        length: cython.longlong,
    ) -> cython.bint:
        """Read a frame of the common kind; leave one of another as it is."""
        ip: cython.Py_ssize_t = at + 14
        kind: cython.int = self._two(at + 12)
        key: cython.ulonglong = 0
        if kind == 0x8100:
            key = (self._two(at + 14) & 0xFFF) + 1
            kind = self._two(at + 16)
            ip += 4
        number: cython.int
        body: cython.Py_ssize_t
        size: cython.longlong
        if kind == 0x0800:
            if self.block[ip] != 0x45 or self._two(ip + 6) & 0x3FFF:
                return False
            size, number, body = self._two(ip + 2) - 20, self.block[ip + 9], ip + 20
        elif kind == 0x86DD:
            if captured < 62 or self.block[ip] >> 4 != 6:
                return False
            size, number, body = self._two(ip + 4), self.block[ip + 6], ip + 40
        else:
            return False
        have: cython.longlong = at + captured - body
        header: cython.longlong = 8
        least: cython.longlong = 8
        end: cython.longlong = size
        flags: cython.int = 0
        if number == 6 and have >= 20:
            header, least = (self.block[body + 12] >> 4) << 2, 20
            flags = self.block[body + 13]
        elif number == 17 and have >= 8:
            end = self._two(body + 4)
        else:
            return False
        if header < least or header > end or end > size or size > at + length - body:
            return False
        self.hand[h + BODY] = body
        self.hand[h + SHAPE] = end << 16 | header << 8 | flags
        key = key << 8 | cython.cast(cython.ulonglong, number) << 24
        a_port: cython.int = self._two(body)
        b_port: cython.int = self._two(body + 2)
        if kind == 0x0800:
            self.flows.ends(h, 0, self._four(ip + 12), a_port, 0, self._four(ip + 16), b_port, key)
            return True
        a_high: cython.ulonglong = self._eight(ip + 8)
        a: cython.ulonglong = self._eight(ip + 16)
        b_high: cython.ulonglong = self._eight(ip + 24)
        self.flows.ends(
            h, a_high, a, a_port, b_high, self._eight(ip + 32), b_port, key | IPV6
        )
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
            if self.hand[h + SHAPE] and self._quick(h):
                self.packets += 1
                self.octets += self.hand[h + LENGTH]
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
        link, length = self.hand[h + LINK], self.hand[h + LENGTH]
        self.reader.dissect(bytes(self.data[at:end]), link, time_ns, length, None, where)
        self.flows.heads.payload = self.block
        self.full = self.reader.full
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _quick(self, h: cython.Py_ssize_t) -> cython.bint:
        """Count a frame of the common kind; False when its conversation needs the other way."""
        flows = self.flows
        at: cython.Py_ssize_t = self.hand[h + AT]
        time_ns: cython.longlong = cython.cast(cython.longlong, self.hand[h + TIME])
        row: cython.Py_ssize_t = flows.find(h)
        if row < 0:
            if flows.rows >= flows.limit or flows.tunnelled(self.hand[h + KEY]):
                return False
            flows.target_mac, flows.source_mac = self._mac(at), self._mac(at + 6)
            broadcast: cython.bint = flows.target_mac == EVERY | PRESENT
            row = flows.meet(h, time_ns, self.offset + self.hand[h + START], broadcast)
        r: cython.Py_ssize_t = row * ROW
        state: cython.ulonglong = flows.hot[r + STATE]
        if state & TUNNEL:
            return False
        way: cython.int = (self.hand[h + SIDE] ^ state) & SWAPPED
        if way and not flows.hot[r + PACKETS + 1]:
            flows.source_mac = self._mac(at + 6)
            flows.learn(row)
        shape: cython.Py_ssize_t = self.hand[h + SHAPE]
        header: cython.Py_ssize_t = shape >> 8 & 0xFF
        end: cython.Py_ssize_t = shape >> 16
        flows.count(row, way, 1, self.hand[h + LENGTH], end - header, time_ns)
        if state & DONE << way and not shape & 2:
            return True
        body: cython.Py_ssize_t = self.hand[h + BODY]
        have: cython.Py_ssize_t = at + self.hand[h + CAPTURED] - body
        have = max(0, min(end, have) - header)
        if self.hand[h + KEY] >> 24 & 0xFF == 17:
            flows.datagram(row, way, body + header, have, end - header)
        else:
            seq: cython.uint = self._four(body + 4)
            ack: cython.uint = self._four(body + 8)
            flows.stream(
                row, way, shape & 0xFF, seq, ack, body + header, have, end - header
            )
        return True
