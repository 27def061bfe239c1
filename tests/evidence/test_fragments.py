"""Fragments: a datagram counts once, with all its frames; hostile ones stay bounded."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reading import KINDS, A, B, Make, count, maker, one, udp_packet

from portbook.emulators import frames
from portbook.evidence.fragments import DATAGRAMS, OCTETS, Reassembly
from portbook.evidence.tally import Tally

RAW = 101


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


def pieces(packet: bytes, *sizes: int, ident: int = 7) -> list[bytes]:
    """Cut an IPv4 packet into fragments; sizes in octets, multiples of 8."""
    body, found, here = packet[20:], [], 0
    for size in (*sizes, len(body)):
        part = body[here : here + size]
        more = 0x2000 if here + size < len(body) else 0
        place = struct.pack(">HHH", 20 + len(part), ident, here // 8 | more)
        found.append(packet[:2] + place + packet[8:20] + part)
        here += size
        if here >= len(body):
            break
    return found


def test_a_datagram_in_fragments_is_one_packet_with_all_its_octets(make: Make) -> None:
    table = make()
    parts = pieces(udp_packet(b"0123456789" * 10), 40, 40)
    count(table, *parts[::-1], link=RAW)
    told = one(table)

    assert (1, 100, sum(map(len, parts))) == (told.packets_ab, told.payload_ab, told.octets_ab)
    assert b"0123456789" * 10 == told.head_ab
    assert (3, 3, 0) == (
        table.counts().packets,
        table.counts().fragments,
        table.counts().no_ports,
    )


def test_an_unfinished_datagram_is_an_oddity_and_no_packet(make: Make) -> None:
    table = make()
    count(table, *pieces(udp_packet(b"x" * 100), 40, 40)[:2], link=RAW)
    table.finish()

    assert [] == list(table.rows())
    assert 1 == table.oddities()["incomplete-datagram"][0]


def test_of_overlapping_fragments_the_first_stays(make: Make) -> None:
    table = make()
    first, second = pieces(udp_packet(b"A" * 24), 16)
    liar = pieces(udp_packet(b"B" * 24), 16)[0]
    count(table, first, liar, second, link=RAW)

    assert b"A" * 24 == one(table).head_ab
    assert 1 == table.oddities()["overlapping-fragments"][0]


def test_a_fragment_beyond_the_largest_datagram_is_dropped(make: Make) -> None:
    table = make()
    packet = udp_packet(b"x" * 100)
    count(table, packet[:6] + b"\x1f\xff" + packet[8:], link=RAW)

    assert [] == list(table.rows())
    assert 1 == table.oddities()["bad-fragment"][0]


def test_a_datagram_is_given_up_after_a_minute(make: Make) -> None:
    table = make()
    first, last = pieces(udp_packet(b"x" * 40), 24)
    count(table, first, *pieces(udp_packet(b"y" * 40), 24, ident=8)[:1], last, link=RAW)
    late = make()
    count(late, first, *pieces(udp_packet(b"y" * 40), 24, ident=8)[:1], last, link=RAW,
          step_ns=61_000_000_000)  # fmt: skip

    assert 1 == len(list(table.rows()))
    assert [] == list(late.rows())


def test_fragments_of_ipv6_become_whole_too(make: Make) -> None:
    a, b = "fe80::1", "fe80::2"
    body = frames.udp(b"z" * 60, a, 1, b, 2)
    head = struct.Struct(">BBHI")
    parts = [
        frames.ipv6(head.pack(17, 0, 0 | 1, 9) + body[:32], a, b, 44),
        frames.ipv6(head.pack(17, 0, 32, 9) + body[32:], a, b, 44),
    ]
    table = make()
    count(table, *parts, link=RAW)

    assert b"z" * 60 == one(table).head_ab
    assert 1 == one(table).packets_ab


def test_the_memory_for_unfinished_datagrams_is_bounded() -> None:
    tally = Tally()
    whole = Reassembly(tally)
    for number in range(3 * DATAGRAMS):
        whole.add(number, 65000, True, b"x" * 8, frame_octets=60, time_ns=0, where=number)

    assert tally.oddities["incomplete-datagram"][0] >= 2 * DATAGRAMS
    assert sum(len(one.data) for one in whole._open.values()) <= OCTETS + 65535


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 40), st.booleans(), st.integers(0, 2)),
        max_size=30,
    )
)
def test_any_fragments_give_a_whole_datagram_or_none(
    told: list[tuple[int, int, bool, int]],
) -> None:
    whole = Reassembly(Tally())
    for place, size, more, key in told:
        found = whole.add(key, place * 8, more, b"x" * size, frame_octets=size, time_ns=0, where=0)

        assert found is None or set(found.octets) <= {ord("x")}


def test_the_addresses_used_here_are_those_of_the_packets() -> None:
    assert (A, B) == ("10.0.0.1", "10.0.0.2")
