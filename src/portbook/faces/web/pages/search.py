"""`/search?q=`: by number, service, vendor, protocol or device."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.response import Redirect

from portbook import addresses
from portbook.claims.profiles import profiles
from portbook.errors import UsageError
from portbook.faces.web.asked import plain
from portbook.faces.web.rendering import render
from portbook.findings import rules
from portbook.ports import parse_range
from portbook.protocols import Profile
from portbook.records import Claim, ClaimKind

MOST = 60  # of each kind; a longer answer is no answer
_LONGEST = 200


@get("/search", include_in_schema=False, sync_to_thread=True)
def search(request: Request[Any, Any, Any]) -> Response[Any]:
    """Show what a word is found in, or go where it can only mean one thing."""
    text = plain(request.url.query).get("q", "").strip()[:_LONGEST]
    if address := named_page(text):
        return Redirect(address, status_code=303)
    desk = request.app.state.desk
    claims: list[Claim] = []
    seen = []
    if text:
        claims = [one for one in desk.claims.search(text) if one.claim is not ClaimKind.UNASSIGNED]
        with desk.reading() as book:
            seen = book.found(text, MOST)
    return render(
        request,
        "search.html",
        text=text,
        claims=claims[:MOST],
        more_claims=max(0, len(claims) - MOST),
        protocols=protocols_of(text),
        seen={
            kind: [one for one in seen if one.of == kind]
            for kind in ("device", "service", "listener", "announcement", "finding")
        },
        most=MOST,
    )


def named_page(text: str) -> str | None:
    """Return the page that a word names by itself: a port, an address, a rule."""
    if text[:1].isdigit():
        try:
            span, transport = parse_range(text)
        except UsageError:
            pass
        else:
            return f"/{span.first}/{transport.value}" if transport else f"/{span.first}"
    if text.upper() in rules():
        return f"/rules/{text.upper()}"
    if (address := addresses.parse(text)) is not None:
        return f"/devices/{address}"
    return None


def protocols_of(text: str) -> list[Profile]:
    """Return the protocols in whose name or title all words are met."""
    words = text.lower().split()
    if not words:
        return []
    found = [
        one
        for one in profiles().values()
        if all(word in f"{one.name} {one.title}".lower() for word in words)
    ]
    return found[:MOST]


routes = [search]
