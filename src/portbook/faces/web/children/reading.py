"""Reads one capture into a story's file, as `portbook read` does, and ends.

python -m portbook.faces.web.children.reading CAPTURE STORY --name NAME [--book PATH --site SITE]

It says how far it is on standard output. Exit codes: 0 read, 3 cut part-way (all before that is in
the story), 4 nothing could be read, 5 it needed more memory than it may have.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from portbook.errors import SourceError, UsageError
from portbook.faces.web.children import telling
from portbook.faces.web.children.bounds import Bounds, confine, die_with, end_with_stdin
from portbook.faces.web.children.telling import say

if TYPE_CHECKING:
    from portbook.survey.story import Story

_EVERY_S = 0.25
_READ, _NAMED = 0.4, 0.6  # of the whole work, when all is read, and when all is named
LIMIT = 1_000_000  # conversations held at once


def main() -> int:
    """Read the capture that the arguments name; return the exit code."""
    told = _arguments()
    die_with(told.parent)
    confine(msgspec.json.decode(told.bounds, type=Bounds))
    end_with_stdin()
    try:
        return _read(told)
    except MemoryError:
        return _too_large()
    except (SourceError, UsageError) as error:
        say(problem=str(error).replace(str(told.story), told.name))
        return telling.NOTHING_READ


def _too_large() -> int:
    say(
        problem="the capture has more conversations than fit in the memory that reading it may "
        "take; cut it in pieces: editcap -c 1000000 IN OUT"
    )
    return telling.TOO_LARGE


def _read(told: argparse.Namespace) -> int:
    from portbook.book.stories import StoryFile
    from portbook.evidence.captures import Capture, Found
    from portbook.faces.cli.knowing import knowledge
    from portbook.survey import traffic

    with StoryFile.open(told.story, readonly=False) as file:
        say(step="reading", done=0.0)
        found = Found((Capture(told.name, told.capture),), 0, ())
        story = traffic.look(
            found,
            knowledge(told.policy),
            now_ns=time.time_ns(),
            site=told.site,
            progress=_Progress(),
            limit=LIMIT,
        )
        if story.summary.failed_sources:
            say(problem=story.problems[0].message)
            file.fail(story.problems[0].message)
            return telling.NOTHING_READ
        story, problem = _booked(story, told)
        say(step="writing", done=_NAMED, problem=problem)
        records = [one for one in story.records() if one is not story.summary]
        summary, problems = story.summary, story.problems
        del story  # what is written is let go of on the way
        file.write(_counted(records))
        file.finish(summary)
        say(done=1.0, summary=summary, problem=problems[0].message if problems else None)
    return telling.PARTLY if problems else telling.READ


def _booked(story: Story, told: argparse.Namespace) -> tuple[Story, str | None]:
    """Keep the book as it was asked for; return the story as it knows it, and what went wrong."""
    from portbook.book import Book
    from portbook.survey.booking import booked

    if told.book is None:
        return story, None
    try:
        if told.keep:
            with Book.open(told.book) as book:
                return booked(story, book, told.site, time.time_ns()), None
        with Book.open(told.book, readonly=True) as book:
            marked = tuple(book.marked(story.findings, time.time_ns()))
        return msgspec.structs.replace(story, findings=marked), None
    except SourceError as error:
        return story, f"the story is whole, but the book was not kept: {error}"


class _Progress:
    """Says how far the file is read, now and then."""

    def __init__(self) -> None:
        self._next = 0.0
        self._naming = False

    def __call__(self, source: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if total and done >= total:
            if not self._naming:
                self._naming = True
                say(step="naming", done=_READ)
        elif total and now >= self._next:
            self._next = now + _EVERY_S
            say(done=_READ * done / total)


def _counted(records: list[msgspec.Struct]) -> Iterator[msgspec.Struct]:
    """Give the records, and let go of each; say how far it is."""
    every = max(1, len(records))
    records.reverse()
    for number in range(every):
        if number % 5_000 == 0:
            say(done=_NAMED + (1 - _NAMED) * number / every)
        if records:
            yield records.pop()


def _arguments() -> argparse.Namespace:
    parser = telling.arguments("reading", "Read one capture into a story's file.")
    parser.add_argument("capture")
    parser.add_argument("story", type=Path)
    parser.add_argument("--name", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
