"""Shares of one source: alike in both readers and both directions, and together the whole."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reading import KINDS, Make, count, maker, needs_compiled, tcp_frame, udp_frame

from portbook.emulators import frames
from portbook.evidence import readers
from portbook.evidence.segments import Segment
from portbook.evidence.shares import share
from portbook.evidence.table import Row

SYN = 0x02
pairs = st.sampled_from((4, 16)).flatmap(
    lambda size: st.tuples(*2 * [st.binary(min_size=size, max_size=size)])
)
ports = st.integers(0, 65535)


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


def segment(source: bytes, target: bytes, source_port: int, target_port: int) -> Segment:
    return Segment(
        6, source, source_port, target, target_port, 7, None, b"", b"", False, 0, 0, 60
    )  # fmt: skip


def vxlan(inner: bytes, port: int) -> bytes:
    return udp_frame(b"\x08" + bytes(7) + inner, port, 4789)


def mixture() -> list[bytes]:
    """Return frames of many conversations, plain, tagged, IPv6, in tunnels, and in fragments."""
    told = []
    for at in range(40):
        told += [
            tcp_frame(sequence=9, flags=SYN, ports=(30000 + at, 80)),
            tcp_frame(b"ask", sequence=10, ports=(30000 + at, 80)),
            tcp_frame(b"told", back=True, sequence=7, ports=(30000 + at, 80)),
            udp_frame(b"x" * at, 20000 + at, 53),
            vxlan(udp_frame(b"inside", 10000 + at, 502), 5000),
            vxlan(tcp_frame(b"inside", ports=(10000 + at, 502)), 6000 + at),
        ]
        tagged = udp_frame(b"tagged", 20000 + at, 53)
        told.append(tagged[:12] + b"\x81\0\0\x07" + tagged[12:])
        six = frames.udp(b"six", "fe80::1", 1000 + at, "fe80::2", 53)
        packet = frames.ipv6(six, "fe80::1", "fe80::2", 17)
        told.append(frames.ethernet(packet, "02:00:00:00:00:01", "02:00:00:00:00:02", 0x86DD))
        part = bytearray(udp_frame(b"", 40000 + at))
        part[20] = 0x20  # more fragments follow
        told.append(bytes(part))
    return told


@given(pairs, ports, ports, st.integers(1, 9))
def test_both_directions_belong_to_the_same_share(
    ends: tuple[bytes, bytes], a_port: int, b_port: int, of: int
) -> None:
    a, b = ends
    number = share(segment(a, b, a_port, b_port), of)

    assert 0 <= number < of
    assert number == share(segment(b, a, b_port, a_port), of)


def test_shares_are_of_about_the_same_size() -> None:
    told = Counter(
        share(segment(bytes((10, 0, 0, at % 50)), b"\x0a\0\1\1", 30000 + at, 502), 4)
        for at in range(4000)
    )

    assert {0, 1, 2, 3} == set(told)
    assert min(told.values()) > 800


def test_the_shares_together_are_the_whole(make: Make) -> None:
    def read(number: int, of: int) -> list[Row]:
        table = make(part=(number, of))
        count(table, *mixture(), *mixture())
        counts.append(table.counts())
        oddities.append(table.oddities())
        return list(table.rows())

    counts: list[object] = []
    oddities: list[object] = []
    whole = read(0, 1)
    shares = [read(number, 3) for number in range(3)]

    assert Counter(whole) == Counter(row for rows in shares for row in rows)
    assert all(len(rows) > 40 for rows in shares)
    assert [counts[0]] * 4 == counts
    assert [oddities[0]] * 4 == oddities


@needs_compiled
def test_both_readers_choose_alike() -> None:
    for number in range(3):
        told = []
        for kind in ("plain", "compiled"):
            table = maker(kind)(part=(number, 3))
            count(table, *mixture())
            told.append(list(table.rows()))

        assert told[0] == told[1]


def test_conversations_of_other_shares_take_no_room(make: Make) -> None:
    told = []
    for number in range(2):
        table = make(limit=1000, part=(number, 2))
        frame = frames.pcap(
            [
                frames.Frame(0, udp_frame(b"x", 1000 + at, 53), len(udp_frame(b"x", 1000 + at, 53)))
                for at in range(1500)
            ]
        )

        assert len(frame) == table.feed(frame)
        assert not table.full
        told.append(len(list(table.rows())))

    assert 1500 == sum(told)


@pytest.mark.parametrize("part", [(1, 1), (-1, 2), (0, 0), (0, 1 << 20)])
def test_there_is_no_such_share(make: Make, part: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="part must be"):
        make(part=part)


def test_a_table_keeps_everything_unless_it_is_told_otherwise() -> None:
    table = readers.table(seed=1)
    count(table, *(udp_frame(b"x", 1000 + at) for at in range(50)))

    assert 50 == len(list(table.rows()))
