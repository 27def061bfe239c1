"""The last packets, as messages ready to send, and a cursor for every client that reads them.

The ring is one block of version 1 messages (`00 00 00 00 04 00`, packet: 1030 octets). Who wants
everything is given slices of it, without a copy. Clients of the same wish and version share a
selection: the places of the packets that it wants, found once a packet, gathered once for all who
stand at the same place. Pure; memory: slots * 1030 octets, and for each selection at most slots
places. Source: the RTP client protocol, versions 1 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from portbook.protocols.reftek.client import Wish
from portbook.protocols.reftek.layouts import SIZE
from portbook.seismic.ring_selections import HEAD, MESSAGE, Overrun, Selection, Store, Table

__all__ = ["Cursor", "Overrun", "Ring"]

CHUNK = 256 << 10
_TRIM_EVERY = 4096  # packets


class Ring(Store):
    """The last `slots` packets; the first one that comes has the sequence `first`.

    Packets are of known types: who wants all of those is sent all that there is.
    head: sequence of the next packet; tail: of the oldest that is held
    """

    def __init__(self, slots: int, first: int = 0) -> None:
        if slots < 1 or first < 0:
            raise ValueError(f"a ring has a slot or more and begins at 0 or later, not {slots}")
        super().__init__(slots, first)
        self.table = Table()
        self._first = first
        self._untrimmed = 0

    def append(self, packets: Sequence[bytes]) -> None:
        """Take packets of 1024 octets, in order; what is older than `slots` goes.

        Raises ValueError, and takes none, when one has another size.
        """
        if packets and set(map(len, packets)) != {SIZE}:
            raise ValueError(f"a packet of another size than {SIZE} octets: none was taken")
        for at in range(0, len(packets), self.slots):
            part = packets[at : at + self.slots] if len(packets) > self.slots else packets
            self._put(part)
            if self.table.selections:
                self.table.note(part, self.head)
            self.head += len(part)
            self.tail = max(self._first, self.head - self.slots)
        self._untrimmed += len(packets)
        if self._untrimmed >= _TRIM_EVERY:
            self._untrimmed = 0
            self.table.trim(self.tail)

    def cursor(self, wish: Wish, version: int = 1, at: int | None = None) -> Cursor:
        """Return a cursor for what a client wants, at the head unless told where.

        at: sequence; before the tail its first chunk is an overrun, behind the head it is the head
        """
        begin = self.head if at is None else min(at, self.head)
        if version == 1 and wish.everything:
            return _Straight(self, begin)
        return _Selected(self, self.table.selection(wish, version, self.head), begin)

    def _put(self, part: Sequence[bytes]) -> None:
        """Copy packets behind their heads; as one joined block they would take thrice as long."""
        view, slot = self.view, self.head % self.slots
        at = slot * MESSAGE + len(HEAD)
        end = self.slots * MESSAGE
        for octets in part:
            if at > end:
                at -= end
            view[at : at + SIZE] = octets
            at += MESSAGE


class Cursor:
    """Where a client stands.

    rest: octets that are left of the message it was sent a part of. They are a copy: also after
    an overrun the message can be finished, so that BUSY or BREAK may follow it
    """

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""

    @property
    def waiting(self) -> bool:
        """Tell whether there is something to send."""
        raise NotImplementedError

    @property
    def position(self) -> int:
        """Return the sequence up to which everything that it wants was sent whole."""
        raise NotImplementedError

    @property
    def lag(self) -> int:
        """Return how many packets wait to be sent."""
        raise NotImplementedError

    def chunk(self, most: int = CHUNK) -> memoryview | bytes:
        """Return the next octets, empty when there are none; good until the ring's next append.

        Raises Overrun when packets that were wanted are gone.
        """
        raise NotImplementedError

    def sent(self, octets: int) -> None:
        """Go on by so many octets of the last chunk; this may end inside a message."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go."""


class _Straight(Cursor):
    """Of a client that wants everything."""

    __slots__ = ("_at", "_offset", "_ring")

    def __init__(self, ring: Ring, at: int) -> None:
        super().__init__()
        self._ring, self._at, self._offset = ring, at, 0

    @property
    def waiting(self) -> bool:
        return self._at < self._ring.head

    @property
    def position(self) -> int:
        return self._at

    @property
    def lag(self) -> int:
        return self._ring.head - self._at

    def chunk(self, most: int = CHUNK) -> memoryview | bytes:
        ring, at = self._ring, self._at
        if at < ring.tail:
            raise Overrun(ring.tail - at, self.rest)
        slot = at % ring.slots
        begin = slot * MESSAGE + self._offset
        end = min(slot + ring.head - at, ring.slots) * MESSAGE
        return ring.view[begin : min(end, begin + most)]

    def sent(self, octets: int) -> None:
        whole, self._offset = divmod(self._offset + octets, MESSAGE)
        self._at += whole
        if self._offset:
            end = (self._at % self._ring.slots + 1) * MESSAGE
            self.rest = bytes(self._ring.view[end - MESSAGE + self._offset : end])
        elif self.rest:
            self.rest = b""


class _Selected(Cursor):
    """Of a client that wants some, or messages of version 2."""

    __slots__ = ("_index", "_missed", "_offset", "_ring", "_selection")

    def __init__(self, ring: Ring, selection: Selection, at: int) -> None:
        super().__init__()
        self._ring, self._selection, self._offset = ring, selection, 0
        self._missed = max(ring.tail - at, 0)
        if at < selection.since:
            selection.extend(ring, at)
        self._index = selection.index(at)
        selection.places[self] = self._index

    @property
    def waiting(self) -> bool:
        return self._index < self._selection.end

    @property
    def position(self) -> int:
        waiting = self._index < self._selection.end
        return self._selection.sequence(self._index) if waiting else self._ring.head

    @property
    def lag(self) -> int:
        return self._selection.end - self._index

    def chunk(self, most: int = CHUNK) -> memoryview | bytes:
        selection = self._selection
        lost = self._missed or selection.lost(self._index, self._ring.tail)
        if lost:
            raise Overrun(lost, self.rest)
        return selection.chunk(self._ring, self._index, self._offset, most)

    def sent(self, octets: int) -> None:
        selection = self._selection
        whole, self._offset = divmod(self._offset + octets, selection.size)
        self._index += whole
        selection.places[self] = self._index
        if self._offset:
            self.rest = selection.message(self._ring, self._index)[self._offset :]
        elif self.rest:
            self.rest = b""

    def close(self) -> None:
        self._selection.places.pop(self, None)
        if not self._selection.places:
            self._ring.table.drop(self._selection)
