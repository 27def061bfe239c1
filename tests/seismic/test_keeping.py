"""Days go by age and by size, oldest first; what is written, and what is not ours, stays."""

from __future__ import annotations

import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from support.reftek import START_NS, day_records, event, files, held, state_of_health

from portbook.protocols.reftek import packets
from portbook.seismic import archive_state, stations
from portbook.seismic.archive_state import State
from portbook.seismic.intake import Intake
from portbook.seismic.keeping import Part, Rules, Tree, doomed, excess
from portbook.seismic.names import DAY_NS
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.sds import Sds

DAY_S = 86400
FIRST = START_NS // DAY_NS
MAP = """
[unit.9D20]
network = "XX"
station = "TEST"
stream.1 = ["HHZ", "HHN", "HHE"]
"""
RAW, SDS = Tree.RAW, Tree.SDS


def _gone(parts: list[Part], rules: Rules, today: int) -> list[tuple[int, Tree]]:
    found = doomed(parts, rules, today)
    return [(one.part.day, one.part.tree) for one in found]


def test_days_that_are_too_old_go_the_oldest_first() -> None:
    parts = [Part(day, tree, 10) for day in (12, 10, 14, 11, 13) for tree in (SDS, RAW)]
    rules = Rules({RAW: 2, SDS: 3})

    assert [(10, RAW), (10, SDS), (11, RAW)] == _gone(parts, rules, 14)


def test_above_the_size_only_as_much_goes_as_has_to() -> None:
    parts = [Part(day, RAW, 100) for day in range(10, 20)]

    assert [(10, RAW), (11, RAW), (12, RAW)] == _gone(parts, Rules({}, 750), 19)
    assert [] == _gone(parts, Rules({}, 1000), 19)


def test_nothing_goes_without_a_rule() -> None:
    assert [] == _gone([Part(1, RAW, 1 << 50)], Rules({}), 20_000)


def test_today_and_what_is_ahead_of_it_stay_whatever_their_size() -> None:
    parts = [Part(day, RAW, 100) for day in (10, 11, 12, 13)]
    found = doomed(parts, Rules({RAW: 0}, 1), 12)

    assert [10, 11] == [one.part.day for one in found]
    assert 199 == excess(parts, Rules({}, 1), found)


def test_data_of_a_clock_far_behind_are_as_old_as_their_coming() -> None:
    parts = [Part(10, RAW, 100, 999), Part(20, RAW, 100, 1000), Part(998, RAW, 100, 998)]

    assert [(998, RAW), (10, RAW)] == _gone(parts, Rules({}, 100), 1000)
    assert [(998, RAW)] == _gone(parts, Rules({RAW: 1}), 1000)


@given(
    parts=st.lists(
        st.builds(
            Part,
            st.integers(0, 30),
            st.sampled_from(Tree),
            st.integers(0, 100),
            st.integers(0, 35),
        ),
        unique_by=lambda one: one[:2],
    ),
    limit=st.integers(1, 3000),
    keep=st.integers(0, 40),
    today=st.integers(0, 35),
)
def test_what_stays_fits_or_nothing_more_may_go(
    parts: list[Part], limit: int, keep: int, today: int
) -> None:
    rules = Rules(dict.fromkeys(Tree, keep), limit)
    found = doomed(parts, rules, today)
    gone = [one.part for one in found]
    left = [part for part in parts if part not in gone]

    assert sorted(part.age_day for part in gone) == [part.age_day for part in gone]
    assert all(part.day < today and part.written < today for part in gone)
    assert all(part.age_day >= today - keep for part in left)
    assert excess(parts, rules, found) == max(0, sum(part.octets for part in left) - limit)
    assert not excess(parts, rules, found) or all(part.age_day >= today for part in left)


def _fill(root: Path, days: range) -> tuple[RawArchive, Sds, Intake]:
    raw, sds = RawArchive(root / "raw"), Sds(root / "sds")
    intake = Intake(raw, 2026, sds=sds, stations=stations.read(MAP, "test"))
    _taken(intake, days)
    return raw, sds, intake


def _taken(intake: Intake, days: range) -> None:
    for day in days:
        for octets in event(number=day + 1, at_s=day * DAY_S):
            intake.take(octets)
        intake.take(state_of_health("9D20", day, "CLOCK IS LOCKED", day * DAY_S))
    intake.sync()


def _state(root: Path) -> State:
    state = archive_state.decode((root / "raw" / archive_state.NAME).read_bytes())
    assert state is not None
    return state


