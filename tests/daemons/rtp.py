"""What tests of the RTP client protocol share: clients over real sockets, in one loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

from daemons.hearsay import Heard
from support import reftek

from portbook.daemons.outputs.fanout import Fanout
from portbook.protocols.reftek import client
from portbook.protocols.reftek.client import Wish
from portbook.seismic.ring import Ring

SECOND = 1_000_000_000
USUAL = Wish()
LIMIT_S = 60
PACKETS = reftek.event(seconds=30)
BEAT, BREAK, BUSY = (client.build(kind) for kind in (client.NOP, client.BREAK, client.BUSY))
START, STOP, FLUSH = (client.build(kind) for kind in (client.START, client.STOP, client.FLUSH))


def run(play: Coroutine[Any, Any, None]) -> None:
    """Run a play; one that hangs fails."""
    asyncio.run(asyncio.wait_for(play, LIMIT_S))


def message(packet: bytes) -> bytes:
    return client.build(client.REFTEK, packet)


def handshake(wish: Wish = USUAL, version: int = 1) -> bytes:
    """All that a client says before it listens."""
    process = (77).to_bytes(4, "big") + (b"tester".ljust(32) if version > 1 else b"")
    asked = client.ATTRIBUTES.write(wish._asdict())
    return (
        client.build(version)
        + client.build(client.PID, process)
        + client.build(client.ATTR, asked + (bytes(4) if version > 1 else b""))
    )


def listener() -> socket.socket:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen(1024)
    made.setblocking(False)
    return made


class Talker:
    """The other end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        sock.setblocking(False)
        self.loop = asyncio.get_running_loop()

    async def say(self, octets: bytes) -> None:
        await self.loop.sock_sendall(self.socket, octets)

    async def hear(self, size: int, most: int = 1 << 16) -> bytes:
        """Return exactly so many octets, read in pieces of at most `most`."""
        got = bytearray()
        while len(got) < size:
            piece = await self.loop.sock_recv(self.socket, min(most, size - len(got)))
            assert piece, f"the end after {len(got)} of {size} octets"
            got += piece
        return bytes(got)

    async def rest(self) -> bytes:
        """Return all that comes until the end."""
        got = bytearray()
        while piece := await self.loop.sock_recv(self.socket, 1 << 16):
            got += piece
        return bytes(got)

    async def shake(self, wish: Wish = USUAL, version: int = 1) -> None:
        """Do the handshake."""
        said = handshake(wish, version)
        await self.say(said)
        answer = await self.hear(len(said))
        assert said[:6] == answer[:6]

    def close(self) -> None:
        self.socket.close()


async def dial(port: int, receive_octets: int = 0) -> Talker:
    """Connect to a port of this machine."""
    sock = socket.socket()
    if receive_octets:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_octets)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return Talker(sock)


class Served:
    """A ring with its fan-out, whose clock the test moves on; no timer of its own."""

    def __init__(self, slots: int = 256, **more: Any) -> None:
        self.ring, self.voice, self.now_ns = Ring(slots), Heard(), 0
        self.fanout = Fanout(self.ring, self.voice, clock=lambda: self.now_ns, **more)
        self.fanout.loop = asyncio.get_running_loop()
        self.door = listener()
        self.talkers: list[Talker] = []

    async def client(self, receive_octets: int = 0) -> Talker:
        """Connect a client, and have the fan-out adopt it with nothing read yet."""
        talker = await dial(self.door.getsockname()[1], receive_octets)
        sock, _ = await self.fanout.loop.sock_accept(self.door)
        self.fanout.adopt(sock, b"")
        self.talkers.append(talker)
        return talker

    async def shaken(self, wish: Wish = USUAL, version: int = 1, receive_octets: int = 0) -> Talker:
        talker = await self.client(receive_octets)
        await talker.shake(wish, version)
        return talker

    def put(self, packets: list[bytes]) -> None:
        """A batch, as the receiver gives it."""
        self.ring.append(packets)
        self.fanout.pump()

    def look(self, at_s: float) -> None:
        self.now_ns = int(at_s * SECOND)
        self.fanout.look(self.now_ns)

    def close(self) -> None:
        self.fanout.stop()
        for one in (*self.talkers, self.door):
            one.close()
