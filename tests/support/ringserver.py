"""A small DataLink server for tests, written after the protocol's description (DataLink.protocol).

It keeps packets, answers WRITE as ringserver does, and lets itself be told to misbehave. It shares
nothing with the writer that it is there to test.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NamedTuple


class Kept(NamedTuple):
    """A packet in the server's ring; times in microseconds."""

    number: int
    stream: str
    begin_us: int
    end_us: int
    data: bytes


class RingServer:
    """Serves DataLink on loopback.

    hello: what ID is answered with; refuse: an ERROR for each WRITE, then the end; mute: from so
    many packets on nothing is acknowledged; cut_after: the connection breaks after so many
    WRITEs of it, the last one kept but not acknowledged
    """

    def __init__(
        self, hello: str = "DataLink 2024.020 :: DLPROTO:1.0 PACKETSIZE:4096 WRITE"
    ) -> None:
        self.hello = hello
        self.refuse: str | None = None
        self.mute_from: int | None = None
        self.cut_after: int | None = None
        self.ring: list[Kept] = []
        self.clients: list[str] = []
        self.commands = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._writers):
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
            await self._server.wait_closed()
            self._server = None

    @property
    def connected(self) -> int:
        return len(self._writers)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        at = writes = 0
        try:
            while True:
                start = await reader.readexactly(3)
                assert b"DL" == start[:2]
                words = (await reader.readexactly(start[2])).decode("ascii").split(" ")
                self.commands += 1
                if words[0] == "ID":
                    self.clients.append(" ".join(words[1:]))
                    writer.write(_frame(f"ID {self.hello}"))
                elif words[0] == "WRITE":
                    writes += 1
                    if not await self._write(words, reader, writer, writes):
                        return
                elif words[0] == "POSITION" and words[1:3] == ["SET", "EARLIEST"]:
                    at = 0
                    writer.write(_answer("OK", self.ring[0].number, "positioned"))
                elif words[0] == "READ":
                    found = [one for one in self.ring if one.number == int(words[1])]
                    writer.write(_packet(found[0]) if found else _answer("ERROR", 0, "no such"))
                elif words[0] == "STREAM":
                    for one in self.ring[at:]:
                        writer.write(_packet(one))
                elif words[0] == "ENDSTREAM":
                    writer.write(_frame("ENDSTREAM"))
                else:
                    writer.write(_answer("ERROR", 0, "Unrecognized command"))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _write(
        self,
        words: list[str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        writes: int,
    ) -> bool:
        _, stream, begin, end, flags, size = words
        data = await reader.readexactly(int(size))
        if self.refuse is not None:
            writer.write(_answer("ERROR", 0, self.refuse))
            await writer.drain()
            return False
        self.ring.append(Kept(len(self.ring) + 1, stream, int(begin), int(end), data))
        if self.cut_after is not None and writes >= self.cut_after:
            return False
        if "A" in flags and (self.mute_from is None or len(self.ring) <= self.mute_from):
            writer.write(_answer("OK", len(self.ring), ""))
        return True


def _frame(header: str, data: bytes = b"") -> bytes:
    octets = header.encode("ascii")
    return b"DL" + len(octets).to_bytes(1, "big") + octets + data


def _answer(word: str, value: int, message: str) -> bytes:
    return _frame(f"{word} {value} {len(message)}", message.encode("ascii"))


def _packet(one: Kept) -> bytes:
    times = f"{one.begin_us} {one.begin_us} {one.end_us}"
    return _frame(f"PACKET {one.stream} {one.number} {times} {len(one.data)}", one.data)
