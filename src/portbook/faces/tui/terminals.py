"""Whether there is a terminal to draw on, and what colours mean on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from portbook.errors import UsageError

_STREAMS = ("stdin", "stdout", "stderr")  # keys, what is left behind, what is drawn


def check(instead: str) -> None:
    """Raise UsageError unless this is a terminal that can be drawn on.

    instead: the command that writes lines, which works everywhere
    """
    lacking = [name for name in _STREAMS if not getattr(sys, name).isatty()]
    if lacking:
        raise UsageError(
            f"the full screen needs a terminal, and {lacking[0]} is none; for lines of text "
            f"write: {instead}"
        )
    if os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        raise UsageError(
            "the full screen needs a terminal that can be drawn on, and TERM says that this one "
            f"cannot; for lines of text write: {instead}"
        )


@contextmanager
def colours() -> Iterator[None]:
    """Let NO_COLOR mean what it means everywhere, and leave it as it was.

    textual takes it out of the environment, and takes an empty one for set (no-color.org: it is
    not).
    """
    told = os.environ.get("NO_COLOR")
    if not told:
        os.environ.pop("NO_COLOR", None)
    try:
        yield
    finally:
        if told is not None:
            os.environ["NO_COLOR"] = told
