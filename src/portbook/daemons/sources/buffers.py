"""How much a UDP socket can hold while nobody reads, and how much it had to throw away.

Sources: socket(7) SO_RCVBUF, SO_RCVBUFFORCE; linux/sock_diag.h SK_MEMINFO_DROPS.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import NamedTuple

_RCVBUFFORCE, _MEMINFO = 33, 55  # Linux; not named by Python's socket module
_NUMBERS = struct.Struct("=9I")
_DROPS = 8
WANTED_OCTETS = 64 << 20


class Buffer(NamedTuple):
    """What a socket may hold; remedy: what the administrator does to allow more, None: enough."""

    asked_octets: int
    got_octets: int
    remedy: str | None


def enlarge(sock: socket.socket, octets: int = WANTED_OCTETS) -> Buffer:
    """Give a socket room for that many octets of datagrams, or as much as the system allows."""
    before = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if before < 2 * octets:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 2 * octets:
        with suppress(OSError):  # EPERM without CAP_NET_ADMIN, ENOPROTOOPT elsewhere
            sock.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, octets)
    # Linux doubles what is asked, for its own book-keeping, and tells the doubled number.
    got = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    if got >= octets:
        return Buffer(octets, got, None)
    remedy = f"sysctl -w net.core.rmem_max={octets}, or CAP_NET_ADMIN for rtpd or rtpid"
    return Buffer(octets, got, remedy)


def dropped(sock: socket.socket) -> int | None:
    """Return how many datagrams the kernel threw away for lack of room; None: it does not tell."""
    try:
        told = sock.getsockopt(socket.SOL_SOCKET, _MEMINFO, _NUMBERS.size)
    except OSError:
        return None
    if len(told) < _NUMBERS.size:
        return None
    drops: int = _NUMBERS.unpack(told[: _NUMBERS.size])[_DROPS]
    return drops


def waiting(sock: socket.socket) -> int | None:
    """Return how many octets of memory what waits in the socket takes; None: it is not told."""
    try:
        told = sock.getsockopt(socket.SOL_SOCKET, _MEMINFO, _NUMBERS.size)
    except OSError:
        return None
    if len(told) < _NUMBERS.size:
        return None
    taken: int = _NUMBERS.unpack(told[: _NUMBERS.size])[0]
    return taken
