"""Pictures without an interface: this machine's sockets, and what the book keeps, read only.

The book may be large: only so many rows of a list are fetched as the reader has gone down, and
only when somebody has written in it or something else is asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from portbook.addresses import Scope
from portbook.book import Book, Seen
from portbook.book.listings import MOST_ROWS, Asked
from portbook.errors import SourceError
from portbook.faces.tui import booked, details
from portbook.faces.tui.arranging import Rows, View, arrange
from portbook.faces.tui.columns import Moment
from portbook.faces.tui.details import Section
from portbook.faces.tui.filters import NOTHING
from portbook.faces.tui.news import News, Newsroom, changed
from portbook.faces.tui.picture import Line, Picture, Tab, of_story
from portbook.faces.tui.rates import many
from portbook.faces.tui.sockets import Sockets
from portbook.findings.accepted import Acceptance, mark
from portbook.records import THIS_MACHINE, Finding, Summary
from portbook.survey.knowledge import Knowledge
from portbook.survey.story import Story

NEWS_NS = 24 * 3_600_000_000_000  # of the book, that are shown on the overview
MOST_NEWS = 200
MOST_WRONG = 100
EMPTY_BOOK = "The book knows none that is there still."
NO_BOOK = (
    "No book is kept here: `portbook book create` begins one, and `portbook watch` and "
    "`portbook read` fill it. To see what an interface carries now: `portbook top INTERFACE`."
)
TALKS = "Conversations are heard, not kept in the book: `portbook top INTERFACE` shows them."


class _Kept(NamedTuple):
    """What the overview and the tabs tell of the book, as of one version of it."""

    version: int
    counts: dict[str, int]
    uncounted: frozenset[str]
    findings: tuple[Finding, ...]
    news: tuple[News, ...]
    accepted: tuple[Acceptance, ...]


class Machine:
    """This machine and the book.

    book_path: None where no book is kept; seconds: be over after so long, None: never
    """

    def __init__(
        self,
        knowledge: Knowledge,
        sockets: Sockets,
        book_path: Path | None,
        *,
        seconds: float | None = None,
    ) -> None:
        self._claims, self._sockets = knowledge.claims, sockets
        self._path = book_path
        self._book: Book | None = None  # opened in the thread that asks it
        self._kept: _Kept | None = None
        self._trouble: str | None = None  # why the book could not be asked the last time
        self._newsroom = Newsroom()
        self._looked = 0
        self._rows: tuple[object, Rows] | None = None  # the last ones, and what was asked for
        self._ends_s = None if seconds is None else time.monotonic() + seconds
        self.last = Story(Summary(0, 0, 0, 0.0), machine=True)  # of this machine alone

    def look(self) -> Picture:
        """Return the picture of now."""
        now_ns = time.time_ns()
        story = self._sockets.look()
        if self._sockets.looked != self._looked:
            self._looked = self._sockets.looked
            self._newsroom.compare(story.listeners, now_ns)
        kept = self._known(now_ns)
        if kept is not None:
            found = tuple(mark(story.findings, kept.accepted, now_ns))
            story = msgspec.structs.replace(story, findings=found)
        self.last = story
        if kept is not None:
            story = msgspec.structs.replace(story, findings=(*story.findings, *kept.findings))
        picture = of_story(
            THIS_MACHINE,
            story,
            Moment(now_ns, now_ns),
            _latest(self._newsroom.latest, kept.news if kept else ()),
            self._lines(story, kept),
            state="",
        )
        counts = {**picture.counts, **(kept.counts if kept else {}), "conversations": None}
        if kept:
            counts["findings"] = kept.counts["findings"] + len(self.last.findings)
        over = self._ends_s is not None and time.monotonic() >= self._ends_s
        uncounted = kept.uncounted if kept else frozenset()
        return picture._replace(counts=counts, uncounted=uncounted, over=over)

    def rows(self, tab: Tab, view: View, picture: Picture) -> Rows:
        """Return rows of a tab: of the sockets all, of the book as many as are wanted."""
        if tab.word == "listeners":
            return arrange(tab.kind, picture.story.listeners, view)
        if tab.word not in booked.KINDS or self._kept is None:
            return arrange(tab.kind, getattr(picture.story, tab.word), view)
        question = (tab.word, view, self._kept.version, self._looked)
        if self._rows is None or self._rows[0] != question:
            self._rows = question, self._fetched(tab, view, picture)
        return self._rows[1]

    def page(self, record: msgspec.Struct, picture: Picture) -> list[Section]:
        """Return all that is known of one row."""
        return details.page(record, picture.story, self._claims, picture.moment)

    def empty(self, tab: Tab) -> str:
        """Return what to say of a tab without rows."""
        if tab.word == "conversations":
            return TALKS
        if tab.word == "listeners":
            return "This machine has no socket open for others."
        return EMPTY_BOOK if self._path else NO_BOOK

    def close(self) -> None:
        """Close the book."""
        if self._book is not None:
            self._book.close()
            self._book = None

    def _known(self, now_ns: int) -> _Kept | None:
        """Return what the book tells; where it cannot be asked now, what it told before."""
        try:
            self._kept, self._trouble = self._refreshed(now_ns), None
        except SourceError as error:
            self._trouble = str(error)
        return self._kept

    def _refreshed(self, now_ns: int) -> _Kept | None:
        """Ask the book for its news when somebody has written in it."""
        if self._path is None:
            return None
        if self._book is None:
            self._book = Book.open(self._path, readonly=True)
        book, version = self._book, self._book.data_version()
        if self._kept is not None and self._kept.version == version:
            return self._kept
        wrong = book.listed("finding", Asked(order="-level", most=MOST_WRONG))
        accepted = tuple(book.accepted())
        lists = {word: book.listed(kind, Asked(most=1)) for word, kind in booked.KINDS.items()}
        counts = {word: page.counted for word, page in lists.items()}
        own = book.listed("finding", Asked(source=THIS_MACHINE, most=1))
        counts["findings"] = max(0, counts["findings"] - own.counted)  # looked for anew
        return _Kept(
            version,
            counts,
            frozenset(word for word, page in lists.items() if page.more),
            tuple(self._findings(wrong.rows, accepted, now_ns)),
            changed(book.latest(now_ns - NEWS_NS, MOST_NEWS)),
            accepted,
        )

    def _findings(
        self, seen: Iterable[Seen], accepted: Iterable[Acceptance], now_ns: int
    ) -> Iterator[Finding]:
        """Give the book's findings but for this machine's, which are looked for anew."""
        others = (one for one in seen if one.source != THIS_MACHINE)
        return booked.findings(others, self._claims, accepted, now_ns)

    def _fetched(self, tab: Tab, view: View, picture: Picture) -> Rows:
        assert self._book is not None
        assert self._kept is not None
        order = booked.order(tab.word, tab.kind.columns[view.order].name, view.down)
        asked = booked.asked(view.sought, order, min(view.reach, MOST_ROWS))
        seen, more = list[Seen](), True
        while more and len(seen) < view.reach:
            page = self._book.listed(booked.KINDS[tab.word], asked)
            seen += page.rows
            more = page.next is not None
            asked = msgspec.structs.replace(asked, after=page.next)
        records: list[Any] = [booked.record(one, self._claims) for one in seen]
        total = self._kept.counts[tab.word]
        if tab.word == "findings":
            own = [one for one in picture.story.findings if one.source == THIS_MACHINE]
            records = [
                *(one for one in own if view.sought.takes("finding", one, tab.kind.text)),
                *self._findings(seen, self._kept.accepted, picture.moment.now_ns),
            ]
            total += len(own)
        # the book has filtered them; its order and ours agree but for rows of other sources
        shown = arrange(tab.kind, records, view._replace(sought=NOTHING)).rows
        counted = tab.word not in self._kept.uncounted
        return Rows(shown, max(total, len(shown)) if counted else 0, more)

    def _lines(self, story: Story, kept: _Kept | None) -> Iterator[Line]:
        open_for = sum(one.scope is not Scope.LOOPBACK for one in story.listeners)
        yield Line(
            "sockets", f"{many(len(story.listeners))}, {many(open_for)} of them beyond loopback"
        )
        for sentence in story.summary.hidden:
            yield Line("hidden", sentence)
        if self._trouble is not None:
            yield Line("book", self._trouble, grave=True)
        elif kept is None:
            yield Line("book", "none is kept; `portbook book create` begins one")
        else:
            told = ", ".join(f"{many(count)} {word}" for word, count in kept.counts.items())
            yield Line("book", f"{told}; {self._path}")


def _latest(*some: Sequence[News]) -> tuple[News, ...]:
    """Return news of several sources together, the latest first."""
    every = (one for news in some for one in news)
    return tuple(sorted(every, key=lambda one: -one.at_ns))
