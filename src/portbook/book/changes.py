"""What is new, gone or different between two moments: the state then against the state now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from sqlite3 import Connection


class Change(msgspec.Struct, frozen=True, tag="change", tag_field="kind"):
    """One thing that is new, gone or different.

    at_ns: when the book learned it; for traffic that fell silent, when it counted as gone
    before: for "changed", the details that were otherwise; details: as they are, or last were
    """

    what: str  # "new", "gone", "changed"
    of: str  # "service", "device", "listener", "announcement", "finding"
    site: str
    vlan: int | None
    subject: str
    at_ns: int
    first_ns: int
    last_ns: int
    source: str
    details: Mapping[str, Any]
    before: Mapping[str, Any] = {}


_EVENTS = """
SELECT sighting, at_ns, what, before FROM events
WHERE at_ns > :since AND at_ns <= :now ORDER BY sighting, at_ns, id
"""
_ROUNDS = 4  # of looking at four times as much
_NEWEST_SIGHTINGS = """
SELECT id, recorded_ns FROM sightings INDEXED BY sightings_by_recorded
WHERE recorded_ns > ? ORDER BY recorded_ns DESC LIMIT ?
"""
_NEWEST_EVENTS = """
SELECT sighting, at_ns FROM events INDEXED BY events_by_time
WHERE at_ns > ? ORDER BY at_ns DESC LIMIT ?
"""
_AMONG = """
SELECT id, site, vlan, kind, key, source, first_ns, last_ns, recorded_ns, details FROM sightings
WHERE id IN (SELECT value FROM json_each(:ids))
"""
_EVENTS_AMONG = """
SELECT e.sighting, e.at_ns, e.what, e.before
FROM json_each(:ids) j CROSS JOIN events e INDEXED BY events_by_sighting ON e.sighting = j.value
WHERE e.at_ns > :since ORDER BY e.sighting, e.at_ns, e.id
"""
_TOUCHED = """
SELECT id, site, vlan, kind, key, source, first_ns, last_ns, recorded_ns, details FROM sightings
WHERE (recorded_ns > :since AND recorded_ns <= :now)
   OR id IN (SELECT sighting FROM events WHERE at_ns > :since AND at_ns <= :now)
ORDER BY site, vlan, kind, key
"""


def changes(connection: Connection, since_ns: int, now_ns: int) -> list[Change]:
    """Return what differs between the two moments.

    A thing that went and came back as it was is no change; one that came and went is told twice,
    as new and as gone, because somebody was there.
    """
    window = {"since": since_ns, "now": now_ns}
    events: dict[int, list[tuple[int, str, str | None]]] = {}
    for sighting, at_ns, what, before in connection.execute(_EVENTS, window):
        events.setdefault(sighting, []).append((at_ns, what, before))
    found: list[Change] = []
    for row in connection.execute(_TOUCHED, window):
        found += _of(row, events.get(row[0], []), since_ns)
    return found


def latest(connection: Connection, since_ns: int, most: int) -> list[Change]:
    """Return what differs since a moment, the newest first, at most so many.

    Only the newest sightings and events are looked at, more of them where they tell too little:
    what went and came back as it was is no change.
    """
    if most < 1:
        return []
    at_once = 2 * most + 50
    for _ in range(_ROUNDS):
        ids: set[int] = set()
        floor = since_ns
        for newest in (_NEWEST_SIGHTINGS, _NEWEST_EVENTS):
            rows = connection.execute(newest, (since_ns, at_once)).fetchall()
            ids.update(number for number, _ in rows)
            if len(rows) == at_once:
                floor = max(floor, rows[-1][1])
        found = [one for one in _among(connection, ids, since_ns) if one.at_ns >= floor]
        if len(found) >= most or floor == since_ns:
            break
        at_once *= 4
    return sorted(found, key=lambda one: one.at_ns, reverse=True)[:most]


def _among(connection: Connection, ids: set[int], since_ns: int) -> list[Change]:
    window = {"since": since_ns, "ids": msgspec.json.encode(sorted(ids)).decode()}
    events: dict[int, list[tuple[int, str, str | None]]] = {}
    for sighting, at_ns, what, before in connection.execute(_EVENTS_AMONG, window):
        events.setdefault(sighting, []).append((at_ns, what, before))
    found: list[Change] = []
    for row in connection.execute(_AMONG, window):
        found += _of(row, events.get(row[0], []), since_ns)
    return found


def _of(
    row: tuple[Any, ...], events: list[tuple[int, str, str | None]], since_ns: int
) -> list[Change]:
    recorded_ns: int = row[8]
    presence = [(at_ns, what) for at_ns, what, _ in events if what != "changed"]
    there_before = recorded_ns <= since_ns and (not presence or presence[0][1] == "gone")
    there_now = not presence or presence[-1][1] == "back"
    if there_before and there_now:
        return _differing(row, events)
    told = []
    if not there_before:
        came = recorded_ns if recorded_ns > since_ns else presence[0][0]
        told.append(_change("new", row, came))
    if not there_now:
        told.append(_change("gone", row, presence[-1][0]))
    return told


def _differing(row: tuple[Any, ...], events: list[tuple[int, str, str | None]]) -> list[Change]:
    changed = [(at_ns, before) for at_ns, what, before in events if what == "changed" and before]
    if not changed:
        return []
    now: dict[str, Any] = msgspec.json.decode(row[9])
    then: dict[str, Any] = msgspec.json.decode(changed[0][1])
    before = {name: value for name, value in then.items() if now.get(name) != value}
    return [_change("changed", row, changed[-1][0], before)] if before else []


def _change(
    what: str, row: tuple[Any, ...], at_ns: int, before: Mapping[str, Any] | None = None
) -> Change:
    _, site, vlan, kind, _, source, first_ns, last_ns, _, details = row
    told: dict[str, Any] = msgspec.json.decode(details)
    return Change(
        what,
        kind,
        site,
        vlan or None,
        subject_of(kind, told),
        at_ns,
        first_ns,
        last_ns,
        source,
        told,
        before or {},
    )


def subject_of(kind: str, details: Mapping[str, Any]) -> str:
    """Say in one line what an entry is about: "tcp 10.0.0.9:502"."""
    if kind == "finding":
        return f"{details['code']} {details['subject']}"
    if kind == "announcement":
        ports = ",".join(map(str, details["ports"]))
        ends = f"{details['source']} to {details['destination']}"
        return f"{details['transport']} {ends} port {ports}"
    address = str(details["address"])
    if kind == "device":
        return address
    shown = f"[{address}]" if ":" in address else address
    return f"{details['transport']} {shown}:{details['port']}"
