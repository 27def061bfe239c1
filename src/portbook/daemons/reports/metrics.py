"""A snapshot in the text format of Prometheus.

Source: Prometheus documentation, "Exposition formats", text format version 0.0.4. Names of
counters end in `_total`; in label values backslash, quote and line feed are escaped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from portbook.daemons.reports.snapshot import LEVELS, TOTALS, Snapshot
from portbook.seismic.clocks import ClockState
from portbook.seismic.instruments import Instrument, Verdict

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "portbook_rtpd_"
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_MEANINGS = {one.name: one.meaning for one in (*TOTALS, *LEVELS)}
Row = tuple[Mapping[str, str], float | None]


def text(snapshot: Snapshot) -> str:
    """Return all metrics; what is unknown is left out, never written as 0."""
    lines: list[str] = []
    for part in (_process(snapshot), _numbers(snapshot), _units(snapshot.instruments)):
        for name, kind, meaning, rows in part:
            shown = [_row(name, labels, value) for labels, value in rows if value is not None]
            if shown:
                lines += [f"# HELP {name} {_help(meaning)}", f"# TYPE {name} {kind}", *shown]
    return "\n".join(lines) + "\n"


Family = tuple[str, str, str, Iterable[Row]]


def _family(name: str, meaning: str, rows: Iterable[Row], kind: str = "gauge") -> Family:
    tail = "_total" if kind == "counter" and not name.endswith("_total") else ""
    return f"{PREFIX}{name}{tail}", kind, meaning, rows


def _process(one: Snapshot) -> Iterator[Family]:
    yield _family("info", "always 1; which version runs", [({"version": one.version}, 1)])
    yield _family("start_time_seconds", "when it started", [({}, one.started_ns / 1e9)])
    yield _family("snapshot_time_seconds", "when these numbers were so", [({}, one.at_ns / 1e9)])
    yield _family("well", "1 when it has no trouble of its own", [({}, not one.troubles)])
    standing = Counter(alarm.what for alarm in one.alarms)
    rows: list[Row] = [({"what": what}, count) for what, count in sorted(standing.items())]
    yield _family("alarms_standing", "alarms that stand", rows or [({}, 0)])
    faults: list[Row] = [({"fault": name}, count) for name, count in sorted(one.refused.items())]
    yield _family("faults", "packets refused, by what was wrong", faults, "counter")
    up: list[Row] = [({"source": each.name, "how": each.how}, each.up) for each in one.sources]
    yield _family("source_up", "1 while a source is connected", up)


def _numbers(one: Snapshot) -> Iterator[Family]:
    for kind, numbers in (("counter", one.totals), ("gauge", one.levels)):
        for name, value in numbers.items():
            if _NAME.match(name):
                yield _family(name, _MEANINGS.get(name, name), [({}, value)], kind)


def _units(those: Iterable[Instrument]) -> Iterator[Family]:
    every = [(one, {"unit": one.unit}) for one in those]
    yield _family(
        "unit_up",
        "1 while an instrument is up",
        [(at, one.verdict is Verdict.UP) for one, at in every],
    )
    yield _family(
        "unit_packets", "packets of a unit", [(at, one.packets) for one, at in every], "counter"
    )
    yield _family(
        "unit_last_packet_seconds",
        "when the last packet of a unit came",
        [(at, _seconds(one.arrived_ns)) for one, at in every],
    )
    yield _family(
        "unit_last_data_seconds",
        "time tag of the newest data of a unit",
        [(at, _seconds(one.data_ns)) for one, at in every],
    )
    yield _family(
        "unit_clock_quality",
        "quality of a unit's clock, 0 to 100",
        [(at, None if _unheard(one) else one.quality) for one, at in every],
    )
    yield _family(
        "unit_clock_locked",
        "1 while a unit's clock is locked",
        [(at, None if _unheard(one) else one.clock is ClockState.LOCKED) for one, at in every],
    )
    yield _family(
        "unit_clock_steps",
        "leaps of time tags in a unit's channels where no packet is missing",
        [(at, one.clock_steps) for one, at in every],
        "counter",
    )
    yield _family(
        "unit_holes", "holes of a unit", [(at, one.holes) for one, at in every], "counter"
    )
    yield _family(
        "unit_packets_missing",
        "packets that are missing in a unit's holes",
        [(at, one.missing) for one, at in every],
        "counter",
    )


def _unheard(one: Instrument) -> bool:
    return one.clock is ClockState.UNKNOWN


def _seconds(time_ns: int | None) -> float | None:
    return None if time_ns is None else time_ns / 1e9


def _row(name: str, labels: Mapping[str, str], value: float | None) -> str:
    inner = ",".join(f'{key}="{_label(told)}"' for key, told in labels.items())
    number = int(value) if isinstance(value, int) else value
    return f"{name}{{{inner}}} {number}" if inner else f"{name} {number}"


def _label(told: str) -> str:
    return told.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _help(told: str) -> str:
    return told.replace("\\", "\\\\").replace("\n", "\\n")
