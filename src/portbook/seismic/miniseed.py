"""REF TEK data as miniSEED 2 records: the header swapped without decoding, or packed anew.

A C0 or C2 packet is 64 octets and 15 Steim frames, which is the body of a 1024-octet record:
`swapped` replaces the 64 octets. Plain formats are copied behind a header (`copied`). `packed`
makes 512-octet Steim-2 records through libmseed, for what takes no others. numpy and pymseed are
loaded only by `packed`. Sources: SEED manual 2.4; swapped records of 42 real packets, read back
by two independent readers.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from portbook.errors import PeerError, UsageError
from portbook.protocols.reftek.packets import FORMATS, RAW_FROM, STEIM_FROM, Packet, century
from portbook.seismic.tags import NANO, span_ns

if TYPE_CHECKING:
    import numpy as np

RECORD = 1024
SMALL = 512
# A record's samples' encoding by the packet's format (SEED manual, blockette 1000).
SWAPPED = {"C0": 10, "C2": 11}
COPIED = {"16": 1, "32": 3}
# Fixed header, blockette 1000, blockette 1001, each field in its order.
_HEADER = struct.Struct(">6scc5s2s3s2s HHBBBBH HhhBBBBiHH HHBBBB HHBbBB")
assert _HEADER.size == STEIM_FROM
_WHEN = struct.Struct(">HHBBBBHH")
_BEHIND = 32  # octets of a header behind time and count
_ROOM = RECORD - STEIM_FROM
_FACTOR_MOST = 32767


class Name(NamedTuple):
    """The codes of a channel: network, station, location and channel."""

    network: str
    station: str
    location: str
    channel: str

    @lru_cache(maxsize=4096)  # noqa: B019 - names are values, and a network has few
    def padded(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Return station, location, channel and network as a header holds them.

        Raises UsageError for codes that miniSEED 2 cannot hold.
        """
        sizes = zip(self, (2, 5, 2, 3), self._fields, strict=True)
        parts = []
        for code, size, what in sizes:
            if len(code) > size or not code.isascii() or (code and not code.isalnum()):
                raise UsageError(
                    f"{what} code {code!r} does not fit miniSEED: at most {size} letters or digits"
                )
            parts.append(code.encode().ljust(size))
        network, station, location, channel = parts
        return station, location, channel, network


class Quality(NamedTuple):
    """What is known of the recorder's clock: 0 to 100; locked now; locked long ago."""

    timing: int = 0
    locked: bool = False
    stale: bool = False


UNKNOWN = Quality()


def swapped(
    packet: Packet,
    name: Name,
    rate_hz: float,
    near_year: int,
    *,
    number: int = 1,
    quality: Quality = UNKNOWN,
) -> bytes:
    """Return a C0 or C2 packet as one 1024-octet record; its frames are not looked at.

    near_year: the packet's two digits are of the nearest century; number: of the record, in a
    file; modulo 1,000,000. Raises UsageError for another format, or codes or a rate that do not
    fit. Check the samples first (`samples.decode`) where their source is not trusted.
    """
    encoding = SWAPPED.get(packet.format or "")
    if encoding is None or len(packet.octets) != RECORD:
        raise UsageError(f"a packet of format {packet.format} is no miniSEED record; copy its data")
    told, flags = packet.time, packet.octets[22]
    clock = (
        century(packet.year, near_year),
        int(told[:3]),
        int(told[3:5]),
        int(told[5:7]),
        int(told[7:9]),
        int(told[9:]) * 10,
    )
    if not flags and number == 1 and quality is UNKNOWN:  # so are nearly all
        front, back = _usual(name, rate_hz, encoding)
        when = _WHEN.pack(*clock[:5], 0, clock[5], packet.samples or 0)
        return front + when + back + packet.octets[STEIM_FROM:]
    head = _header(name, clock, packet.samples or 0, rate_hz, encoding, number, flags, quality, 15)
    return head + packet.octets[STEIM_FROM:]


