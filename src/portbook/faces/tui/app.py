"""The application: takes pictures from a source, shows them, obeys the keys.

All that may take a while (a look, sorting, a page of the book) is done in one thread beside, so
that keys are obeyed at once; what is asked for anew makes the older question void.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from portbook.errors import SourceError, UsageError
from portbook.faces.tui import bars, filters
from portbook.faces.tui.arranging import PAGE, Rows, View
from portbook.faces.tui.helping import HELP
from portbook.faces.tui.listing import Listing
from portbook.faces.tui.overview import Overview
from portbook.faces.tui.picture import TABS, Picture, Source, Tab
from portbook.faces.tui.widgets import Bar, Page

LOOK_S = 1.0
SHARE = 4  # filling a table may take one part in so many of the time
NEAR_END = 100  # rows before the end of what was fetched, where more is fetched
UNFIT = "No row fits the filter; / changes it."
_EVERYWHERE = ("quit", "redraw", "suspend_process")
Result = TypeVar("Result")


class Top(App[None]):
    """The picture of one source. name: what it is of; words: a filter to begin with."""

    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    #filter { display: none; height: 1; border: none; padding: 0 1; background: ansi_default; }
    #page-body {
        height: 1fr; scrollbar-size-vertical: 1; scrollbar-color: ansi_bright_black;
        scrollbar-color-active: ansi_bright_black; scrollbar-color-hover: ansi_bright_black;
    }
    #page-body Static { width: 1fr; height: auto; }
    """
    ENABLE_COMMAND_PALETTE = False
    # priority: keys that come in one stroke, as over a slow line, are obeyed in their order
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, show=False, priority=True)
        for keys, action in (
            *((str(at + 1), f"tab({at})") for at in range(len(TABS) + 1)),
            ("right", "turn(1)"),
            ("left", "turn(-1)"),
            ("slash", "filter"),
            ("s", "sort"),
            ("r", "reverse"),
            ("p", "pause"),
            ("question_mark,f1", "help"),
            ("q", "leave"),
            ("ctrl+l", "redraw"),
            ("ctrl+c", "quit"),
            ("ctrl+z", "suspend_process"),
        )
    ]

    def __init__(self, source: Source, name: str, words: str = "") -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.source, self.source_name = source, name
        self.picture: Picture | None = None
        self.paused = False
        self.chosen = 0  # tab; 0: the overview
        self.words = words
        self.views = {tab.word: _first_view(tab) for tab in TABS}
        self._pool = ThreadPoolExecutor(1, "portbook-look")
        # held, not looked for: what was asked for may come when they are gone from the screen
        self._bars = {name: Bar(name) for name in ("head", "tabs", "title", "keys")}
        self._listings = {tab.word: Listing(tab.kind, tab.word) for tab in TABS}
        self._overview = Overview()
        self._box = Input(id="filter", placeholder=filters.HINT, compact=True)
        self._looking = False
        self._fill_at = 0.0  # not before this moment, on the monotonic clock
        self._trouble = ""  # with what was asked for
        self._complaint = ""  # of the filter that is typed
        self._seek(words)

    def compose(self) -> ComposeResult:
        """Lay out all tabs; one of them is seen."""
        yield self._bars["head"]
        yield self._bars["tabs"]
        yield Bar("gap")
        yield self._overview
        yield self._bars["title"]
        yield from self._listings.values()
        yield self._bars["keys"]
        yield self._box

    def on_mount(self) -> None:
        """Begin to look."""
        self._obey_signals()
        self.app_resume_signal.subscribe(self, lambda _: self.action_redraw())
        for tab in TABS:
            self.listing(tab.word).empty = "One moment …"
        self._turn_to(0)
        self.set_interval(LOOK_S, self.look)
        self.look()

    async def on_unmount(self) -> None:
        """Let the thread beside end."""
        await self._beside(self.source.close)
        self._pool.shutdown(wait=True)

    def on_resize(self) -> None:
        """Lay the lines out anew, once all have their new sizes."""
        self.call_after_refresh(self._show_frame)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave keys to the page that is read, and to the filter that is typed."""
        if action in _EVERYWHERE:
            return True
        return len(self.screen_stack) == 1 and not self._box.display

    def listing(self, name: str) -> Listing:
        """Return a table by its tab's word, or `wrong` or `news`."""
        return self._listings.get(name) or self._overview.listings[name]

    def bar(self, name: str) -> Bar:
        """Return a line."""
        return self._bars[name]

    def look(self) -> None:
        """Take the next picture, unless the last one is still being taken."""
        if not self._looking and not self.paused:
            self._looking = True
            self.run_worker(self._look(), group="look")

    async def _look(self) -> None:
        try:
            picture = await self._beside(self.source.look)
            if picture is not None and not self.paused:
                self.picture = picture
                self._show_frame()
                if time.monotonic() >= self._fill_at:
                    await self._fill()
                if picture.over:
                    self.exit()
        finally:
            self._looking = False

    async def _fill(self, *, home: bool = False) -> None:
        """Fill the table in sight; home: begin at its top."""
        if self.picture is None or not self.chosen:
            return
        tab, picture = TABS[self.chosen - 1], self.picture
        view, began = self.views[tab.word], time.monotonic()
        rows, trouble = Rows(), ""
        try:
            rows = await self._beside(lambda: self.source.rows(tab, view, picture))
        except (SourceError, UsageError) as error:
            trouble = str(error)
        if not trouble and not rows.rows:
            hidden = view.sought and picture.counts.get(tab.word)
            self.listing(tab.word).empty = UNFIT if hidden else self.source.empty(tab)
        took = time.monotonic() - began
        self._fill_at = time.monotonic() + SHARE * took
        self._trouble = trouble
        self.listing(tab.word).show(rows, picture.moment, home=home)

    async def _beside(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _refill(self, *, home: bool = False) -> None:
        self.run_worker(self._fill(home=home), group="fill", exclusive=True)

    def _show_frame(self) -> None:
        """Show all that is not a tab's table."""
        room = self.size.width
        self.bar("head").show(*bars.head(self.picture, self.source_name, self.paused))
        self.bar("tabs").show(bars.tabs(self.picture, self.chosen, room))
        self.bar("keys").show(bars.keys(room))
        if self.picture is not None and not self.chosen:
            self._overview.show(self.picture, self._sought, self.words, self._complaint)

    def on_listing_moved(self, moved: Listing.Moved) -> None:
        """Tell where the cursor is; fetch more where the end of what is there comes near."""
        if not self.chosen:
            return
        tab = TABS[self.chosen - 1]
        listing = moved.listing
        if listing.id != tab.word:
            return
        view = self.views[tab.word]
        trouble = self._complaint or self._trouble
        left, right = bars.title(tab, listing.rows, view, self.words, trouble, listing.at)
        self.bar("title").show(left, right)
        have = len(listing.rows.rows)
        if listing.rows.more and listing.at >= have - NEAR_END and view.reach <= have:
            self.views[tab.word] = view._replace(reach=have + PAGE)
            self._refill()

    def on_listing_chosen(self, chosen: Listing.Chosen) -> None:
        """Show all that is known of a row."""
        if self.picture is not None:
            self.run_worker(self._open(getattr(chosen.row, "record", chosen.row)), group="page")

    async def _open(self, record: Any) -> None:
        picture = self.picture
        assert picture is not None
        sections = await self._beside(lambda: self.source.page(record, picture))
        await self.push_screen(Page(sections))

    def action_leave(self) -> None:
        """End."""
        self.exit()

    def action_tab(self, at: int) -> None:
        """Show a tab."""
        self._turn_to(at)

    def action_turn(self, by: int) -> None:
        """Show the next tab, or the one before."""
        self._turn_to((self.chosen + by) % (len(TABS) + 1))

    def _turn_to(self, at: int) -> None:
        self.chosen = at
        self._overview.display = at == 0
        self.bar("title").display = at != 0
        for number, tab in enumerate(TABS, 1):
            self.listing(tab.word).display = at == number
        self.screen.set_focus(self._focused())
        self._show_frame()
        self._refill()

    def _focused(self) -> Listing:
        return self.listing(TABS[self.chosen - 1].word if self.chosen else "wrong")

    def action_sort(self) -> None:
        """Sort by the next column."""
        if self.chosen:
            tab = TABS[self.chosen - 1]
            order = (self.views[tab.word].order + 1) % len(tab.kind.columns)
            self._sort(tab, order, tab.kind.columns[order].down)

    def action_reverse(self) -> None:
        """Sort the other way round."""
        if self.chosen:
            tab = TABS[self.chosen - 1]
            view = self.views[tab.word]
            self._sort(tab, view.order, not view.down)

    def _sort(self, tab: Tab, order: int, down: bool) -> None:
        self.views[tab.word] = self.views[tab.word]._replace(order=order, down=down)
        self._refill()

    def action_pause(self) -> None:
        """Let the picture stand still, or go on."""
        self.paused = not self.paused
        self._show_frame()
        self.look()

    def action_redraw(self) -> None:
        """Draw every line again: another program has written on the screen."""
        for widget in self.screen.walk_children():
            widget.refresh()

    def action_help(self) -> None:
        """Show the keys and the words."""
        self.push_screen(Page(HELP))

    def action_filter(self) -> None:
        """Begin to type a filter."""
        self._box.value = self.words
        self.bar("keys").display, self._box.display = False, True
        self.screen.set_focus(self._box)

    def on_input_changed(self, changed: Input.Changed) -> None:
        """Follow a filter while it is typed; say what is wrong with it."""
        if changed.input.display:
            self._filter(changed.value)

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """Keep the filter, unless it says what cannot be."""
        if self._filter(submitted.value):
            self._leave_filter()

    def on_key(self, event: Any) -> None:
        """Take a filter back."""
        if event.key == "escape" and self._box.display:
            event.stop()
            self._filter("")
            self._leave_filter()

    def _leave_filter(self) -> None:
        self.bar("keys").display, self._box.display = True, False
        self.screen.set_focus(self._focused())

    def _filter(self, words: str) -> bool:
        before = self.words
        try:
            self._seek(words)
            self._complaint = ""
        except UsageError as error:
            self._complaint = str(error)
        self._show_frame()
        self._refill(home=before != self.words)
        return not self._complaint

    def _seek(self, words: str) -> None:
        self._sought = filters.parse(words, time.time_ns())
        self.words = words.strip()
        for word, view in self.views.items():
            self.views[word] = view._replace(sought=self._sought, reach=PAGE)

    def _obey_signals(self) -> None:
        """End in good order when told to from outside, so that the terminal is given back."""
        if self.is_headless:
            return
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if number := getattr(signal, name, None):
                loop.add_signal_handler(number, self.exit)


def _first_view(tab: Tab) -> View:
    return View(down=tab.kind.columns[0].down)
