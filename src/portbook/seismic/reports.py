"""What REF TEK recordings tell, as records of the output contract.

Streams and channels count from 1 here, as on the recorder and in an archive's folders; in packets,
and in all that works on them, they count from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from portbook.records import Oddity, Problem
from portbook.seismic.events import Event
from portbook.seismic.health import HealthLine
from portbook.seismic.outcomes import Hole, Late, Placed, Refused, Repeated, Told
from portbook.seismic.segments import Segment


class Break(msgspec.Struct, frozen=True, tag="break", tag_field="kind"):
    """Where a channel does not simply go on.

    join: gap, overlap, clock-step, broken, event or rate-change; at_ns: time tag of the packet
    behind it; off_s: that less the time that was due; source and offset: where the packet stands
    """

    join: str
    unit: str
    stream: int
    channel: int
    event: int
    sequence: int
    at_ns: int
    off_s: float | None
    source: str
    offset: int


class Missing(msgspec.Struct, frozen=True, tag="hole", tag_field="kind"):
    """Packets that are not there: sequences first to last, both included, and between when."""

    unit: str
    stream: int
    event: int
    first_sequence: int
    last_sequence: int
    packets: int
    from_ns: int
    until_ns: int


class Heard(msgspec.Struct, frozen=True, tag="packet", tag_field="kind"):
    """One packet of a file and what became of it.

    became: first, joined or another join for data; placed for a header or a trailer, told for what
    belongs to no event; repeated, late; or the name of the oddity for which it was refused
    """

    source: str
    offset: int
    type: str
    unit: str
    sequence: int
    at_ns: int | None
    event: int | None
    stream: int | None
    channel: int | None
    samples: int | None
    format: str | None
    became: str


class Read(msgspec.Struct, frozen=True, tag="recording", tag_field="kind"):
    """What was read, of how many files; repeated packets count once in `samples`."""

    packets: int
    octets: int
    sources: int
    failed_sources: int
    types: Mapping[str, int]
    samples: int
    refused: int
    repeated: int
    late: int
    missing: int


class Recording(msgspec.Struct, frozen=True):
    """All that recordings tell."""

    summary: Read
    events: tuple[Event, ...] = ()
    segments: tuple[Segment, ...] = ()
    breaks: tuple[Break, ...] = ()
    holes: tuple[Missing, ...] = ()
    health: tuple[HealthLine, ...] = ()
    oddities: tuple[Oddity, ...] = ()
    problems: tuple[Problem, ...] = ()

    def records(self) -> Iterator[msgspec.Struct]:
        """Give every record, the summary last."""
        yield from self.events
        yield from self.segments
        yield from self.health
        yield from self.troubles()

    def troubles(self) -> Iterator[msgspec.Struct]:
        """Give what is not as it should be, and the summary."""
        yield from self.breaks
        yield from self.holes
        yield from self.oddities
        yield from self.problems
        yield self.summary

    @property
    def harmed(self) -> bool:
        """Tell whether data are missing or corrupt; a set clock or a repetition is no harm."""
        return bool(
            self.holes
            or self.summary.refused
            or any(one.name in HARMFUL for one in self.oddities)
            or any(one.join in BREAKING for one in self.breaks)
        )


HARMFUL = frozenset(("damaged-packet", "different-repetition"))
BREAKING = frozenset(("gap", "overlap", "broken"))


def heard(outcome: Placed | Told | Repeated | Late | Refused, source: str, offset: int) -> Heard:
    """Return what became of one packet."""
    packet = outcome.packet
    became = type(outcome).__name__.lower()
    if isinstance(outcome, Refused):
        became = outcome.name
    elif isinstance(outcome, Placed) and outcome.join:
        became = str(outcome.join)
    return Heard(
        source=source,
        offset=offset,
        type=packet.type,
        unit=packet.unit,
        sequence=packet.sequence,
        at_ns=getattr(outcome, "time_ns", None),
        event=packet.event,
        stream=from_one(packet.stream),
        channel=from_one(packet.channel),
        samples=packet.samples,
        format=packet.format,
        became=became,
    )


def missing(hole: Hole) -> Missing:
    """Return a hole as a record."""
    return Missing(
        hole.unit,
        hole.stream + 1,
        hole.event,
        hole.first_sequence,
        hole.last_sequence,
        hole.packets,
        hole.from_ns,
        hole.until_ns,
    )


def broken(placed: Placed, source: str, offset: int) -> Break:
    """Return where a channel does not go on as a record."""
    packet = placed.packet
    return Break(
        join=str(placed.join),
        unit=packet.unit,
        stream=(packet.stream or 0) + 1,
        channel=(packet.channel or 0) + 1,
        event=packet.event or 0,
        sequence=packet.sequence,
        at_ns=placed.time_ns,
        off_s=None if placed.off_ns is None else placed.off_ns / 1e9,
        source=source,
        offset=offset,
    )


def from_one(place: int | None) -> int | None:
    """Return a place that counts from 0 as people count it."""
    return None if place is None else place + 1
