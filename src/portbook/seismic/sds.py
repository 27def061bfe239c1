"""miniSEED day files in an SDS tree: each record once, in order of time, on disk when told so.

ROOT/YEAR/NET/STA/CHAN.D/NET.STA.LOC.CHAN.D.YEAR.DAY, records of 1024 octets; a record stands in
the file of the day that it begins. Sources: SeisComP, SDS; SEED manual 2.4, fixed header.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from pathlib import Path

from portbook.errors import UsageError
from portbook.seismic.names import day_ns
from portbook.seismic.sds_listing import files, folders
from portbook.seismic.store import (
    CHECKPOINT_OCTETS,
    ROOM,
    ArchiveError,
    Cut,
    ForeignFileError,
    Room,
    Store,
    by_day,
)

RECORD = 1024
_NUMBER = 6  # digits in front, which count the records of a volume and say nothing of the data
_HEADER = re.compile(
    rb"[0-9 ]{6}[DRQM][ \0]"
    rb"(?P<station>[A-Za-z0-9]{1,5}) *(?<=^.{13})(?P<location>[A-Za-z0-9 ]{2})"
    rb"(?P<channel>[A-Za-z0-9]{3})(?P<network>[A-Za-z0-9]{1,2}) *(?<=^.{20})",
    re.DOTALL,
)
_TIME = slice(20, 30)  # year, day, hour, minute, second, 0, ten-thousandths: big-endian, so sorts
_CODES = slice(6, 24)  # quality, codes, year and day: what the path of a record follows from
_MOST_LATE = 4096  # records that wait to be put between others
_MOST_KNOWN = 8192  # files whose last record is remembered


class Sds:
    """An SDS tree that is open for writing, by one program at a time.

    root: its folder, made when absent; min_free: octets that must stay free on the disk; logged:
    what is added goes to the journal first, else it is safe at a `checkpoint` only
    Raises ArchiveError when another program writes there, or the disk is full or fails.
    """

    def __init__(
        self,
        root: Path,
        *,
        min_free: int = 0,
        checkpoint_octets: int = CHECKPOINT_OCTETS,
        logged: bool = True,
        room: Room = ROOM,
    ) -> None:
        self._logged = logged
        self._store = Store(
            root,
            RECORD,
            _is_record,
            min_free=min_free,
            room=room,
            checkpoint_octets=checkpoint_octets,
        )
        self._paths: dict[bytes, str] = {}
        self._last: dict[str, bytes] = {}
        self._late: dict[str, list[bytes]] = {}
        self._waiting = 0
        try:
            for record in self._store.replay():
                self._put(record, self._path(record))
        except BaseException:
            self._store.close(finished=False)
            raise

    @property
    def root(self) -> Path:
        """Return the tree's folder."""
        return self._store.root

    @property
    def store(self) -> Store:
        """Return the files below."""
        return self._store

    @property
    def min_free(self) -> int:
        """Return the octets that must stay free on the disk."""
        return self._store.min_free

    @min_free.setter
    def min_free(self, octets: int) -> None:
        self._store.min_free = octets

    @property
    def cuts(self) -> list[Cut]:
        """Return the torn ends that were cut off, as left by a sudden end."""
        return self._store.cuts

    def add(self, record: bytes) -> bool:
        """Put a record in its day's file; False when it is there already. Safe after `sync`.

        Raises UsageError when it is no miniSEED 2 record of 1024 octets.
        """
        path = self._path(record)
        self._last_time(path)  # refuses a foreign file before anything is logged
        if self._logged:
            self._store.log([record])
        return self._put(record, path)

    def holdings(self) -> Iterator[tuple[int, int, int]]:
        """Give days of data, octets of a file of each, and days when it was written.

        Days are counted from 1970.
        """
        for where in folders(self.root):
            for day, _, about in files(self.root, where):
                yield day, about.st_size, int(about.st_mtime) // 86400

    def growth(self, *, following: bool = True) -> dict[int, int]:
        """Return by how many octets each day has grown since the last call.

        It is followed from the first call on; following: whether it is any more.
        """
        return by_day(
            self._store.growth(following=following), lambda path: day_ns(path[-8:].replace(".", ""))
        )

    def forget(self, day: int) -> tuple[int, int]:
        """Delete the day files of a day, in which no late record waits; return count and octets.

        Only files that this program wrote go: their name fits their folder, and their first
        record is one of 1024 octets with the number 1, as all of ours.
        """
        count = octets = 0
        for where in folders(self.root):
            for that, path, _ in files(self.root, where):
                if that != day or path in self._late or not self._is_ours(path):
                    continue
                self._last.pop(path, None)
                if (size := self._store.remove(path)) is not None:
                    octets += size
                    count += 1
        return count, octets

    def _is_ours(self, path: str) -> bool:
        first = self._store.read(path, 0)
        return _is_record(first) and first[:_NUMBER] == b"000001"

    def flush(self) -> None:
        """Hand all that waits to the system, so that kill -9 cannot reach it."""
        self._store.flush()

    def sync(self) -> None:
        """Make all records that were added safe against kill -9 and power loss."""
        self._store.sync()
        if self._store.wants_checkpoint:
            self.checkpoint()

    def checkpoint(self, *, merging: bool = True) -> None:
        """Put late records in their place, sync the files and empty the journal.

        merging: False leaves late records in the journal; a merge writes a whole day file anew
        """
        if merging:
            for path in list(self._late):
                self._merge(path)
        waiting = [record for every in self._late.values() for record in every]
        self._store.checkpoint(b"", (), waiting)

    def close(self) -> None:
        """Let go of the tree with every record in its file."""
        try:
            self.checkpoint()
        except ArchiveError:
            self._store.close(finished=False)
            raise
        self._store.close(finished=True)

    def abandon(self) -> None:
        """Let go at once, as after a failure; what was synced comes back at the next opening."""
        self._store.close(finished=False)

    def _path(self, record: bytes) -> str:
        """Return where a record belongs; codes and day of the last ones are not read again."""
        key = record[_CODES]
        path = self._paths.get(key)
        if path is None or not _fits(record):
            if not _is_record(record):
                raise UsageError(f"{len(record)} octets are no miniSEED 2 record of {RECORD}")
            if len(self._paths) >= _MOST_KNOWN:
                self._paths.clear()
            path = self._paths[key] = day_file(record)
        return path

    def _put(self, record: bytes, path: str) -> bool:
        last = self._last_time(path)
        if record[_TIME] > last:
            self._store.append(path, record)
            self._last[path] = record[_TIME]
            return True
        late = self._late.get(path, [])
        if any(_same(record, one) for one in late) or self._has(path, record):
            return False
        self._late.setdefault(path, late).append(record)
        self._waiting += 1
        if self._waiting >= _MOST_LATE:
            for one in list(self._late):
                self._merge(one)
        return True

    def _last_time(self, path: str) -> bytes:
        last = self._last.get(path)
        if last is None:
            size = self._store.size(path)
            if size:
                self._check_size(path)
            if len(self._last) >= _MOST_KNOWN:
                self._last.pop(next(iter(self._last)))
            count = size // RECORD
            last = self._store.read(path, count - 1)[_TIME] if count else b""
            self._last[path] = last
        return last

    def _has(self, path: str, record: bytes) -> bool:
        """Look a record up in its sorted file."""
        index = self._place(path, record[_TIME])
        while (found := self._store.read(path, index))[_TIME] == record[_TIME]:
            if _same(found, record):
                return True
            index += 1
        return False

    def _place(self, path: str, time: bytes) -> int:
        count = self._store.size(path) // RECORD
        return bisect.bisect_left(
            range(count), time, key=lambda index: self._store.read(path, index)[_TIME]
        )

    def _merge(self, path: str) -> None:
        """Put late records between the others; the new file replaces the old one at once."""
        late = self._late.pop(path)
        self._waiting -= len(late)
        self._store.flush()
        try:
            octets = (self.root / path).read_bytes()
        except OSError as error:
            raise ArchiveError(
                f"{self.root / path}: {error.strerror}; it was not changed"
            ) from None
        records = [octets[at : at + RECORD] for at in range(0, len(octets) - RECORD + 1, RECORD)]
        records += late
        records.sort(key=lambda one: one[_TIME])
        self._store.replace(path, b"".join(records))

    def _check_size(self, path: str) -> None:
        first = self._store.read(path, 0)
        if not _is_record(first):
            raise ForeignFileError(
                f"{self.root / path}: it does not hold miniSEED 2 records of {RECORD} octets, so "
                "another program wrote it; it was not changed. Give another folder"
            )


