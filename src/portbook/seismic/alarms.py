"""Alarms of a receiver: each is set once, stands, and is cleared once. Pure; time is an argument.

A key names what an alarm is about and is the same each time: `silence:AE4C`, `disk:/srv/raw`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from portbook.records import Level

MOST = 4096  # alarms that stand at once; more are counted
LONGEST = 500  # letters of a message, and of a key


class What(StrEnum):
    """What an alarm is about."""

    SILENCE = "silence"
    HOLE = "hole"
    RESTART = "restart"
    DISK = "disk"
    CLOCK = "clock"
    ADDRESS = "address"
    ARCHIVER = "archiver"
    UPSTREAM = "upstream"
    DROPS = "drops"


class Alarm(msgspec.Struct, frozen=True, tag="alarm", tag_field="kind"):
    """Something that somebody should look at, from `since` until `cleared`, or still."""

    key: str
    what: str
    level: Level
    message: str
    since_ns: int
    unit: str | None = None
    cleared_ns: int | None = None


class Alarms:
    """The alarms that stand; standing: those of before a restart, which are not set again."""

    def __init__(self, standing: Iterable[Alarm] = (), *, most: int = MOST) -> None:
        self._most = most
        self._standing = {one.key: one for one in standing if one.cleared_ns is None}
        self.set_times = 0
        self.cleared_times = 0
        self.left_out = 0  # alarms that found no room

    def set(
        self,
        key: str,
        what: str,
        message: str,
        now_ns: int,
        *,
        level: Level = Level.ERROR,
        unit: str | None = None,
    ) -> Alarm | None:
        """Return the alarm when it is new; None when it stands already, or there is no room."""
        key = key[:LONGEST]
        if key in self._standing:
            return None
        if len(self._standing) >= self._most:
            self.left_out += 1
            return None
        alarm = Alarm(key, str(what), Level(level), message[:LONGEST], now_ns, unit)
        self._standing[key] = alarm
        self.set_times += 1
        return alarm

    def clear(self, key: str, now_ns: int) -> Alarm | None:
        """Return the alarm as it ended; None when it does not stand."""
        alarm = self._standing.pop(key[:LONGEST], None)
        if alarm is None:
            return None
        self.cleared_times += 1
        return msgspec.structs.replace(alarm, cleared_ns=max(now_ns, alarm.since_ns))

    def happened(
        self,
        key: str,
        what: str,
        message: str,
        now_ns: int,
        *,
        level: Level = Level.WARNING,
        unit: str | None = None,
    ) -> Alarm | None:
        """Return an alarm that was over when it was known, a restart say; None while one stands."""
        if self.set(key, what, message, now_ns, level=level, unit=unit) is None:
            return None
        return self.clear(key, now_ns)

    def standing(self) -> list[Alarm]:
        """Return the alarms that stand, the oldest first."""
        return sorted(self._standing.values(), key=lambda one: (one.since_ns, one.key))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key[:LONGEST] in self._standing
