"""What asks `portbook serve` for much, for `serve.py`: readers of pages, and viewers of events.

    python benchmarks/serve_load.py viewers HOME COUNT

A viewer's process prints "ready" once all look, and in the end, on SIGTERM, when each change came
to the first and to the last of them: {"fd99::1:7": [monotonic ns, ...]}. Pages are asked by wrk
where it is installed, otherwise by a client of our own, which takes as much time as the server.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import NamedTuple
from urllib.parse import urlsplit

WRK = shutil.which("wrk")
CONNECTIONS = 32
MARK = re.compile(rb"fd99::[0-9a-f]+:[0-9a-f]+")  # addresses of the changes that viewers time
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Load(NamedTuple):
    """What readers got."""

    rate: float  # answers a second
    p50_ms: float
    p99_ms: float
    wrong: int  # answers that were none, or not 200


def load(home: str, paths: Sequence[str], seconds: float) -> Load:
    """Ask for the paths in turn for some seconds, over connections that are kept."""
    return _wrk(home, paths, seconds) if WRK else asyncio.run(_own(home, paths, seconds))


@contextmanager
def viewers(home: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """Let so many look at /events, in a process of their own; give it once all look."""
    command = [sys.executable, __file__, "viewers", home, str(count)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise SystemExit(f"not all of {count} viewers were let in")
        yield child
    finally:
        child.kill()
        child.wait()


def arrivals(child: subprocess.Popen[str]) -> dict[str, list[int]]:
    """End the viewers; return when each change came to each of them."""
    child.send_signal(signal.SIGTERM)
    told: dict[str, list[int]] = json.loads(child.communicate()[0].splitlines()[-1])
    return told


_LUA = """
local paths = {%s}
local number = 0
request = function()
  number = number %% #paths + 1
  return wrk.format("GET", paths[number], {["accept-encoding"] = "gzip"})
end
"""
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def _wrk(home: str, paths: Sequence[str], seconds: float) -> Load:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA % ", ".join(f'"{path}"' for path in paths))
        script.flush()
        command = [WRK or "", "--latency", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s"]
        done = subprocess.run(
            [*command, "-s", script.name, home], capture_output=True, text=True, check=True
        )
    wrong = [int(one) for one in re.findall(r"Non-2xx or 3xx responses: (\d+)", done.stdout)]
    for line in re.findall(r"Socket errors: (.*)", done.stdout):
        wrong += map(int, re.findall(r"\d+", line))
    rate = re.search(r"Requests/sec: +([\d.]+)", done.stdout)
    assert rate, done.stdout
    return Load(float(rate[1]), _at(50, done.stdout), _at(99, done.stdout), sum(wrong))


def _at(percent: int, told: str) -> float:
    found = re.search(rf"^ +{percent}% +([\d.]+)(us|ms|s|m)$", told, re.MULTILINE)
    assert found, told
    return float(found[1]) * _UNITS[found[2]]


async def _own(home: str, paths: Sequence[str], seconds: float) -> Load:
    until, took, wrong = time.monotonic() + seconds, list[float](), 0
    turn = cycle(paths)
    where = urlsplit(home)

    async def reader() -> None:
        nonlocal wrong
        stream, out = await asyncio.open_connection(where.hostname, where.port)
        while time.monotonic() < until:
            began = time.monotonic()
            out.write(_request(next(turn), where.netloc))
            head = await stream.readuntil(_HEAD_END)
            length = _LENGTH.search(head)
            await stream.readexactly(int(length[1]) if length else 0)
            took.append(1000 * (time.monotonic() - began))
            wrong += b" 200 " not in head[:16]
        out.close()

    async with asyncio.TaskGroup() as together:
        for _ in range(CONNECTIONS):
            together.create_task(reader())
    took.sort()
    return Load(len(took) / seconds, took[len(took) // 2], took[int(len(took) * 0.99)], wrong)


def _request(path: str, host: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\n\r\n".encode()


class _Viewer(asyncio.Protocol):
    """One stream of events, read as it comes."""

    def __init__(self, host: str, seen: dict[str, list[int]]) -> None:
        self.began: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._host, self._seen, self._rest = host, seen, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_request("/events", self._host))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if not self.began.done() and b"retry:" in data:
            self.began.set_result(None)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for mark in {one[0].decode() for line in lines if (one := MARK.search(line))}:
            self._seen.setdefault(mark, []).append(now)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.began.done():
            self.began.set_exception(error or ConnectionError("refused"))


async def _view(home: str, count: int) -> None:
    where, seen = urlsplit(home), dict[str, list[int]]()
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)
    for _ in range(count):
        _, viewer = await loop.create_connection(
            lambda: _Viewer(where.netloc, seen), where.hostname, where.port
        )
        await viewer.began
    print("ready", flush=True)
    await end.wait()
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    asyncio.run(_view(sys.argv[2], int(sys.argv[3])))
