"""A spool through restarts, power losses, failing disks: in any order, nothing safe is lost."""

from __future__ import annotations

import errno
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.spooling import RECORD, arrival, everything, lose_power

from portbook.seismic.spool import Arrival, Follower, Spool, SpoolFull
from portbook.seismic.store import ArchiveError

SEGMENT = 6 * RECORD
ENTRY = 8


def fails_by_half(real: Callable[..., int], at: int) -> Callable[..., int]:
    """Return a write that takes so many octets and then has no room."""
    left = [at]

    def pwrite(file: int, octets: bytes, where: int) -> int:
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        took = real(file, octets[: left[0]], where) if left[0] else 0
        left[0] = -1
        if not took:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return took

    return pwrite


class Life(RuleBasedStateMachine):
    """A spool beside what it must hold."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.held: dict[int, Arrival] = {}  # written, and neither released nor lost
        self.safe: set[int] = set()
        self.given = 0  # all numbers below were given to somebody, or may have been
        self.sequences = 0  # likewise
        self.order: list[int] = []
        self.waiting: list[int] = []
        self.synced: dict[str, int] = {}
        self.made = 0
        self.follower = Follower(self.folder, 0)
        self.followed: list[int] = []
        self.spool = self.opened()

    def opened(self) -> Spool:
        spool = Spool(self.folder, segment_octets=SEGMENT)
        self.note_files()
        assert spool.next_number >= self.given
        return spool

    def note_files(self) -> None:
        self.synced = {path.name: path.stat().st_size for path in self.folder.iterdir()}

    def new(self, count: int) -> list[Arrival]:
        self.made += count
        return [arrival(number) for number in range(self.made - count, self.made)]

    @rule(count=st.integers(1, 9))
    def write(self, count: int) -> None:
        arrivals = self.new(count)
        first = self.spool.write(arrivals)
        assert first >= self.given
        self.held.update(enumerate(arrivals, first))
        self.waiting += range(first, first + count)
        self.given = first + count

    @rule(count=st.integers(1, 9), at=st.integers(0, 5000))
    def write_on_a_full_disk(self, count: int, at: int) -> None:
        arrivals = self.new(count)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "pwrite", fails_by_half(os.pwrite, min(at, count * RECORD - 1)))
            with pytest.raises(SpoolFull):
                self.spool.write(arrivals)

    @rule(count=st.integers(1, 9), at=st.integers(0, 70))
    def deliver_on_a_full_disk(self, count: int, at: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "pwrite", fails_by_half(os.pwrite, min(at, count * ENTRY - 1)))
            with pytest.raises(SpoolFull):
                self.spool.delivered(range(count))

    @rule()
    def sync(self) -> None:
        assert self.given <= self.spool.sync()
        self.safe = set(self.held)
        self.note_files()

    @rule(count=st.integers(1, 12), chance=st.randoms(use_true_random=False))
    def deliver(self, count: int, chance: random.Random) -> None:
        self.waiting.sort(key=lambda number: number + chance.uniform(0, 8))
        going, self.waiting = self.waiting[:count], self.waiting[count:]
        first = self.spool.delivered(going)
        assert first >= self.sequences
        self.order += going
        self.sequences = first + len(going)

    @rule(told=st.booleans())
    def settle(self, told: bool) -> None:
        self.spool.settled(min(self.waiting, default=self.spool.next_number))

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        before = self.spool.next_number, self.spool.next_sequence
        if clean:
            self.spool.close()
            self.safe = set(self.held)
        else:
            self.spool.abandon()
        self.spool = self.opened()
        assert before[0] <= self.spool.next_number
        assert before[1] == self.spool.next_sequence
        self.follow()

    @rule(chance=st.randoms(use_true_random=False))
    def lose_power(self, chance: random.Random) -> None:
        self.follow()
        self.spool.abandon()
        lose_power(self.folder)
        for path in sorted(self.folder.glob("*.spool")) + sorted(self.folder.glob("*.order")):
            self.spoil(path, self.synced.get(path.name, -1), chance)
        self.spool = self.opened()
        there = {one.number for one in everything(self.folder)}
        self.held = {number: one for number, one in self.held.items() if number in there}
        first, entries = self.spool.refill(1 << 20)
        assert first >= self.sequences
        self.order = [one.number for one in entries]
        self.sequences = self.spool.next_sequence
        self.waiting = [one.number for one in self.spool.undelivered()]

    def spoil(self, path: Path, safe: int, chance: random.Random) -> None:
        """Let a file be as a power loss may leave it, whose octets behind `safe` were unsynced."""
        if safe < 0 and chance.random() < 0.5:
            path.unlink()  # its name was not synced either
            return
        octets = bytearray(path.read_bytes())
        safe = max(safe, 0)
        for page in range(safe, len(octets), 512):
            if chance.random() < 0.5:
                end = min(page + 512, len(octets))
                octets[page:end] = bytes(end - page)
        keep = chance.randint(safe, len(octets)) if len(octets) > safe else len(octets)
        path.write_bytes(octets[:keep])

    @rule(back=st.integers(0, 20), keep=st.integers(0, 10))
    def release(self, back: int, keep: int) -> None:
        archived = max(self.given - back, 0)
        needed = set(self.order[len(self.order) - keep :]) if keep else set()
        self.spool.release(archived, keep)
        there = {one.number for one in everything(self.folder)}
        gone = set(self.held) - there
        assert all(number < archived for number in gone)
        assert not gone & needed
        self.held = {number: one for number, one in self.held.items() if number in there}
        self.safe -= gone

    @rule()
    def follow(self) -> None:
        for entry in self.follower.take(1 << 20):
            assert not self.followed or entry.number > self.followed[-1]
            self.followed.append(entry.number)
            if entry.number in self.held:
                assert self.held[entry.number] == entry.arrival
        assert not self.held or self.followed[-1] >= max(self.held)

    @invariant()
    def nothing_is_lost(self) -> None:
        there = {one.number: one.arrival for one in everything(self.folder)}
        assert self.held.items() <= there.items()
        assert self.safe <= set(there)

    @invariant()
    def the_ring_can_be_filled_again(self) -> None:
        first, entries = self.spool.refill(1 << 20)
        numbers = [one.number for one in entries]
        lowest = min(self.held, default=0)
        expected = self.order[len(self.order) - len(numbers) :]
        assert expected == numbers
        assert self.spool.next_sequence == first + len(numbers)
        rest = self.order[: len(self.order) - len(numbers)]
        assert not rest or rest[-1] not in self.held or rest[-1] < lowest

    @invariant()
    def what_waits_to_be_delivered_is_known(self) -> None:
        found = {one.number for one in self.spool.undelivered()}
        assert {number for number in self.waiting if number in self.held} <= found
        assert not found & set(self.order)

    @invariant()
    def its_size_is_told(self) -> None:
        files = [*self.folder.glob("*.spool"), *self.folder.glob("*.order")]
        assert sum(path.stat().st_size for path in files) == self.spool.octets

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.abandon()
            self.follower.close()
            shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class Gone(BaseException):
    """The process ends here."""


class Doom:
    """Ends the process at one of its calls that change the disk; a write is done by half."""

    CALLS = ("pwrite", "rename", "replace", "fsync", "fdatasync", "unlink", "ftruncate", "open")

    def __init__(self, patch: pytest.MonkeyPatch, at: int | None) -> None:
        self.calls, self._at = 0, at
        for name in self.CALLS:
            patch.setattr(os, name, self._doomed(name, getattr(os, name)))

    def _doomed(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **more: Any) -> Any:
            if name == "open" and not words[1] & os.O_CREAT:
                return real(*words, **more)
            self.calls += 1
            if self._at is not None and self.calls >= self._at:
                if name == "pwrite" and self.calls == self._at:
                    real(words[0], words[1][: len(words[1]) // 2], words[2])
                raise Gone
            return real(*words, **more)

        return call


class Deeds:
    """What was done for certain before the end."""

    def __init__(self) -> None:
        self.written = self.safe = self.freed = 0
        self.order: list[int] = []


def live(folder: Path, deeds: Deeds) -> None:
    """Write, deliver, sync, release, in small steps."""
    spool = Spool(folder, segment_octets=SEGMENT)
    try:
        for step in range(12):
            first = spool.next_number
            spool.write([arrival(number) for number in range(first, first + 4)])
            deeds.written = first + 4
            going = [number for number in (first + 1, first, first + 2) if number % 5]
            spool.delivered(going)
            deeds.order += going
            if step % 3 == 2:
                deeds.safe = spool.sync()
            if step % 4 == 3:
                deeds.freed = deeds.safe
                spool.release(deeds.safe, 6)
        spool.close()
    finally:
        spool.abandon()


def test_an_end_at_any_call_that_changes_the_disk_loses_nothing(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        doom = Doom(patch, None)
        live(tmp_path / "whole", Deeds())

    assert doom.calls > 60

    for at in range(1, doom.calls + 1):
        folder, deeds = tmp_path / str(at), Deeds()
        with pytest.MonkeyPatch.context() as patch:
            Doom(patch, at)
            with pytest.raises(Gone):
                live(folder, deeds)
        # the recovery itself ends suddenly too, and is begun again
        with pytest.MonkeyPatch.context() as patch:
            Doom(patch, 1 + at % 7)
            with pytest.raises(Gone):
                live(folder, Deeds())
        found = everything(folder)
        assert all(one.arrival == arrival(one.number) for one in found)
        assert set(range(deeds.freed, deeds.written)) <= {one.number for one in found}

        spool = Spool(folder, segment_octets=SEGMENT)
        assert spool.next_number >= deeds.written
        order = [one.number for one in spool.refill(1000)[1]]
        assert [] == [one.number for one in spool.undelivered() if one.number in order]
        spool.close()
        if found:
            last = [number for number in deeds.order if number >= found[0].number][-6:]
            assert last == [number for number in order if number in last]


class Broken:
    """A disk that fails at one call, and from then on works again."""

    def __init__(self, patch: pytest.MonkeyPatch, name: str, number: int) -> None:
        real = getattr(os, name)
        self.failures = 0

        def call(*words: Any, **more: Any) -> Any:
            if not self.failures:
                self.failures += 1
                raise OSError(number, os.strerror(number))
            return real(*words, **more)

        patch.setattr(os, name, call)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_after_a_failed_sync_nothing_is_told_safe_and_no_number_comes_again(
    tmp_path: Path, number: int
) -> None:
    spool = Spool(tmp_path)
    spool.write([arrival(0)])
    with pytest.MonkeyPatch.context() as patch:
        Broken(patch, "fdatasync", number)
        with pytest.raises(ArchiveError, match="what was reported safe is safe"):
            spool.sync()
    for call in (spool.sync, lambda: spool.write([arrival(1)]), lambda: spool.delivered([0])):
        with pytest.raises(ArchiveError):
            call()
    spool.close()
    again = Spool(tmp_path)

    assert again.next_number > 1 << 19
    assert again.next_sequence > 1 << 19

    again.close()


def test_what_stands_in_a_deleted_file_is_not_told_safe(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.write([arrival(0)])
    assert 1 == spool.sync()
    shutil.rmtree(tmp_path / "spool")
    spool.write([arrival(1)])

    with pytest.raises(ArchiveError, match="its file was deleted"):
        spool.sync()
    with pytest.raises(ArchiveError, match="its file was deleted"):
        spool.write([arrival(2)])
    spool.close()
