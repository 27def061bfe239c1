"""Read a port policy from its text, and refuse one that contradicts itself. Pure."""

from __future__ import annotations

import msgspec

from portbook.claims.lines import Line, lines, ranges, transports
from portbook.claims.policy_toml import toml_lines
from portbook.errors import UsageError
from portbook.ports import HIGHEST, PortRange, Transport
from portbook.records import Source


class PolicyRow(msgspec.Struct, frozen=True):
    """One row: what a policy says of a range."""

    level: int
    ports: PortRange
    transport: Transport | None  # None: any
    allowed: bool
    code: str
    owner: str
    what: str
    role: str  # of the owner's own use: "server", "client", "destination", ...
    reason: str


class Local(msgspec.Struct, frozen=True):
    """A known service of the same machine, on a port that the policy leaves free."""

    ports: PortRange
    transport: Transport | None
    service: str
    note: str


class PolicyText(msgspec.Struct, frozen=True):
    """A policy as written; rows lowest level first."""

    name: str
    title: str
    vendor: str
    source: Source
    prefer: tuple[PortRange, ...]
    rows: tuple[PolicyRow, ...]
    locals: tuple[Local, ...]
    notes: tuple[tuple[str, str], ...]
    uses: tuple[str, ...] = ()  # words of a use that it binds: "chart"


def read_policy(text: str, where: str) -> PolicyText:
    """Read a policy; raises UsageError with file and line.

    where: the file's name; one that ends in .toml is read as TOML (policy_toml)
    """
    head: dict[str, Line] = {}
    rows: list[PolicyRow] = []
    places: list[str] = []
    local: list[Local] = []
    notes: list[tuple[str, str]] = []
    written = toml_lines(text, where) if where.lower().endswith(".toml") else lines(text, where)
    for line in written:
        place = f"{where}, line {line.number}"
        if line.key == "row":
            rows += (found := _row(line, place))
            places += [place] * len(found)
        elif line.key == "local":
            local += _local(line, place)
        elif line.key == "note":
            notes.append((line.fields[0], " | ".join(line.fields[1:])))
        elif line.key in ("policy", "title", "vendor", "source", "prefer", "for"):
            head[line.key] = line
        else:
            raise UsageError(f"{place}: no such line in a policy: {line.key!r}")
    name = _head(head, "policy", where)
    _no_overlap(rows, places)
    _no_gap(rows, where)
    source = head["source"].fields if "source" in head else (f"{where}",)
    prefer, uses = head.get("prefer"), head.get("for")
    return PolicyText(
        name=name,
        title=_head(head, "title", where, name),
        vendor=_head(head, "vendor", where, name),
        source=Source(*(field or None for field in (*source, "", "")[:3])),  # type: ignore[arg-type]
        prefer=ranges(",".join(prefer.fields), f"{where}, line {prefer.number}") if prefer else (),
        rows=tuple(sorted(rows, key=lambda row: (row.level, row.ports))),
        locals=tuple(local),
        notes=tuple(notes),
        uses=tuple(one.casefold() for one in uses.fields) if uses else (),
    )


def _row(line: Line, place: str) -> list[PolicyRow]:
    if not 5 <= len(line.fields) <= 9:
        raise UsageError(
            f"{place}: a row is `level | ports | transport | yes or no | CODE` "
            "and then, if wanted, `owner | what | role | reason`"
        )
    level, ports, spoken, verdict, code, owner, what, role, reason = (*line.fields, *[""] * 4)[:9]
    if level not in "123456789" or len(level) != 1:
        raise UsageError(f"{place}: a level is 1 to 9, got {level!r}")
    if verdict not in ("yes", "no") or not code:
        raise UsageError(f"{place}: the verdict is yes or no, then a code; got {verdict!r}")
    return [
        PolicyRow(
            int(level),
            numbers,
            transport,
            verdict == "yes",
            code,
            owner,
            what or owner or code,
            role,
            reason or f"{code} by this policy",
        )
        for numbers in ranges(ports, place)
        for transport in transports(spoken, place)
    ]


def _local(line: Line, place: str) -> list[Local]:
    if not 3 <= len(line.fields) <= 4:
        raise UsageError(f"{place}: a local service is `ports | transport | service | note`")
    ports, spoken, service, note = (*line.fields, "")[:4]
    return [
        Local(numbers, transport, service, note)
        for numbers in ranges(ports, place)
        for transport in transports(spoken, place)
    ]


def _head(head: dict[str, Line], key: str, where: str, otherwise: str | None = None) -> str:
    told = head[key].fields[0] if key in head else otherwise
    if not told:
        raise UsageError(f"{where}: a policy needs a line `{key}: ...`")
    return told


def _no_overlap(rows: list[PolicyRow], places: list[str]) -> None:
    """Refuse two rows of one level that cover the same port: none of them could decide."""
    order = sorted(range(len(rows)), key=lambda at: (rows[at].level, rows[at].ports))
    for transport in Transport:
        last: PolicyRow | None = None
        for at in order:
            row = rows[at]
            if row.transport not in (None, transport):
                continue
            if last and last.level == row.level and row.ports.first <= last.ports.last:
                raise UsageError(
                    f"{places[at]}: {row.ports} overlaps {last.ports} on level {row.level}; "
                    "put the more special one on the next level"
                )
            last = row


def _no_gap(rows: list[PolicyRow], where: str) -> None:
    """Refuse a level 1 that leaves a port without any word."""
    expected = 0
    for row in sorted((row for row in rows if row.level == 1), key=lambda row: row.ports):
        if row.transport is not None:
            raise UsageError(f"{where}: rows of level 1 hold for any transport, see {row.ports}")
        if row.ports.first != expected:
            break
        expected = row.ports.last + 1
    if expected <= HIGHEST:
        raise UsageError(f"{where}: level 1 must cover 0-{HIGHEST}; nothing covers {expected}")
