"""The keeper of the archiver's process: told, heard, started again, ended."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from daemons.hearsay import Heard

from portbook.daemons.archival.archivist import KEY, STILL_S, Archivist
from portbook.daemons.configuration.settings import from_mapping
from portbook.daemons.watchdog.patience import Backoff

SETTINGS = from_mapping({"archive": {"raw": "/nowhere"}})
ECHO = """
import json, sys
for line in sys.stdin:
    told = json.loads(line)
    if "spooled" in told:
        print(json.dumps({"archived": told["spooled"], "counts": {"packets": 1}}), flush=True)
    elif "reload" in told:
        print(json.dumps({"error": told["reload"]["archive"]["raw"]}), flush=True)
    else:
        print("{}", flush=True)
"""
DIES = "import sys; sys.exit(3)"
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("{}", flush=True)
time.sleep(60)
"""
RAMBLES = 'print("no json", flush=True); print("x" * 3_000_000, flush=True)'


class Desk:
    """Runs an archivist whose child is a little program, while a play goes on."""

    def __init__(self, program: str, play: Callable[[Desk], Awaitable[None]], **more: Any) -> None:
        self.voice = Heard()
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self.archivist = Archivist(
            SETTINGS,
            self.voice,
            self.said.put_nowait,
            self.said.put_nowait,
            command=(sys.executable, "-c", program),
            **more,
        )
        asyncio.run(self._run(play))

    async def next(self) -> Any:
        return await asyncio.wait_for(self.said.get(), 20)

    async def until(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not what():
                await asyncio.sleep(0.01)

    async def _run(self, play: Callable[[Desk], Awaitable[None]]) -> None:
        task = asyncio.create_task(self.archivist.run())
        try:
            await play(self)
        finally:
            await self.archivist.leave()
            await asyncio.wait_for(task, 20)


def test_it_gets_the_settings_then_numbers_and_tells_how_far_it_is() -> None:
    async def play(desk: Desk) -> None:
        assert await desk.next() == {}  # the settings
        desk.archivist.spooled(5)
        desk.archivist.spooled(9)
        while await desk.next() != 9:
            pass
        assert desk.archivist.archived_number == 9
        assert desk.archivist.behind == 0
        assert desk.archivist.counts == {"packets": 1}
        assert desk.archivist.pid

    Desk(ECHO, play)


def test_other_settings_reach_it() -> None:
    async def play(desk: Desk) -> None:
        assert await desk.next() == {}
        desk.archivist.reload(from_mapping({"archive": {"raw": "/elsewhere"}}))
        while (told := await desk.next()) != {"error": "/elsewhere"}:
            assert isinstance(told, int)

    Desk(ECHO, play)


def test_one_that_keeps_dying_is_started_again_and_is_an_alarm() -> None:
    async def play(desk: Desk) -> None:
        await desk.until(lambda: desk.archivist.restarts >= 4)

    desk = Desk(DIES, play, backoff=Backoff(0.01, 0.02))

    assert desk.voice.standing[KEY][0] == "archiver"
    assert "exit code 3" in desk.voice.texts("warning")[0]


class Ticks:
    """Time that goes on when told."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _deaf(play: Callable[[Desk, Ticks], Awaitable[None]], **more: Any) -> Desk:
    """Play with a child that reads nothing; it is there once it has said its only word."""
    ticks = Ticks()

    async def begun(desk: Desk) -> None:
        assert await desk.next() == {}
        await play(desk, ticks)

    return Desk(DEAF, begun, leave_s=0.01, ticks_s=ticks, backoff=Backoff(0.0, 0.0), **more)


def test_one_that_is_stuck_is_killed() -> None:
    async def play(desk: Desk, ticks: Ticks) -> None:
        first = desk.archivist.pid
        desk.archivist.spooled(5)
        ticks.now_s += STILL_S
        desk.archivist.look()
        assert desk.voice.standing == {}
        ticks.now_s += 1
        desk.archivist.look()
        assert await desk.next() == {}  # the next one's word
        assert desk.archivist.pid not in (first, None)
        desk.archivist.look()
        assert desk.archivist.restarts == 1

    desk = _deaf(play)

    assert "no progress for 121 s with 5 packets" in desk.voice.standing[KEY][1]


def test_one_without_work_is_not_stuck() -> None:
    async def play(desk: Desk, ticks: Ticks) -> None:
        first = desk.archivist.pid
        ticks.now_s += 10 * STILL_S
        desk.archivist.look()
        desk.archivist.spooled(5)  # from now on there is work
        desk.archivist.look()
        assert (desk.archivist.pid, desk.voice.standing) == (first, {})

    _deaf(play)


def test_one_is_not_killed_for_want_of_a_disk_and_has_its_time_afterwards() -> None:
    full = [True]

    async def play(desk: Desk, ticks: Ticks) -> None:
        desk.archivist.spooled(5)
        ticks.now_s += 10 * STILL_S
        desk.archivist.look()
        full.clear()
        ticks.now_s += STILL_S
        desk.archivist.look()
        assert desk.voice.standing == {}
        ticks.now_s += 1
        desk.archivist.look()
        assert KEY in desk.voice.standing

    _deaf(play, excused=lambda: bool(full))


def test_one_that_is_being_started_ends_too() -> None:
    async def begin() -> int:
        voice = Heard()
        archivist = Archivist(
            SETTINGS, voice, print, print, command=(sys.executable, "-c", DEAF), leave_s=0.01
        )
        life = asyncio.create_task(archivist.run())
        await asyncio.sleep(0)  # it has begun to start the child, and no more
        await archivist.leave()
        await life
        return archivist.restarts

    assert asyncio.run(begin()) == 0


def test_what_it_should_not_say_is_told_and_ends_it() -> None:
    async def play(desk: Desk) -> None:
        await desk.until(lambda: desk.archivist.restarts)

    desk = Desk(RAMBLES, play, backoff=Backoff(0.01, 0.02))

    assert "not JSON" in desk.voice.texts("warning")[0]
    assert "without end" in desk.voice.texts("error")[0]


def test_a_program_that_is_not_there_is_told() -> None:
    async def play(desk: Desk) -> None:
        await desk.until(lambda: desk.archivist.restarts)

    desk = Desk("", play, backoff=Backoff(0.01, 0.02))
    desk.archivist._command = ("/nowhere/python",)
    asyncio.run(desk.archivist._life())

    assert "/nowhere/python cannot be started" in desk.voice.texts("error")[0]
