"""What a source tells at one moment, and what a source is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from portbook.faces.tui.arranging import Rows, View
from portbook.faces.tui.columns import (
    ANNOUNCEMENTS,
    CONVERSATIONS,
    DEVICES,
    FINDINGS,
    LISTENERS,
    SERVICES,
    Kind,
    Moment,
)
from portbook.faces.tui.details import Section
from portbook.faces.tui.news import News
from portbook.records import Finding
from portbook.survey.story import Story


class Tab(NamedTuple):
    """One tab. word: the field of a story; short: its title where there is little room."""

    word: str
    title: str
    short: str
    kind: Kind


TABS = (
    Tab("services", "Services", "Services", SERVICES),
    Tab("devices", "Devices", "Devices", DEVICES),
    Tab("announcements", "Announcements", "Announ.", ANNOUNCEMENTS),
    Tab("conversations", "Conversations", "Convers.", CONVERSATIONS),
    Tab("findings", "Findings", "Findings", FINDINGS),
    Tab("listeners", "Listeners", "Listen.", LISTENERS),
)


class Line(NamedTuple):
    """A line of the overview. grave: something is wrong, which its words say too."""

    label: str
    words: str
    grave: bool = False


class Picture(NamedTuple):
    """All that is known at one moment.

    source: an interface, or this machine; state: what is going on, in a few words
    counts: rows of each tab, None where there are none by nature; rates: packets a second so far
    uncounted: tabs that have more rows than were counted
    wrong: findings that nobody has accepted, the gravest first; news: the latest first
    """

    source: str
    state: str
    grave: bool
    moment: Moment
    story: Story
    counts: Mapping[str, int | None]
    lines: tuple[Line, ...]
    wrong: Sequence[Finding]
    news: Sequence[News]
    rates: tuple[float, ...] | None = None
    uncounted: frozenset[str] = frozenset()
    over: bool = False  # nothing will come any more, and nobody need wait for it


class Source(Protocol):
    """Where pictures come from. All is called from one thread, which may wait."""

    def look(self) -> Picture | None:
        """Return what is known now; None: nothing else than the last time."""

    def rows(self, tab: Tab, view: View, picture: Picture) -> Rows:
        """Return rows of a tab as the view wants them."""

    def page(self, record: msgspec.Struct, picture: Picture) -> list[Section]:
        """Return all that is known of one row."""

    def empty(self, tab: Tab) -> str:
        """Return what to say of a tab without rows: why, and what fills it."""

    def close(self) -> None:
        """Let go of what was opened for this."""


def of_story(
    source: str,
    story: Story,
    moment: Moment,
    news: Sequence[News],
    lines: Iterable[Line],
    *,
    state: str,
    grave: bool = False,
    rates: tuple[float, ...] | None = None,
) -> Picture:
    """Return the picture of a story, all of which is at hand."""
    return Picture(
        source=source,
        state=state,
        grave=grave,
        moment=moment,
        story=story,
        counts={tab.word: len(getattr(story, tab.word)) for tab in TABS},
        lines=tuple(lines),
        wrong=gravest(story.findings),
        news=news,
        rates=rates,
    )


def gravest(findings: Sequence[Finding]) -> list[Finding]:
    """Return what nobody has accepted, the gravest first."""
    return sorted(
        (one for one in findings if one.accepted is None),
        key=lambda one: (-one.level.rank, one.code, one.subject),
    )
