"""Files and folders of REF TEK packets into the archives: each packet once, however often told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from portbook.errors import SourceError, UsageError
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import Packet
from portbook.records import Oddity, Problem
from portbook.seismic.archive_state import NAME as STATE_FILE
from portbook.seismic.carrying import can_check
from portbook.seismic.intake import Intake
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.recordings import Piece, found, pieces
from portbook.seismic.reports import Missing
from portbook.seismic.sds import Sds
from portbook.seismic.stations import Stations
from portbook.seismic.store import ArchiveError, Cut

SYNC_EVERY = 4096  # packets
BATCH = 256  # packets whose samples are looked at together
Progress = Callable[[str, int, int | None], None]


class Imported(msgspec.Struct, tag="import", tag_field="kind"):
    """What an import did. refused: packets that cannot be; missing: packets in all holes."""

    archive: str
    sds: str | None
    files: int = 0
    failed_files: int = 0
    octets: int = 0
    packets: int = 0
    written: int = 0
    duplicates: int = 0
    refused: int = 0
    holes: int = 0
    missing: int = 0
    records: int = 0
    record_duplicates: int = 0
    recovered: int = 0  # packets out of the journal of an import that ended suddenly
    seconds: float = 0.0


class Result(msgspec.Struct, frozen=True):
    """All that an import has to tell."""

    summary: Imported
    holes: tuple[Missing, ...]
    oddities: tuple[Oddity, ...]
    cuts: tuple[Cut, ...]
    problems: tuple[Problem, ...]

    def records(self) -> Iterator[msgspec.Struct]:
        """Give everything as records of the output contract, the summary last."""
        yield from self.problems
        yield from self.cuts
        yield from self.holes
        yield from self.oddities
        yield self.summary


def run(
    places: Iterable[Path],
    archive: Path,
    *,
    sds: Path | None = None,
    stations: Stations | None = None,
    min_free: int = 0,
    progress: Progress | None = None,
) -> Result:
    """Read files and folders and put each packet in the archive, if it is not there yet.

    min_free: octets that must stay free. Raises UsageError when a source lies in an archive,
    ArchiveError when an archive cannot be written; a source that cannot be read is a problem.
    """
    places = list(places)
    _apart(places, [archive, *([sds] if sds else [])])
    raw = RawArchive(archive, min_free=min_free)
    try:
        tree = Sds(sds, min_free=min_free) if sds else None
    except BaseException:
        raw.abandon()
        raise
    year = time.gmtime().tm_year
    intake = Intake(raw, year, sds=tree, stations=stations, checked=can_check())
    work = _Import(intake, progress)
    work.summary = Imported(str(archive), str(sds) if sds else None)
    try:
        work.summary.recovered = work.intake.recover()
        work.read(places)
        work.intake.finish()
    except BaseException:
        work.intake.abandon()
        raise
    cuts = (*raw.cuts, *(tree.cuts if tree else ()))
    return work.result(cuts)


class _Import:
    """One run: counts, problems, and which file is being read."""

    summary: Imported

    def __init__(self, intake: Intake, progress: Progress | None) -> None:
        self.intake = intake
        self._progress = progress or (lambda source, done, total: None)
        self._problems: list[Problem] = []
        self._began = time.monotonic()
        self._unsynced = 0
        self._held: list[tuple[Packet | None, str]] = []

    def read(self, places: Iterable[Path]) -> None:
        for place in places:
            try:
                for path in found([place]):
                    if path == place or path.name != STATE_FILE:
                        self._file(path)
            except ArchiveError:
                raise
            except SourceError as error:
                self._failed(str(place), error)

    def result(self, cuts: tuple[Cut, ...]) -> Result:
        counts = msgspec.to_builtins(self.intake.counts)
        for name, value in counts.items():
            setattr(self.summary, name, value)
        self.summary.seconds = round(time.monotonic() - self._began, 3)
        return Result(
            self.summary,
            tuple(self.intake.holes()),
            tuple(self.intake.oddities),
            cuts,
            tuple(self._problems),
        )

    def _file(self, path: Path) -> None:
        source = str(path)
        try:
            total = path.stat().st_size
            for piece in pieces(path):
                self._piece(piece, source)
                self._progress(source, piece.at, total)
            self.summary.files += 1
        except ArchiveError:
            raise
        except OSError as error:
            self._failed(source, SourceError(f"{source}: {error.strerror}"))
        except SourceError as error:
            self._failed(source, error)
        self._put_held()

    def _piece(self, piece: Piece, source: str) -> None:
        self.summary.octets += len(piece.octets)
        if piece.packet:
            self._held.append((piece.packet, f"{source}, packet {piece.at // SIZE}"))
            if len(self._held) >= BATCH:
                self._put_held()
            return
        where = f"{source}, octet {piece.at}: {len(piece.octets)} octets"
        if piece.last and len(piece.octets) < SIZE:
            self.intake.odd("cut-packet", where)
            message = f"{source}: cut inside a packet at octet {piece.at}; all before it was taken"
            self._problems.append(Problem(source, message, piece.at))
        else:
            self.intake.odd("no-packet", where)

    def _put_held(self) -> None:
        held, self._held = self._held, []
        self.intake.put_all(held)
        self._unsynced += len(held)
        if self._unsynced >= SYNC_EVERY:
            self.intake.sync()
            self._unsynced = 0

    def _failed(self, source: str, error: SourceError) -> None:
        self.summary.failed_files += 1
        self._problems.append(Problem(source, str(error), error.offset))


def _apart(places: Iterable[Path], roots: Iterable[Path]) -> None:
    """Refuse to read what is being written."""
    for root in map(Path.resolve, roots):
        for place in places:
            whole = place.resolve()
            if root == whole or root in whole.parents or whole in root.parents:
                raise UsageError(
                    f"{place}: it lies in {root}, or that in it, which is being written; give an "
                    "archive somewhere else"
                )
