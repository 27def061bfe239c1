"""Pictures of an interface while it is listened to: the loop of `portbook watch`, in a thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping

import msgspec

from portbook.claims.everything import Claims
from portbook.daemons.watch import Watch
from portbook.evidence.capture_ways import Heard
from portbook.faces import tables
from portbook.faces.tui import details
from portbook.faces.tui.arranging import Rows, View, arrange
from portbook.faces.tui.beats import Pause
from portbook.faces.tui.columns import Moment
from portbook.faces.tui.details import Section
from portbook.faces.tui.keeping import Keeper
from portbook.faces.tui.news import Newsroom
from portbook.faces.tui.picture import Line, Picture, Tab, of_story
from portbook.faces.tui.rates import Rates, many
from portbook.faces.tui.sockets import Sockets
from portbook.survey.live import Live
from portbook.survey.story import Story
from portbook.survey.wants import Wants

MOST_PAUSES = 64


class Listening:
    """What an interface carries, heard in a thread of its own from `start` to `end`.

    wants: what is shown and told; sockets: this machine's, shown beside
    seconds, packets: end after so long, or so many; None: when told to
    """

    def __init__(
        self,
        heard: Heard,
        live: Live,
        claims: Claims,
        keeper: Keeper,
        sockets: Sockets,
        *,
        wants: Wants | None = None,
        seconds: float | None = None,
        packets: int | None = None,
    ) -> None:
        self._watch = Watch(heard, live, self._tell, seconds=seconds, packets=packets)
        self._name, self._live, self._claims = heard.name, live, claims
        self._keeper, self._sockets, self._wants = keeper, sockets, wants or Wants()
        self._bounded = seconds is not None or packets is not None
        self._thread = threading.Thread(target=self._run, name="portbook-watch", daemon=True)
        self._lock = threading.Lock()
        self._latest: Picture | None = None  # without sockets, which are looked at beside
        self._last: Story | None = None
        self._failed: BaseException | None = None
        self._rates, self._news = Rates(), Newsroom()
        self._pauses: deque[Pause] = deque(maxlen=MOST_PAUSES)
        self._away_since: int | None = None

    @property
    def away(self) -> bool:
        """Tell whether the interface is down, or gone."""
        return self._watch.away

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def end(self) -> Story:
        """Stop; return all that was heard, kept in the book.

        Raises what ended the thread, if anything did, and SourceError where the book fails.
        """
        self._watch.stop()
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        assert self._last is not None
        return self._keeper.keep(self._last).only(self._wants)

    def look(self) -> Picture | None:
        """Return the latest picture, None as long as there is none."""
        sockets = self._sockets.look()
        with self._lock:
            latest = self._latest
        if latest is None:
            return self._ended(None) if not self._thread.is_alive() else None
        story = msgspec.structs.replace(latest.story, listeners=sockets.listeners)
        counts = {**latest.counts, "listeners": len(sockets.listeners)}
        picture = latest._replace(story=story, counts=counts)
        return picture if self._thread.is_alive() else self._ended(picture)

    def rows(self, tab: Tab, view: View, picture: Picture) -> Rows:
        """Return rows of a tab, filtered and sorted."""
        return arrange(tab.kind, getattr(picture.story, tab.word), view)

    def page(self, record: msgspec.Struct, picture: Picture) -> list[Section]:
        """Return all that is known of one row."""
        return details.page(record, picture.story, self._claims, picture.moment)

    def empty(self, tab: Tab) -> str:
        """Return what to say of a tab without rows."""
        return EMPTY[tab.word].format(name=self._name)

    def close(self) -> None:
        """Let go of nothing: `end` does."""

    def _run(self) -> None:
        try:
            self._last = self._watch.run()
        except BaseException as error:
            self._failed = error

    def _ended(self, picture: Picture | None) -> Picture | None:
        """Return the last picture, which says that nothing comes any more."""
        if self._failed is not None:
            raise self._failed
        if picture is None or self._bounded:
            return picture and picture._replace(over=True)
        return picture._replace(state="listening has ended", grave=True)

    def _tell(self, story: Story, news: list[msgspec.Struct]) -> None:
        """Take a look of the watching thread."""
        now_ns, now_s = time.time_ns(), time.monotonic()
        shown = self._keeper.take(story, now_ns).only(self._wants)
        self._rates.add(now_s, story.summary.packets)
        self._news.tell(self._within(news, shown), now_ns)
        picture = of_story(
            self._name,
            shown,
            self._moment(now_ns),
            self._news.latest,
            self._lines(shown),
            state="the interface is down" if self._watch.away else "listening",
            grave=self._watch.away,
            rates=self._rates.rates,
        )
        with self._lock:
            self._latest = picture

    def _within(self, news: list[msgspec.Struct], shown: Story) -> list[msgspec.Struct]:
        """Leave out what the filters left out of the story."""
        if not self._wants:
            return news
        kept: Mapping[str, tuple[msgspec.Struct, ...]] = {
            "service": shown.services,
            "device": shown.devices,
            "announcement": shown.announcements,
        }
        stays = {id(one) for some in kept.values() for one in some}
        about = {(one.site, one.vlan, one.code, one.subject) for one in shown.findings}

        def wanted(one: msgspec.Struct) -> bool:
            kind = str(one.__struct_config__.tag)
            if kind == "finding":
                return tuple(getattr(one, name) for name in _FINDING) in about
            return kind not in kept or id(one) in stays

        return list(filter(wanted, news))

    def _moment(self, now_ns: int) -> Moment:
        """Note when nothing could be heard, and return the time with it."""
        if self._watch.away and self._away_since is None:
            self._away_since = now_ns
        elif not self._watch.away and self._away_since is not None:
            self._pauses.append((self._away_since, now_ns))
            self._away_since = None
        return Moment(now_ns, self._away_since or now_ns, tuple(self._pauses))

    def _lines(self, story: Story) -> Iterator[Line]:
        lost = story.summary.dropped
        yield Line("heard", tables.summed_up(story))
        yield Line(
            "lost",
            f"{many(lost)} packets LOST for lack of room in the kernel" if lost else "no packet",
            lost > 0,
        )
        if story.oddities:
            odd = ", ".join(f"{one.name} ({many(one.count)})" for one in story.oddities[:5])
            yield Line("odd", odd)
        for problem in story.problems[-1:]:
            yield Line("trouble", problem.message, grave=self._watch.away)
        if self._keeper.trouble:
            yield Line("book", self._keeper.trouble, grave=True)


_FINDING = ("site", "vlan", "code", "subject")
EMPTY: Mapping[str, str] = {
    "services": "No service was heard on {name} yet: nothing answered, and nothing announces.",
    "devices": "No device on {name} told anything of itself yet.",
    "announcements": "Nothing on {name} repeats with a rhythm yet. That takes a few rounds: a "
    "device that announces itself once a minute is told after some minutes.",
    "conversations": "Nobody spoke on {name} yet.",
    "findings": "Nothing is wrong on {name}, as far as was heard.",
    "listeners": "This machine has no socket open for others.",
}
