"""kill -9, power loss, full disks at any moment: nothing that was written or synced is lost."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from support import needs_root
from support.spooling import KEEP, TOKEN, arrival, everything, opened, put, spool_of

from portbook.seismic.spool import Follower, Spool, SpoolFull

CYCLES = 50


class Told:
    """What a writer said that it had done."""

    def __init__(self, folder: Path) -> None:
        self.follower = Follower(folder, 0)
        self.followed: list[int] = []
        self.safe = self.free = 0
        self.written: set[int] = set()
        self.order: list[int] = []
        self.going: list[int] = []

    def follow(self, most: int) -> None:
        """Read on as another process does, while the writer writes, and is killed."""
        for entry in self.follower.take(most):
            assert not self.followed or self.followed[-1] < entry.number
            assert arrival(entry.number) == entry.arrival
            self.followed.append(entry.number)

    def hear(self, line: str) -> None:
        word, *numbers = line.split()
        told = [int(one) for one in numbers]
        if word == "written":
            self.written |= set(range(*told))
        elif word == "safe":
            self.safe = max(self.safe, told[0])
        elif word == "free":
            self.free = max(self.free, told[0])
        elif word == "going":
            self.going = told
        elif word == "gone":
            assert len(self.order) == told[0]
            assert self.going == told[1:]
            self.order += self.going
            self.going = []


def _until_killed(lines: IO[str], told: Told, most: int) -> None:
    """Hear a writer out; kill it after so many lines."""
    child = 0
    for heard, line in enumerate(lines):
        if line.startswith("pid"):
            child = int(line.split()[1])
        elif line.startswith("over"):
            return
        else:
            told.hear(line)
            told.follow(20)
        if child and heard >= most:
            os.kill(child, 9)
            child = 0


def _check(folder: Path, told: Told) -> None:
    """Assert that a spool holds what it said, and go on counting from there."""
    spool = opened(folder)
    try:
        entries = everything(folder)
        numbers = [one.number for one in entries]
        assert all(one.arrival == arrival(one.number) for one in entries)
        # A write that was torn apart lets the numbers leap; none comes again.
        assert sorted(set(numbers)) == numbers
        assert numbers[0] <= told.free
        told.follow(1 << 20)
        assert set(numbers) <= set(told.followed)
        assert {one for one in told.written if one >= numbers[0]} <= set(numbers)
        assert told.safe <= numbers[-1] + 1 <= spool.next_number

        extra = len(told.going) if spool.next_sequence > len(told.order) else 0
        told.order += told.going[:extra]
        told.going = []
        first, ring = spool.refill(1 << 20)
        order = [one.number for one in ring]
        assert len(told.order) == spool.next_sequence
        assert told.order[first:] == order
        assert len(order) >= min(KEEP, len(told.order))

        settled = set(told.order)
        assert [one for one in numbers if one not in settled] == [
            one.number for one in spool.undelivered()
        ]
        expected = max(number for number in numbers if number % 3 == 0) + 1
        assert {(0x9D20, TOKEN): expected} == spool.links()
        told.written = set(numbers)
    finally:
        spool.abandon()


def test_kill_9_at_any_moment_loses_nothing_that_was_written(tmp_path: Path) -> None:
    chance = random.Random(11)
    told = Told(tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-m", "support.spooling", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        for cycle in range(CYCLES):
            driver.stdin.write(f"{cycle}\n")
            driver.stdin.flush()
            _until_killed(driver.stdout, told, chance.randrange(5, 150))
            _check(tmp_path, told)
    told.follower.close()

    assert len(told.order) > 1000
    assert told.free > 0


def _until_full(spool: Spool) -> tuple[list[int], list[int]]:
    """Write and deliver until nothing more is taken; return what was written, and delivered."""
    written: list[int] = []
    delivered: list[int] = []
    try:
        while True:
            batch = put(spool, 7)
            written += batch
            spool.delivered(batch)
            delivered += batch
    except SpoolFull:
        return written, delivered


@needs_root
@pytest.mark.parametrize("size", [256, 301, 512])
def test_a_full_disk_takes_nothing_by_half_and_goes_on_when_there_is_room(
    tmp_path: Path, size: int
) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", str(tmp_path)]
    subprocess.run(mount, check=True)
    try:
        with spool_of(tmp_path, segment_octets=50_000) as spool:
            written, delivered = _until_full(spool)
            for _ in range(3):
                with pytest.raises(SpoolFull, match="Make room"):
                    put(spool, 300)

            assert written == [one.number for one in everything(tmp_path)]

            grown = ["mount", "-o", f"remount,size={size + 4096}k", str(tmp_path)]
            subprocess.run(grown, check=True)
            spool.delivered(written[len(delivered) :])
            more = put(spool, 300)
            spool.delivered(more)

            assert more.start > written[-1]

        with spool_of(tmp_path) as again:
            assert [*written, *more] == [one.number for one in everything(tmp_path)]
            assert [*written, *more] == [one.number for one in again.refill(1 << 20)[1]]
            assert [] == list(again.undelivered())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@contextmanager
def _small_files(octets: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit", [20_000, 21_760, 33_333])
def test_a_file_that_may_not_grow_is_whole(tmp_path: Path, limit: int) -> None:
    with spool_of(tmp_path) as spool, _small_files(limit):
        written, delivered = [], 0
        while len(written) < 100:
            try:
                written += put(spool, 3)
            except SpoolFull:  # and the next one has a file of its own
                continue
            assert delivered == spool.delivered(written[-3:])
            delivered += 3
    with spool_of(tmp_path) as spool:
        assert written == [one.number for one in everything(tmp_path)]
        assert written == [one.number for one in spool.refill(1000)[1]]
