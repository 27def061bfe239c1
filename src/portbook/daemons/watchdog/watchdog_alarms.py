"""Tells one alarm of the watchdog's to everybody that the settings name, and ends.

`python -m portbook.daemons.watchdog.watchdog_alarms FOLDER`, with `{"set": {...}}` or
`{"clear": KEY}` on
its input: a process of its own, since the watchdog itself carries nothing of what that needs.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

from portbook.daemons.configuration.settings import Alarms as AlarmSettings
from portbook.daemons.voices.log import Log
from portbook.daemons.voices.telling import Telling
from portbook.records import Level
from portbook.seismic.alarms import Alarm, Alarms

FOLDER = "rtpid"  # below the receiver's: what stands of ours, apart from what stands of its own
SETTINGS = "alarms-settings.json"
_MOST_OCTETS = 65536
_MOST_S = 100.0  # for all ways together


class New(msgspec.Struct, frozen=True):
    """An alarm that is to be set."""

    key: str
    what: str
    level: Level
    message: str


class Told(msgspec.Struct, frozen=True):
    """What is read from the input: one of both."""

    set: New | None = None
    clear: str | None = None


def keep(folder: Path, settings: AlarmSettings) -> None:
    """Write down who is to be told; for our own eyes only, an address may hold a secret."""
    ours = folder / FOLDER
    ours.mkdir(mode=0o700, exist_ok=True)
    path = ours / SETTINGS
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.encode(settings))
    new.replace(path)


def tell(folder: Path, octets: bytes, now_ns: int, log: Log) -> bool:
    """Tell what was read; False when it is no such document, or could not be told in time."""
    ours = folder / FOLDER
    try:
        told = msgspec.json.decode(octets, type=Told)
        settings = msgspec.json.decode((ours / SETTINGS).read_bytes(), type=AlarmSettings)
    except (msgspec.DecodeError, OSError) as error:
        log.say("error", f"rtpid: an alarm cannot be told: {error}")
        return False
    telling = Telling(ours, settings, log.say)
    alarm = _alarm(told, Alarms(telling.standing()), now_ns)
    if alarm is not None:
        telling.tell(alarm)
    done = telling.settled(_MOST_S)
    telling.close()
    return done


def _alarm(told: Told, standing: Alarms, now_ns: int) -> Alarm | None:
    if told.set is not None:
        new = told.set
        return standing.set(new.key, new.what, new.message, now_ns, level=new.level)
    return standing.clear(told.clear or "", now_ns)


def main() -> int:
    """Tell what stands on the input."""
    octets = sys.stdin.buffer.read(_MOST_OCTETS)
    return 0 if tell(Path(sys.argv[1]), octets, time.time_ns(), Log()) else 1


if __name__ == "__main__":
    sys.exit(main())
