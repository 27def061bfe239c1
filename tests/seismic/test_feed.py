"""Packets become records as they come: octet for octet, at the right time, none without a rate."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CAPTURES, needs_captures
from support.live import MAP, SECOND, START_NS, YEAR, data, feed, head, wave
from support.reftek import state_of_health

from portbook.protocols.reftek import packets
from portbook.seismic import miniseed
from portbook.seismic.feed import MOST_HELD, Feed, default_name
from portbook.seismic.miniseed import Name

ALFA = Name("XX", "ALFA", "00", "HHZ")


@pytest.mark.parametrize("coding", ["C0", "C2"])
@pytest.mark.parametrize("flags", [0, 0x40, 0x83])
def test_a_record_is_the_packet_behind_another_header(coding: str, flags: int) -> None:
    source = feed()
    source.add(0, data(coding=coding, at_ns=START_NS - SECOND))  # from now on the short way
    packet = bytearray(data(coding=coding, sequence=2))
    packet[22] = flags

    (record,) = source.add(1_000_007, bytes(packet))

    read = packets.read(bytes(packet))
    assert read is not None
    assert miniseed.swapped(read, ALFA, 100, YEAR, number=1_000_007) == record.octets
    assert (START_NS, START_NS + read.samples * SECOND // 100) == (record.start_ns, record.end_ns)
    assert (1_000_007 << 8, 1_000_007, False) == (record.sequence, record.ring, record.early)


@pytest.mark.parametrize(
    ("coding", "most", "many"), [("16", 500, (480, 20)), ("32", 250, (240, 10))]
)
def test_plain_samples_need_two_records(coding: str, most: int, many: tuple[int, int]) -> None:
    first, second = feed().add(7, data(coding=coding))

    assert many == (first.samples, second.samples)
    assert (7 << 8, (7 << 8) + 1) == (first.sequence, second.sequence)
    assert first.end_ns == second.start_ns
    assert START_NS + most * SECOND // 100 == second.end_ns


def test_a_channel_that_nobody_named_is_served_under_its_unit() -> None:
    source = Feed(None, YEAR, {("AE4C", 1): 100})

    (record,) = source.add(0, data("AE4C", stream=1, channel=2))

    assert Name("XX", "AE4C", "00", "U23") == record.channel.name
    assert ("XX_AE4C", "00_U_2_3", "00U23") == (
        record.channel.station,
        record.channel.stream,
        record.channel.seed,
    )


def test_every_channel_has_a_name_of_its_own() -> None:
    names = {
        default_name("AE4C", stream, channel) for stream in range(100) for channel in range(32)
    }

    assert 3200 == len(names)
    assert all(name.padded() for name in names)


def test_a_header_tells_the_rate() -> None:
    source = Feed(MAP, YEAR)
    source.add(0, head(rate="200"))

    (record,) = source.add(1, data())

    assert 200 == record.rate_hz
    assert 200 == int.from_bytes(record.octets[32:34])


def test_a_rate_that_the_user_tells_later_holds_where_no_header_told_one() -> None:
    source = Feed(MAP, YEAR, {("9D20", 0): 50})
    unknown = data("9D21", coding="16")

    assert {50} == {one.rate_hz for one in source.add(0, data(coding="16"))}
    assert [] == source.add(1, unknown)

    source.add(2, head(rate="200", stream=1))
    source.know({("9D20", 0): 40, ("9D20", 1): 10, ("9D21", 0): 20, ("9D22", 0): 5})

    assert {40} == {one.rate_hz for one in source.add(3, data(sequence=2, coding="16"))}
    assert {200} == {one.rate_hz for one in source.add(4, data(stream=1, coding="16"))}
    assert {20} == {one.rate_hz for one in source.add(5, data("9D21", sequence=2))}
    assert {5} == {one.rate_hz for one in source.add(6, data("9D22"))}


def test_a_new_rate_holds_from_its_header_on() -> None:
    source = Feed(MAP, YEAR)
    source.add(0, head(rate="200"))
    source.add(1, data())
    source.add(2, head(rate="50", event=2))

    (record,) = source.add(3, data(event=2))

    assert (50, 50) == (record.rate_hz, int.from_bytes(record.octets[32:34]))


def test_without_a_header_two_packets_in_a_row_tell_the_rate() -> None:
    source = Feed(MAP, YEAR)
    steps = [
        data(sequence=5, samples=wave(100)),
        data(sequence=6, samples=wave(100), channel=1),
        data(
            sequence=7,
            at_ns=START_NS + SECOND,
            samples=wave(100, first=100),
            before=wave(100)[-1],
        ),
    ]

    made = [source.add(at, packet) for at, packet in enumerate(steps, 40)]

    assert [0, 0, 3] == [len(one) for one in made]
    assert [START_NS, START_NS, START_NS + SECOND] == [one.start_ns for one in made[2]]
    # All of them take numbers of the packet that let them go, so that no number comes late.
    assert [(42 << 8) + part for part in range(3)] == [one.sequence for one in made[2]]
    assert [True, True, False] == [one.early for one in made[2]]
    assert {100} == {one.rate_hz for one in made[2]}


def test_packets_with_something_missing_between_tell_no_rate() -> None:
    source = Feed(MAP, YEAR)
    source.add(0, data(sequence=5, samples=wave(100)))
    later = data(sequence=7, at_ns=START_NS + 2 * SECOND, samples=wave(100))

    assert [] == source.add(1, later)


def test_a_stream_without_a_rate_holds_no_more_than_it_may() -> None:
    source = Feed(MAP, YEAR)
    for at in range(MOST_HELD + 5):
        source.add(at, data(sequence=2 * at, at_ns=START_NS + at * 7 * SECOND))

    made = source.add(1000, head())

    assert (MOST_HELD, 5) == (len(made), source.skipped["rate-unknown"])
    assert sorted(one.sequence for one in made) == [one.sequence for one in made]
    assert {1000} == {one.ring for one in made}


def test_what_was_learnt_before_lets_records_come_out_as_they_did() -> None:
    again = Feed(MAP, YEAR)
    held = [
        data(sequence=5, samples=wave(100)),
        data(
            sequence=6, at_ns=START_NS + SECOND, samples=wave(100, first=100), before=wave(100)[-1]
        ),
    ]
    for packet in held:
        again.learn(packet)

    made = [record for at, packet in enumerate(held, 40) for record in again.add(at, packet)]

    assert [40 << 8, 41 << 8] == [one.sequence for one in made]


def test_a_new_map_holds_at_once() -> None:
    source = feed()
    source.add(0, data())
    source.rename(None)

    (record,) = source.add(1, data(sequence=2))

    assert Name("XX", "9D20", "00", "U11") == record.channel.name


def test_what_is_no_data_makes_no_record() -> None:
    source = feed()

    assert [] == source.add(0, state_of_health("9D20", 0, "264:00:00:00 CLOCK IS LOCKED\r\n"))
    assert [] == source.add(1, head(kind="ET"))
    assert [] == source.add(2, data(samples=[], coding="16"))
    assert not source.skipped


@pytest.mark.parametrize(
    ("at", "octets", "name"),
    [
        (0, b"XX", "no-packet"),
        (6, b"\x37\x00", "no-packet"),  # day 370
        (2, b"\xaa", "no-packet"),
        (12, b"\x10\x25", "no-packet"),
        (8, b"\x49", "no-packet"),
        (20, b"\x99\x99", "impossible-count"),
        (23, b"\xcc", "unknown-format"),
        (19, b"\xaa", "impossible-packet"),
        (14, b"\xaa", "no-packet"),
        (128, b"\x40", "corrupt-frames"),
    ],
)
@pytest.mark.parametrize("warm", [False, True])
def test_a_packet_that_cannot_be_is_counted(at: int, octets: bytes, name: str, warm: bool) -> None:
    source = feed()
    if warm:
        source.add(0, data())
    packet = bytearray(data(sequence=2))
    packet[at : at + len(octets)] = octets

    assert [] == source.add(1, bytes(packet))
    assert {name: 1} == source.skipped


def test_day_366_is_of_leap_years_only() -> None:
    source = feed()
    source.add(0, data())
    packet = bytearray(data(sequence=2))
    packet[6:8] = b"\x36\x60"

    assert [] == source.add(1, bytes(packet))
    assert 1 == source.skipped["impossible-day"]


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, 1023), st.binary(min_size=1, max_size=4)), max_size=4),
    st.sampled_from(["C0", "C2", "16", "32"]),
    st.integers(0, 1030),
)
def test_the_short_way_makes_what_the_long_way_makes(
    changes: list[tuple[int, bytes]], coding: str, length: int
) -> None:
    packet = bytearray(data(coding=coding, sequence=2))
    for at, octets in changes:
        packet[at : at + len(octets)] = octets
    told = bytes(packet[: length if length < 1000 else 1024])
    short, long = feed(), feed()
    short.add(0, data(coding=coding))

    made = [one.packet for one in short.add(9, told)]

    assert [one.packet for one in long.add(9, told)] == made


def test_lanes_and_channels_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portbook.seismic.feed.MOST_LANES", 2)
    source = Feed(None, YEAR, {(f"{unit:04X}", 0): 100 for unit in range(0x9000, 0x9010)})

    made = [
        len(source.add(at, data(f"{unit:04X}"))) for at, unit in enumerate(range(0x9000, 0x9004))
    ]

    assert [1, 1, 0, 0] == made
    assert 2 == source.skipped["too-many-streams"]


@needs_captures
def test_a_real_file_comes_out_as_the_archive_has_it() -> None:
    from portbook.seismic import stations

    octets = (CAPTURES / "reftek" / "225051000_00008656").read_bytes()
    text = '[unit.AE4C]\nnetwork = "XX"\nstation = "FUR"\nstream.1 = ["HHZ", "HHN", "HHE"]'
    source = Feed(stations.read(text, "map.toml"), YEAR)
    every = [octets[at : at + 1024] for at in range(0, len(octets), 1024)]

    made = [one for at, packet in enumerate(every) for one in source.add(at, packet)]

    read = [one for packet in every if (one := packets.read(packet)) and one.type == "DT"]
    assert 27 == len(made)
    assert [
        miniseed.swapped(
            packet, Name("XX", "FUR", "", f"HH{'ZNE'[packet.channel or 0]}"), 200, YEAR, number=at
        )
        for at, packet in enumerate(read, 1)
    ] == [one.octets for one in made]
