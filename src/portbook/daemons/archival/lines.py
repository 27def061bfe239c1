"""Lines between a process and its parent: JSON in and out, never waiting for who does not read."""

from __future__ import annotations

import os
import select
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any

import msgspec

_CHUNK = 1 << 16
MOST_LINE = 16 << 20  # octets: the settings of many thousand units
MOST_WAITING = 10_000  # lines that wait for the parent
URGENT = frozenset(("alarm", "clear", "error"))
DRAIN_S = 0.5


class Outbox:
    """Lines to the parent. What waits is bounded: the oldest go, and how many is told."""

    def __init__(self, file: int, most: int = MOST_WAITING) -> None:
        self.broken = False  # nobody is there to read
        self._file, self._most = file, most
        self._urgent: deque[bytes] = deque()  # alarms, which no flood of others may push out
        self._waiting: deque[bytes] = deque()
        self._latest: dict[str, bytes] = {}
        self._part = b""
        self._dropped = 0
        os.set_blocking(file, False)

    def fileno(self) -> int:
        """Return the file that is written to."""
        return self._file

    @property
    def waiting(self) -> bool:
        """Tell whether something is to be written."""
        return bool(self._part or self._urgent or self._waiting or self._latest)

    def say(self, kind: str, what: Any) -> None:
        """Tell something: {kind: what}."""
        row = self._urgent if kind in URGENT else self._waiting
        if len(row) >= self._most:
            row.popleft()
            self._dropped += 1
        row.append(_line({kind: what}))
        self.write()

    def latest(self, key: str, told: dict[str, Any]) -> None:
        """Tell how something stands; a line of that key that still waits is not needed any more."""
        self._latest[key] = _line(told)
        self.write()

    def write(self) -> None:
        """Write what the parent has room for."""
        while not self.broken and self.waiting:
            if not self._part:
                self._part = self._next()
            try:
                done = os.write(self._file, self._part)
            except BlockingIOError:
                return
            except OSError:
                self.broken = True
                return
            self._part = self._part[done:]

    def drain(self, limit_s: float = DRAIN_S) -> None:
        """Write the rest, waiting that long at most."""
        until = monotonic() + limit_s
        self.write()
        while self.waiting and not self.broken and (rest := until - monotonic()) > 0:
            select.select((), (self._file,), (), rest)
            self.write()

    def _next(self) -> bytes:
        if self._dropped:
            count, self._dropped = self._dropped, 0
            return _line({"error": f"{count} lines went untold: nobody read them in time"})
        if self._urgent:
            return self._urgent.popleft()
        if self._waiting:
            return self._waiting.popleft()
        return self._latest.pop(next(iter(self._latest)))


class Inbox:
    """Lines from the parent; also wakes at what is written to `wake`, by a signal."""

    def __init__(self, file: int, wake: int) -> None:
        self.ended = False
        self._file, self._wake = file, wake
        self._held = b""
        os.set_blocking(file, False)

    def read(self, wait_s: float, outbox: Outbox) -> list[bytes]:
        """Return whole lines, waiting for the first; writes what waits in the outbox meanwhile."""
        writing = (outbox,) if outbox.waiting and not outbox.broken else ()
        readable, writable, _ = select.select((self._file, self._wake), writing, (), wait_s)
        if writable:
            outbox.write()
        if self._wake in readable:
            with suppress(BlockingIOError):
                os.read(self._wake, _CHUNK)
        return self._take() if self._file in readable else []

    def _take(self) -> list[bytes]:
        try:
            octets = os.read(self._file, _CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            octets = b""
        self.ended = not octets
        *lines, self._held = (self._held + octets).split(b"\n")
        if len(self._held) > MOST_LINE:
            self._held, self.ended = b"", True  # that is not the receiver
        return [line for line in lines if line]


def _line(told: dict[str, Any]) -> bytes:
    return msgspec.json.encode(told) + b"\n"
