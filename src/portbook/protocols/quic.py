"""QUIC: long headers whose lengths fill the datagram, connection ids that go back and forth.

What is inside an Initial is encrypted, so versions are told and no server name. Google's QUIC
before the standard has another header and is none of this.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Piece,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.handshake import Reader
from portbook.records import Identification, Source

NAME = "quic"
LONG, FIXED, KIND = 0x80, 0x40, 0x30
INITIAL, ZERO_RTT, HANDSHAKE, RETRY = range(4)
V1, V2 = 0x00000001, 0x6B3343CF
DRAFTS = range(0xFF000016, 0xFF000023)  # drafts 22 to 34 have the header of version 1
RESERVED, RESERVED_MASK = 0x0A0A0A0A, 0x0F0F0F0F  # offered to be refused, RFC 9000 section 15
LONGEST_ID, SHORTEST_FIRST_ID = 20, 8
SMALLEST = 1200  # octets of a datagram with a client's Initial, RFC 9000 section 14.1
TAG = 16  # octets behind a Retry's token
PACKETS = 16


class Packet(NamedTuple):
    """One packet with a long header; `kind` None: a version negotiation."""

    kind: int | None
    version: int
    to: bytes
    by: bytes
    versions: tuple[int, ...] = ()


def recognise(payload: Payload) -> Identification | None:
    """Name QUIC by a client's first Initial, and what the server sends to its connection id."""
    if payload.transport is not Transport.UDP:
        return None
    asked = _first(payload.to_server)
    if asked is None or not _opens(asked[0], payload.to_server.first):
        return None
    because = ["an Initial whose lengths fill a datagram of at least 1200 octets"]
    if not payload.to_client:
        known = not _reserved(asked[0].version)
        return plausible(NAME, *because, facts=_facts(asked[0])) if known else None
    answered = _first(payload.to_client)
    if answered is None:
        return None
    return _together(payload, asked[0], answered[0], because)


def _together(
    payload: Payload, asked: Packet, answer: Packet, because: list[str]
) -> Identification | None:
    if answer.to != asked.by:
        return None
    refused = answer.kind is None
    if refused:
        if answer.by != asked.to:
            return None
        because.append("a version negotiation gives back both connection ids")
        return confirmed(NAME, *because, facts=_facts(asked, answer))
    if answer.version != asked.version or _reserved(asked.version):
        return None
    because.append("the server's packet goes back to the client's connection id")
    if any(_takes_up(piece, answer.by) for piece in list(payload.to_server)[1:]):
        because.append("the client goes on with the server's connection id")
    elif not asked.by:
        doubt = "the connection ids are too short to agree"
        return plausible(NAME, *because, against=(doubt,), facts=_facts(asked))
    return confirmed(NAME, *because, facts=_facts(asked))


def _takes_up(piece: Piece, wanted: bytes) -> bool:
    """Tell whether a later packet of the client goes to the id that the server chose."""
    octets = piece.octets
    if not wanted or not octets:
        return False
    at = 6 if octets[0] & LONG else 1
    return octets[at : at + len(wanted)] == wanted


def _opens(packet: Packet, piece: Piece) -> bool:
    """Tell whether a client may begin so (RFC 9000 sections 7.2 and 14.1)."""
    if piece.length < SMALLEST or len(packet.to) < SHORTEST_FIRST_ID:
        return False
    return packet.kind == INITIAL


def _first(side: Side) -> list[Packet] | None:
    """Return the packets of the first datagram, None when they do not fill it."""
    octets, length = side.first
    at, found = 0, list[Packet]()
    while at < len(octets) and len(found) < PACKETS:
        if not octets[at] & LONG:
            padding = not any(octets[at:])
            return found if found and (padding or octets[at] & FIXED) else None
        told = _packet(octets, at, length)
        if told is None:
            return None
        packet, end = told
        if found and packet.version != found[0].version:
            return None
        found.append(packet)
        at = end
    return found or None


def _packet(octets: bytes, at: int, length: int) -> tuple[Packet, int] | None:
    reader = Reader(octets[at:])
    first, version = reader.number(1), reader.number(4)
    to, by = reader.counted(1), reader.counted(1)
    if reader.cut or max(len(to), len(by)) > LONGEST_ID:
        return None
    if version == 0:
        return _negotiation(reader, to, by, length, at)
    kind = (first & KIND) >> 4
    if version == V2:
        kind = (kind - 1) % 4  # RFC 9369 section 3.2
    if not first & FIXED or not (_spoken(version) or _reserved(version)):
        return None
    packet = Packet(kind, version, to, by)
    if kind == RETRY:
        return (packet, length) if length - at - reader.at > TAG else None
    if kind == INITIAL and (size := _number(reader)) is not None:
        reader.take(size)
    told = _number(reader)
    if told is None or reader.cut or told < 20:  # a packet number, and a sample of 16 octets
        return None
    end = at + reader.at + told
    return (packet, end) if end <= length else None


def _negotiation(
    reader: Reader, to: bytes, by: bytes, length: int, at: int
) -> tuple[Packet, int] | None:
    rest = reader.octets[reader.at :]
    if at or len(reader.octets) < length or not rest or len(rest) % 4:
        return None
    offered = [int.from_bytes(rest[here : here + 4], "big") for here in range(0, len(rest), 4)]
    return Packet(None, 0, to, by, tuple(offered[:PACKETS])), length


def _number(reader: Reader) -> int | None:
    """Return a number of variable length (RFC 9000 section 16), None where it is cut."""
    first = reader.number(1)
    size = 1 << (first >> 6)
    rest = reader.number(size - 1) if size > 1 else 0
    return None if reader.cut else (first & 0x3F) << 8 * (size - 1) | rest


def _spoken(version: int) -> bool:
    return version in (V1, V2) or version in DRAFTS


def _reserved(version: int) -> bool:
    return version & RESERVED_MASK == RESERVED


def _named(version: int) -> str:
    if version in (V1, V2):
        return "1" if version == V1 else "2"
    return f"draft {version & 0xFF}" if version in DRAFTS else f"{version:08x}"


def _facts(asked: Packet, answer: Packet | None = None) -> dict[str, object]:
    if answer and answer.versions:
        told = [_named(one) for one in answer.versions if not _reserved(one)]
        return {"quic_versions": told}
    return {"quic_version": _named(asked.version)}


def _starting(version: int, mask: int) -> Signature:
    return Signature(
        Transport.UDP,
        0,
        bytes((LONG | FIXED,)) + version.to_bytes(4, "big"),
        bytes((LONG | FIXED,)) + mask.to_bytes(4, "big"),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="QUIC",
    recognise=recognise,
    sources=(
        Source("RFC 9000, QUIC: A UDP-Based Multiplexed and Secure Transport", "2021-05",
               "sections 7.2, 14.1, 15 and 17.2"),
        Source("RFC 9369, QUIC Version 2", "2023-05", "section 3"),
        Source("RFC 9114, HTTP/3", "2022-06", "section 3.1: port 443"),
    ),
    signatures=(
        _starting(V1, 0xFFFFFFFF),
        _starting(V2, 0xFFFFFFFF),
        _starting(0xFF000000, 0xFFFFFF00),
        _starting(RESERVED, RESERVED_MASK),
    ),
    usual=(
        Usual(PortRange(443, 443), Transport.UDP, title="HTTP/3 over QUIC", source=2),
    ),
    safety="Encrypted; what inspects TLS over TCP does not see it.",
)  # fmt: skip
