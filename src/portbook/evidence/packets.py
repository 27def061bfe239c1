"""The plain reader of whole blocks, and the oracle of the compiled one.

Frames go one of two ways to the same end: a short cut for Ethernet with IPv4 or IPv6 and TCP or
UDP, as most are, and the dissector of `internet` for everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from portbook.evidence.containers import LARGEST, PACKET, Interface
from portbook.evidence.flows import SYN, Flow, Others, Shared, Way
from portbook.evidence.folding import Folding
from portbook.evidence.links import BROADCAST
from portbook.evidence.reading import Octets, Reader
from portbook.evidence.segments import TCP, UDP, Segment
from portbook.evidence.shares import WHOLE, Part, checked, share
from portbook.evidence.signatures import Signatures
from portbook.evidence.table import QUIET_NS, Row
from portbook.evidence.tunnels import PORTS
from portbook.protocols.prefilter import Row as Signature

ETHERNET = 1  # LINKTYPE
# Ethernet, IPv4 without options, then TCP; of UDP the first of the two numbers is its length
FOUR = Struct("!12xHBxHxxHxBxx12sHHIBB").unpack_from
COMMON = Struct("!12x3sxHxxHxBxx12sH6xBB").unpack_from  # the same, what nearly all need of it
SEQUENCE = Struct("!II").unpack_from  # a TCP header's two numbers
TAG = b"\x81\0"  # EtherType of a VLAN's tag
NONE: dict[bytes, Way] = {}
IPV4 = b"\x08\0\x45"  # EtherType, version and a header without options
FEW = 64  # interfaces of a pcapng that go the quick way
SIX = Struct("!BxxxHBx36sHHIBB").unpack_from  # IPv6 without extensions and the same
SPAN = 4 + 14 + 40 + 16  # octets that the two look at, behind a tag


class Table(Reader[bytes]):
    """Conversations counted in plain Python; see `table.Table`."""

    def __init__(
        self,
        signatures: tuple[Signature, ...] = (),
        *,
        seed: int = 0,  # Python seeds its own hashes
        limit: int = 1_000_000,
        pool_octets: int = 64 << 20,
        part: Part = WHOLE,
    ) -> None:
        super().__init__(limit)
        self._shared = Shared(Signatures(signatures), pool_octets)
        self._flows: list[Flow] = []
        self._part = checked(part)
        self._others = Others(self._shared, 2 * self.limit)
        # by transport, VLAN and tunnel; then by addresses and ports, as they stand in a packet
        self._streams: dict[bytes, Way] = {}  # of the commonest kind: untagged
        self._datagrams: dict[bytes, Way] = {}
        self._groups: dict[tuple[int, int | None, str | None], dict[bytes, Way]] = {
            (TCP, None, None): self._streams,
            (UDP, None, None): self._datagrams,
        }

    @property
    def starved(self) -> bool:
        """Tell whether a pot of the pool of longer heads is dry."""
        return self._shared.pots.starved

    def rows(self, folding: Folding | None = None) -> Iterator[Row]:
        """Return all conversations in the order they were first met."""
        return (flow.row() for flow in self._flows)

    def young(self, folding: Folding | None = None) -> Iterator[Row]:
        """Return those that `release` takes octets from, in the order they were first met."""
        return (flow.row() for flow in self._flows if flow.young)

    def settle(self, folding: Folding) -> None:
        """Keep everything: nothing is folded here."""

    def close(self, count: int, folding: Folding | None = None) -> list[Row]:
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
        self.closed += len(rows)
        self.full = len(self._flows) >= self.limit and self.full
        return rows

    def release(self) -> None:
        """Give longer heads back to the pots that are dry, or to all when none is."""
        for flow in [flow for flow in self._flows if flow.young]:
            flow.release()
        self._shared.pots.filled()

    def readable(self, block: Octets) -> bytes:
        """Return a block as octets that can be keys when sliced."""
        return bytes(block)

    def records(self, data: bytes, here: int) -> int:
        """Walk pcap records; return where it stopped."""
        container, known = self.container, self._known
        header, tick_ns, link = container.header, container.tick_ns, container.link
        swap = container.swap
        fields = Struct(">IIII" if container.big else "<IIII").unpack_from
        end = len(data)
        safe = end - SPAN if link == ETHERNET else -1
        packets = octets = 0
        try:
            while here + header <= end:
                seconds, ticks, captured, length = fields(data, here)
                if swap and (swap == 1 or captured > length):
                    captured, length = length, captured
                if captured > LARGEST:
                    raise container.too_long(captured, self.offset + here)
                at = here + header
                if at + captured > end:
                    break
                time_ns = seconds * 1_000_000_000 + ticks * tick_ns
                if length == captured >= 54 and at < safe and known(data, at, length, time_ns):
                    packets += 1
                    octets += length
                else:
                    wire = length if length > captured else captured
                    self.count(data, at, captured, wire, link, time_ns, self.offset + here)
                    if self.full:
                        here = at + captured
                        break
                here = at + captured
        finally:
            self.packets += packets
            self.octets += octets
        return here

    def packet_blocks(self, data: bytes, here: int) -> int:
        """Walk Enhanced Packet Blocks with nothing odd in them; return where it stopped."""
        container, known = self.container, self._known
        clocks = [_clock(one) for one in container.interfaces[:FEW]]
        order = ">" if container.big else "<"
        fields, number = Struct(order + "7I").unpack_from, Struct(order + "I").unpack_from
        end = len(data)
        safe = end - SPAN
        packets = octets = 0
        time_ns = self.last_ns
        while here + 32 <= end and not self.full:
            kind, size, which, high, low, captured, length = fields(data, here)
            if kind != PACKET or size & 3 or captured > size - 32 or captured > LARGEST:
                break
            if (
                here + size > end
                or which >= len(clocks)
                or number(data, here + size - 4)[0] != size
            ):
                break
            link, tick_ns, offset_ns, last = clocks[which]
            ticks = high << 32 | low
            if ticks > last:
                break
            time_ns = ticks * tick_ns + offset_ns
            at = here + 28
            plain = link == ETHERNET and at < safe and length == captured >= 54
            if plain and known(data, at, length, time_ns):
                packets += 1
                octets += length
            else:
                wire = length if length > captured else captured
                self.count(data, at, captured, wire, link, time_ns, self.offset + here)
            here += size
        self.last_ns = time_ns
        self.packets += packets
        self.octets += octets
        return here

    def _known(self, data: bytes, at: int, length: int, time_ns: int) -> bool:
        """Count a whole frame of the commonest kind, but for the packets of its octets.

        It has 54 octets or more and perhaps a tag; False when it is of another kind, the first of
        its direction or a SYN, and nothing was done.
        """
        kind, total, fragment, number, ends, high, offset, flags = COMMON(data, at)
        streams, datagrams, left = self._streams, self._datagrams, length
        if kind != IPV4:
            if kind[:2] != TAG:
                return False
            vlan = data[at + 14] << 8 & 0xF00 | data[at + 15]
            streams = self._groups.get((TCP, vlan, None), NONE)
            datagrams = self._groups.get((UDP, vlan, None), NONE)
            at, left = at + 4, length - 4
            kind, total, fragment, number, ends, high, offset, flags = COMMON(data, at)
        if kind != IPV4 or fragment & 0x3FFF or total + 14 > left:
            return False
        if number == TCP:
            way = streams.get(ends)
            header = offset >> 4 << 2
            size = total - 20 - header
            if way is None or size < 0 or header < 20 or flags & SYN:
                return False
        elif number == UDP:
            way = datagrams.get(ends)
            size = high - 8
            if way is None or size < 0 or high > total - 20:
                return False
        else:
            return False
        flow = way.of
        if not way.quick:
            if flow.carrier or not way.packets:
                return False
            if number == TCP:
                seq, ack = SEQUENCE(data, at + 38)
                payload = data[at + 34 + header : at + 14 + total]
                flow.keep(way, time_ns, length, 1, flags, seq, ack, payload, size)
            else:
                payload = data[at + 42 : at + 34 + high]
                flow.keep(way, time_ns, length, 1, 0, None, 0, payload, size)
            return True
        way.packets += 1
        way.octets += length
        way.payload += size
        quiet = time_ns - flow.last_ns
        if quiet > 0:
            if quiet > QUIET_NS:
                flow.burst(time_ns)
            flow.last_ns = time_ns
        elif time_ns < flow.first_ns:
            flow.first_ns = time_ns
        return True

    def count(
        self, data: bytes, at: int, captured: int, length: int, link: int, time_ns: int, where: int
    ) -> None:
        """Count the frame that stands at `at`."""
        if link != ETHERNET or not self._quick(data, at, captured, length, time_ns, where):
            self.dissect(data[at : at + captured], link, time_ns, length, None, where)
            return
        self.packets += 1
        self.octets += length
        if captured < length:
            self.cut += 1

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
        if way is None or not way.quick or flags & SYN:
            tcp = (flags, high << 16 | low, ack) if number == TCP else (0, None, 0)
            payload = data[body + header : min(body + end, at + captured)]
            if way is None or not way.packets or way.of.carrier:
                macs = data[at : at + 12]
                return self._young(
                    macs, number, ends, vlan, time_ns, where, length, tcp, payload, end - header
                )
            way.of.keep(way, time_ns, length, 1, tcp[0], tcp[1], tcp[2], payload, end - header)
            return True
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
        return self.add(
            Segment(
                number, ends[:half], ports[0], ends[half:-4], ports[1], vlan, None, macs[6:],
                target, target == BROADCAST, time_ns, where, length, 1, *tcp, payload,
                payload_length,
            )
        )  # fmt: skip

    def add(self, segment: Segment, force: bool = False) -> bool:
        """Add a segment to its conversation; False when it is new and there is no room."""
        group = self._groups.setdefault((segment.transport, segment.vlan, segment.tunnel), {})
        ports = segment.source_port.to_bytes(2, "big"), segment.target_port.to_bytes(2, "big")
        key = segment.source + segment.target + ports[0] + ports[1]
        way = group.get(key)
        if way is None:
            if self._part[1] > 1 and share(segment, self._part[1]) != self._part[0]:
                if self._others.remembers(segment):
                    group[key] = self._others.ab
                return True
            if len(self._flows) >= self.limit and not force:
                return False
            flow = Flow(segment, self._shared)
            self._flows.append(flow)
            group[segment.target + segment.source + ports[1] + ports[0]] = flow.ba
            way = group[key] = flow.ab
        way.of.add(way, segment)
        return True


def _clock(interface: Interface) -> tuple[int, int, int, int]:
    """Return link, ns in a tick, offset in ns, and the last ticks for which these do; -1: none."""
    link, tick_ns, _, last = interface.words()
    return link, tick_ns, interface.offset_s * 1_000_000_000, last if tick_ns else -1
