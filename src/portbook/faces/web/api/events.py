"""What is new, as server-sent events: the same stream as that of the pages."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar.response import Stream
from msgspec import Meta

from portbook.book import Change
from portbook.faces.web.api.contract import told
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing

MEDIA = "text/event-stream"


class Changed(msgspec.Struct, frozen=True):
    """Data of the event `changed`: something would look otherwise now."""

    kinds: Annotated[
        list[str],
        Meta(
            description="What: `book` and the lists that changed, `listeners`, `stories`, "
            "`stations`, `feedback`, `problem`."
        ),
    ]
    version: Annotated[int, Meta(description="Rises when what was kept is made anew.")]


class Lost(msgspec.Struct, frozen=True):
    """Data of the event `lost`: some events were not told; ask anew for what is shown."""


# The name of each event, and what its data are.
EVENTS: dict[str, Any] = {"changed": Changed, "change": told(Change), "lost": Lost}
_EXAMPLE = (
    "retry: 3000\n\nid: 42\nevent: changed\n"
    'data: {"kinds":["book","services"],"version":7}\n\n: still here\n\n'
)


@get(
    "/events",
    Answer("Events, for as long as the reader listens.", str, media=MEDIA, example=_EXAMPLE),
    tag="book",
    kept_s=None,
)
async def events(call: Call[Nothing, Nothing]) -> Stream:
    """Listen to what changes, as server-sent events.

    `changed` (data: Changed) says that something would look otherwise now, `change` (data: Change)
    what the book learned, `lost` (data: Lost) that some were not told and everything is to be asked
    for anew. After 15 s of silence there is a comment. Whoever comes back with Last-Event-ID gets
    what was missed, or `lost`.
    """
    request = call.request
    return Stream(
        call.desk.events.events(request.headers.get("last-event-id")),
        media_type=MEDIA,
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


routes = [events]
