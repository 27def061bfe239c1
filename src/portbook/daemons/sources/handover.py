"""Gives packets that came over TCP to the receiver, once a turn of the loop; holds what it refuses.

A receiver without room takes nothing of a batch. TCP can wait: the batch is held, its connections
are read no more, so that what follows stays with the sender, and it is offered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from portbook.seismic.spool import Arrival

AGAIN_S = 1.0
MOST = 4096  # packets of a batch


class Handover:
    """Collects packets of many connections into batches.

    deliver: takes a batch; False: it has no room, and took nothing
    hold: called with True when reading must stop, with False when it may go on
    """

    def __init__(
        self, deliver: Callable[[list[Arrival]], object], hold: Callable[[bool], None]
    ) -> None:
        self._deliver, self._hold = deliver, hold
        self._loop: asyncio.AbstractEventLoop | None = None
        self._batch: list[Arrival] = []
        self._soon: asyncio.Handle | None = None
        self.held = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to hand over."""
        self._loop = loop

    def put(self, arrivals: list[Arrival]) -> None:
        """Take packets; they are handed over before the loop waits again."""
        self._batch += arrivals
        if self.held or self._loop is None:
            return
        if len(self._batch) >= MOST:
            self.flush()
        elif self._soon is None:
            self._soon = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hand over now."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        batch, self._batch = self._batch, []
        if not batch or self._deliver(batch) is not False:
            self._set_held(False)
            return
        self._batch = batch + self._batch
        if self._loop is not None:
            self._set_held(True)
            self._soon = self._loop.call_later(AGAIN_S, self.flush)

    def stop(self) -> int:
        """Hand over a last time; return how many packets nobody took."""
        self.flush()
        self._loop = None
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        return len(self._batch)

    def _set_held(self, held: bool) -> None:
        if held != self.held:
            self.held = held
            self._hold(held)
