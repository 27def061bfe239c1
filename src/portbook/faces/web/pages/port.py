"""`/1743` and `/1743/udp`: the page of a port. Any other single word is searched for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from portbook.book import Seen
from portbook.faces.web import traces
from portbook.faces.web.desk import Desk
from portbook.faces.web.rendering import render
from portbook.faces.web.traces import Trace
from portbook.ports import HIGHEST, Transport
from portbook.records import Claim, ClaimKind, Listener
from portbook.survey.page import page, parties, relatives

# Kept for an hour while nothing changes: it tells no time that passes.
KEPT_S = 3600.0
_SEEN_AT_MOST = 25  # of each kind; the lists show all
REGISTERED = (
    ClaimKind.ASSIGNED,
    ClaimKind.RESERVED,
    ClaimKind.UNASSIGNED,
    ClaimKind.IANA_NOTED,
)


class Said(NamedTuple):
    """A claim, with the transports that it is made for alike."""

    claim: Claim
    transports: tuple[str, ...]


@get("/{word:str}", include_in_schema=False, sync_to_thread=True)
def of_number(request: Request[Any, Any, Any], word: FromPath[str]) -> Response[Any]:
    """Show the page of a port on all transports."""
    if word.isascii() and word.isdigit():
        return _page(request, word, None)
    raise NotFoundException(f"no page {word!r}; a port's page is a number, 0 to {HIGHEST}")


@get("/{word:str}/{transport:str}", include_in_schema=False, sync_to_thread=True)
def of_port(
    request: Request[Any, Any, Any], word: FromPath[str], transport: FromPath[str]
) -> Response[Any]:
    """Show the page of a port on one transport."""
    known = [one for one in Transport if one.value == transport]
    if not (word.isascii() and word.isdigit()) or not known:
        raise NotFoundException(f"no page {word}/{transport}; write 1743/tcp or 1743/udp")
    return _page(request, word, known[0])


def _page(request: Request[Any, Any, Any], word: str, transport: Transport | None) -> Response[Any]:
    number = int(word) if len(word) <= 6 else HIGHEST + 1
    if number > HIGHEST:
        raise NotFoundException(f"port must be 0 to {HIGHEST}, got {word[:12]}")
    suffix = f"/{transport.value}" if transport else ""
    if str(number) != word:
        return Redirect(f"/{number}{suffix}", status_code=301)
    return render(
        request, "port.html", kept_s=KEPT_S, **context(request.app.state.desk, number, transport)
    )


def context(desk: Desk, number: int, transport: Transport | None) -> dict[str, Any]:
    """Return all that the page of a port shows."""
    claims = desk.claims
    about, said = page(number, transport, claims), claims.of(number, transport)
    with desk.reading() as book:
        told = list(_traces(book.seen(number, transport)))
        named = traces.devices(book, told)
        findings = traces.findings(book, desk.machine, number, transport)
    stories = traces.in_stories(desk, number, transport)
    return {
        "number": number,
        "transport": transport,
        "about": about,
        "shown": page(number, None, claims).transports,
        "registered": _told_once(one for one in said if one.claim in REGISTERED),
        "others": _told_once(
            one for one in said if one.claim not in (*REGISTERED, ClaimKind.MALWARE)
        ),
        "malware": _told_once(one for one in said if one.claim is ClaimKind.MALWARE),
        "contradictions": parties(number, about.transports, claims),
        "relatives": relatives(number, claims),
        "sockets": _sockets(desk, number, transport),
        "hidden": desk.machine.summary.hidden if desk.machine else (),
        "looked": desk.machine is not None,
        "traces": told,
        "named": named,
        "findings": findings,
        "in_stories": stories,
        "story_ids": {one.story.name: one.story.id for one in reversed(stories)},
        "highest": HIGHEST,
    }


def _told_once(said: Iterable[Claim]) -> list[Said]:
    """Put claims together that differ in nothing but the transport."""
    groups: dict[tuple[object, ...], list[Claim]] = {}
    for one in said:
        same = (one.claimant, one.claim, one.ports, one.title, one.source, one.note)
        groups.setdefault(same, []).append(one)
    return [
        Said(group[0], tuple(one.transport.value for one in group if one.transport))
        for group in groups.values()
    ]


def _sockets(desk: Desk, number: int, transport: Transport | None) -> list[Listener]:
    if desk.machine is None:
        return []
    return [
        one
        for one in desk.machine.listeners
        if one.port == number and transport in (None, one.transport)
    ]


def _traces(seen: Sequence[Seen]) -> Iterable[Trace]:
    for kind in ("service", "announcement", "listener"):
        rows = [one for one in seen if one.of == kind]
        if rows:
            yield Trace(kind, rows[:_SEEN_AT_MOST], max(0, len(rows) - _SEEN_AT_MOST))


routes = [of_number, of_port]
