"""What a row of the registry says: the state of a port, and claims.

A row with a name makes a port assigned. A row without a transport holds for all four when it has
no name, for TCP and UDP when it has one. An explicit transport beats none, a single port beats a
range, a name beats none. Source: RFC 6335; the shapes of rows were counted in the registry itself.
"""

from __future__ import annotations

import re
from enum import StrEnum

from portbook.claims.table import Row
from portbook.ports import PortRange, Transport
from portbook.records import Claim, ClaimKind, Source

_NAMED_WITHOUT_TRANSPORT = (Transport.TCP, Transport.UDP)


class State(StrEnum):
    """What the registry says of one number on one transport."""

    ASSIGNED = "assigned"
    RESERVED = "reserved"
    UNASSIGNED = "unassigned"
    OTHER = "other"  # a text without a name: "any private mail system", "De-registered"
    SILENT = "silent"  # no row at all


def holding(rows: tuple[Row, ...], transport: Transport) -> tuple[Row, ...]:
    """Return the rows of the most specific kind that speak of this transport."""
    best: list[Row] = []
    best_rank = -1
    for one in rows:
        if one.transport:
            if one.transport != transport:
                continue
        elif one.name and transport not in _NAMED_WITHOUT_TRANSPORT:
            continue
        rank = (4 if one.transport else 0) + (2 if one.first == one.last else 0) + bool(one.name)
        if rank > best_rank:
            best, best_rank = [one], rank
        elif rank == best_rank:
            best.append(one)
    return tuple(best)


def state_of(row: Row) -> State:
    """Return what one row makes of its port."""
    if row.name:
        return State.ASSIGNED
    # 2825 reads "(unassigned) ...".
    text = row.description.lower().removeprefix("(")
    for state in (State.UNASSIGNED, State.RESERVED):
        if text.startswith(state.value):
            return state
    return State.OTHER


_KINDS = {
    State.ASSIGNED: ClaimKind.ASSIGNED,
    State.RESERVED: ClaimKind.RESERVED,
    State.UNASSIGNED: ClaimKind.UNASSIGNED,
    State.OTHER: ClaimKind.IANA_NOTED,
}
_ALIAS = re.compile(r'This entry is an alias to "([^"]+)"')
_REPLACES = re.compile(
    r'IANA assigned this well-formed service name as a replacement for "[^"]+"\.'
)
_NOTED = re.compile(r"unassigned but widespread use|\(unoff\w+\)|\bconflict\b", re.IGNORECASE)


def claims_of(row: Row, source: Source) -> tuple[Claim, ...]:
    """Say a row in claims: its own, and one for each use that IANA notes without granting it."""
    ports = PortRange(row.first or 0, row.last or 0)
    transport = Transport(row.transport) if row.transport else None
    alias = _ALIAS.search(row.note)
    own = Claim(
        ports=ports,
        transport=transport,
        claimant=row.name or "IANA",
        claim=_KINDS[state_of(row)],
        source=source,
        confidence="verified",
        title=_REPLACES.sub("", row.description).strip() or None,
        note=_note(row),
        alias_of=alias[1] if alias else None,
    )
    noted = [row.unauthorized] if row.unauthorized else []
    noted += [row.note] if _NOTED.search(row.note) else []
    return own, *(
        Claim(
            ports=part,
            transport=transport,
            claimant="IANA",
            claim=ClaimKind.IANA_NOTED,
            source=source,
            confidence="verified",
            title="unauthorized use reported" if text == "yes" else text,
        )
        for text in noted
        for part in _named_ports(text, ports)
    )


def _named_ports(text: str, ports: PortRange) -> list[PortRange]:
    """Return the ports inside a range that a note names: on 788-799 it speaks of 796 alone."""
    if ports.size == 1:
        return [ports]
    found = [
        PortRange(int(first), int(last or first))
        for first, last in re.findall(r"\b(\d{1,5})(?:-(\d{1,5}))?\b", text)
    ]
    return [part for part in found if part.first in ports and part.last in ports] or [ports]


def _note(row: Row) -> str | None:
    parts = (
        f"registered {row.registered}" if row.registered else "",
        f"modified {row.modified}" if row.modified else "",
        f"assignee {row.assignee}" if row.assignee else "",
        f"reference {row.reference}" if row.reference else "",
        f"service code {row.code}" if row.code else "",
        *_REPLACES.findall(row.description),
        row.note,
    )
    return "; ".join(part for part in parts if part) or None
