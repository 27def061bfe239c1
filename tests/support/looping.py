"""An event loop in a thread of its own, so that tests and witnesses may block on its sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE_S = 20.0


class Loop:
    """Runs calls and coroutines in the thread of the loop, and waits for what they return."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, made: Callable[..., T], *arguments: Any, **named: Any) -> T:
        async def within() -> T:
            return made(*arguments, **named)

        return self.run(within())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_S)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until something holds; it is looked at in the loop's thread, turn by turn."""

        async def within() -> None:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    await asyncio.sleep(0.002)

        self.run(within())

    def stop(self) -> None:
        async def rest() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for _ in range(3):  # transports let go of their sockets in the next turns
                await asyncio.sleep(0)

        self.run(rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_S)
        self.loop.close()


@contextmanager
def looping() -> Iterator[Loop]:
    made = Loop()
    try:
        yield made
    finally:
        made.stop()


def read_exactly(sock: socket.socket, many: int) -> bytes:
    """Read so many octets, or fail when the other side ends before."""
    found = b""
    while len(found) < many:
        octets = sock.recv(many - len(found))
        assert octets, f"{len(found)} of {many} octets"
        found += octets
    return found
