"""Records that are ready to be sent: miniSEED 2 of 1024 octets, each with its place in the ring.

A record is made once, with the head that SeedLink 4 wants before it; everybody who gets it gets
the same octets. What older clients need is made when the first of them asks, and kept with it.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from portbook.protocols.seedlink.telling import MODULUS_3, head_3
from portbook.seismic.miniseed import RECORD, Name
from portbook.seismic.tags import NANO, day_ns

PARTS = 256  # numbers of version 4 that a ring sequence has
PARTS_3 = 4  # and of version 3
_CLOCK = struct.Struct(">HHBBBxHH")
_TENTH_MS = 100_000


class Channel:
    """A channel that is served, and how each protocol names it."""

    __slots__ = ("held", "name", "octets", "seed", "station", "stream")

    def __init__(self, name: Name) -> None:
        network, station, location, code = name
        self.name = name
        self.station = f"{network}_{station}"
        self.stream = f"{location}_{code[0:1]}_{code[1:2]}_{code[2:]}"
        self.seed = f"{location:2}{code}"
        self.octets = self.station.encode()
        self.held: list[int] = []  # kept by the ring: places of its records

    @property
    def datalink(self) -> str:
        """Return the stream id of DataLink 1.0."""
        return f"{'_'.join(self.name)}/MSEED"

    @property
    def source_id(self) -> str:
        """Return the stream id of DataLink 1.1, an FDSN source identifier."""
        return f"FDSN:{self.station}_{self.stream}/MSEED"


class Record:
    """One record of 1024 octets.

    ring: sequence of the packet that let it go; part: which record of those, from 0; second: it
    is the second half of its packet; early: its own packet came before, and was held back;
    packet: what SeedLink 4 sends
    """

    __slots__ = ("channel", "early", "packet", "part", "rate_hz", "ring", "second", "small")

    def __init__(
        self,
        channel: Channel,
        packet: bytes,
        rate_hz: float,
        ring: int,
        part: int = 0,
        second: bool = False,
        early: bool = False,
    ) -> None:
        self.channel = channel
        self.packet = packet
        self.rate_hz = rate_hz
        self.ring = ring
        self.part = part
        self.second = second
        self.early = early
        self.small: tuple[bytes, ...] | None = None

    @property
    def sequence(self) -> int:
        """Return its number in SeedLink 4."""
        return self.ring * PARTS + self.part

    @property
    def octets(self) -> bytes:
        """Return the record."""
        return self.packet[-RECORD:]

    @property
    def samples(self) -> int:
        """Return how many samples it holds."""
        at = len(self.packet) - RECORD + 30
        return int.from_bytes(self.packet[at : at + 2])

    @property
    def start_ns(self) -> int:
        """Return when its first sample was, Unix nanoseconds."""
        return _header_ns(self.packet, len(self.packet) - RECORD)[0]

    @property
    def end_ns(self) -> int:
        """Return when the sample after its last one is due."""
        return self.start_ns + round(self.samples * NANO / self.rate_hz)

    def number_3(self, piece: int) -> int:
        """Return the number that a piece of 512 octets has in SeedLink 3, before it wraps.

        A packet has four: a second half, which is small, takes the last one of them. Pieces of
        early records have the one before their packet's, so that whoever goes on in the midst of
        them gets them all again rather than miss one.
        """
        if self.early:
            return self.ring * PARTS_3 - 1
        return self.ring * PARTS_3 + (PARTS_3 - 1 if self.second else piece)

    def packets_3(self, pieces: tuple[bytes, ...], least: int = 0) -> bytes:
        """Return its pieces as SeedLink 3 sends them; least: number of the first one wanted."""
        parts: list[bytes] = []
        for at, piece in enumerate(pieces):
            number = self.number_3(at)
            if number >= least:
                parts += (head_3(number % MODULUS_3), piece)
        return b"".join(parts)


def times_ns(record: bytes, rate_hz: float) -> tuple[int, int]:
    """Return when the first and the last sample of a miniSEED 2 record were."""
    start_ns, samples = _header_ns(record, 0)
    return start_ns, start_ns + round(max(0, samples - 1) * NANO / rate_hz)


def _header_ns(octets: bytes, at: int) -> tuple[int, int]:
    """Return a record's time, from its header alone, and its number of samples."""
    year, day, hour, minute, second, tenths, samples = _CLOCK.unpack_from(octets, at + 20)
    seconds: int = hour * 3600 + minute * 60 + second
    begin_ns: int = _day_ns(year, day) + seconds * NANO + tenths * _TENTH_MS
    return begin_ns, samples


@lru_cache(maxsize=256)
def _day_ns(year: int, day: int) -> int:
    return day_ns(year % 100, year, f"{day:03}") or 0
