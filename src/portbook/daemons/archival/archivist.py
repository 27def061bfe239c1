"""Keeps the archiver, a child process, at work: starts it, feeds it numbers, hears its lines.

Its death costs nothing but time: the spool holds what it had not made safe, and its next life
begins there. It is started again at once, and with growing pauses when it keeps dying; one that
makes no progress though there is work is killed and started again, but not for want of a disk.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from portbook.daemons.configuration.settings import Settings
from portbook.daemons.voices.voice import Voice
from portbook.daemons.watchdog.patience import Backoff

COMMAND = (sys.executable, "-m", "portbook.daemons.archival.archiver")
SOON_S = 0.02  # numbers are told that often at most
STILL_S = 120.0  # without progress though there is work: it is stuck
LEAVE_S = 8.0  # for an end in good order
_WELL_S = 10.0  # a life that long is no failure of the start
_LINE = 1 << 20  # octets of a line at most
_UNREAD = 1 << 16  # octets in its input at which it is told nothing more for now
_OURS = ("LISTEN_", "NOTIFY_SOCKET", "WATCHDOG_")
KEY = "archiver:process"


class Archivist:
    """Runs the child for as long as `run` lasts.

    archived: called with N when all below N is safe; said: called with each other line it says
    excused: tells whether it may stand still, since a disk is full or fails; ticks_s: a clock that
    is never set
    """

    def __init__(
        self,
        settings: Settings,
        voice: Voice,
        archived: Callable[[int], object],
        said: Callable[[Mapping[str, Any]], object],
        *,
        command: Sequence[str] = COMMAND,
        still_s: float = STILL_S,
        leave_s: float = LEAVE_S,
        backoff: Backoff | None = None,
        excused: Callable[[], bool] = lambda: False,
        ticks_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._voice = settings, voice
        self._on_archived, self._on_said = archived, said
        self._command, self._still_s, self._leave_s = tuple(command), still_s, leave_s
        self._backoff = backoff or Backoff(1.0, 60.0)
        self._excused, self._ticks_s = excused, ticks_s
        self._child: Process | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._told = -1
        self._moved_s = self._ticks_s()
        self._leaving = False
        self.spooled_number = 0
        self.archived_number = 0
        self.restarts = 0
        self.counts: dict[str, Any] = {}

    @property
    def behind(self) -> int:
        """Return how many packets stand in the spool and not in the archive yet."""
        return max(0, self.spooled_number - self.archived_number)

    @property
    def pid(self) -> int | None:
        """Return the child's process id, None when there is none."""
        return self._child.pid if self._child and self._child.returncode is None else None

    def spooled(self, number: int) -> None:
        """Tell that all below a number stands in the spool; the child hears of it soon."""
        if not self.behind:
            self._moved_s = self._ticks_s()
        self.spooled_number = number
        if self._soon is None and self._child is not None:
            self._soon = asyncio.get_running_loop().call_later(SOON_S, self._tell_spooled)

    def reload(self, settings: Settings) -> None:
        """Give the child other settings."""
        self._settings = settings
        self._send({"reload": msgspec.to_builtins(settings)})

    def look(self) -> None:
        """Kill a child that is stuck; called every second or so."""
        self._tell_spooled()
        child = self._child
        if child is None or not self.behind or self._leaving:
            return
        if self._excused():
            self._moved_s = self._ticks_s()
        still_s = self._ticks_s() - self._moved_s
        if still_s > self._still_s:
            self._moved_s = self._ticks_s()
            self._voice.alarm(
                KEY,
                "archiver",
                f"the archiver made no progress for {still_s:.0f} s with {self.behind} packets to "
                "archive; it is killed and started again, nothing is lost",
                level="error",
            )
            with suppress(ProcessLookupError):
                child.kill()

    async def run(self) -> None:
        """Keep the child at work until `leave`."""
        while not self._leaving:
            began_s = self._ticks_s()
            try:
                code = await self._life()
            except Exception as error:  # a fault here must not end what is received
                self._voice.say("error", f"the archiver's keeper: {error!r}; a fault of ours")
                code = None
            if self._leaving:
                return
            self.restarts += 1
            lasted_s = self._ticks_s() - began_s
            pause_s = self._backoff.ended(well=lasted_s > _WELL_S) / 1e9
            self._voice.say(
                "warning",
                f"the archiver ended ({_ended(code)}) after {lasted_s:.1f} s; it is started again"
                + (f" in {pause_s:.0f} s" if pause_s else ""),
            )
            if self._backoff.failures >= 3:
                self._voice.alarm(
                    KEY,
                    "archiver",
                    f"the archiver keeps ending ({_ended(code)}); packets wait in the spool. "
                    "Its own words are in the log above",
                    level="error",
                )
            await asyncio.sleep(pause_s)

    async def leave(self) -> None:
        """Let the child make safe what it took, and end."""
        self._leaving = True
        child = self._child
        if child is None or child.returncode is not None:
            return
        self._tell_spooled()
        with suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), self._leave_s)
        except TimeoutError:
            self._voice.say("warning", f"the archiver did not end in {self._leave_s} s: killed")
            with suppress(ProcessLookupError):
                child.kill()

    async def _life(self) -> int | None:
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, env=_environment(), limit=_LINE
            )
        except OSError as error:
            self._voice.say("error", f"{self._command[0]} cannot be started: {error.strerror}")
            return None
        self._child, self._told, self._moved_s = child, -1, self._ticks_s()
        try:
            if self._leaving:  # it was being started when `leave` looked for it
                return None
            self._send({"settings": msgspec.to_builtins(self._settings)})
            self._tell_spooled()
            await self._hear(child)
            return await child.wait()
        finally:
            self._child = None
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()

    async def _hear(self, child: Process) -> None:
        assert child.stdout is not None
        while True:
            try:
                line = await child.stdout.readline()
            except ValueError:  # longer than a line may be: it is not ours any more
                self._voice.say("error", "the archiver said a line without end: it is killed")
                child.kill()
                return
            if not line:
                return
            try:
                told = msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError:
                self._voice.say("warning", f"the archiver said {line[:80]!r}, which is not JSON")
                continue
            self._take(told)

    def _take(self, told: dict[str, Any]) -> None:
        number = told.get("archived")
        if not isinstance(number, int):
            self._on_said(told)
            return
        if number > self.archived_number:
            self._moved_s = self._ticks_s()
            self._voice.clear(KEY)
        self.archived_number = number
        if isinstance(told.get("counts"), dict):
            self.counts = told["counts"]
        self._on_archived(number)

    def _tell_spooled(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._told != self.spooled_number and self._send({"spooled": self.spooled_number}):
            self._told = self.spooled_number

    def _send(self, what: Mapping[str, Any]) -> bool:
        """Give the child a line; False when there is none, or it does not read what it has."""
        child = self._child
        if child is None or child.stdin is None or child.stdin.is_closing():
            return False
        if child.stdin.transport.get_write_buffer_size() > _UNREAD:
            return False
        child.stdin.write(msgspec.json.encode(what) + b"\n")
        return True


def _environment() -> dict[str, str]:
    """Return our environment without what was meant for us alone: sockets and the watchdog."""
    return {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}


def _ended(code: int | None) -> str:
    if code is None:
        return "it was given up"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
