"""Recordings in hand: what is told of files, folders, damage and disorder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recorded import C0, FILES, NANO, Recorder, changed, health, real_file

from portbook.seismic.inspection import Where, paths_of, read
from portbook.seismic.outcomes import Outcome
from portbook.seismic.reports import Recording

YEAR = 2023
AE4C = next(iter(FILES))


def inspect(folder: Path, *files: list[bytes] | bytes) -> Recording:
    """Read files of such content."""
    paths = []
    for number, content in enumerate(files):
        paths.append(folder / f"{number:03}.rt130")
        paths[-1].write_bytes(content if isinstance(content, bytes) else b"".join(content))
    return read(paths, YEAR)


def names(recording: Recording) -> dict[str, int]:
    return {one.name: one.count for one in recording.oddities}


def test_an_event_is_told_with_all_that_its_header_says(tmp_path: Path) -> None:
    recording = inspect(tmp_path, Recorder().event_of(3))
    (event,) = recording.events

    assert ("9ABC", 1, 1, "TEST", 100.0) == (
        event.unit,
        event.stream,
        event.event,
        event.station,
        event.rate_hz,
    )
    assert (True, True, 11, 900, (1, 2, 3), ("C0",)) == (
        event.header,
        event.trailer,
        event.packets,
        event.samples,
        event.channels,
        event.formats,
    )
    assert [300] * 3 == [one.samples for one in recording.segments]
    assert not recording.harmed
    assert {"DT": 9, "EH": 1, "ET": 1} == recording.summary.types


def test_the_files_of_a_recorder_are_one_story(tmp_path: Path) -> None:
    recorder = Recorder()
    recording = inspect(tmp_path, *(recorder.event_of(3) for _ in range(5)))

    assert 5 == len(recording.events)
    assert [1500] * 3 == [one.samples for one in recording.segments]
    assert [] == list(recording.breaks)


def test_a_missing_file_is_a_hole_in_time(tmp_path: Path) -> None:
    recorder = Recorder()
    first, _, third = (recorder.event_of(3) for _ in range(3))
    recording = inspect(tmp_path, first, third)

    assert [("event", 3.0)] * 3 == [(one.join, one.off_s) for one in recording.breaks]


def test_holes_and_gaps_count_places_from_one(tmp_path: Path) -> None:
    made = Recorder().event_of(4)
    recording = inspect(tmp_path, made[:5] + made[6:])

    assert [(1, 5, 5)] == [
        (one.stream, one.first_sequence, one.last_sequence) for one in recording.holes
    ]
    assert [("gap", 1, 2, 8, 1.0, 7 * 1024)] == [
        (one.join, one.stream, one.channel, one.sequence, one.off_s, one.offset)
        for one in recording.breaks
    ]
    assert 1 == recording.summary.missing
    assert recording.harmed


def test_set_clocks_do_no_harm(tmp_path: Path) -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round()]
    recorder.now_ns += NANO
    recording = inspect(tmp_path, [*made, *recorder.round(), recorder.header("ET")])

    assert {"clock-step"} == {one.join for one in recording.breaks}
    assert not recording.harmed


def test_the_real_file_with_set_clocks_has_eight_segments() -> None:
    recording = read([real_file(AE4C)], 2026)

    assert 8 == len(recording.segments)
    assert 20400 == sum(one.samples for one in recording.segments) == recording.summary.samples
    assert not recording.harmed
    assert "N 4807.311E01235.830+00547" == recording.events[0].position


def test_a_cut_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    made = Recorder().event_of(3)
    recording = inspect(tmp_path, b"".join(made) + C0[:700])
    (problem,) = recording.problems

    assert 11 * 1024 == problem.offset
    assert "700 octets" in problem.message
    assert 0 == recording.summary.failed_sources
    assert 11 == recording.summary.packets


def test_a_damaged_file_loses_only_what_is_damaged(tmp_path: Path) -> None:
    made = Recorder().event_of(3)
    octets = b"".join([*made[:4], b"\0" * 300, made[4], changed(made[5], 7, b"\xff"), *made[6:]])
    recording = inspect(tmp_path, octets)

    assert {"damaged-packet": 2} == names(recording)
    assert [(5, 5)] == [(one.first_sequence, one.last_sequence) for one in recording.holes]
    assert recording.harmed


@pytest.mark.parametrize(
    ("at", "octets", "name"),
    [
        (75, "00", "last-sample-mismatch"),
        (64, "ff", "corrupt-frames"),
        (20, "0099", "impossible-count"),
        (20, "9999", "impossible-count"),
        (23, "cc", "unknown-format"),
        (6, "3662", "impossible-date"),
    ],
)
def test_a_corrupt_packet_is_refused_by_name(
    tmp_path: Path, at: int, octets: str, name: str
) -> None:
    made = Recorder().event_of(3)
    made[4] = changed(made[4], at, bytes.fromhex(octets))
    recording = inspect(tmp_path, made)

    assert {name: 1} == names(recording)
    assert ["gap"] == [one.join for one in recording.breaks]
    assert (1, 800) == (recording.summary.refused, recording.summary.samples)
    assert recording.harmed


def test_disorder_and_repetition_are_mended(tmp_path: Path) -> None:
    made = Recorder().event_of(40, samples=10)
    recording = inspect(tmp_path, [*made[::-1], *made[3:9]])

    assert 6 == recording.summary.repeated
    assert 1200 == recording.summary.samples
    assert [400] * 3 == [one.samples for one in recording.segments]
    assert not recording.harmed


def test_units_and_streams_of_one_file_are_kept_apart(tmp_path: Path) -> None:
    made = Recorder("9AAA").event_of(2) + [
        changed(one, 18, b"\x08") for one in Recorder().event_of(2)
    ]
    recording = inspect(tmp_path, made)

    assert [("9AAA", 1), ("9ABC", 9)] == [(one.unit, one.stream) for one in recording.events]
    assert 6 == len(recording.segments)


def test_what_the_recorder_says_of_itself_is_told(tmp_path: Path) -> None:
    recording = inspect(tmp_path, [health("9ABC", 0, "325:05:00:00 CLOCK IS LOCKED\r\n")])

    assert [("9ABC", "CLOCK IS LOCKED")] == [(one.unit, one.text) for one in recording.health]


def test_marks_that_were_read_by_the_paper_alone_are_told(tmp_path: Path) -> None:
    made = [changed(one, 23, b"\xc1") for one in Recorder().event_of(2)]

    assert {"unverified-format": 6} == names(inspect(tmp_path, made))


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "empty"),
        (b"hello", "it begins with 68 65 6C 6C"),
        (b"PK\x03\x04", "zip"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x01\x08" + bytes(200) + b"REFTEK 125A", "RT-125A"),
        (b"000001D TEST", "miniSEED"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_what_it_is(
    tmp_path: Path, octets: bytes, said: str
) -> None:
    recording = inspect(tmp_path, octets)
    (problem,) = recording.problems

    assert said in problem.message
    assert problem.offset is None
    assert 1 == recording.summary.failed_sources
    assert ((), ()) == (recording.oddities, recording.events)


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    recorder = Recorder()
    for name in ("2023318/9ABC/1/b", "2023318/9ABC/1/a"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
    for name in ("a", "b"):
        (tmp_path / "2023318/9ABC/1" / name).write_bytes(b"".join(recorder.event_of(2)))
    (tmp_path / "archive.sta").write_bytes(b"state")
    recording = read([tmp_path], YEAR)

    assert [400] * 3 == [one.samples for one in recording.segments]
    assert (2, 0) == (recording.summary.sources, recording.summary.failed_sources)


def test_a_folder_without_recordings_and_a_name_without_a_file_fail(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    recording = read([tmp_path, tmp_path / "absent"], YEAR)

    assert 2 == recording.summary.failed_sources == len(recording.problems)


def test_patterns_are_resolved_and_other_names_stand(tmp_path: Path) -> None:
    for name in ("b.rt130", "a.rt130", "[x].rt130"):
        (tmp_path / name).touch()

    found = list(paths_of([f"{tmp_path}/?.rt130", f"{tmp_path}/[x].rt130", "absent*"]))
    assert ["a.rt130", "b.rt130", "[x].rt130", "absent*"] == [one.name for one in found]


def test_each_packet_is_heard_once_with_its_samples(tmp_path: Path) -> None:
    heard: list[tuple[Outcome, Where]] = []
    path = tmp_path / "one"
    path.write_bytes(b"".join(Recorder().event_of(2)))
    read([path], YEAR, hearing=lambda outcome, where: heard.append((outcome, where)))

    assert [at * 1024 for at in range(8)] == [where.offset for _, where in heard]
    assert [None, *[100] * 6, None] == [
        None if where.values is None else len(where.values) for _, where in heard
    ]


@given(st.lists(st.tuples(st.integers(0, 14 * 1024 - 1), st.integers(0, 255)), max_size=40))
def test_nothing_in_a_file_raises(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    octets = bytearray(b"".join(Recorder().event_of(4, samples=20)))
    for at, new in changes:
        octets[at] = new
    recording = inspect(tmp_path_factory.mktemp("damaged"), bytes(octets))

    assert sum(one.samples for one in recording.segments) <= recording.summary.samples
    assert recording.summary.samples <= 9999 * 14
