"""What is new goes to all who look; nobody waits for the slowest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from portbook.faces.web.hub import REMEMBERED, WAITING, Hub


async def _begun(hub: Hub, last: str | None = None) -> tuple[AsyncIterator[bytes], bytes]:
    stream = hub.events(last)
    return stream, await anext(stream)


def test_an_event_is_written_as_browsers_read_it() -> None:
    async def play() -> bytes:
        hub = Hub()
        stream, _ = await _begun(hub)
        hub.publish("changed", {"kinds": ["services"], "text": "two\nlines"})
        return await anext(stream)

    assert (
        b'id: 1\nevent: changed\ndata: {"kinds":["services"],"text":"two\\nlines"}\n\n'
        == asyncio.run(play())
    )


def test_who_comes_back_gets_what_was_missed() -> None:
    async def play() -> bytes:
        hub = Hub()
        for number in range(5):
            hub.publish("changed", number)
        _, first = await _begun(hub, "3")
        return first

    assert (
        b"retry: 3000\n\nid: 4\nevent: changed\ndata: 3\n\nid: 5\nevent: changed\ndata: 4\n\n"
        == (asyncio.run(play()))
    )


def test_who_was_away_too_long_or_before_a_restart_is_told_that_something_was_lost() -> None:
    async def play(events: int, last: str) -> bytes:
        hub = Hub()
        for number in range(events):
            hub.publish("changed", number)
        _, first = await _begun(hub, last)
        return first

    assert asyncio.run(play(REMEMBERED + 10, "3")).endswith(b"event: lost\ndata: {}\n\n")
    assert asyncio.run(play(2, "99")).endswith(b"event: lost\ndata: {}\n\n")
    assert asyncio.run(play(2, "x" * 9999)) == b"retry: 3000\n\n"
    assert asyncio.run(play(2, "2")) == b"retry: 3000\n\n"


def test_a_reader_too_slow_is_told_that_it_lost_some_and_harms_nobody() -> None:
    async def play() -> tuple[list[bytes], list[bytes]]:
        hub = Hub()
        slow, _ = await _begun(hub)
        quick, _ = await _begun(hub)
        had = []
        for number in range(WAITING + 5):
            hub.publish("changed", number)
            had.append(await anext(quick))
        return had, [await anext(slow) for _ in range(WAITING)]

    quick, slow = asyncio.run(play())

    assert WAITING + 5 == len(quick)
    assert not any(b"lost" in event for event in quick)
    assert slow[-1].endswith(b"event: lost\ndata: {}\n\n")
    assert not any(b"lost" in event for event in slow[:-1])


def test_a_reader_who_leaves_is_forgotten() -> None:
    async def play() -> tuple[int, int]:
        hub = Hub()
        stream, _ = await _begun(hub)
        before = hub.readers
        await stream.aclose()  # type: ignore[attr-defined]
        return before, hub.readers

    assert (1, 0) == asyncio.run(play())


def test_all_streams_end_when_the_server_does() -> None:
    async def play() -> int:
        hub = Hub()
        waiting, _ = await _begun(hub)
        full, _ = await _begun(hub)
        for number in range(WAITING):
            hub.publish("changed", number)
            await anext(waiting)
        next_event = asyncio.ensure_future(anext(waiting, None))
        await asyncio.sleep(0)
        hub.close()
        assert await next_event is None
        assert [] == [event async for event in full]
        return hub.readers

    assert 0 == asyncio.run(play())
