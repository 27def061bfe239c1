"""The first tab: how much comes, what is wrong, what is new."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from portbook.faces.tui import bars
from portbook.faces.tui.arranging import Rows
from portbook.faces.tui.columns import FINDINGS, NEWS
from portbook.faces.tui.filters import Sought
from portbook.faces.tui.listing import Listing
from portbook.faces.tui.news import News
from portbook.faces.tui.picture import Picture
from portbook.faces.tui.widgets import Bar

FINE = "Nothing is wrong, as far as can be seen."
QUIET = "Nothing is new so far."


class Overview(Vertical):
    """Lines that sum up, and two tables; Tab goes from one to the other."""

    DEFAULT_CSS = "Overview, Overview > Listing { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.listings = {"wrong": Listing(FINDINGS, "wrong"), "news": Listing(NEWS, "news")}
        self.listings["wrong"].empty, self.listings["news"].empty = FINE, QUIET
        self._titles = {name: Bar(f"{name}-title") for name in self.listings}
        self._lines = Bar("lines")

    def compose(self) -> ComposeResult:
        """Lay out lines and tables."""
        yield self._lines
        for name, listing in self.listings.items():
            yield self._titles[name]
            yield listing

    def show(self, picture: Picture, sought: Sought, words: str, trouble: str) -> None:
        """Show a picture through the filter.

        words: the filter as it was typed; trouble: what is wrong with a newer one
        """
        lines = [*((line, ()) for line in bars.lines(picture, self.size.width)), ((), ())]
        self._lines.show_lines(lines)
        wrong = [one for one in picture.wrong if sought.takes("finding", one, FINDINGS.text)]
        news = [one for one in picture.news if _is_wanted(sought, one)]
        room = self.size.height - len(lines) - 2
        self.listings["wrong"].styles.height = bars.height_of(len(wrong), room)
        for name, title, rows in (
            ("wrong", "What is wrong", Rows(wrong, len(picture.wrong))),
            ("news", "What is new", Rows(news, len(picture.news))),
        ):
            self.listings[name].show(rows, picture.moment)
            self._titles[name].show(
                bars.headline(title, rows, words, trouble if name == "wrong" else "")
            )


def _is_wanted(sought: Sought, one: News) -> bool:
    kind = str(one.record.__struct_config__.tag)
    return sought.takes(kind, one.record, lambda _: NEWS.text(one))
