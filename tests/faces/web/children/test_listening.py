"""An interface on the shelf: heard by a child, over a pair of interfaces of the test's own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

if sys.platform != "linux":
    pytest.skip("listening live is Linux's so far", allow_module_level=True)

from support.captured import demo, told
from support.knowing import NOW_NS
from support.shelf_children import children
from support.shelved import Running, running
from support.veth import needs_veth, pair, send

from portbook.book import Book
from portbook.book.listings import Asked
from portbook.book.stories import StoryFile
from portbook.emulators import plant
from portbook.faces.web.children.listening import Teller
from portbook.faces.web.shelf import Shelf, Told
from portbook.records import Finding, Problem, Summary
from portbook.survey.story import Story

FRAMES = [one.octets for one in plant.frames()]


async def listening(work: Running, name: str) -> None:
    await work.until(lambda: (one := work.shelf.told(name)) and one.step == "listening")


async def heard(work: Running, name: str, packets: int) -> None:
    def enough() -> bool:
        one = work.shelf.told(name)
        return bool(one and one.summary and one.summary.packets >= packets)

    await work.until(enough)


@pytest.mark.root
@needs_veth
def test_what_an_interface_carries_is_a_story_that_grows(tmp_path: Path) -> None:
    book = tmp_path / "plant.book"

    async def play() -> tuple[Told, list[tuple[str, str]]]:
        async with running(Shelf(tmp_path / "stories", book, interfaces=["right"])) as work:
            (one,) = work.shelf.stories()
            assert ("interface", "right", "reading") == (one.kind, one.name, one.state)
            assert one.id == work.shelf.listen("right")
            await listening(work, one.id)
            send(FRAMES)
            await heard(work, one.id, len(FRAMES))
            with work.shelf.story(one.id) as file:  # type: ignore[union-attr]
                assert "reading" == file.state()
                first = file.listed("conversation", Asked(order="first", most=1000))
                assert first.rows
            send(FRAMES)
            await heard(work, one.id, 2 * len(FRAMES))
            with work.shelf.story(one.id) as file:  # type: ignore[union-attr]
                again = file.listed("conversation", Asked(order="first", most=1000))
            assert first.counted == again.counted
            assert {2} == {
                later.packets / one.packets
                for one, later in zip(first.rows, again.rows, strict=True)
            }
            work.shelf.stop(one.id)
            return await work.ended(one.id), work.changes

    with pair():
        one, changes = asyncio.run(play())

    assert ("done", None) == (one.state, one.problem)
    assert (one.id, "changed") in changes
    expected = told(tmp_path, demo())
    with Shelf(tmp_path / "stories").story(one.id) as file:  # type: ignore[union-attr]
        assert one.summary == file.summary()
        rows = file.listed("service", Asked(most=1000)).rows
        assert {(each.address, each.port, each.protocols) for each in expected.services} == {
            (each.address, each.port, each.protocols) for each in rows
        }
        assert file.links(Asked(), 10).links
    with Book.open(book) as kept:
        assert len(expected.services) == len(kept.services())


@pytest.mark.root
@needs_veth
def test_an_interface_that_is_listened_to_again_begins_anew(tmp_path: Path) -> None:
    async def play() -> None:
        async with running(Shelf(tmp_path)) as work:
            name = work.shelf.listen("right")
            await listening(work, name)
            send(FRAMES)
            await heard(work, name, len(FRAMES))
            (child,) = children()
            child.kill()
            assert (await work.ended(name)).state.startswith("failed: listening was killed")
            assert name == work.shelf.listen("right")
            await listening(work, name)
            with work.shelf.story(name) as file:  # type: ignore[union-attr]
                assert 0 == file.listed("conversation", Asked()).counted
            assert work.shelf.remove(name)
            assert [] == work.shelf.stories()

    with pair():
        asyncio.run(play())

    assert [] == list(tmp_path.iterdir())
    assert [] == children()


@pytest.mark.parametrize("name", ["no-such-one", "--help", "ünknown"])
def test_an_interface_that_is_none_fails_and_says_so(tmp_path: Path, name: str) -> None:
    async def play() -> Told:
        async with running(Shelf(tmp_path)) as work:
            one = await work.ended(work.shelf.listen(name))
            assert 0.0 == one.progress
            return one

    one = asyncio.run(play())
    assert one.state.startswith("failed: ")
    assert name in one.state


@pytest.fixture
def file(tmp_path: Path) -> Iterator[StoryFile]:
    with StoryFile.create(tmp_path / "live.story") as made:
        yield made


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return told(tmp_path, demo())


def teller(file: StoryFile, book: Path | None = None, *, keep: bool = False) -> Teller:
    return Teller(file, book, "local", keep=keep)


def test_only_what_changed_is_written(
    file: StoryFile, story: Story, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    one = teller(file)
    one.tell(story, [])
    written: list[msgspec.Struct] = []
    file.write = written.extend  # type: ignore[method-assign, assignment]
    one.tell(story, [])
    more = msgspec.structs.replace(story.conversations[3], packets=10**6)
    every = (*story.conversations[:3], more, *story.conversations[4:])
    one.tell(msgspec.structs.replace(story, conversations=every), [])

    assert [more] == written
    first, *rest = capfdbinary.readouterr().out.splitlines()
    assert b'"changed":["conversations","services","devices","announcements","fin' in first
    assert 1 == len(rest)
    assert b'"changed":["conversations"]' in rest[0]


def test_findings_that_hold_no_more_go_and_services_stay(file: StoryFile, story: Story) -> None:
    one = teller(file)
    one.tell(story, [])
    problem = (Problem("eth1", "eth1: the interface is down"),)
    one.tell(Story(summary=story.summary, findings=story.findings[:1], problems=problem), [])

    (left,) = file.listed("finding", Asked()).rows
    assert story.findings[0].subject == left.subject
    assert len(story.services) == file.listed("service", Asked(most=1000)).counted
    assert problem == file.listed("error", Asked()).rows


def test_what_somebody_accepted_is_marked(file: StoryFile, story: Story, tmp_path: Path) -> None:
    finding = story.findings[0]
    with Book.open(tmp_path / "own.book") as book:
        book.accept(finding.code, finding.subject, 2**62, "tested", NOW_NS)
    one = teller(file, tmp_path / "own.book")
    one.tell(story, [])

    marked: list[Finding] = [
        each for each in file.listed("finding", Asked(most=1000)).rows if each.accepted
    ]
    assert [finding.subject] == [each.subject for each in marked]


def test_a_story_keeps_the_newest_conversations(
    file: StoryFile, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portbook.faces.web.children.listening.MOST_CONVERSATIONS", 5)
    monkeypatch.setattr("portbook.faces.web.children.listening.PRUNED_EVERY_S", 0)
    monkeypatch.setattr("portbook.faces.web.children.listening.LINKED_EVERY_S", 0)
    one = teller(file)
    one.tell(story, [])

    newest = sorted(each.last_ns for each in story.conversations)[-5:]
    found = file.listed("conversation", Asked(order="last")).rows
    assert newest == [each.last_ns for each in found]
    assert sum(each.octets for each in found) == sum(
        each.octets for each in file.links(Asked(), 100).links
    )


def test_a_book_that_fails_hinders_nothing(
    file: StoryFile, story: Story, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "own.book").write_bytes(b"no book" * 100)
    one = teller(file, tmp_path / "own.book", keep=True)
    one.keep(story)
    one.tell(story, [])

    assert b"the book was not kept" in capfdbinary.readouterr().out
    assert len(story.conversations) == file.listed("conversation", Asked()).counted


def test_two_things_that_look_the_same_both_stay(file: StoryFile, story: Story) -> None:
    problems = (Problem("eth1", "down", 1), Problem("eth1", "down", 2))
    told = Story(summary=Summary(0, 0, 0, 0.0), problems=problems)
    one = teller(file)
    one.tell(told, [])
    one.tell(told, [])

    assert problems == file.listed("error", Asked()).rows
