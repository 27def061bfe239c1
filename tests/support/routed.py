"""Two subnets with a router between, each a network namespace of the test's own.

`inner` 10.77.1.10/24 has its gateway at 10.77.1.1 (`in0` of `router`); `outer` has 10.77.2.20,
10.77.2.99 and the public 203.0.113.9, its gateway at 10.77.2.1 (`out0` of `router`). A socket
belongs to the namespace that its thread was in when it was made, so that one test holds all ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator

from support.veth import NEW_NETWORK, needs_veth

__all__ = ["INNER", "PUBLIC", "ROUTER", "STATION", "STRANGER", "Net", "needs_veth", "routed"]

INNER, ROUTER = "10.77.1.10", "10.77.1.1"
STATION, STRANGER, PUBLIC = "10.77.2.20", "10.77.2.99", "203.0.113.9"
PATIENCE_S = 5.0


class Net:
    """The three namespaces: inner, router, outer; each lives as long as its file is open."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._open: dict[str, int] = {}
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        try:
            for which in ("inner", "router", "outer"):
                if self._library.unshare(NEW_NETWORK):
                    raise OSError(ctypes.get_errno(), "unshare")
                self._open[which] = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        finally:
            self._enter(home)
            os.close(home)

    def close(self) -> None:
        """Let the namespaces go."""
        for descriptor in self._open.values():
            os.close(descriptor)

    def path(self, which: str) -> str:
        """Return a path by which another program finds a namespace."""
        return f"/proc/{os.getpid()}/fd/{self._open[which]}"

    def run(self, which: str, *command: str, text: str | None = None) -> str:
        """Run a command in a namespace; it has to work."""
        with self.inside(which):
            done = subprocess.run(
                command, input=text, capture_output=True, text=True, check=False, timeout=30
            )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def inside(self, which: str) -> Iterator[None]:
        """Be in a namespace, this thread alone."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            self._enter(self._open[which])
            yield
        finally:
            self._enter(home)
            os.close(home)

    def _enter(self, descriptor: int) -> None:
        if self._library.setns(descriptor, NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "setns")

    def udp(self, which: str, address: str, port: int) -> socket.socket:
        """Return a bound UDP socket that may broadcast."""
        with self.inside(which):
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.settimeout(PATIENCE_S)
        made.bind((address, port))
        return made

    def listener(self, which: str, address: str, port: int) -> socket.socket:
        """Return a listening TCP socket."""
        with self.inside(which):
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(PATIENCE_S)
        made.bind((address, port))
        made.listen()
        return made

    def client(self, which: str, address: str) -> socket.socket:
        """Return a TCP socket bound to an address, not connected yet."""
        with self.inside(which):
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.settimeout(PATIENCE_S)
        made.bind((address, 0))
        return made


@contextlib.contextmanager
def routed() -> Iterator[Net]:
    """Make the three namespaces and take them away again."""
    net = Net()
    try:
        for which in ("inner", "router", "outer"):
            net.run(which, "ip", "link", "set", "lo", "up")
        for which, end, gateway in (("inner", "in0", ROUTER), ("outer", "out0", "10.77.2.1")):
            link = ("ip", "link", "add", end, "type", "veth", "peer", "name", "eth0")
            net.run("router", *link, "netns", net.path(which))
            net.run("router", "ip", "address", "add", f"{gateway}/24", "brd", "+", "dev", end)
            net.run("router", "ip", "link", "set", end, "up")
        for which, addresses in (("inner", (INNER,)), ("outer", (STATION, STRANGER))):
            for address in addresses:
                net.run(which, "ip", "address", "add", f"{address}/24", "brd", "+", "dev", "eth0")
            net.run(which, "ip", "link", "set", "eth0", "up")
            gateway = ROUTER if which == "inner" else "10.77.2.1"
            net.run(which, "ip", "route", "add", "default", "via", gateway)
        net.run("outer", "ip", "address", "add", f"{PUBLIC}/32", "dev", "eth0")
        net.run("router", "ip", "route", "add", f"{PUBLIC}/32", "via", STATION)
        net.run("router", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        yield net
    finally:
        net.close()
