"""The lists: of what the book has seen, or of one capture or interface."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import msgspec
from litestar.exceptions import NotFoundException

from portbook.book import Asked
from portbook.book.listings import Listed
from portbook.book.story_links import Link
from portbook.faces.exports import document
from portbook.faces.web.api.contract import Page, listing, sighting, told
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing
from portbook.faces.web.api.words import OF_STORY, Filters, asked, filters, said, story_id
from portbook.faces.web.desk import Desk
from portbook.faces.web.rows import latest_story, story
from portbook.records import Announcement, Conversation, Device, Finding, Service

Asking = Call[Nothing, Any]


def _answer(kind: str, record: type[msgspec.Struct] | None, *, book: bool = True) -> Answer:
    rows = ([sighting(kind)] if book else []) + ([told(record)] if record else [])
    return Answer("One page.", listing(f"{kind.title()}Page", reduce(or_, rows)))


def _words(kind: str, *, story: bool = True, book: bool = True) -> Any:
    return filters(kind, book=book, story=story, level=kind == "finding")


@get(
    "/services", _answer("service", Service), tag="lists", words=_words("service"), problems=(404,)
)
def services(call: Asking) -> Page:
    """List what answers: address, port, and what it speaks.

    Rows are of kind `seen` where the book is asked, of kind `service` where `of` names a story.
    """
    return _listed(call, "service")


@get("/devices", _answer("device", Device), tag="lists", words=_words("device"), problems=(404,))
def devices(call: Asking) -> Page:
    """List hosts with what they told of themselves.

    Rows are of kind `seen` where the book is asked, of kind `device` where `of` names a story.
    """
    return _listed(call, "device")


@get(
    "/announcements",
    _answer("announcement", Announcement),
    tag="lists",
    words=_words("announcement"),
    problems=(404,),
)
def announcements(call: Asking) -> Page:
    """List what repeats with a rhythm.

    Rows are of kind `seen` where the book is asked, of kind `announcement` where `of` names a
    story; those have the moments of their latest rounds.
    """
    return _listed(call, "announcement")


@get("/listeners", _answer("listener", None), tag="lists", words=_words("listener", story=False))
def listeners(call: Asking) -> Page:
    """List the sockets of this machine, as the book has seen them."""
    return _listed(call, "listener")


@get(
    "/findings", _answer("finding", Finding), tag="lists", words=_words("finding"), problems=(404,)
)
def findings(call: Asking) -> Page:
    """List what is not as it should be.

    Rows are of kind `seen` where the book is asked, of kind `finding` where `of` names a story.
    """
    return _listed(call, "finding")


@get(
    "/conversations",
    _answer("conversation", Conversation, book=False),
    tag="lists",
    words=_words("conversation", book=False),
    problems=(404,),
)
def conversations(call: Asking) -> Page:
    """List who spoke with whom, in a capture or at an interface."""
    return _of_story(call.desk, _story_of(call), "conversation", asked(call.words))


_Of: Any = story_id(OF_STORY)


class LinkFilters(Filters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters of links, which have no order but their size."""

    of: _Of | msgspec.UnsetType = msgspec.UNSET


@get(
    "/links",
    Answer("The biggest links.", listing("LinkPage", told(Link))),
    tag="lists",
    words=LinkFilters,
    problems=(404,),
)
def links(call: Call[Nothing, LinkFilters]) -> Page:
    """List who speaks what to whom: conversations added up, the biggest first.

    `counted` is how many links there are; those beyond `most` are reached by filters only.
    """
    name, wanted = _story_of(call), asked(call.words)
    with story(call.desk, name) as kept:
        found = kept.links(wanted, wanted.most)
    rows = [document(one) for one in found.links]
    return Page(rows, len(rows) + found.left_out, found.left_out > 0)


def _listed(call: Asking, kind: str) -> Page:
    wanted, name = asked(call.words), said(call.words).get("of")
    if name:
        return _of_story(call.desk, name, kind, wanted)
    with call.desk.reading() as book:
        return _page(book.listed(kind, wanted))


def _of_story(desk: Desk, name: str, kind: str, wanted: Asked) -> Page:
    with story(desk, name) as kept:
        return _page(kept.listed(kind, wanted))


def _story_of(call: Call[Any, Any]) -> str:
    name = said(call.words).get("of") or latest_story(call.desk)
    if name is None:
        raise NotFoundException(
            "no capture was read and no interface is listened to; send a capture first"
        )
    return name


def _page(found: Listed[Any]) -> Page:
    rows = [document(one) for one in found.rows]
    return Page(rows, found.counted, found.more, found.next, found.previous)


routes = [services, devices, announcements, listeners, findings, conversations, links]