def test_a_day_that_is_deleted_is_gone_from_files_shelves_and_state(tmp_path: Path) -> None:
    raw, sds, intake = _fill(tmp_path, range(4))
    intake.checkpoint()
    before = _state(tmp_path).streams["9D20", 1]

    assert (2, 39 * 1024) == raw.forget(FIRST)
    assert (3, 72 * 1024) == sds.forget(FIRST)

    after = _state(tmp_path).streams["9D20", 1]

    assert START_NS + DAY_NS == after.earliest_ns
    assert before.latest_ns <= after.latest_ns
    assert not raw.has_number("9D20", 0, 1, 5, START_NS)

    first, second = (packets.read(event(number=n + 1, at_s=n * DAY_S)[3]) for n in range(2))
    assert first is not None
    assert second is not None

    assert not raw.holds(first, START_NS)
    assert raw.holds(second, START_NS + DAY_NS)

    intake.finish()
    there = held(tmp_path / "raw")

    assert (0, 1) == (there[first.octets], there[second.octets])
    assert 9 == len(day_records(tmp_path / "sds"))


def test_a_deleted_day_that_is_imported_again_is_there_again_once(tmp_path: Path) -> None:
    raw, sds, intake = _fill(tmp_path, range(2))
    raw.forget(FIRST)
    sds.forget(FIRST)
    intake.finish()
    every = event(number=1)
    again = Intake(RawArchive(tmp_path / "raw"), 2026)
    for octets in every + every:
        again.take(octets)
    again.finish()

    assert [1] * len(every) == [held(tmp_path / "raw")[octets] for octets in every]


def test_the_state_tells_what_is_left_after_each_deletion(tmp_path: Path) -> None:
    raw, _, intake = _fill(tmp_path, range(3))
    for day in range(3):
        raw.forget(FIRST + day)
        there = sum(map(len, files(tmp_path / "raw").values()))
        intake.checkpoint()

        assert there == sum(one.octets for one in _state(tmp_path).streams.values()), day
    intake.finish()


def test_a_file_that_was_left_open_goes_with_its_day_and_the_archive_works_on(
    tmp_path: Path,
) -> None:
    raw = RawArchive(tmp_path)
    intake = Intake(raw, 2026)
    every = event()
    for octets in every[:20]:
        intake.take(octets)
    intake.sync()

    assert (1, 20 * 1024) == raw.forget(FIRST)

    for octets in every[20:]:
        intake.take(octets)
    intake.finish()

    assert [b"".join(every[20:])] == list(files(tmp_path).values())
    assert [] == intake.holes()


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    raw, sds, intake = _fill(tmp_path, range(1))
    strange = [
        tmp_path / "raw/2026001/notes.txt",
        tmp_path / "raw/2026001/9D20/1/000000000_00000000.bak",
        tmp_path / "raw/20260011/x",
        tmp_path / "sds/2026/XX/TEST/HHZ.D/XX.TEST..HHZ.D.2026.001.old",
        tmp_path / "sds/2026/XX/TEST/HHZ.D/XX.OTHER..HHZ.D.2026.001",
        tmp_path / "sds/2026/XX/TEST/HHN.D/XX.TEST.10.HHN.D.2026.001",
    ]
    first = f"{next(iter(files(tmp_path / 'raw'))).split('/')[0]}"
    strange = [Path(str(path).replace("2026001", first)) for path in strange]
    year, day = first[:4], first[4:]
    strange = [Path(str(path).replace("2026.001", f"{year}.{day}")) for path in strange]
    strange = [Path(str(path).replace("sds/2026/", f"sds/{year}/")) for path in strange]
    for path in strange:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not ours" * 512)
    intake.finish()
    raw, sds = RawArchive(tmp_path / "raw"), Sds(tmp_path / "sds")
    raw.forget(FIRST)
    sds.forget(FIRST)
    raw.close()
    sds.close()
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    left = [path for path in left if path.name not in ("archive.sta", "lock")]

    assert sorted(strange) == sorted(left)


def test_what_the_archives_hold_is_told_by_day_and_grows(tmp_path: Path) -> None:
    raw, sds, intake = _fill(tmp_path, range(0))
    raw.growth()
    sds.growth()
    _taken(intake, range(2))
    intake.checkpoint()

    today = time.time_ns() // DAY_NS
    both = {FIRST: 39 * 1024, FIRST + 1: 39 * 1024}

    assert [(day, octets, today) for day, octets in both.items()] == list(raw.holdings())
    assert 2 * 72 * 1024 == sum(octets for _, octets, _ in sds.holdings())

    assert both == raw.growth()
    assert {FIRST: 72 * 1024, FIRST + 1: 72 * 1024} == sds.growth()

    assert {} == raw.growth()
    intake.finish()
