"""What both packet readers have in common: the way of blocks, frames and segments.

The plain reader (`packets`) and the compiled one (`_packets`) fill in how records are walked, how
a segment is added, and how rows come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeAlias, TypeVar

from portbook.errors import SourceError
from portbook.evidence.containers import KNOWN, PCAP, Container
from portbook.evidence.internet import Dissector
from portbook.evidence.rings import tagged, walk
from portbook.evidence.segments import Segment
from portbook.evidence.table import Counts
from portbook.evidence.tally import Tally

Octets: TypeAlias = bytes | bytearray | memoryview
Data = TypeVar("Data", bytes, memoryview)  # how a reader likes its blocks


class Reader(Generic[Data]):
    """A table without its conversations."""

    def __init__(self, limit: int) -> None:
        self.full = False
        self.tally = Tally()
        self.dissector = Dissector(self.tally)
        self.container = Container()
        self.limit = max(1, limit)
        self.offset = 0  # octets of the source used by earlier calls of feed
        self.last_ns = 0  # time of the frame before
        self.packets = 0
        self.octets = 0
        self.cut = 0
        self.closed = 0
        self._pending: list[Segment] = []  # of a frame met while the table was full
        self._fed = False

    def feed(self, block: Octets) -> int:
        """Read a block of a capture; return the octets used."""
        self._fed = True
        if not self._settle():
            return 0
        data = self.readable(block)
        container = self.container
        used = 0
        if container.kind is None:
            used = container.begin(data, self.offset)
            if container.kind is None:
                return 0
        walk = self.records if container.kind == PCAP else self._blocks
        used = walk(data, used)
        self.offset += used
        return used

    def finish(self, rest: int = 0) -> None:
        """Say that the source ends, with `rest` octets that no feed has used."""
        self._settle(force=True)
        self.dissector.finish()
        if self._fed and self.container.kind is None and not rest:
            raise SourceError("the capture is empty: it has 0 octets", offset=0)
        if rest or self.container.skip:
            self.tally.odd("cut-file", self.offset)
            raise SourceError(
                f"the capture ends in the middle of a record, which begins at octet "
                f"{self.offset}; all before it was read",
                offset=self.offset,
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
        if not self._settle():  # the caller did not close: what waited is lost, and said to be
            self.tally.odd("table-full", self.offset, len(self._pending))
            self._pending.clear()
        data = self.readable(octets)
        wire = len(data) if length is None else max(length, len(data))
        if vlan is None:
            self.count(data, 0, len(data), wire, link, time_ns, self.offset)
        else:
            self.dissect(bytes(data), link, time_ns, wire, vlan, self.offset)

    def ring(self, block: Octets, here: int, link: int, *, twice: bool) -> int:
        """Count packets of a block of the kernel's ring from the head at `here` on.

        twice: loopback, where each packet comes going out and coming in: it counts once
        Return -1 when all are counted, else where to go on once the table has room.
        Raises IndexError when a packet lies outside of its block.
        """
        if not self._settle():
            return here
        return self.ring_packets(self.readable(block), here, link, twice)

    def ring_packets(self, data: Data, here: int, link: int, twice: bool) -> int:
        """Count packets of a ring's block; return as `ring` does."""
        octets = bytes(data)
        for one in walk(octets, here, twice=twice):
            length = max(one.length, one.captured)
            if one.tag:
                frame = tagged(octets[one.at : one.at + one.captured], one.tag)
                whole = self.readable(frame)
                self.count(whole, 0, len(frame), length + 4, link, one.time_ns, one.head)
            else:
                self.count(data, one.at, one.captured, length, link, one.time_ns, one.head)
            if self.full:
                return one.next
        return -1

    def counts(self) -> Counts:
        """Return what went through the table."""
        return Counts(
            self.packets,
            self.octets,
            self.tally.no_ports,
            self.tally.fragments,
            self.cut,
            self.closed,
        )

    def oddities(self) -> Mapping[str, tuple[int, int]]:
        """Return each oddity's count and the octet of the source where it was first met."""
        return dict(self.tally.oddities)

    def readable(self, block: Octets) -> Data:
        """Return a block as the reader likes it."""
        raise NotImplementedError

    def records(self, data: Data, here: int) -> int:
        """Walk pcap records; return where it stopped."""
        raise NotImplementedError

    def packet_blocks(self, data: Data, here: int) -> int:
        """Walk Enhanced Packet Blocks as long as they are plain; return where it stopped."""
        raise NotImplementedError

    def count(
        self,
        data: Data,
        at: int,
        captured: int,
        length: int,
        link: int,
        time_ns: int,
        where: int,
    ) -> None:
        """Count the frame that stands at `at`, the quick way when there is one."""
        raise NotImplementedError

    def add(self, segment: Segment, force: bool = False) -> bool:
        """Add a segment to its conversation; False when it is new and there is no room."""
        raise NotImplementedError

    def dissect(
        self, octets: bytes, link: int, time_ns: int, length: int, vlan: int | None, where: int
    ) -> None:
        """Count a frame of any kind."""
        self.packets += 1
        self.octets += length
        if len(octets) < length:
            self.cut += 1
        for segment in self.dissector.segments(octets, link, time_ns, length, vlan, where):
            if self._pending or not self.add(segment):
                self._pending.append(segment)
                self.full = True

    def _blocks(self, data: Data, here: int) -> int:
        container = self.container
        end = len(data)
        while not self.full:
            if container.skip:
                step = min(container.skip, end - here)
                container.skip -= step
                here += step
            if not container.skip:
                here = self.packet_blocks(data, here)
            if container.skip or here + 12 > end or self.full:
                break
            offset = self.offset + here
            kind, size = container.size(data, here, offset)
            if kind not in KNOWN:
                container.skip = size
                continue
            if here + size > end:
                break
            record = container.block(data, here, kind, size, offset, self.last_ns)
            here += size
            if record is None:
                continue
            at, captured, length, link, time_ns = record
            self.last_ns = time_ns
            if link is None:
                self._lost(captured, length, offset)
            else:
                self.count(data, at, captured, length, link, time_ns, offset)
        return here

    def _lost(self, captured: int, length: int, where: int) -> None:
        self.packets += 1
        self.octets += length
        self.cut += captured < length
        self.tally.no_ports += 1
        self.tally.odd("unknown-interface", where)

    def _settle(self, force: bool = False) -> bool:
        """Add what waited for room; False when there is still none."""
        while self._pending:
            if not self.add(self._pending[0], force):
                self.full = True
                return False
            del self._pending[0]
        self.full = False
        return True
