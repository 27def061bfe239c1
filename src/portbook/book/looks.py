"""One look becomes rows: what is met again, what differs, what is gone, in one transaction."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from portbook.book import entries, searching
from portbook.book.entries import LATEST_NS, Entry, clean, encode, is_change, merged
from portbook.book.facets import facets
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
    with _uncollected():
        found = _together(
            (
                *map(entries.of_service, services),
                *map(entries.of_device, devices),
                *entries.of_listeners(listeners, look.source),
                *map(entries.of_announcement, announcements),
                *_findings(findings, look),
            )
        )
        searching.begin(connection)
        texts = [encode(one.details) for one in found]
        _hold(connection, found, texts)
        ids = _met(connection, look, found)
        new = _new(connection, look, found, texts, ids)
        _pin(connection, look)
        if look.whole:
            _let_go(connection, look, found, {*ids.values(), *new})


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of cycles away: rows are many and have none; it took a fifth of a look."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def forget(connection: Connection, before_ns: int) -> int:
    """Delete what was last written before a moment; return how many sightings went."""
    named = {"before": before_ns}
    old = "SELECT id FROM sightings WHERE written_ns < :before"
    searching.forget(connection, old, named)
    gone = connection.execute("DELETE FROM sightings WHERE written_ns < :before", named).rowcount
    for table, column in (("events", "at_ns"), ("accepted", "until_ns"), ("opinions", "at_ns")):
        connection.execute(f"DELETE FROM {table} WHERE {column} < :before", named)
    return gone


def _hold(connection: Connection, found: list[Entry], texts: list[str]) -> None:
    """Put a look beside the book, where it is compared in one pass."""
    connection.execute(_LOOK)
    connection.execute("DELETE FROM temp.look")
    connection.executemany(
        "INSERT INTO temp.look VALUES (?, ?, ?, ?, ?)",
        (
            (at, one.vlan, one.kind, one.key, text)
            for at, (one, text) in enumerate(zip(found, texts, strict=True))
        ),
    )


def _findings(findings: Iterable[Finding], look: Look) -> Iterator[Entry]:
    machine = look.source if look.machine else None
    return (entries.of_finding(one, look.now_ns, machine) for one in findings)


def _together(found: Iterable[Entry]) -> list[Entry]:
    """Join sightings of one thing in one look: two captures, two parts of one conversation.

    They come in the order of the book's keys: neighbours there are written one after another.
    """
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
    return [_storable(one) for one in sorted(joined.values(), key=attrgetter("key"))]


def _storable(one: Entry) -> Entry:
    if one.last_ns <= LATEST_NS and one.key.isascii():
        return one
    return one._replace(
        key=clean(one.key),
        first_ns=min(one.first_ns, LATEST_NS),
        last_ns=min(one.last_ns, LATEST_NS),
    )


def _met(connection: Connection, look: Look, found: list[Entry]) -> dict[int, int]:
    """Write what was known already; return its ids by its numbers in the look.

    Each column that differs is written for itself: most rows differ in nothing but the time, and
    an index is rewritten when one of its columns is named, whether or not it differs.
    """
    again: list[tuple[int, int, int]] = []
    still: list[tuple[bool, int, int]] = []
    others: dict[str, list[tuple[Any, ...]]] = {statement: [] for statement in _OTHERWISE}
    differing: list[tuple[int, Entry, str, bool]] = []
    ids: dict[int, int] = {}
    asked = {"site": look.site, "source": look.source}
    for row in connection.execute(_KNOWN, asked).fetchall():
        number, sighting, first_ns, last_ns, gone_ns, quiet_ns, same_source, details = row
        one = found[number]
        ids[number] = sighting
        if one.last_ns > last_ns:
            again.append((one.last_ns, look.now_ns, sighting))
        else:
            still.append((not same_source, look.now_ns, sighting))
        if one.first_ns < first_ns:
            others[_EARLIER].append((one.first_ns, sighting))
        if not same_source and one.last_ns >= last_ns:
            others[_ELSEWHERE].append((look.source, sighting))
        if one.quiet_ns != quiet_ns:
            others[_QUIET].append((one.quiet_ns, sighting))
        if gone_ns is not None and (one.quiet_ns is None or one.last_ns > last_ns):
            others[_THERE].append((sighting,))
            others[_BACK].append((sighting, look.now_ns))
        if details is not None:
            differing.append((sighting, one, details, one.last_ns < last_ns))
    connection.executemany(_AGAIN, again)
    connection.executemany(_STILL, still)
    for statement, rows in others.items():
        connection.executemany(statement, rows)
    _differing(connection, look, differing)
    return ids


def _differing(
    connection: Connection, look: Look, rows: list[tuple[int, Entry, str, bool]]
) -> None:
    """Write merged details, and note what is another value than before.

    rows: id, entry, the details as they were, and whether the look is late: an older capture,
    read after a newer one
    """
    written: list[tuple[str, int]] = []
    listed: list[tuple[int, str, int]] = []
    texts: list[tuple[int, str]] = []
    events: list[tuple[int, int, str, str]] = []
    for sighting, one, known_text, late in rows:
        known, told = msgspec.json.decode(known_text), one.details
        after = merged(told, known) if late else merged(known, told)
        text = encode(after)
        if not late and is_change(known, told):
            events.append((sighting, look.now_ns, known_text, text))
        written.append((text, sighting))
        before, facet = facets(one.kind, known), facets(one.kind, after)
        if (before.rank, before.label) != (facet.rank, facet.label):
            listed.append((facet.rank, facet.label, sighting))
        if before.text != facet.text:
            texts.append((sighting, facet.text))
    connection.executemany("UPDATE sightings SET details = ? WHERE id = ?", written)
    connection.executemany("UPDATE sightings SET rank = ?, label = ? WHERE id = ?", listed)
    connection.executemany(_CHANGED, events)
    searching.change(connection, texts)


def _new(
    connection: Connection, look: Look, found: list[Entry], written: list[str], ids: dict[int, int]
) -> range:
    """Write what is new; return its ids.

    written: the entries' details; ids: of those that are known, by their numbers
    """
    following = "SELECT coalesce(max(id), 0) + 1 FROM sightings"
    begin: int = connection.execute(following).fetchone()[0]
    site, source, now_ns = look.site, look.source, look.now_ns
    texts: list[tuple[int, str]] = []
    hosts: list[tuple[int, str, str]] = []
    ports: list[tuple[int, str, int]] = []

    def rows() -> Iterator[tuple[object, ...]]:
        numbers = (at for at in range(len(found)) if at not in ids)
        for sighting, at in enumerate(numbers, begin):
            vlan, kind, key, transport, port, first_ns, last_ns, quiet_ns, told = found[at]
            address, rank, label, text, also, codes = facets(kind, told)
            if text:
                texts.append((sighting, text))
            if also or codes:
                hosts.extend((sighting, kind, host) for host in also)
                ports.extend((sighting, kind, code) for code in codes)
            yield (
                sighting, site, vlan, kind, key, transport, port, source, first_ns, last_ns,
                now_ns, now_ns, quiet_ns, written[at], address, rank, label,
            )  # fmt: skip

    connection.executemany(_NEW, rows())
    connection.executemany("INSERT OR IGNORE INTO further_hosts VALUES (?, ?, ?)", hosts)
    connection.executemany("INSERT OR IGNORE INTO further_ports VALUES (?, ?, ?)", ports)
    searching.put(connection, texts)
    return range(begin, begin + len(found) - len(ids))


def _pin(connection: Connection, look: Look) -> None:
    """Give acceptances of findings that were not met yet what they are about."""
    unmet = "SELECT 1 FROM accepted WHERE fingerprint IS NULL AND site = ?"
    if connection.execute(unmet, (look.site,)).fetchone():
        connection.execute(_PIN, {"site": look.site})


def _let_go(connection: Connection, look: Look, found: list[Entry], present: set[int]) -> None:
    """Mark what is gone, by the kind of look."""
    place = {"site": look.site, "source": look.source}
    gone: set[int] = set()
    if look.machine:
        gone.update(one for (one,) in connection.execute(_SOCKETS, place) if one not in present)
    times = [one.last_ns for one in found if one.quiet_ns is not None and one.kind != "finding"]
    if times:
        ends = {**place, "latest": max(times), "now": look.now_ns}
        gone.update(one for (one,) in connection.execute(_SILENT, ends))
    rows = [(one, look.now_ns) for one in sorted(gone)]
    connection.executemany(_GONE, rows)
    connection.executemany("UPDATE sightings SET gone_ns = ?2 WHERE id = ?1", rows)


_LOOK = """
CREATE TEMP TABLE IF NOT EXISTS look (
    number INTEGER PRIMARY KEY, vlan INTEGER, kind TEXT, key TEXT, details TEXT
)
"""
# CROSS JOIN: the look leads, and the book is asked for its rows by their key.
_KNOWN = """
SELECT l.number, s.id, s.first_ns, s.last_ns, s.gone_ns, s.quiet_ns, s.source = :source,
       iif(s.details = l.details, NULL, s.details)
