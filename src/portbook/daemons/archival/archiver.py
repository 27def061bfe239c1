"""The archiver's process: `python -m portbook.daemons.archival.archiver`, a child of the receiver.

JSON lines come in: {"settings": {...}} first, then {"spooled": N}, {"reload": {...}}. Lines go
out: {"archived": N, "counts": {...}}, "hole", "clock", "oddity", "deleted", "alarm", "clear",
"error". At the end of its input it makes safe what it took and leaves, files open for the next
one; at SIGTERM it closes them too. Nothing is lost by its death: it begins where it was safe.
"""

from __future__ import annotations

import resource
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from portbook.daemons.archival.archiving import Archiving, Caution
from portbook.daemons.archival.lines import Inbox, Outbox
from portbook.daemons.archival.sweeping import Sweeper
from portbook.daemons.configuration.settings import Settings, from_mapping
from portbook.daemons.voices.voice import SIZE
from portbook.errors import UsageError
from portbook.seismic.store import ArchiveError, FullError, InUseError, Room

DISK, ARCHIVER = "disk:archive", "archiver"
_TOO_LARGE = (
    "the archives are larger than max_gb, and all that is left is being written: event files that "
    "are open, and day files of today, which are not cut; raise max_gb"
)
TAKE_OVER_S = 10.0  # so long another program's hold on the archive is taken for a dying one's
_SOON_S, _FIRST_S, _LONGEST_S = 0.05, 1.0, 30.0
_IDLE_S = 0.25
_CATCH_UP_S = 4.0  # at the end; the receiver waits a little longer
_MOST_FILES = 65_536
_MOST_WAITING = 32 << 20  # octets: the spool has them, and few large writes cost less


