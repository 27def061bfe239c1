"""`/about`: what this book is, how large, what it stands on, and what it cannot see."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from portbook import __version__
from portbook.claims.profiles import profiles
from portbook.faces.web.rendering import render
from portbook.findings import rules


@get("/about", include_in_schema=False, sync_to_thread=True)
def about(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Tell about the book itself."""
    desk = request.app.state.desk
    with desk.reading() as book:
        size = book.size()
    return render(
        request,
        "about.html",
        kept_s=30.0,
        size=size,
        program=__version__,
        protocols=len(profiles()),
        rules=len(rules()),
        hidden=desk.machine.summary.hidden if desk.machine else (),
    )


routes = [about]
