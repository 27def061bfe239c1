"""Writes a story in the book, a look for each of its sources, and marks what was accepted there."""

from __future__ import annotations

import msgspec

from portbook.book import Book
from portbook.records import THIS_MACHINE
from portbook.survey.story import Story


def booked(story: Story, book: Book, site: str, now_ns: int, *, whole: bool = True) -> Story:
    """Write the sightings of a story; return it with its accepted findings marked and counted.

    whole: False: the look left something out, so nothing is gone for not being in it
    """
    failed = {problem.source for problem in story.problems}
    sources = dict.fromkeys(
        (
            *((THIS_MACHINE,) if story.machine else ()),  # also when nothing is open any more
            *(one.source for one in story.listeners),
            *(one.source for one in story.conversations),
            *(one.source for one in story.services),
        )
    )
    for source in sources:
        book.record(
            site,
            source,
            now_ns,
            services=[one for one in story.services if one.source == source],
            devices=[one for one in story.devices if one.source == source],
            listeners=(
                [one for one in story.listeners if one.source == source] if story.machine else None
            ),
            announcements=[one for one in story.announcements if one.capture == source],
            findings=[one for one in story.findings if one.source in (source, None)],
            whole=whole and source not in failed,
        )
    marked = tuple(book.marked(story.findings, now_ns))
    accepted = sum(one.accepted is not None for one in marked)
    return msgspec.structs.replace(
        story,
        findings=marked,
        summary=msgspec.structs.replace(story.summary, accepted=accepted),
    )
