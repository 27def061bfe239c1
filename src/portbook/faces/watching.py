"""The picture of a watched interface: drawn anew on a terminal, told line by line elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from portbook.faces import tables
from portbook.faces.terminal import safe
from portbook.records import Announcement, Device, Finding, Oddity, Problem, Service
from portbook.survey.story import Story

if TYPE_CHECKING:
    from rich.live import Live

NEWS = 8  # lines of what is new


class Picture:
    """What a look showed, for people."""

    def __init__(self, conversations: bool) -> None:
        self._conversations = conversations
        self._terminal = sys.stdout.isatty()
        self._live: Live | None = None
        self._news: list[str] = []

    def begin(self) -> None:
        """Take the terminal over, where there is one."""
        if self._terminal:
            from rich.live import Live

            from portbook.faces.terminal import console

            self._live = Live(console=console(), screen=True, auto_refresh=False)
            self._live.start()

    def end(self) -> None:
        """Give the terminal back as it was."""
        if self._live:
            self._live.stop()

    def show(self, story: Story, news: list[msgspec.Struct]) -> None:
        """Draw the story; without a terminal write what is new, a line each."""
        told = [line for one in news if (line := sentence(one))]
        if self._live is None:
            for line in told:
                click.echo(line)
            sys.stdout.flush()
            return
        self._news = (self._news + told)[-NEWS:]
        self._live.update(self._drawn(story), refresh=True)

    def _drawn(self, story: Story) -> Any:
        from rich.console import Group
        from rich.text import Text

        height = self._live.console.size.height if self._live else 24
        room = max(3, (height - NEWS - 12) // 3)
        parts: list[Any] = [Text(summed_up(story), style="bold")]
        parts += tables.compact(story, room, self._conversations)
        parts.append(Text("What is new", style="bold"))
        parts += [Text(f"  {line}", no_wrap=True, overflow="ellipsis") for line in self._news]
        return Group(*parts)


def summed_up(story: Story) -> str:
    """Return what was heard so far in one line, with what was lost."""
    lost = story.summary.dropped
    more = f"; {lost} packets LOST for lack of room in the kernel" if lost else "; no packet lost"
    open_ones = sum(one.accepted is None for one in story.findings)
    return f"{tables.summed_up(story)}{more}; {open_ones} findings"


def sentence(one: msgspec.Struct) -> str:
    """Return something new as one line of text; empty for what is no news to people."""
    if isinstance(one, Service):
        spoken = ", ".join(one.protocols) or "bytes that nothing here knows"
        text = f"service {one.address}:{one.port}/{one.transport.value}: {spoken}"
    elif isinstance(one, Device):
        told = one.facts.values() or one.roles
        text = f"device {', '.join(one.addresses) or one.address}: {', '.join(told)}"
    elif isinstance(one, Announcement):
        text = f"announcement of {one.source} every {one.period_s} s: {one.protocol or 'unnamed'}"
    elif isinstance(one, Finding):
        text = f"{one.level.value} {one.code} {one.subject}: {one.message}"
    elif isinstance(one, Oddity):
        text = f"oddity {one.name}"
    elif isinstance(one, Problem):
        text = one.message
    else:
        return ""
    return safe(text)
