"""The order log of the spool: which packets went out, in which order: the ring's memory.

Eight octets a packet, big-endian: its number in the spool times 65,536, plus a check of 16 bits
over number and sequence, which tells an entry from what a power loss leaves in its place.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from portbook.seismic.spool_files import RESERVE, Growing, Part, order_path, orders

ENTRY = 8
_MOST = RESERVE // 2  # entries of a part: its reserve is never used up
_MARK = struct.Struct(">QI")


def _check(number: int, sequence: int) -> int:
    return (number * 0x9E3779B1 ^ sequence * 0x85EBCA77) >> 13 & 0xFFFF


def _entries(part: Part) -> tuple[int, ...]:
    octets = part.path.read_bytes()
    count = len(octets) // ENTRY
    return struct.unpack(f">{count}Q", octets[: count * ENTRY])


class OrderLog:
    """The order log of a folder; `next_sequence` is of the next packet that goes out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts = orders(folder) or [Part(0, order_path(folder, 0, 0))]
        self._file = Growing(self._parts[-1])
        whole = self._whole()
        if whole * ENTRY != self._file.octets:
            self._file.cut(whole * ENTRY)
        self.next_sequence = self.first + whole
        self._older = sum(part.path.stat().st_size for part in self._parts[:-1])

    @property
    def first(self) -> int:
        """Return the first sequence of the part that grows."""
        return self._parts[-1].first

    @property
    def behind(self) -> int:
        """Return a number that was the next one at least, when the part that grows was begun."""
        return self._parts[-1].behind

    @property
    def octets(self) -> int:
        """Return the octets of all parts."""
        return self._older + self._file.octets

    @property
    def file(self) -> int:
        """Return the descriptor of the part that grows."""
        return self._file.file

    @property
    def wants_turn(self) -> bool:
        """Tell whether the part that grows has enough."""
        return self._file.octets >= _MOST * ENTRY

    def add(self, numbers: Sequence[int]) -> int:
        """Append; return the sequence of the first. Raises SpoolFull or another ArchiveError."""
        first = self.next_sequence
        entries = [
            number << 16 | _check(number, sequence)
            for sequence, number in enumerate(numbers, first)
        ]
        self._file.append(struct.pack(f">{len(entries)}Q", *entries))
        self.next_sequence += len(entries)
        return first

    def leap(self, number: int) -> None:
        """Go on behind all sequences that were ever given: a power loss may have taken some.

        The packets before count backwards from there, so there is room for them too.
        """
        self.next_sequence = self.first + 2 * RESERVE
        ended = self.turn(number)
        if ended is not None:
            os.close(ended)

    def turn(self, number: int) -> int | None:
        """Begin another part; return the old one's descriptor, which the caller closes."""
        if self.next_sequence == self._parts[-1].first:
            return None
        path = order_path(self._folder, self.next_sequence, number)
        part = Part(self.next_sequence, path, number)
        fresh = Growing(part)
        self._older += self._file.octets
        before, self._file = self._file.file, fresh
        self._parts.append(part)
        return before

    def backwards(self) -> Iterator[int]:
        """Give the numbers of what went out, the last first; what was lost is passed over."""
        for part in reversed(self._parts):
            yield from self._reversed(part)

    def since(self, number: int) -> set[int]:
        """Return all numbers from one on that went out."""
        found: set[int] = set()
        for part in reversed(self._parts):
            found.update(one for one in self._reversed(part) if one >= number)
            if part.behind <= number:
                break
        return found

    def lowest(self, last: int, most: int) -> int:
        """Return the lowest number among the last packets that went out, at most `most`."""
        for part in reversed(self._parts):
            if last <= 0:
                break
            entries = _entries(part)[-last:]
            most = min(most, min(entries, default=most << 16) >> 16)
            last -= len(entries)
        return most

    def release(self, below: int) -> None:
        """Delete the parts that tell only of packets below a number."""
        for part, following in list(pairwise(self._parts)):
            if following.behind > below:
                break
            self._older -= part.path.stat().st_size
            part.path.unlink()
            self._parts.remove(part)

    def close(self) -> None:
        """Let go."""
        self._file.close()

    def _whole(self) -> int:
        """Return the entries of the last part up to the last right one."""
        first, count = self._file.part.first, self._file.octets // ENTRY
        octets = self._file.part.path.read_bytes()
        while count:
            (entry,) = struct.unpack_from(">Q", octets, (count - 1) * ENTRY)
            if entry & 0xFFFF == _check(entry >> 16, first + count - 1):
                break
            count -= 1
        return count

    def _reversed(self, part: Part) -> Iterator[int]:
        entries = _entries(part)
        for at in range(len(entries) - 1, -1, -1):
            entry = entries[at]
            if entry & 0xFFFF == _check(entry >> 16, part.first + at):
                yield entry >> 16


class Mark:
    """A number below which every packet went out, or never will; kept in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "settled", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        octets = os.pread(self._file, _MARK.size, 0)
        number, told = _MARK.unpack(octets) if len(octets) == _MARK.size else (0, 0)
        self.below = number if told == _sum(number) else 0  # 0: nobody told

    def put(self, below: int) -> None:
        """Note a number; a disk that takes it not costs a longer look, no more."""
        if below > self.below:
            with contextlib.suppress(OSError):
                os.pwrite(self._file, _MARK.pack(below, _sum(below)), 0)
            self.below = below

    def close(self) -> None:
        """Let go."""
        os.close(self._file)


def _sum(number: int) -> int:
    return zlib.crc32(number.to_bytes(8, "big"))
