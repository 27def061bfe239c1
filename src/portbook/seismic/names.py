"""The names in a raw REF TEK archive: YYYYDDD/UUUU/S/HHMMSSTTT_LLLLLLLL, and back to times.

UUUU: the unit; S: 0 for all that is not data, else wire stream + 1; LLLLLLLL: length in
milliseconds, eight hex digits, 0 while the file is open. Source: maker's archive library, run on
real packets.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

NANO, MILLI = 1_000_000_000, 1_000_000
DAY_NS = 86400 * NANO
LONGEST_MS = 0xFFFFFFFF
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"(\d{9})_([0-9A-Fa-f]{8})\Z", re.ASCII)
_DAY = re.compile(r"\d{7}\Z", re.ASCII)


class Span(NamedTuple):
    """A file of the archive by its name: when its data begin, and how long they last."""

    first_ns: int
    end_ns: int
    path: str  # below the archive's root


def folder(first_ns: int, unit: str, place: int) -> str:
    """Return the folder of a unit's stream on a day; place: 0, or wire stream + 1."""
    return f"{_at(first_ns):%Y%j}/{unit}/{place}"


def file_name(first_ns: int, length_ms: int) -> str:
    """Return a file's name; a length beyond eight hex digits is told as the largest."""
    clock = f"{_at(first_ns):%H%M%S}{first_ns // MILLI % 1000:03}"
    return f"{clock}_{min(max(length_ms, 0), LONGEST_MS):08X}"


def read_name(day: str, below: str, name: str) -> Span | None:
    """Read a file's name; day and below: of its folders; None when it is no name of an archive."""
    match, start_ns = _NAME.match(name), day_ns(day)
    if match is None or start_ns is None:
        return None
    clock_ns = clock(match[1])
    if clock_ns is None:
        return None
    first_ns = start_ns + clock_ns
    return Span(first_ns, first_ns + int(match[2], 16) * MILLI, f"{day}/{below}/{name}")


@functools.lru_cache(4096)
def day_ns(day: str) -> int | None:
    """Return when the day of a folder's name begins, Unix nanoseconds; None when it names none."""
    if not _DAY.match(day) or not 1 <= int(day[:4]) <= 9998 or not 1 <= int(day[4:]) <= 366:
        return None
    first = datetime(int(day[:4]), 1, 1, tzinfo=UTC) + timedelta(days=int(day[4:]) - 1)
    return (first - _EPOCH).days * DAY_NS if first.year == int(day[:4]) else None


def text_ns(text: str | None) -> int | None:
    """Read `YYYYDDDHHMMSSTTT`, as EH and ET have it; None when it is no time."""
    if text is None or len(text) != 16:
        return None
    start_ns, clock_ns = day_ns(text[:7]), clock(text[7:])
    return None if start_ns is None or clock_ns is None else start_ns + clock_ns


def clock(text: str) -> int | None:
    """Read `HHMMSSTTT` as nanoseconds since midnight; second 60 is let stand."""
    if len(text) != 9 or not (text.isascii() and text.isdecimal()):
        return None
    hour, minute, second = int(text[:2]), int(text[2:4]), int(text[4:6])
    if hour > 23 or minute > 59 or second > 60:
        return None
    return (hour * 3600 + minute * 60 + second) * NANO + int(text[6:]) * MILLI


def _at(time_ns: int) -> datetime:
    return _EPOCH + timedelta(seconds=time_ns // NANO)
