"""The lists: services, devices, announcements, sockets, findings; of the book or of a story."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from portbook.faces.web.asked import asked, plain
from portbook.faces.web.rendering import render
from portbook.faces.web.rows import listed

Requested = Request[Any, Any, Any]


@get("/services", include_in_schema=False, sync_to_thread=True)
def services(request: Requested) -> Response[bytes]:
    """List what answers: address, port, and what it speaks."""
    return _list(request, "service", "services.html")


@get("/devices", include_in_schema=False, sync_to_thread=True)
def devices(request: Requested) -> Response[bytes]:
    """List hosts with what they told of themselves."""
    return _list(request, "device", "devices.html")


@get("/listeners", include_in_schema=False, sync_to_thread=True)
def listeners(request: Requested) -> Response[bytes]:
    """List the sockets of this machine, also those of the past."""
    return _list(request, "listener", "listeners.html")


@get("/findings", include_in_schema=False, sync_to_thread=True)
def findings(request: Requested) -> Response[bytes]:
    """List what is not as it should be."""
    return _list(request, "finding", "findings.html")


def _list(request: Requested, kind: str, template: str) -> Response[bytes]:
    words, desk = plain(request.url.query), request.app.state.desk
    page = listed(desk, kind, asked(words), words["of"])
    stories = desk.shelf.stories() if kind != "listener" else ()  # captures have no sockets
    return render(request, template, listed=page, stories=stories)


routes = [services, devices, listeners, findings]
