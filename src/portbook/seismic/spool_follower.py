"""Reads the spool: by number, and as a follower in another process while it grows."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from portbook.seismic.spool_files import Part, segments
from portbook.seismic.spool_records import RECORD, Entry, unpack

BLOCK = (1 << 20) // RECORD  # records of one read
_FEW = 128  # records that are read around one that is asked for
_MOST_BLOCKS = 16
_TRIES = 8


class Reader:
    """Reads entries by number, of segments that are not deleted meanwhile."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = list(parts)
        self._firsts = [part.first for part in parts]
        self._blocks: dict[int, bytes] = {}  # by the number of their first record
        self._begin = self._end = 0  # numbers in the block that was asked last
        self._block = b""

    def read(self, number: int) -> Entry | None:
        """Return the entry of a number; None when it is lost, or never was."""
        if not self._begin <= number < self._end and not self._found(number):
            return None
        return unpack(self._block, (number - self._begin) * RECORD, number)

    def _found(self, number: int) -> bool:
        which = bisect_right(self._firsts, number) - 1
        if which < 0:
            return False
        first = self._firsts[which]
        skipped = (number - first) // _FEW * _FEW
        block = self._blocks.get(first + skipped)
        if block is None:
            if len(self._blocks) >= _MOST_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            with self._parts[which].path.open("rb", buffering=0) as stream:
                block = os.pread(stream.fileno(), _FEW * RECORD, skipped * RECORD)
            self._blocks[first + skipped] = block
        self._block, self._begin = block, first + skipped
        self._end = self._begin + len(block) // RECORD
        return number < self._end


class Follower:
    """Reads what another process writes to a spool, from the number `first` on.

    number: of the next packet; damaged: records that were passed over, for they are not whole
    """

    def __init__(self, folder: Path, first: int) -> None:
        self.number = first
        self.damaged = 0
        self._folder = folder
        self._part: Part | None = None
        self._file = -1

    def take(self, most: int) -> list[Entry]:
        """Return the next entries, at most so many; empty when there are none yet."""
        found: list[Entry] = []
        while len(found) < most:
            if self._part is None and not self._onward(None):
                break
            before = self.number
            self._read(min(most - len(found), BLOCK), found)
            if self.number == before and not self._past():
                break
        return found

    def close(self) -> None:
        """Let go of the file."""
        if self._part is not None:
            os.close(self._file)
            self._part = None

    def _read(self, most: int, found: list[Entry]) -> None:
        """Take whole records from where it stands."""
        block = self._octets(most)
        add, number = found.append, self.number
        for at in range(0, len(block) - RECORD + 1, RECORD):
            entry = unpack(block, at, number)
            if entry is None:
                break
            add(entry)
            number += 1
        self.number = number

    def _octets(self, most: int) -> bytes:
        assert self._part is not None
        return os.pread(self._file, most * RECORD, (self.number - self._part.first) * RECORD)

    def _past(self) -> bool:
        """Go past what is no record, or to the next segment; False: nothing is there yet."""
        assert self._part is not None
        following = self._following(self._part)
        # Looked at after the folder: the writer has ended this segment before the next one was.
        block = self._octets(BLOCK)
        whole = len(block) // RECORD
        for index in range(whole):
            if unpack(block, index * RECORD, self.number + index) is not None:
                self.damaged += index
                self.number += index
                return True
        if following is None:
            return False
        if whole:
            self.damaged += whole
            self.number += whole
            return True
        return self._onward(following)

    def _following(self, part: Part) -> Part | None:
        return next((one for one in self._parts() if one.first > part.first), None)

    def _onward(self, part: Part | None) -> bool:
        """Open a segment, or the one that holds its number, or the first one behind it."""
        for _ in range(_TRIES):
            if part is None:
                parts = self._parts()
                if not parts:
                    return False
                part = next((one for one in reversed(parts) if one.first <= self.number), parts[0])
            try:
                opened = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # released, or renamed, since the folder was read
                part = None
                continue
            self.close()
            self._part, self._file = part, opened
            self.number = max(self.number, part.first)
            return True
        return False

    def _parts(self) -> list[Part]:
        try:
            return segments(self._folder)
        except FileNotFoundError:
            return []
