"""A session with an RTPD on its socket, and how the connection is made."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from portbook.daemons.outputs.connections import Peer, prepared
from portbook.protocols.reftek.asking import Asking, End

_READ = 256 << 10
_SECOND = 1_000_000_000
_Found = tuple[Any, ...]  # family, kind, protocol, canonical name, address


class Session:
    """One connection, from the socket to its end.

    opened: called once the server has granted; heard: called after each read, before its packets
    go to `took`
    """

    def __init__(
        self,
        sock: socket.socket,
        asking: Asking,
        *,
        opened: Callable[[Asking], None],
        heard: Callable[[Asking, Peer], None],
        took: Callable[[list[bytes], Peer], None],
        now: Callable[[], int],
    ) -> None:
        self.asking = asking
        self._socket, self._opened, self._heard = sock, opened, heard
        self._took, self._now = took, now
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[str] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._held = False
        self._peer = prepared(sock)

    async def over(self) -> str:
        """Say hello and wait for the end; return why it is over."""
        if self._peer is None:
            return "the connection broke at once"
        self._say(self.asking.begin())
        self.look()
        self.hold(self._held)
        return await self._end

    def hold(self, held: bool) -> None:
        """Read no more, or again."""
        self._held = held
        if held:
            self._loop.remove_reader(self._socket)
        elif not self._end.done():
            self.asking.forgive(self._now())
            self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Say good-bye, if there is still somebody, and close."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        hung_up = self._end.done() and not self._end.cancelled()
        if not hung_up or self.asking.ended is End.SILENT:
            with suppress(OSError):
                self._socket.send(self.asking.leave())
        self._socket.close()

    def _readable(self) -> None:
        try:
            octets = self._socket.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._over(f"the connection broke: {error.strerror or error}")
            return
        if not octets:
            self._over("it closed the connection")
            return
        asking = self.asking
        ready = asking.ready
        out = asking.feed(octets, self._now())
        if asking.ready and not ready:
            self._opened(asking)
        found = asking.take()
        if self._peer is not None:
            self._heard(asking, self._peer)
            if found:
                self._took(found, self._peer)
        if out:
            self._say(out)
        self._check()

    def _say(self, octets: bytes) -> None:
        try:
            sent = self._socket.send(octets)
        except OSError as error:
            self._over(f"the connection broke: {error.strerror or error}")
            return
        if sent < len(octets):
            self._over("it takes not even the handshake")

    def look(self) -> None:
        """Take note of the time, and again when the read under way should be whole."""
        if self._timer is not None:
            self._timer.cancel()
        now_ns = self._now()
        if self._held:
            self.asking.forgive(now_ns)
        self.asking.look(now_ns)
        self._check()
        if not self._end.done():
            wait_s = max(self.asking.deadline() - now_ns, 0) / _SECOND
            self._timer = self._loop.call_later(wait_s, self.look)

    def _check(self) -> None:
        ended = self.asking.ended
        if ended is not None:
            self._over(f"it {ended.value}" + (f": {self.asking.why}" if self.asking.why else ""))

    def _over(self, why: str) -> None:
        self._loop.remove_reader(self._socket)
        if not self._end.done():
            self._end.set_result(why)


async def connected(host: str, port: int) -> socket.socket:
    """Return a connection to the first address of a host that takes it. Raises OSError."""
    loop = asyncio.get_running_loop()
    try:  # an address needs no thread, which a slow name server could keep for long
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        found = await _resolved(host, port)
    trouble: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            trouble = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise trouble


async def _resolved(host: str, port: int) -> list[_Found]:
    """Ask for a host's addresses in a thread that nobody waits for when we end. Raises OSError."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[_Found]] = loop.create_future()

    def tell(found: list[_Found] | OSError) -> None:
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: list[_Found] | OSError
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            found = error
        except UnicodeError:
            found = OSError(f"{host!r} is no name of a host")
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    return await answer
