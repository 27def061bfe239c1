"""The receiver's voice: the log at once, alarms through `Telling`, each once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from portbook.daemons.configuration.settings import Alarms as AlarmSettings
from portbook.daemons.voices.log import Log
from portbook.daemons.voices.telling import Telling
from portbook.records import Level
from portbook.seismic.alarms import Alarm, Alarms

_LEVELS = {"error": Level.ERROR, "warning": Level.WARNING}


class Speaker:
    """Implements `voice.Voice`; alarms of before a restart stand still, and are not told again.

    folder: keeps what stands; it must exist
    """

    def __init__(
        self,
        log: Log,
        folder: Path,
        settings: AlarmSettings,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._log, self._clock = log, clock
        self._telling = Telling(folder, settings, log.say)
        self.alarms = Alarms(self._telling.standing())

    def say(self, level: str, text: str) -> None:
        """Write a line for the log."""
        self._log.say(level, text)

    def alarm(
        self, key: str, what: str, message: str, *, level: str = "warning", unit: str | None = None
    ) -> None:
        """Set an alarm, which is told once as long as it stands."""
        told = _LEVELS.get(level, Level.NOTE)
        self.tell([self.alarms.set(key, what, message, self._clock(), level=told, unit=unit)])

    def clear(self, key: str) -> None:
        """Clear an alarm if it stands."""
        if key in self.alarms:
            self.tell([self.alarms.clear(key, self._clock())])

    def happened(self, key: str, what: str, message: str, *, unit: str | None = None) -> None:
        """Tell an alarm that was over when it was known."""
        self.tell([self.alarms.happened(key, what, message, self._clock(), unit=unit)])

    def tell(self, alarms: Iterable[Alarm | None]) -> None:
        """Have alarms told that were just set or cleared."""
        for one in alarms:
            if one is not None:
                self._telling.tell(one)

    @property
    def untold(self) -> int:
        """Return how often an alarm could not be told in some way."""
        return self._telling.failed

    def reload(self, settings: AlarmSettings) -> None:
        """Tell in other ways from now on."""
        self._telling.reload(settings)

    def close(self) -> None:
        """Tell what waits, and end."""
        self._telling.close()
