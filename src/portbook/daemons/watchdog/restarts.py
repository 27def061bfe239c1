"""Where each restart and its reason are written down: JSON lines in FOLDER/restarts.jsonl."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any

NAME = "restarts.jsonl"
MOST_OCTETS = 1 << 20  # then the file is put aside as restarts.jsonl.1, and a new one begun


def write(folder: str, kind: str, now_ns: int, **facts: Any) -> None:
    """Append one line: kind `start`, `serving`, `end` or `trouble`, its time, and facts about it.

    A disk that takes no more is no reason to stop watching: then the log alone has it.
    """
    path = os.path.join(folder, NAME)
    line = json.dumps({"kind": kind, "time": stamp(now_ns), **facts}) + "\n"
    with suppress(OSError):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, line.encode())
            if os.fstat(fd).st_size > MOST_OCTETS:
                os.replace(path, f"{path}.1")
        finally:
            os.close(fd)


def read(folder: str, most: int = 1000) -> list[dict[str, Any]]:
    """Return the last lines, oldest first; what is no line of ours is left out."""
    lines: list[str] = []
    for name in (f"{NAME}.1", NAME):
        with suppress(OSError), open(os.path.join(folder, name), errors="replace") as file:
            lines += file.read(2 * MOST_OCTETS).splitlines()
    found = []
    for line in lines[-most:]:
        with suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict) and "kind" in told:
                found.append(told)
    return found


def stamp(now_ns: int) -> str:
    """Return a time as RFC 3339 in UTC, to the millisecond."""
    seconds, rest = divmod(now_ns, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1_000_000:03d}Z"
