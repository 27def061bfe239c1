"""Several processes look at captures side by side; this one gathers what they find.

They are forked, not started anew: the claims and the prefilter are loaded already, so a start
costs some milliseconds. That is safe only where this process has no other thread; else, and where
a system does not let us, one process does it all. A worker ends when nobody reads its pipe any
more, so none is left behind however this process ends.
"""

from __future__ import annotations

import os
import selectors
import signal
import stat
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import NoReturn

from portbook.claims.everything import Claims
from portbook.evidence.captures import Capture
from portbook.evidence.unpacking import packed_as
from portbook.records import LOCAL_SITE
from portbook.survey.gathering import Gathering
from portbook.survey.jobs import Load, tasks
from portbook.survey.looking import ROOM, Looked, Progress, Room, look_at
from portbook.survey.parcels import Unpacker
from portbook.survey.summing import sum_up
from portbook.survey.work import NO_MEMORY, NUMBER, Kind, Work, messages, work

MOST_JOBS = 8  # that are taken without being asked for
_NUMBERS = 4096  # that a queue holds at the most: fewer octets than fit in any pipe
_CHUNK = 1 << 20
_PARENT_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)


def processors() -> int:
    """Return how many jobs are as many as this process has processors for, 8 at the most."""
    if sys.platform != "linux":
        return 1
    return min(MOST_JOBS, len(os.sched_getaffinity(0)))


def look_at_all(
    captures: Sequence[Capture],
    claims: Claims,
    *,
    site: str = LOCAL_SITE,
    room: Room = ROOM,
    progress: Progress | None = None,
    jobs: int = 1,
    sums: bool = False,
) -> list[Looked]:
    """Look at captures, in up to `jobs` processes, and return what came of each, in their order.

    The result is that of one job. Only where a capture has more conversations than `room` holds
    may it differ which of them are told in parts.
    progress: gets one capture's name, or how many they are, and octets of all of them together
    sums: only what each comes to is wanted (`summing.sum_up`)
    """
    loads = [_load(one) for one in captures] if jobs > 1 and _may_fork() else []
    planned = tasks(loads, jobs)
    if planned:
        together = -(-len(planned) // _NUMBERS)
        with _Crew(Work(planned, together, captures, claims, site, room, sums)) as crew:
            if crew.start(min(jobs, len(planned))):
                gathering = Gathering(captures, planned, _octets(loads), progress)
                crew.gather(gathering)
                return gathering.looked()
    # one after the other: a capture's table is let go of before the next one is made
    if sums:
        return [sum_up(one, claims, site=site, room=room, progress=progress) for one in captures]
    return [look_at(one, claims, site=site, room=room, progress=progress) for one in captures]


def _may_fork() -> bool:
    """Tell whether a fork is safe: another thread may hold a lock that the child waits for."""
    alone = threading.active_count() == 1 and threading.current_thread() is threading.main_thread()
    return sys.platform == "linux" and alone


def _load(capture: Capture) -> Load:
    """Return how much work a capture is; what cannot be read is little, and fails soon."""
    if capture.path is None:
        return Load(None, False)
    try:
        found = os.stat(capture.path)
        if not stat.S_ISREG(found.st_mode):
            return Load(None, False)
        with open(capture.path, "rb", buffering=0) as raw:
            head = raw.read(4)
    except OSError:
        return Load(0, False)
    # what is packed keeps a second thread busy with unpacking as it is
    return Load(found.st_size, packed_as(head) is None)


def _octets(loads: Sequence[Load]) -> int | None:
    known = [load.octets for load in loads if load.octets is not None]
    return sum(known) if len(known) == len(loads) else None


class _Worker:
    def __init__(self, pid: int, pipe: int) -> None:
        self.pid, self.pipe = pid, pipe
        self.buffer = bytearray()
        self.unpacker = Unpacker()
        self.task: int | None = None  # that it is at


class _Crew:
    """Workers between `with` and its end, at which none of them is left."""

    def __init__(self, given: Work) -> None:
        self._given = given
        self._workers: list[_Worker] = []

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._workers:
            os.kill(one.pid, signal.SIGKILL)
        while self._workers:
            self._bury(self._workers[-1])

    def start(self, count: int) -> bool:
        """Fork workers; False when the system allows none."""
        queue, filling = os.pipe()
        numbers = range(-(-len(self._given.tasks) // self._given.together))
        os.write(filling, b"".join(map(NUMBER.pack, numbers)))
        os.close(filling)
        try:
            for _ in range(count):
                self._fork(queue)
        except OSError:  # no more processes for us: those that began do it all
            pass
        finally:
            os.close(queue)
        return bool(self._workers)

    def gather(self, into: Gathering) -> None:
        """Take all that the workers tell until the last of them has ended."""
        with selectors.DefaultSelector() as selector:
            for one in self._workers:
                selector.register(one.pipe, selectors.EVENT_READ, one)
            while self._workers:
                for key, _ in selector.select():
                    one = key.data
                    if not self._listen(one, into):
                        selector.unregister(one.pipe)
                        code = self._bury(one)
                        if one.task is not None:
                            into.lose(one.task, _why(code))

    def _listen(self, worker: _Worker, into: Gathering) -> bool:
        """Take what a worker has told by now; False when it has ended."""
        octets = os.read(worker.pipe, _CHUNK)
        worker.buffer += octets
        for message in messages(worker.buffer):
            if message.kind is Kind.BEGAN:
                worker.task = message.task
            elif message.kind is Kind.END:
                worker.task = None
            into.take(message, worker.unpacker)
        return bool(octets)

    def _bury(self, worker: _Worker) -> int:
        """Let go of a worker that has ended, or will at once; return its exit code."""
        self._workers.remove(worker)
        os.close(worker.pipe)
        return os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])

    def _fork(self, queue: int) -> None:
        reading, writing = os.pipe()
        parent = os.getpid()
        # interrupted between the fork and its first lines, a child would go its parent's ways
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            pid = os.fork()
            if pid == 0:
                self._child(parent, queue, reading, writing, before)
            self._workers.append(_Worker(pid, reading))
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _child(
        self,
        parent: int,
        queue: int,
        reading: int,
        writing: int,
        before: Iterable[signal.Signals | int],
    ) -> NoReturn:
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is interrupted ends all of us
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            for pipe in (reading, *(one.pipe for one in self._workers)):
                os.close(pipe)  # or the others would not notice that nobody reads them any more
            _end_with(parent)
            code = work(self._given, queue, writing)
        finally:
            os._exit(code)  # nothing of the parent's is cleaned up, written or told here


def _end_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, also while it waits for a capture."""
    import ctypes

    ctypes.CDLL(None).prctl(_PARENT_DEATH, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _why(code: int) -> str:
    if code == NO_MEMORY:
        return "found no more memory"
    if code == -signal.SIGKILL:
        return "was killed, as a system does that has no more memory"
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
