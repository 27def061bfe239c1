"""Opens QUIC's Initial packets, whose keys everybody can derive, and reads the hello in them.

The tag of a packet fits those keys only where it is QUIC indeed: they come from the connection id
in its header. Later packets have keys that nobody else can know.
Source: RFC 9001 sections 5.2 to 5.4 (keys, nonce, header protection), RFC 9369 section 3.3
(version 2), RFC 9000 sections 12.4 and 19 (frames); drafts 23 to 34 of QUIC-TLS, section 5.2.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from portbook.protocols import aes
from portbook.protocols.handshake import Hello, Reader, client_hello

V1, V2 = 0x00000001, 0x6B3343CF
DRAFT = 0xFF000000
SALT_1 = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
SALTS: Mapping[int, bytes] = {
    V1: SALT_1,
    V2: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
    **{
        DRAFT + number: bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502")
        for number in range(23, 29)
    },
    **{
        DRAFT + number: bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")
        for number in range(29, 33)
    },
    **{DRAFT + number: SALT_1 for number in (33, 34)},
}
SAMPLE_AFTER, SAMPLE = 4, 16  # the sample begins where the longest packet number would end
RESERVED_BITS = 0x0C
LONGEST = 4096  # octets of a packet that is opened: what a client sends fits an Ethernet frame
OPENED = 3  # packets: a hello seldom fills more
FRAMES = 256  # of one packet; a row of padding counts as one
LONGEST_HELLO = 16384
PADDING, PING, ACK, ACK_COUNTED, CRYPTO = 0, 1, 2, 3, 6
CLIENT_HELLO = 1


class Keys(NamedTuple):
    """What protects the packets that a client begins with."""

    key: bytes
    nonce: bytes
    header: bytes


class Sealed(NamedTuple):
    """An Initial packet as it came.

    octets: from its first one to the end of its tag; at: where its packet number begins
    """

    octets: bytes
    at: int


class Inside(NamedTuple):
    """What the keys of a client's first connection id open.

    fits: the tag of its first packet is right; None: it could not be tried
    """

    fits: bool | None = None
    hello: Hello | None = None


def look(version: int, connection: bytes, packets: Iterable[Sealed]) -> Inside:
    """Open a client's first packets, as many as its hello fills.

    version, connection: of its first packet; packets: of its Initial ones, in order
    """
    keys = keys_of(version, connection)
    fits, found, plain = None, None, list[bytes]()
    if keys is None:
        return Inside()
    for packet in islice(packets, OPENED):
        frames = opened(packet, keys)
        if frames is not None:
            plain.append(frames)
            found = hello(plain)
        fits = bool(plain)
        if not plain or (found and found.exact):
            break
    return Inside(fits, found)


def keys_of(version: int, connection: bytes) -> Keys | None:
    """Derive a client's keys from the connection id that it chose first; None: unknown version."""
    salt = SALTS.get(version)
    if salt is None:
        return None
    word = "quicv2" if version == V2 else "quic"
    secret = _expanded(_digest(salt, connection), "client in", 32)
    return Keys(
        _expanded(secret, f"{word} key", 16),
        _expanded(secret, f"{word} iv", 12),
        _expanded(secret, f"{word} hp", 16),
    )


def _expanded(secret: bytes, label: str, length: int) -> bytes:
    """Return HKDF-Expand-Label of at most 32 octets (RFC 8446, section 7.1; RFC 5869)."""
    name = b"tls13 " + label.encode()
    told = length.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0"
    return _digest(secret, told + b"\1")[:length]


def _digest(key: bytes, octets: bytes) -> bytes:
    return hmac.digest(key, octets, hashlib.sha256)


def opened(packet: Sealed, keys: Keys) -> bytes | None:
    """Return the frames of a packet, None when its tag does not fit."""
    octets, at = packet
    sample = octets[at + SAMPLE_AFTER : at + SAMPLE_AFTER + SAMPLE]
    if len(sample) < SAMPLE or len(octets) > LONGEST:
        return None
    mask = aes.encrypted(keys.header, sample)
    first = octets[0] ^ mask[0] & 0x0F
    if first & RESERVED_BITS:
        return None
    size = (first & 3) + 1
    number = bytes(one ^ two for one, two in zip(octets[at : at + size], mask[1:], strict=False))
    header = bytes((first,)) + octets[1:at] + number
    nonce = int.from_bytes(keys.nonce, "big") ^ int.from_bytes(number, "big")
    return aes.open_sealed(keys.key, nonce.to_bytes(12, "big"), header, octets[at + size :])


def hello(plain: Iterable[bytes]) -> Hello | None:
    """Read the client's hello from the frames of its packets, as far as it is there."""
    parts: dict[int, bytes] = {}
    for frames in plain:
        for offset, octets in _crypto(frames):
            if len(octets) > len(parts.get(offset, b"")):
                parts[offset] = octets
    stream = Reader(_joined(parts))
    kind, body = stream.number(1), stream.counted(3)
    if kind != CLIENT_HELLO or not body:
        return None
    told = client_hello(body)
    return told and told._replace(exact=told.exact and not stream.cut)


def _crypto(frames: bytes) -> list[tuple[int, bytes]]:
    """Return the pieces of the handshake in a packet's frames, each with its offset."""
    reader, found = Reader(frames), list[tuple[int, bytes]]()
    for _ in range(FRAMES):
        kind = number(reader)
        if kind == PADDING:
            rest = reader.octets[reader.at :]
            reader.at += len(rest) - len(rest.lstrip(b"\0"))
        elif kind in (ACK, ACK_COUNTED):
            _pass_acknowledgement(reader, counted=kind == ACK_COUNTED)
        elif kind == CRYPTO:
            offset, size = number(reader), number(reader)
            octets = reader.take(size)
            if offset + size <= LONGEST_HELLO and not reader.cut:
                found.append((offset, octets))
        elif kind != PING:
            break
        if reader.cut or reader.done:
            break
    return found


def _pass_acknowledgement(reader: Reader, *, counted: bool) -> None:
    number(reader), number(reader)  # the largest one, and the delay
    ranges = number(reader)
    for _ in range(min(2 * ranges + 1, FRAMES) + (3 if counted else 0)):
        number(reader)


def _joined(parts: Mapping[int, bytes]) -> bytes:
    """Return the stream from its beginning to its first gap."""
    stream = b""
    for offset in sorted(parts):
        if offset > len(stream):
            break
        stream += parts[offset][len(stream) - offset :]
    return stream


def number(reader: Reader) -> int:
    """Return the next number of variable length (RFC 9000, section 16), 0 where it is cut."""
    first = reader.number(1)
    size = 1 << (first >> 6)
    rest = reader.number(size - 1) if size > 1 else 0
    return 0 if reader.cut else (first & 0x3F) << 8 * (size - 1) | rest
