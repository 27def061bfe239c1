"""Unpacks in a thread of its own, a little ahead of whoever reads.

zlib and zstd work without the interpreter's lock, so that unpacking costs little where a second
core is free. But they take the lock for a moment whenever their output outgrows its room, and the
compiled reader holds it for as long as it has octets. So blocks are large, the reader gets them
in small steps, and between two steps it makes way sooner than Python usually does.
"""

from __future__ import annotations

import sys
import threading
from queue import SimpleQueue
from types import TracebackType
from typing import NamedTuple, Protocol

BLOCK = 2 * 1024 * 1024  # octets unpacked at a time
STEP = 128 * 1024  # octets handed over at a time
TURN_S = 50e-6  # how long a thread waits before it asks for the interpreter's lock
_BLOCKS = 1  # that wait unpacked; one more is being unpacked, and one is read


class Pieces(Protocol):
    """What is unpacked ahead; `unpacking.Packed` is one."""

    packed: str | None
    done: int

    def piece(self, most: int) -> bytes:
        """Return the next octets, `most` of them or fewer; none at the end."""


class _Block(NamedTuple):
    octets: bytes
    done: int  # octets of the file up to here
    last: bool
    error: BaseException | None  # what came behind the octets


class Ahead:
    """Octets that another thread unpacks, between `with` and its end; see `unpacking.Octets`.

    An error of the thread is raised by `into` where its octets would stand. The source must not
    keep its reader waiting for long: leaving the `with` waits for the thread.
    """

    def __init__(self, source: Pieces) -> None:
        self.packed, self.done = source.packed, source.done
        self._source = source
        self._room: SimpleQueue[bool] = SimpleQueue()  # a word for each block that may be made
        self._ready: SimpleQueue[_Block] = SimpleQueue()
        self._left = memoryview(b"")
        self._last: _Block | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="unpacking", daemon=True)

    def __enter__(self) -> Ahead:
        for _ in range(_BLOCKS):
            self._room.put(True)
        _turns.quicken()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped = True
        self._room.put(False)
        _turns.restore()
        self._thread.join()

    def into(self, room: memoryview) -> int:
        """Fill some of the room and return how much; 0 at the end.

        Raises what the source raised, once all before it was taken.
        """
        if not self._left and self._last is None:
            self._next()
        if not self._left and self._last and self._last.error:
            raise self._last.error
        count = min(len(room), len(self._left), STEP)
        room[:count], self._left = self._left[:count], self._left[count:]
        return count

    def _next(self) -> None:
        block = self._ready.get()
        self._left, self.done = memoryview(block.octets), max(self.done, block.done)
        if block.last:
            self._last = block
        else:
            self._room.put(True)

    def _work(self) -> None:
        last = False
        while not last and self._room.get() and not self._stopped:
            block = self._block()
            last = block.last
            self._ready.put(block)

    def _block(self) -> _Block:
        """Unpack a block; what comes in small pieces is gathered, to change threads seldom."""
        found: list[bytes] = []
        count, last, failed = 0, False, None
        try:
            while not last and count <= BLOCK // 4:
                octets = self._source.piece(BLOCK - count)
                found.append(octets)
                count += len(octets)
                last = not octets
        except BaseException as error:  # whatever it is, the one who reads must hear of it
            last, failed = True, error
        octets = found[0] if len(found) == 1 else b"".join(found)
        return _Block(octets, self._source.done, last, failed)


class _Turns:
    """How soon threads make way for each other, which is one setting for the whole process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._usual_s = 0.0

    def quicken(self) -> None:
        with self._lock:
            if not self._users:
                self._usual_s = sys.getswitchinterval()
                sys.setswitchinterval(min(TURN_S, self._usual_s))
            self._users += 1

    def restore(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                sys.setswitchinterval(self._usual_s)


_turns = _Turns()
