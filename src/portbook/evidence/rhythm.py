"""Announcements: what one end sends by itself, again and again, with a rhythm.

`streams` says what belongs together, `periods` and `mixtures` whether it has a period, `answering`
what is a question or an answer after all. A round is what comes with less than a second of silence
in between, or less than a tenth of the period.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from portbook.evidence.answering import Spoken, exchanged
from portbook.evidence.mixtures import mixed
from portbook.evidence.periods import (
    FEWEST_KNOWN,
    FEWEST_UNKNOWN,
    Period,
    expected,
    known,
    median,
    shown,
    unknown,
)
from portbook.evidence.streams import Member, Stream, Timed, bursts, holes, rounds, streams
from portbook.evidence.table import QUIET_NS
from portbook.protocols import protocols
from portbook.records import Announcement, Confidence

_SECOND = 1_000_000_000
MOST_BEATS = 64  # rounds whose moments are told
FEWEST_TO_ONE = 8  # rounds: a question to one host that stays silent is asked again a few times
_PORT = Stream._fields.index("sender_port")
_COLLAPSE = 10  # of a period: what comes closer than a tenth of it is one round
_NEAR = 0.05  # of a period: how far two measurements of it lie apart
_APART = 1.5  # times the common period: ports that have longer ones have their own


class _Found(NamedTuple):
    """An announcement, and what else is known of it."""

    announcement: Announcement
    spoken: Spoken
    fixed: bool  # its protocol has that very period: nobody has asked for it


class _Rhythm(NamedTuple):
    """The rounds of a series and its period."""

    rounds: list[int]
    period: Period
    fixed: bool


def announcements(
    seen: Iterable[Timed], periods: Mapping[str, float] | None = None
) -> list[Announcement]:
    """Return what repeats with a rhythm: what one port sent as first met, then groups of ports.

    periods: of protocols by name, in seconds; None takes what the protocols declare
    """
    if periods is None:
        periods = {name: one.period_s for name, one in protocols().items() if one.period_s}
    told = streams(seen)
    found: list[_Found] = []
    rest: dict[tuple[object, ...], list[Stream]] = defaultdict(list)
    for stream, members in told.items():
        if stream.asks:
            continue
        # of a million senders nearly all were heard once or twice
        few = sum(member.bursts for member in members) < FEWEST_KNOWN
        here = [] if few else list(_announced(stream, members, periods))
        found += here
        if not (here or stream.to_one) and (few or len(rounds(members)) < FEWEST_KNOWN):
            rest[stream[:_PORT] + stream[_PORT + 1 :]].append(stream)
    for alike in rest.values():
        if len(alike) >= FEWEST_UNKNOWN:
            for group in _groups(alike, told):
                found += _announced(alike[0]._replace(sender_port=None), group, periods)
    asked = exchanged([one.spoken for one in found], told)
    return [
        one.announcement for number, one in enumerate(found) if one.fixed or number not in asked
    ]


def _groups(alike: Iterable[Stream], told: Mapping[Stream, list[Member]]) -> list[list[Member]]:
    """Put together what was sent to the same ports; few are no group."""
    groups: dict[frozenset[int], list[list[Member]]] = defaultdict(list)
    for stream in alike:
        groups[frozenset(member.port for member in told[stream])].append(told[stream])
    return [
        [member for members in group for member in members]
        for group in groups.values()
        if len(group) >= FEWEST_UNKNOWN
    ]


def _announced(
    stream: Stream, members: Sequence[Member], periods: Mapping[str, float]
) -> Iterator[_Found]:
    """Give the announcement of a stream or group; of a port each where they have their own."""
    repeated = _repeated(members)
    whole = _rhythm(stream, repeated, periods)
    parts: dict[int, list[Member]] = defaultdict(list)
    for member in repeated:
        parts[member.port].append(member)
    if len(parts) > 1 and not (whole and whole.fixed):
        own = [(part, _rhythm(stream, part, periods)) for part in parts.values()]
        apart = [(part, rhythm) for part, rhythm in own if rhythm]
        if whole is None or (
            len(apart) == len(parts)
            and all(one.period.seconds > _APART * whole.period.seconds for _, one in apart)
        ):
            for part, rhythm in apart:
                yield _told(stream, part, rhythm)
            return
    if whole:
        yield _told(stream, repeated, whole)


def _rhythm(
    stream: Stream, members: Sequence[Member], periods: Mapping[str, float]
) -> _Rhythm | None:
    fixed = periods.get(stream.protocol or "")
    if fixed:
        found = rounds(members, max(QUIET_NS, round(fixed * _SECOND / _COLLAPSE)))
        period = known(_intervals(found, members), fixed) if len(found) >= FEWEST_KNOWN else None
        if period:
            return _Rhythm(found, period, True)
    found = _collapsed(members)
    if len(found) < (FEWEST_TO_ONE if stream.to_one else FEWEST_UNKNOWN):
        return None
    period = unknown(_intervals(found, members))
    if stream.sender_port is None:
        shared = mixed([(one - found[0]) / _SECOND for one in found])
        # where several moments of one period alternate, what lies between them is no period
        if shared and not (period and _same(shared.seconds, period.seconds)):
            period = shared
    if period is None or (fixed and period.confidence is not Confidence.CONFIRMED):
        return None
    if stream.to_one:
        # nobody answers: it may be told something, and it may be asked in vain
        doubt = f"{period.because}; to one host, which may be asked and not answer"
        period = period._replace(confidence=Confidence.PLAUSIBLE, because=doubt)
    return _Rhythm(found, period, False)


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _NEAR * other


def _intervals(begun: Sequence[int], members: Iterable[Member]) -> list[float]:
    """Return the seconds between rounds, but for those of which some may be missing in between."""
    gone = sorted(holes(members))
    ends = list(accumulate((end for _, end in gone), max))
    found = []
    for earlier, later in pairwise(begun):
        # of the holes that begin before the later round, the furthest end
        before = bisect_left(gone, (later,))
        if not before or ends[before - 1] <= earlier:
            found.append((later - earlier) / _SECOND)
    return found


def _collapsed(members: Iterable[Member]) -> list[int]:
    """Return the rounds of an unknown period: a tenth of the median interval is no pause."""
    members = list(members)
    found = rounds(members)
    if len(found) < FEWEST_UNKNOWN:
        return found
    middle = median([later - earlier for earlier, later in pairwise(found)])
    return rounds(members, max(QUIET_NS, round(middle / _COLLAPSE)))


def _told(stream: Stream, members: Sequence[Member], rhythm: _Rhythm) -> _Found:
    begun, period = rhythm.rounds, rhythm.period
    gone = holes(members)
    times = max(len(begun), *bursts(members).values()) if gone else len(begun)
    wanted = expected(
        ((later - earlier) / _SECOND for earlier, later in pairwise(begun)), period.seconds
    )
    beats = _beats(begun, gone, max(QUIET_NS, round(period.seconds * _SECOND / _COLLAPSE)))
    captures = {member.capture for member in members}
    last = max(members, key=lambda member: member.last_ns)
    why = [f"seen {times} of {max(times, wanted)} expected times", period.because]
    if len(captures) > 1:
        why.append(f"heard in {len(captures)} captures that follow one another")
    if stream.sender_port is None:
        why.append(f"sent from {len({member.sender_port for member in members})} ports")
    announcement = Announcement(
        source=stream.sender,
        destination=stream.destination,
        ports=tuple(sorted({member.port for member in members})),
        transport=stream.transport,
        period_s=shown(period.seconds),
        jitter_s=round(period.jitter, 3),
        times=times,
        expected=max(times, wanted),
        confidence=period.confidence,
        first_ns=begun[0],
        last_ns=last.last_ns,
        capture=last.capture,
        source_port=stream.sender_port,
        protocol=stream.protocol,
        because=tuple(why),
        site=stream.site,
        vlan=stream.vlan,
        beats_ns=beats,
    )
    ports = frozenset(member.sender_port for member in members)
    return _Found(announcement, Spoken(stream, ports, beats), rhythm.fixed)


def _beats(begun: Sequence[int], gone: Iterable[tuple[int, int]], quiet_ns: int) -> tuple[int, ...]:
    """Return the latest rounds: those of which every one is known, behind the last hole."""
    # the ports of one round end their holes a moment after the round began
    known_from = max((end for _, end in gone), default=0) - quiet_ns
    return tuple(one for one in begun[-MOST_BEATS:] if one >= known_from)


def _repeated(members: Sequence[Member]) -> list[Member]:
    """Return the members whose destination port was sent to more than once.

    A scan sends to each port once, and may do so with a rhythm; that announces nothing.
    """
    sent = bursts(members)
    return [member for member in members if sent[member.port] > 1]
