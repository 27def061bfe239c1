"""REF TEK recordings in hand: files become events, segments, breaks, holes and lines of health.

All files of one call are one story, since a recorder writes a new file for each event: sequences,
times and samples are checked across them. Needs numpy and pymseed (`portbook[seismic]`).
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from portbook.errors import SourceError
from portbook.protocols.reftek.packets import Packet
from portbook.records import Oddity, Problem
from portbook.seismic.assembly import Assembler
from portbook.seismic.events import Event, Events
from portbook.seismic.files import pieces
from portbook.seismic.health import HealthLine, HealthText
from portbook.seismic.outcomes import (
    Hole,
    Join,
    Late,
    Outcome,
    Placed,
    Refused,
    Repeated,
    Told,
    Unfinished,
)
from portbook.seismic.recordings import foreign, found
from portbook.seismic.reports import Break, Missing, Read, Recording, broken, missing
from portbook.seismic.samples import UNVERIFIED, Decoded, decode_all
from portbook.seismic.segments import Segment, Segments

WINDOW = 1024  # packets of a stream that a file may have in another order
_BATCH = 256
_HEAD = 4096
_QUIET = (None, Join.FIRST, Join.JOINED)
_ADVICE = {
    "damaged-packet": "octets that are no packet were left out; what stands behind was read",
    "different-repetition": "two packets of one sequence differ; the first one was taken",
    "unfinished-event": "the event has no trailer (ET); its recording may have been cut",
    "late-packet": "packets far out of order; their data were counted, not joined",
    "unknown-format": "portbook reads formats 16, 32, 33 and C0 to C3",
    "unverified-format": "33, C1 and C3 are read by the format paper alone; check the samples",
    "overscaled": "the signal was beyond the recorder's range; samples were restored by rule",
    "unknown-rate": "neither header nor trailer nor times tell the rate; times were not checked",
}

Progress = Callable[[str, int, int | None], None]
Hearing = Callable[[Outcome, "Where"], None]


class Where(NamedTuple):
    """Where a packet stands in a file, and its samples, while it is being read."""

    source: str
    offset: int
    values: NDArray[np.int32] | None = None


def read(
    paths: Sequence[Path],
    near_year: int,
    *,
    hearing: Hearing | None = None,
    progress: Progress | None = None,
) -> Recording:
    """Read files and folders of REF TEK packets; what cannot be read is told, not raised.

    near_year: packets tell two digits of their year, the nearest century is taken; hearing: called
    with each packet's outcome, in order, and where the packet stands, with its samples
    """
    reader = _Reader(near_year, hearing, progress)
    for path in paths:
        if path.is_dir():
            reader.folder(path)
        else:
            reader.file(path)
    return reader.end()


class _Reader:
    """Puts the packets of all files through one assembler and counts what comes out."""

    def __init__(self, near_year: int, hearing: Hearing | None, progress: Progress | None) -> None:
        self._assembler = Assembler(near_year, window=WINDOW, hold_ns=None)
        self._hearing = hearing
        self._progress = progress
        self._text = HealthText(near_year)
        self._events = Events()
        self._segments = Segments()
        self._ended: list[Segment] = []
        self._breaks: list[Break] = []
        self._holes: list[Missing] = []
        self._health: list[HealthLine] = []
        self._oddities: dict[str, tuple[int, str]] = {}
        self._problems: list[Problem] = []
        self._types: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    def folder(self, folder: Path) -> None:
        """Read every recording below a folder, in the order of their names."""
        if not sum(self._opened(file, False) for file in _files(folder)):
            self._failed(str(folder), "no file below it is a REF TEK recording; name one")

    def file(self, file: Path) -> None:
        """Read one file, which has to be a recording."""
        self._opened(file, True)

    def end(self) -> Recording:
        """Return all that was told."""
        for outcome in self._assembler.flush():
            self._outcome(outcome)
        self._health += self._text.close()
        self._ended += self._segments.close()
        counts = self._counts
        return Recording(
            summary=Read(
                packets=sum(self._types.values()),
                octets=counts["octets"],
                sources=counts["sources"],
                failed_sources=counts["failed"],
                types=dict(sorted(self._types.items())),
                samples=counts["samples"],
                refused=counts["refused"],
                repeated=counts["repeated"],
                late=counts["late"],
                missing=counts["missing"],
            ),
            events=tuple(replace(one, **_from_one(one)) for one in self._events.all()),
            segments=tuple(replace(one, **_from_one(one)) for one in sorted(self._ended, key=_key)),
            breaks=tuple(self._breaks),
            holes=tuple(self._holes),
            health=tuple(self._health),
            oddities=tuple(
                Oddity(name, count, where, _ADVICE.get(name))
                for name, (count, where) in self._oddities.items()
            ),
            problems=tuple(self._problems),
        )

    def _failed(self, source: str, why: str, offset: int | None = None) -> None:
        if offset is None:
            self._counts["sources"] += 1
            self._counts["failed"] += 1
        self._problems.append(Problem(source, f"{source}: {why}", offset))

    def _opened(self, file: Path, must: bool) -> bool:
        """Read one file; tell whether it is a recording. must: if not, that is a failure."""
        name = str(file)
        try:
            with file.open("rb") as stream:
                head = stream.read(_HEAD)
                stream.seek(0)
                size = os.fstat(stream.fileno()).st_size
                found = self._packets(name, stream.read, size)
        except OSError as error:
            self._failed(name, f"cannot be read: {(error.strerror or str(error)).lower()}")
            return True
        if found:
            self._counts["sources"] += 1
            self._counts["octets"] += size
        elif must:
            self._failed(name, foreign(head))
        return found

    def _packets(self, name: str, take: Callable[[int], bytes], size: int) -> bool:
        waiting: list[tuple[Packet, int]] = []
        damaged, first, found = 0, 0, False
        cut: tuple[int, int] | None = None
        for piece in pieces(take):
            if piece.packet:
                waiting.append((piece.packet, piece.offset))
                found = True
            elif piece.cut:
                cut = piece.offset, piece.octets
            else:
                first = first if damaged else piece.offset
                damaged += 1
            if len(waiting) >= _BATCH:
                self._batch(name, waiting)
                if self._progress:
                    self._progress(name, piece.offset, size)
        self._batch(name, waiting)
        if found and damaged:
            self._odd("damaged-packet", f"{name}, octet {first}", damaged)
        if cut and found:
            told = f"ends inside a packet: {cut[1]} octets behind the last whole one, left out"
            self._failed(name, told, cut[0])
        return found

    def _batch(self, source: str, waiting: list[tuple[Packet, int]]) -> None:
        data = [packet for packet, _ in waiting if packet.type == "DT"]
        decoded = iter(decode_all(data))
        for packet, offset in waiting:
            self._types[packet.type] += 1
            found = next(decoded) if packet.type == "DT" else None
            where = Where(source, offset, self._kept(found))
            refusal = found.refusal if found else None
            if found and refusal is None:
                self._marks(packet, found, where)
            for outcome in self._assembler.add(packet, cargo=where, refusal=refusal):
                self._outcome(outcome)
        waiting.clear()

    def _kept(self, found: Decoded | None) -> NDArray[np.int32] | None:
        """Return a copy where somebody wants it: a view would keep its whole batch alive."""
        if self._hearing is None or found is None or found.values is None:
            return None
        return found.values.copy()

    def _marks(self, packet: Packet, found: Decoded, where: Where) -> None:
        if packet.format in UNVERIFIED:
            self._odd("unverified-format", _at(where))
        if found.overscaled:
            self._odd("overscaled", _at(where), found.overscaled)

    def _outcome(self, outcome: Outcome) -> None:
        self._events.take(outcome)
        ended = self._segments.take(outcome)
        if ended:
            self._ended.append(ended)
        if isinstance(outcome, Hole):
            self._counts["missing"] += outcome.packets
            self._holes.append(missing(outcome))
            return
        if isinstance(outcome, Unfinished):
            where = f"unit {outcome.unit}, stream {outcome.stream + 1}, event {outcome.event}"
            self._odd("unfinished-event", where)
            return
        where = outcome.cargo
        assert isinstance(where, Where)
        self._packet(outcome, where)
        if self._hearing:
            self._hearing(outcome, where)

    def _packet(self, outcome: Placed | Told | Repeated | Late | Refused, where: Where) -> None:
        packet = outcome.packet
        if isinstance(outcome, Placed):
            self._counts["samples"] += packet.samples or 0
            if outcome.join not in _QUIET:
                self._breaks.append(broken(outcome, where.source, where.offset))
            if outcome.join is Join.FIRST and outcome.rate_hz is None:
                self._odd("unknown-rate", _at(where))
        elif isinstance(outcome, Told):
            if packet.type == "SH":
                self._health += self._text.take(packet)
        elif isinstance(outcome, Repeated):
            self._counts["repeated"] += 1
            if not outcome.equal:
                self._odd("different-repetition", _at(where))
        elif isinstance(outcome, Late):
            self._counts["late"] += 1
            self._counts["samples"] += packet.samples or 0
            self._odd("late-packet", _at(where))
        else:
            self._counts["refused"] += 1
            self._odd(outcome.name, f"{_at(where)}: {outcome.reason}")

    def _odd(self, name: str, where: str, count: int = 1) -> None:
        met, first = self._oddities.get(name, (0, where))
        self._oddities[name] = met + count, first


def _key(segment: Segment) -> tuple[str, int, int]:
    return segment.unit, segment.stream, segment.channel


def _from_one(record: Event | Segment) -> dict[str, Any]:
    """Return places as people count them (see reports.py)."""
    if isinstance(record, Event):
        channels = tuple(channel + 1 for channel in record.channels)
        return {"stream": record.stream + 1, "channels": channels}
    return {"stream": record.stream + 1, "channel": record.channel + 1}


def _at(where: Where) -> str:
    return f"{where.source}, octet {where.offset}"


def _files(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(SourceError):  # an empty folder
        yield from found([folder])


def paths_of(names: Sequence[str]) -> Iterator[Path]:
    """Give the paths of names, patterns resolved; a name without a match stands as it is."""
    import glob

    for name in names:
        found = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []
        yield from map(Path, found if found and not os.path.lexists(name) else [name])
