"""The file archive.sta at the root of a raw REF TEK archive: what it holds, stream by stream.

Big-endian, no padding: 160 octets and 33 for each stream. Source: maker's archive library, run on
the packets of real files. A tool of the maker reads it, so it says what the folders hold.
"""

from __future__ import annotations

import struct

import msgspec

NAME = "archive.sta"
CREATOR = "RefTek Archive API 2.00"  # tools look for the layout's version here
NO_LIMIT = (1 << 64) - 1
MOST_STREAMS = 1 << 20
_HEAD = struct.Struct(">I32sdd64sddIQQQ")
_STREAM = struct.Struct(">HBHddQf")
_NANO = 1_000_000_000


class Stream(msgspec.Struct):
    """What the archive has of one stream; place: 0 for all that is not data, else stream + 1.

    channels: bit 0 is channel 1; rate_hz: 0 while unknown
    """

    unit: str
    place: int
    earliest_ns: int
    latest_ns: int
    channels: int = 0
    octets: int = 0
    rate_hz: float = 0.0


class State(msgspec.Struct):
    """The whole file."""

    name: str
    created_ns: int
    updated_ns: int
    streams: dict[tuple[str, int], Stream]
    writing: bool = False
    most_octets: int = NO_LIMIT
    purge_octets: int = NO_LIMIT
    creator: str = CREATOR


def encode(state: State) -> bytes:
    """Return the file's octets."""
    every = state.streams.values()
    head = _HEAD.pack(
        state.writing,
        state.creator.encode("latin-1", "replace")[:31],
        state.created_ns / _NANO,
        state.updated_ns / _NANO,
        state.name.encode("latin-1", "replace")[:63],
        min((one.earliest_ns for one in every), default=0) / _NANO,
        max((one.latest_ns for one in every), default=0) / _NANO,
        len(state.streams),
        state.most_octets,
        state.purge_octets,
        sum(one.octets for one in every),
    )
    return head + b"".join(map(_pack, every))


def decode(octets: bytes) -> State | None:
    """Read the file; None when it is not one, or is cut."""
    if len(octets) < _HEAD.size:
        return None
    writing, creator, created, updated, name, _, _, count, most, purge, _ = _HEAD.unpack_from(
        octets
    )
    if count > MOST_STREAMS or len(octets) < _HEAD.size + count * _STREAM.size:
        return None
    times = (_ns(created), _ns(updated))
    streams = [_unpack(octets, _HEAD.size + number * _STREAM.size) for number in range(count)]
    if None in times or None in streams:
        return None
    return State(
        _text(name),
        times[0] or 0,
        times[1] or 0,
        {(one.unit, one.place): one for one in streams if one},
        bool(writing),
        most,
        purge,
        _text(creator),
    )


def _pack(one: Stream) -> bytes:
    return _STREAM.pack(
        int(one.unit, 16),
        one.place,
        one.channels & 0xFFFF,
        one.earliest_ns / _NANO,
        one.latest_ns / _NANO,
        one.octets,
        one.rate_hz,
    )


def _unpack(octets: bytes, at: int) -> Stream | None:
    unit, place, channels, earliest, latest, size, rate = _STREAM.unpack_from(octets, at)
    first_ns, last_ns = _ns(earliest), _ns(latest)
    if first_ns is None or last_ns is None:
        return None
    return Stream(f"{unit:04X}", place, first_ns, last_ns, channels, size, rate)


def _ns(seconds: float) -> int | None:
    """Return seconds as nanoseconds to the microsecond, which is what a double can hold."""
    return round(seconds * 1_000_000) * 1000 if abs(seconds) < 1e11 else None


def _text(octets: bytes) -> str:
    return octets.split(b"\0", 1)[0].decode("latin-1")
