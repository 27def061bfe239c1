"""Writing a story in the book, and marking in it what somebody has accepted there."""

from __future__ import annotations

import time
from pathlib import Path

from portbook.survey.story import Story


def keep(story: Story, book_path: Path | None, site: str, *, whole: bool = True) -> Story:
    """Keep a story's sightings in the book; return it with its accepted findings marked.

    book_path: None keeps nothing; whole: False where the look itself was filtered
    """
    if book_path is None:
        return story
    from portbook.book import Book
    from portbook.survey.booking import booked

    with Book.open(book_path) as book:
        return booked(story, book, site, time.time_ns(), whole=whole)
