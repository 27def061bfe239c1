"""Times as people write and read them: `2026-11-21T08:00`, `90m`, `2h`, `3d`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from portbook.errors import UsageError

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)\Z")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
NANO = 1_000_000_000


def duration_s(text: str) -> float:
    """Read `90s`, `15m`, `2h`, `3d` or `1w` as seconds; raises UsageError for anything else."""
    match = _AGO.match(text.strip())
    if not match:
        raise UsageError(f"not a duration: {text!r}; write 90s, 15m, 2h, 3d or 1w")
    return float(match[1]) * _UNITS_S[match[2]]


def moment_ns(text: str, now_ns: int) -> int:
    """Read a moment as Unix nanoseconds: an ISO 8601 time, UTC without a zone, or how long ago.

    Raises UsageError when the text is neither.
    """
    if _AGO.match(text.strip()):
        return now_ns - int(duration_s(text) * NANO)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"not a time: {text!r}; write 2026-11-21T08:00:00Z, 2026-11-21, or 2h for two hours ago"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * NANO + moment.microsecond * 1000


def short(time_ns: int) -> str:
    """Return a moment for a table: `2026-11-21 08:00:00Z`."""
    try:
        moment = datetime.fromtimestamp(time_ns // NANO, UTC)
    except (OverflowError, ValueError, OSError):
        return f"@{time_ns // NANO}"
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def lasting(seconds: float) -> str:
    """Return a duration for people: `0.4 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for size, big, small_size, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            rest = whole % size // small_size
            return f"{whole // size} {big}" + (f" {rest} {small}" if rest else "")
    return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
