"""How the server and its book do."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from portbook import __version__
from portbook.book import Size
from portbook.faces.exports import document, rfc3339
from portbook.faces.web.api.contract import Moment, shape, told
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing
from portbook.faces.web.kept import SELF, Counts, Kept


class Looked(msgspec.Struct, frozen=True):
    """The latest look at this machine's sockets."""

    looked: Annotated[bool, Meta(description="False: there was no look yet.")]
    listeners: int
    findings: int
    hidden: Annotated[tuple[str, ...], Meta(description="What could not be seen, and why.")]


STATUS = shape(
    "Status",
    "How the server and its book do.",
    {
        "version": Annotated[str, Meta(description="Of portbook.")],
        "began": Moment,
        "site": str,
        "readonly": bool,
        "book": told(Size, "BookSize"),
        "problem": Annotated[str | None, Meta(description="Why changes are not noticed now.")],
        "machine": Looked,
        "stories": Annotated[dict[str, int], Meta(description="How many in each state.")],
        "receiver": Annotated[bool, Meta(description="A REF TEK receiver is known.")],
        "readers": Annotated[int, Meta(description="Who listens to events now.")],
        "events": Annotated[int, Meta(description="How many there were.")],
        "kept": Annotated[Counts, Meta(description="Answers that are kept for who comes next.")],
    },
)


@get("/status", Answer("How it does.", STATUS), tag="book")
def status(call: Call[Nothing, Nothing]) -> dict[str, Any]:
    """Tell the version, the book's size, what was looked at, and how many read.

    It may be two seconds old.
    """
    desk = call.desk
    with desk.reading() as book:
        size = book.size()
    seen = desk.machine
    return {
        "version": __version__,
        "began": rfc3339(desk.began_ns),
        "site": desk.settings.site,
        "readonly": desk.settings.readonly,
        "book": document(size),
        "problem": desk.problem,
        "machine": Looked(
            seen is not None,
            len(seen.listeners) if seen else 0,
            len(seen.findings) if seen else 0,
            seen.summary.hidden if seen else (),
        ),
        "stories": states(desk.shelf.stories()),
        "receiver": desk.stations is not None,
        "readers": desk.events.readers,
        "events": desk.events.published,
        "kept": kept_counts(call.request.scope["state"]),
    }


def states(stories: Any) -> dict[str, int]:
    """Return how many stories are in each state."""
    found: dict[str, int] = {}
    for one in stories:
        state = one.state.partition(":")[0]
        found[state] = found.get(state, 0) + 1
    return found


def kept_counts(state: Any) -> Counts:
    """Return what the pages' keeper counts. state: of a request's scope"""
    keeper: Kept | None = state.get(SELF)
    return keeper.counts if keeper else Counts()


routes = [status]
