"""Server-sent events: one publisher, many readers, each with a bounded queue.

An event is written once for all. A reader too slow for its queue is told that it lost some, and
goes on with what comes next: it then asks for the page anew. Format: WHATWG HTML, 9.2.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import msgspec

WAITING = 64  # events that may wait for one reader
REMEMBERED = 512  # events that a reader who comes back may still have
QUIET_S = 15.0  # after so much silence a comment keeps proxies from closing the connection
_BEAT = b": still here\n\n"
_LOST = b"event: lost\ndata: {}\n\n"
_encode = msgspec.json.Encoder().encode


class Hub:
    """Where what is new goes to all who look."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[bytes | None]] = set()
        self._lost: set[asyncio.Queue[bytes | None]] = set()
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED)
        self._number = 0
        self._closed = False

    @property
    def readers(self) -> int:
        """Return how many look."""
        return len(self._readers)

    @property
    def published(self) -> int:
        """Return how many events there were."""
        return self._number

    def publish(self, name: str, data: Any) -> None:
        """Tell all readers; call it on the event loop.

        name: one line of letters; data: becomes JSON, which has no raw line feeds
        """
        self._number += 1
        event = b"id: %d\nevent: %s\ndata: %s\n\n" % (self._number, name.encode(), _encode(data))
        self._recent.append((self._number, event))
        for reader in self._readers:
            if reader.full():
                self._lost.add(reader)
            else:
                reader.put_nowait(event)

    async def events(self, last: str | None = None) -> AsyncIterator[bytes]:
        """Give events as they come; last: the number of the last that the reader had."""
        mine: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self._readers.add(mine)
        try:
            yield b"retry: 3000\n\n" + self._missed(last)
            while not self._closed:
                try:
                    async with asyncio.timeout(QUIET_S):
                        event = await mine.get()
                except TimeoutError:
                    event = _BEAT
                if event is None:
                    break
                if mine in self._lost and mine.empty():
                    self._lost.discard(mine)
                    event += _LOST
                yield event
        finally:
            self._readers.discard(mine)
            self._lost.discard(mine)

    def _missed(self, last: str | None) -> bytes:
        if not last or not (last.isascii() and last.isdigit()) or len(last) > 18:
            return b""
        had = int(last)
        oldest = self._recent[0][0] if self._recent else self._number + 1
        if had > self._number or had + 1 < oldest:
            return _LOST  # from before a restart, or too long ago
        return b"".join(event for number, event in self._recent if number > had)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for reader in self._readers:
            if reader.full():
                reader.get_nowait()
            reader.put_nowait(None)
