"""Connections before, between and after requests, where no program is asked yet.

Uvicorn waits for a head as long as it takes, keeps what a reader does not take for as long as the
reader likes, and reads ahead whatever is sent. Here a listening socket that counts (`Door`), a
protocol that measures (`watched`), and one look a second over all connections bound that. When
there is no room, the connection that has waited longest for its head makes some: those who only
hold places cannot keep others out.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Any

from portbook.faces.web.guard.attempts import network
from portbook.faces.web.guard.headers import SECURITY
from portbook.faces.web.guard.rules import Limits

LOOK_EVERY_S = 1.0
LINGER_OCTETS = 1 << 20  # of a refused body that is still taken, so that the answer gets through
MOST_PIPELINED = 16  # requests that wait for the one before them
_MESSAGES = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}


class Phase(Enum):
    """What a connection is at."""

    HANDSHAKE = "TLS begins"
    HEAD = "a head is awaited"
    BODY = "the body of a request is awaited"
    BUSY = "a request is answered"
    LINGER = "the rest of a body comes, after the answer"
    CLOSING = "the last octets go out"


_WAITING = (Phase.HANDSHAKE, Phase.HEAD, Phase.LINGER, Phase.CLOSING)


class Taken(socket.socket):
    """An accepted connection, from its first moment to its last."""

    def __init__(self, connection: socket.socket, peer: str, connections: Connections) -> None:
        family, kind, number = connection.family, connection.type, connection.proto
        super().__init__(family, kind, number, fileno=connection.detach())
        self.who = network(peer)
        self.protocol: Any = None  # uvicorn's, once there is one
        self.key: tuple[Phase, Any, int] | None = None
        self.since = 0.0
        self._connections = connections
        connections.add(self)

    def close(self) -> None:
        """Close, and be counted no more."""
        self._connections.discard(self)
        super().close()

    def look(self, now: float, limits: Limits) -> bool:
        """Tell whether the connection has been at one thing for too long."""
        key = self._key()
        if key != self.key:
            self.key, self.since = key, now
            return False
        phase, _, waiting = key
        if phase in (Phase.BODY, Phase.BUSY) and not waiting:
            return False  # the program's own time, or for `bodies` to bound
        limit_s = limits.stall_s if waiting else limits.head_s
        return now - self.since > limit_s

    def drop(self) -> None:
        """End the connection at once."""
        if self.protocol is not None and self.protocol.transport is not None:
            self.protocol.transport.abort()
        else:  # in the middle of a TLS handshake: whoever reads from it sees its end
            with suppress(OSError):
                self.shutdown(socket.SHUT_RDWR)

    def phase(self) -> Phase:
        """Return what the connection is at."""
        protocol = self.protocol
        if protocol is None:
            return Phase.HANDSHAKE
        if protocol.transport.is_closing():
            return Phase.CLOSING
        cycle = protocol.cycle
        if cycle is None or (cycle.response_complete and not cycle.more_body):
            return Phase.HEAD
        if cycle.response_complete:
            return Phase.LINGER
        return Phase.BODY if cycle.more_body else Phase.BUSY

    def _key(self) -> tuple[Phase, Any, int]:
        """Return what changes when the connection gets on; last, the octets that wait to go out."""
        phase, protocol = self.phase(), self.protocol
        if protocol is None:
            return phase, None, 0
        return phase, protocol.cycle, protocol.transport.get_write_buffer_size()


class Connections:
    """All connections of a server: as many as there is room for, none stuck."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._open: dict[int, Taken] = {}  # by descriptor, oldest first
        self._count: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def room(self, peer: str) -> bool:
        """Tell whether one more connection may be; the longest idle one may have to go for it.

        This machine's own are bounded with all others only: a proxy or a tunnel speaks for many.
        """
        who = network(peer)
        if who != "loopback" and self._count[who] >= self.limits.connections_an_address:
            return self._evict(who)
        return len(self._open) < self.limits.connections or self._evict(None)

    def add(self, taken: Taken) -> None:
        """Count a connection in."""
        self._open[taken.fileno()] = taken
        self._count[taken.who] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.look)

    def discard(self, taken: Taken) -> None:
        """Count a connection out, if it was in."""
        if self._open.get(taken.fileno()) is not taken:
            return
        del self._open[taken.fileno()]
        self._count[taken.who] -= 1
        if not self._count[taken.who]:
            del self._count[taken.who]

    def of(self, transport: asyncio.BaseTransport) -> Taken | None:
        """Return the connection that a transport speaks over."""
        sock = transport.get_extra_info("socket")
        return None if sock is None else self._open.get(sock.fileno())

    def look(self) -> None:
        """End every connection that is stuck; comes again by itself while there are any."""
        now = self._clock()
        for taken in list(self._open.values()):
            if taken.look(now, self.limits):
                taken.drop()
        self._timer = None
        if self._open:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.look)

    def close(self) -> None:
        """End every connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for taken in list(self._open.values()):
            taken.drop()

    def _evict(self, who: str | None) -> bool:
        """End the connection that can best be missed; False: all are being answered."""
        for phases in (_WAITING, (Phase.BODY,)):
            for taken in self._open.values():
                if who in (None, taken.who) and taken.phase() in phases:
                    taken.drop()
                    self.discard(taken)
                    return True
        return False


class Door(socket.socket):
    """A listening socket that takes no more connections than there is room for."""

    connections: Connections | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection; raises ConnectionAbortedError for one that there is no room for."""
        connection, peer = super().accept()
        if self.connections is None:
            return connection, peer
        if not self.connections.room(str(peer[0])):
            connection.close()
            raise ConnectionAbortedError("no room")  # the loop goes on with the next one
        return Taken(connection, str(peer[0]), self.connections), peer


def watched(base: type[asyncio.Protocol], connections: Connections) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol, of whichever parser, with bounds on what it reads ahead."""
    parent: Any = base

    class Watched(parent):  # type: ignore[misc]  # uvicorn chooses the parser
        _ahead = 0  # octets that belong to no request yet

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            taken = connections.of(transport)
            if taken is not None:
                taken.protocol = self

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            answered = before is not None and before.response_complete
            ahead = before is None or answered or not before.more_body
            super().data_received(data)
            if self.cycle is not before:
                self._ahead = 0
            elif ahead:
                self._ahead += len(data)
                lingers = answered and before.more_body
                limits = connections.limits
                most = limits.header_octets + limits.target_octets
                if self._ahead > (LINGER_OCTETS if lingers else 2 * most):
                    self._end(431)

        def on_headers_complete(self) -> None:  # httptools alone: h11 reads no further
            if len(self.pipeline) >= MOST_PIPELINED:
                self.transport.abort()
            elif not self.transport.is_closing():
                super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            self._end(400)

        def _end(self, status: int) -> None:
            """Answer, where no answer has begun, and close."""
            if self.transport.is_closing():
                return
            cycle = self.cycle
            answering = cycle is not None and not cycle.response_complete
            if answering and not cycle.response_started and not getattr(self, "pipeline", None):
                cycle.disconnected = True  # what the program says goes nowhere from now on
                cycle.message_event.set()
            elif cycle is not None and (answering or cycle.more_body):
                self.transport.abort()
                return
            self.transport.write(_last(status))
            self.transport.close()

    return Watched


def _last(status: int) -> bytes:
    phrase = _MESSAGES[status]
    headers = (
        *SECURITY,
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(phrase)).encode()),
        (b"connection", b"close"),
    )
    lines = [b"HTTP/1.1 %d %s" % (status, phrase), *(b"%s: %s" % one for one in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + phrase
