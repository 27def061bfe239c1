"""`/events`: what is new, as server-sent events (docs/api.md lists them)."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.response import Stream


@get("/events", include_in_schema=False, sync_to_thread=False)
def events(request: Request[Any, Any, Any]) -> Stream:
    """Tell what changes for as long as the reader listens."""
    hub = request.app.state.desk.events
    return Stream(
        hub.events(request.headers.get("last-event-id")),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


routes = [events]
