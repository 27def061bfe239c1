"""The first octets of each direction, placed where they belong.

A TCP stream is placed by sequence number: what came first stays, what comes again is not counted
again, gaps wait for what fills them. Datagrams are joined. All is bounded, and simple enough for
the compiled reader to do the same in flat arrays. Source: RFC 9293 (sequence numbers, 3.8.4
keep-alives).
"""

from __future__ import annotations

from portbook.evidence.fragments import joined
from portbook.evidence.pots import Pots
from portbook.evidence.table import DATAGRAM_OCTETS, DATAGRAMS, HEAD_OCTETS, MORE_OCTETS, PIECES

PENDING = 4  # parts of a stream that may wait behind a gap
FAR = 65535  # further than this from the SYN the first octets cannot be
PAST = 1 << 24  # after 16 MiB of stream nothing comes back to its start
TURN = 1 << 32


class Sums:
    """What every packet of a direction touches, side by side in memory."""

    __slots__ = ("octets", "of", "packets", "payload", "quick")


class Head(Sums):
    """One direction's first octets."""

    __slots__ = (
        "base",
        "capacity",
        "clipped",
        "data",
        "done",
        "filled",
        "hint",
        "parts",
        "pieces",
        "started",
        "tried",
    )

    def __init__(self, started: bool) -> None:
        self.done = False  # nothing more will be kept
        self.started = started
        self.base: int | None = None  # sequence number of the stream's first octet
        self.hint: int | None = None  # the other side's acknowledgement, while there is no base
        self.data = bytearray()
        self.filled = 0  # octets of data without a gap
        self.capacity = HEAD_OCTETS
        self.clipped = False  # octets were lost for lack of capacity
        self.tried = False  # to get more from the pool
        self.parts: list[tuple[int, int]] = []  # of data behind a gap
        self.pieces: list[tuple[int, int]] = []  # (place in the stream, true length), in order

    def syn(self, other: Head, first: int, answer: bool) -> None:
        """Take a SYN; `first`: the sequence number behind it; `answer`: it has an ACK too."""
        if self.base == first:
            self.started = True
        elif not answer and (self.pieces or other.pieces):
            self.done = other.done = True  # a new stream between the same ports
        elif self.pieces:
            self.done = True
        else:
            self.base, self.started = first, True

    def locate(self, seq: int, length: int) -> int | None:
        """Return where a payload lies in the stream, negative before its start; None: nowhere."""
        if self.base is None:
            if length == 1 and self.hint == (seq + 1) % TURN:
                return None  # a keep-alive: one octet, acknowledged before it was sent
            self.base = seq
        place = (seq - self.base) % TURN
        if place >= TURN >> 1:
            place -= TURN
        if not self.pieces and length > 1 and not 0 <= place <= FAR:
            # the SYN was of another stream, or its sender did not count it
            self.started = self.started and place == -1
            self.base, place = seq, 0
        if place >= PAST:
            self.done = True
            return None
        return place if place + length > 0 else None

    def note(self, start: int, end: int) -> None:
        """Note a payload of the stream among the first pieces, without what was there before."""
        if not self.pieces or sum(self.pieces[-1]) <= start:  # behind all, as most are
            if len(self.pieces) < PIECES:
                self.pieces.append((start, end - start))
            return
        for low, length in self.pieces:
            if low <= start:
                start = max(start, low + length)
            else:
                end = min(end, low)
                break
        if start < end:
            self.pieces = sorted([*self.pieces, (start, end - start)])[:PIECES]

    def place(self, start: int, octets: bytes) -> None:
        """Put octets of the stream at their place; those already there stay."""
        end = start + len(octets)
        if end > self.capacity:
            self.clipped = True
            end = self.capacity
        here = max(start, self.filled)
        if here >= end:
            return
        if start == self.filled == len(self.data):  # at the end of what is there, as most are
            self.data += octets[: end - start]
            self.filled = end
            return
        parts = joined(self.parts, here, end)
        if len(parts) > PENDING:
            return
        self.data += bytes(max(0, end - len(self.data)))
        for low, high in self.parts:
            if here < min(low, end):
                self.data[here : min(low, end)] = octets[here - start : min(low, end) - start]
            if high > here and low < end:
                here = max(here, high)
        if here < end:
            self.data[here:end] = octets[here - start : end - start]
        if parts[0][0] == self.filled:
            self.filled = parts.pop(0)[1]
        self.parts = parts

    def append(self, octets: bytes, length: int, many: bool = False) -> None:
        """Join a datagram; many: its protocol tells more in those that come later."""
        if len(self.pieces) >= PIECES and self.capacity == HEAD_OCTETS:
            self.done = True  # there was no block, or it was given back
            return
        kept = min(len(octets), min(self.capacity, DATAGRAM_OCTETS) - self.filled)
        self.clipped = self.clipped or kept < len(octets)
        self.data += octets[:kept]
        self.pieces.append((self.filled, length))
        self.filled += kept
        self.done = len(self.pieces) >= (DATAGRAMS if many and self.may_grow else PIECES)

    def settle(self, wanted: bool) -> None:
        """Find out whether a stream's head is complete; wanted: a longer one is worth it."""
        if len(self.pieces) < PIECES:
            return
        if self.filled < (MORE_OCTETS if wanted and self.may_grow else HEAD_OCTETS):
            return
        here = 0
        for start, length in self.pieces:
            if start != here:
                return
            here += length
        self.done = True

    @property
    def may_grow(self) -> bool:
        """Tell whether it has room for more, or can still get it."""
        return self.capacity == MORE_OCTETS or not (self.tried or self.clipped)

    def extend(self, pots: Pots, pot: int) -> None:
        """Try once to get room for more: only when it is needed, most heads stay short."""
        if not self.tried:
            self.tried = True
            if not self.clipped and pots.take(pot):
                self.capacity = MORE_OCTETS

    def shorten(self) -> int:
        """Keep only the first octets; return the blocks that this frees."""
        if self.capacity == HEAD_OCTETS:
            return 0
        self.capacity = HEAD_OCTETS
        self.clipped = True
        self.filled = min(self.filled, HEAD_OCTETS)
        if len(self.pieces) > PIECES:
            self.filled = min(self.filled, self.pieces[PIECES][0])
            del self.pieces[PIECES:]
        del self.data[HEAD_OCTETS:]
        self.parts = [
            (low, min(high, HEAD_OCTETS)) for low, high in self.parts if low < HEAD_OCTETS
        ]
        return 1

    def stream_pieces(self) -> tuple[tuple[int, int], ...]:
        """Return the pieces of a stream up to the first gap."""
        return stream_pieces(self.pieces, self.filled)

    def datagram_pieces(self) -> tuple[tuple[int, int], ...]:
        """Return the pieces of joined datagrams."""
        return datagram_pieces(self.pieces, self.filled)


def stream_pieces(pieces: list[tuple[int, int]], filled: int) -> tuple[tuple[int, int], ...]:
    """Turn (place, true length) of a stream into (true length, octets kept)."""
    found, here = [], 0
    for start, length in pieces:
        if start != here:
            break
        here += length
        found.append((length, max(0, min(filled, here) - start)))
    return tuple(found)


def datagram_pieces(pieces: list[tuple[int, int]], filled: int) -> tuple[tuple[int, int], ...]:
    """Turn (place in the head, true length) of datagrams into (true length, octets kept)."""
    starts = [min(start, filled) for start, _ in pieces] + [filled]
    return tuple(
        (length, starts[number + 1] - starts[number]) for number, (_, length) in enumerate(pieces)
    )
