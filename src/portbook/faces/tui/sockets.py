"""This machine's sockets for a picture that is alive: looked at every few seconds."""

from __future__ import annotations

import time

import msgspec

from portbook.records import Summary
from portbook.survey import machine
from portbook.survey.knowledge import Knowledge
from portbook.survey.story import Story

EVERY_S = 5.0
SHARE = 5  # a look may take one part in so many of the time
_NOTHING = Summary(0, 0, 0, 0.0)


class Sockets:
    """Looks at the sockets when it is time to. judged: False leaves findings out."""

    def __init__(self, knowledge: Knowledge, site: str, *, judged: bool) -> None:
        self._knowledge, self._site, self._judged = knowledge, site, judged
        self._story: Story | None = None
        self._next_s = 0.0
        self.looked = 0  # times

    def look(self) -> Story:
        """Return the latest look at the sockets, a new one where the last is old."""
        began = time.monotonic()
        if self._story is None or began >= self._next_s:
            self._story = self._look()
            self.looked += 1
            took = time.monotonic() - began
            self._next_s = time.monotonic() + max(EVERY_S, SHARE * took)
        return self._story

    def _look(self) -> Story:
        try:
            return machine.look(
                self._knowledge, now_ns=time.time_ns(), site=self._site, judged=self._judged
            )
        except OSError as error:
            why = f"this system gives no list of its sockets: {error.strerror}"
            return Story(msgspec.structs.replace(_NOTHING, hidden=(why,)), machine=True)
