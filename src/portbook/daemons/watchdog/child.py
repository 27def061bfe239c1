"""One child process: started with sockets in its hands, looked at, signalled, and collected.

Forked by hand: the process that starts it has one thread and needs what `subprocess` has not,
LISTEN_PID (sd_listen_fds(3)) and a parent-death signal, between fork and exec.
Sources: sd_listen_fds(3), PR_SET_PDEATHSIG(2const), proc_pid_stat(5).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from portbook.daemons.watchdog.notify import FIRST_FD, VARIABLES, listen_variables

_ABOVE = 100  # descriptors are kept from here on while those from 3 on are put in order
_MOST_FDS = 1 << 20
_PR_SET_PDEATHSIG = 1
NOT_STARTED = 127  # exit code, as of a shell that cannot run a command


class Child:
    """A process that was started; `pid` is 0 before the first start and after its end."""

    def __init__(self) -> None:
        self.pid = 0
        self.born = ""  # when it was started, in the kernel's words: with pid, its identity

    def start(
        self,
        command: Sequence[str],
        sockets: Mapping[str, int],
        environ: Mapping[str, str],
        also: Sequence[int] = (),
        stdin: int | None = None,
    ) -> None:
        """Start a command with sockets, by name, from descriptor 3 on.

        environ: as it shall be, but for LISTEN_*; also: more descriptors that it keeps
        stdin: what it reads from, else nothing. It is told to end (SIGTERM) when this process dies.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become(command, sockets, environ, also, stdin, parent)
        self.pid, self.born = pid, born(pid)

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def collect(self) -> int | None:
        """Return its status once when it has ended: exit code, or minus the signal's number."""
        if not self.pid:
            return None
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self.pid, self.born = 0, ""
        return os.waitstatus_to_exitcode(status)


def state(pid: int) -> str:
    """Return the kernel's letter for what a process does: R S D T t Z; "" when it is not told."""
    return _stat(pid, 0)


def born(pid: int) -> str:
    """Return when a living process was started, in ticks since boot; "" when it has ended.

    No two processes have the same pid and this. One that ended and was not collected has ended.
    """
    return "" if _stat(pid, 0) in "ZX" else _stat(pid, 19)


def without_protocols(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables without those by which somebody else spoke to this process."""
    return {key: value for key, value in environ.items() if key not in VARIABLES}


def in_order(fds: Sequence[int], also: Sequence[int] = ()) -> list[int]:
    """Put descriptors at 3, 4, 5 ... so that an exec keeps them; return where `also` came to."""
    import fcntl

    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for fd in (*fds, *also)]
    for place, fd in enumerate(high, FIRST_FD):
        os.dup2(fd, place, inheritable=True)
    return list(range(FIRST_FD + len(fds), FIRST_FD + len(high)))


def _become(
    command: Sequence[str],
    sockets: Mapping[str, int],
    environ: Mapping[str, str],
    also: Sequence[int],
    stdin: int | None,
    parent: int,
) -> NoReturn:
    """Turn the forked process into the command."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        _die_with(parent)
        os.dup2(os.open(os.devnull, os.O_RDONLY) if stdin is None else stdin, 0)
        in_order(list(sockets.values()), also)
        os.closerange(FIRST_FD + len(sockets) + len(also), _MOST_FDS)
        handed = listen_variables(list(sockets), os.getpid())
        os.execve(command[0], list(command), {**environ, **handed})
    except BaseException as error:
        os.write(2, f"rtpid: {command[0]} cannot be started: {error}\n".encode())
    os._exit(NOT_STARTED)


def _die_with(parent: int) -> None:
    """Have the kernel send SIGTERM when the parent dies; end at once if that has happened."""
    import ctypes

    with suppress(OSError, AttributeError):  # not a Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(NOT_STARTED)


def _stat(pid: int, field: int) -> str:
    """Return a field of /proc/PID/stat, counted from the state on."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read(4096)
    except OSError:
        return ""
    # the name before it is in parentheses and may hold any octet, parentheses too
    fields = text.rpartition(b")")[2].split()
    return fields[field].decode("ascii") if len(fields) > field else ""
