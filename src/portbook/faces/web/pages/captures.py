"""`/captures`: drop a file on the page, watch its progress, see its story."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from portbook.book.listings import Asked
from portbook.errors import SourceError, UsageError
from portbook.faces.web.desk import Desk
from portbook.faces.web.rendering import render
from portbook.faces.web.rows import story
from portbook.faces.web.shelf import Told, TooLargeError
from portbook.faces.web.uploads import files

Requested = Request[Any, Any, Any]
_WORST = 8
_ODDITIES = 50
KINDS = ("service", "device", "announcement", "conversation", "finding")


# async: where two methods share a path, Litestar 2.25 sends a sync handler to a thread twice
@get("/captures", include_in_schema=False)
async def captures(request: Requested) -> Response[bytes]:
    """List what was read and what is listened to, and take more."""
    stories = request.app.state.desk.shelf.stories()
    return await asyncio.to_thread(render, request, "captures.html", stories=stories)


@post("/captures", include_in_schema=False, status_code=303)
async def take(request: Requested) -> Response[Any]:
    """Take captures from the page's form, as they come; go to the story of the first."""
    desk: Desk = request.app.state.desk
    try:
        taken = [
            await desk.shelf.take(sent.name, sent.octets, "keep" in sent.fields)
            async for sent in files(request.headers.get("content-type", ""), request.stream())
        ]
    except TooLargeError as error:
        raise ClientException(str(error), status_code=413) from error
    if not taken:
        raise UsageError("no capture was sent; choose a file first")
    return Redirect(f"/captures/{taken[0]}" if len(taken) == 1 else "/captures", status_code=303)


@get("/captures/{name:str}", include_in_schema=False, sync_to_thread=True)
def capture(request: Requested, name: FromPath[str]) -> Response[bytes]:
    """Show one story: how far it is read, what is in it, what is wrong with it."""
    desk: Desk = request.app.state.desk
    return render(request, "capture.html", **_context(desk, _told(desk, name)))


@post("/captures/{name:str}/remove", include_in_schema=False, sync_to_thread=True, status_code=303)
def remove(request: Requested, name: FromPath[str]) -> Response[Any]:
    """Remove a story; what it wrote in the book stays there."""
    desk: Desk = request.app.state.desk
    if desk.settings.readonly:
        raise SourceError("this book is served for reading only; nothing can be removed")
    desk.shelf.remove(_told(desk, name).id)
    return Redirect("/captures", status_code=303)


def _told(desk: Desk, name: str) -> Told:
    for one in desk.shelf.stories():
        if one.id == name:
            return one
    raise NotFoundException(f"no capture or interface {name[:20]!r} here; it may be removed")


def _context(desk: Desk, told: Told) -> dict[str, Any]:
    """Return all that a story's page shows; one that is not readable yet shows its state alone."""
    context: dict[str, Any] = {"told": told, "counts": {}, "worst": (), "oddities": ()}
    if told.state == "waiting":
        return context
    try:
        with story(desk, told.id) as kept:
            counts = kept.counts()
            context["counts"] = {kind: counts.get(kind, 0) for kind in KINDS}
            context["worst"] = kept.listed("finding", Asked(most=_WORST)).rows
            context["oddities"] = kept.listed("oddity", Asked(most=_ODDITIES)).rows
    except (SourceError, NotFoundException) as error:
        context["unreadable"] = str(error)
    return context


routes = [captures, take, capture, remove]
