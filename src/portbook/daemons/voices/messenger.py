"""Hands documents to a program on its standard input, one after the other, and never waits.

The watchdog tells its alarms so: what they are told to, mail, pagers and webhooks, may be slow or
large, and it must be neither.
"""

from __future__ import annotations

import json
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from portbook.daemons.watchdog.child import Child

MOST = 32  # documents that wait; more push out the oldest
MOST_OCTETS = 4096  # of a document: a pipe takes that much without anybody reading
LIMIT_NS = 120_000_000_000  # for one; then the program is killed


class Messenger:
    """Runs a command for each document; without a command nothing is told."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._command, self._environ = command, environ
        self._waiting: deque[bytes] = deque(maxlen=MOST)
        self._child = Child()
        self._until_ns = 0
        self.failed = 0  # documents whose program ended with an error

    def tell(self, document: Mapping[str, Any]) -> None:
        """Have a document told as soon as those before it were."""
        octets = json.dumps(document).encode()
        if self._command and len(octets) <= MOST_OCTETS:
            self._waiting.append(octets)

    @property
    def busy(self) -> bool:
        """Tell whether something is not told yet."""
        return bool(self._waiting or self._child.pid)

    def step(self, now_ns: int) -> None:
        """Go on: collect the program that has ended, start the next one."""
        if self._child.pid:
            status = self._child.collect()
            if status is None:
                if now_ns > self._until_ns:
                    self._child.signal(signal.SIGKILL)
                return
            self.failed += status != 0
        if self._waiting:
            self._start(self._waiting.popleft())
            self._until_ns = now_ns + LIMIT_NS

    def _start(self, octets: bytes) -> None:
        reading, writing = os.pipe()
        os.write(writing, octets)
        os.close(writing)
        try:
            self._child.start(self._command, {}, self._environ, stdin=reading)
        finally:
            os.close(reading)
