"""Rows of lists: what the book has seen and what a story tells, in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from litestar.exceptions import NotFoundException

from portbook.book import Seen
from portbook.book.listings import Asked, Listed
from portbook.faces.exports import document

if TYPE_CHECKING:
    from portbook.faces.web.desk import Desk


class Row(NamedTuple):
    """One row; told: the record's fields, by the names of the output contract."""

    told: Mapping[str, Any]
    source: str | None
    first_ns: int | None
    last_ns: int | None
    gone_ns: int | None = None
    record: msgspec.Struct | None = None  # of a story


def of_seen(one: Seen) -> Row:
    """Return what the book has seen as a row."""
    return Row(one.details, one.source, one.first_ns, one.last_ns, one.gone_ns)


def of_record(one: msgspec.Struct) -> Row:
    """Return a story's record as a row."""
    source = getattr(one, "capture", None) or getattr(one, "source", None)
    first, last = getattr(one, "first_ns", None), getattr(one, "last_ns", None)
    return Row(document(one), source, first, last, None, one)


def listed(desk: Desk, kind: str, asked: Asked, of: str | None) -> Listed[Row]:
    """Return one page of a list; of: a story's id, None or empty for the book.

    Raises NotFoundException for a story that there is not, UsageError for a filter that cannot be.
    """
    if of:
        with story(desk, of) as told:
            page: Listed[Any] = told.listed(kind, asked)
        rows = tuple(map(of_record, page.rows))
    else:
        with desk.reading() as book:
            page = book.listed(kind, asked)
        rows = tuple(map(of_seen, page.rows))
    return Listed(rows, page.counted, page.more, page.next, page.previous)


def story(desk: Desk, name: str) -> Any:
    """Return the open story of an id; raises NotFoundException when there is none."""
    found = desk.shelf.story(name)
    if found is None:
        raise NotFoundException(f"no capture or interface {name[:20]!r} here; it may be removed")
    return found


def latest_story(desk: Desk) -> str | None:
    """Return the id of the story to show where none is named: an interface's, or the newest."""
    stories = [one for one in desk.shelf.stories() if not one.state.startswith("failed")]
    stories.sort(key=lambda one: (one.kind == "interface", one.began_ns), reverse=True)
    return stories[0].id if stories else None
