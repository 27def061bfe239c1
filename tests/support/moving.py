"""Captures whose ports are rewritten, and nothing else: what the bytes are must not change.

Checksums are left as they were; nothing that reads for names looks at them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

Move = Callable[[int], int]

_PCAP = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\xa1\xb2\x3c\x4d": ">",
}
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_TAGS = (0x8100, 0x88A8)
_WITH_PORTS = (6, 17, 132)


def moved(capture: bytes, move: Move) -> bytes:
    """Return a pcap or pcapng capture with every port of TCP, UDP and SCTP moved."""
    changed = bytearray(capture)
    for at, size, link in frames(capture):
        place = _ports(capture[at : at + size], link)
        if place is not None:
            ports = struct.unpack_from(">HH", capture, at + place)
            struct.pack_into(">HH", changed, at + place, *map(move, ports))
    return bytes(changed)


def frames(capture: bytes) -> Iterator[tuple[int, int, int]]:
    """Give where each whole frame begins, how many octets are kept of it, and its link type."""
    order = _PCAP.get(capture[:4])
    return _blocks(capture) if order is None else _records(capture, order)


def _records(capture: bytes, order: str) -> Iterator[tuple[int, int, int]]:
    (link,) = struct.unpack_from(order + "I", capture, 20)
    at = 24
    while at + 16 <= len(capture):
        (size,) = struct.unpack_from(order + "I", capture, at + 8)
        if at + 16 + size > len(capture):
            return
        yield at + 16, size, link & 0xFFFF
        at += 16 + size


def _blocks(capture: bytes) -> Iterator[tuple[int, int, int]]:
    links: list[int] = []
    at, order = 0, "<"
    while at + 12 <= len(capture):
        (kind,) = struct.unpack_from(order + "I", capture, at)
        if kind == _SECTION:
            order = "<" if capture[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        (length,) = struct.unpack_from(order + "I", capture, at + 4)
        if length < 12 or at + length > len(capture):
            return
        if kind == _INTERFACE:
            links += struct.unpack_from(order + "H", capture, at + 8)
        elif kind in (_ENHANCED, _PACKET):
            number, size = struct.unpack_from(
                order + ("I8xI" if kind == _ENHANCED else "H10xI"), capture, at + 8
            )
            yield at + 28, size, links[number]
        elif kind == _SIMPLE:
            (size,) = struct.unpack_from(order + "I", capture, at + 8)
            yield at + 12, min(size, length - 16), links[0]
        at += length


def _ports(frame: bytes, link: int) -> int | None:
    """Return where the two port numbers stand in a frame; None when it has none."""
    ip = _ip(frame, link)
    if ip is None or len(frame) < ip + 24:
        return None
    version = frame[ip] >> 4
    if version == 4:
        here, next_header = ip + 4 * (frame[ip] & 15), frame[ip + 9]
        if int.from_bytes(frame[ip + 6 : ip + 8], "big") & 0x1FFF:
            return None  # a later fragment has none
    elif version == 6:
        here, next_header = ip + 40, frame[ip + 6]
    else:
        return None
    return here if next_header in _WITH_PORTS and here + 4 <= len(frame) else None


def _ip(frame: bytes, link: int) -> int | None:
    if link == 1:
        at = 12
        while int.from_bytes(frame[at : at + 2], "big") in _TAGS:
            at += 4
        return at + 2 if frame[at : at + 2] in (b"\x08\x00", b"\x86\xdd") else None
    return {0: 4, 12: 0, 14: 0, 101: 0, 113: 16, 228: 0, 229: 0, 276: 20}.get(link)
