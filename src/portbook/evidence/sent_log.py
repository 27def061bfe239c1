"""The log of all that portbook sent: a JSON line before each message leaves.

Octets that are secret (a community) stand there as `**`; what came back is counted, not kept.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any

NANO = 1_000_000_000


class SentLog:
    """Writes lines to a file, none to nowhere.

    path: appended to, made when absent, for its owner only. Raises OSError when it cannot be
    written: what cannot be logged is not sent.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._file: IO[str] | None = None
        if path is not None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")

    def __enter__(self) -> SentLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    def write(self, what: str, now_ns: int, **fields: Any) -> None:
        """Write one line; what: connect, send, came, end."""
        if self._file:
            line = {"what": what, "time": moment(now_ns), **fields}
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()


def moment(now_ns: int) -> str:
    """Return Unix nanoseconds as RFC 3339 in UTC."""
    seconds, rest = divmod(now_ns, NANO)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
