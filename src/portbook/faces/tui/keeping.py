"""The book beside a picture that is alive: kept once a minute, and asked what was accepted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from portbook.errors import SourceError
from portbook.faces.cli.keeping import keep
from portbook.findings.accepted import Acceptance, mark
from portbook.survey.story import Story

EVERY_S = 60.0


class Keeper:
    """Keeps stories of one site in a book. path: None keeps nothing."""

    def __init__(self, path: Path | None, site: str) -> None:
        self._path, self._site = path, site
        self._kept_at = time.monotonic()
        self._accepted: Sequence[Acceptance] = ()
        self.trouble: str | None = None  # why the book could not be written the last time
        if path is not None:
            from portbook.book import Book

            with Book.open(path) as book:
                self._accepted = book.accepted()

    def take(self, story: Story, now_ns: int) -> Story:
        """Keep a story when it is time to; return it with what was accepted marked.

        A book that cannot be written now is no reason to stop listening.
        """
        if time.monotonic() - self._kept_at >= EVERY_S:
            try:
                return self.keep(story)
            except SourceError as error:
                self.trouble = str(error)
        marked = tuple(mark(story.findings, self._accepted, now_ns))
        return msgspec.structs.replace(story, findings=marked)

    def keep(self, story: Story) -> Story:
        """Keep a story now; raises SourceError where the book cannot be written."""
        self._kept_at = time.monotonic()
        kept = keep(story, self._path, self._site, whole=False)
        self.trouble = None
        if self._path is not None:
            from portbook.book import Book

            with Book.open(self._path, readonly=True) as book:
                self._accepted = book.accepted()
        return kept
