"""Both packet readers driven alike, as a survey drives them: closing when full, releasing heads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from fuzz.supply import Supply
from fuzz.target import agree, must
from portbook.errors import SourceError
from portbook.evidence import packets, readers
from portbook.evidence.table import Table
from portbook.protocols.prefilter import Row as Signature
from portbook.protocols.prefilter import prefilter

_FEW = (Signature(17, 0, 2, 0xFFFF, 0x4141, 0), Signature(6, 1, 1, 0x0F, 0x01, 5))
_LIMITS = (1 << 20, 1, 2, 3, 7, 64)
_POOLS = (1 << 20, 0, 1024, 16384, 32768)
_CLOSED = (1, 2, 5, 1000)


class Way(NamedTuple):
    """How a source is read: what the table has, how much is closed, and blocks of which sizes."""

    signatures: tuple[Signature, ...]
    limit: int
    pool_octets: int
    closed: int
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, supply: Supply) -> Way:
        """Take a way out of fuzz octets: four of them, then the sizes behind their number."""
        signatures = supply.choice(((), _FEW, prefilter().rows))
        limit, pool = supply.choice(_LIMITS), supply.choice(_POOLS)
        closed = supply.choice(_CLOSED)
        sizes = tuple(supply.number() + 1 for _ in range(supply.number() % 16))
        return cls(signatures, limit, pool, closed, sizes)


PLAINEST = bytes(5)  # the way that has no signatures, much room and one block


class Slow(packets.Table):
    """The plain reader without its short cuts: every frame goes through the dissector."""

    def _quick(self, *_: object) -> bool:
        return False

    def _known(self, *_: object) -> bool:
        return False


def tables(way: Way) -> Iterable[tuple[str, Table]]:
    """Give an empty table of every reader that there is, the plain one first."""
    told: dict[str, Any] = {"limit": way.limit, "pool_octets": way.pool_octets}
    yield "plain", readers.table(way.signatures, seed=1, compiled=False, **told)
    yield "slow", Slow(way.signatures, **told)
    if readers.COMPILED:
        yield "compiled", readers.table(way.signatures, seed=1, compiled=True, **told)


def compare(way: Way, source: Callable[[Driven], None]) -> None:
    """Let every reader read a source; raises when what they tell differs."""
    expected: Any = None
    for name, table in tables(way):
        driven = Driven(table, way)
        source(driven)
        told = driven.told()
        if expected is None:
            expected = told
        agree(expected, told, f"the {name} reader differs from the plain one")


class Driven:
    """A table while a source is read into it."""

    def __init__(self, table: Table, way: Way) -> None:
        self.table, self._way = table, way
        self._gone: list[Any] = []
        self._young = 0
        self._error: tuple[str, int | None] | None = None

    def capture(self, data: bytes) -> None:
        """Read a capture, in blocks of the sizes that the way has, the rest in one."""
        held, here = b"", 0
        try:
            for size in (*self._way.sizes, len(data)):
                held += data[here : here + size]
                here = min(len(data), here + size)
                held = self._fed(held)
            self.table.finish(len(held))
        except SourceError as error:
            self._error = str(error), error.offset
        self._relieve()

    def frame(
        self, octets: bytes, link: int, time_ns: int, length: int | None, vlan: int | None
    ) -> None:
        """Count one frame."""
        self.table.frame(octets, link, time_ns, length, vlan)
        self._relieve()

    def ring(self, block: bytes, here: int, link: int, twice: bool) -> None:
        """Count the packets of a ring's block."""
        turns = 0
        try:
            while here >= 0:
                here = self.table.ring(block, here, link, twice=twice)
                self._relieve()
                turns += 1
                must(turns <= len(block) + 2, "the ring does not come to an end")
        except IndexError as error:
            self._error = str(error), None

    def told(self) -> object:
        """Return all that the table tells, and what was taken out of it before."""
        table = self.table
        return (
            self._gone,
            list(table.rows()),
            table.counts(),
            dict(table.oddities()),
            self._error,
            table.starved,
            table.full,
            self._young,
        )

    def _fed(self, held: bytes) -> bytes:
        turns = 0
        while True:
            used = self.table.feed(held)
            held = held[used:]
            full = self.table.full
            self._relieve()
            if not full:
                return held
            turns += 1
            must(turns <= 4 * len(held) + 64, "feeding does not come to an end")

    def _relieve(self) -> None:
        table = self.table
        if table.full:
            self._gone += table.close(self._way.closed)
        if table.starved:
            self._young += sum(len(row.head_ab) + len(row.head_ba) for row in table.young())
            table.release()
