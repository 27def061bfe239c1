"""Where a port's page has its evidence from: what was found of it, in which captures, by whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from portbook.book import Book, Seen
from portbook.book.listings import Asked
from portbook.book.stories import StoryFile
from portbook.errors import SourceError
from portbook.faces.exports import document
from portbook.faces.web.shelf import Told
from portbook.ports import PortRange, Transport
from portbook.records import Announcement, Level
from portbook.survey.story import Story

if TYPE_CHECKING:
    from portbook.faces.web.desk import Desk

MOST_STORIES = 6  # the newest are asked: each is a file to open
_MOST_RHYTHMS = 4  # of one story; its list shows all
_MOST_FINDINGS = 6
_MOST_NAMED = 25


class Trace(NamedTuple):
    """What the book has seen of one kind on the port, and how many more there are."""

    kind: str
    rows: Sequence[Seen]
    more: int


class Wrong(NamedTuple):
    """Findings about a port, as the output contract writes them, and how many more there are."""

    rows: Sequence[Mapping[str, Any]]
    more: int


class InStory(NamedTuple):
    """What a capture, or an interface that is listened to, holds of a port."""

    story: Told
    services: int
    announcements: int
    rhythms: Sequence[Announcement]
    last_ns: int


def findings(book: Book, machine: Story | None, number: int, transport: Transport | None) -> Wrong:
    """Return what is not as it should be on a port, the gravest first.

    machine: the latest look at it, whose findings a book that is only read does not hold
    """
    asked = Asked(
        ports=(PortRange(number, number),),
        transport=transport,
        order="-level",
        most=_MOST_FINDINGS,
    )
    found = {
        (one.code, one.subject): document(one)
        for one in (machine.findings if machine else ())
        if one.parameters.get("port") == number
        and transport in (None, one.parameters.get("transport"))
    }
    listed = book.listed("finding", asked)
    for one in listed.rows:
        found.setdefault((one.details["code"], one.details["subject"]), dict(one.details))
    gravest = sorted(found.values(), key=lambda one: -Level(one["level"]).rank)
    return Wrong(gravest[:_MOST_FINDINGS], max(0, listed.counted - _MOST_FINDINGS))


def devices(book: Book, traces: Sequence[Trace]) -> dict[str, dict[str, Any]]:
    """Return what the hosts of traces told of themselves, by address."""
    ends = {
        one.details.get("source") or one.details.get("address"): None
        for trace in traces
        for one in trace.rows
    }
    found = {}
    for address in [one for one in ends if isinstance(one, str)][:_MOST_NAMED]:
        known = book.one("device", address)
        if known is not None and known.details.get("facts"):
            found[address] = known.details["facts"]
    return found


def in_stories(desk: Desk, number: int, transport: Transport | None) -> list[InStory]:
    """Return the captures and interfaces in which a port was met, the newest first."""
    asked = Asked(ports=(PortRange(number, number),), transport=transport, most=_MOST_RHYTHMS)
    found = []
    for told in desk.shelf.stories()[:MOST_STORIES]:
        try:
            kept = desk.shelf.story(told.id)
            if kept is None:
                continue
            with kept:
                met = _met(kept, told, asked)
        except SourceError:  # its own page says what is wrong with it
            continue
        if met is not None:
            found.append(met)
    return found


def _met(kept: StoryFile, told: Told, asked: Asked) -> InStory | None:
    services, rhythms = kept.listed("service", asked), kept.listed("announcement", asked)
    if not (services.rows or rhythms.rows):
        return None
    last_ns = max(one.last_ns for one in (*services.rows, *rhythms.rows))
    return InStory(told, services.counted, rhythms.counted, rhythms.rows, last_ns)
