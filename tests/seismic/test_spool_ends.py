"""kill -9, power loss, full disks at any moment: nothing that was written or synced is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import IO

from support.spooling import KEEP, TOKEN, arrival, everything, opened

CYCLES = 50


class Told:
    """What a writer said that it had done."""

    def __init__(self) -> None:
        self.written = self.safe = self.free = 0
        self.order: list[int] = []
        self.going: list[int] = []

    def hear(self, line: str) -> None:
        word, *numbers = line.split()
        told = [int(one) for one in numbers]
        if word == "written":
            self.written = told[0]
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
        assert list(range(numbers[0], numbers[-1] + 1)) == numbers
        assert numbers[0] <= told.free
        assert told.safe <= told.written <= numbers[-1] + 1 <= spool.next_number

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
        told.written = spool.next_number
    finally:
        spool.abandon()


def test_kill_9_at_any_moment_loses_nothing_that_was_written(tmp_path: Path) -> None:
    chance = random.Random(11)
    told = Told()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    driver = subprocess.Popen(
        [sys.executable, "-m", "support.spooling", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert driver.stdin is not None
    assert driver.stdout is not None
    for cycle in range(CYCLES):
        driver.stdin.write(f"{cycle}\n")
        driver.stdin.flush()
        _until_killed(driver.stdout, told, chance.randrange(5, 150))
        _check(tmp_path, told)
    driver.stdin.close()
    driver.stdout.close()
    driver.wait()

    assert len(told.order) > 1000
    assert told.free > 0
