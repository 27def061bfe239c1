"""Writes a story in the book, a look for each of its sources, and marks what was accepted there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from portbook.book import Book
from portbook.records import THIS_MACHINE, Announcement, Device, Finding, Listener, Service
from portbook.survey.story import Story

Sighting = TypeVar("Sighting", Service, Device, Listener, Finding)


def booked(story: Story, book: Book, site: str, now_ns: int, *, whole: bool = True) -> Story:
    """Write the sightings of a story; return it with its accepted findings marked and counted.

    whole: False: the look left something out, so nothing is gone for not being in it
    """
    failed = {problem.source for problem in story.problems}
    services, devices = _by_source(story.services), _by_source(story.devices)
    listeners, findings = _by_source(story.listeners), _by_source(story.findings)
    announced: dict[str, list[Announcement]] = defaultdict(list)
    for one in story.announcements:
        announced[one.capture].append(one)
    for source in _sources(story):
        book.record(
            site,
            source,
            now_ns,
            services=services[source],
            devices=devices[source],
            listeners=listeners[source] if story.machine else None,
            announcements=announced[source],
            findings=(*findings[source], *findings[None]),
            whole=whole and source not in failed,
        )
    marked = tuple(book.marked(story.findings, now_ns))
    accepted = sum(one.accepted is not None for one in marked)
    return msgspec.structs.replace(
        story,
        findings=marked,
        summary=msgspec.structs.replace(story.summary, accepted=accepted),
    )


def _sources(story: Story) -> Iterable[str]:
    """Return what was looked at: this machine also when nothing is open there any more."""
    return dict.fromkeys(
        (
            *((THIS_MACHINE,) if story.machine else ()),
            *(one.source for one in story.listeners),
            *(one.source for one in story.conversations),
            *(one.source for one in story.services),
        )
    )


def _by_source(found: Iterable[Sighting]) -> defaultdict[str | None, list[Sighting]]:
    grouped: defaultdict[str | None, list[Sighting]] = defaultdict(list)
    for one in found:
        grouped[one.source].append(one)
    return grouped
