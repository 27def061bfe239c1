"""The spool takes packets whole or not at all, and lets go of them when nobody needs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.spooling import RECORD, arrival, everything, many, put, spool_of

from portbook.seismic.spool import Arrival, Entry, Mode, Spool, SpoolFull
from portbook.seismic.store import ArchiveError


def test_what_is_written_comes_back_by_number_and_in_order(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        for _ in range(12):
            put(spool, 7)
        found = everything(tmp_path)

        assert [Entry(number, arrival(number)) for number in range(84)] == found
        assert [50, 51] == [one.number for one in everything(tmp_path, 50)[:2]]
        assert 12 == len(list(tmp_path.glob("*.spool")))


@given(
    octets=st.binary(min_size=1024, max_size=1024),
    received_ns=st.integers(-(1 << 63), (1 << 63) - 1),
    mode=st.sampled_from(Mode),
    address=st.ip_addresses().map(str) | st.sampled_from(["", "fe80::1%eth0", "::ffff:10.0.0.1"]),
    port=st.integers(0, 65535),
    token=st.integers(0, (1 << 32) - 1),
    link_sequence=st.integers(0, (1 << 32) - 1),
)
def test_an_arrival_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    octets: bytes,
    received_ns: int,
    mode: Mode,
    address: str,
    port: int,
    token: int,
    link_sequence: int,
) -> None:
    one = Arrival(octets, received_ns, mode, address, port, token, link_sequence)
    folder = tmp_path_factory.mktemp("spool")
    with spool_of(folder) as spool:
        spool.write([one])

    assert [Entry(0, one)] == everything(folder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"octets": bytes(1023)},
        {"octets": bytes(1025)},
        {"port": 65536},
        {"token": -1},
        {"received_ns": 1 << 63},
    ],
)
def test_what_is_no_packet_is_refused_whole(tmp_path: Path, wrong: dict[str, object]) -> None:
    with spool_of(tmp_path) as spool:
        with pytest.raises(ValueError):
            spool.write([arrival(0), arrival(1)._replace(**wrong)])

        assert 0 == spool.next_number
        assert range(3) == put(spool, 3)
    assert 3 == len(everything(tmp_path))


def test_a_spool_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    for cycle in range(5):
        with spool_of(tmp_path) as spool:
            assert range(cycle * 10, cycle * 10 + 10) == put(spool, 10)
            assert cycle * 4 == spool.delivered(range(cycle * 10, cycle * 10 + 4))
            spool.close()
    with spool_of(tmp_path) as spool:
        assert (50, 20) == (spool.next_number, spool.next_sequence)
        assert 1 == len(list(tmp_path.glob("*.spool")))


def test_an_empty_batch_changes_nothing(tmp_path: Path) -> None:
    with spool_of(tmp_path) as spool:
        put(spool, 2)

        assert 2 == spool.write([])
        assert 0 == spool.delivered([])
        assert (2, 0) == (spool.next_number, spool.next_sequence)


def test_only_one_program_writes(tmp_path: Path) -> None:
    with spool_of(tmp_path), pytest.raises(ArchiveError, match="another program"):
        Spool(tmp_path)
    with spool_of(tmp_path) as spool:
        put(spool, 1)


def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.close()
    spool.close()
    with pytest.raises(ArchiveError, match="closed"):
        spool.write([arrival(0)])


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ArchiveError, match="file"):
        Spool(tmp_path / "file")


def test_segments_go_when_all_in_them_is_archived_and_nobody_needs_them(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        for _ in range(10):
            spool.delivered(put(spool, 10))
        spool.release(55, 0)

        assert list(range(50, 100)) == [one.number for one in everything(tmp_path)]
        assert spool.octets == sum(
            path.stat().st_size
            for kind in ("spool", "order")
            for path in tmp_path.glob(f"*.{kind}")
        )

        spool.release(100, 25)

        assert list(range(70, 100)) == [one.number for one in everything(tmp_path)]

        spool.release(100, 0)

        assert list(range(90, 100)) == [one.number for one in everything(tmp_path)]
        assert (90, 10) == (spool.refill(50)[0], len(spool.refill(50)[1]))
        assert 1 == len(list(tmp_path.glob("*.order")))


def test_packets_that_went_out_late_stay_for_the_ring(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        for _ in range(10):
            put(spool, 10)
        spool.delivered([*range(30), *range(31, 100), 30])
        spool.release(100, 5)

        assert 30 == everything(tmp_path)[0].number


def test_a_packet_that_the_order_holds_stays(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        for _ in range(10):
            put(spool, 10)
        spool.delivered(range(42))
        spool.settled(42)
        spool.release(100, 0)

        assert 40 == everything(tmp_path)[0].number


def test_numbers_go_on_after_everything_was_released(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        for _ in range(3):
            put(spool, 10)
        spool.release(30, 0)
        spool.close()
    for path in tmp_path.glob("*.spool"):
        path.unlink()  # somebody cleaned up by hand
    with spool_of(tmp_path) as spool:
        assert spool.next_number >= 20


def test_a_spool_that_is_nearly_full_keeps_no_more_than_it_must(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=10 * RECORD, most_octets=100 * RECORD) as spool:
        for _ in range(9):
            put(spool, 10)
        spool.release(60, 1000)

        assert 60 == everything(tmp_path)[0].number


# full disks


def test_a_spool_takes_no_more_than_it_may(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=5 * RECORD, most_octets=20 * RECORD) as spool:
        put(spool, 9)
        put(spool, 9)
        with pytest.raises(SpoolFull, match=r"\[spool\] max_gb"):
            spool.write(many(18, 3))

        assert 18 == spool.next_number
        assert range(18, 20) == put(spool, 2)

        spool.release(10, 0)

        assert range(20, 23) == put(spool, 3)


def test_a_disk_that_must_keep_more_room_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    free = real.f_bavail * real.f_frsize
    with spool_of(tmp_path, min_free=free + (1 << 30)) as spool:
        for _ in range(2):
            with pytest.raises(SpoolFull, match="must stay so"):
                spool.write([arrival(0)])
        monkeypatch.setattr(spool, "min_free", 1)

        assert range(1) == put(spool, 1)
