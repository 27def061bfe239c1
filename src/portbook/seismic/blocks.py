"""Whole blocks of REF TEK packets at a time: their heads as columns, and the header swap.

What `miniseed.swapped` does for one packet, `swap` does for all packets of a block with the
library of arrays: records are equal octet for octet. Samples are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portbook.errors import UsageError
from portbook.protocols.reftek.layouts import DT, SIZE
from portbook.protocols.reftek.packets import FORMATS, RAW_FROM, STEIM_FROM, century
from portbook.seismic.miniseed import SWAPPED, UNKNOWN, Name, Quality, template

Octets = NDArray[np.uint8]
Words = NDArray[np.uint16]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]
_AT = {field.name: field.offset for field in DT.fields}
_SIZES = {field.name: field.size for field in DT.fields}
_DECIMAL = [
    _AT[name] + more
    for name in ("experiment", "year", "time", "byte_count", "sequence", "event")
    for more in range(_SIZES[name])
] + [_AT["stream"], _AT["channel"], _AT["samples"], _AT["samples"] + 1]
_SOURCE = [_AT["unit"], _AT["unit"] + 1, _AT["stream"], _AT["channel"], _AT["format"]]
# Where a miniSEED header has what differs from packet to packet.
_NUMBER, _DATE, _COUNT, _ACTIVITY, _QUALITY = slice(0, 6), slice(20, 30), slice(30, 32), 36, 38
_THREE_DIGITS = np.array([list(b"%03d" % number) for number in range(1000)], np.uint8)


try:
    from portbook.seismic import _swap
except ImportError:
    COMPILED = False
else:
    COMPILED = True
    _MOST = np.zeros(256, np.intc)
    for _coding in SWAPPED:
        _MOST[int(_coding, 16)] = FORMATS[_coding][0] + 1  # so that none is 0


class Swapped(NamedTuple):
    """What became of a block.

    records: shape (n, 1024), one for each index of `packets`, the packets' places in the block;
    left: places of packets that are no C0 or C2 data, are impossible, or have no name or rate
    """

    records: Octets
    packets: Places
    left: Places


class Columns(NamedTuple):
    """The heads' fields, one array each."""

    day: Words
    hour: Words
    minute: Words
    second: Words
    thousandths: Words
    samples: Words
    year: Words
    flags: Words


def swap(
    block: bytes | bytearray | memoryview,
    names: Mapping[tuple[str, int, int], Name],
    rates: Mapping[tuple[str, int], float],
    near_year: int,
    *,
    number: int = 1,
    quality: Quality = UNKNOWN,
) -> Swapped:
    """Make 1024-octet miniSEED records of the C0 and C2 data packets of a block.

    block: packets in a row, 1024 octets each, best about a thousand of them; names: by unit,
    stream, channel; rates: Hz, by unit, stream; both counted from 0; number: of the first record.
    Raises UsageError when the block does not consist of whole packets.
    """
    if len(block) % SIZE:
        raise UsageError(
            f"a block has whole packets of {SIZE} octets, this one {len(block)} octets"
        )
    octets = np.frombuffer(block, np.uint8).reshape(-1, SIZE)
    sources = sources_of(octets)
    headers, which = _headers(sources, names, rates, quality)
    chosen, left = np.flatnonzero(which >= 0), np.flatnonzero(which < 0)
    records = np.empty((len(chosen), SIZE), np.uint8)
    if COMPILED:
        years = _years(near_year)
        _swap.fill(octets, chosen, headers, which[chosen], years, number, records)
        return Swapped(records, chosen, left)
    np.take(octets, chosen, axis=0, out=records, mode="clip")
    columns = columns_of(np.ascontiguousarray(records[:, :RAW_FROM].T))
    records[:, :STEIM_FROM] = headers[which[chosen]]
    _fill(records, columns, near_year, number)
    return Swapped(records, chosen, left)


def sources_of(octets: Octets) -> Places:
    """Return unit, stream, channel and format of each packet as one number, an octet or two each.

    -1: no C0 or C2 data packet whose every digit is as it may be. octets: shape (n, 1024)
    """
    sources = np.zeros(len(octets), np.int64)
    if COMPILED:
        _swap.sources(octets, _MOST, sources)
        return sources
    heads = np.ascontiguousarray(octets[:, :RAW_FROM].T)
    for row in _SOURCE:
        sources = sources << 8 | heads[row]
    sources[~fitting(heads, columns_of(heads))] = -1
    return sources


