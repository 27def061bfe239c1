"""What pages may ask: the book, the claims, this machine, the stories, the receiver.

Its watch notices what changes: it asks the book whether another program wrote, looks at this
machine's sockets now and then, and tells all readers. `version` rises whenever a page might show
something else.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from portbook.book import Book
from portbook.claims.everything import Claims
from portbook.errors import SourceError
from portbook.faces.web.hub import Hub
from portbook.faces.web.settings import Serving
from portbook.faces.web.shelf import Shelf
from portbook.faces.web.stations import Stations
from portbook.survey import machine
from portbook.survey.booking import booked
from portbook.survey.knowledge import Knowledge
from portbook.survey.story import Story

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_log = logging.getLogger("portbook.serve")

LOOK_EVERY_S = 15.0  # at this machine's sockets
WRITE_EVERY_S = 300.0  # in the book, where nothing changed: pages are kept until somebody writes
ASK_EVERY_S = 1.0  # the book, whether somebody wrote
MOST_CHANGES = 200  # told one by one; more are told as "many"


class Desk:
    """Everything that a page can ask for; thread-safe but for `events`.

    Open it with `Desk.open`, let it watch with `async with desk.watching()`.
    """

    def __init__(
        self, settings: Serving, knowledge: Knowledge, shelf: Shelf, stations: Stations | None
    ) -> None:
        self.settings, self.knowledge = settings, knowledge
        self.shelf, self.stations = shelf, stations
        self.events = Hub()
        self.version = 1
        self.began_ns = time.time_ns()
        self.machine: Story | None = None  # the latest look, None before the first
        self.problem: str | None = None  # why the book or this machine cannot be asked
        self._machine_digest = b""
        self._looked_at = self._written_at = float("-inf")
        self._told_ns = self.began_ns
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def open(cls, settings: Serving) -> Desk:
        """Load the claims and begin or open the book; raises SourceError when it cannot be."""
        from portbook.faces.cli.knowing import knowledge

        if settings.readonly:
            Book.open(settings.book, readonly=True).close()
        else:
            Book.open(settings.book).close()
        return cls(
            settings,
            knowledge(settings.policy),
            Shelf.open(settings),
            Stations.open(settings),
        )

    @property
    def claims(self) -> Claims:
        """Return all that is said of ports."""
        return self.knowledge.claims

    @contextmanager
    def reading(self) -> Iterator[Book]:
        """Give the book for reading, in this thread."""
        with Book.open(self.settings.book, readonly=True) as book:
            yield book

    @contextmanager
    def writing(self) -> Iterator[Book]:
        """Give the book for writing; raises SourceError where it is served for reading only."""
        if self.settings.readonly:
            raise SourceError("this book is served for reading only; nothing can be written in it")
        with Book.open(self.settings.book) as book:
            yield book

    def touch(self, *kinds: str) -> None:
        """Take notice that something changed: pages are made anew, readers are told.

        From any thread; what happened before the watch began is told to nobody.
        """
        self.version += 1
        told = {"kinds": sorted(kinds), "version": self.version}
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.events.publish, "changed", told)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Notice what changes, until left; then all streams end."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._watch())
        try:
            told = self.shelf.running(lambda story, what: self.touch("stories", what))
            async with told, self._receiver():
                yield
        finally:
            self._loop = None
            self.events.close()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def _receiver(self) -> AsyncIterator[None]:
        """Follow the REF TEK receiver while somebody looks; pages of stations are not kept."""
        if self.stations is None:
            yield
            return
        told = {"kinds": ["stations"], "version": self.version}
        task = asyncio.create_task(
            self.stations.watch(
                lambda: self.events.readers, lambda: self.events.publish("changed", told)
            )
        )
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        known: int | None = None
        file: tuple[int, int] | None = None
        book: Book | None = None
        try:
            while True:
                try:
                    # an open file can be read when it was moved away; pages open what is there
                    if (there := self._file()) != file and book is not None:
                        book.close()
                        book = known = None
                        self.touch("book")
                    file = there
                    book = book or Book.open(self.settings.book, readonly=True)
                    now = book.data_version()
                    if known is not None and now != known:
                        self._tell(book)
                    known = now
                    await self._look()
                    if self.problem is not None:
                        self.problem = None
                        self.touch("problem")
                except (SourceError, OSError) as error:
                    self._trouble(book, error)
                    book = known = None
                except Exception as error:  # pages must go on, and say that they may be old
                    _log.exception("the watch over the book failed")
                    self._trouble(book, error)
                    book = known = None
                await asyncio.sleep(ASK_EVERY_S)
        finally:
            if book is not None:
                book.close()

    def _file(self) -> tuple[int, int]:
        """Return what tells the book's file apart; raises OSError when there is none."""
        found = self.settings.book.stat()
        return found.st_dev, found.st_ino

    def _trouble(self, book: Book | None, error: Exception) -> None:
        """Close the book, so that it is opened anew, and tell why once."""
        if book is not None:
            book.close()
        if self.problem != str(error):
            self.problem = str(error)
            self.touch("problem")

    def _tell(self, book: Book) -> None:
        """Tell what somebody wrote in the book, and then that pages are old."""
        now_ns = time.time_ns()
        changes = book.latest(self._told_ns, MOST_CHANGES)
        self._told_ns = now_ns
        for one in reversed(changes):
            self.events.publish("change", told(one))
        self.touch("book", *{f"{one.of}s" for one in changes})

    async def _look(self) -> None:
        """Look at this machine's sockets when it is time; off the loop, since it walks /proc."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self.machine, digest = await asyncio.to_thread(self._look_now)
        self._looked_at = time.monotonic()
        if digest != self._machine_digest:
            self._machine_digest = digest
            self.touch("listeners")

    def _look_now(self) -> tuple[Story, bytes]:
        """Look, and write it in the book where it is new, or was not written for long."""
        now_ns = time.time_ns()
        story = machine.look(self.knowledge, now_ns=now_ns, site=self.settings.site)
        digest = _digest(story)
        written = time.monotonic() - self._written_at
        if self.settings.readonly or (digest == self._machine_digest and written < WRITE_EVERY_S):
            return story, digest
        self._written_at = time.monotonic()
        with Book.open(self.settings.book) as book:
            return booked(story, book, self.settings.site, now_ns), digest


def told(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record as the output contract writes it."""
    from portbook.faces.exports import document

    return document(record)


def _digest(story: Story) -> bytes:
    """Tell looks apart by what a page would show: not by their times."""
    seen = hashlib.blake2b(digest_size=16)
    for one in story.listeners:
        seen.update(repr(msgspec.structs.replace(one, seen_ns=0)).encode("utf-8", "replace"))
    return seen.digest()
