"""The supervisor's side of systemd's notify protocol: hears the messages of one child.

Sources: sd_notify(3), unix(7) SO_PASSCRED and SCM_CREDENTIALS.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from portbook.daemons.watchdog.notify import MOST_OCTETS, OURS, number
from portbook.daemons.watchdog.vitals import Counts, Word

_MOST_LETTERS = 300  # of a text for people
_MOST_MORE_S = 3600.0  # that a child may ask for at once
_MOST_AT_ONCE = 256  # messages of one look
_CREDENTIALS = struct.Struct("=iII")  # pid, uid, gid
_PASSCRED, _SCM_CREDENTIALS = 16, 2  # Linux; not in the socket module everywhere


class Ears:
    """The supervisor's side: a socket for the messages of one child.

    The kernel names the sender of each message; those of other processes are counted in
    `foreign`, and do not count. address: what goes into the child's NOTIFY_SOCKET.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, _PASSCRED, 1)
        self._socket.bind("")  # Linux chooses a free abstract name, which leaves no file behind
        name = self._socket.getsockname()
        self.address = "@" + name[1:].decode("ascii")
        self.foreign = 0

    def fileno(self) -> int:
        """Return the descriptor, to be polled."""
        return self._socket.fileno()

    def take(self, pid: int) -> list[dict[str, str]]:
        """Return the messages that wait, of that process alone, in their order."""
        found = []
        for octets, sender in self.waiting():
            if sender == pid:
                found.append(fields(octets))
            else:
                self.foreign += 1
        return found

    def waiting(self) -> list[tuple[bytes, int | None]]:
        """Return the messages that wait, with who sent them; descriptors in them are closed."""
        found = []
        room = socket.CMSG_SPACE(_CREDENTIALS.size)
        for _ in range(_MOST_AT_ONCE):
            try:
                octets, extra, _flags, _from = self._socket.recvmsg(MOST_OCTETS, room)
            except (BlockingIOError, InterruptedError):
                break
            found.append((octets, _sender(extra)))
        return found

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def fields(octets: bytes) -> dict[str, str]:
    """Return the lines KEY=VALUE of a message; others are left out."""
    pairs = (line.partition("=") for line in octets.decode(errors="replace").split("\n"))
    return {key: value for key, equals, value in pairs if key and equals}


def word(told: Mapping[str, str]) -> Word:
    """Return what a message says."""
    more = number(told.get("EXTEND_TIMEOUT_USEC", "")) or 0
    return Word(
        ready=told.get("READY") == "1",
        beat=told.get("WATCHDOG") == "1",
        stopping=told.get("STOPPING") == "1",
        more_s=min(more / 1e6, _MOST_MORE_S),
        counts=counts(told),
    )


def counts(told: Mapping[str, str]) -> Counts | None:
    """Return the counts in a message's fields; None when it has none that can be."""
    numbers: dict[str, int] = {}
    for name in ("packets", "refused", "waiting", "units_up", "sources"):
        value = number(told.get(f"{OURS}{name.upper()}", ""))
        if value is None:
            return None
        numbers[name] = value
    expected = _seconds(told.get(f"{OURS}EXPECTED_S", ""))
    held = told.get(f"{OURS}HELD", "")[:_MOST_LETTERS]
    return Counts(**numbers, expected_s=expected, held=held)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e9 else 0.0


def _sender(extra: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, octets in extra:
        known = (level, kind) == (socket.SOL_SOCKET, _SCM_CREDENTIALS)
        if known and len(octets) == _CREDENTIALS.size:
            pid: int = _CREDENTIALS.unpack(octets)[0]
            return pid
    return None
