"""The receiver's sockets: handed over by whoever started it, or bound by itself.

A port that is taken is told with who has taken it, as far as this user may see.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Mapping

from portbook.daemons.configuration.places import Endpoint, endpoint
from portbook.daemons.configuration.settings import Settings
from portbook.daemons.sources.buffers import Buffer, enlarge
from portbook.daemons.watchdog.notify import NAMES, listening
from portbook.errors import SourceError, UsageError

BACKLOG = 1024  # a thousand clients come back at once after a restart
MB = 1_000_000
FIELD = "field"


class DoorError(SourceError):
    """An address cannot be listened on."""


class Doors:
    """The open sockets by name; `given` names those that were handed over."""

    def __init__(self) -> None:
        self.sockets: dict[str, socket.socket] = {}
        self.given: tuple[str, ...] = ()
        self.buffer: Buffer | None = None

    def get(self, name: str) -> socket.socket | None:
        """Return the socket of a name, None when nothing listens there."""
        return self.sockets.get(name)

    def where(self, name: str) -> str:
        """Return ADDRESS:PORT that a socket is really bound to, "" when there is none."""
        sock = self.sockets.get(name)
        if sock is None:
            return ""
        return str(Endpoint(*sock.getsockname()[:2]))

    def close(self) -> None:
        """Close all sockets."""
        for sock in self.sockets.values():
            sock.close()
        self.sockets.clear()


def opened(settings: Settings, environ: Mapping[str, str]) -> Doors:
    """Return sockets for all addresses of the settings; those handed over come first.

    Raises DoorError for an address that cannot be listened on, UsageError for sockets handed over
    that are not what their names say.
    """
    doors = Doors()
    try:
        doors.sockets = listening(environ)
    except ValueError as error:
        raise UsageError(str(error)) from None
    doors.given = tuple(doors.sockets)
    try:
        for name in NAMES:
            here = endpoint(getattr(settings.listen, name))
            if here is not None and name not in doors.sockets:
                doors.sockets[name] = _bound(name, here)
    except DoorError:
        doors.close()
        raise
    field = doors.sockets.get(FIELD)
    if field is not None:
        doors.buffer = enlarge(field, int(settings.listen.receive_mb * MB))
    return doors


def _bound(name: str, here: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in here.address else socket.AF_INET
    kind = socket.SOCK_DGRAM if name == FIELD else socket.SOCK_STREAM
    sock = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:  # connections of before a restart may linger
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((here.address, here.port))
        if kind == socket.SOCK_STREAM:
            sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise DoorError(_trouble(name, here, error)) from error
    sock.setblocking(False)
    return sock


def _trouble(name: str, here: Endpoint, error: OSError) -> str:
    what = f"listen.{name}: {here}/{'udp' if name == FIELD else 'tcp'}"
    if error.errno == errno.EADDRINUSE:
        return f"{what} is taken{_by_whom(name, here.port)}; end it, or choose another port"
    if error.errno == errno.EACCES:
        return f"{what}: ports below 1024 need CAP_NET_BIND_SERVICE, or a socket handed over"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{what}: no interface of this machine has that address; see `ip address`"
    return f"{what}: {error.strerror or error}"


def _by_whom(name: str, port: int) -> str:
    """Return words about who holds a port; only asked when it is too late to be quick."""
    if sys.platform != "linux":
        return f"; `portbook here --port {port}` shows by whom"
    from portbook.evidence.listeners import listeners
    from portbook.ports import Transport

    wanted = Transport.UDP if name == FIELD else Transport.TCP
    try:
        seen = listeners(port, now_ns=time.time_ns())
    except OSError:
        return f"; `portbook here --port {port}` shows by whom"
    those = [one for one in seen.listeners if one.transport is wanted]
    owners = {
        f"{owner.program or 'a process'} (pid {owner.pid})" for one in those for owner in one.owners
    }
    if owners:
        return " by " + ", ".join(sorted(owners))
    if any(one.owners_hidden for one in those):
        return f" by another user's process; `sudo portbook here --port {port}` shows which"
    return ""
