"""Under a size limit the oldest closed event files go, one by one, and the archive stays right."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from support.doom import Doom, Gone
from support.reftek import START_NS, event, files, held, state_of_health

from portbook.protocols.reftek import packets
from portbook.seismic import archive_state, oldest
from portbook.seismic.intake import Intake
from portbook.seismic.oldest import Oldest
from portbook.seismic.raw_archive import RawArchive

EVENT = 38 * 1024  # octets of one of 30 s
DAY_S = 86400


def _filled(
    root: Path, events: int, units: tuple[str, ...] = ("9D20",)
) -> tuple[Intake, RawArchive]:
    raw = RawArchive(root)
    intake = Intake(raw, 2026)
    for number in range(events):
        _took(intake, number, units)
    intake.checkpoint()
    _dated(root)
    return intake, raw


def _took(intake: Intake, number: int, units: tuple[str, ...] = ("9D20",)) -> None:
    for unit in units:
        for octets in event(unit, number=number + 1, at_s=60 * number):
            intake.take(octets)


def _dated(root: Path) -> None:
    """Give each file the time at which a recorder that sends at once would have sent it."""
    for path in files(root):
        day, _, _, name = path.split("/")
        second = int(name[:2]) * 3600 + int(name[2:4]) * 60 + int(name[4:6])
        os.utime(root / path, (int(day) * DAY_S + second,) * 2)


def _state(root: Path) -> dict[tuple[str, int], archive_state.Stream]:
    state = archive_state.decode((root / archive_state.NAME).read_bytes())
    assert state is not None
    return state.streams


def test_only_as_many_go_as_have_to_the_oldest_first(tmp_path: Path) -> None:
    intake, raw = _filled(tmp_path, 5)
    before = sorted(files(tmp_path))

    gone = raw.purge(EVENT + 1)

    assert (2, 2 * EVENT, START_NS // 10**9 // DAY_S) == gone[:3]
    assert before[2:] == sorted(files(tmp_path))

    intake.finish()


def test_what_was_written_first_goes_first_whatever_its_clock_says(tmp_path: Path) -> None:
    intake, raw = _filled(tmp_path, 3)
    early, middle, late = sorted(files(tmp_path))
    for at, path in enumerate((late, early, middle)):
        os.utime(tmp_path / path, (at, at))
    raw.purge(1)

    assert [early, middle] == sorted(files(tmp_path))

    raw.purge(1)

    assert [middle] == sorted(files(tmp_path))

    intake.finish()


def test_an_open_file_stays_and_that_it_alone_is_left_is_told(tmp_path: Path) -> None:
    intake, raw = _filled(tmp_path, 2)
    for octets in event(number=3, at_s=180)[:9]:
        intake.take(octets)
    intake.checkpoint()

    gone = raw.purge(1 << 30)

    assert (2, True) == (gone.files, gone.over)
    assert [9 * 1024] == [len(octets) for octets in files(tmp_path).values()]

    for octets in event(number=3, at_s=180)[9:]:
        intake.take(octets)
    intake.finish()

    assert dict.fromkeys(event(number=3, at_s=180), 1) == held(tmp_path)


def test_what_a_sudden_end_would_give_again_stays_until_it_is_safe(tmp_path: Path) -> None:
    raw = RawArchive(tmp_path)
    intake = Intake(raw, 2026)
    _took(intake, 0)
    raw.flush()

    assert (0, True) == (raw.purge(1).files, raw.purge(1).over)

    intake.checkpoint()

    assert 1 == raw.purge(1).files

    intake.finish()


def test_what_comes_a_second_time_after_it_was_deleted_is_not_written(tmp_path: Path) -> None:
    intake, raw = _filled(tmp_path, 3)
    raw.purge(EVENT)
    _took(intake, 0)

    assert 38 == intake.counts.duplicates
    assert 3 * 38 == intake.counts.written

    # the same numbers with other samples are other data, and are kept
    other = event(number=1)[5]
    other = other[:-1] + bytes((other[-1] ^ 1,))
    packet = packets.read(other)
    assert packet is not None

    assert raw.has_number("9D20", 0, 1, 5, START_NS)
    assert not raw.holds(packet, START_NS + 4 * 10**9)

    intake.finish()

    assert {1} == set(held(tmp_path).values())
    assert 2 * 38 == sum(held(tmp_path).values())


def test_what_is_remembered_of_deleted_files_has_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portbook.seismic.shelves.MOST_GONE", 50 * 16)
    intake, raw = _filled(tmp_path, 30)
    raw.purge(25 * EVENT)
    known = [
        raw.has_number("9D20", 0, number + 1, 5, START_NS + number * 60 * 10**9)
        for number in range(30)
    ]

    assert [False] * 4 + [True] * 26 == known

    intake.finish()


def test_a_deleted_event_that_is_imported_again_is_there_again_once(tmp_path: Path) -> None:
    intake, raw = _filled(tmp_path, 2)
    raw.purge(EVENT)
    intake.finish()
    again = Intake(RawArchive(tmp_path), 2026)
    _took(again, 0)
    _took(again, 0)
    again.finish()

    assert [1] * 38 == [held(tmp_path)[octets] for octets in event()]


def test_the_state_says_what_is_left(tmp_path: Path) -> None:
    intake, raw = _filled(tmp_path, 4, ("9D20", "AE4C"))
    raw.purge(3 * EVENT)
    intake.checkpoint()
    there = {key: one.octets for key, one in _state(tmp_path).items()}

    assert 5 * EVENT == sum(there.values())
    for (unit, place), one in _state(tmp_path).items():
        first = min(path for path in files(tmp_path) if f"/{unit}/{place}/" in path)

        assert f"{one.earliest_ns // 10**9 % DAY_S // 60 % 60:02}" == first.split("/")[3][2:4]

    raw.purge(5 * EVENT)
    intake.finish()

    assert {} == _state(tmp_path)
    assert [archive_state.NAME] == [path.name for path in tmp_path.iterdir() if path.name[0] != "."]


def test_a_sudden_end_at_any_call_while_it_deletes_leaves_the_state_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(12):
        root = tmp_path / str(at)
        intake, raw = _filled(root, 4)
        for octets in event(number=9, at_s=900)[:5]:
            intake.take(octets)
        raw.flush()
        with monkeypatch.context() as patch:
            Doom(patch, at)
            with suppress(Gone):
                raw.purge(2 * EVENT)
        raw.abandon()
        again = Intake(RawArchive(root), 2026)
        again.recover()
        again.finish()
        there = sum(map(len, files(root).values()))

        assert there == sum(one.octets for one in _state(root).values()), at
        assert {1} == set(held(root).values()), at


def test_many_files_are_looked_at_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oldest, "STEP", 3)
    intake, _ = _filled(tmp_path, 7)
    intake.finish()
    every = Oldest(tmp_path)

    assert [False, False, True] == [every.look() for _ in range(3)]

    taken = [one.span.path for _ in range(7) if (one := every.take())]

    assert sorted(files(tmp_path)) == taken
    assert every.take() is None


def test_state_of_health_of_days_before_goes_too(tmp_path: Path) -> None:
    raw = RawArchive(tmp_path)
    intake = Intake(raw, 2026)
    for day in range(5):
        intake.take(state_of_health("9D20", day, "CLOCK IS LOCKED", day * DAY_S))
    intake.checkpoint()
    gone = raw.purge(1 << 20)

    assert (2, True) == (gone.files, gone.over)  # those of the last three days are open

    intake.finish()
