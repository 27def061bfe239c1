"""Limits of a table: full, closed, starved of times; what is told and what comes back."""

from __future__ import annotations

import pytest
from support.reading import KINDS, Make, count, maker, needs_compiled, one, push, seen, udp_frame

from portbook.emulators import frames
from portbook.errors import SourceError
from portbook.evidence import readers
from portbook.evidence.table import Row, Table

SECOND = 1_000_000_000


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


def source(conversations: int, rounds: int = 1) -> bytes:
    told = [
        frames.Frame(1_700_000_000 * SECOND + number * 1000, udp_frame(b"x", 1000 + number))
        for _ in range(rounds)
        for number in range(conversations)
    ]
    return frames.pcap(told)


def drained(table: Table, data: bytes, at_once: int) -> list[Row]:
    """Read all of it, closing conversations whenever the table is full."""
    closed: list[Row] = []
    while data or table.full:
        used = table.feed(data)
        data = data[used:]
        if table.full:
            closed += table.close(at_once)
        elif not used:
            break
    table.finish(len(data))
    return closed + list(table.rows())


def test_a_full_table_stops_and_goes_on_when_some_are_closed(make: Make) -> None:
    table = make(limit=10)
    rows = drained(table, source(35, 2), 4)

    assert 70 == sum(row.packets_ab for row in rows)
    assert 70 == table.counts().packets
    assert len(rows) == table.counts().closed + 10 or len(list(table.rows())) <= 10


@needs_compiled
def test_both_readers_close_the_same_conversations() -> None:
    for limit, at_once in ((1, 1), (7, 3), (10, 10), (64, 1)):
        told = [drained(maker(kind)(limit=limit), source(80, 2), at_once)
                for kind in ("plain", "compiled")]  # fmt: skip

        assert told[0] == told[1]


def test_the_coldest_are_closed_first(make: Make) -> None:
    table = make()
    count(table, udp_frame(b"", 1), udp_frame(b"", 2), udp_frame(b"", 3), udp_frame(b"", 1))

    assert [2, 3] == [row.a_port for row in table.close(2)]
    assert [1] == [row.a_port for row in table.rows()]


def test_a_frame_that_finds_no_room_again_and_again_is_an_oddity(make: Make) -> None:
    table = make(limit=1)
    count(table, udp_frame(b"", 1), udp_frame(b"", 2), udp_frame(b"", 3))

    assert table.full
    assert 3 == table.counts().packets
    assert 1 == table.oddities()["table-full"][0]


def test_bursts_begin_after_silence_and_the_first_and_last_are_kept(make: Make) -> None:
    table = make()
    times = [number * 60 * SECOND for number in range(100)]
    for time_ns in times:
        for after in (0, 1000, SECOND):  # a second of silence is not more than a second
            table.frame(udp_frame(b"x"), 1, time_ns + after)
    row = one(table)

    assert 100 == row.bursts
    assert (*times[:8], *times[-56:]) == row.times


def test_time_that_goes_backwards_begins_no_burst(make: Make) -> None:
    table = make()
    for time_ns in (50 * SECOND, 10 * SECOND, 50 * SECOND + 5):
        table.frame(udp_frame(b"x"), 1, time_ns)
    row = one(table)

    assert (1, 10 * SECOND, 50 * SECOND + 5) == (row.bursts, row.first_ns, row.last_ns)


def test_a_vlan_taken_off_by_the_system_is_part_of_the_key(make: Make) -> None:
    table = make()
    table.frame(udp_frame(b"x"), 1, 0, None, 7)
    table.frame(udp_frame(b"x"), 1, 0)

    assert [7, None] == [row.vlan for row in table.rows()]


def test_a_cut_file_says_where_and_keeps_what_came_before(make: Make) -> None:
    data = source(3)
    told = seen(make(), data[:-5])

    assert told.error is not None
    assert 24 + 2 * (len(data) - 24) // 3 == told.error[1]
    assert 2 == len(told.rows)
    assert "cut-file" in told.oddities


def test_an_empty_source_is_an_error() -> None:
    table = maker("plain")()
    table.feed(b"")

    with pytest.raises(SourceError, match="empty"):
        table.finish()


def test_a_table_that_was_fed_nothing_but_frames_ends_in_peace(make: Make) -> None:
    make().finish()


def test_a_record_longer_than_any_frame_is_one_error(make: Make) -> None:
    data = source(1)
    liar = data + data[24:32] + b"\xff\xff\xff\x7f" * 2 + b"x" * 50

    told = push(make(), liar)

    assert told is not None
    assert len(data) == told[1]


def test_the_reader_that_is_there_is_taken() -> None:
    assert readers.COMPILED == (
        type(readers.table(seed=1)).__module__ != "portbook.evidence.packets"
    )


@pytest.mark.skipif(readers.COMPILED, reason="the compiled packet reader is built")
def test_a_reader_that_was_not_built_says_so() -> None:
    with pytest.raises(ImportError, match="not built"):
        readers.table(seed=1, compiled=True)


def test_conversations_in_the_tens_of_thousands_stay_apart(make: Make) -> None:
    table = make()
    told = [
        frames.Frame(0, udp_frame(b"x", number & 0xFFFF, 1 + (number >> 16)))
        for number in range(3000)
    ]
    push(table, frames.pcap(told * 2))

    assert [2] * 3000 == [row.packets_ab for row in table.rows()]


def test_a_datagram_counts_no_more_than_came_whatever_its_lengths_say(make: Make) -> None:
    payload = b"eighteen, unpadded"
    frame = bytearray(udp_frame(payload, 1000))
    frame[16:18] = (19_220).to_bytes(2, "big")  # of the IP packet
    frame[38:40] = (19_200).to_bytes(2, "big")  # of the datagram
    table = make()
    count(table, bytes(frame))
    row = one(table)

    assert (18, payload, ((18, 18),)) == (row.payload_ab, row.head_ab, row.pieces_ab)
    assert {"datagram-beyond-frame": (1, 0)} == dict(table.oddities())


def test_a_segment_counts_no_more_than_came_whatever_its_packet_says(make: Make) -> None:
    ends = [frames.Host(f"10.0.0.{last}", f"02:00:00:00:00:0{last}") for last in (1, 2)]
    talk = frames.TcpTalk(ends[0], 5000, ends[1], 80)
    talk.to_server(b"twenty octets, whole")
    frame = bytearray(talk.frames[3].octets)
    frame[16:18] = (9_000).to_bytes(2, "big")  # of the IP packet
    table = make()
    count(table, bytes(frame))

    assert (20, ((20, 20),)) == (one(table).payload_ab, one(table).pieces_ab)
    assert {"datagram-beyond-frame": (1, 0)} == dict(table.oddities())


def test_a_datagram_cut_by_the_capture_counts_whole(make: Make) -> None:
    frame = udp_frame(b"eighteen, unpadded", 1000)
    table = make()
    table.frame(frame[:-4], 1, 0, len(frame))
    row = one(table)

    assert (18, b"eighteen, unpa", ((18, 14),)) == (row.payload_ab, row.head_ab, row.pieces_ab)
    assert not table.oddities()


@needs_compiled
def test_a_table_that_got_no_memory_refuses_instead_of_looking_where_nothing_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: object, name: str) -> None:
        raise MemoryError(name)

    table = maker("compiled")()
    monkeypatch.setattr("portbook.evidence.arrays.Stores.grow", refuse)
    with pytest.raises(MemoryError):
        table.feed(source(5000))
    with pytest.raises((MemoryError, IndexError)):
        count(table, *(udp_frame(b"x", 10_000 + number) for number in range(5000)))
