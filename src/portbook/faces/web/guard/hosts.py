"""By which names a reader may call us.

A page of somebody else can point a name of its own at this machine and then read what is here as
if it were its own (DNS rebinding). Such a request still bears that name in its Host header.
"""

from __future__ import annotations

import re

from portbook.addresses import parse
from portbook.faces.web.guard.refusals import Refusal
from portbook.faces.web.guard.request import Request
from portbook.faces.web.guard.rules import Rules

_NAME = re.compile(r"(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_.-]{1,253}))(?::([0-9]{1,5}))?\Z")
_FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto")


def host(request: Request, rules: Rules) -> Refusal | None:
    """Refuse a request that calls us by a name that is not ours, or by none."""
    told = request.text(b"host")
    if told is None:
        return Refusal("no-host", 400, "the header Host is missing")
    name = named(told)
    if name is None:
        return Refusal("bad-host", 400, "the header Host is no name or address")
    if name in rules.hosts or (rules.own_addresses and name == _ours(request)):
        return None
    return Refusal(
        "foreign-host",
        421,
        f"this server does not go by the name {name}; when it should, "
        f"start it with --host-name {name}",
    )


def proxied(request: Request, rules: Rules) -> Refusal | None:
    """Refuse what came through a proxy that nobody told us of, where everybody may read.

    Such a proxy makes everybody look like this machine, and what is open for this machine alone
    would be open for all whom the proxy lets through.
    """
    if rules.behind_proxy or rules.credentials is not None:
        return None
    if any(name in request.headers for name in _FORWARDED):
        return Refusal(
            "unknown-proxy",
            403,
            "this came through a proxy; start the server with --behind-proxy and a token",
        )
    return None


def named(told: str) -> str | None:
    """Return the name in a Host header as names are compared: no port, no brackets, lower case."""
    match = _NAME.match(told.lower())
    if not match or int(match[3] or 0) > 65535:
        return None
    if match[1] or match[2].replace(".", "").isdigit():
        address = parse(match[1] or match[2])
        return None if address is None else str(address)
    return match[2].rstrip(".") or None


def _ours(request: Request) -> str | None:
    """Return the address of ours that the connection came to: no name can be made to be it."""
    server = request.scope.get("server")
    address = parse(str(server[0])) if server else None
    return None if address is None else str(address)
