"""QUIC: long headers whose lengths fill the datagram, connection ids that go back and forth.

A client's first packets are protected by keys that their own header gives away, so the server name
that it asks for is in the clear all the same (`portbook.protocols.quic_initial`); certificates and
what the server chose are not. Google's QUIC before the standard has another header and is none of
this.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from portbook.protocols.handshake import VERSIONS, Reader
from portbook.protocols.quic_initial import V1, V2, Inside, Sealed, look, number
from portbook.records import Identification, Source

NAME = "quic"
LONG, FIXED, KIND = 0x80, 0x40, 0x30
INITIAL, ZERO_RTT, HANDSHAKE, RETRY = range(4)
DRAFTS = range(0xFF000016, 0xFF000023)  # drafts 22 to 34 have the header of version 1
RESERVED, RESERVED_MASK = 0x0A0A0A0A, 0x0F0F0F0F  # offered to be refused, RFC 9000 section 15
LONGEST_ID, SHORTEST_FIRST_ID = 20, 8
SMALLEST = 1200  # octets of a datagram with a client's Initial, RFC 9000 section 14.1
TAG = 16  # octets behind a Retry's token
PACKETS = 16
NO_FIT = "its tag does not fit the keys of its connection id"


class Packet(NamedTuple):
    """One packet with a long header; `kind` None: a version negotiation."""

    kind: int | None
    version: int
    to: bytes
    by: bytes
    versions: tuple[int, ...] = ()
    sealed: Sealed | None = None  # an Initial that was kept whole


class Agreed(NamedTuple):
    """What the answer says for it, and whether the ids of both sides prove it."""

    because: tuple[str, ...] = ()
    sure: bool = False
    against: tuple[str, ...] = ()
    refusal: Packet | None = None


def recognise(payload: Payload) -> Identification | None:
    """Name QUIC by a client's first Initial: its tag, and what goes to its connection id."""
    if payload.transport is not Transport.UDP:
        return None
    found = _packets(payload.to_server.first)
    if found is None or not _opens(found[0], payload.to_server.first):
        return None
    asked, agreed = found[0], _agreed(payload, found[0])
    inside = look(asked.version, asked.to, _sealed(payload.to_server, asked.version))
    if agreed is None and not inside.fits:
        return None
    because = ["an Initial whose lengths fill a datagram of at least 1200 octets"]
    if inside.fits:
        because.append("its tag fits the keys that its connection id gives")
    against = [NO_FIT] if inside.fits is False else []
    if agreed is None:
        return plausible(
            NAME, *because, against=("the answer does not agree",), facts=_facts(asked, inside)
        )
    because += agreed.because
    against += () if inside.fits else agreed.against
    told = confirmed if agreed.sure or inside.fits else plausible
    facts = _facts(asked, inside, agreed.refusal)
    return told(NAME, *because, against=tuple(against), facts=facts)


def _agreed(payload: Payload, asked: Packet) -> Agreed | None:
    """Hold the server's first packet against the client's ids; None where they disagree."""
    if not payload.to_client:
        return None if _reserved(asked.version) else Agreed()
    found = _packets(payload.to_client.first)
    answer = found[0] if found else None
    if answer is None or answer.to != asked.by:
        return None
    if answer.kind is None:
        told = "a version negotiation gives back both connection ids"
        return Agreed((told,), True, (), answer) if answer.by == asked.to else None
    if answer.version != asked.version or _reserved(asked.version):
        return None
    because = ("the server's packet goes back to the client's connection id",)
    if any(_takes_up(piece, answer.by) for piece in list(payload.to_server)[1:]):
        return Agreed((*because, "the client goes on with the server's connection id"), True)
    if not asked.by:
        return Agreed(because, False, ("the connection ids are too short to agree",))
    return Agreed(because, True)


def _sealed(side: Side, version: int) -> Iterator[Sealed]:
    """Give a client's Initial packets, from its first datagram on, as long as they are whole."""
    if not side.first.whole:
        return
    for piece in side:
        for packet in _packets(piece) or ():
            if packet.sealed and packet.version == version:
                yield packet.sealed


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


def _packets(piece: Piece) -> list[Packet] | None:
    """Return the packets of a datagram, None when they do not fill it."""
    octets, length = piece
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
    if kind == INITIAL:
        reader.take(number(reader))
    told = number(reader)
    if reader.cut or told < 20:  # a packet number, and a sample of 16 octets
        return None
    end = at + reader.at + told
    if kind == INITIAL and end <= len(octets):
        packet = packet._replace(sealed=Sealed(octets[at:end], reader.at))
    return (packet, end) if end <= length else None


def _negotiation(
    reader: Reader, to: bytes, by: bytes, length: int, at: int
) -> tuple[Packet, int] | None:
    rest = reader.octets[reader.at :]
    if at or len(reader.octets) < length or not rest or len(rest) % 4:
        return None
    offered = [int.from_bytes(rest[here : here + 4], "big") for here in range(0, len(rest), 4)]
    return Packet(None, 0, to, by, tuple(offered[:PACKETS])), length


def _spoken(version: int) -> bool:
    return version in (V1, V2) or version in DRAFTS


def _reserved(version: int) -> bool:
    return version & RESERVED_MASK == RESERVED


def _named(version: int) -> str:
    if version in (V1, V2):
        return "1" if version == V1 else "2"
    return f"draft {version & 0xFF}" if version in DRAFTS else f"{version:08x}"


def _facts(asked: Packet, inside: Inside, answer: Packet | None = None) -> dict[str, object]:
    facts: dict[str, object] = {"quic_version": _named(asked.version)}
    if answer:
        told = [_named(one) for one in answer.versions if not _reserved(one)]
        facts = {"quic_versions": told}
    if inside.hello:
        version = inside.hello.version
        facts["tls_version"] = VERSIONS.get(version, f"{version:04x}")
        if inside.hello.server_name:
            facts["server_name"] = inside.hello.server_name
        if inside.hello.protocols:
            facts["alpn"] = inside.hello.protocols
    return facts


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
        Source("RFC 9001, Using TLS to Secure QUIC", "2021-05", "sections 5.2 to 5.4"),
        Source("RFC 9114, HTTP/3", "2022-06", "section 3.1: port 443"),
    ),
    signatures=(
        _starting(V1, 0xFFFFFFFF),
        _starting(V2, 0xFFFFFFFF),
        _starting(0xFF000000, 0xFFFFFF00),
        _starting(RESERVED, RESERVED_MASK),
    ),
    usual=(
        Usual(PortRange(443, 443), Transport.UDP, title="HTTP/3 over QUIC", source=3),
    ),
    safety="Encrypted; what inspects TLS over TCP does not see it.",
)  # fmt: skip
