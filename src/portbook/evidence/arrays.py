"""The flat arrays of the compiled reader: what stands where, how they grow, how rows come out.

`_packets` writes them packet by packet; everything that happens once for a conversation or less
is done here, in plain Python, on the same octets.
"""

from __future__ import annotations

import mmap
import sys
from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from portbook.evidence.containers import LARGEST
from portbook.evidence.flows import RINGS
from portbook.evidence.heads import FAR, PAST, PENDING, datagram_pieces, stream_pieces
from portbook.evidence.pots import Pots
from portbook.evidence.rings import OUTGOING, RING_HEAD, RING_KIND, TAGGED
from portbook.evidence.segments import TCP
from portbook.evidence.shares import HIGHER_PORT, IPV6, LOWER_PORT, TRANSPORT, VLAN, key
from portbook.evidence.signature_lists import GROUP
from portbook.evidence.table import (
    DATAGRAM_OCTETS,
    DATAGRAMS,
    FIRST_TIMES,
    HEAD_OCTETS,
    LAST_TIMES,
    MORE_OCTETS,
    QUIET_NS,
    Row,
)
from portbook.evidence.table import PIECES as MOST_PIECES
from portbook.evidence.tunnels import NAMES

__all__ = [
    "FAR",
    "GROUP",
    "HIGHER_PORT",
    "IPV6",
    "LARGEST",
    "LOWER_PORT",
    "MOST_DATAGRAMS",
    "MOST_PARTS",
    "MOST_PIECES",
    "OUTGOING",
    "PAST",
    "QUIET_NS",
    "RING_HEAD",
    "RING_KIND",
    "TAGGED",
    "TRANSPORT",
    "VLAN",
    "Rows",
    "Stores",
    "halves",
    "key",
    "mac",
    "memory",
]

# words of a conversation in `hot`: first the addresses of the lower end and of the higher end
KEY = 4  # both ports, transport, VLAN, tunnel, version of IP
PACKETS, OCTETS, PAYLOAD = 5, 7, 9  # of ab, then of ba
FIRST, LAST, STATE = 11, 12, 13
BASES = 14  # sequence numbers: ab in the lower half, ba in the higher one
HEADS = 15  # heads plus 1, in the same halves; 0: none
# bits of STATE; those of a direction are doubled for the other one; bursts from bit 32 on
SWAPPED, SYNS, STARTED, KNOWN, HINTED, DONE = 1, 1 << 1, 1 << 5, 1 << 7, 1 << 9, 1 << 11
BROADCAST, WANTED, TUNNEL, MANY, BURST = 1 << 13, 1 << 14, 1 << 15, 1 << 16, 1 << 32
SETTLED = 20  # shift of the number of the mould that a conversation fits plus 1, twelve bits
# words of a conversation in `cool`: where, MAC addresses, then early and late times plus 1
PRESENT = 1 << 48  # a MAC address is known
# words of a packet in hand: ends and key as in `hot`, then what a batch needs to come back to it
BATCH = 64
HASH, SIDE, ROW_AHEAD, START, AT, CAPTURED, LENGTH, TIME, LINK, BODY, SHAPE = range(5, 16)
HAND = 16
FEW = 4  # values of a group of signatures that are looked at one after the other
# numbers of a head in `marks`; a piece has two, a part has its end in the higher half
FILLED, PIECES, PARTS, FLAGS, BLOCK, PIECE, PART = 0, 1, 2, 2, 3, 4, 12
CLIPPED, TRIED = 1 << 16, 1 << 17  # of FLAGS: above the number of PARTS, in the same word
MOST_PARTS = PENDING
SHORT, LONG, EARLY, LATE = HEAD_OCTETS, MORE_OCTETS, FIRST_TIMES, LAST_TIMES
# of datagrams in a block; its end holds place and length of those after the first few, as halves
WIDE, MOST_DATAGRAMS = DATAGRAM_OCTETS, DATAGRAMS

