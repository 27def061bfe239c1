"""Captures that were read and interfaces that are listened to: their stories."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException, NotFoundException
from msgspec import UNSET, Meta, UnsetType

from portbook.errors import SourceError, UsageError
from portbook.faces.exports import document, rfc3339
from portbook.faces.web.api.contract import Moment, Page, listing, shape
from portbook.faces.web.api.contract import told as record
from portbook.faces.web.api.operations import ROOT, Answer, Call, Reply, get, operation
from portbook.faces.web.api.reading import Nothing
from portbook.faces.web.api.words import story_id
from portbook.faces.web.desk import Desk
from portbook.faces.web.rows import story
from portbook.faces.web.shelf import CrowdedError, Told, TooLargeError
from portbook.faces.web.uploads import files
from portbook.records import Summary

FORM = "multipart/form-data"
RAW = ("application/octet-stream", "application/vnd.tcpdump.pcap")


StoryId: Any = story_id()


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the path of a story names."""

    id: StoryId


class Taking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a capture beside its octets; a form says it in itself."""

    name: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=200,
                description="The capture's name, where its octets are the body",
                examples=["plant.pcap"],
            ),
        ]
        | UnsetType
    ) = UNSET
    keep: Annotated[bool, Meta(description="What the capture shows is written in the book")] = False


class Form(msgspec.Struct, frozen=True):
    """A form with one file; plain fields come before it."""

    file: Annotated[
        str,
        Meta(
            description="The capture: pcap or pcapng, plain or packed by gzip or zstandard.",
            min_length=1,
            extra_json_schema={"contentMediaType": "application/octet-stream"},
        ),
    ]
    keep: Annotated[
        str | UnsetType, Meta(description="When it is there, what is found is kept in the book.")
    ] = UNSET


Octets = Annotated[
    str,
    Meta(min_length=1, extra_json_schema={"contentMediaType": "application/octet-stream"}),
]
STORY = shape(
    "Story",
    "What was read of a capture, or heard at an interface.",
    {
        "kind": Literal["capture", "interface"],
        "id": StoryId,
        "name": Annotated[str, Meta(description="As its owner calls it: text from outside.")],
        "state": Annotated[
            Literal["waiting", "reading", "done", "failed"],
            Meta(description="`reading` of an interface: it is listened to."),
        ],
        "why": Annotated[str | None, Meta(description="Why it failed.")],
        "progress": Annotated[float, Meta(ge=0, le=1, description="Of reading.")],
        "step": Annotated[str | None, Meta(description="What it is at.")],
        "problem": Annotated[str | None, Meta(description="What is wrong with it all the same.")],
        "octets": Annotated[int | None, Meta(description="Of the capture.")],
        "began": Moment,
        "ended": Moment | None,
        "summary": record(Summary) | None,
        "counts": Annotated[
            dict[str, int],
            Meta(description="How many records of each kind; empty before it can be read."),
        ],
    },
)


@get("/captures", Answer("All stories.", listing("StoryPage", STORY)), tag="captures")
def captures(call: Call[Nothing, Nothing]) -> Page:
    """List captures and interfaces, the newest first."""
    rows = [_told(call.desk, one) for one in call.desk.shelf.stories()]
    return Page(rows, len(rows))


@get(
    "/captures/{id}",
    Answer("Its state, progress and summary.", STORY),
    tag="captures",
    place=Named,
    problems=(404,),
    kept_s=None,
)
def capture(call: Call[Named, Nothing]) -> dict[str, Any]:
    """Tell about one capture or interface: state, progress, summary.

    What is in it is listed by /api/v1/conversations?of= and its id, as by all lists that have `of`.
    """
    return _told(call.desk, _found(call))


@operation(
    "POST",
    "/captures",
    {
        202: Answer(
            "It is taken, and will be read.", STORY, headers={"Location": "The story's address."}
        )
    },
    tag="captures",
    words=Taking,
    forms={FORM: Form, **dict.fromkeys(RAW, Octets)},
)
async def send_capture(call: Call[Nothing, Taking]) -> Reply:
    """Send a capture to be read.

    One file: as the octets themselves, or as a form with one file. It is read in a process of its
    own; the answer's Location tells how far that is. An upload is bounded (--most-upload).
    """
    request, words = call.request, call.words
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in (FORM, *RAW):
        known = ", ".join((FORM, *RAW))
        raise HTTPException(
            detail=f"a capture is sent as one of {known}; not as {media[:60] or 'nothing'}",
            status_code=415,
        )
    try:
        if media == FORM:
            name = await _of_form(call.desk, request, words.keep)
        else:
            called = "capture" if words.name is UNSET else words.name
            name = await call.desk.shelf.take(called, request.stream(), words.keep)
    except TooLargeError as error:
        raise HTTPException(detail=str(error), status_code=413) from error
    except CrowdedError as error:
        raise SourceError(str(error)) from error
    taken = call.desk.shelf.told(name)
    if taken is None:  # somebody was quicker to remove it
        raise NotFoundException(f"the capture {name} was removed")
    return Reply(202, _story(taken, {}), {"Location": f"{ROOT}/captures/{name}"})


@operation(
    "DELETE",
    "/captures/{id}",
    {204: Answer("It is gone.")},
    tag="captures",
    place=Named,
    problems=(404,),
)
def remove_capture(call: Call[Named, Nothing]) -> Reply:
    """Remove a story, and end whoever works on it; what it wrote in the book stays there."""
    if call.desk.settings.readonly:
        raise SourceError("this book is served for reading only; nothing can be removed")
    if not call.desk.shelf.remove(call.place.id):
        raise _missing(call.place.id)
    return Reply(204)


async def _of_form(desk: Desk, request: Request[Any, Any, Any], keep: bool) -> str:
    name: str | None = None
    async for sent in files(request.headers.get("content-type", ""), request.stream()):
        if name is not None:
            desk.shelf.remove(name)
            raise UsageError("one capture at a time is taken here; send the next by itself")
        name = await desk.shelf.take(sent.name, sent.octets, keep or "keep" in sent.fields)
    if name is None:
        raise UsageError("no capture was sent: the form has no file")
    return name


def _found(call: Call[Named, Nothing]) -> Told:
    known = call.desk.shelf.told(call.place.id)
    if known is None:
        raise _missing(call.place.id)
    return known


def _missing(name: str) -> NotFoundException:
    return NotFoundException(f"no capture or interface {name} here; it may be removed")


def _told(desk: Desk, one: Told) -> dict[str, Any]:
    """Return a story with the counts of its records, as far as it can be read by now."""
    try:
        with story(desk, one.id) as kept:
            return _story(one, dict(kept.counts()))
    except (SourceError, NotFoundException):
        return _story(one, {})


def _story(one: Told, counts: dict[str, int]) -> dict[str, Any]:
    state, _, why = one.state.partition(": ")
    return {
        "kind": one.kind,
        "id": one.id,
        "name": one.name,
        "state": state,
        "why": why or None,
        "progress": min(max(one.progress, 0.0), 1.0),
        "step": one.step,
        "problem": one.problem,
        "octets": one.octets,
        "began": rfc3339(one.began_ns),
        "ended": None if one.ended_ns is None else rfc3339(one.ended_ns),
        "summary": one.summary and document(one.summary),
        "counts": counts,
    }


routes = [captures, capture, send_capture, remove_capture]
