"""Group commit: who asks is answered once the disk has it, and not before."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from portbook.daemons.sources.syncing import Syncing


class Disk:
    """A spool's sync that the test holds back or lets fail."""

    def __init__(self) -> None:
        self.written = 0
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.held = False
        self.error: Exception | None = None
        self.syncs = 0

    def sync(self) -> int:
        at = self.written
        self.begun.release()
        if self.held:
            assert self.go.acquire(timeout=20)
        self.syncs += 1
        if self.error:
            error, self.error = self.error, None
            raise error
        return at


class Answers:
    """What came back in the loop, in order, and a way to wait for the next."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[object] = asyncio.Queue()
        self.threads: set[int] = set()

    def add(self, what: object) -> None:
        self.threads.add(threading.get_ident())
        self.came.put_nowait(what)

    async def next(self) -> object:
        return await asyncio.wait_for(self.came.get(), 20)


def _play(play: Callable[[Disk, Answers, Syncing], object], pause_s: float = 0.0) -> Disk:
    disk = Disk()

    async def main() -> None:
        answers = Answers()
        tell = asyncio.get_running_loop().call_soon_threadsafe
        syncing = Syncing(disk.sync, tell, answers.add, answers.add, pause_s=pause_s)
        try:
            await play(disk, answers, syncing)  # type: ignore[misc]
        finally:
            disk.held = False
            disk.go.release(100)
            assert syncing.close(20)
        assert answers.threads <= {threading.get_ident()}

    asyncio.run(main())
    return disk


def test_the_answer_comes_in_the_loop_and_tells_how_far_it_is_safe() -> None:
    async def play(disk: Disk, answers: Answers, syncing: Syncing) -> None:
        disk.written = 7
        syncing.request(7)

        assert await answers.next() == 7
        assert syncing.safe == 7
        assert syncing.count == 1

    _play(play)


def test_what_was_written_while_the_disk_was_busy_waits_for_the_next_sync() -> None:
    async def play(disk: Disk, answers: Answers, syncing: Syncing) -> None:
        disk.held, disk.written = True, 3
        syncing.request(3)
        assert await asyncio.to_thread(disk.begun.acquire, timeout=20)
        disk.written = 5  # the sync under way has begun without these
        syncing.request(4)
        syncing.request(5)
        disk.go.release()

        assert await answers.next() == 3
        disk.go.release()
        assert await answers.next() == 5
        assert disk.syncs == 2  # two requests shared the second

    _play(play)


def test_a_failed_sync_is_told_and_makes_nothing_safe() -> None:
    async def play(disk: Disk, answers: Answers, syncing: Syncing) -> None:
        disk.written, disk.error = 4, OSError(5, "Input/output error")
        syncing.request(4)

        assert isinstance(await answers.next(), OSError)
        assert syncing.safe == 0
        assert syncing.failures == 1
        syncing.request(4)
        assert await answers.next() == 4

    _play(play)


def test_a_request_that_no_sync_can_meet_does_not_sync_for_ever() -> None:
    async def play(disk: Disk, answers: Answers, syncing: Syncing) -> None:
        disk.written = 2
        syncing.request(9)
        assert await answers.next() == 2
        disk.written = 10
        syncing.request(10)

        assert await answers.next() == 10
        assert disk.syncs == 2

    _play(play)


def test_who_is_in_a_hurry_does_not_wait_for_the_pause() -> None:
    async def play(disk: Disk, answers: Answers, syncing: Syncing) -> None:
        disk.written = 1
        syncing.request(1)
        assert await answers.next() == 1  # the first never waits
        disk.written = 2
        syncing.request(2)  # this one would wait for a minute
        syncing.request(2, urgent=True)

        assert await answers.next() == 2

    _play(play, pause_s=60.0)


def test_the_end_brings_what_was_asked_for_to_the_disk() -> None:
    async def play(disk: Disk, answers: Answers, syncing: Syncing) -> None:
        disk.written = 1
        syncing.request(1)
        assert await answers.next() == 1
        disk.written = 2
        syncing.request(2)
        assert await asyncio.to_thread(syncing.close, 20)

        assert syncing.safe == 2

    assert _play(play, pause_s=60.0).syncs == 2


def test_a_disk_that_hangs_does_not_hold_the_end_for_ever() -> None:
    async def play(disk: Disk, answers: Answers, syncing: Syncing) -> None:
        disk.held, disk.written = True, 1
        syncing.request(1)
        assert await asyncio.to_thread(disk.begun.acquire, timeout=20)

        assert not syncing.close(0.01)

    _play(play)


def test_a_loop_that_is_gone_ends_the_thread() -> None:
    def gone(*_: object) -> None:
        raise RuntimeError("Event loop is closed")

    syncing = Syncing(lambda: 1, gone, print, print)
    syncing.request(1)

    assert syncing.close(20)


@pytest.mark.parametrize("pause_s", [-1.0, 0.0])
def test_no_pause_is_no_pause(pause_s: float) -> None:
    async def play(disk: Disk, answers: Answers, syncing: Syncing) -> None:
        for number in (1, 2, 3):
            disk.written = number
            syncing.request(number)
            assert await answers.next() == number

    _play(play, pause_s)
