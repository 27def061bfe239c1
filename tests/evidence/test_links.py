"""Every link layer leads to the same conversation."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reading import KINDS, MAC_A, MAC_B, Make, maker, one, udp_packet

from portbook.emulators import frames
from portbook.evidence.links import LINKS

PACKET = udp_packet(b"hello")
SIX = frames.ipv6(frames.udp(b"hello", "fe80::1", 1, "fe80::2", 2), "fe80::1", "fe80::2", 17)
A, B = (bytes.fromhex(mac.replace(":", "")) for mac in (MAC_A, MAC_B))
SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"
NFLOG_PAYLOAD = struct.pack("<HH", len(PACKET) + 4, 9)
WIRELESS = b"\x08\x01\0\0" + b"\x02" * 6 + A + B + b"\0\0"  # to the access point


def ethernet(kind: int, rest: bytes) -> bytes:
    return B + A + struct.pack(">H", kind) + rest


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


WRAPPED = {
    "Ethernet": (1, ethernet(0x0800, PACKET)),
    "IPv6": (1, ethernet(0x86DD, SIX)),
    "802.1Q": (1, ethernet(0x8100, b"\x60\x0a\x08\0" + PACKET)),
    "QinQ": (1, ethernet(0x88A8, b"\0\x0a\x81\0\0\x0b\x08\0" + PACKET)),
    "three tags": (1, ethernet(0x9100, b"\0\x0a\x81\0\0\x0b\x81\0\0\x0c\x08\0" + PACKET)),
    "MPLS": (1, ethernet(0x8847, b"\0\x01\0\x40\0\x02\x01\x40" + PACKET)),
    "PPPoE": (1, ethernet(0x8864, b"\x11\0\0\x01\0\x23\0\x21" + PACKET)),
    "SNAP": (1, ethernet(len(PACKET) + 8, SNAP + PACKET)),
    "802.2 IP": (1, ethernet(len(PACKET) + 3, b"\x06\x06\x03" + PACKET)),
    "null, little-endian": (0, b"\x02\0\0\0" + PACKET),
    "null, big-endian": (0, b"\0\0\0\x02" + PACKET),
    "loop, IPv6 of a BSD": (108, b"\0\0\0\x1e" + SIX),
    "raw": (101, PACKET),
    "raw 12": (12, SIX),
    "IPv4": (228, PACKET),
    "IPv6 alone": (229, SIX),
    "PPP": (9, b"\xff\x03\0\x21" + PACKET),
    "PPP, short": (9, b"\x21" + PACKET),
    "PPP in HDLC": (50, b"\xff\x03\0\x57" + SIX),
    "Cisco HDLC": (104, b"\x0f\0\x08\0" + PACKET),
    "cooked": (113, b"\0\0\0\x01\0\x06" + A + b"\0\0\x08\0" + PACKET),
    "cooked 2": (276, b"\x08\0\0\0\0\0\0\x02\0\x01\0\x06" + A + b"\0\0" + PACKET),
    "frame relay": (107, b"\x18\x41\x03\xcc" + PACKET),
    "frame relay, Cisco": (107, b"\x18\x41\x08\0" + PACKET),
    "ARCNET": (7, b"\x01\x02\xf0" + PACKET),
    "ARCNET of Linux, RFC 1201": (129, b"\x01\x02\0\0\xd4\0\0\x01" + PACKET),
    "802.11": (105, WIRELESS + SNAP + PACKET),
    "802.11 with QoS": (105, b"\x88" + WIRELESS[1:] + b"\0\0" + SNAP + PACKET),
    "radiotap": (127, b"\0\0\x09\0\x02\0\0\0\0" + WIRELESS + SNAP + PACKET),
    "PPI": (192, b"\0\0\x08\0\x69\0\0\0" + WIRELESS + SNAP + PACKET),
    "NFLOG": (
        239,
        b"\x02\0\0\0\x05\0\x0a\0ab\0\0" + struct.pack("<HH", len(PACKET) + 4, 9) + PACKET,
    ),
    "netANALYZER": (240, b"\0\0\0\0" + ethernet(0x0800, PACKET)),
    "IPNET": (226, b"\x01\x02" + b"\0" * 22 + PACKET),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_datagram_is_found_behind_every_link_layer(make: Make, name: str) -> None:
    link, octets = WRAPPED[name]
    table = make()
    table.frame(octets + b"\0" * 6, link, 0)  # padding is no payload
    row = one(table)

    assert b"hello" == row.head_ab
    assert len(octets) + 6 == row.octets_ab
    assert not table.oddities()


def test_the_outermost_tag_is_the_vlan(make: Make) -> None:
    for name, vlan in (("802.1Q", 10), ("QinQ", 10), ("three tags", 10), ("Ethernet", None)):
        table = make()
        table.frame(WRAPPED[name][1], 1, 0)

        assert vlan == one(table).vlan


def test_hardware_addresses_are_told_where_the_link_has_them(make: Make) -> None:
    table = make()
    table.frame(ethernet(0x0800, PACKET), 1, 0)
    table.frame(b"\xff" * 6 + A + b"\x08\0" + udp_packet(b"", 7, 8), 1, 0)
    first, second = table.rows()

    assert (A, B, False) == (first.a_mac, first.b_mac, first.broadcast)
    assert (A, b"", True) == (second.a_mac, second.b_mac, second.broadcast)


def test_an_unknown_link_type_is_counted_and_told(make: Make) -> None:
    table = make()
    table.frame(b"whatever", 147, 0)

    assert (1, 1) == (table.counts().packets, table.counts().no_ports)
    assert 1 == table.oddities()["unknown-link-type"][0]


@pytest.mark.parametrize("name", WRAPPED)
def test_a_frame_may_end_anywhere(make: Make, name: str) -> None:
    link, octets = WRAPPED[name]
    table = make()
    for end in range(len(octets)):
        table.frame(octets[:end], link, 0, len(octets))

    assert len(octets) == table.counts().packets


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(LINKS)), st.binary(max_size=90))
def test_any_octets_behind_any_link_are_one_frame(link: int, octets: bytes) -> None:
    table = maker("plain")()
    table.frame(octets, link, 0)
    table.finish()

    assert 1 == table.counts().packets
