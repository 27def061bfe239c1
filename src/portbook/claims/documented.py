"""Documented uses of ports that the registry does not know: who says what, and where.

The table is data/documented.txt; its head tells the columns. A row without a source does not load.
"""

from __future__ import annotations

import os
import re

import msgspec

from portbook.claims.lines import Line, lines, ranges, transports
from portbook.errors import UsageError
from portbook.records import Claim, ClaimKind, Source

SHIPPED = os.path.join(os.path.dirname(__file__), "data", "documented.txt")
_ROLE = re.compile(r"(server|client|both): *")
_SURE = {"V": "verified", "2": "two sources", "1": "one source"}
_SOURCE = re.compile(r"([A-Z0-9]+)(?:\(([^)]*)\))?")
_SOURCES = re.compile(rf"{_SOURCE.pattern}(?:\s+{_SOURCE.pattern})*\Z")


def documented() -> tuple[Claim, ...]:
    """Return the claims that are shipped."""
    with open(SHIPPED, encoding="utf-8") as stream:
        return parse_documented(stream.read(), os.path.basename(SHIPPED))


def parse_documented(text: str, where: str = "documented uses") -> tuple[Claim, ...]:
    """Read sources and claims; one claim for each range and transport of a line.

    Raises UsageError with file and line for a row that lacks a source, or cannot be.
    """
    sources: dict[str, Source] = {}
    claims: list[Claim] = []
    for line in lines(text, where):
        place = f"{where}, line {line.number}"
        if line.key == "source":
            key, source = _read_source(line, place)
            sources[key] = source
        elif line.key == "claim":
            claims += _read_claims(line, sources, place)
        else:
            raise UsageError(f"{place}: a line is a source or a claim, got {line.key!r}")
    return tuple(claims)


def _read_source(line: Line, place: str) -> tuple[str, Source]:
    if len(line.fields) not in (4, 5) or not line.fields[1]:
        raise UsageError(f"{place}: a source is `KEY | title | date | where | licence`")
    key, title, date, where = line.fields[:4]
    return key, Source(title, date or None, where or None)


def _read_claims(line: Line, sources: dict[str, Source], place: str) -> list[Claim]:
    if len(line.fields) != 9:
        raise UsageError(f"{place}: a claim has nine fields, this one {len(line.fields)}")
    ports, spoken, kind, claimant, title, protocol, keys, sure, note = line.fields
    first, *also = _named_sources(keys, sources, place)
    if sure not in _SURE or not claimant:
        raise UsageError(f"{place}: a claim names its claimant and its confidence, V, 2 or 1")
    try:
        kind_of_claim = ClaimKind(kind)
    except ValueError:
        known = ", ".join(ClaimKind)
        raise UsageError(f"{place}: no kind of claim: {kind!r}; known: {known}") from None
    role = _ROLE.match(note)
    note = note[role.end() :] if role else note
    return [
        Claim(
            ports=numbers,
            transport=transport,
            claimant=claimant,
            claim=kind_of_claim,
            role=role[1] if role else None,
            source=first,
            confidence=_SURE[sure],
            title=title or None,
            note=note or None,
            also=tuple(also),
            protocol=protocol or None,
        )
        for numbers in ranges(ports, place)
        for transport in transports(spoken, place)
    ]


def _named_sources(text: str, sources: dict[str, Source], place: str) -> list[Source]:
    if not _SOURCES.match(text):
        raise UsageError(f"{place}: no source; nothing loads without one")
    named = []
    for key, part in _SOURCE.findall(text):
        if key not in sources:
            raise UsageError(f"{place}: no source has the key {key!r}")
        source = sources[key]
        if part:
            where = f"{source.where}: {part}" if source.where else part
            source = msgspec.structs.replace(source, where=where)
        named.append(source)
    return named
