"""What REF TEK recordings tell, as records of the output contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from portbook.records import Oddity, Problem
from portbook.seismic.events import Event
from portbook.seismic.health import HealthLine
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
    """One packet of a file and what became of it: placed, told, repeated, late or refused."""

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


class Read(msgspec.Struct, frozen=True, tag="summary", tag_field="kind"):
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
        yield from self.breaks
        yield from self.holes
        yield from self.health
        yield from self.oddities
        yield from self.problems
        yield self.summary

    @property
    def harmed(self) -> bool:
        """Tell whether data are missing or corrupt; a set clock or a repetition is no harm."""
        worst = {"gap", "overlap", "broken"}
        summary = self.summary
        damaged = any(one.name in HARMFUL for one in self.oddities)
        return bool(
            self.holes
            or summary.refused
            or damaged
            or any(one.join in worst for one in self.breaks)
        )


HARMFUL = frozenset(("damaged-packet", "different-repetition"))
