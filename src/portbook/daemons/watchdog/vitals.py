"""What shows that a receiver does its work, and what is wrong with one that does not. Pure.

Times are nanoseconds of one clock that never goes back; the caller owns it.
"""

from __future__ import annotations

from typing import NamedTuple

SECOND_NS = 1_000_000_000
_SOONER = 0.95  # of a limit: what is left is for the watchdog's own delay
_STATES = {"D": "waiting for a disk", "T": "stopped", "t": "stopped by a debugger"}


class Counts(NamedTuple):
    """What a receiver tells of itself with each heartbeat."""

    packets: int = 0  # that went all the way: received, in the spool, in the ring
    refused: int = 0  # that were read and refused, or were none
    waiting: int = 0  # that are read or in a socket, and wait to be moved
    units_up: int = 0  # instruments that are connected, or were heard within their own silence
    sources: int = 0  # connections that data come from: upstreams, streams, PBL1 links
    expected_s: float = 0.0  # longest interval between packets that those units let expect
    held: str = ""  # why data are left waiting on purpose (a full disk); a restart cannot help

    @property
    def moved(self) -> int:
        """Return what was dealt with: standing still while something waits is being stuck."""
        return self.packets + self.refused


class Limits(NamedTuple):
    """What is waited for, and how long."""

    limit_s: float = 2.0  # a death or a freeze is noticed within this
    start_s: float = 60.0  # a start is ready within this, unless it asks for more
    stop_s: float = 10.0  # an end is over within this
    probe_s: float = 10.0  # between questions at the port
    probe_limit_s: float = 2.0  # for an answer
    stall_s: float = 30.0  # without a packet though instruments are up; or 4 expected intervals
    disk_s: float = 30.0  # mute, but the kernel says that it waits for a disk
    calm_s: float = 10.0  # after so long of serving an end is no failure of the start
    abort_s: float = 0.2  # for writing down where it hung
    backoff_s: float = 1.0
    most_backoff_s: float = 60.0
    again_s: float = 60.0  # between restarts of a process that speaks, for the same fault; doubles
    stalled_again_s: float = 600.0  # the same, where the fault is that no data come
    most_again_s: float = 6 * 3600.0


class Word(NamedTuple):
    """One message of the child."""

    ready: bool = False
    beat: bool = False
    stopping: bool = False
    more_s: float = 0.0  # time asked for, from now on
    counts: Counts | None = None


class Sight(NamedTuple):
    """What the loop sees when it looks."""

    now_ns: int
    running: bool = False  # the child is there, or its end was not collected yet
    status: int | None = None  # of an end since the last look: exit code, or minus the signal
    locked: bool = False  # the operator's lock: hands off
    waits: bool = False  # datagrams wait in the field's socket
    state: str = ""  # the kernel's letter for what the child does; "" unless asked for
    note: str = ""  # more about the sockets, for the reason


class Fault(NamedTuple):
    """What is wrong with a child that serves.

    useless: it is mute, so nobody loses by its end; hopeless: a restart cannot help
    """

    what: str  # hangs stuck waiting silent stalled disk
    why: str
    useless: bool = False
    hopeless: bool = False


SPEAKS = ("stuck", "waiting", "silent", "stalled")  # faults of one that is not mute


