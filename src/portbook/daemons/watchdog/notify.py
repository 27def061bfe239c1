"""Both sides of systemd's protocols: sockets that are handed over, and messages how one does.

rtpd speaks them to whoever started it, rtpid or systemd, and cannot tell which. The heartbeat
tells that data moved, not that a process lives: see `Notifier.beat`.
Sources: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3), unix(7) SO_PASSCRED.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence

from portbook.daemons.watchdog.vitals import Counts

NAMES = ("field", "clients", "seedlink", "status")  # of the sockets; field is UDP, the others TCP
FIRST_FD = 3  # SD_LISTEN_FDS_START
OURS = "X_PORTBOOK_"
MOST_OCTETS = 4096  # of a message; systemd takes no more either
# what one speaks to a process by; no child of it shall take them for its own
VARIABLES = (
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "MAINPID",
)
_MOST_LETTERS = 300  # of a text for people
_MOST_FDS = 64


class Notifier:
    """Tells whoever started this process how it does. Never blocks, never raises for a lost word.

    environ: NOTIFY_SOCKET, a path or `@` and an abstract name; without it nothing is told.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._socket: socket.socket | None = None
        self._moved = -1
        self.watchdog_s = watchdog_s(environ)
        if self._address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    def ready(self, status: str = "") -> bool:
        """Tell that the start is over and everything listens; also ends `reloading`."""
        return self._tell(["READY=1", f"MAINPID={os.getpid()}", *_status(status)])

    def beat(
        self,
        *,
        packets: int,
        waiting: int = 0,
        units_up: int = 0,
        sources: int = 0,
        refused: int = 0,
        expected_s: float = 0.0,
        held: str = "",
        status: str = "",
    ) -> bool:
        """Send the heartbeat, and return whether it went; for the numbers see `Counts`.

        It goes when something was moved since the last one, when nothing waits, or when data are
        held on purpose. Otherwise the numbers go alone, so that the reason of the restart can say
        that the process lived while its data stood still.
        """
        counts = Counts(packets, refused, waiting, units_up, sources, expected_s, held)
        alive = counts.moved != self._moved or not waiting or bool(held)
        lines = [f"{OURS}{key.upper()}={_line(value)}" for key, value in counts._asdict().items()]
        told = self._tell([*(["WATCHDOG=1"] if alive else []), *lines, *_status(status)])
        if told:
            self._moved = counts.moved
        return told and alive

    def more_time(self, seconds: float, status: str = "") -> bool:
        """Ask for more time to start or to stop, counted from now."""
        return self._tell([f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}", *_status(status)])

    def status(self, text: str) -> bool:
        """Tell people something, in one line."""
        return self._tell(_status(text))

    def reloading(self) -> bool:
        """Tell that the settings are being read again; `ready` ends it."""
        return self._tell(["RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"])

    def stopping(self, reason: str = "") -> bool:
        """Tell that the end has begun."""
        return self._tell(["STOPPING=1", *_status(reason)])

    def alive(self, status: str = "") -> bool:
        """Send a bare heartbeat: of a process whose life is a loop and no data, as rtpid."""
        return self._tell(["WATCHDOG=1", *_status(status)])

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _tell(self, lines: list[str]) -> bool:
        if self._socket is None or self._address is None or not lines:
            return False
        octets = "\n".join(lines).encode(errors="replace")[:MOST_OCTETS]
        try:
            self._socket.sendto(octets, self._address)
        except OSError:  # full, or nobody listens any more: the next one will do
            return False
        return True


def watchdog_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return the silence after which whoever started us acts, None when nobody does."""
    pid, text = environ.get("WATCHDOG_PID", ""), environ.get("WATCHDOG_USEC", "")
    if pid and number(pid) != os.getpid():
        return None
    microseconds = number(text)
    return microseconds / 1e6 if microseconds else None


def listening(environ: Mapping[str, str] = os.environ) -> dict[str, socket.socket]:
    """Return the sockets that were handed to this process, by name; call it once.

    `field` has to be a bound UDP socket, the others TCP sockets that listen.
    Raises ValueError for a name that we do not know or that comes twice, and for a socket that
    cannot be what its name says.
    """
    if number(environ.get("LISTEN_PID", "")) != os.getpid():
        return {}  # they were meant for another process, of whom we inherited the variables
    count = number(environ.get("LISTEN_FDS", "")) or 0
    names = environ.get("LISTEN_FDNAMES", "").split(":") if count else []
    if count > _MOST_FDS or len(names) != count:
        raise ValueError(f"LISTEN_FDS={count} sockets do not go with {len(names)} LISTEN_FDNAMES")
    found: dict[str, socket.socket] = {}
    for fd, name in enumerate(names, FIRST_FD):
        os.set_inheritable(fd, False)
        if name not in NAMES:
            raise ValueError(
                f"a socket named {name!r} was handed over; FileDescriptorName= of its socket unit "
                f"has to be one of {' '.join(NAMES)}"
            )
        if name in found:
            raise ValueError(f"two sockets named {name} were handed over")
        found[name] = _checked(name, socket.socket(fileno=fd))
    return found


def listen_variables(names: Sequence[str], pid: int) -> dict[str, str]:
    """Return the variables for a process that gets sockets from fd 3 on in this order."""
    return {
        "LISTEN_FDS": str(len(names)),
        "LISTEN_FDNAMES": ":".join(names),
        "LISTEN_PID": str(pid),
    }


def _address(text: str) -> str | None:
    if text.startswith("@") and len(text) > 1:
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _status(text: str) -> list[str]:
    return [f"STATUS={_line(text)}"] if text else []


def _line(value: object) -> str:
    """Return a text in one line: a line break in it would begin another field."""
    return " ".join(str(value).split())[:_MOST_LETTERS]


def number(text: str) -> int | None:
    """Return a decimal number that a variable or message holds, None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _checked(name: str, given: socket.socket) -> socket.socket:
    """Return a socket that is what its name says; raises ValueError otherwise."""
    kind = socket.SOCK_DGRAM if name == "field" else socket.SOCK_STREAM
    fits = given.family in (socket.AF_INET, socket.AF_INET6) and given.type == kind
    if fits and kind == socket.SOCK_STREAM:
        fits = bool(given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    if fits and not given.getsockname()[1]:
        fits = False
    if not fits:
        given.close()
        wanted = "a bound UDP socket" if name == "field" else "a TCP socket that listens"
        raise ValueError(f"the socket handed over as {name} has to be {wanted}")
    given.setblocking(False)
    return given