class Archiver:
    """The loop: lines in, packets from the spool to the archives, lines out."""

    def __init__(self, lines: Inbox, outbox: Outbox) -> None:
        self._lines, self._out = lines, outbox
        self._settings: Settings | None = None
        self._work: Archiving | None = None
        self._caution: Caution | None = None
        self._sweeper: Sweeper | None = None
        self._before: dict[str, int] = {}  # counts of goes that failed
        self._spooled = 0
        self._began_s = self._again_s = time.monotonic()
        self._pause_s = _FIRST_S
        self._too_large: bool | None = None  # None: not known, an alarm of before may stand
        self._failing: str | None = None  # key of the alarm that stands
        self._worked = False  # else alarms of the archiver before may stand
        self.stopping = False  # set by SIGTERM

    def run(self) -> int:
        """Work until the input ends or SIGTERM; return the exit code."""
        room = Room(_allow_files(), _MOST_WAITING)
        busy = False
        while not self.stopping and not self._lines.ended and not self._out.broken:
            for line in self._lines.read(0 if busy else self._wait_s(), self._out):
                if (fault := self._hear(line)) is not None:
                    self._out.say("error", fault)
                    self._out.drain()
                    return 2
            busy = self._turn(room)
        return self._leave()

    def _wait_s(self) -> float:
        if self._settings is None:
            return 3600.0
        if self._work is None:
            return max(0.0, min(_IDLE_S, self._again_s - time.monotonic()))
        return _IDLE_S

    def _hear(self, line: bytes) -> str | None:
        """Act on one line; return what is wrong when there is nothing to work with."""
        try:
            told = msgspec.json.decode(line, type=dict[str, Any])
            if isinstance(told.get("spooled"), int):
                self._spooled = told["spooled"]
            for word in ("settings", "reload"):
                if word in told:
                    self._take_up(from_mapping(told[word], "archiver"))
        except (msgspec.DecodeError, UsageError) as error:
            if self._settings is None:
                return f"the first line has to hold the settings: {error}"
            self._out.say("error", str(error))
        return None

    def _take_up(self, settings: Settings) -> None:
        if not settings.archive.raw and not settings.archive.sds:
            raise UsageError("archive.raw and archive.sds are both empty: name a folder for one")
        self._settings = settings
        if self._sweeper:
            self._sweeper.change(settings.archive)
        if self._work:
            self._work.change(settings)

    def _turn(self, room: Room) -> bool:
        """Do a bit of everything; tell whether there is more to do at once."""
        if self._settings is None or (not self._work and time.monotonic() < self._again_s):
            return False
        try:
            if self._work is None:
                self._caution = self._caution or Caution(Path(self._settings.folder))
                self._work = Archiving(self._settings, self._tell, room=room, caution=self._caution)
                self._tell("archived", self._work.safe)
                self._sweeper = Sweeper(self._settings.archive)
            taken = self._work.turn(self._spooled)
            if self._work.wants_sync() or self._failing:
                self._work.sync()
                self._well()
            self._sweep(self._work)
            return taken > 0
        except ArchiveError as error:
            self._failed(error)
        except Exception as error:
            traceback.print_exc()
            self._failed(ArchiveError(f"{type(error).__name__}: {error}; it is tried again"))
        return False

    def _sweep(self, work: Archiving) -> None:
        """Delete what is too old or too much; tell of it, and of what is too much to stay."""
        assert self._sweeper
        deleted = self._sweeper.turn(work.trees(), time.time_ns(), safe=work.all_safe)
        if deleted:
            self._out.say("deleted", msgspec.to_builtins(deleted))
        if self._sweeper.excess and not self._too_large:
            self._out.say("alarm", _alarm(SIZE, "disk", "warning", _TOO_LARGE))
        elif self._too_large is not False and self._sweeper.looked and not self._sweeper.excess:
            self._out.say("clear", SIZE)
        if self._sweeper.looked:
            self._too_large = bool(self._sweeper.excess)

    def _tell(self, kind: str, what: Any) -> None:
        if kind == "archived" and self._work:
            counts = msgspec.to_builtins(self._work.counts)
            counts = {name: count + self._before.get(name, 0) for name, count in counts.items()}
            self._out.latest("archived", {"archived": what, "counts": counts})
        else:
            self._out.say(kind, what)

    def _failed(self, error: ArchiveError) -> None:
        """Let go, say why, and come back later to where it was safe."""
        self._let_go()
        now_s = time.monotonic()
        if isinstance(error, InUseError) and now_s - self._began_s < TAKE_OVER_S:
            self._again_s = now_s + _SOON_S
            return
        key = DISK if isinstance(error, FullError) else ARCHIVER
        if self._failing not in (None, key):
            self._out.say("clear", self._failing)
        if self._failing != key:
            self._out.say("alarm", _alarm(key, key.partition(":")[0], "error", str(error)))
        self._failing = key
        self._again_s = now_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_S)

    def _let_go(self) -> None:
        if self._work:
            for name, count in msgspec.to_builtins(self._work.counts).items():
                self._before[name] = self._before.get(name, 0) + count
            self._work.abandon()
            self._work = None

    def _well(self) -> None:
        self._pause_s = _FIRST_S
        for key in (self._failing,) if self._worked else (DISK, ARCHIVER):
            if key is not None:
                self._out.say("clear", key)
        self._failing, self._worked = None, True

    def _leave(self) -> int:
        code = 0
        if self._work:
            try:
                if self.stopping:
                    self._catch_up(self._work)
                self._work.leave(closing=self.stopping)
            except ArchiveError as error:
                self._out.say("error", str(error))
                code = 1
        self._out.drain()
        return code

    def _catch_up(self, work: Archiving) -> None:
        """Archive what was spooled until just now, as far as that goes in a moment."""
        for line in self._lines.read(0, self._out):
            self._hear(line)
        until_s = time.monotonic() + _CATCH_UP_S
        while time.monotonic() < until_s and work.turn(self._spooled):
            pass


def main() -> int:
    """Run the archiver on the standard streams."""
    wakes, waker = socket.socketpair()
    for end in (wakes, waker):
        end.setblocking(False)
    lines = Inbox(sys.stdin.fileno(), wakes.fileno())
    archiver = Archiver(lines, Outbox(sys.stdout.fileno()))

    def stop(*_: object) -> None:
        archiver.stopping = True

    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the receiver's to judge
    return archiver.run()


def _alarm(key: str, what: str, level: str, message: str) -> dict[str, Any]:
    return {"key": key, "what": what, "level": level, "message": message, "unit": None}


def _allow_files() -> int:
    """Allow as many open files as the system lets us; return how many each archive may hold."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return max(64, min(soft, _MOST_FILES) // 3)


if __name__ == "__main__":
    sys.exit(main())
