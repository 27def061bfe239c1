"""The compiled table: the kernel's arrays behind the interface that both readers have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from portbook.evidence._flows import Flows
from portbook.evidence._heads import Heads
from portbook.evidence._packets import Kernel
from portbook.evidence._signatures import Signatures
from portbook.evidence.arrays import Rows, Stores
from portbook.evidence.folding import Folding
from portbook.evidence.reading import Octets, Reader
from portbook.evidence.segments import Segment
from portbook.evidence.shares import WHOLE, Part, checked
from portbook.evidence.signature_lists import Packed
from portbook.evidence.table import Counts, Row
from portbook.protocols.prefilter import Row as Signature

CROWD = 1024  # longer heads at which it is time to look which of them can be given back


class Table(Reader[memoryview]):
    """Conversations counted by compiled code; see `table.Table`."""

    def __init__(
        self,
        signatures: tuple[Signature, ...] = (),
        *,
        seed: int,
        limit: int = 1_000_000,
        pool_octets: int = 64 << 20,
        part: Part = WHOLE,
    ) -> None:
        super().__init__(limit)
        self._crowd = CROWD
        self._stores = Stores(pool_octets)
        self._signatures = Signatures(Packed(signatures))
        self._heads = Heads(self._stores, self._signatures)
        self._flows = Flows(self._stores, self._heads, seed, self.limit, checked(part))
        self._kernel = Kernel(self, self._flows)

    @property
    def starved(self) -> bool:
        """Tell whether a pot of the pool of longer heads is dry."""
        return self._stores.starved

    def rows(self, folding: Folding | None = None) -> Iterator[Row]:
        """Return all conversations in the order they were first met, but what is folded."""
        held: Iterable[int] = range(self._flows.rows)
        if folding:
            held = folding.fold(self._flows, held)
        rows = Rows(self._stores, self._signatures.match)
        if folding:  # at the end of a capture: one after the other, since there may be a million
            return (rows.row(number) for number in held)
        return iter([rows.row(number) for number in held])

    def young(self, folding: Folding | None = None) -> Iterator[Row]:
        """Return those that `release` takes octets from, in the order they were first met."""
        rows = Rows(self._stores, self._signatures.match)
        young = rows.young()
        if folding:
            young = folding.learn(self._flows, young)
        return iter([rows.row(number) for number in young])

    def settle(self, folding: Folding) -> None:
        """Let go of the payload of what can be folded, every now and then."""
        folding.sweep(self._flows)
        if self._stores.blocks >= self._crowd:
            folding.learn(self._flows, self._stores.longer())
            self._crowd = max(CROWD, self._stores.blocks * 3 // 2)

    def close(self, count: int, folding: Folding | None = None) -> list[Row]:
        """Take the coldest conversations out of the table; return those that are not folded."""
        rows = Rows(self._stores, self._signatures.match)
        held = self._flows.rows
        gone = rows.coldest(held, count)
        told = folding.fold(self._flows, gone) if folding else gone
        closed = [rows.row(number) for number in told]
        rows.drop(held, gone)
        del rows
        self._flows.kept(held - len(gone))
        self.closed += len(gone)
        self.full = self._flows.rows >= self.limit and self.full
        return closed

    def release(self) -> None:
        """Give longer heads back to the pots that are dry, or to all when none is."""
        self._heads.release()

    def counts(self) -> Counts:
        """Return what went through the table."""
        kernel, slow = self._kernel, super().counts()
        return slow._replace(
            packets=slow.packets + kernel.packets,
            octets=slow.octets + kernel.octets,
            cut=slow.cut + kernel.cut,
        )

    def readable(self, block: Octets) -> memoryview:
        """Return a block as it is, without a copy."""
        return memoryview(block)

    def records(self, data: memoryview, here: int) -> int:
        """Walk pcap records; return where it stopped."""
        return self._kernel.records(data, here)

    def packet_blocks(self, data: memoryview, here: int) -> int:
        """Walk Enhanced Packet Blocks as long as they are plain; return where it stopped."""
        return self._kernel.packet_blocks(data, here)

    def ring_packets(self, data: memoryview, here: int, link: int, twice: bool) -> int:
        """Count packets of a ring's block."""
        return self._kernel.ring(data, here, link, twice)

    def count(
        self,
        data: memoryview,
        at: int,
        captured: int,
        length: int,
        link: int,
        time_ns: int,
        where: int,
    ) -> None:
        """Count the frame that stands at `at`."""
        self._kernel.frame(data, at, captured, length, link, time_ns, where)

    def add(self, segment: Segment, force: bool = False) -> bool:
        """Add a segment to its conversation; False when it is new and there is no room."""
        return self._flows.add(segment, force)
