"""A line of progress on standard error for long work, only where somebody looks."""

from __future__ import annotations

import sys
import time

from portbook.faces.terminal import safe

AFTER_S, EVERY_S = 1.0, 0.2


class Progress:
    """Shows how far a source has been read, after a second and not more often than needed."""

    def __init__(self) -> None:
        self._shown = False
        self._wanted = sys.stderr.isatty()
        self._next = time.monotonic() + AFTER_S

    def __call__(self, source: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` octets of a source are read; total may be unknown."""
        if not self._wanted or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_S
        share = f"{min(100, 100 * done // total)} % of " if total else ""
        sys.stderr.write(f"\r\x1b[K{safe(source)}: {share}{_size(total or done)}")
        sys.stderr.flush()
        self._shown = True

    def close(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _size(octets: int) -> str:
    size = float(octets)
    for unit in ("octets", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "octets" else f"{size:.1f} {unit}"
        size /= 1000
    return ""