class Life:
    """One life of a child, from its start on: what was heard of it, and what is wrong with it."""

    def __init__(self, limits: Limits, now: int) -> None:
        self._limits = limits
        self._limit_ns = int(limits.limit_s * _SOONER * SECOND_NS)
        self.started_at = self.beat_at = now
        self.ready_at: int | None = None
        self.counts: Counts | None = None
        self.probe_at = now
        self.more_until = 0  # it asked for time until then
        self._word_at = self._moved_at = self._packet_at = now
        self._waits_since: int | None = None
        self._unanswered = 0

    def heard(self, word: Word, now: int) -> None:
        """Take in a message of it."""
        self._word_at = now
        if word.more_s > 0:
            self.more_until = now + ns(word.more_s)
        if word.ready and self.ready_at is None:
            self.ready_at = self._moved_at = self._packet_at = now
            self.probe_at = now + ns(self._limits.probe_s)
        if word.ready or word.beat:
            self.beat_at = now
        if word.counts is not None:
            self._count(word.counts, now)

    def probed(self, answered: bool, now: int) -> None:
        """Take in how a question at its port went; after one without answer it is asked again."""
        self._unanswered = 0 if answered else self._unanswered + 1
        self.probe_at = now + (ns(self._limits.probe_s) if answered else 0)

    def forgive(self, now: int) -> None:
        """Hold nothing of the time until now against it."""
        self.beat_at = self._word_at = self._moved_at = self._packet_at = now
        self.more_until = max(self.more_until, now + ns(self._limits.start_s))
        self._waits_since, self._unanswered = None, 0

    def served_ns(self, now: int) -> int:
        """Return how long it has served."""
        return 0 if self.ready_at is None else now - self.ready_at

    def due(self) -> int:
        """Return when it will have been silent for too long."""
        return self.beat_at + self._limit_ns

    def fault(self, sight: Sight, now: int) -> Fault | None:
        """Return what is wrong with it, None when nothing is."""
        if not sight.waits:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = now
        if now - self.beat_at >= self._limit_ns:
            return (
                self._mute(sight, now)
                if now - self._word_at >= self._limit_ns
                else self._stuck(now)
            )
        return self._not_moving(sight, now) or self._not_answering(sight) or self._stalled(now)

    def _mute(self, sight: Sight, now: int) -> Fault:
        mute_ns = now - self._word_at
        if sight.state == "D" and mute_ns < ns(self._limits.disk_s):
            why = "it says nothing, since it waits for a disk; a restart cannot help"
            return Fault("disk", why, hopeless=True)
        does = f"; the process is {_STATES[sight.state]}" if sight.state in _STATES else ""
        asked = "; nor an answer at its port" if self._unanswered else ""
        why = f"no heartbeat for {_shown(mute_ns)} s{does}{asked}{_noted(sight)}"
        return Fault("hangs", why, useless=True)

    def _stuck(self, now: int) -> Fault:
        """Judge one that speaks but sends no heartbeat, since what waits is not moved."""
        counts = self.counts or Counts()
        why = (
            f"it lives, but {counts.waiting} wait and nothing was moved for "
            f"{_shown(now - self.beat_at)} s; {counts.packets} packets so far"
        )
        return Fault("stuck", why)

    def _not_moving(self, sight: Sight, now: int) -> Fault | None:
        counts = self.counts
        if self._waits_since is None or counts is None or counts.held:
            return None
        still_ns = now - max(self._waits_since, self._moved_at)
        # half as much again: the counts come with the beats, and may be as old as one
        if still_ns < self._limit_ns * 3 // 2:
            return None
        why = f"datagrams wait in the socket, and nothing was read for {_shown(still_ns)} s"
        return Fault("waiting", why + _noted(sight))

    def _not_answering(self, sight: Sight) -> Fault | None:
        if self._unanswered < 2:  # one may be lost in a storm of clients that come back
            return None
        why = f"{self._unanswered} questions in a row at its port found no answer"
        return Fault("silent", why + _noted(sight))

    def _stalled(self, now: int) -> Fault | None:
        counts = self.counts
        if counts is None or not counts.units_up or counts.held:
            return None
        limit_s = max(self._limits.stall_s, 4 * counts.expected_s)
        still_ns = now - self._packet_at
        if still_ns < ns(limit_s):
            return None
        why = f"no packet for {_shown(still_ns)} s, though {counts.units_up} instruments are up"
        return Fault("stalled", why)

    def _count(self, told: Counts, now: int) -> None:
        before = self.counts
        self.counts = told
        if before is None or before.moved != told.moved:
            self._moved_at = now
        if before is None or before.packets != told.packets or not told.units_up:
            self._packet_at = now


def ns(seconds: float) -> int:
    """Return seconds as nanoseconds."""
    return int(seconds * SECOND_NS)


def _shown(nanoseconds: int) -> str:
    return f"{nanoseconds / SECOND_NS:.2f}"


def _noted(sight: Sight) -> str:
    return f"; {sight.note}" if sight.note else ""
