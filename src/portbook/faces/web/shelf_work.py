"""Who is at work for the shelf: one child that reads, in turn, and one for each interface."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from portbook.faces.web.children import supervising
from portbook.faces.web.children.bounds import Bounds
from portbook.faces.web.children.supervising import Ended
from portbook.faces.web.children.telling import Said

_log = logging.getLogger("portbook.serve")

NOT_STARTED = Ended(127, False, "the system would not start another process")
INTERRUPTED = Ended(127, False, "interrupted: the server ended before it was read; give it again")


class Job(NamedTuple):
    """What a child is to do; module: "reading" or "listening"."""

    id: str
    module: str
    arguments: tuple[str, ...]
    bounds: Bounds


class Work:
    """Runs children while it is `running`; all else may be called from any thread.

    begun, heard, ended: told in the event loop of each child
    """

    def __init__(
        self,
        begun: Callable[[str], None],
        heard: Callable[[str, Said], None],
        ended: Callable[[str, Ended], None],
    ) -> None:
        self._begun, self._heard, self._ended = begun, heard, ended
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns: deque[Job] = deque()
        self._new = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self._early: list[Job] = []  # before the loop runs

    def add(self, job: Job) -> None:
        """Have something done: a capture is read in its turn, an interface listened to at once."""
        if self._loop is None:
            self._early.append(job)
        else:
            self._loop.call_soon_threadsafe(self._add, job)

    def stop(self, name: str) -> None:
        """Have a child end in good order."""
        self._soon(self._stop, name)

    def drop(self, name: str) -> None:
        """Have a child ended at once, or not begun."""
        self._early = [job for job in self._early if job.id != name]
        self._soon(self._drop, name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work; when left, interfaces get time for their last look, and what is read is let go."""
        self._loop = asyncio.get_running_loop()
        reader = asyncio.create_task(self._read_in_turn())
        for job in self._early:
            self._add(job)
        self._early.clear()
        try:
            yield
        finally:
            self._loop = None
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
            for stop in self._stops.values():
                stop.set()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _soon(self, call: Callable[[str], None], name: str) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(call, name)

    def _add(self, job: Job) -> None:
        if job.module == "reading":
            self._turns.append(job)
            self._new.set()
        elif job.id not in self._tasks:
            self._start(job)

    def _start(self, job: Job) -> asyncio.Task[None]:
        self._stops[job.id] = asyncio.Event()
        task = self._tasks[job.id] = asyncio.create_task(self._run(job, self._stops[job.id]))
        return task

    def _stop(self, name: str) -> None:
        if name in self._stops:
            self._stops[name].set()

    def _drop(self, name: str) -> None:
        self._turns = deque(job for job in self._turns if job.id != name)
        if name in self._tasks:
            self._tasks[name].cancel()

    async def _read_in_turn(self) -> None:
        while True:
            while not self._turns:
                self._new.clear()
                await self._new.wait()
            task = self._start(self._turns.popleft())
            try:
                await asyncio.wait([task])
            finally:  # when all ends, what is read ends too
                task.cancel()
                await asyncio.wait([task])

    async def _run(self, job: Job, stop: asyncio.Event) -> None:
        end = INTERRUPTED
        try:
            self._begun(job.id)
            end = await supervising.run(
                job.module, job.arguments, job.bounds, lambda said: self._heard(job.id, said), stop
            )
        except OSError as error:
            end = NOT_STARTED._replace(complaint=f"{NOT_STARTED.complaint}: {error}")
        except Exception:  # what looks after one child must not take the others along
            _log.exception("a child of the shelf could not be looked after")
            end = NOT_STARTED._replace(complaint="the server failed to look after it; see its log")
        finally:
            del self._tasks[job.id], self._stops[job.id]
            self._ended(job.id, end)
