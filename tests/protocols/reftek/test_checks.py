"""The quick check of packets accepts exactly what the full reader reads without faults."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import reftek

from portbook.protocols.reftek import packets
from portbook.protocols.reftek.checks import FAULTS, fault

PACKETS = [*reftek.event(seconds=5), reftek.state_of_health("9D20", 3, "CLOCK IS LOCKED")]


def _sound(octets: bytes) -> bool:
    packet = packets.read(octets)
    return packet is not None and packet.whole and not packet.faults


def test_packets_as_recorders_send_them_are_accepted() -> None:
    assert [fault(one) for one in PACKETS] == [None] * len(PACKETS)


@given(
    st.sampled_from(PACKETS),
    st.lists(st.tuples(st.integers(0, 23), st.integers(0, 255)), max_size=3),
)
@example(PACKETS[1], [(10, 0x60), (9, 0x06)])
@example(PACKETS[1], [(23, 0xC0)])
def test_it_agrees_with_the_full_reader(packet: bytes, changes: list[tuple[int, int]]) -> None:
    octets = bytearray(packet)
    for at, value in changes:
        octets[at] = value
    found = fault(bytes(octets))

    assert _sound(bytes(octets)) == (found is None)
    assert found is None or found in FAULTS


@given(st.binary(max_size=1100))
def test_any_octets_are_refused_by_a_name(octets: bytes) -> None:
    assert fault(octets) in FAULTS or _sound(octets)


@pytest.mark.parametrize(
    ("at", "octets", "name"),
    [
        (0, b"XX", "header"),
        (6, b"\x36\x70", "header"),  # day 367
        (12, b"\x10\x25", "header"),  # 1025 octets
        (16, b"\x0a", "event"),
        (19, b"\x0a", "channel"),
        (20, b"\x99\x99", "samples"),
        (23, b"\xcc", "format"),
        (12, b"\x02\x04", "octets"),  # 500 samples of 16 bits do not fill 204 octets
    ],
)
def test_each_fault_has_its_name(at: int, octets: bytes, name: str) -> None:
    packet = bytearray(PACKETS[1])
    packet[at : at + len(octets)] = octets

    assert name == fault(bytes(packet))


def test_a_packet_that_is_not_whole_is_refused() -> None:
    assert fault(PACKETS[1][:-1]) == "size"
    assert fault(PACKETS[1] + b"\0") == "size"
