"""The stories that are there: captures that were read, interfaces that are listened to.

Each is a file on disk that a child process writes, so that a capture of any size, and a hostile
one, harms nobody: what a child leaves behind when it dies is one failed story. Captures are read
one after the other; an uploaded one is removed once it is read. Its story stays until somebody
removes it or newer ones need the room.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from portbook.book.stories import DONE, FAILED, READING, StoryFile, removed
from portbook.errors import SourceError, UsageError
from portbook.faces.web.children.bounds import Bounds
from portbook.faces.web.children.supervising import Ended
from portbook.faces.web.children.telling import Said
from portbook.faces.web.shelf_ends import failure
from portbook.faces.web.shelf_entries import (
    CAPTURE,
    INTERFACE,
    WAITING,
    Entries,
    Told,
    clean_name,
    fresh_id,
)
from portbook.faces.web.shelf_uploads import TooLargeError, stored
from portbook.faces.web.shelf_work import Job, Work

if TYPE_CHECKING:
    from portbook.faces.web.settings import Serving

__all__ = ["CAPTURE", "INTERFACE", "CrowdedError", "Limits", "Shelf", "Told", "TooLargeError"]

_log = logging.getLogger("portbook.serve")
_TOLD_EVERY_S = 1.0  # progress
_LONGEST_INTERFACE = 128  # letters; Windows names them by a GUID
OnChange = Callable[[str, str], None]


class CrowdedError(UsageError):
    """As many captures wait as may; there will be room later."""


class Limits(msgspec.Struct, frozen=True):
    """How much the shelf takes in.

    octets: of one uploaded capture; waiting: captures that wait for their turn, and uploads
    """

    octets: int = 2 << 30
    stories: int = 50
    waiting: int = 8
    interfaces: int = 8
    reading: Bounds = Bounds()
    listening: Bounds = Bounds(seconds=None)


class Shelf:
    """Holds stories; lookups are plain, from any thread; `take` belongs to the event loop.

    folder: where stories are kept, made when the first one comes; book: None keeps none
    readonly: nothing is written in the book, and no capture taken in
    captures, interfaces: read, and listened to, as soon as it runs
    """

    def __init__(
        self,
        folder: Path,
        book: Path | None = None,
        site: str = "local",
        *,
        policy: str | None = None,
        readonly: bool = False,
        limits: Limits | None = None,
        captures: Iterable[Path] = (),
        interfaces: Iterable[str] = (),
    ) -> None:
        self._entries = Entries(folder)
        self._book, self._site, self._policy = book, site, policy
        self._readonly, self._limits = readonly, limits or Limits()
        self._captures, self._interfaces = tuple(captures), tuple(interfaces)
        self._lock = threading.RLock()
        self._told = {one.id: one for one in self._entries.found()}
        self._work = Work(self._begun, self._heard, self._ended)
        self._uploads = 0
        self._progress_at: dict[str, float] = {}
        self._on_change: OnChange = _nobody

    @classmethod
    def open(cls, serving: Serving) -> Shelf:
        """Return the shelf of a server's settings; its folder stands beside the book."""
        return cls(
            serving.book.absolute().with_name(f"{serving.book.name}-stories"),
            serving.book.absolute(),
            serving.site,
            policy=serving.policy,
            readonly=serving.readonly,
            limits=Limits(octets=serving.most_upload),
            captures=serving.captures,
            interfaces=serving.interfaces,
        )

    def stories(self) -> list[Told]:
        """Return what is on the shelf, the newest first."""
        return sorted(self._told.values(), key=lambda one: -one.began_ns)

    def told(self, name: str) -> Told | None:
        """Return what is known of one story; None when there is none of that id."""
        return self._told.get(name)

    def story(self, name: str) -> StoryFile | None:
        """Open a story, which the caller closes; None when there is none of that id.

        Raises SourceError when its file is damaged.
        """
        return StoryFile.open(self._entries.story(name)) if name in self._told else None

    async def take(self, name: str, chunks: AsyncIterator[bytes], keep: bool = True) -> str:
        """Take a capture in, and have it read; return its id once all of it is on disk.

        name: as its owner calls it; keep: what it shows is written in the book
        Raises TooLargeError, CrowdedError, UsageError for what is not taken in, SourceError for
        the disk.
        """
        if self._readonly:
            raise UsageError("this book is served for reading only; no captures are taken in")
        waiting = sum(one.state == WAITING for one in self.stories())
        if self._uploads + waiting >= self._limits.waiting:
            raise CrowdedError(f"{self._limits.waiting} captures wait to be read; try again later")
        fresh = fresh_id()
        self._uploads += 1
        try:
            self._entries.make()
            octets = await stored(chunks, self._entries.upload(fresh), self._limits.octets)
        except OSError as error:
            raise SourceError(f"the capture cannot be kept here: {error.strerror}") from error
        finally:
            self._uploads -= 1
        one = Told(
            fresh, CAPTURE, clean_name(name), WAITING, time.time_ns(), octets=octets, keeps=keep
        )
        await asyncio.to_thread(self._shelve, one)
        return fresh

    def read(self, path: Path, keep: bool = True) -> str:
        """Have a capture read where it stands; return its id, that of before if it was read then.

        Raises SourceError when it is not there.
        """
        try:
            known = path.absolute().stat()
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error
        origin = f"{path.absolute()}\n{known.st_size} {known.st_mtime_ns}"
        for one in self.stories():
            if one.origin == origin and (one.active or one.state == DONE):
                return one.id
        one = Told(
            fresh_id(),
            CAPTURE,
            clean_name(path.name),
            WAITING,
            time.time_ns(),
            octets=known.st_size,
            origin=origin,
            keeps=keep and not self._readonly,
        )
        self._shelve(one)
        return one.id

    def listen(self, interface: str) -> str:
        """Listen to an interface; one that was listened to before begins anew under its id.

        Raises UsageError for what can be no interface, or one too many. Whether it may be heard
        shows in its state.
        """
        if not 0 < len(interface) <= _LONGEST_INTERFACE or not interface.isprintable():
            raise UsageError(f"no interface has such a name: {interface[:40]!r}")
        before = [one for one in self.stories() if one.kind == INTERFACE]
        known = next((one for one in before if one.name == interface), None)
        if known and known.active:
            return known.id
        if sum(one.active for one in before) >= self._limits.interfaces:
            raise UsageError(f"{self._limits.interfaces} interfaces are listened to already")
        name = known.id if known else fresh_id()
        one = Told(name, INTERFACE, interface, READING, time.time_ns(), keeps=not self._readonly)
        removed(self._entries.story(name))
        self._shelve(one)
        return name

    def stop(self, name: str) -> None:
        """End listening to an interface; what was heard stays."""
        self._work.stop(name)

    def remove(self, name: str) -> bool:
        """Remove a story, and end who works on it; False: there is none of that id."""
        with self._lock:
            if self._told.pop(name, None) is None:
                return False
            self._work.drop(name)
            self._entries.forget(name)
        self._on_change(name, "removed")
        return True

    @asynccontextmanager
    async def running(self, on_change: OnChange | None = None) -> AsyncIterator[None]:
        """Have the work done until left.

        on_change: told in the event loop or the caller's thread, with a story's id and what
        became of it: "new", "progress", "changed" (an interface), "done", "failed", "removed"
        """
        self._on_change = on_change or _nobody
        self._begin()
        try:
            async with self._work.running():
                yield
        finally:
            self._on_change = _nobody

    def _begin(self) -> None:
        """Put what was waiting in turn again, and begin what the settings ask for."""
        for one in sorted(self._told.values(), key=lambda one: one.began_ns):
            if one.active:
                self._work.add(self._job(one))
        wanted: list[tuple[Callable[[Any], str], Any]] = [
            *((self.read, path) for path in self._captures),
            *((self.listen, name) for name in self._interfaces),
        ]
        for begin, what in wanted:
            try:
                begin(what)
            except (SourceError, UsageError) as error:
                _log.warning("%s", error)

    def _shelve(self, one: Told) -> None:
        """Begin a story, and have it written."""
        try:
            self._entries.make()
            StoryFile.create(self._entries.story(one.id)).close()
            with self._lock:
                self._entries.save(one)
                self._told[one.id] = one
                self._make_room()
        except (OSError, SourceError) as error:
            self._told.pop(one.id, None)
            self._entries.forget(one.id)
            raise SourceError(f"the story cannot be kept: {error}") from error
        self._work.add(self._job(one))
        self._on_change(one.id, "new")

    def _make_room(self) -> None:
        """Remove the oldest captures that nobody works on, until there are few enough."""
        idle = [one.id for one in self.stories() if one.kind == CAPTURE and not one.active]
        while len(self._told) > self._limits.stories and idle:
            name = idle.pop()
            del self._told[name]
            self._entries.forget(name)

    def _job(self, one: Told) -> Job:
        book = () if self._book is None else (f"--book={self._book}",)
        policy = () if self._policy is None else (f"--policy={self._policy}",)
        keep = ("--keep",) if one.keeps and self._book is not None else ()
        told = (*book, *keep, *policy, f"--site={self._site}")
        story = str(self._entries.story(one.id))
        if one.kind == INTERFACE:
            arguments = (*told, "--", one.name, story)
            return Job(one.id, "listening", arguments, self._limits.listening)
        capture = one.origin.split("\n")[0] if one.origin else str(self._entries.upload(one.id))
        arguments = (*told, f"--name={one.name}", "--", capture, story)
        return Job(one.id, "reading", arguments, self._limits.reading)

    def _begun(self, name: str) -> None:
        self._change(name, "progress", state=READING)

    def _heard(self, name: str, said: Said) -> None:
        told = {
            "step": said.step,
            "progress": said.done,
            "summary": said.summary,
            "problem": said.problem,
        }
        now = time.monotonic()
        often = not said.step and now - self._progress_at.get(name, 0.0) < _TOLD_EVERY_S
        if not often:
            self._progress_at[name] = now
        what = "changed" if said.changed else None if often else "progress"
        self._change(name, what, **{key: one for key, one in told.items() if one is not None})

    def _ended(self, name: str, end: Ended) -> None:
        self._progress_at.pop(name, None)
        one = self._told.get(name)
        if one is None:  # it was removed, and what the child wrote since must go too
            self._entries.forget(name)
            return
        why = failure(one, end) or self._unfinished(name)
        if why:
            self._fail(name, why)
        self._entries.upload(name).unlink(missing_ok=True)
        self._change(
            name,
            "failed" if why else "done",
            state=FAILED + why if why else DONE,
            problem=None if why else one.problem,
            progress=one.progress if why else 1.0,
            step=None,
            ended_ns=time.time_ns(),
        )

    def _unfinished(self, name: str) -> str | None:
        """Return what is wrong with the file of a child that says it has done its work."""
        try:
            with StoryFile.open(self._entries.story(name)) as file:
                return None if file.state() == DONE else "the child left without finishing"
        except SourceError as error:
            return str(error)

    def _fail(self, name: str, why: str) -> None:
        with suppress(SourceError), StoryFile.open(self._entries.story(name), False) as file:
            file.fail(why)

    def _change(self, name: str, what: str | None, **more: Any) -> None:
        with self._lock:
            before = self._told.get(name)
            if before is None:
                return
            one = self._told[name] = msgspec.structs.replace(before, **more)
            if one.state != before.state:
                try:
                    self._entries.save(one)
                except OSError as error:  # it is true all the same, until the server ends
                    _log.warning("%s: %s", self._entries.folder, error)
        if what:
            self._on_change(name, what)


def _nobody(story: str, what: str) -> None:
    """Tell nobody."""
