"""Files of whole records that only grow, kept whole through kill -9, power loss and full disks.

What comes in is logged in a journal first; `sync` makes all that was logged safe with one fsync.
Records are then appended to their files without one. A checkpoint syncs the files and empties the
journal; until then the journal can write them again, so a torn end of a file is cut back to its
last whole record and what it lost is fed in once more.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from portbook.errors import SourceError
from portbook.seismic import journal
from portbook.seismic.journal import Entry, Journal, sync_disk, sync_folder, write_whole
from portbook.seismic.names import DAY_NS

HIDDEN = ".portbook"
CHECKPOINT_OCTETS = 64 << 20
_MANY = 64  # files: from this on one sync of the whole disk costs less than one of each
_ASK_EVERY = 1 << 20  # octets between two looks at the room that is left
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class ArchiveError(SourceError):
    """The archive cannot take more: full, failing, or held by another program."""


class FullError(ArchiveError):
    """No room, or no more of it may be taken; what was reported safe is safe."""


class InUseError(ArchiveError):
    """Another program writes there."""


class ForeignFileError(ArchiveError):
    """A file of a name that is ours holds what another program wrote; others can be written."""


class Room(NamedTuple):
    """What a store may take of the machine: files open at a time, octets that are kept back."""

    most_open: int = 128
    most_waiting: int = 1 << 20


ROOM = Room()


class Written(msgspec.Struct):
    """A file that is being written: octets that are safe without the journal, and the rest."""

    path: str
    safe: int
    about: msgspec.Raw = msgspec.Raw(b"null")  # what its owner knows of it


class Removed(msgspec.Struct):
    """A file that was deleted since the last checkpoint, and its octets as of then."""

    path: str
    octets: int


class Cut(msgspec.Struct, frozen=True, tag="cut", tag_field="kind"):
    """The torn end of a file that was cut off when an archive was opened after a sudden end."""

    path: str
    octets: int


class Store:
    """The files below a root, one writer at a time.

    record: octets of each; is_record: tells a record from what a power loss leaves behind;
    min_free: octets that must stay free on the disk
    Raises ArchiveError when another program writes there, the disk is full, or it fails.
    """

    def __init__(
        self,
        root: Path,
        record: int,
        is_record: Callable[[bytes], bool],
        *,
        min_free: int = 0,
        room: Room = ROOM,
        checkpoint_octets: int = CHECKPOINT_OCTETS,
    ) -> None:
        self.root, self.record, self.min_free = root, record, min_free
        self._place = f"{root}/"  # Path is slow for a path a packet
        self.cuts: list[Cut] = []
        self.state: bytes | None = None  # of the owner, as of the last checkpoint
        self.recovered: list[Written] = []  # files that were open at a sudden end
        self.removed: list[Removed] = []  # files that were deleted before it, which `state` counts
        self._is_record = is_record
        self._room, self._limit = room, checkpoint_octets
        self._files: OrderedDict[str, int] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._entries: list[Entry] = []  # for the journal, which goes before the files
        self._pending: dict[str, bytearray] = {}
        self._waiting = 0  # octets in both
        self._dirty: dict[str, int] = {}  # changed since the last checkpoint, and what was safe
        self._grown: dict[str, int] | None = None  # octets more since `growth` was asked
        self._synced = False  # all that is in the files is on the disk
        self._failed: ArchiveError | None = None
        self._closed = False
        self._unasked = _ASK_EVERY
        self._hidden = root / HIDDEN
        with self._guard():
            self._hidden.mkdir(parents=True, exist_ok=True)
            self._lock = self._locked()
            try:
                self._begin()
            except BaseException:
                os.close(self._lock)
                raise

    def replay(self) -> Iterator[bytes]:
        """Give the records that were logged since the last checkpoint before a sudden end."""
        for entry, at in journal.read(self._journal.path):
            if at > self._replay_to:
                return
            if entry.kind == journal.RECORD:
                yield entry.payload

    def log(self, records: Iterable[bytes]) -> None:
        """Put records in the journal; they are safe after the next `sync`."""
        for record in records:
            self._entries.append(Entry(journal.RECORD, record))
            self._waiting += len(record)
        self._flush_much()

    def append(self, path: str, record: bytes) -> None:
        """Append a record to a file below the root; `flush` hands it to the system."""
        pending = self._pending.get(path)
        if pending is None:
            if path not in self._dirty or path not in self._sizes:
                self._note(path)
            pending = self._pending[path] = bytearray()
        pending += record
        self._waiting += len(record)
        if self._waiting > self._room.most_waiting:
            self.flush()

    def size(self, path: str) -> int:
        """Return the octets of a file, what waits included; 0 when there is none."""
        if path in self._sizes:
            return self._sizes[path] + len(self._pending.get(path, b""))
        try:
            return os.stat(self._place + path).st_size
        except FileNotFoundError:
            return 0

    def read(self, path: str, index: int) -> bytes:
        """Return the record at an index, empty when the file ends before it."""
        at = index * self.record
        waiting = at - self._sizes.get(path, at + 1)
        if waiting >= 0:
            return bytes(self._pending.get(path, b"")[waiting : waiting + self.record])
        with self._guard():
            try:
                return os.pread(self._open(path, make=False), self.record, at)
            except FileNotFoundError:
                return b""

    def flush(self) -> None:
        """Hand all that waits to the system, so that kill -9 cannot reach it."""
        with self._guard():
            self._ask_room(self._waiting)
            if self._entries:
                self._journal.write(self._entries)
                self._entries.clear()
            while self._pending:
                path, octets = self._pending.popitem()
                write_whole(self._open(path), octets, self._sizes[path])
                self._sizes[path] += len(octets)
                self._grow(path, len(octets))
                self._synced = False
            self._waiting = 0

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, which no file may have."""
        self.flush()
        with self._guard():
            if (self.root / new).exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
            (self.root / new).parent.mkdir(parents=True, exist_ok=True)
            self._note(new, self._dirty.pop(old, self._sizes.get(old, 0)))
            self.flush()
            (self.root / old).rename(self.root / new)
            for table in (self._files, self._sizes):
                if old in table:
                    table[new] = table.pop(old)

    def replace(self, path: str, octets: bytes) -> None:
        """Put other content in the place of a file at once; on failure the old one stays."""
        self.flush()
        with self._guard():
            self._ask_room(len(octets))
            self._grow(path, len(octets) - self.size(path))
            self._forget(path)
            write_beside(self.root / path, octets)

    def remove(self, path: str) -> int | None:
        """Delete a file, also from all that is known of it; return how large it was.

        None when it cannot be deleted, which harms nothing else.
        """
        octets = self.size(path)
        known = Removed(path, self._dirty.get(path, octets))
        self._entries.append(Entry(journal.GONE, msgspec.json.encode(known)))
        self.flush()
        try:
            (self.root / path).unlink(missing_ok=True)
        except OSError:
            return None
        self._forget(path)
        self._dirty.pop(path, None)
        self._grow(path, -octets)
        return octets

    def is_safe(self, path: str) -> bool:
        """Tell whether all that is in a file was there at the last checkpoint."""
        return path not in self._dirty

    def growth(self, *, following: bool = True) -> dict[str, int]:
        """Return by how many octets each file has grown since the last call."""
        grown, self._grown = self._grown, {} if following else None
        return grown or {}

    def sync(self) -> None:
        """Make all that was logged safe: neither kill -9 nor power loss can take it."""
        self.flush()
        with self._guard():
            self._journal.sync()

    @property
    def wants_checkpoint(self) -> bool:
        """Tell whether the journal has grown so far that a checkpoint is due."""
        return self._journal.octets > self._limit

    def checkpoint(
        self, state: bytes, files: Iterable[Written], unplaced: Iterable[bytes] = ()
    ) -> None:
        """Sync the files and begin the journal anew.

        state: what the owner wants back after a sudden end; files: those still open; unplaced:
        records that were logged and stand in no file yet
        """
        self.flush()
        with self._guard():
            kept, grown = {one.path: one for one in files}, set(self._dirty)
            self._sync_files()
            entries = [Entry(journal.STATE, state)]
            for one in kept.values():
                one.safe = self._sizes.get(one.path, 0)
                entries.append(Entry(journal.FILE, msgspec.json.encode(one)))
            entries += [Entry(journal.RECORD, record) for record in unplaced]
            self._journal.replace(entries)
            # A file that grew since the last checkpoint is going to grow on.
            for path in [path for path in self._sizes if path not in kept and path not in grown]:
                self._forget(path)

    def close(self, *, finished: bool) -> None:
        """Let go, once; finished: all is in its files and synced: the journal is not needed."""
        if self._closed:
            return
        self._closed = True
        try:
            for file in self._files.values():
                os.close(file)
            self._files.clear()
            self._journal.close()
            if finished and self._failed is None:
                with self._guard():
                    self._journal.path.unlink()
                    sync_folder(self._hidden)
        finally:
            os.close(self._lock)

    def _begin(self) -> None:
        self._journal = Journal(self._hidden / "journal")
        self._replay_to = self._journal.octets
        tracked: dict[str, Written] = {}
        removed: dict[str, tuple[Removed, Written | None]] = {}
        for entry, _ in journal.read(self._journal.path):
            if entry.kind == journal.STATE:
                self.state = entry.payload
            elif entry.kind == journal.FILE:
                one = msgspec.json.decode(entry.payload, type=Written)
                tracked.setdefault(one.path, one)
            elif entry.kind == journal.GONE:
                gone = msgspec.json.decode(entry.payload, type=Removed)
                removed[gone.path] = gone, tracked.pop(gone.path, None)
        for path, (gone, before) in removed.items():
            if path in tracked or not (self.root / path).exists():
                self.removed.append(gone)
            elif before:  # the end came just before it was deleted
                tracked[path] = before
        for one in tracked.values():
            if (self.root / one.path).is_file():
                self._cut_torn(one)
                self._dirty[one.path] = one.safe
                self.recovered.append(one)

    def _cut_torn(self, one: Written) -> None:
        """Cut a file back to its last whole record, looking at those that may not be safe."""
        path = self.root / one.path
        size = path.stat().st_size
        end = min(one.safe, size) // self.record * self.record
        with path.open("rb") as stream:
            stream.seek(end)
            while len(octets := stream.read(self.record)) == self.record:
                if not self._is_record(octets):
                    break
                end += self.record
        if end < size:
            os.truncate(path, end)
            self.cuts.append(Cut(one.path, size - end))
        self._sizes[one.path] = end

    def _cut_part(self, path: str) -> None:
        """Learn the size of a file that is going to grow; what is no whole record is cut off."""
        size = self.size(path)
        if part := size % self.record:
            os.truncate(self._place + path, size - part)
            self.cuts.append(Cut(path, part))
        self._sizes[path] = size - part

    def _note(self, path: str, safe: int | None = None) -> None:
        """Write in the journal that a file is about to be changed, before it is."""
        with self._guard():
            if safe is None and path not in self._sizes:
                self._cut_part(path)
            known = self._sizes[path] if safe is None else safe
            self._entries.append(Entry(journal.FILE, msgspec.json.encode(Written(path, known))))
        self._dirty.setdefault(path, known)
        self._synced = False

    def _open(self, path: str, *, make: bool = True) -> int:
        if path in self._files:
            self._files.move_to_end(path)
            return self._files[path]
        while len(self._files) >= self._room.most_open:
            os.close(self._files.popitem(last=False)[1])
        whole = self._place + path
        try:
            file = os.open(whole, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            if not make:
                raise
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            file = os.open(whole, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except PermissionError:
            if make:
                raise
            # an operator may write-protect what is closed: it is only looked at
            file = os.open(whole, os.O_RDONLY | os.O_CLOEXEC)
        self._files[path] = file
        return file

    def _forget(self, path: str) -> None:
        if path in self._files:
            os.close(self._files.pop(path))
        self._sizes.pop(path, None)

    def _grow(self, path: str, octets: int) -> None:
        if self._grown is not None:
            self._grown[path] = self._grown.get(path, 0) + octets

    def _sync_files(self) -> None:
        if self._synced:
            self._dirty.clear()
            return
        if len(self._dirty) > _MANY and sync_disk(self.root):
            self._dirty.clear()
            return
        folders: set[Path] = set()
        for path in sorted(self._dirty):
            if not (self.root / path).exists():
                continue
            os.fsync(self._open(path, make=False))
            folders.update((self.root / path).parents)
        for folder in folders:
            if self.root in (folder, *folder.parents):
                sync_folder(folder)
        self._dirty.clear()

    def _flush_much(self) -> None:
        if self._waiting > self._room.most_waiting:
            self.flush()

    def _ask_room(self, more: int) -> None:
        self._unasked += more
        if self._unasked < _ASK_EVERY:
            return
        self._unasked = 0
        about = os.statvfs(self.root)
        free = about.f_bavail * about.f_frsize
        if free - more < self.min_free:
            raise FullError(
                f"{self.root}: {free >> 20} MiB are free and {self.min_free >> 20} must stay so; "
                "stopped, what was reported safe is safe. Make room and go on"
            )

    def _locked(self) -> int:
        file = os.open(self._hidden / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise InUseError(
                f"{self.root}: another program writes this archive; stop it first"
            ) from None
        return file

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """After a failure nothing more is written; what is journaled comes back when opened."""
        if self._failed:
            raise self._failed
        try:
            yield
        except ArchiveError as error:
            self._failed = error
            raise
        except OSError as error:
            self._failed = failure(self.root, error)
            raise self._failed from error


def sync_together(stores: Sequence[Store]) -> None:
    """Sync the files of several stores at once where one disk has many; checkpoints follow."""
    for one in stores:
        one.flush()
    disks = {os.stat(one.root).st_dev for one in stores}
    if len(disks) > 1 or sum(len(one._dirty) for one in stores) <= _MANY:
        return
    with contextlib.ExitStack() as guards:
        for one in stores:
            guards.enter_context(one._guard())
        done = sync_disk(stores[0].root)
    for one in stores:
        one._synced = done


def failure(place: Path, error: OSError) -> ArchiveError:
    """Return what a failed write means to whoever archives."""
    kind = FullError if error.errno in _FULL else ArchiveError
    return kind(
        f"{place}: {error.strerror or error}; stopped, what was reported safe is safe. Cure it, "
        "then run the same again"
    )


def by_day(growth: Mapping[str, int], begins_ns: Callable[[str], int | None]) -> dict[int, int]:
    """Return the growth of files by days, counted from 1970; begins_ns: of a path's day."""
    found: dict[int, int] = {}
    for path, octets in growth.items():
        day_ns = begins_ns(path)
        if day_ns is not None:
            day = day_ns // DAY_NS
            found[day] = found.get(day, 0) + octets
    return found


def write_beside(path: Path, octets: bytes) -> None:
    """Write a file under another name, sync it, and put it in place."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as stream:
            stream.write(octets)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
