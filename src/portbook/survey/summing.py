"""What captures come to: totals by protocol, services, announcements and findings.

Conversations that differ in their client's port alone are folded into one (`evidence.folding`),
so that a day of short connections takes neither minutes nor memory. Nothing that is judged is
lost by it: rules look at who spoke with which service, in which protocol. What has a rhythm, or
may have one, is never folded. Devices and facts are not gathered.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial

import msgspec

from portbook.claims.everything import Claims
from portbook.evidence import captures
from portbook.evidence.folding import (
    Kind,
    Name,
    Short,
    Totals,
    add,
    alike,
    conversations,
    folding,
    less,
    short,
    totals,
)
from portbook.findings.identity import ENOUGH_OCTETS
from portbook.protocols import protocols
from portbook.protocols.prefilter import prefilter
from portbook.records import LOCAL_SITE, Conversation, Total
from portbook.survey.keeping import is_lost
from portbook.survey.looking import WHOLE, Looked, Progress, Room, settled, stream
from portbook.survey.naming import Named

# a conversation that fits a mould gives its longer head back, so few are filled at a time
ROOM = Room(pool_octets=384 << 20, most=250_000)
SWEPT = 1 << 16  # new conversations after which all that fit their mould are let go of
_FOLDS = ("tcp", "udp")
_TOGETHER = 1000  # conversations that are told at a time
Tell = Callable[[str, Iterable[Short]], None]


def sum_up(
    capture: captures.Capture,
    claims: Claims,
    *,
    site: str = LOCAL_SITE,
    room: Room = ROOM,
    progress: Progress | None = None,
    part: tuple[int, int] = WHOLE,
    tell: Tell | None = None,
) -> Looked:
    """Read a capture to its end, or as far as it can be read, and add up what is in it.

    room: its `most` is of records; what finds none stands in the totals, and is counted
    tell: gets the capture's name and every conversation, many at a time, as they are judged
    """
    each = partial(tell, capture.name) if tell else None
    names = moulded()
    folded = folding(
        names,
        seed=secrets.randbits(64),
        most=room.most,
        enough=ENOUGH_OCTETS,
        unknowable=not prefilter().always,
        every=SWEPT,
        tell=each,
    )
    rest = _Rest(room.most, each)
    end = stream(capture, claims, rest.take, site, room, progress, part, folded)
    found, sums = rest.end(), rest.totals
    if folded:
        for kind, told in totals(folded, names).items():
            add(sums, kind, told)
        for one, where in conversations(folded, names, capture.name, site):
            labels = claims.labels(one.server_port, one.transport)
            record = msgspec.structs.replace(one, claims=labels)
            found.append(Named(record, (), None, 0, where))
    left_out = rest.left_out + (folded.left_out if folded else 0)
    told_on = end._replace(left_out=left_out, totals=tuple(sums.items()))
    return Looked(settled(found), *told_on)


def merged(
    sums: Iterable[Iterable[tuple[Kind, Totals]]], moved: Iterable[tuple[Kind, Kind, Totals]] = ()
) -> tuple[Total, ...]:
    """Return the totals of several captures, the commonest first.

    moved: what got another name after it was added up
    """
    found: dict[Kind, Totals] = {}
    for one in sums:
        for kind, told in one:
            add(found, kind, told)
    for before, after, told in moved:
        less(found, before, told)
        add(found, after, told)
    order = sorted(found, key=lambda kind: (-found[kind].conversations, str(kind)))
    return tuple(Total(*kind, *found[kind][:4]) for kind in order if found[kind].conversations)


def renamed(before: Sequence[Named], after: Sequence[Named]) -> Iterator[tuple[Kind, Kind, Totals]]:
    """Give what is named otherwise than it was: by which name it went, and by which it goes."""
    for one, other in zip(before, after, strict=True):
        if one is not other:
            ((old, told),) = alike((one.conversation,)).items()
            ((new, _),) = alike((other.conversation,)).items()
            if old != new:
                yield old, new, told


@cache
def moulded() -> tuple[Name, ...]:
    """Return all moulds with the names that they stand for."""
    return tuple(Name(one.name, mould) for one in protocols().values() for mould in one.moulds)


class _Rest:
    """What compiled code could not fold: folded here, where it can be, else held as it is."""

    def __init__(self, most: int, tell: Callable[[Iterable[Short]], None] | None) -> None:
        self._most, self._tell = most, tell
        self._untold: list[Short] = []
        self._groups: dict[tuple[object, ...], Named] = {}
        self._others: list[Named] = []
        self.totals: dict[Kind, Totals] = {}
        self.left_out = 0

    def take(self, one: Named) -> None:
        """Add a conversation that was named."""
        told = one.conversation
        if self._tell:
            self._untold.append(short(told))
            if len(self._untold) >= _TOGETHER:
                self._tell(self._untold)
                self._untold.clear()
        for kind, sum_ in alike((told,)).items():
            add(self.totals, kind, sum_)
        if is_lost(told):
            return
        known = _known_by(told)
        before = self._groups.get(known) if known else None
        if before:
            self._groups[known] = _with(before, told)
        elif len(self._groups) + len(self._others) >= self._most:
            self.left_out += 1
        elif known:
            self._groups[known] = one._replace(times=(), identification=None)
        else:
            self._others.append(one)

    def end(self) -> list[Named]:
        """Tell the last ones; return what was held."""
        if self._tell and self._untold:
            self._tell(self._untold)
        return [*self._groups.values(), *self._others]


def _known_by(one: Conversation) -> tuple[object, ...]:
    """Return by what a conversation is folded, nothing when it stands alone."""
    both_ways = one.packets_to_server and one.packets_to_client
    if not (one.protocol and one.answered and one.cast == "unicast" and both_ways):
        return ()
    if one.transport.value not in _FOLDS:
        return ()
    return (
        one.transport, one.vlan, one.tunnel, one.client, one.server, one.server_port,
        one.protocol, one.confidence,
    )  # fmt: skip


def _with(before: Named, one: Conversation) -> Named:
    """Add a conversation to the record that stands for its like."""
    kept = before.conversation
    return before._replace(
        conversation=msgspec.structs.replace(
            kept,
            packets=kept.packets + one.packets,
            octets=kept.octets + one.octets,
            payload_octets=kept.payload_octets + one.payload_octets,
            first_ns=min(kept.first_ns, one.first_ns),
            last_ns=max(kept.last_ns, one.last_ns),
            packets_to_server=kept.packets_to_server + one.packets_to_server,
            packets_to_client=kept.packets_to_client + one.packets_to_client,
            payload_octets_to_server=kept.payload_octets_to_server + one.payload_octets_to_server,
            payload_octets_to_client=kept.payload_octets_to_client + one.payload_octets_to_client,
            alike=kept.alike + one.alike,
        )
    )
