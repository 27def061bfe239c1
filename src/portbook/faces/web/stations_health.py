"""What a recorder's state of health says over time: voltages, temperature, its clock. Pure.

Source: phrases of SH text, 130 Recording Format 3.4.5 and the programs that read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from portbook.faces.web.stations_records import Health, Lock, Measure, Said, Series
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.health import HealthLine, HealthText

MOST_POINTS = 2000  # of a series; of more, each n-th
MOST_LOCKS = 200
MOST_LINES = 60
_BATTERY = re.compile(
    r"BATTERY VOLTAGE\s*=\s*(-?\d{1,4}(?:\.\d{1,4})?)\s*V?,\s*TEMPERATURE\s*=\s*"
    r"(-?\d{1,4}(?:\.\d{1,4})?)\s*C?,\s*BACKUP\s*=\s*(-?\d{1,4}(?:\.\d{1,4})?)",
    re.ASCII,
)
_PHASE = re.compile(r"PHASE ERROR OF\s+(-?\d{1,12})\s*USEC", re.ASCII)
_BATTERY_MEASURES = (Measure.SUPPLY, Measure.TEMPERATURE, Measure.BACKUP)


def health(
    unit: str, packets: Iterable[Packet], near_year: int, from_ns: int, until_ns: int
) -> Health:
    """Return what SH packets, in their order, tell of a time."""
    text = HealthText(near_year)
    lines = [line for packet in packets if packet.type == "SH" for line in text.take(packet)]
    lines += text.close()
    within = [one for one in lines if one.at_ns is not None and from_ns <= one.at_ns <= until_ns]
    within.sort(key=lambda one: one.at_ns or 0)
    points: dict[Measure, list[tuple[int, float]]] = {}
    locks: list[Lock] = []
    for line in within:
        _note(line, points, locks)
    return Health(
        unit,
        from_ns,
        until_ns,
        tuple(
            Series(measure, _thinned(points[measure])) for measure in Measure if measure in points
        ),
        tuple(locks[-MOST_LOCKS:]),
        tuple(Said(one.at_ns, one.text) for one in reversed(within[-MOST_LINES:])),
    )


def _note(
    line: HealthLine, points: dict[Measure, list[tuple[int, float]]], locks: list[Lock]
) -> None:
    at_ns = line.at_ns or 0
    if match := _BATTERY.search(line.text):
        for measure, told in zip(_BATTERY_MEASURES, match.groups(), strict=True):
            points.setdefault(measure, []).append((at_ns, float(told)))
    if match := _PHASE.search(line.text):
        points.setdefault(Measure.PHASE_ERROR, []).append((at_ns, float(match[1])))
    for words, locked in (("CLOCK IS UNLOCKED", False), ("CLOCK IS LOCKED", True)):
        if words in line.text and (not locks or locks[-1].locked is not locked):
            locks.append(Lock(at_ns, locked))


def _thinned(points: list[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    step = -(-len(points) // MOST_POINTS)
    kept = points[::step]
    return tuple(kept if kept[-1] == points[-1] else [*kept, points[-1]])
