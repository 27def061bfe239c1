"""The sudden end of a process, at any of its calls that change the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest


class Gone(BaseException):
    """The process ends here."""


class Doom:
    """Ends the process at one of its calls that change the disk; a write is done by half."""

    CALLS = ("pwrite", "rename", "replace", "fsync", "unlink", "ftruncate", "truncate", "mkdir")

    def __init__(self, patch: pytest.MonkeyPatch, at: int | None) -> None:
        self.calls, self._at = 0, at
        for name in self.CALLS:
            patch.setattr(os, name, self._doomed(name, getattr(os, name)))

    def _doomed(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **more: Any) -> Any:
            self.calls += 1
            if self._at is not None and self.calls >= self._at:
                if name == "pwrite" and self.calls == self._at:
                    real(words[0], words[1][: len(words[1]) // 2], words[2])
                raise Gone
            return real(*words, **more)

        return call
