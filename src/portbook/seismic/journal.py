"""The journal of an archive: what came in, in the order of arrival, until it stands in the files.

One fsync of one file makes a whole batch safe, however many files the batch goes to. A journal is
`PBJ1` and entries: u32 length, u32 CRC-32 of the rest, u8 kind, payload (big-endian). An entry
that is cut or whose sum does not agree ends it: whatever stands behind was never reported safe.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

MAGIC = b"PBJ1"
RECORD, FILE, STATE, GONE = 1, 2, 3, 4
LARGEST = 64 << 20  # octets of one entry: the state of many thousand streams
_MOST = 8 << 20  # octets of one write
_HEAD = struct.Struct(">IIB")


class Entry(NamedTuple):
    """One entry: a record that came in, a file written or deleted, or a state of all."""

    kind: int
    payload: bytes


def pack(entry: Entry) -> bytes:
    """Return an entry as it stands in the journal."""
    summed = zlib.crc32(entry.payload, zlib.crc32(bytes((entry.kind,))))
    return _HEAD.pack(len(entry.payload), summed, entry.kind) + entry.payload


def read(path: Path) -> Iterator[tuple[Entry, int]]:
    """Give the whole entries of a journal, each with the octet where it ends."""
    with path.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            return
        at = len(MAGIC)
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            length, _, kind = _HEAD.unpack(head)
            if length > LARGEST:
                return
            entry = Entry(kind, stream.read(length))
            if len(entry.payload) < length or pack(entry)[:8] != head[:8]:
                return
            at += _HEAD.size + length
            yield entry, at


def whole_octets(path: Path) -> int:
    """Return where the last whole entry of a journal ends; 0 when it is no journal."""
    with path.open("rb") as stream:
        end = len(MAGIC) if stream.read(len(MAGIC)) == MAGIC else 0
    return max((at for _, at in read(path)), default=end)


class Journal:
    """A journal that is being written; a failed write leaves it as it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.octets = whole_octets(path)
        os.ftruncate(self._file, self.octets)
        if not self.octets:
            self._put(MAGIC)

    def write(self, entries: Iterable[Entry]) -> None:
        """Append entries in one write; raises OSError when the disk takes them not whole."""
        if octets := b"".join(map(pack, entries)):
            self._put(octets)

    def sync(self) -> None:
        """Make all that was written outlive the machine's sudden end."""
        os.fsync(self._file)

    def replace(self, entries: Iterable[Entry]) -> None:
        """Begin anew with these entries only; the old journal stays until the new one is safe."""
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        following = Journal(fresh)
        try:
            following.write(entries)
            following.sync()
        except OSError:
            following.close()
            fresh.unlink(missing_ok=True)
            raise
        os.rename(fresh, self.path)
        os.close(self._file)
        self._file, self.octets = following._file, following.octets
        sync_folder(self.path.parent)

    def close(self) -> None:
        """Let go of the file, which stays."""
        os.close(self._file)

    def _put(self, octets: bytes) -> None:
        write_whole(self._file, octets, self.octets)
        self.octets += len(octets)


def write_whole(file: int, octets: bytes | bytearray, at: int) -> None:
    """Write all octets at that place, which is the file's end, or none: a part is cut off again."""
    done = 0
    try:
        done = os.pwrite(file, octets if len(octets) <= _MOST else octets[:_MOST], at)
        while done < len(octets):
            done += os.pwrite(file, octets[done : done + _MOST], at + done)
    except OSError:
        os.ftruncate(file, at)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive the machine's sudden end."""
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sync_disk(folder: Path) -> bool:
    """Sync the whole disk that a folder is on, in one call; False where the system has none.

    Raises OSError when the disk fails.
    """
    import ctypes

    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError, TypeError):
        return False
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(opened):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(opened)
    return True
