"""Lines for people on standard error, one an event, as the journal likes them.

Under systemd each line begins with its syslog level (`<4>`), and the journal adds time and
program; elsewhere the line has its own time. Source: sd-daemon(3), systemd.exec(5) JOURNAL_STREAM.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

LEVELS = {"error": 3, "warning": 4, "note": 5, "info": 6, "debug": 7}
_LONGEST = 2000
_SHOWN = LEVELS["info"]


class Log:
    """Writes lines; a full or closed stream costs the line, and nothing else.

    shown: the level of syslog up to which lines are written
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        environ: Mapping[str, str] = os.environ,
        *,
        shown: int = _SHOWN,
    ) -> None:
        self._stream = stream or sys.stderr
        self._journal = _is_journal(self._stream, environ)
        self._shown = shown

    def say(self, level: str, text: str) -> None:
        """Write a line; level: error, warning, note, info or debug."""
        number = LEVELS.get(level, LEVELS["note"])
        if number > self._shown:
            return
        line = " ".join(text.split())[:_LONGEST]  # peers name things: no line may be forged
        if self._journal:
            line = f"<{number}>{line}"
        else:
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            line = f"{moment} {level}: {line}"
        try:
            self._stream.write(_printable(line) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass


def _printable(line: str) -> str:
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    try:
        about = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"
