"""`/announcements`: who repeats itself, how often, and which beats were missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException

from portbook.book.listings import MOST_ROWS, Asked
from portbook.errors import SourceError
from portbook.faces.languages import Language
from portbook.faces.web.asked import asked, plain
from portbook.faces.web.desk import Desk
from portbook.faces.web.drawings.timeline import TimelineWords, timeline
from portbook.faces.web.rendering import language_of, render
from portbook.faces.web.rows import Row, listed, story
from portbook.records import Announcement

WIDE, NARROW = 1200, 340
_MOST_STORIES = 4


@get("/announcements", include_in_schema=False, sync_to_thread=True)
def announcements(request: Request[Any, Any, Any]) -> Response[bytes]:
    """List announcements, with each beat on a timeline.

    The book keeps no beats, which would make it grow: what it lists is drawn from the newest
    capture, or interface, that it was seen in.
    """
    words, desk = plain(request.url.query), request.app.state.desk
    page = listed(desk, "announcement", asked(words), words["of"])
    of, rows = (words["of"], page.rows) if words["of"] else _beats(desk, page.rows)
    return render(
        request,
        "announcements.html",
        listed=page,
        drawn=_drawn(desk, rows, of, language_of(request)) if of else None,
        stories=desk.shelf.stories(),
        latest=desk.shelf.told(of) if of and not words["of"] else None,
    )


def _beats(desk: Desk, seen: Sequence[Row]) -> tuple[str | None, Sequence[Row]]:
    """Return the newest story in which the book saw announcements, and what it has of them."""
    names = {row.source for row in seen}
    wanted = {(row.told["source"], row.told["destination"]) for row in seen}
    for told in [one for one in desk.shelf.stories() if one.name in names][:_MOST_STORIES]:
        try:
            found = listed(desk, "announcement", Asked(most=MOST_ROWS), told.id).rows
        except (SourceError, NotFoundException):  # its own page says what is wrong with it
            continue
        met = [row for row in found if (row.told["source"], row.told["destination"]) in wanted]
        if met:
            return told.id, met[: len(seen)]
    return None, ()


def _drawn(desk: Desk, rows: Sequence[Row], of: str, language: Language) -> dict[str, Any] | None:
    told = [row.record for row in rows if isinstance(row.record, Announcement)]
    if not told:
        return None
    with story(desk, of) as kept:
        latest = kept.listed("conversation", Asked(order="-last", most=1)).rows
    end = max((one.last_ns for one in (*latest, *told)), default=0)
    ends = {one.capture: end for one in told}
    said = timeline_words(language)
    return {
        "wide": timeline(told, ends, width=WIDE, words=said),
        "narrow": timeline(told, ends, width=NARROW, words=said),
    }


def timeline_words(language: Language) -> TimelineWords:
    """Return what the timeline says, in a language."""
    _, ngettext, number = language.gettext, language.ngettext, language.number

    def row(one: Announcement, silent: int) -> str:
        told = _("every %(period)s, %(times)s of %(expected)s heard") % {
            "period": language.duration(one.period_s),
            "times": number(one.times),
            "expected": number(one.expected),
        }
        if not silent:
            return told
        return ngettext(
            "%(told)s; silent for %(num)s round", "%(told)s; silent for %(num)s rounds", silent
        ) % {"told": told, "num": number(silent)}

    def time(moment_ns: int, step_s: int) -> str:
        return language.day(moment_ns) if step_s >= 86_400 else language.clock(moment_ns)

    return TimelineWords(
        title=_("Announcements over time"),
        description=_(
            "Each row is one announcement: filled marks are rounds that were heard, crossed hollow "
            "ones were missed. The table below says the same in numbers."
        ),
        heard=_("heard"),
        missed=_("missed"),
        unknown=_("heard, times not kept"),
        end=_("end of listening"),
        row=row,
        gap=lambda rounds, first_ns, last_ns: (
            ngettext(
                "%(num)s round missed between %(first)s and %(last)s",
                "%(num)s rounds missed between %(first)s and %(last)s",
                rounds,
            )
            % {
                "num": number(rounds),
                "first": language.moment(first_ns),
                "last": language.moment(last_ns),
            }
        ),
        earlier=lambda rounds: (
            ngettext(
                "%(num)s round before, whose time was not kept",
                "%(num)s rounds before, whose times were not kept",
                rounds,
            )
            % {"num": number(rounds)}
        ),
        time=time,
        left_out=lambda count: (
            ngettext(
                "%(num)s announcement is not drawn", "%(num)s announcements are not drawn", count
            )
            % {"num": number(count)}
        ),
    )


routes = [announcements]
