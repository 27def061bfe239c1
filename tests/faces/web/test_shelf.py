"""The shelf takes captures in, has them read by children, and outlives whatever becomes of them."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.captured import demo, told
from support.shelf_children import children
from support.shelved import chunks, long_capture, running

from portbook.book import Book
from portbook.book.listings import Asked
from portbook.errors import SourceError, UsageError
from portbook.faces.web.children.bounds import Bounds
from portbook.faces.web.settings import Serving
from portbook.faces.web.shelf import Limits, Shelf, Told, TooLargeError


def taken(folder: Path, octets: bytes, name: str = "plant.pcap", **more: Any) -> Told:
    """Have one capture taken in and read, by a shelf of its own; return what became of it."""

    async def play() -> Told:
        async with running(Shelf(folder, **more)) as work:
            return await work.ended(await work.shelf.take(name, chunks(octets)))

    return asyncio.run(play())


def files(folder: Path) -> list[str]:
    """Return what kinds of files there are, but for those that SQLite makes while one is read."""
    found = sorted(path.name.partition(".")[2] for path in folder.iterdir())
    return [one for one in found if one not in ("story-wal", "story-shm")]


def written(records: Iterable[msgspec.Struct]) -> list[bytes]:
    return sorted(msgspec.json.encode(one, enc_hook=dict) for one in records)


def test_a_capture_becomes_the_story_that_the_command_line_reads(tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    one = taken(folder, demo())

    with Shelf(folder).story(one.id) as file:  # type: ignore[union-attr]
        assert ("done", "done", 1.0, None) == (one.state, file.state(), one.progress, one.problem)
        assert one.summary == file.summary()
        expected = told(tmp_path, demo(), "plant.pcap")
        for kind in ("conversation", "service", "device", "announcement", "finding"):
            records = [
                msgspec.json.decode(
                    msgspec.json.encode(one, enc_hook=dict).replace(
                        str(tmp_path / "plant.pcap").encode(), b"plant.pcap"
                    ),
                    type=type(one),
                )
                for one in expected.records()
                if one.__struct_config__.tag == kind
            ]
            assert written(records) == written(file.listed(kind, Asked(most=1000)).rows)
    assert ["json", "story"] == files(folder)
    assert 0o700 == folder.stat().st_mode & 0o777
    assert {0o600} == {path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_a_capture_that_was_cut_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    one = taken(tmp_path, demo()[:-7])

    assert "done" == one.state
    assert one.problem
    assert one.problem.startswith("plant.pcap: the capture ends in the middle of a record")
    assert one.summary
    assert one.summary.packets == 251


def test_what_is_no_capture_fails_and_says_why(tmp_path: Path) -> None:
    one = taken(tmp_path, b"%PDF-1.7 this is a report, not a capture", "report.pdf")

    assert one.state.startswith("failed: report.pdf: not a capture")
    with Shelf(tmp_path).story(one.id) as file:  # type: ignore[union-attr]
        assert one.state == file.state()
        assert 0 == file.listed("conversation", Asked()).counted
    assert ["json", "story"] == files(tmp_path)


@pytest.mark.parametrize(
    ("limits", "octets", "error"),
    [
        (Limits(octets=5000), demo(), TooLargeError),
        (Limits(), b"", UsageError),
        (Limits(waiting=0), demo(), UsageError),
    ],
)
def test_what_is_refused_leaves_nothing(
    tmp_path: Path, limits: Limits, octets: bytes, error: type[Exception]
) -> None:
    folder = tmp_path / "stories"
    with pytest.raises(error):
        taken(folder, octets, limits=limits)

    assert not folder.exists() or [] == files(folder)


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class GoneError(Exception):
        pass

    async def broken() -> AsyncIterator[bytes]:
        yield demo()[:40_000]
        raise GoneError

    async def play() -> None:
        async with running(Shelf(tmp_path)) as work:
            with pytest.raises(GoneError):
                await work.shelf.take("plant.pcap", broken())
            task = asyncio.create_task(work.shelf.take("plant.pcap", endless()))
            await asyncio.wait([task], timeout=0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert [] == work.shelf.stories() == work.changes

    async def endless() -> AsyncIterator[bytes]:
        yield demo()
        await asyncio.Event().wait()

    asyncio.run(play())

    assert [] == files(tmp_path)


def test_a_full_disk_is_told_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portbook.faces.web.shelf_uploads._LEFT_FREE", 1 << 60)
    with pytest.raises(UsageError, match="make room"):
        taken(tmp_path, demo())

    assert [] == files(tmp_path)


HOSTILE = [
    ("../../etc/passwd", "passwd"),
    ("C:\\plant\\night.pcap", "night.pcap"),
    ("--book=elsewhere", "--book=elsewhere"),
    ("-", "-"),
    ("", "capture"),
    ("/", "capture"),
    ("\0\n<script>.pcap", "��<script>.pcap"),
    ("bad\ud800.pcap", "bad�.pcap"),
    ("å" * 5000, "å" * 200),
]


@pytest.mark.parametrize(("name", "shown"), HOSTILE)
def test_hostile_names_are_only_names(tmp_path: Path, name: str, shown: str) -> None:
    one = taken(tmp_path / "stories", demo(), name)

    assert ("done", shown) == (one.state, one.name)
    assert ["stories"] == [path.name for path in tmp_path.iterdir()]
    with Shelf(tmp_path / "stories").story(one.id) as file:  # type: ignore[union-attr]
        assert {shown} == {each.source for each in file.listed("service", Asked()).rows}


def test_only_ids_that_it_gave_open_a_story(tmp_path: Path) -> None:
    one = taken(tmp_path, demo())
    shelf = Shelf(tmp_path)

    assert 12 == len(one.id)
    assert one.id.isalnum()
    assert [one] == shelf.stories()
    for name in ("", "..", "../x", one.id.upper() + "x", "0" * 12):
        assert shelf.story(name) is None
        assert shelf.told(name) is None
        assert not shelf.remove(name)


def pipe(folder: Path, name: str = "endless.pcap") -> Path:
    """Make a capture that no reader ever gets to the end of: nobody writes to it."""
    os.mkfifo(folder / name)
    return folder / name


needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


@needs_pipes
def test_a_child_that_is_killed_leaves_one_failed_story(tmp_path: Path) -> None:
    async def play() -> tuple[Told, Told]:
        async with running(Shelf(tmp_path / "stories")) as work:
            name = work.shelf.read(pipe(tmp_path))
            await work.until(lambda: work.shelf.told(name).step)  # type: ignore[union-attr]
            (child,) = children()
            child.send_signal(signal.SIGKILL)
            after = await work.shelf.take("plant.pcap", chunks(demo()))
            return await work.ended(name), await work.ended(after)

    killed, after = asyncio.run(play())

    assert killed.state.startswith("failed: reading was killed")
    assert "done" == after.state


@needs_pipes
def test_a_child_that_does_not_end_is_ended(tmp_path: Path) -> None:
    async def play() -> Told:
        limits = Limits(reading=Bounds(seconds=2))
        async with running(Shelf(tmp_path / "stories", limits=limits)) as work:
            told = await work.ended(work.shelf.read(pipe(tmp_path)))
            assert [] == children()
            return told

    assert asyncio.run(play()).state.startswith("failed: reading took longer")


@needs_pipes
def test_captures_are_read_one_after_the_other(tmp_path: Path) -> None:
    async def play() -> None:
        async with running(Shelf(tmp_path / "stories", limits=Limits(waiting=1))) as work:
            shelf = work.shelf
            first, second = shelf.read(pipe(tmp_path)), shelf.read(pipe(tmp_path, "other.pcap"))
            await work.until(lambda: shelf.told(first).step)  # type: ignore[union-attr]
            states = {one.id: one.state for one in shelf.stories()}
            assert {first: "reading", second: "waiting"} == states
            assert second == shelf.read(tmp_path / "other.pcap")
            with pytest.raises(UsageError, match="wait to be read"):
                await shelf.take("plant.pcap", chunks(demo()))

            assert shelf.remove(first)
            await work.until(lambda: shelf.told(second).step)  # type: ignore[union-attr]
            assert 1 == len(children())
            assert ("removed", "progress") == tuple(what for _, what in work.changes[-3:-1])
            assert shelf.remove(second)

    asyncio.run(play())

    assert [] == files(tmp_path / "stories")
    assert [] == children()


@needs_pipes
def test_stories_outlive_the_server_and_what_was_half_read_failed(tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    done = taken(folder, demo())

    async def interrupted() -> tuple[str, str]:
        async with running(Shelf(folder)) as work:
            half = work.shelf.read(pipe(tmp_path))
            await work.until(lambda: work.shelf.told(half).step)  # type: ignore[union-attr]
            return half, await work.shelf.take("next.pcap", chunks(demo()))

    half, waiting = asyncio.run(interrupted())
    assert [] == children()
    mine = folder / "mine.txt"
    mine.write_text("not of the shelf")
    (folder / "0123456789ab.upload").write_bytes(b"left behind")

    async def again() -> dict[str, Told]:
        async with running(Shelf(folder)) as work:
            await work.ended(waiting)
            return {one.id: one for one in work.shelf.stories()}

    found = asyncio.run(again())
    assert {done.id, half, waiting} == set(found)
    assert done == found[done.id]
    assert found[half].state.startswith("failed: interrupted")
    assert "done" == found[waiting].state
    assert mine.exists()
    assert not (folder / "0123456789ab.upload").exists()


def test_what_a_crashed_server_was_reading_failed(tmp_path: Path) -> None:
    one = taken(tmp_path, demo())
    path = tmp_path / f"{one.id}.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(one, state="reading")))

    (found,) = Shelf(tmp_path).stories()

    assert found.state.startswith("failed: interrupted")
    assert [found] == Shelf(tmp_path).stories()


@pytest.mark.parametrize("octets", [b"", b"{", b'{"id": 7}', b"\xff" * 100_000])
def test_a_damaged_entry_takes_no_other_along(tmp_path: Path, octets: bytes) -> None:
    one, other = taken(tmp_path, demo()), taken(tmp_path, demo(), "other.pcap")
    (tmp_path / f"{other.id}.json").write_bytes(octets)

    assert [one] == Shelf(tmp_path).stories()
    assert ["json", "story"] == files(tmp_path)


def test_a_damaged_story_is_told_when_it_is_opened(tmp_path: Path) -> None:
    one = taken(tmp_path, demo())
    (tmp_path / f"{one.id}.story").write_bytes(b"no story")

    with pytest.raises(SourceError, match="damaged"):
        Shelf(tmp_path).story(one.id)


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    async def play() -> tuple[list[str], list[str]]:
        async with running(Shelf(tmp_path, limits=Limits(stories=2))) as work:
            names = []
            for number in range(4):
                names.append(await work.shelf.take(f"{number}.pcap", chunks(demo())))
                await work.ended(names[-1])
            return names, [one.id for one in work.shelf.stories()]

    names, left = asyncio.run(play())

    assert names[:1:-1] == left
    assert ["json", "json", "story", "story"] == files(tmp_path)


def test_the_book_is_kept_when_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "plant.book"
    with Book.open(path) as book:
        book.accept("PB401", "x", 2**62, "tested", 1)

    async def play(keep: bool) -> Told:
        shelf = Shelf(tmp_path / "stories", path, "north")
        async with running(shelf) as work:
            return await work.ended(await work.shelf.take("plant.pcap", chunks(demo()), keep))

    assert "done" == asyncio.run(play(False)).state
    with Book.open(path) as book:
        assert {} == book.size().sightings
    assert "done" == asyncio.run(play(True)).state
    with Book.open(path) as book:
        assert {"north"} == {one.site for one in book.services()}
        finding = next(
            one
            for one in told(tmp_path, demo(), "plant.pcap").findings
            if one.level.value == "error"
        )
        book.accept(finding.code, finding.subject, 2**62, "tested", 1, site="north")

    one = asyncio.run(play(False))
    assert one.summary
    with Shelf(tmp_path / "stories").story(one.id) as file:  # type: ignore[union-attr]
        accepted = [each for each in file.listed("finding", Asked()).rows if each.accepted]
    assert [finding.subject] == [each.subject for each in accepted]


def test_a_book_that_cannot_be_kept_is_no_lost_story(tmp_path: Path) -> None:
    path = tmp_path / "plant.book"
    path.write_bytes(b"no book at all" * 100)
    one = taken(tmp_path / "stories", demo(), book=path)

    assert "done" == one.state
    assert "the book was not kept" in (one.problem or "")


def test_settings_say_what_is_read_and_what_is_taken(tmp_path: Path) -> None:
    capture = tmp_path / "plant.pcap"
    capture.write_bytes(demo())
    serving = Serving(
        book=tmp_path / "own.book", claims=tmp_path / "claims", captures=(capture,), readonly=True
    )

    async def play() -> Told:
        async with running(Shelf.open(serving)) as work:
            with pytest.raises(UsageError, match="reading only"):
                await work.shelf.take("plant.pcap", chunks(demo()))
            (one,) = work.shelf.stories()
            return await work.ended(one.id)

    one = asyncio.run(play())
    again = asyncio.run(play())

    assert ("done", "plant.pcap", one.id) == (one.state, one.name, again.id)
    assert capture.exists()
    assert not (tmp_path / "own.book").exists()
    assert (tmp_path / "own.book-stories").is_dir()


def test_a_capture_that_is_not_there_hinders_nothing(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "stories", captures=[tmp_path / "none.pcap"])

    async def play() -> list[Told]:
        async with running(shelf) as work:
            return work.shelf.stories()

    assert [] == asyncio.run(play())
    with pytest.raises(SourceError, match=r"none\.pcap"):
        shelf.read(tmp_path / "none.pcap")


def test_packed_octets_that_never_end_cost_time_and_no_memory(tmp_path: Path) -> None:
    head, packet = demo()[:24], demo()[24 : 24 + 16 + int.from_bytes(demo()[32:36], "little")]
    part = gzip.compress(packet * (10_000_000 // len(packet)))
    bomb = gzip.compress(head) + part * 1000

    one = taken(tmp_path, bomb, limits=Limits(reading=Bounds(memory=1 << 30, seconds=3)))

    assert one.state.startswith("failed: reading took")
    assert len(bomb) < 50_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be bounded on Linux")
def test_a_capture_of_too_many_conversations_is_told_to_be_one(tmp_path: Path) -> None:
    capture = long_capture(tmp_path / "many.pcap", 40_000)

    async def play() -> Told:
        limits = Limits(reading=Bounds(memory=160 << 20))
        async with running(Shelf(tmp_path / "stories", limits=limits)) as work:
            return await work.ended(work.shelf.read(capture))

    assert asyncio.run(play()).state.startswith("failed: the capture has more conversations than")


def test_a_full_story_is_told_to_be_one(tmp_path: Path) -> None:
    one = taken(tmp_path, demo(), limits=Limits(reading=Bounds(file=200_000)))

    assert one.state.startswith("failed: plant.pcap: ")
    assert "the story has reached the size" in one.state
