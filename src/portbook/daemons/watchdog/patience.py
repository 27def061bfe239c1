"""How long to wait before the same is tried again. Pure: time is an argument, in nanoseconds."""

from __future__ import annotations

from portbook.daemons.watchdog.vitals import SECOND_NS

_MOST_DOUBLINGS = 40


class Backoff:
    """Pauses before starting what ends too soon: none, then first_s, doubled up to most_s."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_ns = int(first_s * SECOND_NS)
        self._most_ns = int(most_s * SECOND_NS)
        self.failures = 0  # ends in a row, each too soon after its start

    def ended(self, *, well: bool) -> int:
        """Return the pause after an end; well: it had run well before, so the row begins anew."""
        if well:
            self.failures = 0
        pause = pause_ns(self.failures, self._first_ns, self._most_ns)
        self.failures += 1
        return pause

    def calm(self) -> None:
        """Forget the failures: what was started runs well."""
        self.failures = 0


class Spacing:
    """Keeps apart attempts that may not help: the first is free, each next pause is doubled.

    The row begins anew when twice the last pause has gone by without an attempt.
    """

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_ns = int(first_s * SECOND_NS)
        self._most_ns = int(most_s * SECOND_NS)
        self._last_ns = 0
        self.attempts = 0

    def wait_ns(self, now_ns: int) -> int:
        """Return how long the next attempt has to wait still, 0 when it may be made now."""
        if not self.attempts:
            return 0
        return max(0, self._last_ns + self._pause_ns() - now_ns)

    def attempt(self, now_ns: int) -> None:
        """Write down that an attempt is made now."""
        if self.attempts and now_ns - self._last_ns >= 2 * self._pause_ns():
            self.attempts = 0
        self._last_ns = now_ns
        self.attempts += 1

    def _pause_ns(self) -> int:
        return pause_ns(self.attempts, self._first_ns, self._most_ns)


def pause_ns(times: int, first_ns: int, most_ns: int) -> int:
    """Return the pause after so many: 0, first, 2 first, 4 first ... and never above most."""
    if times <= 0:
        return 0
    return min(most_ns, first_ns << min(times - 1, _MOST_DOUBLINGS))
