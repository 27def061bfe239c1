"""`/devices/10.0.0.9`: all that is known of one address."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from portbook import addresses
from portbook.faces.web.rendering import render

_MOST = 500
_LONGEST = 64


@get("/devices/{address:str}", include_in_schema=False, sync_to_thread=True)
def device(request: Request[Any, Any, Any], address: FromPath[str]) -> Response[bytes]:
    """Show a device: what it told of itself, what it serves, what it announces, what is wrong."""
    if len(address) > _LONGEST or not address.isprintable():
        raise NotFoundException("no device has such an address")
    with request.app.state.desk.reading() as book:
        known = book.of_host(address, _MOST)
    if not known and addresses.parse(address) is None:
        raise NotFoundException(f"{address!r} is no address, and nothing here is called so")
    kinds: dict[str, list[Any]] = {}
    for one in known:
        kinds.setdefault(one.of, []).append(one)
    # a finding was found when somebody looked, be the packets as old as they may
    heard = [one for one in known if one.of != "finding"] or known
    return render(
        request,
        "device.html",
        address=address,
        device=next(iter(kinds.get("device", ())), None),
        kinds=kinds,
        first_ns=min((one.first_ns for one in heard), default=None),
        last_ns=max((one.last_ns for one in heard), default=None),
    )


routes = [device]
