"""What comes back from a spool at a start: the ring, what was not delivered, the links."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from portbook.seismic.spool_files import Growing, Part
from portbook.seismic.spool_follower import BLOCK, Reader
from portbook.seismic.spool_links import Links
from portbook.seismic.spool_order import OrderLog
from portbook.seismic.spool_records import MODE_AT, RECORD, Entry, Mode, unpack

HELD_NS = 60_000_000_000  # how long a packet is held back before it goes out, at the very most
MOST_HELD = 1 << 16


def whole(file: Growing) -> int:
    """Return the records of a segment up to the last whole one: a torn end is not counted."""
    count = file.octets // RECORD
    while count:
        octets = os.pread(file.file, RECORD, (count - 1) * RECORD)
        if unpack(octets, 0, file.part.first + count - 1) is not None:
            break
        count -= 1
    return count


def refill(parts: Sequence[Part], order: OrderLog, most: int) -> list[Entry]:
    """Return the last packets that were delivered, in order, as far as they are still there."""
    reader = Reader(parts)
    entries: list[Entry] = []
    for number in order.backwards():
        if number < parts[0].first or len(entries) >= most:
            break
        entry = reader.read(number)
        if entry is not None:
            entries.append(entry)
    entries.reverse()
    return entries


def undelivered(
    parts: Sequence[Part], order: OrderLog, settled: int, behind: int
) -> Iterator[Entry]:
    """Give the packets below `behind` that did not go out, nor another one equal to them.

    settled: all below it did, or never will; 0: unknown
    """
    reader = Reader(parts)
    numbers = _numbers(parts, settled, behind)
    if not settled:
        numbers = numbers[_recent(reader, numbers) :]
    out = order.since(numbers[0]) if numbers else set()
    gone: set[int] = set()  # what went out, to know its repetitions
    left: list[tuple[int, int]] = []
    for number in numbers:
        entry = reader.read(number)
        if entry is None:
            continue
        mark = hash(entry.arrival.octets)
        if number in out:
            gone.add(mark)
        else:
            left.append((number, mark))
    every = (reader.read(number) for number, mark in left if mark not in gone)
    return (entry for entry in every if entry is not None)


def find_links(parts: Sequence[Part], links: Links) -> None:
    """Look for packets of links behind those that the saved table tells of."""
    for part in parts:
        with part.path.open("rb", buffering=0) as stream:
            first = part.first
            while octets := stream.read(BLOCK * RECORD):
                count = len(octets) // RECORD
                if first + count > links.saved and Mode.LINK in octets[MODE_AT::RECORD]:
                    _note_links(octets, first, links)
                first += count


def _note_links(octets: bytes, first: int, links: Links) -> None:
    for index in range(len(octets) // RECORD):
        if octets[index * RECORD + MODE_AT] == Mode.LINK:
            entry = unpack(octets, index * RECORD, first + index)
            if entry is not None:
                links.note((entry.arrival,))


def _numbers(parts: Sequence[Part], begin: int, behind: int) -> list[int]:
    """Return the numbers in segments from one on, the last ones when they are very many.

    Between segments numbers may leap: nobody counts them through.
    """
    found: list[int] = []
    for part in reversed(parts):
        end = min(part.first + part.path.stat().st_size // RECORD, behind)
        found[:0] = range(max(part.first, begin), end)
        if part.first <= begin or len(found) >= MOST_HELD:
            break
    return found[-MOST_HELD:]


def _recent(reader: Reader, numbers: Sequence[int]) -> int:
    """Return where those begin that came in so lately that they may have been held back."""

    def when(number: int) -> int:
        entry = reader.read(number)
        return entry.arrival.received_ns if entry else last  # what is damaged ends no search

    last = 0
    for number in reversed(numbers):
        entry = reader.read(number)
        if entry is not None:
            last = entry.arrival.received_ns
            break
    return bisect_left(numbers, last - HELD_NS, key=when)
