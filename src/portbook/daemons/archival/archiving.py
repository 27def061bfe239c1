"""The work of the archiver, without its process: spool in, archives out, what happened told.

The spool keeps what came in, so the archives keep no second log: what was taken since the last
checkpoint is simply given again. The number up to which nothing is needed any more stands in
FOLDER/archived, with where each stream stood, so that a restart in the middle hides no hole.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from portbook.daemons.archival.sweeping import Holds
from portbook.daemons.configuration.settings import GB, Settings
from portbook.seismic import standing
from portbook.seismic.carrying import can_check
from portbook.seismic.feed import default_name
from portbook.seismic.intake import Counts, Intake, UpsetError
from portbook.seismic.keeping import Tree
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.sds import Sds
from portbook.seismic.spool import Entry, Follower
from portbook.seismic.spool_files import segments
from portbook.seismic.spool_records import RECORD
from portbook.seismic.standing import Standing
from portbook.seismic.store import ROOM, ArchiveError, Room

Tell = Callable[[str, Any], object]
BATCH = 1024  # packets that are taken at once
SYNC_PACKETS = 16_384  # a second of them at most: files that many packets went to are synced once
SYNC_NS = 1_000_000_000
MERGE_NS = 60_000_000_000  # between two times that late records are put in their place
MOST_CLOSED = 2000  # streams whose files are closed at the end: more take too long
SPOOL, SMALL_RAW, NOT_ARCHIVED = "spool", "raw", "not-archived"
MOST_SKIPPED = 1000


class Caution:
    """Which packets are taken one by one, and which are left out; it outlives an `Archiving`."""

    def __init__(self, folder: Path) -> None:
        self.until = 0  # number up to which packets are taken singly
        self.skipped: set[bytes] = set()
        self._folder = folder

    def upset(self, entries: Sequence[Entry], error: Exception) -> str:
        """Note what upset the archiver; a packet that is known to is put aside."""
        octets = error.octets if isinstance(error, UpsetError) else None
        if octets is None and len(entries) == 1:
            octets = entries[0].arrival.octets
        if octets is None or octets in self.skipped or len(self.skipped) >= MOST_SKIPPED:
            self.until = entries[-1].number + 1 if entries else 0
            return f"{error!r}; packets are taken one by one now"
        self.skipped.add(octets)
        with (self._folder / NOT_ARCHIVED).open("ab") as stream:
            stream.write(octets)
        return f"{error!r}; the packet was put into {self._folder / NOT_ARCHIVED}"


class Archiving:
    """One go at it, from opening the archives to a failure or the end.

    tell: takes the kind of a line and what it says; now_ns: the wall clock, ticks_ns: one that
    is never set. Every call may raise ArchiveError: `abandon`, and begin another one.
    """

    def __init__(
        self,
        settings: Settings,
        tell: Tell,
        *,
        room: Room = ROOM,
        caution: Caution | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        ticks_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._tell, self._now_ns, self._ticks_ns = tell, now_ns, ticks_ns
        self._folder = Path(settings.folder)
        self._caution = caution or Caution(self._folder)
        self._told: dict[str, int] = {}  # oddities, and how often each was told
        self._unsafe = 0  # packets since the last checkpoint
        self._moved = False  # something was put in its file since then
        self._damaged = 0  # records of the spool that were passed over
        self._synced_ns = self._merged_ns = ticks_ns()
        stood = standing.read(self._folder)
        anew = _another(self._folder / SPOOL, stood.number)
        if anew:
            stood = Standing(0, stood.stands)
        self._raw, self._sds = _opened(settings, room, now_ns)
        self._intake = Intake(
            self._raw,
            time.gmtime(now_ns() // 1_000_000_000).tm_year,
            sds=self._sds,
            stations=settings.stations(),
            hold_ns=int(settings.order.hold_s * 1e9),
            window=settings.order.window,
            rates=settings.rates(),
            logged=False,
            stands=stood.stands,
            checked=can_check(),
            default=default_name,  # the same codes as the live feed's
        )
        self.safe = self.next = stood.number
        try:
            self.recovered = self._intake.recover()
            self._follower = Follower(self._folder / SPOOL, self.next)
        except BaseException:
            self._intake.abandon()
            raise
        if anew:
            self._intake.odd("spool-begun-anew", anew, "all of it is archived, each packet once")
        gc.freeze()  # archives and their maps stay: the collector need not walk them

    def change(self, settings: Settings) -> None:
        """Take up other station names and rates, and another limit of free room."""
        self._intake.name(settings.stations(), settings.rates())
        self._intake.keep_free(int(settings.archive.min_free_gb * GB))

    def turn(self, spooled: int) -> int:
        """Take some of what is spooled, number `spooled` excluded; return how many packets."""
        most = 1 if self.next < self._caution.until else min(BATCH, spooled - self.next)
        entries = self._follower.take(most) if spooled > self.next else []
        try:
            if entries:
                self._take(entries)
            behind = entries and self.next < spooled
            now_ns = entries[-1].arrival.received_ns if behind else self._now_ns()
            self._moved |= self._intake.due(now_ns)
        except ArchiveError:
            raise
        except Exception as error:
            raise ArchiveError(self._caution.upset(entries, error)) from error
        self._say(again=False)
        return len(entries)

    def wants_sync(self) -> bool:
        """Tell whether it is time for a checkpoint."""
        if self._unsafe >= SYNC_PACKETS:
            return True
        waits = self._unsafe or self._moved
        return bool(waits) and self._ticks_ns() - self._synced_ns >= SYNC_NS

    def sync(self) -> None:
        """Make all that was taken safe, and say so."""
        now_ns = self._ticks_ns()
        merging = now_ns - self._merged_ns >= MERGE_NS
        self._intake.checkpoint(merging=merging)
        self._merged_ns = now_ns if merging else self._merged_ns
        standing.write(self._folder, Standing(self.next, self._intake.stands()))
        self.safe, self._unsafe, self._moved = self.next, 0, False
        self._synced_ns = now_ns
        self._tell("archived", self.safe)
        self._say(again=True)

    @property
    def all_safe(self) -> bool:
        """Tell whether nothing was taken, nor put in its file, since the last checkpoint."""
        return not self._unsafe and not self._moved

    def trees(self) -> dict[Tree, Holds]:
        """Return the archives, to count and delete their days."""
        return {Tree.RAW: self._raw} | ({Tree.SDS: self._sds} if self._sds else {})

    @property
    def counts(self) -> Counts:
        """Return what became of the packets so far."""
        return self._intake.counts

    def leave(self, *, closing: bool) -> None:
        """End in good order; closing: files get their final names, else another one goes on."""
        try:
            self.sync()
            if closing and len(self._intake.stands()) <= MOST_CLOSED:
                self._intake.leave()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go at once."""
        self._follower.close()
        with suppress(OSError):
            self._intake.abandon()

    def _take(self, entries: list[Entry]) -> None:
        skipped = self._caution.skipped
        came = [
            (one.arrival.octets, one.arrival.address)
            for one in entries
            if not skipped or one.arrival.octets not in skipped
        ]
        self._intake.take_all(came, entries[-1].arrival.received_ns)
        self.next = self._follower.number  # numbers leap where the spool lost its end
        self._unsafe += len(entries)
        damaged = self._follower.damaged
        if damaged > self._damaged:
            what = f"{damaged - self._damaged} records before number {self.next} are not whole"
            self._intake.odd("spool-damaged", what)
        self._damaged = damaged

    def _say(self, *, again: bool) -> None:
        """Tell what happened; again: oddities that were told before too, if there are more."""
        for hole in self._intake.holes():
            self._tell("hole", msgspec.to_builtins(hole))
        for step in self._intake.steps():
            self._tell("clock", msgspec.to_builtins(step))
        for oddity in self._intake.oddities:
            told = self._told.get(oddity.name)
            if told is None or (again and told != oddity.count):
                self._told[oddity.name] = oddity.count
                self._tell("oddity", msgspec.to_builtins(oddity))


def _another(folder: Path, number: int) -> str | None:
    """Tell why the spool is not the one of which a number was archived; None: it is."""
    parts = segments(folder) if folder.is_dir() else []
    if not parts:
        return None
    end = parts[-1].first + parts[-1].path.stat().st_size // RECORD
    if number <= end:
        return None
    return f"it ends at {end}, and {number} packets of one were archived before"


def _opened(
    settings: Settings, room: Room, now_ns: Callable[[], int]
) -> tuple[RawArchive, Sds | None]:
    """Open the archives. Without a raw one a small one below the folder says what was there."""
    told = settings.archive
    min_free = int(told.min_free_gb * GB)
    place = Path(told.raw) if told.raw else Path(settings.folder) / SMALL_RAW
    raw = RawArchive(place, min_free=min_free, room=room, now_ns=now_ns)
    if not told.sds:
        return raw, None
    try:
        return raw, Sds(Path(told.sds), min_free=min_free, room=room, logged=False)
    except BaseException:
        raw.abandon()
        raise
