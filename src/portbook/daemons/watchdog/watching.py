"""Decides when a receiver is started, left alone, ended or killed, and why. Pure.

Three signals are judged: the process lives, it answers at its port, and data move through it
(reftek.md 4.2). A process that is dead or mute is useless, so it is replaced at once, with pauses
only where it keeps dying. One that speaks is useful to somebody: it is restarted for a fault that
a restart can mend, for the same fault again only after pauses that grow, and never because no
instrument sends.
"""

from __future__ import annotations

import signal
from enum import Enum
from typing import NamedTuple

from portbook.daemons.watchdog.patience import Backoff, Spacing
from portbook.daemons.watchdog.vitals import (
    SECOND_NS,
    SPEAKS,
    Counts,
    Fault,
    Life,
    Limits,
    Sight,
    Word,
    ns,
)

_MOST_STEP_NS = SECOND_NS // 2  # that one look lets pass, however long it was away
_LOOK_NS = SECOND_NS // 4  # between looks, at most
_LEAST_NS = SECOND_NS // 1000
_KILL_AGAIN_NS = SECOND_NS


class Do(Enum):
    """What the loop has to do now."""

    NOTHING = "nothing"
    START = "start"
    TERMINATE = "terminate"  # SIGTERM: end in good order
    ABORT = "abort"  # SIGABRT: write down where you hang, and end
    KILL = "kill"
    LEAVE = "leave"  # everything has ended, as was asked


class Act(NamedTuple):
    """What to do, and why; look again after wait_ns at the latest."""

    do: Do = Do.NOTHING
    what: str = ""  # start died stopped late, or a fault's
    why: str = ""
    probe: bool = False  # ask at the port, unless a question is open
    wait_ns: int = _LOOK_NS


class _Phase(Enum):
    DOWN = 0
    STARTING = 1
    SERVING = 2
    ENDING = 3


