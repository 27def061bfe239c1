"""The full screen without a terminal: a source that tells what a test holds, and a driven app."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from portbook.emulators import plant
from portbook.faces.tui import details
from portbook.faces.tui.app import Top
from portbook.faces.tui.arranging import Rows, View, arrange
from portbook.faces.tui.columns import Moment
from portbook.faces.tui.details import Section
from portbook.faces.tui.news import News
from portbook.faces.tui.picture import Line, Picture, Tab, of_story
from portbook.records import Summary
from portbook.survey.story import Story
from support.knowing import knowledge

END_NS = plant.START_NS + 330 * 1_000_000_000  # half a minute after the last announcement
PATIENCE = 500  # turns of the loop


class Told:
    """A source that tells one story after the other."""

    def __init__(self, story: Story, news: Sequence[News] = (), **more: Any) -> None:
        self.moment = Moment(END_NS, END_NS)
        self.more = {"state": "listening", "rates": (0.0, 12.0, 31.0), **more}
        self.news, self.closed = news, False
        self.lines = [Line("heard", "252 packets"), Line("lost", "no packet")]
        self.asked: list[tuple[str, View]] = []
        self.tell(story)

    def tell(self, story: Story) -> None:
        """Tell this from now on."""
        self.picture = of_story(
            "eth1", story, self.moment, tuple(self.news), self.lines, **self.more
        )

    def look(self) -> Picture | None:
        """Return the picture of the story."""
        return self.picture

    def rows(self, tab: Tab, view: View, picture: Picture) -> Rows:
        """Return rows as a source whose story is at hand does."""
        self.asked.append((tab.word, view))
        return arrange(tab.kind, getattr(picture.story, tab.word), view)

    def page(self, record: msgspec.Struct, picture: Picture) -> list[Section]:
        """Return a record's page."""
        return details.page(record, picture.story, knowledge().claims, picture.moment)

    def empty(self, tab: Tab) -> str:
        """Say that there is nothing."""
        return f"No {tab.word} yet."

    def close(self) -> None:
        """Take notice of the end."""
        self.closed = True


def story(**more: Any) -> Story:
    """Return a story of just these records."""
    return Story(Summary(0, 0, 0, 0.0), **more)


class Hand:
    """Drives an app: keys, waiting for what they do, the text on the screen."""

    def __init__(self, app: Top, pilot: Any) -> None:
        self.app, self._pilot = app, pilot

    async def press(self, *keys: str) -> None:
        """Press keys, each when all that the one before set off is done."""
        for key in keys:
            await self._pilot.press(key)
            await self.settled()

    async def settled(self) -> None:
        """Wait until nothing is going on."""
        await self._pilot.pause()
        await self.app.workers.wait_for_complete()
        await self._pilot.pause()

    async def look(self) -> None:
        """Take a picture now, and fill the table with it."""
        self.app.look()
        await self.settled()
        self.app._refill()
        await self.settled()

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        await self._pilot.resize_terminal(width, height)
        await self.settled()

    async def until(self, there: Callable[[], bool]) -> None:
        """Wait until something is so; fail when it never is."""
        for _ in range(PATIENCE):
            if there():
                return
            await asyncio.sleep(0.01)
            await self._pilot.pause()
        raise AssertionError(f"never so; the screen:\n{self.screen()}")

    def screen(self) -> str:
        """Return the text on the screen."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in lines)


def drive(
    source: Any,
    play: Callable[[Hand], Awaitable[None]],
    *,
    size: tuple[int, int] = (80, 24),
    words: str = "",
) -> Top:
    """Run an app on a terminal that nobody sees; play gets a hand on it."""
    app = Top(source, "eth1", words)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            hand = Hand(app, pilot)
            await hand.settled()
            await play(hand)

    asyncio.run(run())
    return app
