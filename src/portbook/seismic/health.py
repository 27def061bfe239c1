"""State-of-health text of REF TEK recorders: SH packets become lines with a time. Pure.

An entry is `DDD:HH:MM:SS` and a text, ended by CR LF; it may run on into the next packet.
Source: 130 Recording Format 3.4.5; fragments of such text in the filler of real data packets.
"""

from __future__ import annotations

import re

import msgspec

from portbook.protocols.reftek.packets import RAW_FROM, Packet
from portbook.seismic.tags import day_ns, of_day_ns

LONGEST = 1000  # characters of one entry that are kept
MOST_UNITS = 4096
_ENTRY = re.compile(r"(\d{3}):(\d\d):(\d\d):(\d\d) ?(.*)\Z", re.ASCII | re.DOTALL)


class HealthLine(msgspec.Struct, frozen=True, tag="health", tag_field="kind"):
    """One line that a recorder says of its own state; at_ns: None when it tells no time."""

    unit: str
    at_ns: int | None
    text: str


class HealthText:
    """Joins the text of SH packets, unit by unit, into lines."""

    def __init__(self, near_year: int) -> None:
        self._near_year = near_year
        self._rests: dict[str, tuple[int, str]] = {}

    def take(self, packet: Packet) -> list[HealthLine]:
        """Return the lines that are complete with this SH packet."""
        text = packet.octets[RAW_FROM : max(RAW_FROM, packet.byte_count)].decode("latin-1")
        year, rest = self._rests.pop(packet.unit, (packet.year, ""))
        if rest and _ENTRY.match(text):
            begun, whole = [self._line(packet.unit, year, rest)], text
        else:
            begun, whole = [], rest + text
        *lines, last = re.split(r"\r?\n|\r", whole)
        last = "" if not last.strip(" \0") else last
        if last and len(self._rests) < MOST_UNITS:
            self._rests[packet.unit] = packet.year, last[:LONGEST]
        elif last:
            lines.append(last)
        return begun + [self._line(packet.unit, packet.year, one) for one in lines if one.strip()]

    def close(self) -> list[HealthLine]:
        """Return the entries that were never ended."""
        left, self._rests = self._rests, {}
        return [self._line(unit, year, rest) for unit, (year, rest) in left.items()]

    def _line(self, unit: str, year: int, text: str) -> HealthLine:
        match = _ENTRY.match(text.strip())
        if not match:
            return HealthLine(unit, None, text.strip()[:LONGEST])
        day, hour, minute, second, said = match.groups()
        start = day_ns(year, self._near_year, day)
        if start is None or int(hour) > 23 or int(minute) > 59 or int(second) > 60:
            return HealthLine(unit, None, text.strip()[:LONGEST])
        at_ns = start + of_day_ns(f"{hour}{minute}{second}000")
        return HealthLine(unit, at_ns, said.strip()[:LONGEST])
