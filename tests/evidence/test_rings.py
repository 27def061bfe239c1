"""Blocks of the kernel's ring: both readers count what the same packets in a file come to."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reading import KINDS, maker, tcp_frame, udp_frame
from support.ringed import FIRST, block

from portbook.emulators import plant
from portbook.emulators.frames import pcap
from portbook.evidence.rings import OUTGOING
from portbook.evidence.table import Row, Table
from portbook.protocols.prefilter import prefilter

ETHERNET = 1
pytestmark = pytest.mark.parametrize("kind", KINDS)


def counted(table: Table, octets: bytes, *, twice: bool = False) -> Table:
    assert table.ring(octets, FIRST, ETHERNET, twice=twice) == -1
    return table


def rows(table: Table) -> list[Row]:
    return [row._replace(where=0) for row in table.rows()]


def table_of(kind: str) -> Table:
    return maker(kind)(prefilter().rows)


def test_a_plant_counts_the_same_from_the_ring_as_from_its_file(kind: str) -> None:
    frames = plant.frames()
    from_file, live = table_of(kind), table_of(kind)
    from_file.feed(pcap(frames))

    counted(live, block([(one.time_ns, one.octets) for one in frames]))

    assert rows(from_file) == rows(live)
    assert from_file.counts() == live.counts()


def test_a_vlan_tag_that_the_kernel_took_off_counts(kind: str) -> None:
    plain = udp_frame(b"hello")
    inner = plain[:12] + b"\x81\0\0\x07" + plain[12:]
    frames = [
        (1, inner),
        (2, plain[:12] + b"\x81\0\x0f\xff" + inner[12:]),
        (3, plain[:12] + b"\x88\xa8\0\x05" + plain[12:]),
        (4, plain),
    ]
    from_file, live = table_of(kind), table_of(kind)
    for time_ns, frame in frames:
        from_file.frame(frame, ETHERNET, time_ns)

    counted(live, block(frames))

    assert rows(from_file) == rows(live)
    assert from_file.counts() == live.counts()
    assert {7, 4095, 5, None} == {row.vlan for row in live.rows()}


def test_loopback_packets_count_once(kind: str) -> None:
    frame = udp_frame(b"hello")
    octets = block([(1, frame), (1, frame), (2, frame)], kind=[OUTGOING, 0, OUTGOING])

    assert 1 == counted(table_of(kind), octets, twice=True).counts().packets
    assert 3 == counted(table_of(kind), octets, twice=False).counts().packets


def test_a_full_table_goes_on_where_it_stopped(kind: str) -> None:
    frames = [(at, udp_frame(b"x", port=40000 + at % 300)) for at in range(600)]
    octets = block(frames)
    table = maker(kind)(limit=50)
    here, closed, turns = FIRST, 0, 0
    while (here := table.ring(octets, here, ETHERNET, twice=False)) >= 0:
        closed += len(table.close(10))
        turns += 1
        assert turns < 1000

    assert 600 == table.counts().packets
    parts = closed + sum(1 for _ in table.rows())
    assert parts >= 300


@given(st.data())
def test_any_frames_are_counted_as_they_would_be_one_by_one(kind: str, data: st.DataObject) -> None:
    def frame() -> bytes:
        made = bytearray(data.draw(st.sampled_from(SAMPLES)))
        for _ in range(data.draw(st.integers(0, 3))):
            made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
        return bytes(made[: data.draw(st.integers(18, len(made)))])

    frames = [(10 * at, frame()) for at in range(data.draw(st.integers(1, 12)))]
    singly, live = table_of(kind), table_of(kind)
    for time_ns, octets in frames:
        singly.frame(octets, ETHERNET, time_ns)

    counted(live, block(frames))

    assert rows(singly) == rows(live)
    assert singly.counts() == live.counts()


@given(st.data())
def test_a_block_that_cannot_be_ends_with_an_error_or_not_at_all_but_never_worse(
    kind: str, data: st.DataObject
) -> None:
    octets = bytearray(block([(1, udp_frame(b"a")), (2, tcp_frame(b"b")), (3, udp_frame(b"c"))]))
    for _ in range(data.draw(st.integers(1, 6))):
        octets[data.draw(st.integers(FIRST, len(octets) - 1))] = data.draw(st.integers(0, 255))
    table = table_of(kind)
    here = FIRST
    with contextlib.suppress(IndexError):
        while here >= 0:
            before, here = here, table.ring(bytes(octets), here, ETHERNET, twice=False)
            assert here < 0 or here >= before
    list(table.rows())


def test_a_head_outside_of_the_block_is_refused(kind: str) -> None:
    octets = block([(1, udp_frame(b"a"))])

    with pytest.raises(IndexError, match="begins outside"):
        table_of(kind).ring(octets, len(octets) - 10, ETHERNET, twice=False)


SAMPLES = [
    udp_frame(b"hello"),
    tcp_frame(b"GET / HTTP/1.1\r\n\r\n"),
    udp_frame(b"x")[:12] + b"\x81\0\0\x07" + udp_frame(b"x")[12:],
]
