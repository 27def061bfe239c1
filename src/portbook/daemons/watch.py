"""The loop of `portbook watch`: blocks of an interface go to what is known of it, until the end.

Looks come every second at first; where a look takes long, further apart, so that reading never
waits for telling. An interface that goes down is told, and followed when it comes back.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import msgspec

from portbook.errors import SourceError
from portbook.evidence.capture_ways import Heard
from portbook.evidence.interfaces import Block, InterfaceDownError
from portbook.records import Problem
from portbook.survey.live import Live
from portbook.survey.story import Story

LOOK_S = 1.0
SHARE = 5  # a look may take one part in so many of the time
_WAIT_S, _AWAY_S = 0.2, 0.5
Tell = Callable[[Story, list[msgspec.Struct]], None]


class Watch:
    """One run. tell: takes the story so far and what is new in it, after each look.

    seconds, packets: stop by itself after so long, or so many; None: when told to
    """

    def __init__(
        self,
        interface: Heard,
        live: Live,
        tell: Tell,
        *,
        seconds: float | None = None,
        packets: int | None = None,
    ) -> None:
        self._interface, self._live, self._tell = interface, live, tell
        self._seconds, self._packets = seconds, packets
        self._stopped = False
        self.away = False  # the interface is down, or gone
        self._began = time.monotonic()

    def run(self) -> Story:
        """Listen until the end; return all that was heard."""
        with self._until_told():
            look_at = self._began + LOOK_S
            while not self._ended():
                self._listen(min(_WAIT_S, max(0.0, look_at - time.monotonic())))
                now = time.monotonic()
                if now >= look_at:
                    self._look()
                    took = time.monotonic() - now
                    look_at = now + max(LOOK_S, SHARE * took)
            self._rest()
            return self._look()

    def stop(self) -> None:
        """End in good order, soon; for whoever runs it in a thread of its own."""
        self._stopped = True

    def _listen(self, wait_s: float) -> None:
        """Take what is there; wait for it, a moment, when there is nothing."""
        try:
            if self.away:
                self._follow()
            elif (block := self._interface.block(wait_s)) is not None:
                self._take(block)
        except InterfaceDownError as error:
            self._lose(error)
        except SourceError as error:  # for good: what was heard is still told
            self._lose(error)
            self._stopped = True

    def _follow(self) -> None:
        time.sleep(_AWAY_S)
        if self._interface.reopen():
            self.away = False
            self._live.regain(time.time_ns())
            self._say("the interface is back")

    def _lose(self, error: SourceError) -> None:
        self.away = True
        self._live.lose(time.time_ns())
        self._say(str(error).partition(": ")[2] or str(error))

    def _take(self, block: Block) -> None:
        if block.first is None:
            self._live.feed(block.octets)
        else:
            one = self._interface
            self._live.take(block.octets, block.first, one.link, twice=one.twice)
        self._interface.give_back()

    def _rest(self) -> None:
        """Take what the kernel has filled before the end."""
        try:
            while not self.away and (block := self._interface.block()):
                self._take(block)
        except SourceError as error:
            self._say(str(error).partition(": ")[2])

    def _look(self) -> Story:
        story = self._live.story(time.time_ns(), time.monotonic() - self._began)
        drops = self._interface.drops()
        summary = msgspec.structs.replace(story.summary, dropped=drops.dropped)
        story = msgspec.structs.replace(story, summary=summary)
        self._tell(story, list(self._live.news(story)))
        return story

    def _say(self, what: str) -> None:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._live.problems.append(
            Problem(self._interface.name, f"{self._interface.name}: {what}, {moment}")
        )

    def _ended(self) -> bool:
        over = self._seconds is not None and time.monotonic() - self._began >= self._seconds
        enough = self._packets is not None and self._live.packets >= self._packets
        return self._stopped or over or enough

    @contextmanager
    def _until_told(self) -> Iterator[None]:
        """Stop in good order at SIGINT and SIGTERM, which only the main thread may ask for."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self._stopped = True

        before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
