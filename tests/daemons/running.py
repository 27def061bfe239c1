"""A receiver in a process of its own, and the little that is needed to speak with it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import program

LIMIT_S = 30.0
_LISTENS = re.compile(r"listens for (\w+) at \S+?:(\d+)( \(handed over\))?\n?\Z")
_RUN = """
import os, sys
handed = [int(one) for one in os.environ.pop("HANDED", "").split(",") if one]
for at, file in enumerate(handed):
    os.dup2(file, 100 + at)
for at in range(len(handed)):
    os.dup2(100 + at, 3 + at)
if handed:
    os.environ["LISTEN_PID"] = str(os.getpid())
from pathlib import Path
from portbook.daemons.running.rtpd import run
from portbook.daemons.configuration.settings import load
from portbook.errors import SourceError, UsageError
path = Path(sys.argv[1])
try:
    sys.exit(run(load(path), reread=lambda: load(path)))
except (SourceError, UsageError) as error:
    print(error, file=sys.stderr)
    sys.exit(4)
"""
SETTINGS = """
folder = "rtpd"
[listen]
field = "127.0.0.1:0"
clients = "127.0.0.1:0"
status = "127.0.0.1:0"
[spool]
sync_ms = 5
[archive]
raw = "raw"
min_free_gb = 0
"""


class Running:
    """A receiver; `said` grows with the lines that it writes."""

    def __init__(self, home: Path, environ: Mapping[str, str], **more: Any) -> None:
        self.home = home
        self.said: list[str] = []
        self.ports: dict[str, int] = {}
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RUN, str(home / "rtpd.toml")],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=program.environment(home, **environ),
            cwd=home,
            **more,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def begun(self) -> Running:
        """Wait until it serves."""
        self.hear("spool at packet")
        return self

    def hear(self, words: str, times: int = 1) -> str:
        """Wait for a line with these words."""

        def heard() -> list[str]:
            return [one for one in self.said if words in one]

        with self._news:
            done = self._news.wait_for(
                lambda: len(heard()) >= times or not self._reader.is_alive(), LIMIT_S
            )
        assert done, self.said
        assert len(heard()) >= times, self.said
        return heard()[times - 1]

    def udp(self, *datagrams: bytes, source: str = "127.0.0.1") -> None:
        """Send datagrams to the field socket from an address of ours."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
            for one in datagrams:
                sock.sendto(one, ("127.0.0.1", self.ports["field"]))

    def status(self) -> dict[str, Any]:
        """Return what /status tells."""
        address = f"http://127.0.0.1:{self.ports['status']}/status"
        with urllib.request.urlopen(address, timeout=LIMIT_S) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def until(self, what: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Wait until the status is as wanted; it is new once a second."""
        end = time.monotonic() + LIMIT_S
        while not what(told := self.status()):
            assert time.monotonic() < end, told
            self.process.poll()
            assert self.process.returncode is None, self.said
            with self._news:
                self._news.wait(0.1)
        return told

    def total(self, name: str, number: int) -> dict[str, Any]:
        """Wait until a total is a number."""
        return self.until(lambda told: told["totals"].get(name) == number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code, negative for a signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for octets in self.process.stderr:
            line = octets.decode()
            match = _LISTENS.search(line)
            with self._news:
                self.said.append(line)
                if match:
                    self.ports[match[1]] = int(match[2])
                self._news.notify_all()
        self.process.stderr.close()
        with self._news:
            self._news.notify_all()


@contextmanager
def running(
    home: Path, settings: str = SETTINGS, environ: Mapping[str, str] | None = None, **more: Any
) -> Iterator[Running]:
    """Run a receiver on a folder; killed at the end, if it is still there."""
    (home / "rtpd.toml").write_text(settings)
    made = Running(home, environ or {}, **more)
    try:
        yield made.begun()
    finally:
        made.end(signal.SIGKILL)


class Client:
    """A client of the RTPD protocol, version 1, that wants everything."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        self._say("000100000000", 6)
        self._say("000b00000004 00000001", 10)
        self._say("00030000001c 00000000 0000ffff 000000ff 0000001e" + "00000000" * 3, 34)

    def packets(self, count: int) -> list[bytes]:
        """Return the next packets."""
        found: list[bytes] = []
        while len(found) < count:
            head = self._take(6)
            kind, length = int.from_bytes(head[:2]), int.from_bytes(head[2:])
            octets = self._take(length)
            if kind == 0:
                found.append(octets)
        return found

    def close(self) -> None:
        self.socket.close()

    def _say(self, digits: str, answer: int) -> None:
        self.socket.sendall(bytes.fromhex(digits))
        self._take(answer)

    def _take(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self.socket.recv(count - len(octets))
            assert more, "the server closed the connection"
            octets += more
        return octets


def handing_over(sockets: Mapping[str, socket.socket]) -> dict[str, Any]:
    """Return what gives these sockets to a receiver as systemd does; for `running`."""
    files = [str(one.fileno()) for one in sockets.values()]
    return {
        "environ": {
            "HANDED": ",".join(files),
            "LISTEN_FDS": str(len(files)),
            "LISTEN_FDNAMES": ":".join(sockets),
        },
        "pass_fds": tuple(map(int, files)),
    }
