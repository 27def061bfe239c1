"""`/feedback`: what readers said of the pages; each page's own form sends to it."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from portbook.faces.web.asked import plain
from portbook.faces.web.pages.language import own_page
from portbook.faces.web.rendering import language_of, render


class Opinion(msgspec.Struct):
    """What the form under a page sends."""

    page: str
    face: str
    comment: str = ""


# async: where two methods share a path, Litestar 2.25 sends a sync handler to a thread twice
@post("/feedback", include_in_schema=False, status_code=200)
async def take(
    request: Request[Any, Any, Any],
    data: Annotated[Opinion, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Keep an opinion in the book and thank for it; raises UsageError for what is none."""
    return await asyncio.to_thread(_keep, request, data)


def _keep(request: Request[Any, Any, Any], data: Opinion) -> Response[Any]:
    desk = request.app.state.desk
    page = own_page(data.page)
    with desk.writing() as book:
        book.rate(page, data.face, data.comment, language_of(request).tag, time.time_ns())
    return render(request, "thanks.html", kept_s=None, page=page)


@get("/feedback", include_in_schema=False)
async def show(request: Request[Any, Any, Any]) -> Response[Any]:
    """List what was said, for the owner of the book."""
    return await asyncio.to_thread(_show, request)


def _show(request: Request[Any, Any, Any]) -> Response[Any]:
    told = plain(request.url.query)
    with request.app.state.desk.reading() as book:
        listed, counts = book.opinions(after=told.get("after")), book.opinion_counts()
    return render(request, "feedback.html", listed=listed, counts=counts)


routes = [take, show]
