"""How a question travels: a TCP connection, or a datagram socket; one host, bounded and timed.

Both have the same few words, so that `probes` need not know which it is. What a peer does wrong is
an `EndedError` with an outcome in a word, never an exception of the system.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import sys
from typing import Self

from portbook.evidence.exchanges import End
from portbook.evidence.own import Own
from portbook.protocols.questions import MOST_ANSWER, Measure

_READ = 4096
_DATAGRAM = 65536
_RECEIVE_ERRORS, _ERROR_QUEUE = 11, 0x2000  # IP_RECVERR and IPV6_RECVERR's twin; MSG_ERRQUEUE
_RECEIVE_ERRORS_6 = 25
_BIND_TO_DEVICE = 25
_ROOM = 4 << 20  # octets of answers that may wait: a subnet answers all at once
_AWAY = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)
_HUNG_UP = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED)


class EndedError(Exception):
    """The talk is over; outcome: why, in the word that a reply has."""

    def __init__(self, outcome: str, note: str | None = None) -> None:
        super().__init__(outcome)
        self.outcome, self.note = outcome, note


class Stream:
    """A TCP connection; it is made once, and never again when it fails."""

    def __init__(self, peer: End, own: Own, measure: Measure | None) -> None:
        self.peer, self._own, self._measure = peer, own, measure
        self.own = End(own.address or "", 0)
        self._socket = _socket(peer.host, socket.SOCK_STREAM, own)
        self._buffer = bytearray()
        self._over = False
        self.last = b""  # what came last, whole or not

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()

    async def connect(self, wait_s: float) -> None:
        """Connect."""
        loop = asyncio.get_running_loop()
        try:
            if self._own.address:
                self._socket.bind((self._own.address, 0))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(wait_s):
                await loop.sock_connect(self._socket, _place(self.peer, self._socket))
        except TimeoutError:
            raise EndedError("silent", "no answer to the connection") from None
        except OSError as error:
            raise EndedError(*_why(error)) from None
        self.own = _end(self._socket.getsockname())

    async def send(self, octets: bytes, port: int) -> None:
        """Send all octets."""
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._socket, octets)
        except OSError as error:
            raise EndedError(*_why(error)) from None

    async def some(self, until: float, most: int) -> bytes:
        """Return what comes before a moment of the loop's clock; nothing: it hung up."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(until):
                return await loop.sock_recv(self._socket, min(_READ, most))
        except OSError as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                raise
            return b""

    async def receive(self, until: float) -> tuple[End, bytes]:
        """Return the next whole message.

        Raises TimeoutError at the moment of the loop's clock; EndedError when it hung up, or when
        what came is none of its messages.
        """
        while True:
            size = self._size()
            if size and size <= len(self._buffer):
                message = bytes(self._buffer[:size])
                del self._buffer[:size]
                return self.peer, message
            if self._over:
                raise EndedError("cut" if self._buffer else "closed")
            octets = await self.some(until, _READ)
            self._over = not octets
            self._buffer += octets
            self.last = octets

    @property
    def begun(self) -> bool:
        """Tell whether a message began that did not end."""
        return bool(self._buffer)

    def rest(self) -> bytes:
        """Return what came and is not read as a message."""
        return bytes(self._buffer)

    def _size(self) -> int | None:
        if not self._buffer:
            return None
        size = self._measure(bytes(self._buffer), 0) if self._measure else len(self._buffer)
        if size is None or size > MOST_ANSWER:
            raise EndedError("otherwise", None if size is None else f"a message of {size} octets")
        return size


class Datagrams:
    """A datagram socket for one host, or for all of a subnet.

    broadcast: it may send to all. Answers may come from anywhere: who asks decides which count.
    """

    def __init__(self, peer: End, own: Own, *, broadcast: bool = False) -> None:
        self.peer, self._own, self._broadcast = peer, own, broadcast
        self._socket = _socket(peer.host, socket.SOCK_DGRAM, own)
        self.own = End(own.address or "", own.port)
        self.begun = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()

    async def connect(self, wait_s: float) -> None:
        """Bind the own address and port; nothing is sent."""
        sock = self._socket
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
            if self._broadcast:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            else:
                _tell_errors(sock)
            sock.bind((self._own.address or _anywhere(sock), self._own.port))
        except OSError as error:
            raise EndedError("forbidden", f"own port {self._own.port}: {error.strerror}") from None
        self.own = _end(sock.getsockname())

    async def send(self, octets: bytes, port: int) -> None:
        """Send one datagram."""
        loop = asyncio.get_running_loop()
        try:
            to = _place(End(self.peer.host, port), self._socket)
            await loop.sock_sendto(self._socket, octets, to)
        except OSError as error:
            raise EndedError(*_why(error)) from None

    async def receive(self, until: float) -> tuple[End, bytes]:
        """Return the next datagram and where it came from; raises TimeoutError at the moment."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(until):
                octets, asker = await loop.sock_recvfrom(self._socket, _DATAGRAM)
        except OSError as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                raise
            self._drain()
            raise EndedError(*_why(error)) from None
        return _end(asker), octets

    def rest(self) -> bytes:
        """Return nothing: datagrams are whole."""
        return b""

    def _drain(self) -> None:
        """Take the errors off their queue, or the socket would be ready for ever."""
        with contextlib.suppress(OSError):
            while self._socket.recvmsg(_READ, 1024, _ERROR_QUEUE):
                pass


def _socket(host: str, kind: int, own: Own) -> socket.socket:
    try:
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    except OSError as error:
        raise EndedError(*_why(error)) from None
    made.setblocking(False)
    if own.interface and sys.platform == "linux":
        with contextlib.suppress(OSError):  # older kernels ask for a right; the address binds too
            made.setsockopt(socket.SOL_SOCKET, _BIND_TO_DEVICE, own.interface.encode() + b"\0")
    return made


def _tell_errors(sock: socket.socket) -> None:
    """Let the system tell when a host has nobody at a port (ip(7), ipv6(7))."""
    if sys.platform != "linux":
        return
    six = sock.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    with contextlib.suppress(OSError):
        sock.setsockopt(level, _RECEIVE_ERRORS_6 if six else _RECEIVE_ERRORS, struct.pack("i", 1))


def _anywhere(sock: socket.socket) -> str:
    return "::" if sock.family == socket.AF_INET6 else ""


def _place(peer: End, sock: socket.socket) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return an address as the socket takes it; nobody is asked for a name."""
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    found = socket.getaddrinfo(peer.host, peer.port, sock.family, sock.type, flags=flags)
    return found[0][4]  # type: ignore[return-value]


def _end(place: tuple[str, int] | tuple[str, int, int, int]) -> End:
    return End(place[0].split("%", 1)[0], place[1])


def _why(error: OSError) -> tuple[str, str | None]:
    if error.errno == errno.ECONNREFUSED:
        return "refused", None
    if error.errno in _AWAY:
        return "unreachable", error.strerror
    if error.errno in _HUNG_UP:
        return "closed", error.strerror
    if error.errno in (errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL, errno.EADDRINUSE):
        return "forbidden", error.strerror
    if error.errno == errno.ETIMEDOUT:
        return "silent", error.strerror
    return "unreachable", error.strerror
