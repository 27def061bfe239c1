"""One record of the spool: a packet as it came in, with its number and where it came from.

1088 octets, big-endian: 64 of head, then the packet. `PBS1`, u32 CRC-32 of all behind it, u64
number, i64 received (Unix ns), u8 mode, u8 kind of address, u16 port, u32 token, u32 link
sequence, 16 octets address, 12 octets of its scope. The number in the record tells a record from
what a power loss leaves in its place.
"""

from __future__ import annotations

import socket
import struct
import zlib
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from portbook.protocols.reftek.layouts import SIZE

MAGIC = b"PBS1"
_SUM = struct.Struct(">4sI")
_ABOUT = struct.Struct(">QqBBHII28s")
HEAD = _SUM.size + _ABOUT.size
RECORD = HEAD + SIZE
_WHOLE = struct.Struct(f">4sIQqBBHII28s{SIZE}s").unpack_from
_new = tuple.__new__
MODE_AT = 24  # octet of a record that tells its mode
_LARGEST = (1 << 32) - 1
_TEXT, _IPV4, _IPV6 = 0, 4, 6


class Mode(IntEnum):
    """How a packet came: from another RTPD, raw, seen on a link, or by our own reliable link."""

    UPSTREAM = 1
    RAW = 2
    OBSERVED = 3
    LINK = 4


class Arrival(NamedTuple):
    """A packet as it came in.

    octets: exactly 1024; received_ns: Unix time; token, link_sequence: of the reliable link
    """

    octets: bytes
    received_ns: int
    mode: int
    address: str
    port: int
    token: int = 0
    link_sequence: int = 0


class Entry(NamedTuple):
    """A packet that stands in the spool."""

    number: int
    arrival: Arrival


def pack(first: int, arrivals: Iterable[Arrival]) -> bytes:
    """Return records of packets, numbered from `first` on.

    Raises ValueError for a packet of another size or numbers that no field holds.
    """
    parts: list[bytes] = []
    add, crc32, about, summed = parts.append, zlib.crc32, _ABOUT.pack, _SUM.pack
    try:
        for number, one in enumerate(arrivals, first):
            octets, received_ns, mode, address, port, token, sequence = one
            kind, where = _packed(address)
            rest = about(number, received_ns, mode, kind, port, token, sequence, where)
            add(summed(MAGIC, crc32(octets, crc32(rest))))
            add(rest)
            add(octets)
            if len(octets) != SIZE:
                raise ValueError(f"a packet of {len(octets)} octets: the spool takes {SIZE}")
    except struct.error as error:
        raise ValueError(f"packet {number}: {error}; nothing was written") from None
    return b"".join(parts)


def unpack(block: bytes, at: int, number: int) -> Entry | None:
    """Return the record that begins there; None when it is not whole, or not of that number."""
    if at + RECORD > len(block):
        return None
    magic, told, here, received_ns, mode, kind, port, token, sequence, where, octets = _WHOLE(
        block, at
    )
    if here != number or magic != MAGIC or zlib.crc32(block[at + 8 : at + RECORD]) != told:
        return None
    address = _unpacked(kind, where)
    # As the classes do it themselves; a third of the time: a follower makes 200,000 a second.
    arrival = _new(Arrival, (octets, received_ns, mode, address, port, token, sequence))
    return _new(Entry, (number, arrival))


@lru_cache(maxsize=4096)
def _packed(address: str) -> tuple[int, bytes]:
    """Return kind and octets of an address; what is no IP address is kept as text of 28 octets."""
    host, _, scope = address.partition("%")
    for kind, family in ((_IPV4, socket.AF_INET), (_IPV6, socket.AF_INET6)):
        try:
            octets = socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        if socket.inet_ntop(family, octets) == host:
            return kind, octets.ljust(16, b"\0") + scope.encode()[:12]
    return _TEXT, address.encode(errors="replace")[:28]


@lru_cache(maxsize=4096)
def _unpacked(kind: int, where: bytes) -> str:
    if kind == _IPV4:
        return socket.inet_ntop(socket.AF_INET, where[:4])
    if kind == _IPV6:
        scope = where[16:].rstrip(b"\0").decode(errors="replace")
        return socket.inet_ntop(socket.AF_INET6, where[:16]) + (f"%{scope}" if scope else "")
    return where.rstrip(b"\0").decode(errors="replace")
