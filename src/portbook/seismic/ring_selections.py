"""What a wish selects of the ring, for all clients that have it: see `seismic.ring`.

Whether a packet is wanted goes by its type, unit and stream alone; so it is asked once for each
such key, and a packet costs a look in a table and a step for each different wish that wants it.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Callable, Sequence

from portbook.protocols.reftek.client import EVERY, MASK, SPEC, Wish
from portbook.protocols.reftek.layouts import SIZE

HEAD = b"\0\0\0\0\4\0"  # version 1: type 0, length 1024
MESSAGE = len(HEAD) + SIZE
EXTENDED = struct.Struct(">HII")  # version 2: type 13, length 1024, packet's bit of the mask
EXTENDED_MESSAGE = EXTENDED.size + SIZE
_EXTENDED_TYPE = 13
_KEY = struct.Struct(">H2xH12xB")  # type, unit, stream
_MOST_KEYS = 1 << 16

_Key = tuple[int, int, int]
_Add = Callable[[int], None]


class Overrun(Exception):  # noqa: N818 - not a fault: it says what became of a client
    """The ring went over a client: packets that it wanted are gone.

    packets: how many; rest: what is left of the message it was sent a part of
    """

    def __init__(self, packets: int, rest: bytes = b"") -> None:
        super().__init__(f"{packets} packets were overwritten before they were sent")
        self.packets = packets
        self.rest = rest


class Store:
    """The messages of a ring: one block, and where it begins and ends."""

    def __init__(self, slots: int, first: int) -> None:
        self.slots = slots
        self.head = self.tail = first
        self.view = memoryview(bytearray(HEAD + bytes(SIZE)) * slots)

    def packet(self, sequence: int) -> memoryview:
        """Return the octets of a packet that is held."""
        at = sequence % self.slots * MESSAGE
        return self.view[at + len(HEAD) : at + MESSAGE]


class Selection:
    """The places of all packets that a wish wants, from the sequence `since` on.

    A place is an index that goes on for ever; places: the index at which each cursor stands
    """

    def __init__(self, wish: Wish, version: int, since: int) -> None:
        self.wish, self.version, self.since = wish, version, since
        self.size = MESSAGE if version == 1 else EXTENDED_MESSAGE
        self.places: dict[object, int] = {}
        self._sequences: list[int] = []
        self._base = 0  # index of the first of them
        self._cached = b""
        self._cached_at = 0
        self._heads: dict[bytes, bytes] = {}
        self.add: _Add = self._sequences.append

    @property
    def end(self) -> int:
        """Return the index of what comes next."""
        return self._base + len(self._sequences)

    @property
    def remembered(self) -> int:
        """Return how many places it keeps."""
        return len(self._sequences)

    def index(self, sequence: int) -> int:
        """Return the index of the first packet from a sequence on."""
        return self._base + bisect_left(self._sequences, sequence)

    def sequence(self, index: int) -> int:
        """Return the sequence of a packet that waits."""
        return self._sequences[max(index - self._base, 0)]

    def lost(self, index: int, tail: int) -> int:
        """Return how many packets from an index on the ring holds no more."""
        at = index - self._base
        sequences = self._sequences
        if at >= 0 and (at >= len(sequences) or sequences[at] >= tail):
            return 0
        return bisect_left(sequences, tail) - at

    def extend(self, store: Store, since: int) -> None:
        """Look for what is wanted further back."""
        since = max(since, store.tail)
        found = [
            sequence
            for sequence in range(since, self.since)
            if self.wish.wants(bytes(store.packet(sequence)[:19]))
        ]
        self._sequences[:0] = found
        self._base -= len(found)
        self.since = min(since, self.since)

    def trim(self, tail: int) -> None:
        """Forget what every cursor is past, and what the ring holds no more."""
        lowest = min(self.places.values(), default=self.end)
        gone = max(lowest - self._base, bisect_left(self._sequences, tail))
        if gone > 0:
            self.since = self._sequences[gone - 1] + 1
            del self._sequences[:gone]
            self._base += gone
        self._cached = b""

    def chunk(self, store: Store, index: int, offset: int, most: int) -> memoryview | bytes:
        """Return octets from inside the message at an index on."""
        at = index - self._base
        count = min(len(self._sequences) - at, (offset + most + self.size - 1) // self.size)
        if count <= 0:
            return b""
        # Half of what could be sent, and ready, is better than a copy for each client.
        if self._cached_at != index or 2 * len(self._cached) < count * self.size:
            run = self._run(store, at, count)
            if run is not None:
                return run[offset : offset + most]
            octets = b"".join(self._parts(store, self._sequences[at : at + count]))
            if len(self.places) == 1:
                return memoryview(octets)[offset : offset + most]
            self._cached, self._cached_at = octets, index
        return memoryview(self._cached)[offset : offset + most]

    def message(self, store: Store, index: int) -> bytes:
        """Return the message at an index."""
        return b"".join(self._parts(store, [self.sequence(index)]))

    def _run(self, store: Store, at: int, count: int) -> memoryview | None:
        """Return packets that stand one behind the other, without a copy, to the ring's end."""
        first = self._sequences[at]
        if self.version != 1 or self._sequences[at + count - 1] - first != count - 1:
            return None
        slot = first % store.slots
        return store.view[slot * MESSAGE : (slot + count) * MESSAGE]

    def _parts(self, store: Store, sequences: Sequence[int]) -> list[bytes | memoryview]:
        view, slots = store.view, store.slots
        begins = [sequence % slots * MESSAGE for sequence in sequences]
        if self.version == 1:
            return [view[begin : begin + MESSAGE] for begin in begins]
        parts: list[bytes | memoryview] = []
        for begin in begins:
            packet = view[begin + len(HEAD) : begin + MESSAGE]
            kind = bytes(packet[:2])
            parts += (self._heads.get(kind) or self._head(kind), packet)
        return parts

    def _head(self, kind: bytes) -> bytes:
        bits = (bit for bit in MASK if Wish(0, bit).wants(kind.ljust(19, b"\0")))
        head = EXTENDED.pack(_EXTENDED_TYPE, SIZE, next(bits, 0))
        if len(self._heads) < 256:
            self._heads[kind] = head
        return head


