"""The usual file at once: one event of one stream, in order and whole, C0 or C2.

That is what a recorder and an archive write. Heads, times and joints are judged as columns; a file
that is in any way otherwise is not for here and goes packet by packet. What comes out is the same
(tests hold the two ways to each other).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portbook.protocols.reftek import packets
from portbook.protocols.reftek.layouts import DT, SIZE
from portbook.protocols.reftek.packets import RAW_FROM, Packet
from portbook.seismic.blocks import Columns, columns_of, sources_of
from portbook.seismic.frames import joined
from portbook.seismic.miniseed import SWAPPED
from portbook.seismic.outcomes import Join
from portbook.seismic.segments import Segment
from portbook.seismic.tags import FINEST_NS, MILLI, NANO, day_ns, time_ns, told_rate, unfit

_BATCH = 256
_AT = {field.name: slice(field.offset, field.offset + field.size) for field in DT.fields}
_EVENT = _AT["event"]
_CHANNEL = 0xFF00  # of a source's number


class Plain(NamedTuple):
    """A segment, places counted from 0, and its samples."""

    segment: Segment
    values: NDArray[np.int32]


class _File(NamedTuple):
    """A file that is as usual; arrays are sorted by channel, then as they stood.

    rows: all data packets as they stood; order: their places, sorted
    """

    first: Packet
    rate_hz: float
    rows: NDArray[np.uint8]
    order: NDArray[np.int64]
    channels: NDArray[np.int64]
    sequences: NDArray[np.int64]
    samples: NDArray[np.int64]
    times_ns: NDArray[np.int64]


class _Data(NamedTuple):
    """What the packets hold: samples; the value before the first one; the last one."""

    values: NDArray[np.int32]
    befores: NDArray[np.int32]
    lasts: NDArray[np.int32]


def plain(octets: bytes, near_year: int) -> list[Plain] | None:
    """Return the segments of a file, by channel and time; None when it is not a usual one."""
    file = _usual(octets, near_year)
    data = _data(file) if file else None
    return _segments(file, data) if file and data else None


def _data(file: _File) -> _Data | None:
    """Decode a file; None when a packet is refused or does not tell what stood before it.

    A batch at a time goes through the same few pages: fresh memory costs more than decoding.
    """
    encoding = SWAPPED[str(file.first.format)]
    many = len(file.order)
    values = np.empty(int(file.samples.sum()), np.int32)
    before, lasts = np.empty(many, np.int32), np.empty(many, np.int32)
    room = np.empty((_BATCH, SIZE), np.uint8)
    begin = 0
    for at in range(0, many, _BATCH):
        batch = slice(at, min(at + _BATCH, many))
        part = room[: batch.stop - at]
        np.take(file.rows, file.order[batch], axis=0, out=part, mode="clip")
        end = begin + int(file.samples[batch].sum())
        done, before[batch], told = joined(part, file.samples[batch], encoding, values[begin:end])
        if not (done.sound & done.counted & done.agree & told).all():
            return None
        lasts[batch] = values[begin:end][done.ends - 1]
        begin = end
    return _Data(values, before, lasts)


def _usual(octets: bytes, near_year: int) -> _File | None:
    """Read the heads of EH, DT ..., ET (which may lack); None when one is otherwise."""
    head, last = packets.read(octets), packets.read(octets, len(octets) - SIZE)
    if len(octets) % SIZE or head is None or last is None or head.type != "EH" or head.sequence:
        return None
    rate_hz = told_rate(head)
    rows = np.frombuffer(octets, np.uint8).reshape(-1, SIZE)
    data = rows[1:-1] if last.type == "ET" else rows[1:]
    known = unfit(head) or unfit(last) or time_ns(head, near_year) is None
    if known or time_ns(last, near_year) is None or not len(data) or not rate_hz:
        return None
    event = (head.unit, head.event, head.stream)
    first = packets.read(data[0].tobytes())
    if event != (last.unit, last.event, last.stream) or first is None:
        return None
    if event != (first.unit, first.event, first.stream):
        return None
    heads = np.ascontiguousarray(data[:, :RAW_FROM].T)
    columns = columns_of(heads)
    sources = sources_of(data)
    if sources.min() < 0 or not columns.samples.all():
        return None
    if ((sources ^ sources[0]) & ~_CHANNEL).any() or (heads[_EVENT] != heads[_EVENT, :1]).any():
        return None
    sequences = _sequences(heads)
    times_ns = _times(columns, near_year)
    if times_ns is None or ((sequences - _before(sequences)) % 10_000 != 1).any():
        return None
    if last.type == "ET" and (last.sequence - int(sequences[-1])) % 10_000 != 1:
        return None
    channels = heads[_AT["channel"].start].astype(np.int64)
    order = np.argsort(channels, kind="stable")
    return _File(
        first,
        rate_hz,
        data,
        order,
        channels[order] - 6 * (channels[order] >> 4),
        sequences[order],
        columns.samples[order].astype(np.int64),
        times_ns[order],
    )


def _sequences(heads: NDArray[np.uint8]) -> NDArray[np.int64]:
    high, low = heads[_AT["sequence"]].astype(np.int64)
    sequences: NDArray[np.int64] = (high - 6 * (high >> 4)) * 100 + low - 6 * (low >> 4)
    return sequences


def _times(columns: Columns, near_year: int) -> NDArray[np.int64] | None:
    """Return the time tags, Unix nanoseconds; None when a year lacks a day."""
    told_days = columns.year * 1000 + columns.day
    if (told_days == told_days[0]).all():  # the usual case, and sorting costs more
        days, which = told_days[:1], np.zeros(len(told_days), np.int64)
    else:
        days, which = np.unique(told_days, return_inverse=True)
    begins = [day_ns(day // 1000, near_year, f"{day % 1000:03}") for day in days.tolist()]
    if None in begins:
        return None
    seconds = columns.hour.astype(np.int64) * 3600 + columns.minute * 60 + columns.second
    told = seconds * NANO + columns.thousandths.astype(np.int64) * MILLI
    moments: NDArray[np.int64] = np.array(begins, np.int64)[which] + told
    return moments


def _before(numbers: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.int64]:
    """Return for each number the one before it, 0 for the first."""
    moved = np.zeros(len(numbers), np.int64)
    moved[1:] = numbers[:-1]
    return moved


def _segments(file: _File, data: _Data) -> list[Plain]:
    """Cut where a packet does not go on. Source of the rules: joins.py."""
    lengths = np.rint(file.samples * float(NANO) / file.rate_hz).astype(np.int64)  # as span_ns
    off_ns = file.times_ns - _before(file.times_ns) - _before(lengths)
    new = file.channels != _before(file.channels)
    new[0] = True
    strange = (data.befores != _before(data.lasts)) & ~new
    starts = np.flatnonzero(new | strange | (np.abs(off_ns) >= FINEST_NS))
    ends = np.empty_like(starts)
    ends[:-1], ends[-1] = starts[1:], len(new)
    edges = np.zeros(len(new) + 1, np.int64)
    np.cumsum(file.samples, out=edges[1:])
    columns = (
        starts,
        ends,
        file.channels[starts],
        file.sequences[starts],
        file.times_ns[starts],
        (file.times_ns + lengths)[ends - 1],
        edges[starts],
        edges[ends],
        new[starts],
        strange[starts],
        off_ns[starts],
    )
    first = file.first
    source = first.unit, first.stream or 0
    made = []
    for start, end, channel, sequence, begin_ns, end_ns, left, right, fresh, odd, off in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        segment = Segment(
            *source,
            channel,
            event=first.event or 0,
            format=first.format or "",
            start_ns=begin_ns,
            end_ns=end_ns,
            rate_hz=file.rate_hz,
            samples=right - left,
            packets=end - start,
            join=Join.FIRST if fresh else Join.BROKEN if odd else Join.CLOCK_STEP,
            off_s=None if fresh else off / 1e9,
            first_sequence=sequence,
        )
        made.append(Plain(segment, data.values[left:right]))
    return made
