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
EVERY = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFF)  # the broadcast address


@cython.final
@cython.cclass
class Kernel:
    """Walks blocks and hands packets to the conversations."""

    block = cython.declare(cython.const[cython.uchar][::1])
    interfaces = cython.declare(cython.ulonglong[::1])
    flows: Flows
    data: object
    reader: object
    big: cython.bint
    full: cython.bint
    packets = cython.declare(cython.ulonglong, visibility="readonly")
    octets = cython.declare(cython.ulonglong, visibility="readonly")
    cut = cython.declare(cython.ulonglong, visibility="readonly")
    described: cython.Py_ssize_t
    sections: cython.Py_ssize_t

    def __init__(self, reader: Reader[memoryview], flows: Flows) -> None:
        self.reader, self.flows = reader, flows
        self.interfaces = memoryview(bytearray(32)).cast("Q")

    def records(self, data: object, here: cython.Py_ssize_t) -> int:
        """Walk pcap records; return where it stopped."""
        container = self.reader.container
        offset: cython.longlong = self.reader.offset
        header: cython.Py_ssize_t = container.header
        tick_ns: cython.longlong = container.tick_ns
        link: cython.int = container.link
        swap: cython.int = container.swap
        self._open(data)
        end: cython.Py_ssize_t = self.block.shape[0]
        captured: cython.longlong
        length: cython.longlong
        time_ns: cython.longlong
        while here + header <= end and not self.full:
            captured, length = self._number(here + 8), self._number(here + 12)
            if swap and (swap == 1 or captured > length):
                captured, length = length, captured
            if captured > 262144:
                self._shut()
                raise container.too_long(captured, offset + here)
            if here + header + captured > end:
                break
            time_ns = self._number(here)
            time_ns = time_ns * 1_000_000_000 + self._number(here + 4) * tick_ns
            self._frame(here + header, captured, length, link, time_ns, offset + here)
            here += header + captured
        self._shut()
        return here

    def packet_blocks(self, data: object, here: cython.Py_ssize_t) -> int:
        """Walk Enhanced Packet Blocks with nothing odd in them; return where it stopped."""
        offset: cython.longlong = self.reader.offset
        self._open(data)
        self._describe()
        end: cython.Py_ssize_t = self.block.shape[0]
        size: cython.longlong
        captured: cython.longlong
        ticks: cython.ulonglong
        at: cython.Py_ssize_t
        time_ns: cython.longlong = self.reader.last_ns
        while here + 32 <= end and self._number(here) == 6 and not self.full:
            size, captured = self._number(here + 4), self._number(here + 20)
            if size % 4 or captured > size - 32 or captured > 262144 or here + size > end:
                break
            at = self._number(here + 8)
            if at >= self.described or self._number(here + size - 4) != size:
                break
            ticks = cython.cast(cython.ulonglong, self._number(here + 12)) << 32
            ticks |= self._number(here + 16)
            at *= 4
            if ticks > self.interfaces[at + 3]:
                break
            time_ns = ticks * self.interfaces[at + 1] + self.interfaces[at + 2]
            self._frame(
                here + 28,
                captured,
                self._number(here + 24),
                cython.cast(cython.int, self.interfaces[at]),
                time_ns,
                offset + here,
            )
            here += size
        self.reader.last_ns = time_ns
        self._shut()
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
        self._frame(at, captured, length, link, time_ns, where)
        self._shut()

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _open(self, data: object) -> cython.int:
        self.data = data
        self.block = data
        self.flows.heads.payload = self.block
        self.big = self.reader.container.big
        self.full = self.reader.full
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
    @cython.exceptval(-1, check=False)
    def _frame(
        self,
        at: cython.Py_ssize_t,
        captured: cython.longlong,
        length: cython.longlong,
        link: cython.int,
        time_ns: cython.longlong,
        where: cython.longlong,
    ) -> cython.int:
        if length < captured:
            length = captured
        if link == 1 and captured >= 42 and self._quick(at, captured, length, time_ns, where):
            self.packets += 1
            self.octets += length
            self.cut += captured < length
            return 0
        octets = bytes(self.data[at : at + captured])
        self.reader.dissect(octets, link, time_ns, length, None, where)
        self.flows.heads.payload = self.block
        self.full = self.reader.full
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _quick(
        self,
        at: cython.Py_ssize_t,
        captured: cython.longlong,
        length: cython.longlong,
        time_ns: cython.longlong,
        where: cython.longlong,
    ) -> cython.bint:
        """Count a frame of the common kind; False when it is of another, and nothing was done."""
        ip: cython.Py_ssize_t = at + 14
        kind: cython.int = self._two(at + 12)
        vlan: cython.ulonglong = 0
        if kind == 0x8100:
            vlan = (self._two(at + 14) & 0xFFF) + 1
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
        left: cython.longlong = at + length - body
        have: cython.longlong = at + captured - body
        header: cython.longlong = 8
        end: cython.longlong = size
        flags: cython.int = 0
        if number == 6 and have >= 20:
            header = (self.block[body + 12] >> 4) << 2
            flags = self.block[body + 13]
        elif number == 17 and have >= 8:
            end = self._two(body + 4)
        else:
            return False
        if header < (20 if number == 6 else 8) or header > end or end > size or size > left:
            return False
        flows = self.flows
        key: cython.ulonglong = cython.cast(cython.ulonglong, number) << 24 | vlan << 8
        a_port: cython.int = self._two(body)
        b_port: cython.int = self._two(body + 2)
        if kind == 0x0800:
            flows.ends(0, self._four(ip + 12), a_port, 0, self._four(ip + 16), b_port, key)
        else:
            flows.ends(
                self._eight(ip + 8),
                self._eight(ip + 16),
                a_port,
                self._eight(ip + 24),
                self._eight(ip + 32),
                b_port,
                key | IPV6,
            )
        row: cython.Py_ssize_t = flows.find()
        if row < 0:
            if flows.tunnelled() or not flows.roomy():
                return False
            flows.target_mac, flows.source_mac = self._mac(at), self._mac(at + 6)
            row = flows.meet(time_ns, where, flows.target_mac == EVERY | PRESENT)
        r: cython.Py_ssize_t = row * ROW
        state: cython.ulonglong = flows.hot[r + STATE]
        if state & TUNNEL:
            return False
        way: cython.int = flows.side ^ (state & SWAPPED)
        if way and not flows.hot[r + PACKETS + 1]:
            flows.source_mac = self._mac(at + 6)
            flows.learn(row)
        flows.count(row, way, 1, length, end - header, time_ns)
        if state & DONE << way and not flags & 2:
            return True
        have = min(end, have) - header
        size = end - header
        at = body + header
        if number == 17:
            flows.datagram(row, way, at, have, size)
        else:
            seq: cython.uint = self._four(body + 4)
            flows.stream(row, way, flags, seq, self._four(body + 8), at, max(0, have), size)
        return True

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _eight(self, at: cython.Py_ssize_t) -> cython.ulonglong:
        high: cython.ulonglong = self._four(at)
        return high << 32 | self._four(at + 4)

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _mac(self, at: cython.Py_ssize_t) -> cython.ulonglong:
        high: cython.ulonglong = self._two(at)
        return PRESENT | high << 32 | self._four(at + 2)
