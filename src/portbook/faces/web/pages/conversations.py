"""`/conversations`: who spoke with whom, of a capture or an interface."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from portbook.faces.web.asked import asked, plain
from portbook.faces.web.rendering import render
from portbook.faces.web.rows import latest_story, listed


@get("/conversations", include_in_schema=False, sync_to_thread=True)
def conversations(request: Request[Any, Any, Any]) -> Response[bytes]:
    """List conversations; of the interface that is listened to, else of the newest capture."""
    words, desk = plain(request.url.query), request.app.state.desk
    of = words["of"] or latest_story(desk)
    page = listed(desk, "conversation", asked(words), of) if of else None
    stories = desk.shelf.stories()
    return render(request, "conversations.html", listed=page, stories=stories, of=of)


routes = [conversations]
