"""Packets, records and rings for tests of what is served live: small, right, and of any unit."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

from portbook.emulators.reftek import steim, writer
from portbook.emulators.reftek.dates import tag
from portbook.seismic import stations
from portbook.seismic.feed import Feed
from portbook.seismic.live_records import Record
from portbook.seismic.record_ring import RecordRing

START_NS = 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z
SECOND = 1_000_000_000
YEAR = 2026
RATE_HZ = 100
MAP = stations.read(
    """
[unit.9D20]
network = "XX"
station = "ALFA"
location = "00"
stream.1 = ["HHZ", "HHN", "HHE"]
stream.2 = ["LHZ"]

[unit.9D21]
network = "XX"
station = "BRAVO"
location = ""
stream.1 = ["HHZ", "HHN", "HHE"]

[unit.9D22]
network = "YY"
station = "CARLO"
location = "10"
stream.1 = ["BHZ"]
""",
    "map.toml",
)


def wave(many: int, height: int = 30_000, first: int = 0) -> list[int]:
    """Return samples of a swing."""
    return [round(height * math.sin((first + at) / 7)) for at in range(many)]


def data(
    unit: str = "9D20",
    sequence: int = 1,
    *,
    at_ns: int = START_NS,
    samples: list[int] | None = None,
    coding: str = "C0",
    channel: int = 0,
    stream: int = 0,
    event: int = 1,
    before: int = 0,
) -> bytes:
    """Return a DT packet; samples that do not fit are left out."""
    values = wave(2000) if samples is None else samples
    if coding in steim.WAYS:
        packed = steim.pack(values, before, coding)
        body, many = bytes(40) + packed.frames, packed.samples
    else:
        kind, most = {"16": ("h", 500), "32": ("i", 250)}[coding]
        many = min(most, len(values))
        body = struct.pack(f">{many}{kind}", *values[:many])
    return writer.data(
        int(unit, 16),
        tag(at_ns),
        sequence,
        event=event,
        stream=stream,
        channel=channel,
        samples=many,
        coding=coding,
        body=body,
    )


def head(
    unit: str = "9D20",
    kind: str = "EH",
    sequence: int = 0,
    *,
    rate: str = "100",
    stream: int = 0,
    event: int = 1,
    coding: str = "C0",
) -> bytes:
    """Return an EH or ET packet."""
    first = tag(START_NS)
    return writer.event(
        kind,
        int(unit, 16),
        first,
        sequence,
        number=event,
        stream=stream,
        rate=rate,
        coding=coding,
        first=first,
    )


def feed() -> Feed:
    """Return a feed that knows the map and all of its streams' rates."""
    units = ("9D20", "9D21", "9D22")
    return Feed(MAP, YEAR, {(unit, stream): RATE_HZ for unit in units for stream in (0, 1)})


def records(many: int, *, first: int = 0, units: Iterable[str] = ("9D20",)) -> list[Record]:
    """Return records of 100 samples, one second after the other, units and channels in turn."""
    made, source = [], feed()
    names = tuple(units)
    for at in range(first, first + many):
        unit = names[at % len(names)]
        packet = data(unit, at % 10_000, at_ns=START_NS + at * SECOND, samples=wave(100, first=at))
        made += source.add(at, packet)
    return made


def ring(many: int = 10, *, slots: int = 1000, units: Iterable[str] = ("9D20",)) -> RecordRing:
    """Return a ring with so many records."""
    made = RecordRing(slots)
    made.append(records(many, units=units))
    return made


def numbers_3(octets: bytes) -> list[int]:
    """Return the numbers of what a version 3 server sent; asserts that it is whole packets."""
    assert len(octets) % 520 == 0
    packets = [octets[at : at + 520] for at in range(0, len(octets), 520)]
    assert all(one[:2] == b"SL" and one[14:15] == b"D" for one in packets)
    return [int(one[2:8], 16) for one in packets]


def packets_4(octets: bytes) -> list[tuple[int, str, bytes]]:
    """Return number, station and payload of each packet that a version 4 server sent."""
    found, at = [], 0
    while at < len(octets):
        signature, kind, length, sequence, size = struct.unpack_from("<2s2sIQB", octets, at)
        assert (b"SE", b"2D", 1024) == (signature, kind, length)
        at += 17 + size
        found.append((sequence, octets[at - size : at].decode(), octets[at : at + length]))
        assert len(found[-1][2]) == length
        at += length
    return found