FROM temp.look l CROSS JOIN sightings s
WHERE s.site = :site AND s.vlan = l.vlan AND s.kind = l.kind AND s.key = l.key
"""
_AGAIN = """
UPDATE sightings SET last_ns = ?, count = count + 1, written_ns = max(written_ns, ?) WHERE id = ?
"""
_STILL = """
UPDATE sightings SET count = count + ?, written_ns = max(written_ns, ?) WHERE id = ?
"""
_EARLIER = "UPDATE sightings SET first_ns = ? WHERE id = ?"
_ELSEWHERE = "UPDATE sightings SET source = ? WHERE id = ?"
_QUIET = "UPDATE sightings SET quiet_ns = ? WHERE id = ?"
_THERE = "UPDATE sightings SET gone_ns = NULL WHERE id = ?"
_BACK = "INSERT INTO events (sighting, at_ns, what) VALUES (?, ?, 'back')"
_OTHERWISE = (_EARLIER, _ELSEWHERE, _QUIET, _THERE, _BACK)
_GONE = "INSERT INTO events (sighting, at_ns, what) VALUES (?, ?, 'gone')"
_CHANGED = """
INSERT INTO events (sighting, at_ns, what, before, after) VALUES (?, ?, 'changed', ?, ?)
"""
_NEW = """
INSERT INTO sightings (id, site, vlan, kind, key, transport, port, source, first_ns, last_ns, count,
                       recorded_ns, written_ns, quiet_ns, details, address, rank, label)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)
"""
_PIN = """
UPDATE accepted SET fingerprint = json_extract(l.details, '$.fingerprint')
FROM temp.look l
WHERE accepted.fingerprint IS NULL AND accepted.site = :site AND l.kind = 'finding'
  AND accepted.vlan = l.vlan AND accepted.code = json_extract(l.details, '$.code')
  AND accepted.subject = json_extract(l.details, '$.subject')
"""
_SOCKETS = """
SELECT id FROM sightings INDEXED BY by_source
WHERE site = :site AND source = :source AND kind IN ('listener', 'finding')
  AND (gone_ns IS NULL) = 1 AND quiet_ns IS NULL
"""
# A source that was watched for long holds many rows: the index knows the few that are due.
_SILENT = """
SELECT id FROM sightings INDEXED BY by_source
WHERE site = :site AND source = :source AND kind IN ('service', 'device', 'announcement')
  AND (gone_ns IS NULL) = 1 AND last_ns + quiet_ns <= :latest
UNION ALL
SELECT id FROM sightings INDEXED BY by_source
WHERE site = :site AND source = :source AND kind = 'finding'
  AND (gone_ns IS NULL) = 1 AND last_ns + quiet_ns <= :now
"""
