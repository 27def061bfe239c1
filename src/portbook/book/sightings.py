"""What the book has seen of one thing, as it is given to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from portbook.book.changes import subject_of
from portbook.ports import Transport
from portbook.records import Service

COLUMNS = "kind, site, vlan, source, first_ns, last_ns, count, gone_ns, details"  # `seen` needs


class Seen(msgspec.Struct, frozen=True, tag="seen", tag_field="kind"):
    """What the book has seen of one thing."""

    of: str  # "service", "device", "listener", "announcement", "finding"
    subject: str
    site: str
    vlan: int | None
    source: str
    first_ns: int
    last_ns: int
    count: int
    gone_ns: int | None
    details: Mapping[str, Any]


def service_of(one: Seen) -> Service:
    """Return a service that was seen as the record that it was written from.

    What the book does not keep is empty: claims belong to who asks, clients are not counted.
    """
    return Service(
        address=str(one.details["address"]),
        port=int(one.details["port"]),
        transport=Transport(one.details["transport"]),
        protocols=tuple(one.details.get("protocols", ())),
        claims=(),
        conversations=one.count,
        first_ns=one.first_ns,
        last_ns=one.last_ns,
        source=one.source,
        site=one.site,
        vlan=one.vlan,
    )


def seen(row: Sequence[Any]) -> Seen:
    """Return a row of `COLUMNS` as what was seen."""
    kind, site, vlan, source, first_ns, last_ns, count, gone_ns, text = row
    details: dict[str, Any] = msgspec.json.decode(text)
    subject = subject_of(kind, details)
    return Seen(
        kind, subject, site, vlan or None, source, first_ns, last_ns, count, gone_ns, details
    )