class Watch:
    """Judges one child after the other: `heard` and `probed` as it happens, and `look` often.

    It has a clock of its own, which a look moves on by half a second at most: when the whole
    machine stood still, the child is not blamed for it.
    leaving: it was told to end the child and leave
    trouble: why things stay bad although all was tried, "" when they do not; for an alarm
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.trouble = ""
        self.last = ("start", "the first start")  # what and why of the last end
        self._phase = _Phase.DOWN
        self.leaving = False
        self._backoff = Backoff(self.limits.backoff_s, self.limits.most_backoff_s)
        self._spacings = {what: self._spacing(what) for what in SPEAKS}
        self._seen_ns: int | None = None
        self._now = 0
        self._start_at = 0
        self._end_at = 0  # when a child that is told to end is killed
        self._kills = 0
        self._life = Life(self.limits, 0)

    @property
    def counts(self) -> Counts | None:
        """Return what the child told of itself last."""
        return self._life.counts

    @property
    def serving(self) -> bool:
        """Tell whether the child is ready and was not told to end."""
        return self._phase is _Phase.SERVING

    @property
    def well(self) -> bool:
        """Tell whether it has served long enough for the past to be forgotten."""
        return self.serving and self._life.served_ns(self._now) >= ns(self.limits.calm_s)

    @property
    def late(self) -> bool:
        """Tell whether a beat or an end is late: then what the process does is worth a look."""
        silent_ns = self._now - self._life.beat_at
        return self._phase is _Phase.ENDING or (
            self.serving and silent_ns > ns(self.limits.limit_s) // 2
        )

    def leave(self) -> None:
        """End the child in good order, and then leave."""
        self.leaving = True

    def heard(self, word: Word, now_ns: int) -> None:
        """Take in a message of the child."""
        self._tick(now_ns)
        self._life.heard(word, self._now)
        if word.ready and self._phase is _Phase.STARTING:
            self._phase = _Phase.SERVING
        if word.more_s > 0 and self._phase is _Phase.ENDING and not self._kills:
            self._end_at = max(self._end_at, self._life.more_until)
        if word.stopping and self._phase in (_Phase.STARTING, _Phase.SERVING):
            self._end("stopped", "it stopped by itself, or was told to", self.limits.stop_s)

    def probed(self, answered: bool, now_ns: int) -> None:
        """Take in how a question at the port went."""
        self._tick(now_ns)
        self._life.probed(answered, self._now)

    def look(self, sight: Sight) -> Act:
        """Return what has to be done now."""
        self._tick(sight.now_ns)
        if not sight.running and self._phase is not _Phase.DOWN:
            self._ended(sight.status)
        if self._phase is _Phase.DOWN:
            return self._start(sight)
        if self.leaving or self._phase is _Phase.ENDING:
            return self._insist(sight)
        if sight.locked:
            self._life.forgive(self._now)
            return Act()
        fault = self._starting() if self._phase is _Phase.STARTING else self._judge(sight)
        return fault or Act(probe=self._asks(), wait_ns=self._until_due())

    def _tick(self, now_ns: int) -> None:
        if self._seen_ns is not None:
            self._now += min(max(0, now_ns - self._seen_ns), _MOST_STEP_NS)
        self._seen_ns = now_ns

    def _spacing(self, what: str) -> Spacing:
        first_s = self.limits.stalled_again_s if what == "stalled" else self.limits.again_s
        return Spacing(first_s, self.limits.most_again_s)

    def _start(self, sight: Sight) -> Act:
        if self.leaving:
            return Act(Do.LEAVE)
        if sight.locked:
            return Act()
        if self._now < self._start_at:
            return Act(wait_ns=min(_LOOK_NS, self._start_at - self._now))
        self._phase = _Phase.STARTING
        self._life = Life(self.limits, self._now)
        return Act(Do.START, *self.last)

    def _ended(self, status: int | None) -> None:
        """Write down an end, its reason, and when the next start may be."""
        served_ns = self._life.served_ns(self._now)
        ended = self._phase is _Phase.ENDING
        if not ended:
            after = f"{served_ns / SECOND_NS:.1f} s of serving" if served_ns else "no serving"
            self.last = ("died", f"it {_how(status)} after {after}")
        self._phase = _Phase.DOWN
        if ended and self.last[0] in SPEAKS:  # these have pauses of their own, before the end
            self._start_at = self._now
            return
        pause_ns = self._backoff.ended(well=served_ns >= ns(self.limits.calm_s))
        self._start_at = self._now + pause_ns
        if pause_ns >= ns(self.limits.most_backoff_s) > 0:
            self.trouble = (
                f"rtpd ended {self._backoff.failures} times in a row before it ran well, and is "
                f"tried every {self.limits.most_backoff_s:g} s; the last time {self.last[1]}"
            )

    def _insist(self, sight: Sight) -> Act:
        """See to it that one that has to end does end."""
        if self._phase is not _Phase.ENDING:
            self._end("stopped", "the watchdog was told to stop", self.limits.stop_s)
            return Act(Do.TERMINATE, *self.last)
        if self._now < self._end_at:
            return Act(wait_ns=min(_LOOK_NS, self._end_at - self._now))
        self._end_at = self._now + _KILL_AGAIN_NS
        self._kills += 1
        if sight.state == "D" and self._kills > 2:
            self.trouble = "rtpd cannot be ended: the kernel holds it, waiting for a disk"
        return Act(Do.KILL, *self.last)

    def _starting(self) -> Act | None:
        if self._now < self._start_due():
            return None
        took = (self._now - self._life.started_at) / SECOND_NS
        return self._replace("late", f"it was not ready {took:.1f} s after its start", "")

    def _judge(self, sight: Sight) -> Act | None:
        """Return what to do with a child that serves, None when it is left alone."""
        fault = self._life.fault(sight, self._now)
        if fault is None:
            if self.well:
                self._backoff.calm()
                self.trouble = ""
            return None
        if self._tried(fault):
            return None
        return self._replace(fault.what, fault.why, sight.state)

    def _tried(self, fault: Fault) -> bool:
        """Tell whether a restart for this fault is no use now; otherwise count one."""
        if fault.hopeless:
            self.trouble = fault.why
            return True
        if fault.useless:
            return False
        spacing = self._spacings[fault.what]
        wait_ns = spacing.wait_ns(self._now)
        if wait_ns:
            self.trouble = (
                f"{fault.why}; restarts so far that did not mend it: {spacing.attempts}; the next "
                f"may be in {wait_ns / SECOND_NS:.0f} s"
            )
            return True
        spacing.attempt(self._now)
        return False

    def _replace(self, what: str, why: str, state: str) -> Act:
        """End it now. One that is stopped cannot write down where it hangs."""
        if state in ("T", "t"):
            self._end(what, why, _KILL_AGAIN_NS / SECOND_NS)
            return Act(Do.KILL, what, why)
        self._end(what, why, self.limits.abort_s)
        return Act(Do.ABORT, what, why, wait_ns=ns(self.limits.abort_s))

    def _end(self, what: str, why: str, within_s: float) -> None:
        self._phase = _Phase.ENDING
        self._end_at = self._now + ns(within_s)
        self._kills = 0
        self.last = (what, why)

    def _asks(self) -> bool:
        return self.serving and (self._now >= self._life.probe_at or self.late)

    def _start_due(self) -> int:
        return max(self._life.started_at + ns(self.limits.start_s), self._life.more_until)

    def _until_due(self) -> int:
        due = self._life.due() if self.serving else self._start_due()
        return max(_LEAST_NS, min(_LOOK_NS, due - self._now))


def _how(status: int | None) -> str:
    if status is None:
        return "ended, nobody knows how,"
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
