"""Packets become envelopes: each channel's lowest and highest count in each column of time.

Bit for bit the samples' own: nothing is filtered or scaled. Pure; the clock is an argument.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from portbook.faces.web.stations_records import Envelope, Gap, Run
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.samples import decode_all
from portbook.seismic.stations import Stations as Codes
from portbook.seismic.tags import NANO, derived_rate, span_ns, time_ns

MOST_WIDTH = 4000
LONGEST_S = 6 * 3600
MOST_CHANNELS = 64  # of a unit; real ones have six and some auxiliary ones
Key = tuple[int, int]  # stream, channel; counted from 0, as packets do


class Piece(NamedTuple):
    """The samples of one packet; at_ns: of the first; rate_hz: None while unknown."""

    at_ns: int
    rate_hz: float | None
    values: NDArray[np.int32]

    @property
    def end_ns(self) -> int:
        """Return when the next sample is due."""
        return self.at_ns + (span_ns(len(self.values), self.rate_hz) if self.rate_hz else 0)


def envelopes(
    unit: str,
    packets: Sequence[Packet],
    rates: Mapping[int, float],
    codes: Codes | None,
    *,
    seconds: int,
    width: int,
    near_year: int,
) -> tuple[Envelope, ...]:
    """Return an envelope of each channel, all of the same time: up to the newest data of any.

    rates: Hz by stream counted from 0; near_year: of the packets' two digits
    """
    told = [one for one in packets if one.type == "DT" and one.stream is not None]
    by_channel: dict[Key, list[Packet]] = defaultdict(list)
    for packet in told:
        if packet.channel is not None and packet.stream is not None:
            by_channel[packet.stream, packet.channel].append(packet)
    every = {
        key: _channel(by_channel[key], rates.get(key[0]), near_year)
        for key in sorted(by_channel)[:MOST_CHANNELS]
    }
    until_ns = max((one.end_ns for found in every.values() for one in found.pieces), default=0)
    from_ns = until_ns - min(seconds, LONGEST_S) * NANO
    made = []
    for (stream, channel), found in every.items():
        name = codes.name(unit, stream, channel) if codes else None
        runs, gaps, samples = enveloped(found.pieces, from_ns, until_ns, min(width, MOST_WIDTH))
        newest = found.newest
        made.append(
            Envelope(
                unit,
                stream + 1,
                channel + 1,
                from_ns,
                until_ns,
                min(width, MOST_WIDTH),
                runs,
                gaps,
                samples,
                rate_hz=found.pieces[-1].rate_hz if found.pieces else None,
                code=name.channel if name else None,
                refused=found.refused,
                last_ns=found.pieces[-1].end_ns if found.pieces else None,
                last_sequence=newest.sequence if newest else None,
                format=newest.format if newest else None,
            )
        )
    return tuple(made)


def enveloped(
    pieces: Iterable[Piece], from_ns: int, until_ns: int, width: int
) -> tuple[tuple[Run, ...], tuple[Gap, ...], int]:
    """Return runs, gaps and the number of samples within a time; pieces: in order of time.

    A piece goes on where the one before ended when it is off by half a sample at most.
    """
    runs: list[_Columns] = []
    gaps: list[Gap] = []
    before: Piece | None = None
    samples = 0
    for piece in pieces:
        follows = before is not None and _follows(before, piece)
        if before is not None and piece.at_ns > before.end_ns and not follows:
            begin, end = max(before.end_ns, from_ns), min(piece.at_ns, until_ns)
            if begin < end:
                gaps.append(Gap(begin, end))
        before = piece
        columns, values = _placed(piece, from_ns, until_ns, width)
        if not len(values):
            continue
        samples += len(values)
        if not (follows and runs):
            runs.append(_Columns())
        runs[-1].add(columns, values)
    return tuple(one.run() for one in runs), tuple(gaps), samples


def coarser(envelope: Envelope) -> Envelope:
    """Return an envelope of half as many columns, each of two; those of an even width only."""
    return msgspec.structs.replace(
        envelope, width=envelope.width // 2, runs=tuple(map(_halved, envelope.runs))
    )


def _halved(run: Run) -> Run:
    columns = np.array(run.columns, np.int64) // 2
    halved = _Columns()
    halved.add_ranges(columns, np.array(run.lowest, np.int64), np.array(run.highest, np.int64))
    return halved.run()


class _Channel(NamedTuple):
    pieces: list[Piece]
    refused: int
    newest: Packet | None


class _Columns:
    """A run that grows: columns with their lowest and highest count."""

    def __init__(self) -> None:
        self._columns: list[int] = []
        self._lowest: list[int] = []
        self._highest: list[int] = []

    def add(self, columns: NDArray[np.int64], values: NDArray[np.int32]) -> None:
        """Add samples, each with its column; columns never go back."""
        self.add_ranges(columns, values, values)

    def add_ranges(self, columns: NDArray[np.int64], low: NDArray[Any], high: NDArray[Any]) -> None:
        """Add the lowest and highest counts of columns."""
        begins = np.flatnonzero(np.diff(columns, prepend=columns[0] - 1))
        lowest = np.minimum.reduceat(low, begins).tolist()
        highest = np.maximum.reduceat(high, begins).tolist()
        found = columns[begins].tolist()
        if self._columns and found[0] == self._columns[-1]:
            self._lowest[-1] = min(self._lowest[-1], lowest.pop(0))
            self._highest[-1] = max(self._highest[-1], highest.pop(0))
            found.pop(0)
        self._columns += found
        self._lowest += lowest
        self._highest += highest

    def run(self) -> Run:
        """Return it as it is."""
        return Run(tuple(self._columns), tuple(self._lowest), tuple(self._highest))


def _channel(packets: Sequence[Packet], rate_hz: float | None, near_year: int) -> _Channel:
    timed = [(at, one) for one in packets if (at := time_ns(one, near_year)) is not None]
    timed.sort(key=lambda each: each[0])
    decoded = decode_all([one for _, one in timed])
    rate = rate_hz or _rate(timed)
    pieces = [
        Piece(at, rate, found.values)
        for (at, _), found in zip(timed, decoded, strict=True)
        if found.values is not None and len(found.values)
    ]
    refused = len(packets) - sum(found.values is not None for found in decoded)
    return _Channel(pieces, refused, timed[-1][1] if timed else None)


def _rate(timed: Sequence[tuple[int, Packet]]) -> float | None:
    """Return the rate that most neighbours agree on, where no header tells it."""
    apart = Counter(
        rate
        for (before_ns, before), (at_ns, _) in pairwise(timed)
        if (rate := derived_rate(before.samples or 0, at_ns - before_ns))
    )
    return apart.most_common(1)[0][0] if apart else None


def _follows(before: Piece, piece: Piece) -> bool:
    if not piece.rate_hz:
        return False
    return abs(piece.at_ns - before.end_ns) <= NANO / piece.rate_hz / 2


def _placed(
    piece: Piece, from_ns: int, until_ns: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the columns of the samples that lie in the time, and those samples."""
    values = piece.values
    if piece.rate_hz:
        steps = np.rint(np.arange(len(values)) * (NANO / piece.rate_hz)).astype(np.int64)
    else:  # nobody knows when the others were: only the first has a time
        steps, values = np.zeros(1, np.int64), values[:1]
    since = piece.at_ns - from_ns + steps
    inside = (since >= 0) & (since < until_ns - from_ns)
    return since[inside] * width // max(1, until_ns - from_ns), values[inside]
