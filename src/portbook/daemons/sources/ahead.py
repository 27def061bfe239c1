"""Is a packet's time more than a day ahead of its arrival? Then its clock is wrong.

A recorder without a lock can be years off (GPS week). Such packets are archived, and not served
live, where they would push others out of order. Source: REF TEK notes, bad input.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from portbook.protocols.reftek.packets import century

DAY_NS = 86_400_000_000_000
_TEN_HOURS_NS = DAY_NS * 10 // 24
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def far_ahead(octets: bytes, received_ns: int, year: int) -> bool:
    """Tell whether a sound packet's time is more than a day later than its arrival.

    year: that of the arrival; the packet's century is the one nearest to it
    """
    begin_ns = _begin_ns(octets[3:4] + octets[6:8], year)
    over_ns = begin_ns - received_ns - DAY_NS
    if over_ns <= -_TEN_HOURS_NS:
        return False
    return over_ns > 0 or begin_ns + _rest_ns(octets) > received_ns + DAY_NS


def year_of(moment_ns: int) -> int:
    """Return the year of a moment."""
    return datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC).year


@lru_cache(maxsize=4096)
def _begin_ns(digits: bytes, near_year: int) -> int:
    """Return the time of year, day and the tens of hours."""
    told = digits.hex()
    year = century(int(told[:2]), near_year)
    days = (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH + timedelta(int(told[2:5]) - 1)).days
    return days * DAY_NS + int(told[5]) * _TEN_HOURS_NS


def _rest_ns(octets: bytes) -> int:
    told = octets[7:12].hex()[2:]
    hours, minutes, milliseconds = int(told[0]), int(told[1:3]), int(told[3:])
    return (hours * 3600 + minutes * 60) * 1_000_000_000 + milliseconds * 1_000_000
