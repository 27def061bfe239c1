"""Runs the real watchdog over a stand-in receiver; its log says when, nobody sleeps."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from portbook.daemons.watchdog import restarts
from portbook.daemons.watchdog.child import in_order
from portbook.daemons.watchdog.notify import listen_variables
from portbook.daemons.watchdog.rtpid import Plan
from portbook.daemons.watchdog.vitals import Limits
from support.program import environment

STANDIN = Path(__file__).with_name("standin.py")
QUICK = Limits(limit_s=0.8, calm_s=0.3, stop_s=5, probe_s=0.3, probe_limit_s=0.3, again_s=60)
PATIENCE_S = 30.0  # a machine may be busy; a test that fails takes that long


class Watchdog:
    """A watchdog that runs: its folder, its sockets' addresses and what it said so far."""

    def __init__(self, pid: int, log: int, folder: Path, sockets: Mapping[str, socket.socket]):
        self.pid, self.folder = pid, folder
        self.addresses = {name: sock.getsockname()[:2] for name, sock in sockets.items()}
        self.said = ""
        self._log = log
        self._mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def says(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Wait until the log has so many matches, and return the last of them."""
        until = time.monotonic() + PATIENCE_S
        while len(found := list(re.finditer(pattern, self.said))) < times:
            ready = select.select([self._log], [], [], max(0.0, until - time.monotonic()))[0]
            octets = os.read(self._log, 65536) if ready else b""
            assert octets, f"it never said {pattern!r} {times} times:\n{self.said}"
            self.said += octets.decode()
        return found[times - 1]

    def serving(self, times: int = 1) -> int:
        """Wait until a receiver serves for the so-manyth time; return its pid."""
        return int(self.says(r"rtpd (\d+) serves", times)[1])

    def send(self, octets: bytes) -> None:
        """Send a datagram to the field's socket."""
        self._mouth.sendto(octets, self.addresses["field"])

    def asks(self) -> bytes:
        """Connect as a client does, and return what six octets bring."""
        with socket.create_connection(self.addresses["clients"], PATIENCE_S) as client:
            client.settimeout(PATIENCE_S)
            client.sendall(b"\0\1\0\0\0\0")
            return client.recv(100)

    def lines(self, kind: str) -> list[dict[str, object]]:
        """Return what stands in restarts.jsonl of a kind."""
        return [one for one in restarts.read(str(self.folder)) if one["kind"] == kind]

    def got(self) -> list[bytes]:
        """Return the datagrams that receivers took, all lives together."""
        return (self.folder / "got").read_bytes().splitlines()

    def ends(self) -> int:
        """Wait for its end, and return its exit code or minus the signal."""
        fd = os.pidfd_open(self.pid)
        assert select.select([fd], [], [], PATIENCE_S)[0], self.said
        os.close(fd)
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """End it, the hard way if it is still there."""
        self._mouth.close()
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            with suppress(AssertionError):
                self.ends()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._log)


@contextmanager
def watching(
    folder: Path,
    *,
    limits: Limits = QUICK,
    command: Sequence[str] | None = None,
    tell: Sequence[str] = (),
    prepare: Callable[[], int] = lambda: -1,
    **more: str,
) -> Iterator[Watchdog]:
    """Start a watchdog over a stand-in, or over a command, in a folder of its own.

    prepare: called in the process before it becomes the watchdog; returns the folder's hold
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as field,
        socket.create_server(("127.0.0.1", 0), backlog=4096) as clients,
    ):
        field.bind(("127.0.0.1", 0))
        sockets = {"field": field, "clients": clients}
        standin = [sys.executable, "-X", "faulthandler", str(STANDIN), str(folder)]
        plan = Plan(str(folder), command or standin, limits, tell)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(plan, sockets, writing, prepare, environment(folder, **more))
        os.close(writing)
        made = Watchdog(pid, reading, folder, sockets)
    try:
        yield made
    finally:
        made.close()


def _become(
    plan: Plan,
    sockets: Mapping[str, socket.socket],
    log: int,
    prepare: Callable[[], int],
    environ: dict[str, str],
) -> None:
    try:
        hold = prepare()
        os.dup2(log, 2)
        also = in_order([one.fileno() for one in sockets.values()], [hold] if hold >= 0 else [])
        told = plan._replace(hold=also[0] if also else -1)
        words = json.dumps({**told._asdict(), "limits": plan.limits._asdict()})
        variables = {**environ, **listen_variables(list(sockets), os.getpid())}
        command = [sys.executable, "-m", "portbook.daemons.watchdog.rtpid", words]
        os.execve(sys.executable, command, variables)
    finally:
        os._exit(99)


@contextmanager
def guarded(home: Path, *words: str) -> Iterator[Watchdog]:
    """Run `portbook rtpid WORDS` over the real receiver; its folder has to be home/rtpd."""
    reading, writing = os.pipe()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "portbook", "rtpid", *words],
        environment(home),
        file_actions=[(os.POSIX_SPAWN_DUP2, writing, 2)],
    )
    os.close(writing)
    made = Watchdog(pid, reading, home / "rtpd", {})
    try:
        made.serving()
        for name in ("field", "clients", "status"):
            port = made.says(rf"listens for {name} at 127\.0\.0\.1:(\d+) \(handed over\)")[1]
            made.addresses[name] = ("127.0.0.1", int(port))
        yield made
    finally:
        made.close()
