"""Listens to an interface, as `portbook watch` does, and writes what changed into a story's file.

python -m portbook.faces.web.children.listening INTERFACE STORY [--book PATH --keep --site SITE]

It says on standard output what changed, and ends when standard input does. The right to capture is
given up once the interface is open. Exit codes: 0 told to end, 4 the interface cannot be heard.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from portbook.book.story_tables import KINDS
from portbook.errors import SourceError, UsageError
from portbook.faces.web.children import telling
from portbook.faces.web.children.bounds import ORPHAN, Bounds, confine, die_with, end_with_stdin
from portbook.faces.web.children.telling import say
from portbook.findings.accepted import mark
from portbook.survey.naming import key

if TYPE_CHECKING:
    from portbook.book.stories import StoryFile
    from portbook.findings.accepted import Acceptance
    from portbook.records import Conversation
    from portbook.survey.story import Story

KEPT_EVERY_S = 60.0  # in the book
PRUNED_EVERY_S = 10.0
LINKED_EVERY_S, LINKED_SHARE = 5.0, 20  # adding links up may take one part in so many of the time
MOST_CONVERSATIONS, MOST_OTHERS = 200_000, 50_000  # in the story's file
_GRACE_S = 10.0  # for the last look, once it is told to end


def main() -> int:
    """Listen until told to end; return the exit code."""
    told = _arguments()
    die_with(told.parent)
    try:
        return _listen(told)
    except MemoryError:
        say(problem="there are more conversations than fit in the memory that listening may take")
        return telling.TOO_LARGE
    except (SourceError, UsageError) as error:
        say(problem=str(error).replace(str(told.story), told.interface))
        return telling.NOTHING_READ


def _end() -> None:
    """Have the last look taken; leave in any case after a while."""
    alarm = threading.Timer(_GRACE_S, os._exit, (ORPHAN,))
    alarm.daemon = True
    alarm.start()
    signal.raise_signal(signal.SIGTERM)


def _listen(told: argparse.Namespace) -> int:
    from portbook.book.stories import StoryFile
    from portbook.daemons.watch import Watch
    from portbook.evidence.capture_ways import opened
    from portbook.faces.cli.knowing import knowledge
    from portbook.survey.live import Live

    with opened(told.interface) as heard:
        confine(msgspec.json.decode(told.bounds, type=Bounds))  # gives up the right to capture
        end_with_stdin(_end)
        with StoryFile.open(told.story, readonly=False) as file:
            file.arrange()
            teller = Teller(file, told.book, told.site, keep=told.keep)
            live = Live(told.interface, knowledge(told.policy), told.site)
            watch = Watch(heard, live, teller.tell)
            say(step="listening")
            story = watch.run()
            teller.keep(story)
            file.finish(story.summary)
            say(summary=story.summary)
    if watch.away:
        say(problem=story.problems[-1].message if story.problems else "the interface is gone")
        return telling.NOTHING_READ
    return telling.READ


class Teller:
    """Writes what changed since the look before; keeps the book once a minute.

    book: None: there is none; keep: whether it is written, or only tells what was accepted
    """

    def __init__(self, file: StoryFile, book: Path | None, site: str, *, keep: bool) -> None:
        self._file, self._book, self._site, self._keep = file, book, site, keep
        self._written: dict[str, Mapping[object, object]] = {}
        self._accepted: list[Acceptance] = []
        self._kept_at = self._pruned_at = self._linked_at = time.monotonic()
        self._link_s = LINKED_EVERY_S
        self._unlinked = False
        self._ask()

    def tell(self, story: Story, news: list[msgspec.Struct]) -> None:
        """Write what a look showed, as far as it is new; say of what kinds there is news."""
        now = time.monotonic()
        if now - self._kept_at >= KEPT_EVERY_S:
            self._kept_at = now
            self.keep(story)
        changed = [*self._conversations(story.conversations), *self._others(story)]
        if changed:
            self._file.tell(story.summary)
        self._tidy(now)
        if changed:
            problem = (
                story.problems[-1].message if story.problems and "problems" in changed else None
            )
            say(changed=tuple(changed), summary=story.summary, problem=problem)

    def keep(self, story: Story) -> None:
        """Keep the book; what hinders that is said, and listening goes on."""
        from portbook.book import Book
        from portbook.survey.booking import booked

        try:
            if self._book is not None and self._keep:
                with Book.open(self._book) as book:
                    booked(story, book, self._site, time.time_ns(), whole=False)
        except SourceError as error:
            say(problem=f"the book was not kept: {error}")
        self._ask()

    def _ask(self) -> None:
        """Ask the book what was accepted."""
        from portbook.book import Book

        try:
            if self._book is not None and self._book.exists():
                with Book.open(self._book, readonly=True) as book:
                    self._accepted = book.accepted()
        except SourceError as error:
            say(problem=str(error))

    def _conversations(self, every: Sequence[Conversation]) -> Iterator[str]:
        before = self._written.get("conversation", {})
        # nothing else of one changes without one of these
        told = [
            ((key(one), one.part), (one.packets, one.protocol, one.confidence, one.client_port))
            for one in every
        ]
        fresh = [one for one, (at, says) in zip(every, told, strict=True) if before.get(at) != says]
        self._written["conversation"] = dict(told)
        if fresh:
            self._file.write(fresh)
            self._unlinked = True
            yield "conversations"

    def _others(self, story: Story) -> Iterator[str]:
        findings = mark(story.findings, self._accepted, time.time_ns())
        stay: tuple[tuple[str, str, Sequence[msgspec.Struct]], ...] = (
            ("service", "services", story.services),
            ("device", "devices", story.devices),
            ("announcement", "announcements", story.announcements),
        )
        for kind, name, every in stay:  # what was there once stays told
            if self._write(kind, every):
                yield name
        leave: tuple[tuple[str, str, Sequence[msgspec.Struct]], ...] = (
            ("finding", "findings", tuple(findings)),
            ("oddity", "oddities", story.oddities),
            ("error", "problems", story.problems),
        )
        for kind, name, every in leave:
            gone = len(self._written.get(kind, {}))
            fresh = self._write(kind, every)
            if fresh or gone > len(every):
                self._file.keep_only(kind, every)
                yield name

    def _write(self, kind: str, every: Sequence[msgspec.Struct]) -> bool:
        """Write the records of a kind that are new or tell otherwise; tell whether there are."""
        before = self._written.get(kind, {})
        now: dict[object, object] = {KINDS[kind].row(one).key: one for one in every}
        self._written[kind] = now
        if len(now) < len(every):  # two that look the same are told apart by being written together
            self._file.write(every)
            return True
        fresh = [one for at, one in now.items() if before.get(at) != one]
        self._file.write(cast("list[msgspec.Struct]", fresh))
        return bool(fresh)

    def _tidy(self, now: float) -> None:
        """Let go of what is too much, and add up who speaks to whom, not too often."""
        if now - self._pruned_at >= PRUNED_EVERY_S:
            self._pruned_at = now
            self._file.keep_newest("conversation", MOST_CONVERSATIONS)
            for kind in ("service", "device", "announcement"):
                self._file.keep_newest(kind, MOST_OTHERS)
        if self._unlinked and now - self._linked_at >= self._link_s:
            self._file.link()
            took = time.monotonic() - now
            self._linked_at, self._unlinked = now, False
            self._link_s = max(LINKED_EVERY_S, LINKED_SHARE * took)


def _arguments() -> argparse.Namespace:
    parser = telling.arguments("listening", "Listen to an interface, into a story's file.")
    parser.add_argument("interface")
    parser.add_argument("story", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
