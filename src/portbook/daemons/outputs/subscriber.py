"""One client of the ring on its socket: what it asks, what waits for it, how it ends.

Octets that must go out (answers, heartbeats, the rest of a message that was sent in part) stand in
`_pending` and go before anything of the ring; so every message goes out whole, whatever happens
to the cursor meanwhile.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import NamedTuple, Protocol

from portbook.daemons.outputs.connections import Peer, reset
from portbook.protocols.reftek.client import HEADER, Wish
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.serving import BREAK, BUSY, HEARTBEAT, Session
from portbook.seismic.ring import Cursor, Overrun, Ring

LEAVE_NS = 2_000_000_000  # for the other side to take note of our last words
MOST_PENDING = 64 << 10
_READ = 4096  # a flood of requests must not keep the loop from the other clients
_ROUNDS = 2  # chunks for one client before it is the others' turn; 2: the ring has one end


class ClientStatus(NamedTuple):
    """How a client stands; lag: packets that wait for it; packets: sent to it since it came."""

    address: str
    port: int
    program: str | None
    version: int
    wish: Wish | None
    lag: int
    packets: int
    octets: int
    since_ns: int
    blocked: bool
    started: bool


class House(Protocol):
    """What a subscriber needs of its fan-out."""

    ring: Ring
    loop: asyncio.AbstractEventLoop
    flowing: dict[Subscriber, None]  # those that are asked after each batch

    def now(self) -> int:
        """Return nanoseconds of a clock that never steps."""

    def odd(self, one: Subscriber) -> None:
        """Take note of what a client sent that is refused; its session has counted it."""

    def leaving(self, one: Subscriber) -> None:
        """Take note that a client is served no more, and only has last words to read."""

    def gone(self, one: Subscriber, why: str) -> None:
        """Take note that a client's connection is closed."""


