"""Moments for a picture that is alive: how long ago, and the time of day."""

from __future__ import annotations

from datetime import UTC, datetime

from portbook.faces.times import NANO, short

_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def ago(time_ns: int, now_ns: int) -> str:
    """Return how long ago, in one unit: `now`, `12 s`, `3 min`, `2 h`, `4 d`; later a date."""
    seconds = (now_ns - time_ns) // NANO
    if seconds < 1:
        return "now" if seconds > -60 else short(time_ns)
    if seconds >= 99 * 86_400:
        return short(time_ns)[:10]
    for size, name in _STEPS:
        if seconds >= size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def clock(time_ns: int) -> str:
    """Return the time of day in UTC: `08:00:04Z`."""
    try:
        return datetime.fromtimestamp(time_ns // NANO, UTC).strftime("%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return "--:--:--Z"