def columns_of(heads: Octets) -> Columns:
    """Split the heads, shape (24, n); behind the day all digits of the time lie across octets."""
    time = _AT["time"]
    low = (heads[time : time + 6] & 15).astype(np.uint16)
    high = (heads[time : time + 6] >> 4).astype(np.uint16)
    return Columns(
        day=high[0] * 100 + low[0] * 10 + high[1],
        hour=low[1] * 10 + high[2],
        minute=low[2] * 10 + high[3],
        second=low[3] * 10 + high[4],
        thousandths=low[4] * 100 + high[5] * 10 + low[5],
        samples=_four(heads, "samples"),
        year=_decimal(heads[_AT["year"]]).astype(np.uint16),
        flags=heads[_AT["flags"]].astype(np.uint16),
    )


def _decimal(octets: Octets) -> Octets:
    return octets - 6 * (octets >> 4)


def _four(heads: Octets, name: str) -> Words:
    at = _AT[name]
    return _decimal(heads[at]).astype(np.uint16) * 100 + _decimal(heads[at + 1])


def fitting(heads: Octets, columns: Columns) -> Flags:
    """Tell which are C0 or C2 data packets whose every digit is as it may be."""
    fit: Flags = (heads[0] == ord("D")) & (heads[1] == ord("T"))
    for row in _DECIMAL:
        fit &= (heads[row] <= 0x99) & ((heads[row] & 15) <= 9)
    fit &= (columns.day >= 1) & (columns.day <= 366) & (columns.hour < 24)
    fit &= (columns.minute < 60) & (columns.second < 61)
    octets = _four(heads, "byte_count")
    fit &= (octets >= 16) & (octets <= SIZE)
    known = np.zeros(heads.shape[1], bool)
    for coding in SWAPPED:
        mine = heads[_AT["format"]] == int(coding, 16)
        known |= mine & (columns.samples <= FORMATS[coding][0])
    fit &= known
    return fit


def _headers(
    sources: Places,
    names: Mapping[tuple[str, int, int], Name],
    rates: Mapping[tuple[str, int], float],
    quality: Quality,
) -> tuple[Octets, Places]:
    """Return a header for each channel of the block, and which one is each packet's; -1: none."""
    found = np.unique(sources)
    headers = np.zeros((len(found) or 1, STEIM_FROM), np.uint8)
    which = np.searchsorted(found, sources)
    for index, source in enumerate(found.tolist()):
        head = _header(source, names, rates, quality) if source >= 0 else None
        if head is None:
            which[sources == source] = -1
        else:
            headers[index] = np.frombuffer(head, np.uint8)
    return headers, which


def _header(
    source: int,
    names: Mapping[tuple[str, int, int], Name],
    rates: Mapping[tuple[str, int], float],
    quality: Quality,
) -> bytes | None:
    digits = f"{source:010X}"
    unit, stream, channel = digits[:4], int(digits[4:6]), int(digits[6:8])
    name, rate_hz = names.get((unit, stream, channel)), rates.get((unit, stream))
    if name is None or not rate_hz:
        return None
    return template(name, rate_hz, SWAPPED[digits[8:]], quality)


def _fill(records: Octets, columns: Columns, near_year: int, number: int) -> None:
    """Write what differs from packet to packet: number, time, samples, flags."""
    times = np.empty((len(records), 5), ">u2")
    times[:, 0] = _years(near_year)[columns.year]
    times[:, 1] = columns.day
    times[:, 2] = columns.hour << 8 | columns.minute
    times[:, 3] = columns.second << 8
    times[:, 4] = columns.thousandths * 10
    records[:, _DATE] = times.view(np.uint8)
    records[:, _COUNT] = columns.samples.astype(">u2").view(np.uint8).reshape(-1, 2)
    flags = columns.flags
    if flags.any():  # no real packet at hand has any
        records[:, _ACTIVITY] |= (flags >> 7 | (flags & 3) << 2).astype(np.uint8)
        records[:, _QUALITY] |= ((flags >> 6 & 1) << 1).astype(np.uint8)
    high, low = np.divmod(np.arange(number, number + len(records)) % 1_000_000, 1000)
    records[:, _NUMBER] = np.hstack((_THREE_DIGITS[high], _THREE_DIGITS[low]))


@lru_cache(maxsize=8)
def _years(near_year: int) -> Words:
    return np.array([century(two, near_year) for two in range(100)], np.uint16)