class Subscriber:
    """A client from its first octets to the end of its socket."""

    def __init__(
        self, sock: socket.socket, peer: Peer, session: Session, house: House, since_ns: int
    ) -> None:
        self.peer, self.session, self.since_ns = peer, session, since_ns
        self.octets = 0  # of packets' messages
        self.blocked = False  # the socket takes no more at the moment
        self.slow = False  # the ring went over it
        self.skipped = 0  # packets that it missed while it had stopped the flow itself
        self._socket, self._house = sock, house
        self._cursor: Cursor | None = None
        self._pending = bytearray()
        self._leave_by_ns: int | None = None
        self._why = ""

    @property
    def closed(self) -> bool:
        """Tell whether its socket is closed."""
        return self._socket.fileno() < 0

    @property
    def waiting(self) -> bool:
        """Tell whether packets wait for it."""
        return self._cursor is not None and self._cursor.waiting

    def begin(self, first: bytes) -> None:
        """Take the first octets, and from now on whatever comes."""
        self._house.loop.add_reader(self._socket, self._readable)
        self._take(first)

    def push(self, now_ns: int) -> None:
        """Send what waits, as far as the socket takes it; go on as soon as it takes more."""
        try:
            if (not self._pending or self._flush()) and self._stream(now_ns):
                self._idle()
                return
        except (BlockingIOError, InterruptedError):
            pass
        except Overrun as overrun:
            self._too_slow(f"{overrun.packets} packets that it wanted were overwritten")
            return
        except OSError as error:
            self.close(f"the connection broke: {error.strerror or error}")
            return
        self._block()

    def look(self, now_ns: int, lag_packets: int = 0) -> None:
        """Take note of the time: heartbeats, half handshakes, clients that are too far behind.

        lag_packets: more packets behind than that is too far; 0: only what the ring does not hold
        """
        if self._leave_by_ns is not None:
            if now_ns >= self._leave_by_ns:
                self.close(self._why)
        elif self.session.late(now_ns):
            self.close("no step of the handshake came for 10 s")
        elif self.blocked:
            self._patience(lag_packets)
        elif self.session.heartbeat_due(now_ns):
            self._say(HEARTBEAT)

    def leave(self, why: str, last: bytes = BREAK) -> None:
        """Say a last word, and wait a little until the other side has read it."""
        if self.closed or self._leave_by_ns is not None:
            return
        self._why = why
        self._leave_by_ns = self._house.now() + LEAVE_NS
        self._house.leaving(self)
        self._cut_off()
        self._let_go()
        self._say(last)

    def close(self, why: str) -> None:
        """End it now."""
        if self.closed:
            return
        self._let_go()
        self._house.loop.remove_reader(self._socket)
        self._house.loop.remove_writer(self._socket)
        # What a client does not fetch must not stay in the system's memory after it.
        if self._pending or self.blocked:
            reset(self._socket)
        else:
            self._socket.close()
        self._house.gone(self, self._why or why)

    def status(self) -> ClientStatus:
        """Return how it stands."""
        session = self.session
        size = SIZE + HEADER.size + (0 if session.version < 2 else 4)
        return ClientStatus(
            *self.peer,
            session.program,
            session.version,
            session.wish,
            self._cursor.lag if self._cursor else 0,
            self.octets // size,
            self.octets,
            self.since_ns,
            self.blocked,
            session.started,
        )

    def _readable(self) -> None:
        try:
            octets = self._socket.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.close(f"the connection broke: {error.strerror or error}")
            return
        if not octets:
            self.close("the client closed the connection")
        elif self._leave_by_ns is None:
            self._take(octets)

    def _take(self, octets: bytes) -> None:
        session = self.session
        wish, flushes = session.wish, session.flushes
        out = session.feed(octets, self._house.now())
        if session.oddities:
            self._house.odd(self)
        if session.ended and not out:
            self.close(session.ended)
        elif session.ended:
            self.leave(session.ended, out)
        elif out:
            self._say(out)
        if self.closed or session.ended or session.wish is None:
            return
        if session.wish != wish or session.flushes != flushes:
            self._cut_off()
            self._stand(self._house.ring.head)
        self._flow()

    def _flow(self) -> None:
        """Let packets flow or not, as the client wants it."""
        if not self.session.started:
            self._cut_off()
            self._house.flowing.pop(self, None)
        elif not self.blocked and self not in self._house.flowing:
            self._over_the_gap()
            self.push(self._house.now())

    def _flush(self) -> bool:
        del self._pending[: self._socket.send(self._pending)]
        return not self._pending

    def _stream(self, now_ns: int) -> bool:
        """Send of the ring what the socket takes; tell whether nothing waits any more."""
        cursor, session = self._cursor, self.session
        if cursor is None or not session.started:
            return True
        for _ in range(_ROUNDS):
            if not cursor.waiting:
                return True
            octets = cursor.chunk()
            sent = self._socket.send(octets)
            cursor.sent(sent)
            self.octets += sent
            session.sent_ns = now_ns
            if sent < len(octets):
                return False
        return not cursor.waiting

    def _say(self, octets: bytes) -> None:
        self._cut_off()
        self._pending += octets
        self.session.sent_ns = self._house.now()
        if len(self._pending) > MOST_PENDING:
            self.close("it asks without reading the answers")
        else:
            self.push(self.session.sent_ns)

    def _idle(self) -> None:
        """Nothing waits."""
        if self.blocked:
            self.blocked = False
            self._house.loop.remove_writer(self._socket)
        if self._leave_by_ns is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
        elif self._cursor is not None and self.session.started:
            self._house.flowing[self] = None

    def _block(self) -> None:
        if not self.blocked:
            self.blocked = True
            self._house.flowing.pop(self, None)
            self._house.loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        self.push(self._house.now())

    def _patience(self, lag_packets: int) -> None:
        cursor = self._cursor
        if cursor is None or not self.session.started:
            return
        try:
            cursor.chunk(1)
        except Overrun as overrun:
            self._too_slow(f"{overrun.packets} packets that it wanted were overwritten")
            return
        if lag_packets and cursor.lag > lag_packets:
            self._too_slow(f"{cursor.lag} packets behind, {lag_packets} are allowed")

    def _too_slow(self, why: str) -> None:
        self.slow = True
        self.leave(why, BUSY)
        if self.blocked:  # no room for a last word
            self.close(why)

    def _over_the_gap(self) -> None:
        """Go on at what the ring still holds: who stopped the flow itself is not too slow."""
        if self._cursor is None:
            return
        try:
            self._cursor.chunk(1)
        except Overrun as overrun:
            self.skipped += overrun.packets
            self._stand(self._house.ring.tail)

    def _cut_off(self) -> None:
        """Have the rest of a message that was sent in part go out whatever comes next."""
        cursor = self._cursor
        if cursor is None or not cursor.rest:
            return
        self._pending += cursor.rest
        self.octets += len(cursor.rest)
        try:
            cursor.chunk(1)
        except Overrun:
            self._stand(self._house.ring.tail - 1)  # overrun as before
        else:
            self._stand(cursor.position + 1)

    def _stand(self, at: int) -> None:
        wish, before = self.session.wish, self._cursor
        if wish is None:
            return
        version = 1 if self.session.version < 2 else 2
        self._cursor = self._house.ring.cursor(wish, version, at)
        if before is not None:  # closed last: what both select is not found again
            before.close()

    def _let_go(self) -> None:
        self._house.flowing.pop(self, None)
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None