def copied(
    packet: Packet,
    name: Name,
    rate_hz: float,
    time_ns: int,
    *,
    number: int = 1,
    quality: Quality = UNKNOWN,
) -> list[bytes]:
    """Return a packet of format 16 or 32 as one or two records of the same octets.

    A packet has room for 500 or 250 samples, a record for 480 or 240.
    """
    encoding = COPIED.get(packet.format or "")
    if encoding is None or packet.format is None:
        raise UsageError(f"samples of format {packet.format} cannot be copied into miniSEED")
    size = FORMATS[packet.format][1]
    data = packet.octets[RAW_FROM : RAW_FROM + size * (packet.samples or 0)]
    made: list[bytes] = []
    for at in range(0, len(data), _ROOM):
        part = data[at : at + _ROOM]
        clock = _clock(time_ns + span_ns(at // size, rate_hz))
        flags, many = packet.octets[22], len(part) // size
        order = number + len(made)
        head = _header(name, clock, many, rate_hz, encoding, order, flags, quality, 0)
        made.append((head + part).ljust(RECORD, b"\0"))
    return made


def records(
    packet: Packet,
    name: Name,
    rate_hz: float,
    time_ns: int,
    *,
    number: int = 1,
    quality: Quality = UNKNOWN,
) -> list[bytes]:
    """Return a DT packet as 1024-octet records: swapped, copied, or else decoded and packed.

    time_ns: the packet's time tag; C1, C3 and 33 are packed, since their samples carry marks.
    Raises UsageError for codes or a rate that do not fit, PeerError for samples that cannot be.
    """
    if not packet.samples:
        return []
    if packet.format in SWAPPED:
        year = _clock(time_ns)[0]
        return [swapped(packet, name, rate_hz, year, number=number, quality=quality)]
    if packet.format in COPIED:
        return copied(packet, name, rate_hz, time_ns, number=number, quality=quality)
    from portbook.seismic.samples import decode

    found = decode(packet)
    if found.values is None:
        raise PeerError(": ".join(found.refusal or ("no samples",)))
    return packed(found.values, name, rate_hz, time_ns, octets=RECORD)


def template(name: Name, rate_hz: float, encoding: int, quality: Quality) -> bytes:
    """Return a swapped record's header with number, time, samples and flags still 0."""
    return _header(name, (0,) * 6, 0, rate_hz, encoding, 0, 0, quality, 15)


def packed(
    samples: np.ndarray, name: Name, rate_hz: float, time_ns: int, *, octets: int = SMALL
) -> list[bytes]:
    """Return int32 samples as Steim-2 records of 512 (or so many) octets, through libmseed.

    Differences that need more than Steim-2's 30 bits make the records Steim-1.
    Raises UsageError when codes or rate do not fit.
    """
    import numpy as np
    import pymseed
    from pymseed import DataEncoding, MS3Record

    name.padded()
    _factors(rate_hz)
    values = np.ascontiguousarray(samples, dtype=np.int32)
    if not len(values):
        return []
    steps = np.abs(np.diff(values.astype(np.int64)))
    wide = bool(len(steps)) and int(steps.max()) >= 1 << 29
    record = MS3Record(reclen=octets, encoding=DataEncoding.STEIM1 if wide else DataEncoding.STEIM2)
    record.formatversion = 2
    record.sourceid = pymseed.nslc2sourceid(name.network, name.station, name.location, name.channel)
    record.starttime = time_ns
    record.samprate = rate_hz
    return list(record.generate(values, "i"))


def _header(
    name: Name,
    clock: tuple[int, ...],
    samples: int,
    rate_hz: float,
    encoding: int,
    number: int,
    flags: int,
    quality: Quality,
    frames: int,
) -> bytes:
    year, day, hour, minute, second, ten_thousandths = clock
    activity = flags >> 7 | (flags & 1) << 2 | (flags & 2) << 2
    data_quality = (flags >> 6 & 1) << 1 | quality.stale << 7
    factor, multiplier = _factors(rate_hz)
    return _HEADER.pack(
        b"%06d" % (number % 1_000_000),
        b"D",
        b" ",
        *name.padded(),
        year,
        day,
        hour,
        minute,
        second,
        0,
        ten_thousandths,
        samples,
        factor,
        multiplier,
        activity,
        quality.locked << 5,
        data_quality,
        2,
        0,
        STEIM_FROM,
        48,
        1000,
        56,
        encoding,
        1,
        10,
        0,
        1001,
        0,
        quality.timing,
        0,
        0,
        frames,
    )


@lru_cache(maxsize=16384)
def _usual(name: Name, rate_hz: float, encoding: int) -> tuple[bytes, bytes]:
    """Return what stands before and behind time and count in a usual record's header."""
    head = _header(name, (0,) * 6, 0, rate_hz, encoding, 1, 0, UNKNOWN, 15)
    return head[: -_WHEN.size - _BEHIND], head[-_BEHIND:]


@lru_cache(maxsize=256)
def _factors(rate_hz: float) -> tuple[int, int]:
    """Return a rate as SEED writes it: a factor and a multiplier; negative ones divide."""
    fits = 0 < rate_hz <= _FACTOR_MOST  # also false for what is no number
    factors = (rate_hz, 1), (-1 / (rate_hz or 1), 1), (rate_hz * 10, -10), (rate_hz * 100, -100)
    for factor, multiplier in factors if fits else ():
        whole = round(factor)
        if whole and abs(factor - whole) < 1e-9 and abs(whole) <= _FACTOR_MOST:
            return whole, multiplier
    raise UsageError(f"a rate of {rate_hz} Hz does not fit miniSEED; known ones are 0.1 to 1000 Hz")


def _clock(time_ns: int) -> tuple[int, ...]:
    moment = datetime.fromtimestamp(time_ns // NANO, UTC)
    day = moment.timetuple().tm_yday
    fraction = time_ns % NANO // 100_000
    return moment.year, day, moment.hour, moment.minute, moment.second, fraction
