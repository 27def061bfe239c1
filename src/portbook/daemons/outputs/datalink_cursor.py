"""The file that keeps how far a DataLink server has taken our records: one number."""

from __future__ import annotations

import os
from pathlib import Path

from portbook.errors import UsageError

_DIGITS = 20


class CursorFile:
    """A ring sequence that survives its program.

    Raises UsageError when the file cannot be used, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            message = f"{path}: {error.strerror}; the DataLink cursor stands there"
            raise UsageError(message) from None
        told = os.pread(self._file, 64, 0).strip()
        if told and not (told.isdigit() and len(told) == _DIGITS):
            self.close()
            raise UsageError(
                f"{path}: holds no DataLink cursor; remove it, and all that the ring holds is sent"
            )
        self.sequence = int(told or b"0")

    def keep(self, sequence: int) -> None:
        """Write a sequence down.

        In place and in one write: killed at any moment a program goes on at this one or the one
        before. A power cut may cost some repetitions, so it is not worth a sync.
        """
        self.sequence = sequence
        os.pwrite(self._file, b"%0*d\n" % (_DIGITS, sequence), 0)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
