"""A stream that is larger than the size limit: the archive keeps below it, and stays readable."""

from __future__ import annotations

import functools
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.archiver import arrivals, settings, spool_of
from support.reftek import START_NS, event, files, held

from portbook.daemons.archival import sweeping
from portbook.daemons.archival.archiving import Archiving
from portbook.daemons.archival.sweeping import Sweeper
from portbook.daemons.configuration.settings import GB, from_mapping
from portbook.seismic import archive_state
from portbook.seismic.keeping import Deleted

UNITS = [f"9D{number:02X}" for number in range(40)]
EVENT_S, PACKETS = 30, 38
LIMIT = 6_000_000  # octets: four events of each unit


@pytest.fixture(autouse=True)
def _always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "LOOK_S", 0.0)


@functools.cache
def _stream(events: int) -> list[list[bytes]]:
    """Return packets as they come from all units at once, some hundred at a time."""
    found: list[list[bytes]] = []
    for number in range(events):
        each = [
            event(unit, number=number + 1, at_s=EVENT_S * number, seconds=EVENT_S) for unit in UNITS
        ]
        for some in range(0, PACKETS, 10):
            upto = min(some + 10, PACKETS)
            found.append([one[at] for at in range(some, upto) for one in each])
    return found


class Room:
    """An archiver's work with its sweeper, without the process."""

    def __init__(self, root: Path, **archive: Any) -> None:
        self.root = root
        self.spool = spool_of(root)
        told = from_mapping(settings(root, UNITS[:1], max_gb=LIMIT / GB, **archive))
        self.work = Archiving(told, lambda *_: None)
        self.sweeper = Sweeper(told.archive)
        self.deleted: list[Deleted] = []

    def take(self, packets: list[bytes]) -> None:
        self.spool.write(arrivals(packets))
        while self.work.turn(self.spool.next_number):
            pass
        self.work.sync()
        for _ in range(4):  # counting, looking, deleting
            if told := self.sweeper.turn(self.work.trees(), START_NS, safe=self.work.all_safe):
                self.deleted.append(told)

    def octets(self) -> int:
        return sum(map(len, files(self.root / "raw").values()))

    def end(self) -> None:
        self.work.leave(closing=True)
        self.spool.close()


def test_a_stream_keeps_below_the_limit_and_what_stays_is_whole(tmp_path: Path) -> None:
    room = Room(tmp_path, sds="")
    sizes = []
    for packets in _stream(8):
        room.take(packets)
        sizes.append(room.octets())

    assert LIMIT > max(sizes[-8:]) > LIMIT * 0.75
    assert 8 * PACKETS * len(UNITS) == room.work.counts.written
    assert room.sweeper.excess == 0
    assert {("raw", "max_gb")} == {(one.archive, one.because) for one in room.deleted}

    # what an RTPD sends once more after its connection was lost is not new
    before = room.octets()
    for packets in _stream(8):
        room.take(packets)

    assert before == room.octets()
    assert 8 * PACKETS * len(UNITS) == room.work.counts.written

    room.end()
    there = held(tmp_path / "raw")

    assert {1} == set(there.values())
    assert {PACKETS * 1024} == {len(octets) for octets in files(tmp_path / "raw").values()}

    sta = archive_state.decode((tmp_path / "raw" / archive_state.NAME).read_bytes())
    assert sta is not None

    assert before == sum(one.octets for one in sta.streams.values())


def test_obspy_reads_every_file_that_stays(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        obspy = pytest.importorskip("obspy", reason="ObsPy, the independent witness, is absent")
    room = Room(tmp_path, sds="")
    for packets in _stream(8):
        room.take(packets)
    room.end()
    found: Counter[str] = Counter()
    for path in files(tmp_path / "raw"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traces = obspy.read(str(tmp_path / "raw" / path), format="REFTEK130")

        assert {EVENT_S * 200} == {len(one.data) for one in traces}, path
        assert 3 == len(traces), path
        found[path.split("/")[1]] += 1

    assert set(UNITS) == set(found)
    assert max(found.values()) < 8


def test_day_files_of_today_are_not_cut_and_that_is_told(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.sweeper.change(from_mapping(settings(tmp_path, [], max_gb=100_000 / GB)).archive)
    for packets in _stream(8)[:12]:
        room.take(packets)
    sds = sum(path.stat().st_size for path in (tmp_path / "sds").rglob("*.D.*"))

    assert room.octets() == 0
    assert room.sweeper.excess == sds - 100_000 > 0

    room.end()


def test_an_event_that_is_being_written_is_not_cut(tmp_path: Path) -> None:
    room = Room(tmp_path, sds="")
    room.sweeper.change(from_mapping(settings(tmp_path, [], max_gb=100_000 / GB)).archive)
    long = event(UNITS[0], seconds=300)
    room.take(event(UNITS[1]) + long[:-1])

    assert [(len(long) - 1) * 1024] == [len(one) for one in files(tmp_path / "raw").values()]
    assert room.sweeper.excess == room.octets() - 100_000

    room.take(long[-1:])

    assert {} == files(tmp_path / "raw")
    assert room.sweeper.excess == 0

    room.end()


def test_files_of_which_something_is_not_safe_wait(tmp_path: Path) -> None:
    room = Room(tmp_path, sds="")
    room.sweeper.change(from_mapping(settings(tmp_path, [], max_gb=50_000 / GB)).archive)
    room.spool.write(arrivals(event(UNITS[0]) + event(UNITS[1])))
    while room.work.turn(room.spool.next_number):
        pass
    for _ in range(4):
        room.sweeper.turn(room.work.trees(), START_NS, safe=room.work.all_safe)

    assert room.sweeper.excess == 0  # not known yet

    room.work.sync()
    for _ in range(4):
        room.sweeper.turn(room.work.trees(), START_NS, safe=room.work.all_safe)

    assert PACKETS * 1024 >= room.octets()

    room.end()
