"""What the book keeps, as records that the same columns show; and a filter as the book's question.

The book keeps what a thing is, not all that was told of it: reasons, beats and clients are absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from portbook.book import Seen, service_of
from portbook.book.listings import Asked
from portbook.claims.everything import Claims
from portbook.errors import UsageError
from portbook.faces.tui.filters import Sought
from portbook.findings.accepted import Acceptance
from portbook.ports import Transport
from portbook.records import Announcement, Confidence, Device, Finding, Level, Service

KINDS = {
    "services": "service",
    "devices": "device",
    "announcements": "announcement",
    "findings": "finding",
}


# the book's word for the order of a column, where it has one; by others what is fetched is sorted
_ORDERS = {
    ("services", "service"): "address",
    ("services", "speaks"): "protocol",
    ("services", "last"): "last",
    ("devices", "device"): "address",
    ("devices", "name"): "name",
    ("devices", "last"): "last",
    ("announcements", "from"): "source",
    ("announcements", "ports"): "port",
    ("announcements", "protocol"): "protocol",
    ("announcements", "beats"): "last",
    ("findings", "level"): "level",
    ("findings", "rule"): "code",
    ("findings", "about"): "subject",
}


def order(tab: str, column: str, down: bool) -> str:
    """Return the book's words for an order, its own where it cannot order so."""
    name = _ORDERS.get((tab, column), "")
    return f"-{name}" if name and down else name


def asked(sought: Sought, order: str, most: int) -> Asked:
    """Return the filter as the book is asked; raises UsageError for what it cannot be asked."""
    wants = sought.wants
    over = {transport for _, transport in wants.ports}
    for several, what in (
        (wants.hosts, "host or prefix"),
        (over, "transport"),
        (wants.protocols, "protocol"),
    ):
        if len(several) > 1:
            raise UsageError(f"the book is asked for one {what} at a time, not {len(several)}")
    return Asked(
        text=" ".join(sought.texts),
        host=next(iter(wants.hosts), None),
        ports=tuple(span for span, _ in wants.ports),
        transport=next(iter(over), None),
        protocol=next(iter(wants.protocols), None),
        level=sought.level,
        since_ns=wants.since_ns,
        until_ns=wants.until_ns,
        order=order,
        most=most,
    )


def record(one: Seen, claims: Claims) -> msgspec.Struct:
    """Return a sighting as the record that it was made of, as far as the book keeps it."""
    return _MAKERS[one.of](one, one.details, claims)


def findings(
    seen: Iterable[Seen], claims: Claims, accepted: Iterable[Acceptance], now_ns: int
) -> Iterator[Finding]:
    """Give sightings of findings as findings, the accepted ones marked with until when and why.

    The book keeps a finding's fingerprint, and not what it was made of.
    """
    known: dict[tuple[object, ...], list[Acceptance]] = {}
    for one in accepted:
        if now_ns < one.until_ns:
            known.setdefault((one.code, one.subject, one.site, one.vlan), []).append(one)
    for sight in seen:
        found = record(sight, claims)
        assert isinstance(found, Finding)
        prints = (None, sight.details.get("fingerprint"))
        holding = known.get((found.code, found.subject, found.site, found.vlan), ())
        mark = next((one.mark for one in holding if one.fingerprint in prints), None)
        yield msgspec.structs.replace(found, accepted=mark) if mark else found


def _service(one: Seen, told: Mapping[str, Any], claims: Claims) -> Service:
    found = service_of(one)
    labels = claims.labels(found.port, found.transport)
    # the book counts looks, not conversations
    return msgspec.structs.replace(found, claims=labels, conversations=0)


def _device(one: Seen, told: Mapping[str, Any], claims: Claims) -> Device:
    return Device(
        address=str(told["address"]),
        facts={str(name): str(value) for name, value in told.get("facts", {}).items()},
        because=(),
        first_ns=one.first_ns,
        last_ns=one.last_ns,
        source=one.source,
        site=one.site,
        vlan=one.vlan,
        mac=told.get("mac"),
    )


def _announcement(one: Seen, told: Mapping[str, Any], claims: Claims) -> Announcement:
    return Announcement(
        source=str(told["source"]),
        destination=str(told["destination"]),
        ports=tuple(map(int, told["ports"])),
        transport=Transport(told["transport"]),
        period_s=float(told.get("period_s", 0.0)),
        jitter_s=0.0,
        times=0,
        expected=0,
        confidence=Confidence.PLAUSIBLE,
        first_ns=one.first_ns,
        last_ns=one.last_ns,
        capture=one.source,
        protocol=told.get("protocol"),
        site=one.site,
        vlan=one.vlan,
    )


def _finding(one: Seen, told: Mapping[str, Any], claims: Claims) -> Finding:
    return Finding(
        code=str(told["code"]),
        name=str(told.get("name", "")),
        level=Level(told["level"]),
        subject=str(told["subject"]),
        message=str(told.get("message", "")),
        advice="",
        site=one.site,
        vlan=one.vlan,
        source=one.source,
    )


_Maker = Callable[[Seen, Mapping[str, Any], Claims], msgspec.Struct]
_MAKERS: Mapping[str, _Maker] = {
    "service": _service,
    "device": _device,
    "announcement": _announcement,
    "finding": _finding,
}
