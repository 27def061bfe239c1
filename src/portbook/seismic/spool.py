"""The spool: every packet that was taken, in the order of arrival, before anything else is done.

Segments of fixed-size records that only grow. A write is in the system's cache when it returns, so
kill -9 cannot reach it; `sync` makes it outlive a power loss. Numbers go on for ever and never
repeat. The order log beside it keeps which packets went out to clients, in which order: the
ring's contents and sequences come back from it after a restart. One process writes; others
follow (`Follower`). Segments are deleted when all in them is archived and nobody needs it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from portbook.seismic.journal import sync_folder
from portbook.seismic.spool_files import (
    RESERVE,
    Growing,
    Part,
    Presence,
    SpoolFull,
    failure,
    segment_path,
    segments,
)
from portbook.seismic.spool_follower import Follower
from portbook.seismic.spool_links import Links
from portbook.seismic.spool_order import Mark, OrderLog
from portbook.seismic.spool_records import MODE_AT, RECORD, Arrival, Entry, Mode, pack
from portbook.seismic.spool_recovery import find_links, refill, undelivered, whole
from portbook.seismic.store import ArchiveError

__all__ = ["Arrival", "Entry", "Follower", "Mode", "Spool", "SpoolFull"]

_ASK_EVERY = 1 << 20  # octets between two looks at the room that is left on the disk
_MOST_BATCH = RESERVE // 2


class Spool:
    """The spool of a folder, for the one process that writes it.

    most_octets: of all its files; min_free: octets that must stay free on the disk;
    segment_octets: of a file, about. next_number: of the next packet; next_sequence: of the ring
    Raises ArchiveError when another program has it open or the disk fails.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_octets: int = 4 << 30,
        min_free: int = 0,
        segment_octets: int = 64 << 20,
    ) -> None:
        self.folder, self.most_octets, self.min_free = folder, most_octets, min_free
        self.cut_octets = 0  # of a torn end that was cut off
        self._segment_octets = max(min(segment_octets, most_octets // 8, _MOST_BATCH * RECORD), 1)
        self._lock, self._syncing, self._releasing = (threading.Lock() for _ in range(3))
        self._failed: ArchiveError | None = None
        self._closed = self._clean = False
        self._unasked = _ASK_EVERY
        self._ended: list[int] = []  # descriptors of files that ended and are not synced yet
        self._renamed = False
        # Names that outlive a power loss: of the newest segment, of the newest part of the order.
        self._named = (0, 0)
        self._table: tuple[dict[tuple[int, int], int], int] | None = None  # of links, to be saved
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._presence = Presence(folder)
        except OSError as error:
            raise failure(folder, error) from error
        try:
            self._begin()
        except BaseException as error:
            self._presence.end(clean=False)
            if isinstance(error, OSError):
                raise failure(folder, error) from error
            raise

    @property
    def next_sequence(self) -> int:
        """Return the ring's sequence of the next packet that is delivered."""
        return self._order.next_sequence

    @property
    def octets(self) -> int:
        """Return the octets of all files."""
        return self._older + self._file.octets + self._order.octets

    def write(self, arrivals: Sequence[Arrival]) -> int:
        """Write packets, in one write; return the number of the first, the others follow.

        Raises SpoolFull or another ArchiveError, ValueError for what is no packet; then nothing of
        it was taken.
        """
        count = len(arrivals)
        if count > _MOST_BATCH:
            raise ValueError(f"{count} packets at once: at most {_MOST_BATCH}")
        with self._lock:
            self._check()
            self._ask_room(count * RECORD)
            if self._wants_turn(count):
                self._turn()
            first = self.next_number
            octets = pack(first, arrivals)
            try:
                self._file.append(octets)
            except ArchiveError as error:
                if self._file.torn:  # a follower may have seen these numbers: they are spent
                    self.next_number += count
                self._note_failure(error)
                raise
            self.next_number += count
            if Mode.LINK in octets[MODE_AT::RECORD]:
                self._links.note(arrivals)
            return first

    def sync(self) -> int:
        """Bring all that was written to the disk; every number below the returned one is safe.

        For any thread; `write` goes on meanwhile. Raises ArchiveError, and then every call does:
        what a disk lost between two syncs nobody can tell.
        """
        with self._syncing:
            with self._lock:
                self._check()
                number, ended, self._ended = self.next_number, self._ended, []
                named = (self._segments[-1].first, self._order.first) if self._renamed else None
                table, self._renamed, self._table = self._table, False, None
                files = [*ended, *map(os.dup, (self._file.file, self._order.file))]
            try:
                if not os.fstat(files[len(ended)]).st_nlink:
                    raise OSError(errno.ENOENT, "its file was deleted")
                for file in files:
                    os.fdatasync(file)
                if named:
                    sync_folder(self.folder)
                if table:
                    self._links.save(*table)
            except OSError as error:
                with self._lock:
                    self._presence.spoil()
                    self._failed = failure(self.folder, error, full=False)
                raise self._failed from error
            finally:
                for file in files:
                    os.close(file)
            if named:
                with self._lock:
                    self._named = named
            return number

    def delivered(self, numbers: Sequence[int]) -> int:
        """Note which packets go out next, in order; return the ring's sequence of the first.

        Raises SpoolFull or another ArchiveError; then nothing was noted.
        """
        with self._lock:
            self._check()
            if self._order.wants_turn:
                self._turn_order()
            if self._order.next_sequence + len(numbers) > self._named[1] + RESERVE:
                self._name()
            try:
                return self._order.add(numbers)
            except ArchiveError as error:
                self._note_failure(error)
                raise

    def settled(self, below: int) -> None:
        """Note that every packet below a number went out, or never will.

        The order holds back what came early: give the lowest number of those, or `next_number`.
        Nobody needs to; whoever does spares `undelivered` a longer look.
        """
        with self._lock:
            self._check()
            self._mark.put(below)

    def refill(self, most: int) -> tuple[int, list[Entry]]:
        """Return the last packets that were delivered, in order, and the sequence of the first.

        After a power loss they are fewer, and have other sequences than before: none repeats.
        """
        entries = refill(self._segments, self._order, most)
        return self.next_sequence - len(entries), entries

    def undelivered(self) -> Iterator[Entry]:
        """Give the packets that were written and neither delivered nor dropped as repetitions.

        Without `settled`: of the last minute that packets came in, of 65,536 at most.
        """
        return undelivered(self._segments, self._order, self._mark.below, self.next_number)

    def links(self) -> dict[tuple[int, int], int]:
        """Return the link sequence expected next by (unit, token)."""
        with self._lock:
            return dict(self._links.table)

    def release(self, archived: int, keep: int) -> None:
        """Delete segments of which nothing is needed any more; for any thread.

        archived: all below it is safe in the archive; keep: so many of the last packets stay, by
        number and by delivery, as long as all files fill no more than three quarters of the spool
        """
        with self._releasing:
            with self._lock:
                self._check()
                gone = self._unneeded(archived, keep)
                table, number = dict(self._links.table), self.next_number
            if not gone:
                return
            try:
                behind = self._segments[len(gone)].first
                if self._links.saved < behind:
                    self._links.save(table, number)
                freed = 0
                for part in gone:
                    freed += part.path.stat().st_size
                    part.path.unlink()
            except OSError as error:
                raise failure(self.folder, error, full=False) from error
            with self._lock:
                del self._segments[: len(gone)]
                self._older -= freed
                self._order.release(behind)

    def close(self) -> None:
        """Sync, and let go; once."""
        if self._closed:
            return
        try:
            if self._failed is None:
                self.sync()
                self._clean = True
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go as a sudden end would: what was not synced is left to the system."""
        if self._closed:
            return
        self._closed = True
        for file in self._ended:
            os.close(file)
        for one in (self._file, self._order, self._mark):
            one.close()
        self._presence.end(clean=self._clean)

    def _begin(self) -> None:
        lost = self._presence.lost
        self._segments = segments(self.folder)
        self._links = Links(self.folder)
        with contextlib.ExitStack() as opened:
            self._mark = Mark(self.folder)
            opened.callback(self._mark.close)
            self._order = OrderLog(self.folder)
            opened.callback(self._order.close)
            if not self._segments:
                known = max(self._links.saved, self._order.behind, self._mark.below)
                self._segments = [Part(known, segment_path(self.folder, known))]
            self._file = Growing(self._segments[-1], read=True)
            opened.callback(lambda: self._file.close())
            self._older = sum(part.path.stat().st_size for part in self._segments[:-1])
            self._named = self._segments[-1].first, self._order.first
            self._resume(lost)
            find_links(self._segments, self._links)
            self._presence.note()  # which syncs the folder too
            self._named = self._segments[-1].first, self._order.first
            opened.pop_all()

    def _resume(self, lost: bool) -> None:
        """Go on behind the last record; lost: behind every number that can have been given."""
        first, count = self._segments[-1].first, whole(self._file)
        self.next_number = first + count
        self.cut_octets = self._file.octets - count * RECORD
        if self.cut_octets:
            self._file.cut(count * RECORD)
        if lost or self.cut_octets:
            self.next_number = first + RESERVE
            self._turn()
        if lost:
            self._order.leap(self.next_number)
            self._mark.below = 0  # it may know of deliveries that the order log lost

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed
        if self._closed:
            raise ArchiveError(f"{self.folder}: the spool is closed")

    def _note_failure(self, error: ArchiveError) -> None:
        if not isinstance(error, SpoolFull):
            self._failed = error

    def _ask_room(self, more: int) -> None:
        if self.octets + more > self.most_octets:
            raise SpoolFull(
                f"{self.folder}: the spool holds {self.octets >> 20} MiB and may hold "
                f"{self.most_octets >> 20}; nothing of this batch was taken. Let the archive catch "
                "up, or give it more ([spool] max_gb)"
            )
        self._unasked += more
        if not self.min_free or self._unasked < _ASK_EVERY:
            return
        about = os.statvfs(self.folder)
        free = about.f_bavail * about.f_frsize
        if free - more < self.min_free:
            raise SpoolFull(
                f"{self.folder}: {free >> 20} MiB are free and {self.min_free >> 20} must stay so; "
                "nothing of this batch was taken. Make room; it goes on by itself"
            )
        self._unasked = 0

    def _wants_turn(self, count: int) -> bool:
        if self.next_number + count > self._named[0] + RESERVE:
            self._name()
        grown = self._file.octets + count * RECORD > self._segment_octets
        return self._file.torn or (grown and self._file.octets > 0)

    def _turn(self) -> None:
        """Begin another segment, at the next number; what must be synced is left to `sync`."""
        path = segment_path(self.folder, self.next_number)
        last = self._segments[-1]
        try:
            if self._file.octets:
                fresh = Growing(Part(self.next_number, path), read=True)
                self._ended.append(self._file.file)
                self._older += self._file.octets
                self._file = fresh
            else:
                os.rename(last.path, path)
                self._segments.pop()
                self._file.part = Part(self.next_number, path)
        except OSError as error:
            raise failure(path, error) from error
        self._segments.append(Part(self.next_number, path))
        self._renamed = True
        self._table = dict(self._links.table), self.next_number
        self._turn_order()

    def _turn_order(self) -> None:
        try:
            ended = self._order.turn(self.next_number)
        except OSError as error:
            raise failure(self.folder, error) from error
        if ended is not None:
            self._ended.append(ended)
            self._renamed = True

    def _name(self) -> None:
        """Make the newest names durable now: numbers behind their reserve are about to be used."""
        try:
            sync_folder(self.folder)
        except OSError as error:
            self._failed = failure(self.folder, error)
            raise self._failed from error
        self._named = self._segments[-1].first, self._order.first

    def _unneeded(self, archived: int, keep: int) -> list[Part]:
        """Return the segments that can be deleted."""
        until = archived
        roomy = 4 * self.octets < 3 * self.most_octets
        if roomy:
            until = min(until, self.next_number - keep)
        if len(self._segments) < 2 or self._segments[1].first > until:
            return []
        if roomy:
            until = min(until, self._order.lowest(keep, until), self._mark.below or until)
        return [part for part, behind in pairwise(self._segments) if behind.first <= until]
