"""What has a rhythm because it is asked or answers: a poll, though it looks one-sided.

A question to a group is answered by one host; some protocols answer from another port than the
one that was asked. Each half is a stream of its own, and only the moments show that they belong
together: the answers come right behind the questions, and hardly at other times.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from portbook.evidence.streams import Member, Stream, rounds
from portbook.evidence.table import QUIET_NS

ANSWERED_NS = QUIET_NS  # most time between a question and its answer
_LEAST = 3  # answered questions: fewer may be chance
_SHARE = 0.5  # of the questions, and of the answers


class Spoken(NamedTuple):
    """A stream or a group of them that has a rhythm."""

    stream: Stream
    ports: frozenset[int]  # that it was sent from
    beats_ns: tuple[int, ...]


class _End(NamedTuple):
    """A sender's port."""

    capture: str
    site: str
    vlan: int | None
    tunnel: str | None
    address: str
    port: int


def exchanged(
    spoken: Sequence[Spoken], streams: Mapping[Stream, Sequence[Member]]
) -> frozenset[int]:
    """Return which of what was spoken is half of an exchange, by its place in the list."""
    if not spoken:
        return frozenset()
    asked = {end for one in spoken for end in _senders(one.stream, one.ports)}
    # whom one host alone was told something: it may have asked for it
    answered = {
        _end(one.stream, one.stream.destination, member.port)
        for one in spoken
        if one.stream.to_one
        for member in streams.get(one.stream, ())
    }
    answers: dict[_End, list[Member]] = defaultdict(list)
    questions: dict[_End, list[Member]] = defaultdict(list)
    for stream, members in streams.items():
        for member in members:
            if stream.to_one:
                end = _end(stream, stream.destination, member.port)
                if end in asked:
                    answers[end].append(member)
            end = _end(stream, stream.sender, member.sender_port)
            if end in answered:
                questions[end].append(member)
    return frozenset(
        number
        for number, one in enumerate(spoken)
        if _follow(one.beats_ns, rounds(_of(_senders(one.stream, one.ports), answers)))
        or _follow(rounds(_of(_receivers(one.stream, streams), questions)), one.beats_ns)
    )


def _of(ends: Iterable[_End], members: Mapping[_End, Iterable[Member]]) -> list[Member]:
    return [member for end in ends for member in members.get(end, ())]


def _senders(stream: Stream, ports: Collection[int]) -> set[_End]:
    return {_end(stream, stream.sender, port) for port in ports}


def _receivers(stream: Stream, streams: Mapping[Stream, Sequence[Member]]) -> set[_End]:
    if not stream.to_one:
        return set()
    return {_end(stream, stream.destination, one.port) for one in streams.get(stream, ())}


def _end(stream: Stream, address: str, port: int) -> _End:
    return _End(stream.capture, stream.site, stream.vlan, stream.tunnel, address, port)


def _follow(questions: Sequence[int], answers: Sequence[int]) -> bool:
    """Tell whether answers come right behind questions, mostly, and at no other time, mostly.

    Only while both were heard: of a long series the middle is not kept.
    """
    if not questions or not answers:
        return False
    asked = [one for one in questions if answers[0] - ANSWERED_NS <= one <= answers[-1]]
    heard = [one for one in answers if questions[0] <= one <= questions[-1] + ANSWERED_NS]
    met = 0
    for one in asked:
        at = bisect_left(heard, one)
        met += at < len(heard) and heard[at] - one <= ANSWERED_NS
    return met >= _LEAST and met >= _SHARE * max(len(asked), len(heard))
