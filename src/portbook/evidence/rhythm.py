"""Announcements: what one end sends by itself, again and again, with a rhythm.

Only what goes one way counts, and never TCP: a poll with its answers and the keep-alives of a
connection have a rhythm too, but announce nothing. What one sender's port sends to one destination
is one series, all destination ports together, since a round often goes to several; a round is
what comes with less than a second of silence in between. The tests themselves stand in `periods`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from portbook.evidence.periods import (
    FEWEST_KNOWN,
    FEWEST_UNKNOWN,
    Period,
    expected,
    known,
    shown,
    unknown,
)
from portbook.evidence.table import FIRST_TIMES, QUIET_NS
from portbook.ports import Transport
from portbook.protocols import protocols
from portbook.records import Announcement, Conversation

_SECOND = 1_000_000_000
_NOBODY = ("0.0.0.0", "::")  # hosts without an address yet: several would look like one
MOST_BEATS = 64  # rounds whose moments are told
FEWEST_TO_ONE = 8  # rounds: a question to one host that stays silent is asked again a few times


class Timed(Protocol):
    """A conversation with the times when its bursts began."""

    @property
    def conversation(self) -> Conversation:
        """Return the conversation, named already where its bytes say anything."""

    @property
    def times(self) -> tuple[int, ...]:
        """Return when bursts began, the first and the last ones, in nanoseconds."""


class _Stream(NamedTuple):
    """What belongs together: one sender's port, one destination, one protocol."""

    capture: str
    site: str
    vlan: int | None
    tunnel: str | None
    transport: Transport
    sender: str
    sender_port: int
    destination: str
    to_one: bool  # a unicast destination
    protocol: str | None


class _Member(NamedTuple):
    """What one conversation adds to its stream."""

    port: int
    times: tuple[int, ...]
    bursts: int
    last_ns: int


def announcements(
    seen: Iterable[Timed], periods: Mapping[str, float] | None = None
) -> list[Announcement]:
    """Return what repeats with a rhythm, in the order in which it was first met.

    periods: of protocols by name, in seconds; None takes what the protocols declare
    """
    if periods is None:
        periods = {name: one.period_s for name, one in protocols().items() if one.period_s}
    streams: dict[_Stream, list[_Member]] = defaultdict(list)
    for one in seen:
        found = _member(one.conversation, one.times)
        if found:
            streams[found[0]].append(found[1])
    told = (_announcement(stream, members, periods) for stream, members in streams.items())
    return [one for one in told if one is not None]


def _member(one: Conversation, times: tuple[int, ...]) -> tuple[_Stream, _Member] | None:
    """Return where a conversation belongs, None when it cannot announce anything."""
    if one.transport is not Transport.UDP or not times:
        return None
    if one.packets_to_server and one.packets_to_client:
        return None
    sender, receiver = (one.client, one.client_port), (one.server, one.server_port)
    if not one.packets_to_server:
        sender, receiver = receiver, sender
    if sender[0] in _NOBODY:
        return None
    stream = _Stream(
        one.source,
        one.site,
        one.vlan,
        one.tunnel,
        one.transport,
        *sender,
        receiver[0],
        one.cast == "unicast",
        one.protocol,
    )
    return stream, _Member(receiver[1], times, one.bursts, one.last_ns)


def _announcement(
    stream: _Stream, members: list[_Member], periods: Mapping[str, float]
) -> Announcement | None:
    repeated = _repeated(members)
    rounds = _rounds(repeated)
    if len(rounds) < FEWEST_KNOWN:
        return None
    holes = _holes(repeated)
    intervals = [
        (later - earlier) / _SECOND
        for earlier, later in pairwise(rounds)
        if not any(earlier < end and begin < later for begin, end in holes)
    ]
    fixed = periods.get(stream.protocol or "")
    period = known(intervals, fixed) if fixed else None
    if period is None and len(rounds) >= (FEWEST_TO_ONE if stream.to_one else FEWEST_UNKNOWN):
        period = unknown(intervals)
    if period is None:
        return None
    return _told(stream, repeated, rounds, holes, period)


def _told(
    stream: _Stream,
    members: list[_Member],
    rounds: list[int],
    holes: list[tuple[int, int]],
    period: Period,
) -> Announcement:
    times = max(len(rounds), *_bursts(members).values()) if holes else len(rounds)
    wanted = expected(
        ((later - earlier) / _SECOND for earlier, later in pairwise(rounds)), period.seconds
    )
    return Announcement(
        source=stream.sender,
        destination=stream.destination,
        ports=tuple(sorted({member.port for member in members})),
        transport=stream.transport,
        period_s=shown(period.seconds),
        jitter_s=round(period.jitter, 3),
        times=times,
        expected=max(times, wanted),
        confidence=period.confidence,
        first_ns=rounds[0],
        last_ns=max(member.last_ns for member in members),
        capture=stream.capture,
        source_port=stream.sender_port,
        protocol=stream.protocol,
        because=(f"seen {times} of {max(times, wanted)} expected times", period.because),
        site=stream.site,
        vlan=stream.vlan,
        beats_ns=_beats(rounds, holes),
    )


def _beats(rounds: Sequence[int], holes: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Return the latest rounds: those of which every one is known, behind the last hole."""
    # the ports of one round end their holes a moment after the round began
    known_from = max((end for _, end in holes), default=0) - QUIET_NS
    return tuple(one for one in rounds[-MOST_BEATS:] if one >= known_from)


def _repeated(members: list[_Member]) -> list[_Member]:
    """Return the members whose destination port was sent to more than once.

    A scan sends to each port once, and may do so with a rhythm; that announces nothing.
    """
    bursts = _bursts(members)
    return [member for member in members if bursts[member.port] > 1]


def _bursts(members: Sequence[_Member]) -> dict[int, int]:
    """Return the bursts to each destination port; a conversation cut in parts adds up."""
    found: dict[int, int] = defaultdict(int)
    for member in members:
        found[member.port] += member.bursts
    return found


def _rounds(members: Iterable[_Member]) -> list[int]:
    """Return when rounds began: all times in order, those less than a second apart together."""
    found: list[int] = []
    before = -QUIET_NS
    for time_ns in sorted(time for member in members for time in member.times):
        if not found or time_ns - before >= QUIET_NS:
            found.append(time_ns)
        before = time_ns
    return found


def _holes(members: Iterable[_Member]) -> list[tuple[int, int]]:
    """Return the stretches whose times were not kept: behind the first ones of a long series."""
    return [
        (member.times[FIRST_TIMES - 1], member.times[FIRST_TIMES])
        for member in members
        if member.bursts > len(member.times) > FIRST_TIMES
    ]
