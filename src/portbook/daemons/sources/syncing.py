"""Group commit: one thread that brings the spool to the disk, and says how far it is safe.

Whoever needs octets to be safe asks with a number; all who asked meanwhile share the next sync.
Answers come in the event loop's own thread. A sync that failed is told once for each failure and
tried again with the next request: the spool alone knows what of it is safe.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

MOST_PAUSE_S = 60.0


class Syncing:
    """Syncs in a thread of its own.

    sync: brings everything written to the disk and returns N: all below N is safe
    tell: how an answer is brought into the loop (loop.call_soon_threadsafe)
    safe: called there with each higher N; failed: called there with the error
    pause_s: between two syncs that nobody is in a hurry for
    """

    def __init__(
        self,
        sync: Callable[[], int],
        tell: Callable[..., object],
        safe: Callable[[int], None],
        failed: Callable[[Exception], None],
        *,
        pause_s: float = 0.1,
    ) -> None:
        self._sync, self._tell, self._on_safe, self._on_failed = sync, tell, safe, failed
        self._pause_s = min(max(pause_s, 0.0), MOST_PAUSE_S)
        self._change = threading.Condition()
        self._wanted = self._urgent = self._safe = 0
        self._ending = False
        self.count = 0
        self.failures = 0
        self.longest_s = 0.0
        self._thread = threading.Thread(target=self._run, name="syncing", daemon=True)
        self._thread.start()

    @property
    def safe(self) -> int:
        """Return N: everything below it is on the disk."""
        return self._safe

    def request(self, number: int, *, urgent: bool = False) -> None:
        """Ask that everything below a number becomes safe; urgent: somebody waits for the answer.

        Costs the caller a lock; never waits for a disk.
        """
        if number <= self._wanted and not (urgent and number > self._urgent):
            return
        with self._change:
            self._wanted = max(self._wanted, number)
            if urgent:
                self._urgent = max(self._urgent, number)
            self._change.notify()

    def close(self, patience_s: float = 10.0) -> bool:
        """Bring what was asked for to the disk, and end; False when the disk took too long."""
        with self._change:
            self._ending = True
            self._change.notify()
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        begun = float("-inf")
        while self._wait(begun):
            begun = time.monotonic()
            wanted = self._wanted
            try:
                reached = self._sync()
            except Exception as error:  # whatever it was: acknowledgements stop, and it is told
                self.failures += 1
                self._answer(self._on_failed, error)
                self._forget(wanted)
                continue
            self.count += 1
            self.longest_s = max(self.longest_s, time.monotonic() - begun)
            if reached > self._safe:
                self._safe = reached
                self._answer(self._on_safe, reached)
            if reached < wanted:
                self._forget(wanted)  # asking again at once would bring no more

    def _wait(self, begun: float) -> bool:
        """Wait until a sync is due; False: the end, and nothing is wanted any more."""
        with self._change:
            while True:
                if self._wanted > self._safe:
                    left = begun + self._pause_s - time.monotonic()
                    if self._ending or self._urgent > self._safe or left <= 0:
                        return True
                    self._change.wait(left)
                elif self._ending:
                    return False
                else:
                    self._change.wait()

    def _forget(self, wanted: int) -> None:
        """Let go of requests that no sync could meet, unless somebody asked for more since."""
        with self._change:
            if self._wanted <= wanted:
                self._wanted = self._safe
            if self._urgent <= wanted:
                self._urgent = 0

    def _answer(self, whom: Callable[..., None], what: object) -> None:
        try:
            self._tell(whom, what)
        except RuntimeError:
            self._ending = True  # the loop is closed: nobody listens any more
