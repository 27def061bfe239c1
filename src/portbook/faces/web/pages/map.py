"""`/map`: who speaks what to whom, of a capture or an interface."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get

from portbook.book.stories import StoryFile
from portbook.book.story_links import Link
from portbook.faces.languages import Language
from portbook.faces.web.asked import asked, plain
from portbook.faces.web.drawings.hosts import MapWords, map_of_hosts
from portbook.faces.web.rendering import language_of, render
from portbook.faces.web.rows import latest_story, story

WIDE, NARROW = 1200, 340
MOST_LINKS = 1000
_TABLE_ROWS = 50


@get("/map", include_in_schema=False, sync_to_thread=True)
def map_(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Draw the map of the interface that is listened to, else of the newest capture."""
    words, desk = plain(request.url.query), request.app.state.desk
    of = words["of"] or latest_story(desk)
    context: dict[str, Any] = {"links": ()}
    if of:
        with story(desk, of) as kept:
            found = kept.links(msgspec.structs.replace(asked(words), order=""), MOST_LINKS)
            named = _names(kept, found.links)
        said = map_words(language_of(request))
        context = {
            "wide": map_of_hosts(found.links, width=WIDE, words=said, names=named),
            "narrow": map_of_hosts(found.links, width=NARROW, words=said, names=named),
            "links": found.links[:_TABLE_ROWS],
            "left_out": found.left_out,
        }
    return render(request, "map.html", stories=desk.shelf.stories(), of=of, **context)


def _names(kept: StoryFile, links: tuple[Link, ...]) -> dict[str, str]:
    """Return the names that hosts told of themselves, by address."""
    ends = {end for link in links for end in (link.client, link.server)}
    return {
        address: one.facts["name"]
        for address, one in kept.devices(ends).items()
        if one.facts.get("name")
    }


def map_words(language: Language) -> MapWords:
    """Return what the map says, in a language."""
    _, ngettext, number = language.gettext, language.ngettext, language.number
    return MapWords(
        title=_("Who speaks what to whom"),
        description=_(
            "Hosts that ask stand on the left, hosts that answer on the right; lines between them "
            "are coloured and dashed by protocol. The table below says the same."
        ),
        roles=(_("Asks"), _("Asks and answers"), _("Answers"), _("Groups and broadcasts")),
        elsewhere=_("Elsewhere"),
        unnamed=_("unknown"),
        others=_("other protocols"),
        hosts=lambda count: (
            ngettext("%(num)s host", "%(num)s hosts", count) % {"num": number(count)}
        ),
        host=lambda who, asks, asked_by: (
            _("%(host)s: asks %(asks)s, is asked by %(by)s")
            % {"host": who, "asks": number(asks), "by": number(asked_by)}
        ),
        line=lambda client, server, protocol, count, octets: (
            ngettext(
                "%(client)s to %(server)s: %(protocol)s, %(num)s conversation, %(octets)s",
                "%(client)s to %(server)s: %(protocol)s, %(num)s conversations, %(octets)s",
                count,
            )
            % {
                "client": client,
                "server": server,
                "protocol": protocol,
                "num": number(count),
                "octets": language.octets(octets),
            }
        ),
        left_out=lambda count: (
            ngettext("%(num)s quiet host is not drawn", "%(num)s quiet hosts are not drawn", count)
            % {"num": number(count)}
        ),
    )


routes = [map_]
