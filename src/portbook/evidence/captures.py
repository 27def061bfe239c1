"""Captures that the user names: files, folders, patterns, standard input.

`find` turns names into captures, `read` pushes one of them into a conversation table, a block at
a time, so that memory stays the same for any length. What a file is, its octets tell: pcap and
pcapng, plain, in gzip or in zstd; the name does not count.
"""

from __future__ import annotations

import glob
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from portbook.errors import SourceError
from portbook.evidence.ahead import Ahead
from portbook.evidence.containers import MAGICS, SECTION
from portbook.evidence.table import Table
from portbook.evidence.unpacking import Octets, Packed, unpacked

BLOCK = 1024 * 1024  # octets handed to the table at a time; faster than mapping a cold file
LONGEST_RECORD = 64 * 1024 * 1024  # far more than a table ever asks to see at once
STDIN = "-"
_MAGIC = 4
_MAGICS = {magic.to_bytes(_MAGIC, "big") for magic in (*MAGICS, SECTION)}
_OTHERS = {  # what people also call a capture, and what to do about it
    b"snoop\0": "a snoop capture; convert it: editcap -F pcapng IN OUT",
    b"GMBU": "a Network Monitor capture; convert it: editcap -F pcapng IN OUT",
    b"RTSS": "a Network Monitor capture; convert it: editcap -F pcapng IN OUT",
    b"TRSNIFF data": "a Sniffer capture; convert it: editcap -F pcapng IN OUT",
    b"BZh": "packed with bzip2; unpack it first: bunzip2",
    b"\xfd7zXZ": "packed with xz; unpack it first: xz -d",
    b"\x04\x22\x4d\x18": "packed with lz4; unpack it first: lz4 -d",
    b"PK\x03\x04": "a zip archive; unpack it first: unzip",
    b"7z\xbc\xaf": "a 7z archive; unpack it first: 7z x",
}


class Capture(NamedTuple):
    """A capture to read; `name` is how it is shown and stands in `source` of every record."""

    name: str
    path: str | None  # None: standard input


class Found(NamedTuple):
    """What the names that a user gave stand for."""

    captures: tuple[Capture, ...]
    skipped: int  # files inside folders that are no captures
    problems: tuple[SourceError, ...]  # names that stand for nothing, folders that stay closed


def find(names: Iterable[str]) -> Found:
    """Return the captures that names stand for, each once, in the order given; opens none to read.

    names: files, folders (searched to the bottom, sorted), patterns such as `*.pcap`, `-` for
    standard input. Files inside folders count only when their first octets are those of a
    capture; a file that is named itself is always taken, and `read` says what is wrong with it.
    """
    captures: dict[str, Capture] = {}
    problems: list[SourceError] = []
    skipped = 0
    for name in names:
        for path in _paths(name, problems):
            if path == STDIN:
                captures.setdefault(STDIN, Capture("standard input", None))
            elif os.path.isdir(path):
                before = len(problems)
                inside, others = _inside(path, problems)
                skipped += others
                for file in inside:
                    captures.setdefault(os.path.realpath(file), Capture(file, file))
                if not inside and len(problems) == before:
                    problems.append(SourceError(_nothing_in(path, others)))
            else:
                captures.setdefault(os.path.realpath(path), Capture(path, path))
    return Found(tuple(captures.values()), skipped, tuple(problems))


def read(
    capture: Capture,
    table: Table,
    *,
    full: Callable[[], None],
    starved: Callable[[], None],
    progress: Callable[[int, int | None], None] | None = None,
) -> None:
    """Push a whole capture into a table, and tell the table that it ended.

    full: called when the table has no room; it must close some conversations
    starved: called when the pool for longer heads is empty; it names what is young and releases
    progress: called for each block with the octets of the file read so far, and the file's size
    Raises SourceError when the capture cannot be opened, is none, is damaged or cut; all that
    stands before the damage is in the table.
    """
    try:
        with _opened(capture) as raw:
            size = _size(raw)
            with _ahead(unpacked(raw), size) as octets:
                _Reader(octets, table, full, starved).run(progress, size)
    except OSError as error:
        raise SourceError(f"{capture.name}: {_reason(error)}") from error
    except SourceError as error:
        raise SourceError(f"{capture.name}: {error}", offset=error.offset) from error


