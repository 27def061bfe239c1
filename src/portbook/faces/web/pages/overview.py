"""`/`: what is new and what is wrong, at one look."""

from __future__ import annotations

import time
from typing import Any

from litestar import Request, Response, get

from portbook.book import Book
from portbook.book.listings import Asked
from portbook.faces.web.desk import Desk
from portbook.faces.web.rendering import render
from portbook.records import Level

DAY_NS = 86_400_000_000_000
_WORST = 8
_NEWEST = 20
COUNTED = ("service", "device", "announcement", "listener")


@get("/", include_in_schema=False, sync_to_thread=True)
def overview(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Show the overview."""
    desk = request.app.state.desk
    return render(request, "overview.html", **context(desk, time.time_ns()))


def context(desk: Desk, now_ns: int) -> dict[str, Any]:
    """Return all that the overview shows."""
    with desk.reading() as book:
        counts = {kind: _count(book, kind, Asked(most=1)) for kind in COUNTED}
        levels = _levels(book)
        worst = book.listed("finding", Asked(order="-level", most=_WORST))
        return {
            "counts": counts,
            "levels": levels,
            "worst": worst.rows,
            "more_findings": levels[Level.NOTE][0] - len(worst.rows),
            "latest": book.latest(now_ns - DAY_NS, _NEWEST),
            "stories": desk.shelf.stories(),
            "empty": not any(count for count, _ in counts.values()),
            "machine": desk.machine,
        }


def _count(book: Book, kind: str, asked: Asked) -> tuple[int, bool]:
    page = book.listed(kind, asked)
    return page.counted, page.more


def _levels(book: Book) -> dict[Level, tuple[int, bool]]:
    """Return how many findings there are of each level or above."""
    return {level: _count(book, "finding", Asked(level=level, most=1)) for level in Level}


routes = [overview]
