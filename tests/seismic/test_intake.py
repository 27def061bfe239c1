"""Packets in any order, some twice, some never: the archive has each once, holes have names."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reftek import START_NS, day_records, event, files, held, state_of_health

from portbook.seismic import stations
from portbook.seismic.intake import Intake
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.reports import Missing
from portbook.seismic.sds import Sds

MAP = """
[unit.9D20]
network = "XX"
station = "TEST"
stream.1 = ["HHZ", "HHN", "HHE"]
"""


def _taken(root: Path, every: list[bytes]) -> Intake:
    intake = Intake(RawArchive(root), 2026)
    for number, octets in enumerate(every):
        intake.take(octets, f"packet {number}")
    intake.sync()
    intake.finish()
    return intake


def _near(chance: random.Random, every: list[bytes], window: int) -> list[bytes]:
    """Return them out of order, each at most that many places from its own."""
    places = sorted(range(len(every)), key=lambda at: at + chance.uniform(0, window))
    return [every[at] for at in places]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32), lost=st.integers(0, 12), twice=st.integers(0, 12))
def test_any_disorder_gives_each_packet_once_and_names_what_is_missing(
    tmp_path_factory: pytest.TempPathFactory, seed: int, lost: int, twice: int
) -> None:
    root = tmp_path_factory.mktemp("raw")
    chance = random.Random(seed)
    every = event(seconds=60)  # 74 packets
    gone = set(chance.sample(range(1, len(every) - 1), lost))
    came = [octets for number, octets in enumerate(every) if number not in gone]
    sent = _near(chance, came + chance.sample(came, twice), 30)
    intake = _taken(root, sent)
    named = {n for one in intake.holes() for n in range(one.first_sequence, one.last_sequence + 1)}

    assert Counter(came) == held(root)
    assert gone == named
    assert (lost, twice) == (intake.counts.missing, intake.counts.duplicates)


def test_a_day_of_many_short_files_is_read_back_whole(tmp_path: Path) -> None:
    every = event(seconds=1500)  # 1,802 packets
    came = [octets for number, octets in enumerate(every) if number % 4]
    first = _taken(tmp_path, came)
    again = _taken(tmp_path, random.Random(4).sample(came, 300))
    last = _taken(tmp_path, every)

    assert 451 == first.counts.holes
    assert (0, 300) == (again.counts.written, again.counts.duplicates)
    assert (451, 0) == (last.counts.written, last.counts.holes)
    assert Counter(every) == held(tmp_path)


def test_units_streams_and_events_mixed_are_taken_apart(tmp_path: Path) -> None:
    lanes = [
        event(unit, stream=stream, number=number, at_s=3600 * number)
        for unit in ("9D20", "9D21")
        for stream in (0, 1, 8)
        for number in (1, 2)
    ]
    chance = random.Random(1)
    every = [octets for round_ in zip(*lanes, strict=True) for octets in round_]
    intake = _taken(tmp_path, _near(chance, every, 60))

    assert [] == intake.holes()
    assert sorted(b"".join(one) for one in lanes) == sorted(files(tmp_path).values())


@pytest.mark.parametrize("end_s", [8334, 8340])
def test_sequences_that_wrap_make_no_hole(tmp_path: Path, end_s: int) -> None:
    every = event(seconds=end_s)
    sent = _near(random.Random(2), every, 50)
    del sent[sent.index(every[9999])]
    intake = _taken(tmp_path, sent)

    assert [(9999, 9999, 1)] == [
        (one.first_sequence, one.last_sequence, one.packets) for one in intake.holes()
    ]
    assert Counter(every) - Counter([every[9999]]) == held(tmp_path)


def test_event_numbers_that_wrap_are_other_events(tmp_path: Path) -> None:
    lanes = [event(number=number, at_s=60 * at) for at, number in enumerate((9998, 9999, 0, 1, 2))]
    _taken(tmp_path, [octets for lane in lanes for octets in lane])

    assert [b"".join(one) for one in lanes] == list(files(tmp_path).values())


def test_a_set_clock_is_no_hole(tmp_path: Path) -> None:
    every = event(seconds=30)
    back = event(seconds=30, at_s=-0.61)
    mixed = [*every[:14], *back[14:20], *every[20:]]
    intake = _taken(tmp_path, mixed)

    assert [] == intake.holes()
    assert [b"".join(mixed)] == list(files(tmp_path).values())


def test_a_hole_has_unit_stream_event_sequences_and_times(tmp_path: Path) -> None:
    every = event(number=17, stream=2)
    intake = _taken(tmp_path, every[:7] + every[10:])
    second = 1_000_000_000

    # sequence 7 is channel 1 of the third round; a round has 500 samples, 2.5 s
    assert [
        Missing("9D20", 3, 17, 7, 9, 3, START_NS + 5 * second, START_NS + int(7.5 * second))
    ] == intake.holes()


def test_a_hole_that_an_earlier_run_has_filled_is_none(tmp_path: Path) -> None:
    every = event()
    first = _taken(tmp_path, every[:10] + every[15:])
    second = _taken(tmp_path, every[8:12])
    third = _taken(tmp_path, every[:10] + every[15:])

    assert [(10, 14)] == [(one.first_sequence, one.last_sequence) for one in first.holes()]
    assert [] == second.holes()
    assert [(12, 14)] == [(one.first_sequence, one.last_sequence) for one in third.holes()]


def test_two_packets_of_one_number_are_both_kept_and_told(tmp_path: Path) -> None:
    every = event()
    other = every[5][:1000] + b"something else" + every[5][1014:]
    intake = _taken(tmp_path, [*every, other])

    assert Counter([*every, other]) == held(tmp_path)
    assert ["number-twice"] == [one.name for one in intake.oddities]


@pytest.mark.parametrize(
    ("at", "octets", "name"),
    [
        (20, b"\x99\x99", "impossible-count"),  # 9999 samples
        (6, b"\x00\x0f", "no-packet"),  # a digit beyond 9
        (6, b"\x36\x60", "impossible-date"),  # day 366 of 2026
        (23, b"\xcc", "unknown-format"),
        (0, b"XX", "no-packet"),
    ],
)
def test_packets_that_cannot_be_are_refused_and_the_others_kept(
    tmp_path: Path, at: int, octets: bytes, name: str
) -> None:
    every = event()
    bad = every[4][:at] + octets + every[4][at + len(octets) :]
    intake = _taken(tmp_path, [*every[:4], bad, *every[5:]])

    assert Counter(every) - Counter([every[4]]) == held(tmp_path)
    assert [(name, 1)] == [(one.name, one.count) for one in intake.oddities]
    assert "packet 4" in intake.oddities[0].where
    assert 1 == intake.counts.refused


def test_state_of_health_comes_through_each_line_once(tmp_path: Path) -> None:
    lines = [state_of_health("9D20", number, f"{number}\r\n", 300 * number) for number in range(9)]
    restarted = [state_of_health("9D20", number, "again\r\n", 9000 + number) for number in range(3)]
    intake = _taken(tmp_path, [*lines, *lines[3:5], *restarted])

    assert Counter(lines + restarted) == held(tmp_path)
    assert 2 == intake.counts.duplicates
    assert 2 == len(files(tmp_path))


def test_data_reach_the_day_files_too_and_what_has_no_name_is_told(tmp_path: Path) -> None:
    raw, tree = RawArchive(tmp_path / "raw"), Sds(tmp_path / "sds")
    intake = Intake(raw, 2026, sds=tree, stations=stations.read(MAP, "map.toml"))
    for octets in event(seconds=60) + event("9D21"):
        intake.take(octets, "here")
    intake.finish()
    days = day_records(tmp_path / "sds")

    assert [f"XX.TEST..{code}.D.2026.005" for code in ("HHE", "HHN", "HHZ")] == [
        path.rsplit("/", 1)[1] for path in days
    ]
    # 500 samples of a packet are 480 of one record and 20 of another
    assert {48} == {len(records) for records in days.values()}
    assert [("channel-not-mapped", 36)] == [(one.name, one.count) for one in intake.oddities]
