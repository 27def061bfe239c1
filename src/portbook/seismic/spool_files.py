"""The files of the spool: their names, and one that only grows and is whole after every failure.

`NUMBER.spool` is a segment: records of `spool_records`, numbered from NUMBER on without a gap.
`SEQUENCE-NUMBER.order` is a part of the order log: its first entry has the ring's SEQUENCE; when
it was begun, the next packet was to be NUMBER. A name gives its file RESERVE numbers: after a
power loss, which may take numbers along that were handed out, one begins behind all of them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import NamedTuple

from portbook.seismic.journal import sync_folder
from portbook.seismic.store import ArchiveError

RESERVE = 1 << 20
SEGMENT, ORDER = ".spool", ".order"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_OPENED = "opened"


class SpoolFull(ArchiveError):  # noqa: N818 - the name that its callers read well
    """The spool has no room: nothing of what it was given was taken. It may have room later."""


class Part(NamedTuple):
    """One file: the first number or sequence in it; behind: the number told by an order log's."""

    first: int
    path: Path
    behind: int = 0


def segments(folder: Path) -> list[Part]:
    """Return the segments of a spool, in order."""
    return _parts(folder, SEGMENT, 1)


def orders(folder: Path) -> list[Part]:
    """Return the parts of the order log, in order."""
    return _parts(folder, ORDER, 2)


def segment_path(folder: Path, number: int) -> Path:
    """Return the name of the segment that begins with a number."""
    return folder / f"{number:020}{SEGMENT}"


def order_path(folder: Path, sequence: int, number: int) -> Path:
    """Return the name of the part of the order log that begins there."""
    return folder / f"{sequence:020}-{number:020}{ORDER}"


class Growing:
    """A file that is appended to. A write that fails leaves it as it was; but see `torn`.

    torn: a part of a write was in it for a moment. Where others may have read that, it stays with
    one octet of no record, so that after a restart nobody takes the file's end for what it seems
    """

    def __init__(self, part: Part, *, read: bool = False) -> None:
        self.part = part
        self.torn = False
        self._read = read
        self.file = os.open(part.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.octets = os.fstat(self.file).st_size

    def append(self, octets: bytes) -> None:
        """Append in one write. Raises SpoolFull, or another ArchiveError."""
        done = 0
        try:
            while done < len(octets):
                done += os.pwrite(self.file, octets[done:] if done else octets, self.octets + done)
        except OSError as error:
            if done:
                self._undo()
            raise failure(self.part.path, error) from error
        self.octets += done

    def _undo(self) -> None:
        self.torn = self._read
        try:
            self.cut(self.octets + self.torn)
        except OSError as error:
            raise failure(self.part.path, error, full=False) from error

    def cut(self, octets: int) -> None:
        """Cut the end off."""
        os.ftruncate(self.file, octets)
        self.octets = octets

    def close(self) -> None:
        """Let go of the file, which stays."""
        os.close(self.file)


class Presence:
    """One writer at a time, and whether the one before may have lost what it wrote.

    A note with the boot's id stands while the spool is open. When it is still there and of
    another boot, the machine ended suddenly: what was not synced may be gone.
    """

    def __init__(self, folder: Path) -> None:
        self._note = folder / _OPENED
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._hold(folder)
        except BaseException:
            os.close(self._lock)
            raise

    def _hold(self, folder: Path) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveError(
                f"{folder}: another program writes this spool; stop it first"
            ) from None
        try:
            boot = _BOOT.read_bytes().strip()
        except OSError:
            boot = b""
        before = self._note.read_bytes().strip() if self._note.exists() else None
        self.lost = before is not None and (before != boot or not boot)
        self._boot = boot

    def note(self) -> None:
        """Note, durably, that from now on there is something to lose."""
        with self._note.open("wb") as stream:
            stream.write(self._boot)
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(self._note.parent)

    def spoil(self) -> None:
        """Note that what was written may be gone though the machine goes on: its disk failed."""
        with contextlib.suppress(OSError):
            self._note.write_text("failed")

    def end(self, *, clean: bool) -> None:
        """Let go; clean: all is synced."""
        try:
            if clean:
                self._note.unlink(missing_ok=True)
                sync_folder(self._note.parent)
        finally:
            os.close(self._lock)


def failure(path: Path, error: OSError, *, full: bool = True) -> ArchiveError:
    """Return what a failed call means: a full disk, where that can be, or one that fails."""
    about = f"{path}: {error.strerror or error}"
    if full and error.errno in _FULL:
        return SpoolFull(
            f"{about}; nothing of this batch was taken. Make room; it goes on by itself"
        )
    return ArchiveError(f"{about}; stopped, what was reported safe is safe. Cure it, then restart")


def _parts(folder: Path, ending: str, numbers: int) -> list[Part]:
    found = []
    for name in os.listdir(folder):
        told = name.removesuffix(ending).split("-")
        if name.endswith(ending) and len(told) == numbers and all(map(str.isdecimal, told)):
            found.append(Part(int(told[0]), folder / name, int(told[-1])))
    return sorted(found)
