"""What the archiver names, in words for people: holes, clock steps, oddities. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portbook.daemons.voices.documents import rfc3339


def hole(told: Mapping[str, Any]) -> str:
    """Say which packets are not there, and between when; told: the record `hole`."""
    packets = told.get("packets")
    what = "1 packet is missing" if packets == 1 else f"{packets} packets are missing"
    which = _sequences(told.get("first_sequence"), told.get("last_sequence"))
    between = f"between {_time(told.get('from_ns'))} and {_time(told.get('until_ns'))}"
    return f"{_where(told)}: {what}, {which}, {between}"


def step(told: Mapping[str, Any]) -> str:
    """Say where a clock was set, and by how much; told: the record `break`."""
    off_s = told.get("off_s")
    by = f" by {off_s:+.3f} s" if isinstance(off_s, int | float) else ""
    sequence = _sequences(told.get("sequence"), told.get("sequence"))
    at = _time(told.get("at_ns"))
    return f"{_where(told)}: the clock was set{by} before {sequence}, {at}; no packet is missing"


def oddity(told: Mapping[str, Any]) -> str:
    """Say what cannot be, how often it was met, and where first; told: the record `oddity`."""
    count = told.get("count")
    times = "" if count == 1 else f" {count} times, first"
    return f"{told.get('name')}:{times} {told.get('where')}"


def _where(told: Mapping[str, Any]) -> str:
    names = ("unit", "stream", "channel", "event")
    return ", ".join(f"{name} {told[name]}" for name in names if told.get(name) is not None)


def _sequences(first: object, last: object) -> str:
    shown = [f"{one:04d}" if isinstance(one, int) else str(one) for one in (first, last)]
    return f"sequence {shown[0]}" if first == last else f"sequences {shown[0]} to {shown[1]}"


def _time(time_ns: object) -> str:
    return rfc3339(time_ns) if isinstance(time_ns, int) else "an unknown time"
