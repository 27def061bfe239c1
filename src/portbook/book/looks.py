"""One look becomes rows: what is met again, what differs, what is gone, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from portbook.book import entries
from portbook.book.entries import LATEST_NS, Entry, clean, encode, is_change, merged
from portbook.records import Announcement, Device, Finding, Listener, Service

if TYPE_CHECKING:
    from sqlite3 import Connection


class Look(NamedTuple):
    """When somebody looked at what."""

    site: str
    source: str
    now_ns: int
    machine: bool  # a machine's sockets, not traffic
    whole: bool  # nothing was left out by a filter


def write(
    connection: Connection,
    look: Look,
    services: Iterable[Service],
    devices: Iterable[Device],
    listeners: Iterable[Listener],
    announcements: Iterable[Announcement],
    findings: Iterable[Finding],
) -> None:
    """Write one look; the caller holds the transaction."""
    connection.execute(_LOOK)
    connection.execute("DELETE FROM temp.look")
    found = _together(
        (
            *map(entries.of_service, services),
            *map(entries.of_device, devices),
            *entries.of_listeners(listeners, look.source),
            *map(entries.of_announcement, announcements),
            *_findings(findings, look),
        )
    )
    connection.executemany(
        "INSERT INTO temp.look VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        map(_row, found),
    )
    named = {"site": look.site, "source": look.source, "now": look.now_ns}
    _compare(connection, named)
    connection.execute(_UPSERT, named)
    connection.execute(_PIN, named)
    if look.whole:
        _let_go(connection, look, named)


def _row(one: Entry) -> tuple[object, ...]:
    first_ns, last_ns = min(one.first_ns, LATEST_NS), min(one.last_ns, LATEST_NS)
    key, details = clean(one.key), encode(one.details)
    vlan, kind, _, transport, port, _, _, quiet_ns, _ = one
    return vlan, kind, key, transport, port, first_ns, last_ns, quiet_ns, details


def _findings(findings: Iterable[Finding], look: Look) -> Iterator[Entry]:
    machine = look.source if look.machine else None
    return (entries.of_finding(one, look.now_ns, machine) for one in findings)


def _together(found: Iterable[Entry]) -> Iterable[Entry]:
    """Join sightings of one thing in one look: two captures, two parts of one conversation."""
    joined: dict[tuple[int, str, str], Entry] = {}
    for one in found:
        key = (one.vlan, one.kind, one.key)
        other = joined.get(key)
        if other:
            older, newer = sorted((one, other), key=lambda entry: entry.last_ns)
            one = newer._replace(
                first_ns=min(one.first_ns, other.first_ns),
                details=merged(older.details, newer.details),
            )
        joined[key] = one
    return joined.values()


def _compare(connection: Connection, named: dict[str, Any]) -> None:
    """Note what came back and what differs; put merged details in the look."""
    events: list[tuple[int, int, str, str | None, str | None]] = []
    better: list[tuple[str, int, str, str]] = []
    now_ns = named["now"]
    for row in connection.execute(_MET, named).fetchall():
        number, vlan, kind, key, known_text, known_ns, gone_ns, text, seen_ns, quiet_ns = row
        late = seen_ns < known_ns  # an older capture, read after a newer one
        if gone_ns is not None and (quiet_ns is None or seen_ns > known_ns):
            events.append((number, now_ns, "back", None, None))
        if known_text == text:
            continue
        known, told = msgspec.json.decode(known_text), msgspec.json.decode(text)
        after = encode(merged(told, known) if late else merged(known, told))
        if not late and is_change(known, told):
            events.append((number, now_ns, "changed", known_text, after))
        better.append((after, vlan, kind, key))
    connection.executemany(
        "UPDATE temp.look SET details = ? WHERE vlan = ? AND kind = ? AND key = ?", better
    )
    connection.executemany(
        "INSERT INTO events (sighting, at_ns, what, before, after) VALUES (?, ?, ?, ?, ?)", events
    )


def _let_go(connection: Connection, look: Look, named: dict[str, Any]) -> None:
    """Mark what is gone, by the kind of look."""
    if look.machine:
        _mark(connection, _MISSING, named)
    latest = connection.execute(
        "SELECT max(last_ns) FROM temp.look WHERE quiet_ns IS NOT NULL AND kind <> 'finding'"
    ).fetchone()[0]
    if latest is not None:
        _mark(connection, _SILENT, {**named, "latest": latest})


def _mark(connection: Connection, which: str, named: dict[str, Any]) -> None:
    connection.execute(
        f"INSERT INTO events (sighting, at_ns, what) SELECT id, :now, 'gone' {which}", named
    )
    connection.execute(
        f"UPDATE sightings SET gone_ns = :now WHERE id IN (SELECT id {which})", named
    )


_LOOK = """
CREATE TEMP TABLE IF NOT EXISTS look (
    vlan INTEGER, kind TEXT, key TEXT, transport TEXT, port INTEGER,
    first_ns INTEGER, last_ns INTEGER, quiet_ns INTEGER, details TEXT,
    PRIMARY KEY (vlan, kind, key)
) WITHOUT ROWID
"""
_MET = """
SELECT s.id, s.vlan, s.kind, s.key, s.details, s.last_ns, s.gone_ns, l.details, l.last_ns,
       l.quiet_ns
FROM temp.look l
JOIN sightings s ON s.site = :site AND s.vlan = l.vlan AND s.kind = l.kind AND s.key = l.key
WHERE s.details <> l.details OR s.gone_ns IS NOT NULL
"""
# In an upsert a bare column is the row as it stands, `excluded` the one that comes.
_UPSERT = """
INSERT INTO sightings (site, vlan, kind, key, transport, port, source, first_ns, last_ns, count,
                       recorded_ns, written_ns, quiet_ns, gone_ns, details)
SELECT :site, vlan, kind, key, transport, port, :source, first_ns, last_ns, 1,
       :now, :now, quiet_ns, NULL, details
FROM temp.look WHERE true
ON CONFLICT (site, vlan, kind, key) DO UPDATE SET
    count = count + (excluded.last_ns > last_ns OR excluded.source <> source),
    source = iif(excluded.last_ns >= last_ns, excluded.source, source),
    first_ns = min(first_ns, excluded.first_ns),
    last_ns = max(last_ns, excluded.last_ns),
    written_ns = max(written_ns, excluded.written_ns),
    quiet_ns = excluded.quiet_ns,
    gone_ns = iif(excluded.quiet_ns IS NULL OR excluded.last_ns > last_ns, NULL, gone_ns),
    details = excluded.details
"""
_PIN = """
UPDATE accepted SET fingerprint = json_extract(l.details, '$.fingerprint')
FROM temp.look l
WHERE accepted.fingerprint IS NULL AND accepted.site = :site AND l.kind = 'finding'
  AND accepted.vlan = l.vlan AND accepted.code = json_extract(l.details, '$.code')
  AND accepted.subject = json_extract(l.details, '$.subject')
"""
_MISSING = """
FROM sightings s
WHERE s.site = :site AND s.source = :source AND s.gone_ns IS NULL AND s.quiet_ns IS NULL
  AND s.kind IN ('listener', 'finding')
  AND NOT EXISTS (
      SELECT 1 FROM temp.look l WHERE l.vlan = s.vlan AND l.kind = s.kind AND l.key = s.key)
"""
_SILENT = """
FROM sightings s
WHERE s.site = :site AND s.source = :source AND s.gone_ns IS NULL
  AND s.quiet_ns IS NOT NULL
  AND s.last_ns + s.quiet_ns <= iif(s.kind = 'finding', :now, :latest)
"""
