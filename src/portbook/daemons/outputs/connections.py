"""TCP connections as the receiver wants them: never waiting, quick, and noticed when dead."""

from __future__ import annotations

import errno
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

from portbook.daemons.sources.peers import plain

SEND_OCTETS = 256 << 10  # a client that never reads costs no more of the system's memory
NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# Seconds of silence before the system asks whether the other end lives, between, and how often.
_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6))
_AT_ONCE = struct.pack("=ii", 1, 0)  # struct linger: on, 0 s


class Peer(NamedTuple):
    """The other end of a connection."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else ":".join(map(str, self))


def prepared(sock: socket.socket, send_octets: int | None = None) -> Peer | None:
    """Make a connection ready for use and return who is there; None when it is gone already."""
    try:
        peer = sock.getpeername()
        sock.setblocking(False)
        # Small writes would wait for delayed acknowledgements: 43 ms instead of 5.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if send_octets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_octets)
    except OSError:
        return None
    for name, value in _ALIVE:
        with suppress(OSError, AttributeError):  # not every system has them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return Peer(plain(peer[0]), peer[1])


def reset(sock: socket.socket) -> None:
    """Close at once and let go of all that waits to be sent: a close alone would keep it."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    sock.close()
