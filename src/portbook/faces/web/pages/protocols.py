"""`/protocols` and `/protocols/modbus`: what portbook knows by its bytes, and where it was met."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from portbook.book.listings import Asked
from portbook.claims.profiles import profiles
from portbook.faces.web.rendering import render
from portbook.faces.web.rows import listed

_SEEN_AT_MOST = 50


@get("/protocols", include_in_schema=False, sync_to_thread=False)
def protocols(request: Request[Any, Any, Any]) -> Response[bytes]:
    """List all protocols that are recognised by content."""
    known = sorted(profiles().values(), key=lambda one: one.name)
    return render(request, "protocols.html", kept_s=3600.0, protocols=known)


@get("/protocols/{name:str}", include_in_schema=False, sync_to_thread=True)
def protocol(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """Show one protocol: its ports, its safety note, its sources, where it was seen."""
    known = profiles().get(name)
    if known is None:
        raise NotFoundException(f"no protocol {name[:40]!r}; the list of protocols has all names")
    asked = Asked(protocol=name, order="-last", most=_SEEN_AT_MOST)
    seen = listed(request.app.state.desk, "service", asked, None)
    return render(request, "protocol.html", protocol=known, seen=seen)


routes = [protocols, protocol]