class _Reader:
    """Carries what a feed has not used over to the front of the next block."""

    def __init__(
        self, octets: Octets, table: Table, full: Callable[[], None], starved: Callable[[], None]
    ) -> None:
        self._octets, self._table = octets, table
        self._full, self._starved = full, starved
        self._buffer = bytearray(BLOCK)
        self._held = 0  # octets at the front of the buffer that no feed has used
        self._fed = 0  # octets of the content before them

    def run(self, progress: Callable[[int, int | None], None] | None, size: int | None) -> None:
        self._check_magic()
        failed: SourceError | OSError | None = None
        more = True
        while more and failed is None:
            self._feed()
            if progress:
                progress(self._octets.done, size)
            try:
                more = self._fill()
            except (SourceError, OSError) as error:  # what was read before still counts
                failed = error
        try:
            self._table.finish(self._held)
        except SourceError as error:
            raise failed or self._located(error) from error
        if failed:
            raise failed

    def _located(self, error: SourceError) -> SourceError:
        """Say that an offset counts octets of the content, where the file itself is packed."""
        if self._octets.packed is None:
            return error
        told = f"{error} (octets are those of what the {self._octets.packed} file holds)"
        return SourceError(told, offset=error.offset)

    def _check_magic(self) -> None:
        while self._held < max(map(len, _OTHERS)) and self._fill():
            pass
        head = bytes(self._buffer[: min(self._held, 16)])
        if head[:_MAGIC] in _MAGICS:
            return
        if not head:
            raise SourceError("the file is empty; there is nothing to read", offset=0)
        for magic, what in _OTHERS.items():
            if head.startswith(magic):
                raise SourceError(f"not read: it is {what}", offset=0)
        raise SourceError(
            f"not a capture: it begins with {head[:8].hex(' ')}; portbook reads pcap and pcapng, "
            "plain or packed with gzip or zstd",
            offset=0,
        )

    def _fill(self) -> bool:
        """Read behind what is held; False at the end."""
        if self._held == len(self._buffer):
            if self._held >= LONGEST_RECORD:
                raise SourceError(
                    f"octet {self._fed}: a record that is longer than {LONGEST_RECORD >> 20} MiB; "
                    "what stands before it was read",
                    offset=self._fed,
                )
            self._buffer += bytes(len(self._buffer))
        with memoryview(self._buffer) as view, view[self._held :] as room:
            count = self._octets.into(room)
        self._held += count
        return count > 0

    def _feed(self) -> None:
        start = 0
        with memoryview(self._buffer) as view:
            while True:
                with view[start : self._held] as block:
                    try:
                        start += self._table.feed(block)
                    except SourceError as error:
                        raise self._located(error) from error
                if self._table.starved:
                    self._starved()
                if not self._table.full:
                    break
                self._full()
                if self._table.full:
                    raise RuntimeError("the table is still full after conversations were closed")
            left = self._held - start
            view[:left] = view[start : self._held]
        self._held = left
        self._fed += start


def _paths(name: str, problems: list[SourceError]) -> Iterator[str]:
    if name == STDIN or os.path.lexists(name):
        yield name
        return
    matches = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []
    yield from matches
    if not matches:
        what = "no file matches this pattern" if glob.has_magic(name) else "no such file or folder"
        problems.append(SourceError(f"{name}: {what}; check the name"))


def _inside(folder: str, problems: list[SourceError]) -> tuple[list[str], int]:
    """Return the captures below a folder, sorted, and how many files there are none."""
    captures: list[str] = []
    others = 0

    def closed(error: OSError) -> None:
        problems.append(SourceError(f"{error.filename}: {_reason(error)}"))

    for here, below, files in os.walk(folder, onerror=closed):
        below.sort()
        for file in sorted(files):
            path = os.path.join(here, file)
            if _may_be_capture(path):
                captures.append(path)
            else:
                others += 1
    return captures, others


def _may_be_capture(path: str) -> bool:
    """Tell whether a file's content begins like a capture; one that stays closed may be one."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb", buffering=0) as raw:
            head = bytearray(_MAGIC)
            with memoryview(head) as room:
                octets, here = unpacked(raw), 0
                while here < _MAGIC and (count := octets.into(room[here:])):
                    here += count
    except FileNotFoundError:  # it vanished, or is a link to nowhere
        return False
    except SourceError:
        return False
    except OSError:
        return True
    return bytes(head) in _MAGICS


def _nothing_in(folder: str, others: int) -> str:
    what = "the folder is empty" if not others else f"none of its {others} files is a capture"
    return f"{folder}: {what}; portbook reads pcap and pcapng, plain or packed with gzip or zstd"


def _opened(capture: Capture) -> io.RawIOBase:
    if capture.path is None:
        return open(0, "rb", buffering=0, closefd=False)
    return open(capture.path, "rb", buffering=0)


def _ahead(octets: Octets, size: int | None) -> AbstractContextManager[Octets]:
    """Unpack a packed file while its content is read; what is plain costs no thread.

    Nor do a pipe and a terminal: a thread that waits for them could not be ended.
    """
    if size is None or not isinstance(octets, Packed):
        return nullcontext(octets)
    return Ahead(octets)


def _size(raw: io.RawIOBase) -> int | None:
    found = os.fstat(raw.fileno())
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _reason(error: OSError) -> str:
    told = (error.strerror or str(error)).lower()
    advice = {
        PermissionError: "; ask its owner for the right to read it",
        IsADirectoryError: "; it became a folder while it was looked at",
    }.get(type(error), "")
    return f"cannot be read: {told}{advice}"
