"""Was this page helpful: what readers said, and saying it."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from portbook.book.opinions import LONGEST_COMMENT, Opinion, made
from portbook.faces.exports import document
from portbook.faces.web.api.contract import listing, told
from portbook.faces.web.api.operations import Answer, Call, Reply, get, operation
from portbook.faces.web.api.reading import Nothing
from portbook.faces.web.api.words import ROWS, Mark, Most
from portbook.faces.web.rendering import language_of


class Faces(msgspec.Struct, frozen=True):
    """How often each answer was given, about all pages."""

    good: int
    unsure: int
    bad: int


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reader says of a page."""

    page: Annotated[
        str,
        Meta(
            pattern=r"^/([A-Za-z0-9_:~-]{1,40}(/[A-Za-z0-9_:~-]{1,40}){0,2})?$",
            description="The path of the page.",
            examples=["/1743/udp"],
        ),
    ]
    face: Annotated[Literal["good", "unsure", "bad"], Meta(description="Was it helpful?")]
    comment: Annotated[
        str,
        Meta(max_length=LONGEST_COMMENT, description="In words; control characters are left out."),
    ] = ""


class Which(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the list."""

    most: Most | UnsetType = UNSET
    after: Mark | UnsetType = UNSET


_EXAMPLE = {
    "kind": "opinion",
    "page": "/1743/udp",
    "face": "good",
    "comment": "That was it.",
    "language": "en",
    "at": "2026-11-21T08:00:00.000000000Z",
}


@get(
    "/feedback",
    Answer("What was said, the newest first.", listing("OpinionPage", told(Opinion), faces=Faces)),
    tag="book",
    words=Which,
)
def opinions(call: Call[Nothing, Which]) -> dict[str, Any]:
    """List what readers said of the pages, the newest first."""
    words = call.words
    most = ROWS if words.most is UNSET else words.most
    with call.desk.reading() as book:
        found = book.opinions(most, None if words.after is UNSET else words.after)
        counts = book.opinion_counts()
    return {
        "rows": [document(one) for one in found.rows],
        "counted": found.counted,
        "more": found.more,
        "next": found.next,
        "previous": found.previous,
        "faces": counts,
    }


@operation(
    "POST",
    "/feedback",
    {201: Answer("What was kept.", told(Opinion), example=_EXAMPLE)},
    tag="book",
    body=Said,
)
def say(call: Call[Nothing, Nothing]) -> Reply:
    """Say whether a page was helpful; it is kept in the book for its owner."""
    body: Said = call.body
    language, now_ns = language_of(call.request).tag, time.time_ns()
    with call.desk.writing() as book:
        book.rate(body.page, body.face, body.comment, language, now_ns)
    call.desk.touch("feedback")  # whoever lists now finds it there
    kept = made(body.page, body.face, body.comment, language, now_ns)  # as `rate` makes it
    return Reply(201, document(kept))


routes = [opinions, say]
