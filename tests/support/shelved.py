"""A shelf at work, for tests: what it told of changes, and waiting for what becomes of a story."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from portbook.faces.web.shelf import Shelf, Told

DEADLINE_S = 60.0


class Running:
    """A shelf at work, and what it told of changes."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.changes: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    def note(self, story: str, what: str) -> None:
        """Take notice of a change."""
        self.changes.append((story, what))
        self._news.set()

    async def until(self, true: Callable[[], Any]) -> Any:
        """Wait until something is true of the shelf; it can only become so with a change."""
        async with asyncio.timeout(DEADLINE_S):
            while not (found := true()):
                self._news.clear()
                await self._news.wait()
        return found

    async def ended(self, name: str) -> Told:
        """Wait until nobody works on a story any more."""

        def one() -> Told | None:
            told = self.shelf.told(name)
            return told if told and not told.active else None

        found: Told = await self.until(one)
        return found


@asynccontextmanager
async def running(shelf: Shelf) -> AsyncIterator[Running]:
    """Have a shelf work until left."""
    work = Running(shelf)
    async with shelf.running(work.note):
        yield work


async def chunks(octets: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    """Give octets as an upload comes."""
    for at in range(0, len(octets), size):
        yield octets[at : at + size]


def long_capture(path: Path, conversations: int) -> Path:
    """Write a capture of so many conversations, a datagram each."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    with path.open("wb") as file:
        file.write(head)
        for number in range(conversations):
            client = (0x0A000000 + number // 20_000).to_bytes(4, "big")
            udp = struct.pack(">HHHH", 40_000 + number % 20_000, 9, 8, 0)
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + client + b"\xc0\0\2\1"
            frame = bytes((2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)) + ip + udp
            file.write(struct.pack("<IIII", 1_700_000_000, 0, len(frame), len(frame)) + frame)
    return path
