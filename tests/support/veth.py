"""A network namespace of the test's own with a pair of virtual interfaces: `left` and `right`."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

import pytest

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
SIOCGIFFLAGS, IFF_RUNNING = 0x8913, 0x40
NOTICED_S = 3.0  # the kernel looks at links at least once a second
SILENT = "net.ipv6.conf.default.disable_ipv6=1"  # else the kernel sends frames of its own


def _may_make_namespaces() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    probe = [
        "unshare",
        "--net",
        "ip",
        "link",
        "add",
        "left",
        "type",
        "veth",
        "peer",
        "name",
        "right",
    ]
    try:
        return subprocess.run(probe, capture_output=True, check=False, timeout=10).returncode == 0
    except OSError:
        return False


needs_veth = pytest.mark.skipif(
    not _may_make_namespaces(), reason="making network namespaces and interfaces needs root"
)


@contextlib.contextmanager
def pair(mtu: int = 65535) -> Iterator[None]:
    """Be in a namespace with `left` and `right` up and joined; everything is gone afterwards."""
    library = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home:
        if library.unshare(NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            run("sysctl", "-q", "-w", SILENT)
            run("ip", "link", "set", "lo", "up")
            run("ip", "link", "add", "left", "type", "veth", "peer", "name", "right")
            for name in ("left", "right"):
                run("ip", "link", "set", name, "arp", "off", "mtu", str(mtu), "up")
            yield
        finally:
            if library.setns(home.fileno(), NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")


def run(*command: str) -> None:
    """Run a command that has to work."""
    subprocess.run(command, check=True, capture_output=True)


def send(frames: Iterable[bytes], name: str = "left") -> int:
    """Send whole Ethernet frames out of an interface; return how many.

    A link that was just set up drops what is sent until the kernel has noticed: that is waited for.
    """
    until = time.monotonic() + NOTICED_S
    while not _running(name) and time.monotonic() < until:
        pass
    count = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((name, 0))
        for frame in frames:
            out.send(frame)
            count += 1
    return count


def _running(name: str) -> bool:
    """Tell whether an interface's queue takes frames: IFF_RUNNING (netdevice(7), RFC 2863)."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_one:
        asked = struct.pack("16sH14x", name.encode(), 0)
        told = fcntl.ioctl(any_one, SIOCGIFFLAGS, asked)
    flags: int = struct.unpack_from("H", told, 16)[0]
    return bool(flags & IFF_RUNNING)
