"""Where clients stand in the ring of records: begins, resumes, windows, selections, overruns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.live import (
    MAP,
    SECOND,
    START_NS,
    YEAR,
    data,
    numbers_3,
    packets_4,
    records,
    ring,
    wave,
)

from portbook.errors import PeerError
from portbook.protocols.seedlink.wanting import Request, Select, Start, Station, Wanted
from portbook.seismic.cursors import Cursor, OverrunError
from portbook.seismic.feed import Feed
from portbook.seismic.live_records import Record
from portbook.seismic.record_ring import RecordRing

ALL = Wanted((Station("*"),))
UNITS = ("9D20", "9D21", "9D22")
Small = Callable[[Record], tuple[bytes, ...]]


def halves(record: Record) -> tuple[bytes, ...]:
    """Pack a record in no time: two pieces that say where they came from."""
    return tuple((b"%06dD" % (record.ring % 1_000_000)).ljust(512, b"x") for _ in range(2))


def cursor(
    held: RecordRing,
    *starts: Start,
    version: int = 4,
    wanted: Wanted = ALL,
    dialup: bool = False,
    small: Small = halves,
) -> Cursor:
    given = starts or (Start(oldest=True),) * len(wanted.stations)
    return Cursor(held, Request(version, wanted, given, dialup), small)


def rings(made: Cursor, most: int = 1 << 16) -> list[int]:
    """Return the ring sequences of all that a cursor gives, by turns until nothing waits."""
    found = []
    while made.waiting:
        found += [sequence >> 8 for sequence, _, _ in packets_4(made.take(most))]
    return found


def test_everything_that_is_held_and_then_what_comes() -> None:
    held = ring(5)
    made = cursor(held)

    assert [0, 1, 2, 3, 4] == rings(made)
    held.append(records(2, first=5))
    assert [5, 6] == rings(made)
    assert b"" == made.take()


def test_without_a_number_data_begin_with_the_next_record() -> None:
    held = ring(5)
    made = cursor(held, Start())

    assert not made.waiting
    held.append(records(1, first=5))
    assert [5] == rings(made)


def test_a_packet_of_version_4_names_its_station() -> None:
    ((sequence, station, record),) = packets_4(cursor(ring(1)).take())

    assert (0, "XX_ALFA") == (sequence, station)
    assert (b"ALFA ", b"HHZ") == (record[8:13], record[15:18])


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_client_goes_on_where_it_was(many: int, had: int) -> None:
    held = ring(many)
    had = min(had, many)

    assert list(range(had, many)) == rings(cursor(held, Start(had << 8)))


def test_a_number_that_is_gone_or_of_another_ring_gives_all_that_is_held() -> None:
    held = RecordRing(10)
    held.append(records(25))

    assert list(range(15, 25)) == rings(cursor(held, Start(3 << 8)))
    assert list(range(15, 25)) == rings(cursor(held, Start(1 << 40)))
    assert [] == rings(cursor(held, Start(25 << 8)))  # the next one: it has them all


def test_selections_of_station_and_stream() -> None:
    held = ring(9, units=UNITS)
    wanted = Wanted((Station("YY_*"), Station("XX_A*", (Select("*_N"),)), Station("*_BRAVO")))

    assert [1, 2, 4, 5, 7, 8] == rings(cursor(held, wanted=wanted))


def test_a_station_that_comes_later_is_sent_too() -> None:
    held = ring(2)
    made = cursor(held, wanted=Wanted((Station("YY_*"),)))
    assert not made.waiting

    held.append(records(1, first=2, units=("9D22",)))

    assert [2] == rings(made)


def test_each_station_begins_at_its_own_number() -> None:
    held = ring(12, units=UNITS)
    wanted = Wanted((Station("XX_ALFA"), Station("XX_BRAVO"), Station("YY_CARLO")))
    made = cursor(held, Start(6 << 8), Start(oldest=True), Start(), wanted=wanted)

    assert [1, 4, 6, 7, 9, 10] == rings(made)
    held.append(records(3, first=12, units=UNITS))
    assert [12, 13, 14] == rings(made)


def test_a_window_of_time() -> None:
    held = ring(20)
    begin, end = START_NS + 5 * SECOND, START_NS + 8 * SECOND
    made = cursor(held, Start(oldest=True, begin_ns=begin, end_ns=end))

    # A record that ends as the window begins is before it, one that begins as it ends behind.
    assert [5, 6, 7] == rings(made)
    assert made.over(end)
    assert [7] == rings(cursor(held, Start(7 << 8, begin_ns=begin, end_ns=end)))
    assert list(range(5, 20)) == rings(cursor(held, Start(oldest=True, begin_ns=begin)))


def test_a_window_is_over_when_all_its_channels_went_past_it() -> None:
    every, held = records(12, units=UNITS), RecordRing(100)
    held.append(every[:6])
    end = START_NS + 10 * SECOND
    made = cursor(held, Start(oldest=True, begin_ns=START_NS, end_ns=end))
    assert list(range(6)) == rings(made)
    assert not made.over(end)

    held.append(every[6:])

    assert list(range(6, 10)) == rings(made)
    assert made.over(end)


def test_a_window_over_dead_channels_ends_in_the_end() -> None:
    made = cursor(ring(3), Start(oldest=True, begin_ns=START_NS, end_ns=START_NS + 10 * SECOND))
    rings(made)

    assert not made.over(START_NS + 60 * SECOND)
    assert made.over(START_NS + 700 * SECOND)


def test_a_dial_up_client_has_all_when_nothing_waits() -> None:
    made = cursor(ring(3), dialup=True)

    assert not made.over(0)
    rings(made)
    assert made.over(0)


def test_a_client_that_is_too_slow_is_told() -> None:
    held = RecordRing(10)
    held.append(records(5))
    slow, quick = cursor(held), cursor(held)
    rings(quick)

    held.append(records(10, first=5))

    with pytest.raises(OverrunError):
        slow.take()
    assert list(range(5, 15)) == rings(quick)


def test_a_slow_client_does_not_miss_what_it_never_wanted() -> None:
    held = RecordRing(10)
    held.append(records(5))
    slow = cursor(held, wanted=Wanted((Station("YY_*"),)))
    held.append(records(1, first=5, units=("9D22",)))
    held.append(records(8, first=6))

    assert [5] == rings(slow)


def test_clients_of_the_same_wish_share_what_they_get() -> None:
    held = ring(50)
    first, second, other = cursor(held), cursor(held), cursor(held, wanted=Wanted((Station("X*"),)))

    assert first.take() is second.take()
    assert first.selection is second.selection is not other.selection


def test_a_selection_is_forgotten_with_its_last_client() -> None:
    held = ring(5)
    first, second = cursor(held), cursor(held)
    one = first.selection
    first.close()
    held.append(records(1, first=5))

    assert [one] == held.take_fresh()
    second.close()
    held.append(records(1, first=6))
    assert [] == held.take_fresh()
    assert one is not cursor(held).selection


def test_a_call_gives_whole_packets_and_about_so_many_octets() -> None:
    made = cursor(ring(50))

    assert 3 == len(packets_4(made.take(3000)))
    assert 1 == len(packets_4(made.take(1)))
    assert 46 == made.lag


def test_version_3_gets_pieces_of_512_and_numbers_of_24_bits() -> None:
    held = ring(3)

    assert [0, 1, 4, 5, 8, 9] == numbers_3(cursor(held, version=3).take())


@given(st.integers(0, 40))
def test_a_client_of_version_3_goes_on_piece_by_piece(had: int) -> None:
    held = ring(10)
    every = numbers_3(cursor(held, version=3).take())
    asks = (every[had - 1] + 1) if 0 < had <= len(every) else 0 if not had else 40

    assert [one for one in every if one >= asks] == numbers_3(
        cursor(held, Start(asks), version=3).take()
    )


def test_numbers_of_version_3_wrap() -> None:
    held = RecordRing(100)
    first = (1 << 22) - 3  # ring sequences, four numbers each
    held.append(records(6, first=first))

    numbers = numbers_3(cursor(held, version=3).take())

    assert [0xFFFFF4, 0xFFFFF5, 0xFFFFF8, 0xFFFFF9, 0xFFFFFC, 0xFFFFFD] == numbers[:6]
    assert [0, 1, 4, 5, 8, 9] == numbers[6:]
    for at, number in enumerate(numbers):
        after = Start((number + 1) % (1 << 24))
        assert numbers[at + 1 :] == numbers_3(cursor(held, after, version=3).take())


def test_a_number_of_another_ring_is_betrayed_by_the_time_told_with_it() -> None:
    held = ring(10)
    had = held.get(4)
    assert had is not None
    same = Start(20, check_ns=had.start_ns)
    other = Start(20, check_ns=START_NS + 7 * SECOND)

    assert [20, 21] == numbers_3(cursor(held, same, version=3).take())[:2]
    # It had data until 7 s; all that ends later is sent, whatever its number.
    assert 28 == numbers_3(cursor(held, other, version=3).take())[0]


def test_what_was_held_back_is_sent_again_rather_than_missed() -> None:
    source, held = Feed(MAP, YEAR), RecordRing(100)
    made: list[Record] = []
    for at in range(4):
        packet = data(
            sequence=5 + at,
            at_ns=START_NS + at // 3 * SECOND,
            samples=wave(100, first=at // 3 * 100),
            channel=at % 3,
            before=wave(100)[-1] if at == 3 else 0,
        )
        made += source.add(40 + at, packet)
    held.append(made)

    numbers = numbers_3(cursor(held, version=3).take())

    assert [171] * 6 + [172, 173] == numbers
    assert numbers == numbers_3(cursor(held, Start(172), version=3).take())
    assert [173] == numbers_3(cursor(held, Start(173), version=3).take())


def test_a_record_that_cannot_be_packed_is_left_out_and_counted() -> None:
    def broken(record: Record) -> tuple[bytes, ...]:
        if record.ring == 1:
            raise PeerError("no samples")
        return halves(record)

    made = cursor(ring(3), version=3, small=broken)

    assert [0, 1, 8, 9] == numbers_3(made.take())
    assert 1 == made.odd["record-cannot-be-packed"]


def test_a_client_with_a_window_looks_at_so_many_records_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portbook.seismic.cursors._STEPS", 10)
    made = cursor(ring(35), Start(oldest=True, begin_ns=START_NS + 30 * SECOND))

    assert [b"", b"", b""] == [made.take() for _ in range(3)]
    assert made.waiting
    assert [30, 31, 32, 33, 34] == rings(made)


def test_the_stations_with_what_is_held_of_them() -> None:
    held = RecordRing(6)
    held.append(records(12, units=UNITS))

    told = {one.name: one for one in held.told()}

    assert ["XX_ALFA", "XX_BRAVO", "YY_CARLO"] == list(told)
    assert (6 << 8, (9 << 8) + 1) == (told["XX_ALFA"].begin_4, told["XX_ALFA"].end_4)
    assert (24, 40) == (told["XX_ALFA"].begin_3, told["XX_ALFA"].end_3)
    (stream,) = told["YY_CARLO"].streams
    assert ("10", "BHZ", "10_B_H_Z") == stream[:3]
    assert (START_NS + 8 * SECOND, START_NS + 12 * SECOND) == (stream.begin_ns, stream.end_ns)
    assert ["YY_CARLO"] == [one.name for one in held.told("Y*", "*_B_*")]
    assert [] == held.told("Y*", "*_H_*_Q")


def test_the_places_of_selections_do_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portbook.seismic.record_ring._TRIM", 16)
    held = RecordRing(10)
    made = cursor(held, Start())
    for at in range(0, 200, 10):
        held.append(records(10, first=at))
        assert list(range(at, at + 10)) == rings(made)

    selection = held.select(ALL)
    assert len(selection.places) <= 32
    assert 200 == selection.end
