"""Tunnels: the outer conversation counts, the inner ones are extra and marked."""

from __future__ import annotations

import struct

import pytest
from support.reading import KINDS, MAC_A, MAC_B, A, B, Make, maker, udp_packet

from portbook.emulators import frames

INNER = frames.ipv4(
    frames.udp(b"inner", "192.0.2.1", 5, "192.0.2.2", 6), "192.0.2.1", "192.0.2.2", 17
)
SIX = frames.ipv6(frames.udp(b"inner", "fe80::1", 5, "fe80::2", 6), "fe80::1", "fe80::2", 17)
FRAME = frames.ethernet(INNER, MAC_A, MAC_B, 0x0800)
RAW = 101


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


def ip(number: int, body: bytes) -> bytes:
    return frames.ipv4(body, A, B, number)


CASES = {
    "vxlan": udp_packet(b"\x08\0\0\0\0\0\x07\0" + FRAME, 40000, 4789),
    "geneve": udp_packet(b"\x01\0\x65\x58\0\0\x07\0abcd" + FRAME, 40000, 6081),
    "gtp-u": udp_packet(b"\x30\xff" + struct.pack(">HI", len(INNER), 9) + INNER, 2152, 2152),
    "teredo": udp_packet(b"\0\0" + b"x" * 6 + SIX, 3544, 40000),
    "gre": ip(47, b"\x20\0\x08\0\0\0\0\x07" + INNER),
    "ip-in-ip": ip(4, INNER),
    "6in4": ip(41, SIX),
    "etherip": ip(97, b"\x30\0" + FRAME),
    "mpls": ip(137, b"\0\x01\x01\x40" + INNER),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_tunnel_carries_is_a_row_of_its_own(make: Make, name: str) -> None:
    table = make()
    for _ in range(2):
        table.frame(CASES[name], RAW, 0)
    *outer, inner = table.rows()

    assert (name, b"innerinner", 2) == (inner.tunnel, inner.head_ab, inner.packets_ab)
    assert [None] * len(outer) == [row.tunnel for row in outer]
    assert (1 if CASES[name][9] == 17 else 0) == len(outer)
    assert 2 == table.counts().packets


def test_a_tunnel_s_port_without_its_header_is_an_ordinary_datagram(make: Make) -> None:
    for port in (4789, 6081, 2152, 3544, 4790):
        table = make()
        table.frame(
            frames.ethernet(udp_packet(b"\xc0nonsense", 40000, port), MAC_A, MAC_B, 0x0800), 1, 0
        )

        assert [None] == [row.tunnel for row in table.rows()]


def test_tunnels_within_tunnels_end_somewhere(make: Make) -> None:
    packet = INNER
    for _ in range(30):
        packet = ip(4, packet)
    table = make()
    table.frame(packet, RAW, 0)

    assert [] == list(table.rows())
    assert 1 == table.oddities()["deep-tunnel"][0]


def test_a_datagram_quoted_by_an_error_is_no_conversation(make: Make) -> None:
    table = make()
    table.frame(ip(1, b"\x03\x03\0\0\0\0\0\0" + INNER), RAW, 0)

    assert [] == list(table.rows())
    assert 1 == table.counts().no_ports


def test_sctp_keeps_the_user_data_of_its_chunks(make: Make) -> None:
    def data(payload: bytes) -> bytes:
        head = struct.pack(">BBHIHHI", 0, 3, 16 + len(payload), 1, 0, 0, 0)
        return head + payload + b"\0" * (-len(payload) % 4)

    table = make()
    head = struct.pack(">HHII", 1000, 2000, 0, 0)
    table.frame(
        ip(132, head + data(b"first") + b"\x03\0\0\x10" + b"\0" * 12 + data(b"second")), RAW, 0
    )
    table.frame(ip(132, head + b"\x04\0\0\x04"), RAW, 0)
    (row,) = table.rows()

    assert (132, 2, 11) == (row.transport, row.packets_ab, row.payload_ab)
    assert b"firstsecond" == row.head_ab
    assert ((5, 5), (6, 6)) == row.pieces_ab
