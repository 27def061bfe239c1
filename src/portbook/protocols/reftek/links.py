"""The receiving end of PBL1 links, as a state machine: frames and the time in, frames out.

Acknowledged means safe: a receiver acknowledges what its caller has told to be `safe`. What it
forgets in a restart was never acknowledged, so the sender still has it. Pure; what a peer can make
grow ends at 64 packets a link, and at MOST_LINKS and MOST_HELD over all links.
Source: portbook's docs on REF TEK, PBL1.

    links = Links(lambda unit, token: known.get((unit, token), 0))
    for one in links.take(datagram, peer, now_ns): ...    # write one.payload; sync; and then
    links.safe(unit, token, next_sequence)
    for datagram, peer in links.replies(now_ns): ...      # send them
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from portbook.protocols.reftek import pbl1
from portbook.protocols.reftek.link_sender import LinkSender, State
from portbook.protocols.reftek.pbl1 import MODULUS, WINDOW, Ack, Frame, Kind

__all__ = ["Delivery", "LinkReceiver", "LinkSender", "Links", "State"]

OFTEN = 8  # an ACK after so many packets
SOON_NS = 100_000_000  # or after so long
MOST_LINKS, MOST_HELD = 4096, 16_384  # 16 MiB of packets before their turn, over all links


class LinkReceiver:
    """The receiving end of one (unit, token).

    expected: the first link sequence that is not safely here; dropped: packets that were refused
    because they were too far ahead, or the receiver was full
    """

    def __init__(self, unit: int, token: int, expected: int = 0) -> None:
        self.unit = unit
        self.token = token
        self.expected = expected % MODULUS
        self.acknowledged = self.expected
        self.heard_ns = 0
        self.ended = False
        self.dropped = 0
        self.repeated = 0
        self._full = False
        self._held: dict[int, bytes] = {}
        self._owed = 0
        self._owed_ns = 0
        self._offer = False
        self._pings: list[int] = []

    @property
    def held(self) -> int:
        """Return how many packets are kept that came before their turn."""
        return len(self._held)

    @property
    def settled(self) -> bool:
        """Tell whether nothing is held, everything delivered is safe, and no reply is owed."""
        idle = not self._owed and not self._offer and not self._pings
        return idle and not self._held and self.expected == self.acknowledged

    @property
    def full(self) -> bool:
        """Tell whether packets are refused; set it when there is no room, and unset it later."""
        return self._full

    @full.setter
    def full(self, value: bool) -> None:
        if self._full and not value:
            self._owe(OFTEN, 0)
        self._full = value

    def take(self, frame: Frame, now_ns: int, hold: bool = True) -> list[tuple[int, bytes]]:
        """Take a frame of this link; return link sequence and packet of what is next, in order.

        hold: keep a packet that comes before its turn
        """
        if (frame.unit, frame.token) != (self.unit, self.token):
            return []
        self.heard_ns = now_ns
        kind = frame.kind
        if kind is Kind.DATA:
            self.ended = False
            return self._data(frame.sequence, frame.payload, now_ns, hold)
        if kind is Kind.DISCOVER:
            self._offer = True
        elif kind is Kind.PING and len(self._pings) < OFTEN:
            self._pings.append(frame.sequence)
        elif kind is Kind.BYE:
            self.ended = True
            self._held.clear()
        return []

    def safe(self, next_sequence: int) -> None:
        """Tell that everything delivered below a link sequence survives whatever happens now."""
        ahead = (next_sequence - self.acknowledged) % MODULUS
        if 0 < ahead <= (self.expected - self.acknowledged) % MODULUS:
            self.acknowledged = next_sequence % MODULUS
            self._owe(OFTEN, 0)

    def back(self, sequence: int) -> None:
        """Tell that what was delivered from a link sequence on could not be kept after all."""
        if (sequence - self.acknowledged) % MODULUS < (self.expected - self.acknowledged) % MODULUS:
            self.expected = sequence % MODULUS

    def reply(self, now_ns: int) -> bytes | None:
        """Return the next datagram to send, or None; call it until it returns None."""
        if self._offer:
            self._offer = False
            return self._frame(Kind.OFFER, 0, (0 if self._full else WINDOW).to_bytes(4))
        if self._pings:
            return self._frame(Kind.PONG, self._pings.pop(0), pbl1.told(self._ack()))
        if self._owed >= OFTEN or (self._owed and now_ns >= self._owed_ns + SOON_NS):
            self._owed = 0
            return self._frame(Kind.ACK, self.expected, pbl1.told(self._ack()))
        return None

    def next_deadline(self) -> int | None:
        """Return when the next reply is due, Unix nanoseconds; 0: now; None: nothing is owed."""
        if self._offer or self._pings or self._owed >= OFTEN:
            return 0
        return self._owed_ns + SOON_NS if self._owed else None

    def _data(
        self, sequence: int, payload: bytes, now_ns: int, hold: bool
    ) -> list[tuple[int, bytes]]:
        ahead = (sequence - self.expected) % MODULUS
        # Counted from what is safe: no sender can be further ahead of the disk than its window.
        beyond = (sequence - self.acknowledged) % MODULUS > WINDOW
        if not ahead and not beyond and not self._full:
            self._owe(1, now_ns)
            return self._next(sequence, payload)
        self._owe(OFTEN, now_ns)  # the sender has to know at once where we are
        if ahead >= MODULUS // 2 or sequence in self._held:
            self.repeated += 1
        elif beyond or not ahead or not hold:
            self.dropped += 1
        else:
            self._held[sequence] = payload
        return []

    def _next(self, sequence: int, payload: bytes) -> list[tuple[int, bytes]]:
        found = [(sequence, payload)]
        at = (sequence + 1) % MODULUS
        while (held := self._held.pop(at, None)) is not None:
            found.append((at, held))
            at = (at + 1) % MODULUS
        self.expected = at
        return found

    def _owe(self, packets: int, now_ns: int) -> None:
        if not self._owed:
            self._owed_ns = now_ns
        self._owed += packets

    def _ack(self) -> Ack:
        """Return where this end stands: acknowledged is what is safe, the rest has only come."""
        came = (self.expected - self.acknowledged) % MODULUS
        bitmap = (1 << came - 1) - 1 if came else 0
        for sequence in self._held:
            bitmap |= 1 << (sequence - self.acknowledged - 1) % MODULUS
        return Ack(self.acknowledged, bitmap, 0 if self._full else WINDOW)

    def _frame(self, kind: Kind, sequence: int, payload: bytes) -> bytes:
        return pbl1.write(Frame(kind, 0, self.unit, self.token, sequence, payload))


class Delivery(NamedTuple):
    """A packet that came over a link in its turn."""

    unit: int
    token: int
    sequence: int
    payload: bytes


class Links:
    """All links of a receiver.

    expected: tells the first link sequence of a (unit, token) that is not safely here, 0 when
    nothing is known of it; it is asked whenever a link begins or has been forgotten meanwhile.
    strange: datagrams that are no frames for a receiver; refused: frames of links for which there
    was no room; peer: where replies go, such as address and port: whence a link spoke last
    """

    def __init__(
        self,
        expected: Callable[[int, int], int],
        *,
        most: int = MOST_LINKS,
        most_held: int = MOST_HELD,
    ) -> None:
        self.strange = 0
        self.refused = 0
        self._expected = expected
        self._most = most
        self._most_held = most_held
        self._held = 0
        self._full = False
        self._links: dict[tuple[int, int], LinkReceiver] = {}  # longest silent first
        self._peers: dict[tuple[int, int], Hashable] = {}
        self._owing: dict[tuple[int, int], None] = {}

    def __len__(self) -> int:
        return len(self._links)

    def take(self, datagram: bytes, peer: Hashable, now_ns: int) -> list[Delivery]:
        """Take a datagram; return the packets whose turn has come with it."""
        frame = pbl1.read(datagram)
        if frame is None or frame.kind in (Kind.OFFER, Kind.ACK, Kind.PONG):
            self.strange += 1
            return []
        key = frame.unit, frame.token
        link = self._link(key)
        if link is None:
            self.refused += 1
            return []
        self._peers[key] = peer
        self._owing[key] = None
        before = link.held
        taken = link.take(frame, now_ns, hold=self._held < self._most_held)
        self._held += link.held - before
        return [Delivery(*key, *one) for one in taken]

    def safe(self, unit: int, token: int, next_sequence: int) -> None:
        """Tell that all of a link below that sequence survives whatever happens now."""
        link = self._links.get((unit, token))
        if link:
            link.safe(next_sequence)
            self._owing[unit, token] = None

    def back(self, unit: int, token: int, sequence: int) -> None:
        """Tell that what a link delivered from that sequence on could not be kept after all."""
        link = self._links.get((unit, token))
        if link:
            link.back(sequence)

    def full(self, value: bool) -> None:
        """Say that there is no room for packets, or that there is again."""
        if value != self._full:
            self._full = value
            for key, link in self._links.items():
                link.full = value
                self._owing[key] = None

    def replies(self, now_ns: int) -> list[tuple[bytes, Hashable]]:
        """Return the datagrams that are due, and for whom."""
        found: list[tuple[bytes, Hashable]] = []
        for key in list(self._owing):
            link = self._links[key]
            while octets := link.reply(now_ns):
                found.append((octets, self._peers[key]))
            if link.next_deadline() is None:
                del self._owing[key]
        return found

    def next_deadline(self) -> int | None:
        """Return when the next reply is due, Unix nanoseconds; 0: now; None: none is owed."""
        dues = [due for key in self._owing if (due := self._links[key].next_deadline()) is not None]
        return min(dues, default=None)

    def _link(self, key: tuple[int, int]) -> LinkReceiver | None:
        link = self._links.pop(key, None)
        if link is None:
            if len(self._links) >= self._most and not self._forget():
                return None
            link = LinkReceiver(*key, self._expected(*key))
            link.full = self._full
        self._links[key] = link
        return link

    def _forget(self) -> bool:
        """Make room: the longest silent link of which everything delivered is safe goes."""
        for key, link in self._links.items():
            if link.expected == link.acknowledged:
                self._held -= link.held
                del self._links[key], self._peers[key]
                self._owing.pop(key, None)
                return True
        return False
