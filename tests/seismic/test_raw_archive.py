"""The raw archive has the maker's names and rules, but writes each packet once and loses none."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from support import CAPTURES, needs_captures
from support.reftek import START_NS, event, files, held, state_of_health

from portbook.protocols.reftek import packets
from portbook.seismic import archive_state
from portbook.seismic.archive_state import Stream
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.store import ArchiveError
from portbook.seismic.tags import time_ns

REAL = CAPTURES / "reftek" / "225051000_00008656"
DAY = "2015282/AE4C/1"


def _kept(root: Path, *every: bytes) -> list[bool]:
    """Open, add packets as they come, close; return which were written."""
    archive = RawArchive(root)
    written = []
    for octets in every:
        packet = packets.read(octets)
        assert packet is not None
        at_ns = time_ns(packet, 2026)
        assert at_ns is not None
        archive.log([octets])
        written.append(archive.add(packet, at_ns))
    archive.sync()
    archive.close()
    return written


def _sizes(root: Path) -> dict[str, int]:
    return {path: len(octets) // 1024 for path, octets in files(root).items()}


def _real() -> list[bytes]:
    octets = REAL.read_bytes()
    return [octets[at : at + 1024] for at in range(0, len(octets), 1024)]


@needs_captures
def test_a_real_file_is_made_again_octet_for_octet(tmp_path: Path) -> None:
    _kept(tmp_path, *_real())

    assert {f"{DAY}/225051000_00008656": REAL.read_bytes()} == files(tmp_path)


# What the maker's own library made of these packets (it breaks at a duplicate too; ours does not).
@needs_captures
@pytest.mark.parametrize(
    ("chosen", "made"),
    [
        (
            lambda every: every[:10] + every[11:],
            {"225051000_00002D41": 10, "225102585_00005915": 18},
        ),
        (lambda every: every[1:], {"225051000_00008656": 28}),
        (lambda every: every[:-1], {"225051000_00008656": 28}),
        (lambda every: every[-1:], {"225051000_000084D0": 1}),
        (lambda every: every[:10] + every[9:], {"225051000_00008656": 29}),
        (lambda every: every + every, {"225051000_00008656": 29}),
    ],
    ids=["one missing", "no EH", "no ET", "ET only", "one twice", "all twice"],
)
def test_names_are_those_of_the_makers_library(tmp_path: Path, chosen, made) -> None:  # type: ignore[no-untyped-def]
    _kept(tmp_path, *chosen(_real()))

    assert {f"{DAY}/{name}": count for name, count in made.items()} == _sizes(tmp_path)


@needs_captures
def test_the_state_of_a_real_archive_is_that_of_the_makers_library(tmp_path: Path) -> None:
    _kept(tmp_path, *_real())
    octets = (tmp_path / "archive.sta").read_bytes()

    assert bytes(4) == octets[:4]
    assert "ae4c01000741d5861132c0000041d586113b58f5c3000000000000740043480000" == (
        octets[160:].hex()
    )


def test_an_event_goes_into_one_file_named_by_its_time_and_length(tmp_path: Path) -> None:
    every = event(seconds=30)
    _kept(tmp_path, *every)

    # 12 rounds of 500 samples at 200 Hz
    assert {"2026005/9D20/1/080000000_00007530": b"".join(every)} == files(tmp_path)


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    every = [*event(), state_of_health("9D20", 0, "005:08:00:00 CLOCK IS LOCKED\r\n")]
    first = _kept(tmp_path, *every)
    before = files(tmp_path), (tmp_path / "archive.sta").read_bytes()
    again = _kept(tmp_path, *every)

    assert {True} == set(first)
    assert {False} == set(again)
    assert before == (files(tmp_path), (tmp_path / "archive.sta").read_bytes())


def test_a_packet_missing_before_fills_its_place_beside(tmp_path: Path) -> None:
    every = event()
    _kept(tmp_path, *every[:10], *every[11:])
    written = _kept(tmp_path, *every)

    assert [10] == [number for number, one in enumerate(written) if one]
    assert Counter(every) == held(tmp_path)
    assert 3 == len(files(tmp_path))


def test_a_late_packet_goes_where_its_gap_began_while_that_file_is_open(tmp_path: Path) -> None:
    every = event()
    _kept(tmp_path, *every[:10], *every[11:20], every[10], *every[20:])

    assert [11, 27] == list(_sizes(tmp_path).values())
    assert Counter(every) == held(tmp_path)


def test_state_of_health_has_a_folder_of_its_own_and_breaks_at_midnight(tmp_path: Path) -> None:
    lines = [
        state_of_health("9D20", number, f"line {number}\r\n", at_s)
        for number, at_s in enumerate((0, 0.5, 57_599, 57_600, 57_660))
    ]
    _kept(tmp_path, *lines)

    assert {
        "2026005/9D20/0/080000000_036EE418": b"".join(lines[:3]),
        "2026006/9D20/0/000000000_0000EA60": b"".join(lines[3:]),
    } == files(tmp_path)


def test_a_single_instant_keeps_the_length_0_and_never_yields_to_another(tmp_path: Path) -> None:
    first, second = (state_of_health("9D20", 7, text) for text in ("one", "other"))
    _kept(tmp_path, first)
    _kept(tmp_path, second)

    assert {
        "2026005/9D20/0/080000000_00000000": first,
        "2026005/9D20/0/080000001_00000000": second,
    } == files(tmp_path)


def test_a_taken_name_is_not_written_over(tmp_path: Path) -> None:
    one = event(seconds=30)
    other = [octets[:1000] + b"another" + octets[1007:] for octets in one]
    _kept(tmp_path, *one)
    _kept(tmp_path, *other)

    assert {
        "2026005/9D20/1/080000000_00007530": b"".join(one),
        "2026005/9D20/1/080000001_00007530": b"".join(other),
    } == files(tmp_path) or Counter(one + other) == held(tmp_path)


def test_a_clock_that_leaps_by_years_begins_a_file_on_the_right_day(tmp_path: Path) -> None:
    every = event()
    leap = [octets[:3] + b"\x15" + octets[4:] for octets in every]
    _kept(tmp_path, *leap[:5], *every[5:])

    assert ["2015005", "2026005"] == [path[:7] for path in files(tmp_path)]


def test_units_and_streams_do_not_touch_each_other(tmp_path: Path) -> None:
    lanes = [event("9D20"), event("9D20", stream=1), event("9D21"), event("9D21", stream=8)]
    _kept(tmp_path, *(octets for round_ in zip(*lanes, strict=True) for octets in round_))

    assert {
        f"2026005/{unit}/{place}/080000000_00007530": b"".join(lane)
        for lane, (unit, place) in zip(
            lanes, (("9D20", 1), ("9D20", 2), ("9D21", 1), ("9D21", 9)), strict=True
        )
    } == files(tmp_path)


def test_sequences_wrap_within_an_event(tmp_path: Path) -> None:
    every = event(seconds=8400)  # 10,082 packets
    _kept(tmp_path, *every)
    again = _kept(tmp_path, *every[9990:10050])

    assert b"".join(every) == b"".join(files(tmp_path).values())
    assert {False} == set(again)


def test_an_archive_without_its_state_is_listed_anew(tmp_path: Path) -> None:
    _kept(tmp_path, *event(), *event(stream=1), state_of_health("9D20", 0, "x"))
    told = archive_state.decode((tmp_path / "archive.sta").read_bytes())
    (tmp_path / "archive.sta").unlink()
    _kept(tmp_path)
    again = archive_state.decode((tmp_path / "archive.sta").read_bytes())

    assert told is not None
    assert again is not None
    assert told.streams == again.streams
    assert told.streams["9D20", 1] == Stream(
        "9D20", 1, START_NS, START_NS + 30_000_000_000, 7, 38 * 1024, 200.0
    )


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    first = RawArchive(tmp_path)
    with pytest.raises(ArchiveError, match="another program writes this archive"):
        RawArchive(tmp_path)
    first.close()
    RawArchive(tmp_path).close()


def test_a_disk_without_the_room_that_must_stay_is_not_written(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    archive = RawArchive(tmp_path / "raw", min_free=2 * free)
    archive.log(event()[:1])
    with pytest.raises(ArchiveError, match="must stay so"):
        archive.sync()
    archive.abandon()

    assert {} == files(tmp_path / "raw")


def test_each_half_record_of_another_writer_is_left_alone(tmp_path: Path) -> None:
    every = event()
    _kept(tmp_path, *every)
    path = tmp_path / next(iter(files(tmp_path)))
    path.write_bytes(path.read_bytes() + b"half a packet")
    written = _kept(tmp_path, *every)

    assert {False} == set(written)
    assert b"".join(every) + b"half a packet" == path.read_bytes()


def test_write_protected_files_are_only_looked_at(tmp_path: Path) -> None:
    every = event()
    _kept(tmp_path, *every)
    path = tmp_path / next(iter(files(tmp_path)))
    path.chmod(0o444)
    written = _kept(tmp_path, *every)

    assert {False} == set(written)


def test_a_file_that_somebody_cut_is_taken_up_as_it_is(tmp_path: Path) -> None:
    every = event()
    archive = RawArchive(tmp_path)
    for octets in every[:20]:
        packet = packets.read(octets)
        assert packet is not None
        archive.log([octets])
        archive.add(packet, time_ns(packet, 2026) or 0)
    archive.checkpoint()
    archive.abandon()
    path = tmp_path / next(iter(files(tmp_path)))
    path.write_bytes(path.read_bytes()[: 5 * 1024])
    _kept(tmp_path, *every)

    assert [b"".join(every)] == list(files(tmp_path).values())
