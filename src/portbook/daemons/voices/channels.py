"""The ways that an alarm goes: a file of JSON lines, the user's command, a webhook.

Each takes a document as bytes and returns why it failed, or None. None of them raises for what
another program or disk does, and each comes back within its limit of time.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

MOST_OCTETS = 32_000_000  # of the file of alarms; then it becomes `.1`, and a new one begins
MOST_OUTPUT = 65536  # octets of a command's output that are kept; the rest is read and dropped
_LOOK_S = 0.05  # between looks whether a program has ended
_SHOWN = 200  # letters of it in a message
# What systemd or rtpid gave to us, and not to a command of the user's.
_NOT_THEIRS = (
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
)


def to_file(path: str, line: bytes, most_octets: int = MOST_OCTETS) -> str | None:
    """Append a line in one write; a file that has grown large is set aside first."""
    try:
        with contextlib.suppress(FileNotFoundError):
            if os.stat(path).st_size > most_octets:
                os.replace(path, f"{path}.1")
        made = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            written = os.write(made, line)
        finally:
            os.close(made)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None if written == len(line) else f"{path}: {written} of {len(line)} octets written"


def to_command(words: Sequence[str], line: bytes, limit_s: float) -> str | None:
    """Run a program with the line on its input; what is left of it after the limit is killed.

    line: less than a pipe holds (PIPE_BUF at least), so that writing it never waits.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _NOT_THEIRS}
    try:
        child = subprocess.Popen(
            list(words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its own children end with it
            env=environment,
        )
    except (OSError, ValueError) as error:
        return f"{words[0]}: {getattr(error, 'strerror', None) or error}"
    deadline = time.monotonic() + limit_s
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(line)
            child.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
        said = _output(child.stdout.fileno(), child.pid, deadline)
        ended = _ended(child.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # before it is waited for: the id is still its own
    if not ended:
        return f"{words[0]}: not done after {limit_s:g} s, killed"
    if child.returncode == 0:
        return None
    shown = " ".join(said.decode(errors="replace").split())[:_SHOWN]
    code = child.returncode
    how = f"ended by signal {-code}" if code < 0 else f"left with {code}"
    return f"{words[0]}: {how}" + (f": {shown}" if shown else "")


def _output(readable: int, pid: int, deadline: float) -> bytes:
    """Return what a program says until it ends, as far as kept; or until the deadline."""
    said, open_still = b"", True
    with selectors.DefaultSelector() as waiting:
        waiting.register(readable, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            ended = _ended(pid)  # asked first: what it said before is read once more
            if open_still and waiting.select(0 if ended else min(left, _LOOK_S)):
                octets = os.read(readable, 65536)
                said += octets[: MOST_OUTPUT - len(said)]
                open_still = bool(octets)
            elif ended:
                break
            elif not open_still:
                time.sleep(min(left, _LOOK_S))
    return said


def _ended(pid: int) -> bool:
    """Tell whether a child has ended, without taking its exit code from who waits for it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def to_webhook(address: str, line: bytes, limit_s: float) -> str | None:
    """POST the line as JSON; redirects are not followed, and all of it ends in its time."""
    from portbook.daemons.voices.posting import post

    return post(address, line, limit_s)


def prepared(path: str) -> str | None:
    """Make the folder of a file of alarms; return why it cannot be."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None
