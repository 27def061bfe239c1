"""Files and folders into archives: exactly once, foreign files refused, damage told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support import CAPTURES, needs_captures
from support.reftek import day_records, event, files, held

from portbook.errors import UsageError
from portbook.seismic import stations
from portbook.seismic.importing import Result, run

MAP = stations.read(
    """
[unit.AE4C]
network = "XX"
station = "FUR"
location = "00"
stream.1 = ["HHZ", "HHN", "HHE"]

[unit.D1EE]
network = "XX"
station = "DON"
stream.1 = ["HHZ", "HHN", "HHE"]
""",
    "map.toml",
)


NAMES = """
[unit.9D20]
network = "XX"
station = "TEST"
stream.1 = ["HHZ", "HHN", "HHE"]
"""


def _stored(root: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in sorted(root.rglob("*")) if one.is_file()}


def _names(result: Result) -> dict[str, int]:
    return {one.name: one.count for one in result.oddities}


@needs_captures
def test_real_files_are_archived_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    source = CAPTURES / "reftek"
    raw, sds = tmp_path / "raw", tmp_path / "sds"
    first = run([source], raw, sds=sds, stations=MAP)
    before = _stored(tmp_path)
    again = run([source], raw, sds=sds, stations=MAP)
    one = first.summary

    assert (2, 5, 33, 33, 0) == (
        one.files,
        one.failed_files,
        one.packets,
        one.written,
        one.duplicates,
    )
    assert (30 + 3) == one.records  # 27 swapped, 3 plain ones of 250 samples in two records each
    assert (0, 33, 0, 33) == (
        again.summary.written,
        again.summary.duplicates,
        again.summary.records,
        again.summary.record_duplicates,
    )
    assert before == _stored(tmp_path)
    assert (source / "225051000_00008656").read_bytes() == files(raw)[
        "2015282/AE4C/1/225051000_00008656"
    ]


@needs_captures
def test_a_foreign_file_is_refused_with_one_line(tmp_path: Path) -> None:
    result = run([CAPTURES / "reftek" / "I2183RAW.TRD"], tmp_path / "raw")

    assert {} == files(tmp_path / "raw")
    assert ["holds no REF TEK 130 packet"] == [
        one.message.split(": ")[1] for one in result.problems
    ]


def test_one_event_in_many_files_becomes_one(tmp_path: Path) -> None:
    every = event(seconds=120)
    for number, at in enumerate(range(0, len(every), 40)):
        (tmp_path / f"part{number}").write_bytes(b"".join(every[at : at + 40]))
    parts = sorted(tmp_path.glob("part*"))
    result = run(reversed(parts), tmp_path / "raw")

    assert Counter(every) == held(tmp_path / "raw")
    assert (4, 146, 0) == (
        result.summary.files,
        result.summary.written,
        result.summary.duplicates,
    )


def test_an_import_that_goes_on_where_another_ended_names_no_hole(tmp_path: Path) -> None:
    every = event(seconds=120)
    (tmp_path / "one").write_bytes(b"".join(every[:20]))
    (tmp_path / "two").write_bytes(b"".join(every[20:]))
    run([tmp_path / "one"], tmp_path / "raw")
    result = run([tmp_path / "two"], tmp_path / "raw")

    assert () == result.holes
    assert Counter(every) == held(tmp_path / "raw")


def test_a_cut_file_gives_its_whole_packets_and_tells_the_rest(tmp_path: Path) -> None:
    every = event()
    (tmp_path / "cut").write_bytes(b"".join(every)[:-500])
    result = run([tmp_path / "cut"], tmp_path / "raw")

    assert Counter(every[:-1]) == held(tmp_path / "raw")
    assert {"cut-packet": 1} == _names(result)
    assert [37 * 1024] == [one.offset for one in result.problems]


@pytest.mark.parametrize("size", [1, 700, 1024, 5000])
def test_packets_behind_damage_are_found_again(tmp_path: Path, size: int) -> None:
    every = event()
    dirt = bytes((7 * at) % 251 for at in range(size))
    (tmp_path / "damaged").write_bytes(b"".join(every[:9]) + dirt + b"".join(every[9:]))
    result = run([tmp_path / "damaged"], tmp_path / "raw")

    assert Counter(every) == held(tmp_path / "raw")
    assert {"no-packet": 1} == _names(result)
    assert f"octet 9216: {size} octets" in result.oddities[0].where


def test_a_large_file_is_cut_into_packets_across_its_blocks(tmp_path: Path) -> None:
    every = event(seconds=4000)  # 4,802 packets
    (tmp_path / "large").write_bytes(b"".join(every[:3000]) + b"dirt" + b"".join(every[3000:]))
    result = run([tmp_path / "large"], tmp_path / "raw")

    assert Counter(every) == held(tmp_path / "raw")
    assert {"no-packet": 1} == _names(result)


def test_an_empty_file_and_one_that_is_not_there_are_problems(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    result = run([tmp_path / "empty", tmp_path / "nowhere"], tmp_path / "raw")

    assert ["the file is empty", "no such file or folder"] == [
        one.message.split(": ")[1].split(";")[0] for one in result.problems
    ]
    assert 2 == result.summary.failed_files


def test_hidden_files_and_an_archives_state_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "disk" / ".trash").mkdir(parents=True)
    for name in ("disk/a", "disk/archive.sta", "disk/.hidden", "disk/.trash/b"):
        (tmp_path / name).write_bytes(b"".join(event()))
    result = run([tmp_path / "disk"], tmp_path / "raw")

    assert (1, ()) == (result.summary.files, result.problems)


def test_an_archive_is_imported_into_another_and_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"".join(event() + event("9D21", stream=3)))
    run([tmp_path / "in"], tmp_path / "one")
    run([tmp_path / "one"], tmp_path / "two")

    assert files(tmp_path / "one") == files(tmp_path / "two")


@pytest.mark.parametrize("place", ["raw", "raw/2026005", "."])
def test_an_archive_is_not_imported_into_itself(tmp_path: Path, place: str) -> None:
    (tmp_path / "raw" / "2026005").mkdir(parents=True)
    with pytest.raises(UsageError, match="which is being written"):
        run([tmp_path / place], tmp_path / "raw")


def test_data_are_carried_over_later_as_well(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"".join(event("AE4C")))
    run([tmp_path / "in"], tmp_path / "raw")
    result = run([tmp_path / "in"], tmp_path / "raw", sds=tmp_path / "sds", stations=MAP)

    assert (0, 72) == (result.summary.written, result.summary.records)
    assert 3 == len(day_records(tmp_path / "sds"))


def test_samples_that_cannot_be_are_told_and_kept_in_the_raw_archive_only(tmp_path: Path) -> None:
    pytest.importorskip("pymseed")
    every = event()
    bad = bytearray(every[5])
    bad[23], bad[12:14], bad[20:22] = 0xC0, b"\x10\x24", b"\x08\x92"
    bad[64:] = bytes(960)  # frames without a difference
    every[5] = bytes(bad)
    (tmp_path / "a.rt").write_bytes(b"".join(every))
    result = run(
        [tmp_path / "a.rt"],
        tmp_path / "raw",
        sds=tmp_path / "sds",
        stations=stations.read(NAMES, "test"),
    )

    assert {"impossible-count": 1} == _names(result)
    assert "a.rt, packet 5" in result.oddities[0].where
    assert Counter(every) == held(tmp_path / "raw")
    assert 70 == result.summary.records
