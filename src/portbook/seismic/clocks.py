"""What recorders tell of their clocks, and the quality 0-100 that follows from it. Pure.

Sources: phrases of SH text and event headers, 130 Recording Format 3.4.5; the quality of phase
errors is that of SeisComP's reftek plugin.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from portbook.protocols.reftek.layouts import EH

DEFAULT, LOCKED, UNLOCKED = 50, 100, 10
# Microseconds of phase error above which the quality is no better.
_PHASE = ((100_000, 10), (10_000, 30), (1000, 50), (100, 65), (10, 80), (5, 90))
_PHASE_TEXT = re.compile(r"PHASE ERROR OF\s+(-?\d{1,12})\s*USEC")
_NEVER, _GPS = "?", "2"


class ClockState(StrEnum):
    """Whether a recorder's clock follows its reference."""

    UNKNOWN = "unknown"
    LOCKED = "locked"
    UNLOCKED = "unlocked"


class Clock(NamedTuple):
    """A recorder's clock.

    since_ns: since when it is in this state, by arrival; told_ns: the recorder's own time of the
    line that said so, None for an event header or a line without one
    """

    state: ClockState = ClockState.UNKNOWN
    quality: int = DEFAULT
    phase_error_us: int | None = None
    since_ns: int | None = None
    told_ns: int | None = None


def of_line(text: str, now_ns: int, at_ns: int | None, before: Clock) -> Clock:
    """Return the clock after a state-of-health line; as before, when it does not speak of it."""
    if "CLOCK IS UNLOCKED" in text:
        return _become(before, ClockState.UNLOCKED, UNLOCKED, now_ns, at_ns)
    if "CLOCK IS LOCKED" in text:
        return _become(before, ClockState.LOCKED, LOCKED, now_ns, at_ns)
    match = _PHASE_TEXT.search(text)
    if match is None:
        return before
    error_us = int(match[1])
    return before._replace(
        quality=phase_quality(error_us), phase_error_us=error_us, told_ns=at_ns or before.told_ns
    )


def of_header(octets: bytes, now_ns: int, at_ns: int | None, before: Clock) -> Clock:
    """Return the clock after an EH or ET packet.

    Its quality is `?` for never locked, or the days since the last lock. Zero days are a lock
    only where SH text has not told better, and a header older than that text tells nothing.
    """
    quality, source = EH.get(octets, "time_quality"), EH.get(octets, "time_source")
    if before.told_ns is not None and (at_ns is None or at_ns < before.told_ns):
        return before
    if quality == _NEVER or quality in tuple("123456789"):
        return _become(before, ClockState.UNLOCKED, UNLOCKED, now_ns, None)
    if quality == "0" and before.told_ns is None:
        sure = LOCKED if source == _GPS else 90
        return _become(before, ClockState.LOCKED, sure, now_ns, None)
    return before


def phase_quality(error_us: int) -> int:
    """Return the quality of a clock by its phase error in microseconds."""
    return next((quality for limit, quality in _PHASE if abs(error_us) > limit), LOCKED)


def _become(
    before: Clock, state: ClockState, quality: int, now_ns: int, at_ns: int | None
) -> Clock:
    since = before.since_ns if before.state is state else now_ns
    error = before.phase_error_us if state is ClockState.LOCKED else None
    return Clock(state, quality, error, since, at_ns or before.told_ns)
