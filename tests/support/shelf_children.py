"""The processes that a shelf of this test has started."""

from __future__ import annotations

import psutil


def children() -> list[psutil.Process]:
    """Return the shelf's own children: other tests' servers and browsers live beside them."""
    return [one for one in psutil.Process().children() if _is_ours(one)]


def _is_ours(one: psutil.Process) -> bool:
    try:
        return any("portbook.faces.web.children" in word for word in one.cmdline())
    except psutil.NoSuchProcess:
        return False
