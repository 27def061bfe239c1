"""`/metrics`: how the book, the network and the server do, for Prometheus.

Format: Prometheus text exposition format 0.0.4. Nothing here grows with what a network does: names
and labels are fixed, what is counted in the book is counted up to 10,000.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from litestar import Request, Response, get

from portbook import __version__
from portbook.book import Asked, Book
from portbook.book.listings import MOST_COUNTED
from portbook.errors import SourceError
from portbook.faces.web.api.status import kept_counts, states
from portbook.faces.web.desk import Desk
from portbook.faces.web.stations_records import Told
from portbook.ports import Transport
from portbook.records import Level
from portbook.seismic.instruments import Verdict

CONTENT_TYPE = "text/plain; version=0.0.4"  # Litestar adds the charset
KINDS = ("service", "device", "listener", "announcement", "finding")
STATES = ("waiting", "reading", "done", "failed")


class Sample(NamedTuple):
    """A value, and what tells it from others of its family."""

    value: int
    labels: Mapping[str, str] = {}


class Family(NamedTuple):
    """A metric. kind: "gauge" or "counter"; samples: each with other labels"""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


@get("/metrics", include_in_schema=False)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Tell how all does; a book that cannot be read is told, and is no reason to say nothing."""
    desk: Desk = request.app.state.desk
    told = await desk.stations.latest() if desk.stations else None
    booked = await asyncio.to_thread(_booked, desk)
    families = [
        *booked,
        *_looked(desk),
        *_served(desk, request.scope["state"]),
        *_received(desk, told),
    ]
    return Response(
        text(families).encode(),
        media_type=CONTENT_TYPE,
        headers={"cache-control": "no-store"},
    )


def text(families: Iterable[Family]) -> str:
    """Write metrics as Prometheus reads them."""
    return "".join(line for one in families for line in _lines(one))


def _lines(one: Family) -> Iterator[str]:
    help_ = one.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {one.name} {help_}\n# TYPE {one.name} {one.kind}\n"
    for value, labels in one.samples:
        told = ",".join(f'{name}="{_escaped(label)}"' for name, label in labels.items())
        braced = f"{{{told}}}" if told else ""
        number = str(int(value))
        yield f"{one.name}{braced} {number}\n"


def _escaped(label: str) -> str:
    told = label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return told.encode("utf-8", "replace").decode()  # a lone surrogate is no text


def _booked(desk: Desk) -> list[Family]:
    readable, seen, found = True, [], []
    try:
        with desk.reading() as book:
            seen = [Sample(_counted(book, kind), {"kind": kind}) for kind in KINDS]
            found = _levels(book)
    except SourceError:
        readable = False
    return [
        _gauge("portbook_book_readable", "1 when the book could be read just now.", readable),
        Family(
            "portbook_sightings",
            "gauge",
            f"What the book has that is there still, by kind; {MOST_COUNTED} stands for more too.",
            tuple(seen),
        ),
        Family(
            "portbook_findings",
            "gauge",
            f"Findings that stand, by level; of all together {MOST_COUNTED} are counted.",
            tuple(found),
        ),
    ]


def _counted(book: Book, kind: str, level: Level | None = None) -> int:
    return book.listed(kind, Asked(level=level, most=1)).counted


def _levels(book: Book) -> list[Sample]:
    """Return how many findings are of each level: the book counts those of a level and above."""
    above = 0
    samples = []
    for level in sorted(Level, key=lambda one: -one.rank):
        counted = _counted(book, "finding", level)
        samples.append(Sample(counted - above, {"level": level.value}))
        above = counted
    return samples


def _looked(desk: Desk) -> list[Family]:
    machine = desk.machine
    sockets = [one.transport for one in machine.listeners] if machine else []
    return [
        _gauge(
            "portbook_machine_looked", "1 once this machine was looked at.", machine is not None
        ),
        Family(
            "portbook_listeners",
            "gauge",
            "Sockets of this machine that are open for others, by transport.",
            tuple(Sample(sockets.count(one), {"transport": one.value}) for one in Transport),
        ),
        _gauge(
            "portbook_machine_hidden",
            "Things of this machine that may not be seen for lack of permission.",
            len(machine.summary.hidden) if machine else 0,
        ),
    ]


def _served(desk: Desk, state: Any) -> list[Family]:
    kept, shelved = kept_counts(state), states(desk.shelf.stories())
    return [
        Family(
            "portbook_build_info",
            "gauge",
            "Always 1; the version is in the label.",
            (Sample(1, {"version": __version__}),),
        ),
        _gauge("portbook_start_time_seconds", "Unix time of the start.", desk.began_ns // 10**9),
        _gauge("portbook_watch_healthy", "1 while changes are noticed.", desk.problem is None),
        _gauge("portbook_viewers", "Readers of the event stream.", desk.events.readers),
        _counter("portbook_events_total", "Events told to readers.", desk.events.published),
        _gauge("portbook_pages_kept", "Answers that are kept.", kept.pages),
        _gauge("portbook_pages_kept_bytes", "Octets of what is kept.", kept.octets),
        _counter("portbook_pages_made_total", "Answers that were made to be kept.", kept.made),
        _counter("portbook_pages_reused_total", "Answers from what was kept.", kept.answered),
        Family(
            "portbook_stories",
            "gauge",
            "Captures and interfaces, by state.",
            tuple(Sample(shelved.get(one, 0), {"state": one}) for one in STATES),
        ),
    ]


def _received(desk: Desk, told: Told | None) -> list[Family]:
    """Tell of the receiver, where one is known."""
    if desk.stations is None:
        return []
    verdicts = [one.verdict for one in told.stations] if told else []
    stations = [Sample(verdicts.count(one), {"state": one.value}) for one in Verdict]
    return [
        _gauge(
            "portbook_receiver_reachable",
            "1 while the receiver tells how it does.",
            told is not None,
        ),
        Family(
            "portbook_stations", "gauge", "Stations of the receiver, by state.", tuple(stations)
        ),
    ]


def _gauge(name: str, help_: str, value: int) -> Family:
    return Family(name, "gauge", help_, (Sample(value),))


def _counter(name: str, help_: str, value: int) -> Family:
    return Family(name, "counter", help_, (Sample(value),))


routes = [metrics]
