"""When something was asked last, over runs: some questions may be asked only so often.

A small JSON file, locked while it is looked at and written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portbook.errors import SourceError

NANO = 1_000_000_000
LARGEST = 1 << 20
KEPT_S = 86_400  # longer than the longest pause


class Rounds:
    """What was asked when.

    path: None remembers within this object only. Raises SourceError when it cannot be kept: a
    pause that cannot be remembered cannot be promised.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._here: dict[str, int] = {}

    def take(self, what: str, every_s: float, now_ns: int) -> float:
        """Take a turn; 0: taken, it may be asked now; else how many seconds it has to wait."""
        if not every_s:
            return 0.0
        with self._locked() as known:
            wait_s = every_s - (now_ns - known.get(what, -(1 << 62))) / NANO
            # a clock that was set back must not keep the turn for longer than the pause
            if 0 < wait_s <= every_s:
                return wait_s
            known[what] = now_ns
            return 0.0

    @contextmanager
    def _locked(self) -> Iterator[dict[str, int]]:
        if self._path is None:
            yield self._here
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._path, "a+b") as file:
                _lock(file.fileno())
                known = _read(self._path)
                yield known
                newest = max(known.values(), default=0)
                kept = {what: at for what, at in known.items() if newest - at <= KEPT_S * NANO}
                file.truncate(0)
                file.write(json.dumps(kept).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SourceError(
                f"{self._path}: {error.strerror}; when was asked last cannot be kept, so nothing "
                "is asked"
            ) from error


def _lock(file: int) -> None:
    if os.name == "posix":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)


def _read(path: Path) -> dict[str, int]:
    """Return what is known; a torn or foreign file counts as nothing."""
    try:
        with open(path, "rb") as file:
            told = json.loads(file.read(LARGEST) or b"{}")
    except ValueError:
        return {}
    if not isinstance(told, dict):
        return {}
    return {str(what): at for what, at in told.items() if isinstance(at, int)}
