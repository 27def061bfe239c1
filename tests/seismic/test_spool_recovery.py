"""What comes back from a spool at a start: the ring, what was not delivered, whole records."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.spooling import RECORD, arrival, everything, lose_power, put, spool_of

from portbook.seismic.spool import Follower


def test_the_ring_comes_back_in_the_order_of_delivery(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        put(spool, 40)
        order = [*range(0, 20, 2), *range(19, 0, -2), 25, 24]
        assert 0 == spool.delivered(order[:5])
        assert 5 == spool.delivered(order[5:])
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        first, entries = spool.refill(1000)

        assert (0, order) == (first, [one.number for one in entries])
        assert [arrival(number) for number in order] == [one.arrival for one in entries]

        first, entries = spool.refill(3)

        assert (19, [1, 25, 24]) == (first, [one.number for one in entries])
        assert [20, 21, 22, 23, *range(26, 40)] == [one.number for one in spool.undelivered()]


def test_a_repetition_of_what_went_out_is_not_given_again(tmp_path: Path) -> None:
    with spool_of(tmp_path) as spool:
        one, other = arrival(0), arrival(1)
        spool.write([one, one, other, one, other])
        spool.delivered([1])

        assert [2, 4] == [entry.number for entry in spool.undelivered()]


def test_what_is_settled_is_not_looked_at_again(tmp_path: Path) -> None:
    with spool_of(tmp_path) as spool:
        put(spool, 100)
        spool.delivered(range(50))
        spool.settled(70)
        spool.settled(60)  # it never goes back
    with spool_of(tmp_path) as spool:
        assert list(range(70, 100)) == [one.number for one in spool.undelivered()]


def test_without_a_word_only_the_last_minute_can_be_undelivered(tmp_path: Path) -> None:
    with spool_of(tmp_path) as spool:
        spool.write([arrival(at)._replace(received_ns=at * 10**9) for at in range(200)])

        assert list(range(139, 200)) == [one.number for one in spool.undelivered()]


def test_an_order_log_that_grows_without_an_end_is_turned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portbook.seismic.spool_order._MOST", 10)
    with spool_of(tmp_path) as spool:
        put(spool, 100)
        for number in range(100):
            assert number == spool.delivered([number])

        assert 10 == len(list(tmp_path.glob("*.order")))
        assert (0, 100) == (spool.refill(200)[0], len(spool.refill(200)[1]))
        assert [] == list(spool.undelivered())


@pytest.mark.parametrize("cut", [1, 63, 64, 1087, 1088, 1089, 3000])
def test_a_torn_end_is_cut_to_whole_records_and_no_number_comes_again(
    tmp_path: Path, cut: int
) -> None:
    with spool_of(tmp_path) as spool:
        put(spool, 10)
    path = next(tmp_path.glob("*.spool"))
    os.truncate(path, 10 * RECORD - cut)
    with spool_of(tmp_path) as spool:
        whole = (10 * RECORD - cut) // RECORD

        assert -cut % RECORD == spool.cut_octets
        assert list(range(whole)) == [one.number for one in everything(tmp_path)]
        if cut % RECORD:
            assert spool.next_number > 10

        put(spool, 3)


@pytest.mark.parametrize("damage", [b"\0", b"\xff", b"PBS1"])
def test_what_a_power_loss_leaves_is_no_packet_and_no_number_comes_again(
    tmp_path: Path, damage: bytes
) -> None:
    with spool_of(tmp_path) as spool:
        put(spool, 20)
        assert 0 == spool.delivered(range(20))
        assert 20 == spool.sync()
        put(spool, 10)
        assert 20 == spool.delivered(range(20, 30))
    path = next(tmp_path.glob("*.spool"))
    order = next(tmp_path.glob("*.order"))
    path.write_bytes((path.read_bytes()[: 20 * RECORD] + damage * 10 * RECORD)[: 30 * RECORD])
    order.write_bytes((order.read_bytes()[: 20 * 8] + damage * 80)[: 30 * 8])
    lose_power(tmp_path)
    with spool_of(tmp_path) as spool:
        first, entries = spool.refill(100)

        assert list(range(20)) == [one.number for one in entries]
        assert first >= 30  # none that was given to another packet
        assert first + 20 == spool.next_sequence
        assert spool.next_number >= 30
        assert [] == list(spool.undelivered())

        number = put(spool, 1)[0]
        assert first + 20 == spool.delivered([number])
        assert [*range(20), number] == [one.number for one in everything(tmp_path)]


def test_deliveries_that_a_power_loss_took_are_to_be_made_again(tmp_path: Path) -> None:
    with spool_of(tmp_path) as spool:
        spool.delivered(put(spool, 10))
        spool.sync()
        spool.delivered(put(spool, 10))
        spool.settled(20)
    os.truncate(next(tmp_path.glob("*.order")), 10 * 8)
    lose_power(tmp_path)
    with spool_of(tmp_path) as spool:
        assert list(range(10)) == [one.number for one in spool.refill(100)[1]]
        assert list(range(10, 20)) == [one.number for one in spool.undelivered()]


@pytest.mark.parametrize("torn", [b"\0", bytes(7), bytes(8), b"\xff" * 8, bytes(21)])
def test_a_torn_end_of_the_order_log_is_cut(tmp_path: Path, torn: bytes) -> None:
    with spool_of(tmp_path) as spool:
        spool.delivered(put(spool, 10))
    with next(tmp_path.glob("*.order")).open("ab") as stream:
        stream.write(torn)
    with spool_of(tmp_path) as spool:
        assert 10 == spool.next_sequence
        assert (0, 10) == (spool.refill(100)[0], len(spool.refill(100)[1]))
        assert 10 == spool.delivered(put(spool, 1))


@pytest.mark.parametrize("note", [b"", b"\xff\xfe garbage", b"another boot\n", bytes(4096)])
def test_whatever_is_left_of_the_note_of_another_boot_tells_of_a_power_loss(
    tmp_path: Path, note: bytes
) -> None:
    with spool_of(tmp_path) as spool:
        put(spool, 5)
    (tmp_path / "opened").write_bytes(note)
    with spool_of(tmp_path) as spool:
        assert spool.next_number > 1000
        spool.close()
    with spool_of(tmp_path) as spool:
        assert list(range(5)) == [one.number for one in everything(tmp_path)]


def test_a_file_that_lost_its_end_without_a_trace_gives_no_number_again(tmp_path: Path) -> None:
    with spool_of(tmp_path) as spool:
        put(spool, 20)
        spool.sync()
        put(spool, 10)
    os.truncate(next(tmp_path.glob("*.spool")), 20 * RECORD)
    lose_power(tmp_path)
    with spool_of(tmp_path) as spool:
        assert spool.next_number >= 30


def test_damage_in_the_middle_costs_no_more_than_itself(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        for _ in range(3):
            spool.delivered(put(spool, 10))
    first, second, third = sorted(tmp_path.glob("*.spool"))
    for path, at in ((first, 9), (second, 0), (second, 5), (third, 4)):
        with path.open("r+b") as stream:
            stream.seek(at * RECORD + 500)
            stream.write(b"damage")
    expected = [number for number in range(30) if number not in (9, 10, 15, 24)]
    follower = Follower(tmp_path, 0)
    found = [one.number for _ in range(40) for one in follower.take(1)]
    follower.close()

    assert expected == found
    assert 4 == follower.damaged

    with spool_of(tmp_path) as spool:
        assert expected == [one.number for one in spool.refill(100)[1]]
