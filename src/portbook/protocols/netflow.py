"""NetFlow and IPFIX: a router tells a collector what it passed on; sets fill the datagram.

Versions 5 and 7 have records of one size. Version 9 and IPFIX tell their templates first; records
without a template are stepped over by the length of their set.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Piece,
    Protocol,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import BE, Field, Layout
from portbook.records import Identification, Source

NAME = "netflow"
HEADER = Layout(
    "NetFlow header, versions 5, 7 and 9",
    20,
    (
        Field("version", 0, 2, BE),
        Field("count", 2, 2, BE, None, "records or, in version 9, records and templates"),
        Field("uptime", 4, 4, BE, "ms", "of the device"),
        Field("seconds", 8, 4, BE, "s", "Unix time"),
        Field("sequence", 12, 4, BE, None, "version 5: nanoseconds; counts what was sent"),
        Field("source", 16, 4, BE, None, "version 5: the sequence; 9: who observed it"),
    ),
)
IPFIX_HEADER = Layout(
    "IPFIX header",
    16,
    (
        Field("version", 0, 2, BE, None, "always 10", 10),
        Field("length", 2, 2, BE, "octet", "of the whole message"),
        Field("seconds", 4, 4, BE, "s", "Unix time"),
        Field("sequence", 8, 4, BE),
        Field("domain", 12, 4, BE, None, "who observed it"),
    ),
)
FIXED = {5: (24, 48, 30), 7: (24, 52, 28)}  # header, record, most records
NINE, IPFIX = 9, 10
TEMPLATES = {NINE: (0, 1), IPFIX: (2, 3)}  # set ids of templates, and of those with options
DATA = 256  # set ids of data, and template ids, from here on
LATEST_ZERO = 946_684_800  # clocks that were never set begin at 1970 or count from start-up
MOST_SETS, MOST_FIELDS = 64, 512
ENTERPRISE = 0x8000


class Told(NamedTuple):
    """One datagram: version, what numbers it, and how many templates and sets of data it has."""

    version: int
    sequence: int
    templates: int
    sets: int


def recognise(payload: Payload) -> Identification | None:
    """Name NetFlow by one side's datagrams, each filled by its records or sets."""
    if payload.transport is not Transport.UDP or not payload.to_server or payload.to_client:
        return None
    found = [_read(piece) for piece in judged(payload.to_server)]
    told = [one for one in found if one]
    if not told or len(told) < len(found) or len({one.version for one in told}) > 1:
        return None
    version = told[0].version
    name = "IPFIX" if version == IPFIX else f"version {version}"
    facts = {"netflow_version": version}
    because = [f"{name}: what it counts fills the datagram"]
    rising = sorted(one.sequence for one in told) == [one.sequence for one in told]
    templates = sum(one.templates for one in told)
    if templates:
        because.append(f"{templates} templates whose fields fill their set")
    elif version not in FIXED:
        return None  # a length and an id alone are too little
    if len(told) > 1 and rising:
        return confirmed(NAME, *because, "sequence numbers rise", facts=facts)
    against = "one datagram was seen" if len(told) == 1 else "sequence numbers do not rise"
    return plausible(NAME, *because, against=(against,), facts=facts)


def _read(piece: Piece) -> Told | None:
    if not piece.whole:
        return None
    version = int.from_bytes(piece.octets[:2], "big")
    if version in FIXED:
        return _fixed(piece.octets, version)
    if version == NINE:
        return _nine(piece.octets)
    return _ipfix(piece.octets) if version == IPFIX else None


def _fixed(octets: bytes, version: int) -> Told | None:
    told = HEADER.read(octets)
    start, size, most = FIXED[version]
    if told is None or not 0 < told["count"] <= most or told["seconds"] < LATEST_ZERO:
        return None
    if len(octets) != start + told["count"] * size:
        return None
    for at in range(start, len(octets), size):
        packets, seen = (
            int.from_bytes(octets[at + here : at + here + 4], "big") for here in (16, 20)
        )
        first, last = (
            int.from_bytes(octets[at + here : at + here + 4], "big") for here in (24, 28)
        )
        if not 0 < packets <= seen or first > last:
            return None
    sequence = told["source"] if version == 5 else told["sequence"]
    return Told(version, sequence, 0, told["count"])


def _nine(octets: bytes) -> Told | None:
    told = HEADER.read(octets)
    if told is None or not told["count"] or told["seconds"] < LATEST_ZERO:
        return None
    sets = _sets(octets, HEADER.size, NINE)
    return sets and Told(NINE, told["sequence"], *sets)


def _ipfix(octets: bytes) -> Told | None:
    told = IPFIX_HEADER.read(octets)
    if told is None or told["length"] != len(octets) or told["seconds"] < LATEST_ZERO:
        return None
    sets = _sets(octets, IPFIX_HEADER.size, IPFIX)
    return sets and Told(IPFIX, told["sequence"], *sets)


def _sets(octets: bytes, at: int, version: int) -> tuple[int, int] | None:
    """Count templates and sets of data that fill a datagram; None where they do not."""
    templates = data = 0
    plain, _ = known = TEMPLATES[version]
    for _ in range(MOST_SETS):
        if at == len(octets):
            break
        kind, size = (int.from_bytes(octets[at + here : at + here + 2], "big") for here in (0, 2))
        body = octets[at + 4 : at + size]
        if size < 5 or len(body) != size - 4 or (kind not in known and kind < DATA):
            return None
        if kind == plain:
            many = _templates(body, version)
            if not many:
                return None
            templates += many
        data += kind >= DATA
        at += size
    return (templates, data) if at == len(octets) and templates + data else None


def _templates(body: bytes, version: int) -> int:
    """Count the templates that fill a set, but for padding; 0 where they do not."""
    at, found = 0, 0
    while len(body) - at >= 4:
        number, fields = (int.from_bytes(body[at + here : at + here + 2], "big") for here in (0, 2))
        if number < DATA and found and not any(body[at:]):
            return found
        if number < DATA or not 0 < fields <= MOST_FIELDS:
            return 0
        at += 4
        for _ in range(fields):
            kind, size = (int.from_bytes(body[at + here : at + here + 2], "big") for here in (0, 2))
            at += 8 if version == IPFIX and kind & ENTERPRISE else 4
            if at > len(body) or not kind or not size:
                return 0
        found += 1
    return found if not any(body[at:]) else 0


PROTOCOL = Protocol(
    name=NAME,
    title="NetFlow and IPFIX (accounts of traffic)",
    recognise=recognise,
    sources=(
        Source("Cisco, NetFlow Services Solutions Guide", "2007-01",
               "export datagram formats of versions 5 and 7"),
        Source("RFC 3954: Cisco Systems NetFlow Services Export Version 9", "2004-10",
               "sections 5 and 6"),
        Source("RFC 7011: Specification of the IPFIX Protocol", "2013-09",
               "section 3; section 10.3.4: port 4739"),
    ),
    signatures=tuple(
        Signature(Transport.UDP, 0, bytes((0, version, 0, 0)), b"\xff\xff\xf0\x00")
        for version in (*FIXED, NINE, IPFIX)
    ),
    usual=(
        Usual(PortRange(4739, 4739), Transport.UDP, title="IPFIX", source=2),
    ),
    layouts=(HEADER, IPFIX_HEADER),
    stays_inside=Scope.PRIVATE,
    safety="It tells who speaks with whom, and is not encrypted: keep it with the management.",
    programs=("nfcapd", "softflowd", "pmacctd", "nprobe"),
)  # fmt: skip
