"""Tells alarms, each once when it is set and once when it is cleared, in a thread of its own.

The log hears of them at once. File, command and webhook follow in their order, one after the
other; a slow or broken one holds up nothing but the next ones, and its failure is told once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from portbook.daemons.configuration.settings import Alarms as AlarmSettings
from portbook.daemons.voices import channels, standing_alarms
from portbook.daemons.voices.documents import document, line
from portbook.daemons.voices.standing_alarms import Untold
from portbook.records import Level
from portbook.seismic.alarms import MOST, Alarm

FILE = "alarms-standing.json"
MOST_WAITING = 2 * MOST
WRITE_S = 0.5  # between writes of what waits, while it is being told
_LEVELS = {Level.NOTE: "info", Level.WARNING: "warning", Level.ERROR: "error"}

Say = Callable[[str, str], object]


class Telling:
    """Takes alarms and has them told.

    folder: keeps what stands; it must exist. say: writes a line for the log, of a level (info,
    warning, error) and a text; called from the caller's thread and from ours
    """

    def __init__(self, folder: str | Path, settings: AlarmSettings, say: Say) -> None:
        self._path = Path(folder) / FILE
        self._say = say
        self._settings = settings
        self._wake = threading.Condition()
        kept, trouble = standing_alarms.read(self._path)
        self._standing = {one.key: one for one in kept.standing}
        self._waiting = deque(kept.untold)
        self._written = not kept.untold  # whether the file says what is so
        self._idle = True
        self._ending = False
        self._ends = 0.0
        self._failing: dict[str, str] = {}
        self.told = 0
        self.failed = 0
        self.left_out = 0
        if trouble:
            say("warning", trouble)
        if settings.file:
            self._outcome("file", channels.prepared(settings.file))
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._thread.start()

    def standing(self) -> list[Alarm]:
        """Return the alarms that stand, those of before a restart too."""
        with self._wake:
            return list(self._standing.values())

    def tell(self, alarm: Alarm) -> None:
        """Have an alarm told that `Alarms` has just set or cleared; never waits."""
        with self._wake:
            known = self._standing.pop(alarm.key, None)
            if alarm.cleared_ns is None:
                state = "set"
                self._standing[alarm.key] = alarm
            else:
                state = "cleared" if known is not None else "happened"
            full = len(self._waiting) >= MOST_WAITING
            self.left_out += full
            if not full:
                self._waiting.append(Untold(state, alarm))
            self._written = False
            self._wake.notify_all()
        self._outcome(
            "queue", f"{MOST_WAITING} wait already; the log alone has it" if full else None
        )
        words = {"set": "alarm", "cleared": "alarm over", "happened": "alarm, over already"}
        level = _LEVELS[alarm.level] if state != "cleared" else "info"
        self._say(level, f"{words[state]}: {alarm.message} [{alarm.key}]")

    def reload(self, settings: AlarmSettings) -> None:
        """Go on with other settings; what waits goes the new ways."""
        trouble = channels.prepared(settings.file) if settings.file else None
        with self._wake:
            self._settings = settings
            self._failing.clear()
        self._outcome("file", trouble)

    def close(self, limit_s: float = 5.0) -> bool:
        """Tell what waits, and end; False when the limit came first.

        What waits then is kept in the file, and told after the next start.
        """
        with self._wake:
            self._ending = True
            self._ends = time.monotonic() + limit_s
            self._wake.notify_all()
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def settled(self, limit_s: float) -> bool:
        """Wait until all is told and written; False when the limit came first."""
        with self._wake:
            return self._wake.wait_for(self._done, limit_s)

    @property
    def troubles(self) -> dict[str, str]:
        """Return the ways that fail now, each with why."""
        with self._wake:
            return dict(self._failing)

    def _done(self) -> bool:
        return self._idle and self._written and not self._waiting

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or not self._written or self._ending)
                if self._ending and self._written and (not self._waiting or self._over()):
                    return
                self._idle = False
            self._write()
            written = time.monotonic()
            while self._waiting and not self._over():
                self._deliver(self._waiting[0])
                with self._wake:
                    self._waiting.popleft()
                    self._written = False
                if time.monotonic() - written > WRITE_S:  # a slow way: an end may come meanwhile
                    self._write()
                    written = time.monotonic()
            self._write()
            with self._wake:
                self._idle = True
                self._wake.notify_all()

    def _over(self) -> bool:
        return self._ending and time.monotonic() >= self._ends

    def _write(self) -> None:
        with self._wake:
            standing, untold = list(self._standing.values()), list(self._waiting)
            self._written = True
        self._outcome("standing", standing_alarms.write(self._path, standing, untold))

    def _deliver(self, one: Untold) -> None:
        """Tell an alarm in every way that the user wants, in turn."""
        with self._wake:
            settings = self._settings
        told = {**document(one.alarm), "state": one.state}
        octets = line(told)
        if settings.file:
            self._outcome("file", channels.to_file(settings.file, octets))
        if settings.command:
            trouble = channels.to_command(settings.command, octets, settings.limit_s)
            self._outcome("command", trouble)
        if settings.webhook:
            trouble = channels.to_webhook(settings.webhook, octets, settings.limit_s)
            self._outcome("webhook", trouble)
        self.told += 1

    def _outcome(self, way: str, trouble: str | None) -> None:
        """Say that a way fails when it begins to, and that it works when it does again."""
        with self._wake:
            before = self._failing.pop(way, None)
            if trouble is not None:
                self._failing[way] = trouble
                self.failed += 1
        if trouble is not None and before is None:
            self._say("error", f"alarms cannot be told by {way}: {trouble}")
        elif trouble is None and before is not None:
            self._say("info", f"alarms are told by {way} again")
