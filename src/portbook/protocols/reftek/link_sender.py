"""The sending end of a PBL1 link, as a state machine: packets and the time in, frames out.

A packet is kept until the receiver has acknowledged it, which it does when the packet is safe. So
it may be restarted at any time, and so may the network; only a sender that forgets loses. Pure.
Source: portbook's docs on REF TEK, PBL1.

    link = LinkSender(0x9D20, lambda: secrets.randbits(32))
    link.offer(packet)
    for datagram in link.to_send(now_ns): ...       # at once, and at next_deadline()
    link.take(datagram, now_ns)                      # whatever came from the receiver
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from heapq import nlargest

from portbook.errors import UsageError
from portbook.protocols.reftek import pbl1
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.pbl1 import AGAIN, MODULUS, WINDOW, Ack, Frame, Kind

MILLI, NANO = 1_000_000, 1_000_000_000
# Sent again after twice the smoothed round trip, later and later.
GUESS_NS, SHORTEST_NS, LONGEST_NS = 500 * MILLI, 200 * MILLI, 10 * NANO
HOLD_NS = NANO  # what has come but is not safe is sent again when no more is heard of it
OVERTAKEN = 3  # so many packets that were sent later have come: it is lost
LOST_NS, IDLE_NS = 60 * NANO, 30 * NANO
# As recorders do from firmware 3.2.2 on: ask for five minutes, be quiet for two, ask again.
ASK_NS, ASKING_NS, QUIET_NS = 5 * NANO, 300 * NANO, 120 * NANO
MOST_WAITING = 65_536
MOST_PONGS = 8


class State(StrEnum):
    """Where a sender stands: it asks for a receiver, is quiet, has one, or has said goodbye."""

    ASKING = "asking"
    QUIET = "quiet"
    OPEN = "open"
    CLOSED = "closed"


class _Flight:
    """A packet on its way; came: the receiver has told that it has it, though not safely."""

    __slots__ = ("came", "due_ns", "number", "payload", "sent_ns", "tries")

    def __init__(self, payload: bytes, number: int, now_ns: int, due_ns: int) -> None:
        self.payload = payload
        self.number = number  # of its last sending, among all sendings
        self.sent_ns = now_ns
        self.due_ns = due_ns
        self.tries = 0
        self.came = False


class LinkSender:
    """The sending end of one unit's link.

    tokens: gives a random number of 32 bits; one is taken at each start, and another one when the
    receiver turns out to have lost what it acknowledged: then all that is left is sent anew.
    acknowledged: packets let go of, over all tokens; repeated: packets that were sent again;
    strange: datagrams that were not for this link
    """

    def __init__(
        self, unit: int, tokens: Callable[[], int], *, most_waiting: int = MOST_WAITING
    ) -> None:
        self.unit = unit
        self.token = tokens() % MODULUS
        self.state = State.ASKING
        self.acknowledged = 0
        self.repeated = 0
        self.renewed = 0
        self.strange = 0
        self._tokens = tokens
        self._most = most_waiting
        self._waiting: deque[bytes] = deque()
        self._flights: deque[_Flight] = deque()
        self._base = 0  # link sequence of the first flight
        self._sendings = 0
        self._free = WINDOW
        self._smoothed_ns: int | None = None
        self._heard_ns = 0
        self._begun_ns: int | None = None  # this state; None before the first call
        self._ask_ns = 0
        self._pongs: list[int] = []
        self._ping = 0  # number of the last PING
        self._ping_ns = 0  # when the next one may go out
        self._pings = 0  # in a row
        self._doubted: int | None = None  # number of the first PING since an impossible ACK
        self._parting = False

    @property
    def pending(self) -> int:
        """Return how many packets are not acknowledged yet."""
        return len(self._flights) + len(self._waiting)

    @property
    def patience_ns(self) -> int:
        """Return how long an answer is waited for before a packet is sent again."""
        smoothed = GUESS_NS if self._smoothed_ns is None else self._smoothed_ns
        return min(LONGEST_NS, max(SHORTEST_NS, 2 * smoothed))

    def offer(self, payload: bytes) -> bool:
        """Take a packet of 1 to 1024 octets; False when too many wait already, or after `close`."""
        if not 1 <= len(payload) <= SIZE:
            raise UsageError(f"PBL1 carries 1 to {SIZE} octets at a time, got {len(payload)}")
        if self.pending >= self._most or self.state is State.CLOSED:
            return False
        self._waiting.append(bytes(payload))
        return True

    def close(self) -> None:
        """Say goodbye with the next `to_send`; what is not acknowledged stays undelivered."""
        self._parting = self.state is not State.CLOSED
        self.state = State.CLOSED

    def take(self, datagram: bytes, now_ns: int) -> None:
        """Take a datagram that came from the receiver, or from anybody."""
        frame = pbl1.read(datagram)
        if frame is None or (frame.unit, frame.token) != (self.unit, self.token):
            self.strange += 1
            return
        if self.state is State.CLOSED:
            return
        told, window = pbl1.ack(frame), pbl1.offered(frame)
        if told or window is not None:
            self._heard_ns = now_ns
            self._open(now_ns)
        if told:
            self._acknowledge(frame, told, now_ns)
        elif window is not None:
            self._free = min(WINDOW, window)
        elif frame.kind is Kind.BYE:
            self._ask(now_ns)
        elif frame.kind is Kind.PING and len(self._pongs) < MOST_PONGS:
            self._pongs.append(frame.sequence)
        else:
            self.strange += 1

    def to_send(self, now_ns: int) -> list[bytes]:
        """Return the datagrams that are due now."""
        if self.state is State.CLOSED:
            parting, self._parting = self._parting, False
            return [self._frame(Kind.BYE, 0)] if parting else []
        if self._begun_ns is None:
            self._ask(now_ns)
        found = [self._frame(Kind.PONG, number) for number in self._pongs]
        self._pongs.clear()
        if self.state is State.OPEN and now_ns >= self._lost_ns():
            self._ask(now_ns)
        if self.state is State.OPEN:
            return found + self._again(now_ns) + self._fresh(now_ns) + self._pinged(now_ns)
        return found + self._discover(now_ns)

    def next_deadline(self) -> int | None:
        """Return when `to_send` has something, Unix nanoseconds; 0: now; None: never by itself."""
        if self.state is State.CLOSED:
            return 0 if self._parting else None
        if self._pongs or self._begun_ns is None or (self.state is State.OPEN and self._may_send()):
            return 0
        if self.state is not State.OPEN:
            return self._ask_ns
        dues = [flight.due_ns for flight in self._flights]
        pinged_ns = self._ping_ns if self._must_ping() else self._heard_ns + IDLE_NS
        return min(*dues, max(pinged_ns, self._ping_ns), self._lost_ns())

    def _lost_ns(self) -> int:
        return max(self._heard_ns, self._begun_ns or 0) + LOST_NS

    def _ask(self, now_ns: int) -> None:
        self.state = State.ASKING
        self._begun_ns = self._ask_ns = now_ns

    def _discover(self, now_ns: int) -> list[bytes]:
        if now_ns < self._ask_ns:
            return []
        if self.state is State.QUIET:
            self._ask(now_ns)
        if now_ns >= (self._begun_ns or 0) + ASKING_NS:
            self.state = State.QUIET
            self._ask_ns = now_ns + QUIET_NS
            return []
        self._ask_ns = now_ns + ASK_NS
        return [self._frame(Kind.DISCOVER, 0)]

    def _open(self, now_ns: int) -> None:
        if self.state is not State.OPEN:
            self.state = State.OPEN
            self._begun_ns = now_ns
            for flight in self._flights:
                flight.came = False
                flight.due_ns = now_ns

    def _again(self, now_ns: int) -> list[bytes]:
        found = []
        for at, flight in enumerate(self._flights):
            if flight.due_ns <= now_ns:
                flight.tries += 1
                flight.came = False
                self._sendings += 1
                flight.number = self._sendings
                flight.sent_ns = now_ns
                flight.due_ns = now_ns + self._patience(flight.tries)
                self.repeated += 1
                found.append(self._frame(Kind.DATA, self._base + at, flight.payload, AGAIN))
        return found

    def _fresh(self, now_ns: int) -> list[bytes]:
        found = []
        while self._may_send():
            self._sendings += 1
            due_ns = now_ns + self._patience(0)
            flight = _Flight(self._waiting.popleft(), self._sendings, now_ns, due_ns)
            found.append(self._frame(Kind.DATA, self._base + len(self._flights), flight.payload))
            self._flights.append(flight)
        return found

    def _may_send(self) -> bool:
        room = len(self._flights) < self._free and self._doubted is None
        return room and bool(self._waiting)

    def _patience(self, tries: int) -> int:
        return min(LONGEST_NS, self.patience_ns << min(tries, 8))

    def _must_ping(self) -> bool:
        """Tell whether the answer to a PING is all that can help on."""
        full = not self._free and not self._flights and bool(self._waiting)
        return full or self._doubted is not None

    def _pinged(self, now_ns: int) -> list[bytes]:
        if not self._must_ping() and now_ns < self._heard_ns + IDLE_NS:
            self._pings = self._ping_ns = 0
            return []
        if now_ns < self._ping_ns:
            return []
        self._ping_ns = now_ns + self._patience(self._pings)
        self._pings += 1
        self._ping += 1
        return [self._frame(Kind.PING, self._ping)]

    def _acknowledge(self, frame: Frame, told: Ack, now_ns: int) -> None:
        safe = (told.next - self._base) % MODULUS
        if safe > len(self._flights):
            self._doubt(frame)
            return
        self._doubted = None
        self._free = min(WINDOW, told.free)
        for _ in range(safe):
            self._measure(self._flights.popleft(), now_ns)
        self._base = told.next
        self.acknowledged += safe
        in_order = (frame.sequence - told.next) % MODULUS if frame.kind is Kind.ACK else 0
        came = told.bitmap << 1
        if in_order <= len(self._flights):
            came |= (1 << in_order) - 1
        self._mark(came, frame.kind is Kind.ACK, now_ns)

    def _mark(self, came: int, everything: bool, now_ns: int) -> None:
        """Note which flights have come; everything: those that are not named have not."""
        for at, flight in enumerate(self._flights):
            if came >> at & 1:
                self._measure(flight, now_ns)
                flight.came = True
                flight.due_ns = now_ns + max(HOLD_NS, self.patience_ns)
            elif flight.came and everything:
                flight.came = False  # the receiver was restarted, or this ACK is an old one
                flight.due_ns = min(flight.due_ns, now_ns + self.patience_ns)
        self._overtaken()

    def _overtaken(self) -> None:
        """Send early what others overtook: the network works, so there is no need to hold back."""
        sent = nlargest(OVERTAKEN, (flight.number for flight in self._flights if flight.came))
        if len(sent) < OVERTAKEN:
            return
        for flight in self._flights:
            if not flight.came and flight.number < sent[-1]:
                flight.due_ns = min(flight.due_ns, flight.sent_ns + (self._smoothed_ns or 0))

    def _measure(self, flight: _Flight, now_ns: int) -> None:
        """Smooth the round trip; what was sent twice does not tell which one was answered."""
        if flight.came or flight.tries:
            return
        took_ns = max(0, now_ns - flight.sent_ns)
        if self._smoothed_ns is None:
            self._smoothed_ns = took_ns
        else:
            self._smoothed_ns += (took_ns - self._smoothed_ns) // 8

    def _doubt(self, frame: Frame) -> None:
        """Look into an ACK of what was let go of long ago, or was never sent.

        An old ACK may have been overtaken: the receiver is asked, and only its answer to that
        question counts. When it still is elsewhere, it has lost its memory.
        """
        if self._doubted is None:
            self._doubted = self._ping + 1
            self._ping_ns = 0
        elif frame.kind is Kind.PONG and self._doubted <= frame.sequence <= self._ping:
            self._renew()

    def _renew(self) -> None:
        before, self.token = self.token, self._tokens() % MODULUS
        if self.token == before:
            self.token = (before + 1) % MODULUS
        self._waiting.extendleft(flight.payload for flight in reversed(self._flights))
        self._flights.clear()
        self._base = 0
        self._free = WINDOW
        self._doubted = None
        self.renewed += 1

    def _frame(self, kind: Kind, sequence: int, payload: bytes = b"", flags: int = 0) -> bytes:
        return pbl1.write(Frame(kind, flags, self.unit, self.token, sequence % MODULUS, payload))