class Table:
    """All selections of a ring, and which of them want a packet."""

    def __init__(self) -> None:
        self.selections: dict[tuple[Wish, int], Selection] = {}
        self._adds: dict[_Key, tuple[_Add, ...]] = {}
        self._of_unit: dict[int, list[Selection]] = {}  # 0: those that may want any unit's

    @property
    def keys(self) -> int:
        """Return how many kinds of packets it knows."""
        return len(self._adds)

    def selection(self, wish: Wish, version: int, head: int) -> Selection:
        """Return the selection of a wish, made when nobody had it."""
        if wish.unit == 0 or wish.everything:
            wish = wish._replace(unit=0, streams=0)  # no stream is looked at then
        found = self.selections.get((wish, version))
        if found is None:
            found = self.selections[wish, version] = Selection(wish, version, head)
            self._of_unit.setdefault(self._room(wish), []).append(found)
            for key, adds in self._adds.items():
                if wish.wants(_KEY.pack(*key)):
                    self._adds[key] = (*adds, found.add)
        return found

    def drop(self, selection: Selection) -> None:
        """Let go of a selection that nobody reads any more."""
        wish = selection.wish
        if self.selections.pop((wish, selection.version), None) is None:
            return
        self._of_unit[self._room(wish)].remove(selection)
        for key, adds in self._adds.items():
            if selection.add in adds:
                self._adds[key] = tuple(add for add in adds if add != selection.add)

    def note(self, packets: Sequence[bytes], sequence: int) -> None:
        """Note new packets, the first with this sequence, in the selections that want them."""
        adds_of, key_of = self._adds.get, _KEY.unpack_from
        for octets in packets:
            adds = adds_of(key_of(octets))
            if adds is None:
                adds = self._asked(octets)
            for add in adds:
                add(sequence)
            sequence += 1

    def trim(self, tail: int) -> None:
        """Forget what nobody needs any more."""
        for selection in self.selections.values():
            selection.trim(tail)

    @staticmethod
    def _room(wish: Wish) -> int:
        """Return the only unit whose packets a wish can want, 0 when there is none such."""
        return 0 if wish.packets & SPEC or wish.packets & EVERY == EVERY else wish.unit

    def _asked(self, octets: bytes) -> tuple[_Add, ...]:
        key: _Key = _KEY.unpack_from(octets)
        if len(self._adds) >= _MOST_KEYS:
            self._adds.clear()
        asked = [*self._of_unit.get(0, ()), *(self._of_unit.get(key[1], ()) if key[1] else ())]
        adds = self._adds[key] = tuple(one.add for one in asked if one.wish.wants(octets))
        return adds
