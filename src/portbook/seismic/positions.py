"""Where a recorder says that it stands: of an event header, or of a line of its state of health.

Pure. Sources: 130 Recording Format 3.4.5 (EH: `N 4807.311E01235.830+00547`, degrees, minutes,
metres); lines `GPS: POSITION: N41:45:04.50 E103:23:45.46 +01234M` as logs of recorders have them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_HEADER = re.compile(
    r"(?P<ns>[NS])[ 0-9]?(?P<lat>\d\d)(?P<lat_min>\d\d\.\d{1,4})"
    r"(?P<ew>[EW])(?P<lon>\d{3})(?P<lon_min>\d\d\.\d{1,4})\s*(?P<up>[+-]\d{1,6})?",
    re.ASCII,
)
_LINE = re.compile(
    r"GPS:\s*POSITION:\s*(?P<ns>[NS])(?P<lat>\d{1,2}):(?P<lat_min>\d\d):(?P<lat_s>\d\d(?:\.\d{1,6})?)"
    r"\s+(?P<ew>[EW])(?P<lon>\d{1,3}):(?P<lon_min>\d\d):(?P<lon_s>\d\d(?:\.\d{1,6})?)"
    r"(?:\s+(?P<up>[+-]\d{1,6})M)?",
    re.ASCII,
)


class Position(NamedTuple):
    """A place on the earth: degrees, north and east positive; metres, None when not told."""

    latitude: float
    longitude: float
    elevation_m: float | None = None


def of_header(text: str | None) -> Position | None:
    """Return what the field `position` of an EH or ET tells; None when blank, or it cannot be."""
    return _place(_HEADER.match(text or ""))


def of_line(text: str) -> Position | None:
    """Return the place that a state-of-health line tells; None when it does not speak of it."""
    return _place(_LINE.search(text)) if "POSITION" in text else None


def place(latitude: float, longitude: float, elevation_m: float | None = None) -> Position | None:
    """Return a position; None beyond the poles, beyond 180 degrees, and at 0, 0 exactly.

    A receiver without a fix tells zeros; no recorder stands in the sea off Africa.
    """
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    return Position(latitude, longitude, elevation_m) if latitude or longitude else None


def _place(match: re.Match[str] | None) -> Position | None:
    if match is None:
        return None
    told = match.groupdict()
    latitude = _degrees(told["lat"], told["lat_min"], told.get("lat_s"))
    longitude = _degrees(told["lon"], told["lon_min"], told.get("lon_s"))
    if latitude is None or longitude is None:
        return None
    return place(
        -latitude if told["ns"] == "S" else latitude,
        -longitude if told["ew"] == "W" else longitude,
        None if told["up"] is None else float(told["up"]),
    )


def _degrees(whole: str, minutes: str, seconds: str | None) -> float | None:
    """Return degrees, rounded to what a GPS receiver knows; None for a sixtieth too many."""
    rest = float(seconds or 0.0)
    if float(minutes) >= 60 or rest >= 60:
        return None
    return round(int(whole) + float(minutes) / 60 + rest / 3600, 6)
