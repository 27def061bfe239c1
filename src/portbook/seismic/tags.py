"""What a packet tells beside its samples: when they begin, at which rate, what stood before them.

Pure: octets and numbers in, numbers out. Sources: 130 Recording Format 3.4.5; SEED manual 2.4,
appendix B (Steim frames); the rates are those that the maker's archive library accepts.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from portbook.protocols.reftek.layouts import EH, SIZE
from portbook.protocols.reftek.packets import FORMATS, STEIM_FROM, Packet, century

NANO, MILLI = 1_000_000_000, 1_000_000
FINEST_NS = MILLI  # a time tag is told to the millisecond
# Every period is a whole number of milliseconds, so a millisecond of difference is a real one.
RATES_HZ = (1000, 500, 250, 200, 125, 100, 50, 40, 25, 20, 10, 8, 5, 4, 2, 1, 0.1)
HIGHEST_HZ = 1000
STEIM = frozenset(("C0", "C1", "C2", "C3"))
_HELD = {30: 1, 15: 2, 10: 3, 6: 5, 5: 6, 4: 7}  # Steim-2: differences in a word, by their bits
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Bits of the first difference in a word, by its code; Steim-2 asks the word's two top bits too.
_FIRST_FRAME = struct.Struct(">Iii")  # control word, first and last sample
_STEIM_1 = (0, 8, 16, 32)
_STEIM_2 = {2: (0, 30, 15, 10), 3: (6, 5, 4, 0)}


class Chain(NamedTuple):
    """The value before a packet's first sample, as its first difference tells; and its last."""

    before: int
    last: int


def unfit(packet: Packet) -> tuple[str, str] | None:
    """Return the oddity's name and the reason why a packet cannot be as it stands, or None."""
    if len(packet.octets) != SIZE:
        return "cut-packet", f"{len(packet.octets)} of {SIZE} octets"
    if not packet.faults:
        return None
    most = FORMATS.get(packet.format or "", (None,))[0]
    name = "impossible-packet"
    if packet.type == "DT" and packet.event is not None and packet.stream is not None:
        if most is None:
            name = "unknown-format"
        elif packet.samples is not None and packet.channel is not None:
            name = "impossible-count"
    return name, packet.faults[0]


def time_ns(packet: Packet, near_year: int) -> int | None:
    """Return when a packet's time tag is, Unix nanoseconds; None on a day that its year lacks.

    near_year: the packet tells two digits; the nearest century is taken. Second 60 is let stand.
    """
    told = packet.time
    minute = _minute_ns(packet.year, near_year, told[:7])
    return None if minute is None else minute + int(told[7:]) * MILLI  # SSTTT are milliseconds


def span_ns(samples: int, rate_hz: float) -> int:
    """Return how long so many samples last, in nanoseconds."""
    return round(samples * NANO / rate_hz)


def told_rate(packet: Packet) -> float | None:
    """Return the rate in Hz that an EH or ET packet tells; None when blank or not a rate."""
    text = EH.get(packet.octets, "rate") or ""
    try:
        rate = float(text) if text.isascii() and text.strip("0123456789. ") == "" else 0.0
    except ValueError:
        return None
    return rate if 0 < rate <= HIGHEST_HZ else None


def derived_rate(samples: int, apart_ns: int) -> float | None:
    """Return the rate that samples and the time to the next packet tell; only a legal one."""
    if apart_ns <= 0:
        return None
    return next((rate for rate in RATES_HZ if span_ns(samples, rate) == apart_ns), None)


def last_sample_ns(packet: Packet) -> int | None:
    """Return when the last sample of an event was, as its ET tells; None when it does not."""
    told = EH.get(packet.octets, "last_sample") or ""
    if len(told) != 16 or not (told.isascii() and told.isdecimal()):
        return None
    year = int(told[:4])
    day = day_ns(year % 100, year, told[4:7])
    if day is None or int(told[7:9]) > 23 or int(told[9:11]) > 59 or int(told[11:13]) > 60:
        return None
    return day + of_day_ns(told[7:])


def chain(packet: Packet) -> Chain | None:
    """Return what a Steim packet tells of its neighbours; None for plain samples or none.

    The first difference of a packet is the step from the last sample of the one before.
    """
    octets = packet.octets
    if packet.format not in STEIM or not packet.samples or len(octets) < STEIM_FROM + 64:
        return None
    codes, first, last = _FIRST_FRAME.unpack_from(octets, STEIM_FROM)
    for word in range(3, 16):
        code = codes >> 30 - 2 * word & 3
        if code:
            at = STEIM_FROM + 4 * word
            step = _first_difference(octets[at : at + 4], code, packet.format)
            return None if step is None else Chain(_wrapped(first - step), last)
    return None


def _first_difference(word: bytes, code: int, coding: str) -> int | None:
    if code == 1 or coding in ("C0", "C1"):
        size = _STEIM_1[code]
        return _signed(word[: size // 8], size)
    size = _STEIM_2[code][word[0] >> 6]
    if not size:
        return None
    held = _HELD[size]
    value = int.from_bytes(word) >> size * (held - 1) & (1 << size) - 1
    return value - (1 << size) if value >> size - 1 else value


def _signed(octets: bytes, bits: int) -> int:
    return int.from_bytes(octets[: bits // 8], signed=True)


def _wrapped(value: int) -> int:
    """Return a value as 32 bits hold it: real first packets have a difference of their own X0."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def of_day_ns(told: str) -> int:
    """Return `HHMMSSTTT` as nanoseconds since midnight."""
    seconds = int(told[:2]) * 3600 + int(told[2:4]) * 60 + int(told[4:6])
    return seconds * NANO + int(told[6:9]) * MILLI


@lru_cache(maxsize=4096)
def _minute_ns(two_digits: int, near_year: int, told: str) -> int | None:
    """Return when a minute `DDDHHMM` begins; None when the year has no such day."""
    day = day_ns(two_digits, near_year, told[:3])
    return None if day is None else day + of_day_ns(f"{told[3:]}00000")


@lru_cache(maxsize=1024)
def day_ns(two_digits: int, near_year: int, day: str) -> int | None:
    """Return when a day `DDD` begins, Unix nanoseconds; None when the year has no such day."""
    year = century(two_digits, near_year)
    if not 1 <= year <= 9998:
        return None
    first = datetime(year, 1, 1, tzinfo=UTC)
    if not 1 <= int(day) <= 366:
        return None
    moment = first + timedelta(days=int(day) - 1)
    return (moment - _EPOCH).days * 86400 * NANO if moment.year == year else None
