"""Frames of our own making for seeds: every header that the readers know, around a few payloads."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from portbook.emulators import plant
from portbook.emulators.frames import (
    ACK,
    PSH,
    SYN,
    Frame,
    ethernet,
    ipv4,
    ipv6,
    tcp,
    udp,
)

A, B, SIX_A, SIX_B = "10.0.0.1", "10.0.0.2", "fe80::1", "fe80::2"
NOW_NS = 1_700_000_000_000_000_000
IPV4, IPV6 = 0x0800, 0x86DD


class Linked(NamedTuple):
    """A frame and its link type."""

    link: int
    octets: bytes


@cache
def frames() -> list[Frame]:
    """Return a conversation or two, some of it tagged, split, tunnelled."""
    found = [
        Frame(NOW_NS + 1000 * at, one.octets) for at, one in enumerate(linked()) if one[0] == 1
    ]
    return found[:12] + plant.frames()[:6]


def linked() -> Iterator[Linked]:
    """Give frames of every link type, of Ethernet the most."""
    packet = ipv4(udp(b"AAhello", A, 40000, B, 502), A, B)
    yield from (Linked(1, one) for one in _on_ethernet(packet))
    yield from (Linked(1, _in_ethernet(one)) for one in _datagrams(packet))
    six = ipv6(udp(b"AA" * 9, SIX_A, 40000, SIX_B, 1740), SIX_A, SIX_B)
    for kind, octets in ((IPV4, packet), (IPV6, six)):
        yield from _other_links(kind, octets)


def _in_ethernet(packet: bytes, kind: int | None = None) -> bytes:
    return ethernet(packet, ethertype=kind or (IPV6 if packet[0] >> 4 == 6 else IPV4))


def _on_ethernet(packet: bytes) -> Iterator[bytes]:
    sequence = 1000
    for flags, payload, back in (
        (SYN, b"", False),
        (SYN | ACK, b"", True),
        (ACK, b"", False),
        (PSH | ACK, b"\0\1\0\0\0\6\1\3\0\0\0\1", False),
        (PSH | ACK, b"\0\1\0\0\0\5\1\3\2\0\7", True),
        (PSH | ACK, b"GET / HTTP/1.1\r\n" + b"A" * 200, False),
    ):
        ends = (B, 502, A, 40000) if back else (A, 40000, B, 502)
        segment = tcp(payload, *ends, flags=flags, sequence=sequence, acknowledged=sequence)
        yield _in_ethernet(ipv4(segment, ends[0], ends[2], 6))
        sequence += len(payload)
    yield _in_ethernet(packet)
    yield ethernet(packet, vlans=(7,))
    yield ethernet(packet, vlans=(7, 9), tag=0x88A8)
    yield ethernet(b"\xaa\xaa\3\0\0\0\x08\0" + packet, ethertype=8 + len(packet))
    yield ethernet(b"\0\0\x11\x40" + packet, ethertype=0x8847)
    yield ethernet(b"\x11\0\0\1" + struct.pack(">H", len(packet) + 2) + b"\0\x21" + packet,
                   ethertype=0x8864)  # fmt: skip


def _datagrams(packet: bytes) -> Iterator[bytes]:
    """Give IP packets: fragments, options, extensions, tunnels, SCTP."""
    large = udp(b"AA" * 60, A, 1740, B, 1741)
    yield ipv4(large[:64], A, B, identification=7, fragment=0x2000)
    yield ipv4(large[64:], A, B, identification=7, fragment=8)
    yield ipv4(large, A, B, options=b"\x94\4\0\0")
    sctp = struct.pack(">HHII", 36412, 36412, 1, 0) + struct.pack(">BBHIHHI", 0, 3, 20, 1, 0, 0, 0)
    yield ipv4(sctp + b"AAAA", A, B, 132)
    six = udp(b"AA" * 40, SIX_A, 40000, SIX_B, 1740)
    yield ipv6(six, SIX_A, SIX_B)
    extended = bytes((43, 0, 1, 4, 0, 0, 0, 0)) + bytes((17, 2, 0, 1, *bytes(20)))
    yield ipv6(extended + six, SIX_A, SIX_B, 0)
    for offset, part, more in ((0, six[:48], 1), (48, six[48:], 0)):
        yield ipv6(struct.pack(">BBHI", 17, 0, offset | more, 5) + part, SIX_A, SIX_B, 44)
    yield ipv6(bytes((17, 4, *bytes(22))) + six, SIX_A, SIX_B, 51)
    inner = ethernet(packet)
    yield ipv4(packet, A, B, 4)
    yield ipv4(ipv6(six, SIX_A, SIX_B), A, B, 41)
    yield ipv4(b"\0\0\x08\0" + packet, A, B, 47)
    yield ipv4(b"\x30\x81\x88\x0b\0\4\0\0\0\0\0\1\0\0\0\0\xff\3\0\x21" + packet, A, B, 47)
    yield ipv4(b"\x30\0" + inner, A, B, 97)
    for port, head in (
        (4789, b"\x08\0\0\0\0\0\7\0" + inner),
        (4790, b"\x0c\0\0\1\0\0\7\0" + packet),
        (6081, b"\1\0\x65\x58\0\0\7\0\0\0\0\0" + inner),
        (2152, b"\x30\xff" + struct.pack(">HI", len(packet), 1) + packet),
        (3544, b"\0\1\0\0" + bytes(9) + ipv6(six, SIX_A, SIX_B)),
    ):
        yield ipv4(udp(head, A, 40000, B, port), A, B)


def _other_links(kind: int, packet: bytes) -> Iterator[Linked]:
    number, family = struct.pack(">H", kind), 2 if kind == IPV4 else 10
    yield Linked(0, struct.pack("<I", family) + packet)
    yield Linked(101, packet)
    yield Linked(12, packet)
    yield Linked(9, b"\xff\3" + (b"\0\x21" if kind == IPV4 else b"\0\x57") + packet)
    yield Linked(50, b"\x0f\0" + number + packet)
    yield Linked(104, b"\x0f\0" + number + packet)
    yield Linked(51, b"\x11\0\0\1\0\2" + (b"\0\x21" if kind == IPV4 else b"\0\x57") + packet)
    yield Linked(107, b"\x18\x41\3\xcc" + packet)
    yield Linked(108, struct.pack(">I", family) + packet)
    yield Linked(113, struct.pack(">HHH8s", 0, 1, 6, b"\2\0\0\0\0\1") + number + packet)
    yield Linked(276, number + struct.pack(">HIHBB8s", 0, 1, 1, 0, 6, b"\2\0\0\0\0\1") + packet)
    yield Linked(7, b"\1\2" + (b"\xd4\0\0\0" if kind == IPV4 else b"\xc4\0\0\0") + packet)
    yield Linked(129, b"\1\2\0\0" + (b"\xd4\0\0\0" if kind == IPV4 else b"\xc4\0\0\0") + packet)
    data = b"\x08\1" + bytes(22) + b"\xaa\xaa\3\0\0\0" + number + packet
    yield Linked(105, data)
    yield Linked(119, bytes(144) + data)
    yield Linked(127, b"\0\0\x12\0\3\0\0\0" + bytes(8) + b"\0\0" + data)
    yield Linked(163, struct.pack(">II", 0x80211001, 64) + bytes(56) + data)
    yield Linked(192, struct.pack("<BBHI", 0, 0, 8, 101) + packet)
    yield Linked(226, bytes((2, 2 if kind == IPV4 else 26, *bytes(22))) + packet)
    attribute = struct.pack("<HH", len(packet) + 4, 9) + packet
    yield Linked(239, bytes((family, 0, 0, 0)) + struct.pack("<HHI", 8, 7, 1) + attribute)
    yield Linked(240, bytes(4) + ethernet(packet, ethertype=kind))
