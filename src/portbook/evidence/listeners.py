"""This machine's sockets and who owns them: the public way in.

Linux is asked over netlink (`sockdiag`), other systems through psutil; what could not be seen is
said in words, with the command that shows it.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from portbook.errors import UsageError
from portbook.records import Listener

WAYS = ("netlink", "text", "psutil")


class Seen(NamedTuple):
    """The sockets, and sentences about what could not be seen."""

    listeners: tuple[Listener, ...]
    hidden: tuple[str, ...]


def listeners(
    port: int | None = None,
    *,
    way: str | None = None,
    now_ns: int,
    established: bool = False,
) -> Seen:
    """Return the sockets that are open for others, or hold a port against them, with all owners.

    port: of this number alone
    way: "netlink" and "text" (/proc/net) on Linux, "psutil" anywhere; None: the best there is
    now_ns: the time that the records carry, Unix nanoseconds
    established: also TCP connections; those in TIME-WAIT belong to nobody and are never told
    Raises UsageError for a way that is none, or not of this system; PermissionError or OSError
    when the system gives no list of sockets at all.
    """
    if way is not None and way not in WAYS:
        raise UsageError(f"no such way to list sockets: {way!r}; known: {', '.join(WAYS)}")
    if way == "psutil" or (way is None and sys.platform != "linux"):
        from portbook.evidence import psutil_sockets

        return Seen(*psutil_sockets.listeners(port, established, now_ns))
    if sys.platform != "linux":
        raise UsageError(f"sockets are listed by {way} on Linux only; here: way='psutil'")
    from portbook.evidence import linux_listeners

    return Seen(*linux_listeners.listeners(port, established, now_ns, way))
