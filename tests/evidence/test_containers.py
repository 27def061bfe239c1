"""pcap and pcapng in all their forms, and what is wrong with them."""

from __future__ import annotations

import struct

import pytest
from support.reading import KINDS, Make, maker, push, seen, udp_frame

from portbook.emulators import frames
from portbook.emulators.frames import Frame, Interface, Section, block

TIME = 1_700_000_000_123_456_789
FRAMES = [Frame(TIME, udp_frame(b"x")), Frame(TIME + 1_000_000, udp_frame(b"y", 1))]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


@pytest.mark.parametrize("nanoseconds", [False, True])
@pytest.mark.parametrize("big_endian", [False, True])
def test_pcap_of_both_orders_and_resolutions(
    make: Make, nanoseconds: bool, big_endian: bool
) -> None:
    told = seen(make(), frames.pcap(FRAMES, nanoseconds=nanoseconds, big_endian=big_endian))

    assert TIME - (0 if nanoseconds else 789) == told.rows[0].first_ns
    assert [24, 24 + 16 + 60] == [row.where for row in told.rows]
    assert told.error is None


def test_the_modified_pcap_has_longer_records(make: Make) -> None:
    head = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    frame = udp_frame(b"x")
    record = struct.pack("<IIIIIHBx", 1, 2, len(frame), len(frame), 0, 0, 0) + frame

    assert 2 == seen(make(), head + record * 2).rows[0].packets_ab


def test_records_of_pcap_2_3_may_have_their_lengths_exchanged(make: Make) -> None:
    frame = udp_frame(b"x" * 60)
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 3, 0, 0, 65535, 1)
    swapped = struct.pack("<IIII", 1, 2, len(frame), 60) + frame[:60]

    assert 1 == seen(make(), head + swapped).counts.cut


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("resolution", [3, 6, 9, 0x80 | 20])
def test_pcapng_of_both_orders_and_any_clock(make: Make, big_endian: bool, resolution: int) -> None:
    data = frames.pcapng(Section(FRAMES, (Interface(1, resolution),), big_endian))
    told = seen(make(), data)

    assert abs(TIME - told.rows[0].first_ns) <= 1_000_000
    assert 2 == told.counts.packets


def test_a_clock_may_have_an_offset(make: Make) -> None:
    section = frames.pcapng(Section([]))[:28]
    options = struct.pack("<HHqHH", 14, 8, -5, 0, 0)
    interface = block(1, struct.pack("<HHI", 1, 0, 0) + options)
    frame = udp_frame(b"x")
    body = struct.pack("<IIIII", 0, 0, 7_000_000, len(frame), len(frame)) + frame

    assert 2_000_000_000 == seen(make(), section + interface + block(6, body)).rows[0].first_ns


def test_each_section_has_interfaces_and_an_order_of_its_own(make: Make) -> None:
    data = frames.pcapng(
        Section(FRAMES[:1], (Interface(101), Interface(1)), False)._replace(
            frames=[FRAMES[0]._replace(interface=1)]
        ),
        Section(FRAMES[:1], (Interface(1, 9),), True),
    )
    told = seen(make(), data)

    assert 2 == told.rows[0].packets_ab
    assert not told.oddities


def test_unknown_blocks_are_skipped_even_when_they_are_huge(make: Make) -> None:
    data = frames.pcapng(Section(FRAMES))
    told = seen(make(), data[:28] + block(0xBAD, b"z" * 3000) + data[28:], [100] * 20)

    assert 2 == told.counts.packets
    assert told.error is None


def test_simple_and_old_packet_blocks_are_read(make: Make) -> None:
    frame = udp_frame(b"x")
    head = frames.pcapng(Section([], (Interface(1),)))
    simple = block(3, struct.pack("<I", len(frame)) + frame)
    old = block(2, struct.pack("<HHIIII", 0, 0, 0, 5_000_000, len(frame), len(frame)) + frame)
    told = seen(make(), head + simple + old + simple)

    assert 3 == told.rows[0].packets_ab
    assert 5_000_000_000 == told.rows[0].last_ns


def test_a_frame_of_an_interface_that_was_never_described_is_an_oddity(make: Make) -> None:
    data = frames.pcapng(Section(FRAMES))
    told = seen(make(), data[:28] + data[48:])

    assert (2, 2) == (told.counts.packets, told.counts.no_ports)
    assert 2 == told.oddities["unknown-interface"][0]


LIES = {
    "length no multiple of 4": struct.pack("<II", 6, 33) + b"\0" * 60,
    "length below the least": struct.pack("<II", 6, 16) + b"\0" * 60,
    "lengths that differ": struct.pack("<II", 6, 32) + b"\0" * 60,
    "more captured than the block holds": (
        struct.pack("<IIIIIII", 6, 32, 0, 0, 0, 900, 900) + struct.pack("<I", 32)
    ),
    "an endless block": struct.pack("<II", 6, 0x7FFFFFFC) + b"\0" * 60,
    "an order nobody knows": struct.pack("<III", 0x0A0D0D0A, 28, 7) + b"\0" * 60,
    "another major version": block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 2, 0, -1)),
}


@pytest.mark.parametrize("name", LIES)
def test_a_block_that_lies_is_one_error_with_its_offset(make: Make, name: str) -> None:
    data = frames.pcapng(Section(FRAMES))
    told = seen(make(), data + LIES[name])

    assert told.error is not None
    assert len(data) == told.error[1]
    assert 2 == told.counts.packets


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\n\r\n", b"\x1f\x8b\x08\0" * 9, b"\0" * 64])
def test_what_is_no_capture_is_said_to_be_none(make: Make, octets: bytes) -> None:
    told = push(make(), octets)

    assert told is not None
    assert told[0].startswith("not a capture")
    assert 0 == told[1]


def test_a_version_that_nobody_reads_is_refused(make: Make) -> None:
    data = frames.pcap(FRAMES)

    assert "version 1.4" in str(push(make(), data[:4] + b"\x01\0" + data[6:]))
    assert push(make(), data[:6] + b"\x05\0" + data[8:]) is None
