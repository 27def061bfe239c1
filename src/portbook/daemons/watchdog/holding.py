"""Sees to it that a folder has one watchdog and one receiver, also when a watchdog was killed.

`FOLDER/rtpid.json` is locked by the watchdog, and by the receiver that it started, who inherits
the lock without knowing it. Who finds it locked reads there who they are: when the watchdog lives,
there is nothing to do here; when only its receiver is left, that one has to end first.
Source: flock(2): a lock belongs to the open file, hence to all who inherited it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from contextlib import suppress
from typing import Any

from portbook.daemons.watchdog.child import born
from portbook.errors import SourceError, UsageError

NAME = "rtpid.json"
_STEP_S = 0.05
_MOST_OCTETS = 65536


class Hold:
    """The locked file; `fd` is for the receiver to inherit."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def write(self, told: dict[str, Any]) -> None:
        """Write down who we are; for people, `--status`, and who comes after us."""
        octets = json.dumps(told, indent=1).encode() + b"\n"
        with suppress(OSError):  # a full disk shall not end the watchdog
            os.pwrite(self.fd, octets, 0)
            os.ftruncate(self.fd, len(octets))

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self.fd)


def take(folder: str, within_s: float = 5.0) -> Hold:
    """Return the hold on a folder, made when absent.

    within_s: how long a receiver without watchdog may take to end, before it is killed
    Raises UsageError when a watchdog has the folder, SourceError when it cannot be had.
    """
    path = os.path.join(folder, NAME)
    try:
        os.makedirs(folder, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; the watchdog needs it") from error
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            _end_orphan(folder, number)
        if _locked(fd, 0.0 if number is None else within_s):
            return Hold(fd)
    os.close(fd)
    raise SourceError(f"{path}: locked, and nobody says by whom; see `lsof {path}`")


def read(folder: str) -> dict[str, Any]:
    """Return what a watchdog wrote about itself last; {} when there is none."""
    try:
        with open(os.path.join(folder, NAME), "rb") as file:
            told = json.loads(file.read(_MOST_OCTETS))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def lives(told: dict[str, Any], who: str) -> int:
    """Return the pid of `rtpid` or `rtpd` as it was written down, 0 when that one has ended."""
    one = told.get(who)
    if not isinstance(one, dict):
        return 0
    pid, since = one.get("pid"), one.get("born")
    if not isinstance(pid, int) or pid <= 1 or not isinstance(since, str) or not since:
        return 0
    return pid if born(pid) == since else 0


def _end_orphan(folder: str, number: int) -> None:
    told = read(folder)
    watchdog = lives(told, "rtpid")
    if watchdog:
        raise UsageError(f"{folder}: a watchdog has this folder already, pid {watchdog}")
    receiver = lives(told, "rtpd")
    if receiver:
        with suppress(ProcessLookupError):
            os.kill(receiver, number)


def _locked(fd: int, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_STEP_S)
        else:
            return True
