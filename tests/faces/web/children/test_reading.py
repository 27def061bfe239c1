"""The child that reads, as a program of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from support.captured import demo

from portbook.book import Book
from portbook.book.stories import StoryFile
from portbook.faces.web.children.telling import Said, understood


def run(tmp_path: Path, octets: bytes, *more: str) -> tuple[int, list[Said]]:
    """Run the child on a capture; return its exit code and what it said."""
    (tmp_path / "x.upload").write_bytes(octets)
    StoryFile.create(tmp_path / "x.story").close()
    command = ["-m", "portbook.faces.web.children.reading", *more, "--name=plant.pcap"]

    async def play() -> tuple[int, bytes]:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, *command, str(tmp_path / "x.upload"), str(tmp_path / "x.story")),
            stdin=asyncio.subprocess.PIPE,  # it ends when this does
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout
        told = await child.stdout.read()
        return await child.wait(), told

    code, out = asyncio.run(play())
    said = [understood(line) for line in out.splitlines()]
    assert None not in said
    return code, [one for one in said if one]


def test_it_says_how_far_it_is(tmp_path: Path) -> None:
    code, said = run(tmp_path, demo())

    assert 0 == code
    assert ["reading", "naming", "writing"] == [one.step for one in said if one.step]
    shares = [one.done for one in said if one.done is not None]
    assert sorted(shares) == shares
    assert (0.0, 1.0) == (shares[0], shares[-1])
    assert said[-1].summary
    with StoryFile.open(tmp_path / "x.story") as file:
        assert said[-1].summary == file.summary()


@pytest.mark.parametrize(
    ("octets", "code", "what"),
    [
        (demo()[:-1], 3, "plant.pcap: the capture ends in the middle"),
        (b"no capture", 4, "plant.pcap: not a capture"),
        (demo()[:10], 4, "plant.pcap: "),
    ],
)
def test_it_says_what_is_wrong(tmp_path: Path, octets: bytes, code: int, what: str) -> None:
    ended, said = run(tmp_path, octets)

    assert code == ended
    assert any(one.problem and one.problem.startswith(what) for one in said)


def test_it_judges_and_keeps_as_it_is_told(tmp_path: Path) -> None:
    book = tmp_path / "own.book"
    code, _ = run(tmp_path, demo(), f"--book={book}", "--keep", "--site=north", "--policy=opto22")

    assert 0 == code
    with Book.open(book) as kept:
        assert {"north"} == {one.site for one in kept.services()}


def test_what_it_is_told_wrongly_is_a_problem(tmp_path: Path) -> None:
    code, said = run(tmp_path, demo(), "--policy=no-such-policy")

    assert 4 == code
    assert "no-such-policy" in (said[-1].problem or "")