Format = Literal["Q", "I", "B"]
SIZES = {"Q": 8, "I": 4, "B": 1}
LAYOUT: dict[str, tuple[Format, int]] = {  # store: (format, items of a row)
    "hot": ("Q", 16),
    "cool": ("Q", 4),
    "marks": ("I", 16),  # a line of the cache
    "heads": ("B", HEAD_OCTETS),
    "pool": ("B", MORE_OCTETS),
    "early": ("Q", FIRST_TIMES),
    "late": ("Q", LAST_TIMES),
}
TWINS = {"hot": ("hot", "cool"), "heads": ("heads", "marks")}  # with rows of the same number
ROW, COOL, MARKS = (LAYOUT[name][1] for name in ("hot", "cool", "marks"))
SMALLEST = 1024  # rows by which a store grows at least
HUGE = 4 << 20  # octets from which on a store asks for large pages: far fewer address look-ups


def memory(octets: int, before: memoryview | None = None, *, dense: bool = True) -> memoryview:
    """Return zeroed octets, aligned to a page, that begin with those of `before`, now void.

    The system gives them only as they are touched: what is not used yet takes no memory.
    dense: all of it will be; then large pages are asked for
    """
    if sys.platform == "linux":
        if before and isinstance(before.obj, mmap.mmap):
            ground = before.obj
            before.release()
            ground.resize(octets)  # moves no octet
        else:
            ground = mmap.mmap(-1, octets, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if dense and octets >= HUGE:
            with suppress(OSError):  # a kernel without them
                ground.madvise(mmap.MADV_HUGEPAGE)
        return memoryview(ground)
    fresh = memoryview(bytearray(octets))
    if before:
        fresh[: len(before)] = before
    return fresh


class Stores:
    """The octets behind the arrays; a view must be given up before its store grows."""

    def __init__(self, pool_octets: int) -> None:
        self._octets = {name: memoryview(bytearray()) for name in LAYOUT}
        self.spare: dict[str, list[int]] = {name: [] for name in LAYOUT}
        self._used = dict.fromkeys(LAYOUT, 0)
        self._rings = RINGS
        self.pots = Pots(pool_octets)
        # of each pot: heads that have a block of it, and whose they are
        self._held: list[dict[int, int]] = [{} for _ in range(self.pots.count)]
        self._pot: dict[int, int] = {}  # of those heads
        for name in ("hot", "heads", "pool", "early", "late"):
            self.grow(name)

    def view(self, name: str) -> memoryview:
        """Return a store as numbers of its format."""
        return self._octets[name].cast(LAYOUT[name][0])

    def room(self, name: str) -> int:
        """Return how many rows a store has."""
        kind, items = LAYOUT[name]
        return len(self._octets[name]) // (items * SIZES[kind])

    def grow(self, name: str) -> None:
        """Double a store; what is not touched yet takes no memory."""
        items = LAYOUT[name][1]
        least = 16 if items > HEAD_OCTETS else SMALLEST
        rows = max(least, self.room(name))
        for twin in TWINS.get(name, (name,)):
            kind, items = LAYOUT[twin]
            size = len(self._octets[twin]) + rows * items * SIZES[kind]
            # most heads leave most of their block untouched
            self._octets[twin] = memory(size, self._octets[twin], dense=twin != "pool")

    def take(self, name: str) -> int:
        """Return a row of a store that nobody uses."""
        if self.spare[name]:
            return self.spare[name].pop()
        if self._used[name] == self.room(name):
            self.grow(name)
        self._used[name] += 1
        return self._used[name] - 1

    def take_ring(self) -> int | None:
        """Return a row for last times; None when all are in use."""
        if not self._rings:
            return None
        self._rings -= 1
        return self.take("late")

    def cramped(self, pot: int = 0) -> bool:
        """Tell whether the pool must grow before a pot can give a block."""
        return (
            self.pots.left(pot)
            and not self.spare["pool"]
            and self._used["pool"] == self.room("pool")
        )

    def take_block(self, head: int, row: int, pot: int = 0) -> int | None:
        """Return a block for a head of a conversation; None when all of its pot are in use."""
        if not self.pots.take(pot):
            return None
        self._held[pot][head] = row
        self._pot[head] = pot
        return self.take("pool")

    def give_block(self, head: int, block: int) -> None:
        """Take back the block of one head."""
        pot = self._pot.pop(head)
        self.pots.give(pot)
        del self._held[pot][head]
        self.spare["pool"].append(block)

    def moved(self, gone: list[int]) -> None:
        """Say which conversations were taken out, in order, so that others have new numbers."""
        for held in self._held:
            for head, row in held.items():
                held[head] = row - bisect_left(gone, row)

    def give_ring(self, ring: int) -> None:
        """Take back a row of last times."""
        self._rings += 1
        self.spare["late"].append(ring)

    @property
    def starved(self) -> bool:
        """Tell whether a pot of the pool is dry."""
        return self.pots.starved

    @property
    def blocks(self) -> int:
        """Return how many blocks heads have."""
        return len(self._pot)

    def longer(self) -> list[int]:
        """Return the conversations whose heads have a block, in order."""
        return sorted({row for held in self._held for row in held.values()})

    def young(self) -> list[int]:
        """Return the conversations whose heads have a block that is due, in order."""
        return sorted({row for held in self._due() for row in held.values()})

    def due(self) -> list[int]:
        """Return the heads whose block is to be put back."""
        return [head for held in self._due() for head in held]

    def released(self) -> None:
        """Say that the heads that were due have no block any more."""
        for held in self._due():
            for head in held:
                self.pots.give(self._pot.pop(head))
            held.clear()
        self.pots.filled()

    def _due(self) -> list[dict[int, int]]:
        return [held for pot, held in enumerate(self._held) if self.pots.due(pot)]


class Rows:
    """Reads conversations out of the stores."""

    def __init__(self, stores: Stores, match: Callable[[int, bytes], int]) -> None:
        self._stores = stores
        self._match = match  # (transport, octets) -> prefilter bits
        self._views = {name: stores.view(name) for name in LAYOUT}

    def row(self, number: int) -> Row:
        """Return one conversation."""
        words = self._views["hot"][number * ROW : (number + 1) * ROW].tolist()
        cool = self._views["cool"][number * COOL : (number + 1) * COOL].tolist()
        key, state = words[KEY], words[STATE]
        transport = key >> TRANSPORT & 0xFF
        lower = _address(words[0], words[1], key), key >> LOWER_PORT
        higher = _address(words[2], words[3], key), key >> HIGHER_PORT & 0xFFFF
        (a, a_port), (b, b_port) = (higher, lower) if state & SWAPPED else (lower, higher)
        heads = words[HEADS]
        head_ab, pieces_ab = self._head((heads & 0xFFFFFFFF) - 1, transport)
        head_ba, pieces_ba = self._head((heads >> 32) - 1, transport)
        first_ns = _signed(words[FIRST])
        return Row(
            transport=transport,
            a=a,
            a_port=a_port,
            b=b,
            b_port=b_port,
            vlan=(key >> VLAN & 0x1FFF) - 1 if key >> VLAN & 0x1FFF else None,
            tunnel=NAMES[key & 0xFF],
            packets_ab=words[PACKETS],
            packets_ba=words[PACKETS + 1],
            octets_ab=words[OCTETS],
            octets_ba=words[OCTETS + 1],
            payload_ab=words[PAYLOAD],
            payload_ba=words[PAYLOAD + 1],
            first_ns=first_ns,
            last_ns=_signed(words[LAST]),
            syn=state // SYNS & 15,
            started_ab=bool(state & STARTED),
            started_ba=bool(state & STARTED << 1),
            head_ab=head_ab,
            head_ba=head_ba,
            pieces_ab=pieces_ab,
            pieces_ba=pieces_ba,
            bursts=state >> 32,
            times=self._times(state >> 32, cool[3], first_ns),
            a_mac=_mac(cool[1]),
            b_mac=_mac(cool[2]),
            broadcast=bool(state & BROADCAST),
            candidates=self._match(transport, head_ab) | self._match(transport, head_ba),
            where=_signed(cool[0]),
        )

    def young(self) -> list[int]:
        """Return the conversations that would lose a block of the pool, in the table's order."""
        return self._stores.young()

    def coldest(self, rows: int, count: int) -> list[int]:
        """Return the conversations whose last packet is the longest ago, in the table's order."""
        last = self._views["hot"].cast("B").cast("q")[LAST : rows * ROW : ROW].tolist()
        return sorted(sorted(range(rows), key=last.__getitem__)[:count])

    def drop(self, rows: int, gone: list[int]) -> None:
        """Take conversations out and move the others together."""
        if not gone:
            return
        spare = self._stores.spare
        hot, cool = self._views["hot"], self._views["cool"]
        to = gone[0]
        for number, after in zip(gone, [*gone[1:], rows], strict=True):
            heads, times = hot[number * ROW + HEADS], cool[number * COOL + 3]
            for head in (heads & 0xFFFFFFFF, heads >> 32):
                if head:
                    self._forget(head - 1)
            if times & 0xFFFFFFFF:
                spare["early"].append((times & 0xFFFFFFFF) - 1)
            if times >> 32:
                self._stores.give_ring((times >> 32) - 1)
            moved = after - number - 1
            hot[to * ROW : (to + moved) * ROW] = hot[(number + 1) * ROW : after * ROW]
            cool[to * COOL : (to + moved) * COOL] = cool[(number + 1) * COOL : after * COOL]
            to += moved
        self._stores.moved(gone)
        hot[to * ROW : rows * ROW] = memoryview(bytes((rows - to) * ROW * 8)).cast("Q")
        cool[to * COOL : rows * COOL] = memoryview(bytes((rows - to) * COOL * 8)).cast("Q")

    def _forget(self, head: int) -> None:
        marks = self._views["marks"]
        if marks[head * MARKS + BLOCK]:
            self._stores.give_block(head, marks[head * MARKS + BLOCK] - 1)
        marks[head * MARKS : (head + 1) * MARKS] = memoryview(bytes(4 * MARKS)).cast("I")
        self._stores.spare["heads"].append(head)

    def _head(self, head: int, transport: int) -> tuple[bytes, tuple[tuple[int, int], ...]]:
        if head < 0:
            return b"", ()
        marks = self._views["marks"][head * MARKS : (head + 1) * MARKS].tolist()
        start, view = head * HEAD_OCTETS, self._views["heads"]
        if marks[BLOCK]:
            start, view = (marks[BLOCK] - 1) * MORE_OCTETS, self._views["pool"]
        octets = bytes(view[start : start + marks[FILLED]])
        pairs = marks[PIECE : PIECE + 2 * min(marks[PIECES], MOST_PIECES)]
        if marks[PIECES] > MOST_PIECES:
            end = start + MORE_OCTETS
            later = view[end - 4 * (marks[PIECES] - MOST_PIECES) : end].tolist()
            pairs += [low | high << 8 for low, high in zip(later[::2], later[1::2], strict=True)]
        pieces = list(zip(pairs[::2], pairs[1::2], strict=True))
        pieces[MOST_PIECES:] = reversed(pieces[MOST_PIECES:])
        read = stream_pieces if transport == TCP else datagram_pieces
        return octets, read(pieces, marks[FILLED])

    def _times(self, bursts: int, places: int, first_ns: int) -> tuple[int, ...]:
        if not places:
            return (first_ns,)
        start = ((places & 0xFFFFFFFF) - 1) * FIRST_TIMES
        early = self._views["early"][start : start + min(bursts, FIRST_TIMES)].tolist()
        if not places >> 32:
            return tuple(map(_signed, early))
        start = ((places >> 32) - 1) * LAST_TIMES
        late = self._views["late"][start : start + LAST_TIMES].tolist()
        count = bursts - FIRST_TIMES
        if count <= LAST_TIMES:
            late = late[:count]
        else:
            late = late[count % LAST_TIMES :] + late[: count % LAST_TIMES]
        return tuple(map(_signed, early + late))


def halves(address: bytes) -> tuple[int, int]:
    """Return an address as two words; that of IPv4 stands in the second one."""
    return divmod(int.from_bytes(address, "big"), 1 << 64)


def mac(octets: bytes) -> int:
    """Return a MAC address as a word, 0 when there is none."""
    return PRESENT | int.from_bytes(octets, "big") if octets else 0


def _address(high: int, low: int, key: int) -> bytes:
    if key & IPV6:
        return (high << 64 | low).to_bytes(16, "big")
    return low.to_bytes(4, "big")


def _mac(word: int) -> bytes:
    return (word & PRESENT - 1).to_bytes(6, "big") if word & PRESENT else b""


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
