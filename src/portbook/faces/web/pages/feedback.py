"""`/feedback`: what readers said of the pages; each page's own form sends to it."""

from __future__ import annotations

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


@post("/feedback", include_in_schema=False, sync_to_thread=True, status_code=200)
def take(
    request: Request[Any, Any, Any],
    data: Annotated[Opinion, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Keep an opinion in the book and thank for it; raises UsageError for what is none."""
    desk = request.app.state.desk
    page = own_page(data.page)
    with desk.writing() as book:
        book.rate(page, data.face, data.comment, language_of(request).tag, time.time_ns())
    return render(request, "thanks.html", kept_s=None, page=page)


@get("/feedback", include_in_schema=False, sync_to_thread=True)
def show(request: Request[Any, Any, Any]) -> Response[Any]:
    """List what was said, for the owner of the book."""
    told = plain(request.url.query)
    with request.app.state.desk.reading() as book:
        listed, counts = book.opinions(after=told.get("after")), book.opinion_counts()
    return render(request, "feedback.html", listed=listed, counts=counts)


routes = [take, show]
