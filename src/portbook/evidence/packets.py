"""The plain reader of whole blocks, and the oracle of the compiled one.

Frames go one of two ways to the same end: a short cut for Ethernet with IPv4 or IPv6 and TCP or
UDP, as most are, and the dissector of `internet` for everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from struct import Struct

from portbook.errors import SourceError
from portbook.evidence.containers import KNOWN, LARGEST, PCAP, Container
from portbook.evidence.flows import Flow, Shared, Way
from portbook.evidence.internet import Dissector
from portbook.evidence.links import BROADCAST
from portbook.evidence.segments import TCP, UDP, Segment
from portbook.evidence.signatures import Signatures
from portbook.evidence.table import QUIET_NS, Counts, Row
from portbook.evidence.tally import Tally
from portbook.evidence.tunnels import PORTS
from portbook.protocols.prefilter import Row as Signature

ETHERNET = 1  # LINKTYPE
# Ethernet, IPv4 without options, then TCP; of UDP the first of the two numbers is its length
FOUR = Struct("!12xHBxHxxHxBxx12sHHIBB").unpack_from
SIX = Struct("!BxxxHBx36sHHIBB").unpack_from  # IPv6 without extensions and the same
SPAN = 4 + 14 + 40 + 16  # octets that the two look at, behind a tag
Octets = bytes | bytearray | memoryview


class Table:
    """Conversations counted in plain Python; see `table.Table`."""

    def __init__(
        self,
        signatures: tuple[Signature, ...] = (),
        *,
        seed: int = 0,  # Python seeds its own hashes
        limit: int = 1_000_000,
        pool_octets: int = 64 << 20,
    ) -> None:
        self.full = False
        self._limit = max(1, limit)
        self._shared = Shared(Signatures(signatures), pool_octets)
        self._tally = Tally()
        self._dissector = Dissector(self._tally)
        self._container = Container()
        self._flows: list[Flow] = []
        # by transport, VLAN and tunnel; then by addresses and ports, as they stand in a packet
        self._groups: dict[tuple[int, int | None, str | None], dict[bytes, Way]] = {}
        self._pending: list[Segment] = []  # of a frame met while the table was full
        self._fed = False
        self._offset = 0  # octets of the source used by earlier calls of feed
        self._time_ns = 0  # of the frame before
        self._packets = 0
        self._octets = 0
        self._cut = 0
        self._closed = 0

    @property
    def starved(self) -> bool:
        """Tell whether the pool of longer heads is empty."""
        return self._shared.pool.starved

    def feed(self, block: Octets) -> int:
        """Read a block of a capture; return the octets used."""
        self._fed = True
        if not self._settle():
            return 0
        data = bytes(block)
        container = self._container
        used = 0
        if container.kind is None:
            used = container.begin(data, self._offset)
            if container.kind is None:
                return 0
        walk = self._records if container.kind == PCAP else self._blocks
        used = walk(data, used)
        self._offset += used
        return used

    def finish(self, rest: int = 0) -> None:
        """Say that the source ends, with `rest` octets that no feed has used."""
        self._settle(force=True)
        self._dissector.finish()
        if self._fed and self._container.kind is None and not rest:
            raise SourceError("the capture is empty: it has 0 octets", offset=0)
        if rest or self._container.skip:
            self._tally.odd("cut-file", self._offset)
            raise SourceError(
                f"the capture ends in the middle of a record, which begins at octet "
                f"{self._offset}; all before it was read",
                offset=self._offset,
            )

    def frame(
        self,
        octets: Octets,
        link: int,
        time_ns: int,
        length: int | None = None,
        vlan: int | None = None,
    ) -> None:
        """Count one frame."""
        if not self._settle():
            self._tally.odd("table-full", self._offset, len(self._pending))
            self._pending.clear()
        data = bytes(octets)
        wire = len(data) if length is None else max(length, len(data))
        if vlan is None:
            self._frame(data, 0, len(data), wire, link, time_ns, self._offset)
        else:
            self._slow(data, link, time_ns, wire, vlan, self._offset)

    def rows(self) -> Iterator[Row]:
        """Return all conversations in the order they were first met."""
        return (flow.row() for flow in self._flows)

    def close(self, count: int) -> list[Row]:
        """Take the coldest conversations out of the table."""
        coldest = sorted(range(len(self._flows)), key=lambda at: self._flows[at].last_ns)[:count]
        rows = []
        for at in sorted(coldest):
            flow = self._flows[at]
            rows.append(flow.row())
            flow.forget()
            group = self._groups[flow.transport, flow.vlan, flow.tunnel]
            ports = flow.a_port.to_bytes(2, "big"), flow.b_port.to_bytes(2, "big")
            group.pop(flow.a + flow.b + ports[0] + ports[1], None)
            group.pop(flow.b + flow.a + ports[1] + ports[0], None)
        gone = set(coldest)
        self._flows = [flow for at, flow in enumerate(self._flows) if at not in gone]
        self._closed += len(rows)
        self.full = len(self._flows) >= self._limit and self.full
        return rows

    def release(self) -> None:
        """Give the longer heads of all conversations back to the pool."""
        for flow in self._flows:
            flow.release()
        self._shared.pool.starved = False

    def counts(self) -> Counts:
        """Return what went through the table."""
        tally = self._tally
        return Counts(
            self._packets, self._octets, tally.no_ports, tally.fragments, self._cut, self._closed
        )

    def oddities(self) -> Mapping[str, tuple[int, int]]:
        """Return each oddity's count and the octet of the source where it was first met."""
        return dict(self._tally.oddities)

    def _records(self, data: bytes, here: int) -> int:
        container = self._container
        header, tick_ns, link, swap = (
            container.header,
            container.tick_ns,
            container.link,
            container.swap,
        )
        fields = Struct(">IIII" if container.big else "<IIII").unpack_from
        end = len(data)
        while here + header <= end and not self.full:
            seconds, ticks, captured, length = fields(data, here)
            if swap == 1 or (swap and captured > length):
                captured, length = length, captured
            if captured > LARGEST:
                raise container.too_long(captured, self._offset + here)
            at = here + header
            if at + captured > end:
                break
            time_ns = seconds * 1_000_000_000 + ticks * tick_ns
            wire = length if length > captured else captured
            self._frame(data, at, captured, wire, link, time_ns, self._offset + here)
            here = at + captured
        return here

    def _blocks(self, data: bytes, here: int) -> int:
        container = self._container
        end = len(data)
        while not self.full:
            if container.skip:
                step = min(container.skip, end - here)
                container.skip -= step
                here += step
            if container.skip or here + 12 > end:
                break
            offset = self._offset + here
            kind, size = container.size(data, here, offset)
            if kind not in KNOWN:
                container.skip = size
                continue
            if here + size > end:
                break
            record = container.block(data, here, kind, size, offset, self._time_ns)
            here += size
            if record is None:
                continue
            self._time_ns = record.time_ns
            at, captured, length, link, time_ns = record
            if link is None:
                self._lost(captured, length, offset)
            else:
                self._frame(data, at, captured, length, link, time_ns, offset)
        return here

    def _lost(self, captured: int, length: int, where: int) -> None:
        self._packets += 1
        self._octets += length
        self._cut += captured < length
        self._tally.no_ports += 1
        self._tally.odd("unknown-interface", where)

    def _frame(
        self, data: bytes, at: int, captured: int, length: int, link: int, time_ns: int, where: int
    ) -> None:
        if link != ETHERNET or not self._quick(data, at, captured, length, time_ns, where):
            self._slow(data[at : at + captured], link, time_ns, length, None, where)
            return
        self._packets += 1
        self._octets += length
        if captured < length:
            self._cut += 1

    def _quick(
        self, data: bytes, at: int, captured: int, length: int, time_ns: int, where: int
    ) -> bool:
        """Count a frame of the common kind; False when it is of another, and nothing was done."""
        if captured < 42 or at + SPAN > len(data):
            return False
        kind, version, total, fragment, number, ends, high, low, ack, offset, flags = FOUR(data, at)
        vlan = None
        ip = at
        if kind == 0x8100:
            vlan = data[at + 14] << 8 & 0xF00 | data[at + 15]
            ip += 4
            kind, version, total, fragment, number, ends, high, low, ack, offset, flags = FOUR(
                data, ip
            )
        if kind == 0x0800 and version == 0x45 and not fragment & 0x3FFF:
            ip += 14
            body = ip + 20
            size = total - 20
        elif kind == 0x86DD:
            ip += 14
            version, size, number, ends, high, low, ack, offset, flags = SIX(data, ip)
            if version >> 4 != 6:
                return False
            body = ip + 40
        else:
            return False
        left = length - body + at  # octets behind the IP header, padding included
        if number == UDP:
            header, end = 8, high
            if not 8 <= end <= size <= left:
                return False
            flags = 0
        elif number == TCP:
            header, end = offset >> 4 << 2, size
            if not 20 <= header <= end <= left:
                return False
        else:
            return False
        if body + (20 if number == TCP else 8) > at + captured:
            return False
        group = self._groups.get((number, vlan, None))
        way = group.get(ends) if group else None
        if way is None or not way.quick or flags & 2:
            tcp = (flags, high << 16 | low, ack) if number == TCP else (0, None, 0)
            start, stop = body + header, min(body + end, at + captured)
            macs, payload = data[at : at + 12], data[start:stop]
            return self._young(
                macs, number, ends, vlan, time_ns, where, length, tcp, payload, end - header
            )
        way.packets += 1
        way.octets += length
        way.payload += end - header
        flow = way.of
        if time_ns > flow.last_ns:
            if time_ns - flow.last_ns > QUIET_NS:
                flow.burst(time_ns)
            flow.last_ns = time_ns
        elif time_ns < flow.first_ns:
            flow.first_ns = time_ns
        return True

    def _young(
        self,
        macs: bytes,
        number: int,
        ends: bytes,
        vlan: int | None,
        time_ns: int,
        where: int,
        length: int,
        tcp: tuple[int, int | None, int],
        payload: bytes,
        payload_length: int,
    ) -> bool:
        """Add a packet of a conversation that still has something to keep, or is new."""
        half = len(ends) // 2 - 2
        ports = int.from_bytes(ends[-4:-2], "big"), int.from_bytes(ends[-2:], "big")
        if number == UDP and not PORTS.isdisjoint(ports):
            return False
        target = macs[:6]
        return self._add(
            Segment(
                number, ends[:half], ports[0], ends[half:-4], ports[1], vlan, None, macs[6:],
                target, target == BROADCAST, time_ns, where, length, 1, *tcp, payload,
                payload_length,
            )
        )  # fmt: skip

    def _slow(
        self, octets: bytes, link: int, time_ns: int, length: int, vlan: int | None, where: int
    ) -> None:
        """Count a frame of any kind."""
        self._packets += 1
        self._octets += length
        if len(octets) < length:
            self._cut += 1
        for segment in self._dissector.segments(octets, link, time_ns, length, vlan, where):
            if self._pending or not self._add(segment):
                self._pending.append(segment)
                self.full = True

    def _settle(self, force: bool = False) -> bool:
        """Add what waited for room; False when there is still none."""
        while self._pending:
            if not self._add(self._pending[0], force):
                self.full = True
                return False
            del self._pending[0]
        self.full = False
        return True

    def _add(self, segment: Segment, force: bool = False) -> bool:
        group = self._groups.setdefault((segment.transport, segment.vlan, segment.tunnel), {})
        ports = segment.source_port.to_bytes(2, "big"), segment.target_port.to_bytes(2, "big")
        key = segment.source + segment.target + ports[0] + ports[1]
        way = group.get(key)
        if way is None:
            if len(self._flows) >= self._limit and not force:
                return False
            flow = Flow(segment, self._shared)
            self._flows.append(flow)
            group[segment.target + segment.source + ports[1] + ports[0]] = flow.ba
            way = group[key] = flow.ab
        way.of.add(way, segment)
        return True
