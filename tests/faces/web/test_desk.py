"""The desk notices what others write, looks at this machine, and tells all who look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from portbook.book import Book
from portbook.errors import SourceError
from portbook.faces.web.desk import Desk
from portbook.faces.web.settings import Serving
from portbook.ports import Transport
from portbook.records import Service

DEADLINE_S = 30


def _desk(folder: Path, **more: bool) -> Desk:
    path = folder / "book.sqlite"
    Book.open(path).close()
    return Desk.open(Serving(book=path, claims=folder / "none.toml", **more))


def _write(desk: Desk) -> None:
    now_ns = time.time_ns()
    seen = Service("10.0.0.9", 502, Transport.TCP, ("modbus",), (), 1, now_ns, now_ns, "eth7")
    with Book.open(desk.settings.book) as writer:
        writer.record("local", "eth7", now_ns, services=[seen])


async def _events(desk: Desk, enough: Callable[[str], bool], play: Awaitable[None]) -> str:
    """Return what a reader of the stream was told until it was enough."""
    told = ""
    async with asyncio.timeout(DEADLINE_S), desk.watching():
        stream = desk.events.events()
        await anext(stream)
        await play
        async for event in stream:
            told += event.decode()
            if enough(told):
                return told
    return told


def test_what_another_program_writes_is_told_and_makes_pages_old(tmp_path: Path) -> None:
    desk = _desk(tmp_path, readonly=True)
    before = desk.version

    async def play() -> None:
        while desk.machine is None:  # from its first round on the watch knows the book
            await asyncio.sleep(0.01)
        await asyncio.to_thread(_write, desk)

    told = asyncio.run(_events(desk, lambda text: '"services"' in text, play()))

    assert "event: change\n" in told
    assert '"subject":"tcp 10.0.0.9:502"' in told
    assert desk.version > before


def test_this_machine_is_looked_at_and_written_in_the_book(tmp_path: Path) -> None:
    desk = _desk(tmp_path)

    async def play() -> None:
        return

    asyncio.run(_events(desk, lambda text: '"listeners"' in text, play()))

    assert desk.machine is not None
    with desk.reading() as book:
        kept = book.size().sightings.get("listener", 0)
    assert kept <= len(desk.machine.listeners)
    assert bool(kept) is bool(desk.machine.listeners)


def test_a_book_that_is_served_for_reading_is_not_written(tmp_path: Path) -> None:
    desk = _desk(tmp_path, readonly=True)

    async def play() -> None:
        return

    asyncio.run(_events(desk, lambda text: '"listeners"' in text, play()))

    with desk.reading() as book:
        assert {} == book.size().sightings
    with pytest.raises(SourceError, match="reading only"), desk.writing():
        pass


def test_a_book_that_breaks_is_told_and_comes_back(tmp_path: Path) -> None:
    desk = _desk(tmp_path, readonly=True)
    away = tmp_path / "away"

    async def play() -> None:
        while desk.machine is None:
            await asyncio.sleep(0.01)

    async def run() -> None:
        async with asyncio.timeout(DEADLINE_S), desk.watching():
            await play()
            desk.settings.book.rename(away)
            desk.settings = msgspec.structs.replace(desk.settings, book=tmp_path / "none")
            with pytest.raises(SourceError), desk.reading():
                pass
            desk.settings = msgspec.structs.replace(desk.settings, book=away)
            with desk.reading() as book:
                assert {} == book.size().sightings

    asyncio.run(run())


def test_all_streams_end_with_the_watch(tmp_path: Path) -> None:
    desk = _desk(tmp_path, readonly=True)

    async def run() -> list[bytes]:
        async with asyncio.timeout(DEADLINE_S):
            async with desk.watching():
                stream = desk.events.events()
                await anext(stream)
            return [event async for event in stream]

    asyncio.run(run())
    assert 0 == desk.events.readers


def test_a_book_that_was_put_in_its_place_is_watched_from_then_on(tmp_path: Path) -> None:
    desk = _desk(tmp_path, readonly=True)
    with Book.open(tmp_path / "other.sqlite"):
        pass

    async def play() -> None:
        while desk.machine is None:
            await asyncio.sleep(0.01)
        before = desk.version
        (tmp_path / "other.sqlite").replace(desk.settings.book)
        while desk.version == before:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(_write, desk)

    told = asyncio.run(_events(desk, lambda text: '"services"' in text, play()))

    assert "10.0.0.9" in told


def test_a_book_that_is_gone_is_told_and_so_is_its_coming_back(tmp_path: Path) -> None:
    desk = _desk(tmp_path, readonly=True)
    away = tmp_path / "away.sqlite"

    async def play() -> None:
        while desk.machine is None:
            await asyncio.sleep(0.01)
        desk.settings.book.rename(away)
        while desk.problem is None:
            await asyncio.sleep(0.01)
        before = desk.version
        away.rename(desk.settings.book)
        while desk.problem is not None:
            await asyncio.sleep(0.01)
        assert desk.version > before  # pages that say so are old

    told = asyncio.run(_events(desk, lambda text: text.count('"problem"') == 2, play()))

    assert "changed" in told
