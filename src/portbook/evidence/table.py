"""The conversation table's interface: whole blocks in, rows out.

Two readers have it: `packets.Table` in plain Python, the oracle, and `_packets.Table`, compiled.
`readers.table()` gives the faster one that is there. No Python object is made per packet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from portbook.evidence.folding import Folding

HEAD_OCTETS = 128  # kept of each direction's payload, always
MORE_OCTETS = 16384  # kept of each direction while young, on a prefilter hit, from one pool
PIECES = 4  # true lengths kept of each direction's first payloads
DATAGRAMS = 32  # instead, where a protocol asks for it and a block of the pool is there
# what a block holds of datagrams; behind it stand the places and lengths of those after PIECES
DATAGRAM_OCTETS = MORE_OCTETS - 4 * (DATAGRAMS - PIECES)
FIRST_TIMES, LAST_TIMES = 8, 56  # of the bursts of a conversation
QUIET_NS = 1_000_000_000  # silence that ends a burst


class Row(NamedTuple):
    """One conversation as the table holds it; `a` is the end whose packet was met first."""

    transport: int  # IP protocol number: 6, 17, 132
    a: bytes  # address, 4 or 16 octets
    a_port: int
    b: bytes
    b_port: int
    vlan: int | None  # outermost tag's VLAN id
    tunnel: str | None  # None: outermost; else the tunnel it was carried in
    packets_ab: int
    packets_ba: int
    octets_ab: int  # whole frames as they were on the wire
    octets_ba: int
    payload_ab: int  # octets above the transport header, true lengths
    payload_ba: int
    first_ns: int
    last_ns: int
    syn: int  # 1: a sent a SYN without ACK; 2: b did; 4: a sent SYN+ACK; 8: b did
    started_ab: bool  # the SYN of that direction was seen (always True for datagrams)
    started_ba: bool
    head_ab: bytes  # TCP: unbroken start of the stream; else the first datagrams, joined
    head_ba: bytes
    pieces_ab: tuple[tuple[int, int], ...]  # (true length, octets of it in the head), in order
    pieces_ba: tuple[tuple[int, int], ...]
    bursts: int
    times: tuple[int, ...]  # when bursts began: the first 8 and the last 56, nanoseconds
    a_mac: bytes  # 6 octets, or empty
    b_mac: bytes
    broadcast: bool  # a's first frame went to the link's broadcast address
    candidates: int  # prefilter bits over both heads
    where: int  # octet of the source at which its first packet stands


class Counts(NamedTuple):
    """What went through the table."""

    packets: int  # frames, all kinds
    octets: int  # of whole frames as they were on the wire
    no_ports: int  # frames without UDP, TCP or SCTP
    fragments: int  # frames that are fragments of a datagram
    cut: int  # frames shorter in the source than on the wire
    closed: int  # conversations closed early for lack of memory


class Table(Protocol):
    """Counts packets into conversations.

    Made with (signatures, seed, limit, pool_octets): prefilter rows, the hash seed, how many
    conversations are held at the most, octets of the pool for longer heads.
    """

    @property
    def full(self) -> bool:
        """No room for a new conversation: feed stopped early; close some, feed the rest."""

    @property
    def starved(self) -> bool:
        """The pool has run dry, for some at least: name what is young and call release."""

    def feed(self, block: bytes | bytearray | memoryview) -> int:
        """Read a block of a capture, any container; return the octets used.

        The rest belongs in front of the next block. Raises SourceError with the offset when the
        source cannot be read further; all that was read before stays in the table.
        """

    def finish(self, rest: int = 0) -> None:
        """Say that the source ends, with `rest` octets that no feed has used."""

    def frame(
        self,
        octets: bytes | bytearray | memoryview,
        link: int,
        time_ns: int,
        length: int | None = None,
        vlan: int | None = None,
    ) -> None:
        """Count one frame of link type `link` (LINKTYPE number), `length` octets on the wire."""

    def ring(
        self, block: bytes | bytearray | memoryview, here: int, link: int, *, twice: bool
    ) -> int:
        """Count packets of a block of the kernel's ring from the head at `here` on.

        twice: loopback, where each packet comes going out and coming in: it counts once
        Return -1 when all are counted, else where to go on once the table has room.
        """

    def rows(self, folding: Folding | None = None) -> Iterator[Row]:
        """Return all conversations that the table holds, in the order they were first met.

        folding: takes those that it can fold, and they are left out
        """

    def young(self, folding: Folding | None = None) -> Iterator[Row]:
        """Return those that `release` takes octets from, in the order they were first met.

        folding: settles those that it can fold, and they are left out
        """

    def settle(self, folding: Folding) -> None:
        """Let go of the payload of what can be folded, every now and then."""

    def close(self, count: int, folding: Folding | None = None) -> list[Row]:
        """Take the coldest conversations out of the table; return those that are not folded."""

    def release(self) -> None:
        """Give longer heads back where the pool has run dry (see `pots`); 128 octets stay.

        Where it has not, all are given back.
        """

    def counts(self) -> Counts:
        """Return what went through the table."""

    def oddities(self) -> Mapping[str, tuple[int, int]]:
        """Return each oddity's count and the octet of the source where it was first met."""
