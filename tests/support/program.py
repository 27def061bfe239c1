"""Runs the real program in a process of its own, with folders of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Ended(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str

    def lines(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the records of --jsonl, all or of one kind."""
        records = [json.loads(line) for line in self.out.splitlines()]
        return [one for one in records if kind in (None, one["kind"])]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a run: nothing of the user's own settings and folders."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    folders = {
        name: str(home / folder)
        for name, folder in (("HOME", ""), ("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"))
    }
    return {**kept, **folders, "PYTHONPATH": os.pathsep.join(sys.path), **more}


def portbook(
    home: Path,
    *arguments: object,
    stdin: bytes = b"",
    timeout_s: float = 60,
    memory_octets: int | None = None,
    **more: str,
) -> Ended:
    """Run `portbook ARGUMENTS` and wait for its end; with memory_octets in no more than those."""
    done = subprocess.run(
        [sys.executable, "-m", "portbook", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=environment(home, **more),
        cwd=home,
        timeout=timeout_s,
        check=False,
        preexec_fn=_bounded(memory_octets) if memory_octets else None,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def _bounded(octets: int) -> Callable[[], None]:
    import resource

    return lambda: resource.setrlimit(resource.RLIMIT_AS, (octets, octets))
