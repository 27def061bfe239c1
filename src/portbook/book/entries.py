"""Records become entries of the book: what makes two sightings one thing, and what is a change.

Process ids, inodes, times, counts, claims and the order of a list are no change. What one look
could not see (a hidden owner, bytes too few to name, a fact not told this time) does not undo what
an earlier one saw. Payload, command lines and secrets never get here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from portbook.findings.accepted import fingerprint
from portbook.records import Announcement, Device, Finding, Listener, Service

DAY_NS = 86_400_000_000_000
LATEST_NS = 2**63 - 1  # SQLite's integers have 64 bits
_LONGEST = 256  # letters of one kept fact
_SECRET = re.compile(
    r"pass|pwd|secret|communit|token|credential|login|user|auth|cookie|session|private|payload"
)


class Entry(NamedTuple):
    """One sighting, ready for the table of the same columns."""

    vlan: int
    kind: str
    key: str
    transport: str | None
    port: int | None
    first_ns: int
    last_ns: int
    quiet_ns: int | None
    details: dict[str, Any]


def of_service(one: Service) -> Entry:
    """A service is the same while address, port and transport are."""
    transport = one.transport.value  # asked for once: an enum's value is slow to get
    key = f"{transport} {one.address} {one.port}"
    details = {
        "address": one.address,
        "port": one.port,
        "transport": transport,
        "protocols": sorted(one.protocols),
    }
    return Entry(
        one.vlan or 0,
        "service",
        key,
        transport,
        one.port,
        one.first_ns,
        one.last_ns,
        DAY_NS,
        details,
    )


def of_device(one: Device) -> Entry:
    """A device is the same while its address is; a changed serial number is a change."""
    details = {"address": one.address, "mac": one.mac, "facts": _kept(one.facts)}
    return Entry(
        one.vlan or 0, "device", one.address, None, None, one.first_ns, one.last_ns, DAY_NS, details
    )


def of_announcement(one: Announcement) -> Entry:
    """An announcement is the same while both ends and its ports are; its period is not exact."""
    ports = sorted(one.ports)
    key = f"{one.transport.value} {one.source} {one.destination} {','.join(map(str, ports))}"
    details = {
        "source": one.source,
        "destination": one.destination,
        "ports": ports,
        "transport": one.transport.value,
        "period_s": float(f"{one.period_s:.2g}"),
        "protocol": one.protocol,
    }
    quiet_ns = max(300_000_000_000, int(5 * one.period_s * 1e9))
    return Entry(
        one.vlan or 0,
        "announcement",
        key,
        one.transport.value,
        ports[0] if ports else None,
        one.first_ns,
        one.last_ns,
        quiet_ns,
        details,
    )


def of_finding(one: Finding, now_ns: int, machine: str | None) -> Entry:
    """A finding is the same while code and subject are.

    machine: the look at a machine that found it, which every next look must repeat; None: it
    comes from traffic, and is not gone as soon as a look does not meet it
    """
    details = {
        "code": one.code,
        "name": one.name,
        "level": one.level.value,
        "subject": one.subject,
        "message": one.message,
        "fingerprint": fingerprint(one),
    }
    key = f"{one.code} {one.subject}" + (f" {machine}" if machine else "")
    return Entry(
        one.vlan or 0,
        "finding",
        key,
        None,
        None,
        now_ns,
        now_ns,
        DAY_NS if machine is None else None,
        details,
    )


def of_listeners(sockets: Iterable[Listener], source: str) -> Iterator[Entry]:
    """Sockets of one port and address are one entry, whoever holds them.

    A port that another program took is a change of that entry, not a port gone and another new.
    """
    groups: dict[str, list[Listener]] = {}
    for one in sockets:
        key = (
            f"{source} {one.namespace or '-'} {one.interface or '-'} {one.transport.value} "
            f"{one.address} {one.port} {one.peer or '-'}"
        )
        groups.setdefault(key, []).append(one)
    for key, group in groups.items():
        yield _listener(key, group)


def _listener(key: str, group: list[Listener]) -> Entry:
    first = group[0]
    owners = [owner for one in group for owner in one.owners]
    details = {
        "address": first.address,
        "port": first.port,
        "transport": first.transport.value,
        "state": sorted({one.state for one in group}),
        "family": sorted({one.family for one in group}),
        "programs": _names(owner.program for owner in owners),
        "units": _names([*(owner.unit for owner in owners), *(one.unit for one in group)]),
        "containers": _names(
            [*(owner.container for owner in owners), *(one.container for one in group)]
        ),
        "users": _names([*(owner.user for owner in owners), *(one.user for one in group)]),
        "namespace": first.namespace,
    }
    seen = [one.seen_ns for one in group]
    return Entry(
        0, "listener", key, first.transport.value, first.port, min(seen), max(seen), None, details
    )


def merged(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newer details, with what they do not tell taken from the older ones."""
    told = dict(newer)
    for name, value in older.items():
        if isinstance(value, dict) and isinstance(told.get(name), dict):
            told[name] = {**value, **told[name]}
        elif name in _UNITED:
            told[name] = sorted({*value, *told.get(name, ())})
        elif told.get(name) in (None, [], "", {}):
            told[name] = value
    return told


def is_change(older: Mapping[str, Any], newer: Mapping[str, Any]) -> bool:
    """Tell whether a value that was known is now another one; learning more is no change."""
    for name, value in newer.items():
        if name in _NO_CHANGE:
            continue
        known = older.get(name)
        if isinstance(value, dict) and isinstance(known, dict):
            if any(key in known and known[key] != new for key, new in value.items()):
                return True
        elif name in _UNITED:
            if known and not set(value) <= set(known):
                return True
        elif known not in (None, [], "", {}, value):
            return True
    return False


_NO_CHANGE = frozenset({"message", "name"})  # wording; a finding's fingerprint tells
_UNITED = frozenset({"protocols"})  # all that was ever heard at a port


_ENCODER = msgspec.json.Encoder(order="sorted")


def encode(details: Mapping[str, Any]) -> str:
    """Write details so that equal ones are equal texts."""
    try:
        return _ENCODER.encode(details).decode()
    except UnicodeEncodeError:
        return _ENCODER.encode(_cleaned(details)).decode()


def clean(text: str) -> str:
    """Return a text that UTF-8 can hold: file and program names need not be text at all."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(one) for key, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, (list, tuple)) else value


def _names(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value})


def _kept(facts: Mapping[str, str]) -> dict[str, str]:
    """Leave out what may be a secret by its name; cut what is too long for a fact."""
    return {
        name: str(value)[:_LONGEST]
        for name, value in facts.items()
        if not _SECRET.search(name.lower())
    }
