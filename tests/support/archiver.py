"""The archiver as a process of its own, and a spool to feed it from."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from portbook.seismic.spool import Arrival, Mode, Spool

LIMIT_S = 60.0


def arrivals(octets: Iterable[bytes], *, from_ns: int = 0, each_ns: int = 0) -> list[Arrival]:
    """Return packets as they came in, the last one now unless told otherwise."""
    every = list(octets)
    first = from_ns or time.time_ns() - len(every) * each_ns
    return [
        Arrival(one, first + at * each_ns, Mode.RAW, "127.0.0.1", 2543)
        for at, one in enumerate(every)
    ]


class Running:
    """One archiver. Lines that it told are kept; `every` holds those that were not waited for."""

    every: ClassVar[list[Running]] = []

    def __init__(self, settings: dict[str, Any]) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portbook.daemons.archival.archiver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self.every.append(self)
        self.told: list[dict[str, Any]] = []
        self._held = b""
        self.send({"settings": settings})

    def send(self, line: dict[str, Any]) -> None:
        """Give it a line."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def of(self, kind: str) -> list[Any]:
        """Return what it told of a kind."""
        return [line[kind] for line in self.told if kind in line]

    def until(self, fulfilled: Callable[[], bool]) -> None:
        """Read what it tells until that holds; fails when it ends before."""
        end = time.monotonic() + LIMIT_S
        while not fulfilled():
            rest = end - time.monotonic()
            assert rest > 0, self.told[-5:]
            assert self.read(rest), f"it ended: {self.told[-5:]}"

    def read(self, limit_s: float) -> bool:
        """Read what there is, waiting for something; False when it has ended."""
        assert self.process.stdout
        file = self.process.stdout.fileno()
        if not select.select((file,), (), (), limit_s)[0]:
            return True
        octets = os.read(file, 1 << 20)
        *lines, self._held = (self._held + octets).split(b"\n")
        self.told += [json.loads(line) for line in lines]
        return bool(octets)

    def archived(self, number: int) -> None:
        """Wait until it has archived all below a number."""
        self.send({"spooled": number})
        self.until(lambda: number in self.of("archived"))

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()
        self.gone()

    def end(self) -> int:
        """End its input, as the receiver's death does; return its exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.gone()

    def gone(self) -> int:
        """Wait for its end, reading on; return its exit code."""
        while self.read(LIMIT_S):
            pass
        code = self.process.wait(LIMIT_S)
        self.every.remove(self)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            try:
                stream.close()
            except BrokenPipeError:
                continue
        return code


def spool_of(root: Path) -> Spool:
    """Return the spool that the archiver of `settings` follows."""
    return Spool(root / "rtpd" / "spool")


def settings(root: Path, units: Iterable[str] = (), **archive: Any) -> dict[str, Any]:
    """Return settings with both archives below a folder, and codes for units."""
    codes = {"1": ["HHZ", "HHN", "HHE"], "2": ["BHZ", "BHN", "BHE"]}
    return {
        "folder": str(root / "rtpd"),
        "archive": {
            "raw": str(root / "raw"),
            "sds": str(root / "sds"),
            "min_free_gb": 0,
            **archive,
        },
        "unit": {one: {"network": "XX", "station": f"S{one}", "stream": codes} for one in units},
    }