def day_file(record: bytes) -> str:
    """Return where a record belongs, below the root."""
    match = _HEADER.match(record)
    assert match is not None
    network, station, location, channel = (
        match[name].decode().strip() for name in ("network", "station", "location", "channel")
    )
    year, day = int.from_bytes(record[20:22]), int.from_bytes(record[22:24])
    name = f"{network}.{station}.{location}.{channel}.D.{year:04}.{day:03}"
    return f"{year:04}/{network}/{station}/{channel}.D/{name}"


def _same(one: bytes, other: bytes) -> bool:
    return one[_NUMBER:] == other[_NUMBER:]


def _fits(record: bytes) -> bool:
    """Tell whether a record of known codes and day is one, as most are that we make ourselves."""
    return (
        len(record) == RECORD
        and record[24] < 24
        and record[25] < 60
        and record[46:50] == b"\x00\x30\x03\xe8"
        and record[54] == 10
    )


def _is_record(octets: bytes) -> bool:
    """Tell whether octets are a record of that size: codes, a time that exists, blockette 1000."""
    if len(octets) != RECORD or not _HEADER.match(octets):
        return False
    year, day = int.from_bytes(octets[20:22]), int.from_bytes(octets[22:24])
    if not (1 <= year <= 9999 and 1 <= day <= 366 and octets[24] < 24 and octets[25] < 60):
        return False
    at = int.from_bytes(octets[46:48])
    return octets[at : at + 2] == b"\x03\xe8" and octets[at + 6 : at + 7] == b"\x0a"
