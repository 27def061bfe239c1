"""The last packets of a unit, out of archives that are being written, and out of the spool."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import reftek
from support.spooling import spool_of

from portbook.daemons.configuration.settings import Settings, from_mapping
from portbook.faces.web import stations_tails
from portbook.faces.web.stations_tails import MOST_PACKETS
from portbook.seismic.intake import Intake
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.spool import Arrival, Mode

NANO = 1_000_000_000
UNIT = "9D20"
NOW_NS = reftek.START_NS + 3600 * NANO
EVENT = reftek.event(UNIT, seconds=120)


def settings(home: Path) -> Settings:
    return from_mapping({"folder": str(home / "rtpd"), "archive": {"raw": str(home / "raw")}})


def archived(home: Path, *packets: bytes, leave: bool = False) -> RawArchive:
    """Return an archive that has packets in its files, and is open for more."""
    archive = RawArchive(home / "raw", now_ns=lambda: NOW_NS)
    intake = Intake(archive, 2026, logged=False)
    for one in packets:
        intake.take(one)
    intake.checkpoint()
    if leave:
        intake.leave()
    else:
        intake.abandon()
    return archive


def spooled(home: Path, *packets: bytes) -> None:
    (home / "rtpd").mkdir(exist_ok=True)
    with spool_of(home / "rtpd" / "spool") as spool:
        spool.write([Arrival(one, NOW_NS, Mode.RAW, "10.0.0.5", 2543) for one in packets])


def octets(tail: stations_tails.Tail) -> list[bytes]:
    return [one.octets for one in tail.packets]


def test_a_file_that_is_being_written_is_read_from_its_end(tmp_path: Path) -> None:
    archived(tmp_path, *EVENT[:-1])
    tail = stations_tails.data(settings(tmp_path), UNIT, 10 * NANO, NOW_NS)

    assert "archive" == tail.source
    assert {0: 200.0} == tail.rates
    assert not tail.cut
    assert octets(tail) == EVENT[len(EVENT) - 1 - len(tail.packets) : -1]
    assert set(EVENT[-13:-1]) <= set(octets(tail))


def test_a_torn_end_is_left_out(tmp_path: Path) -> None:
    archived(tmp_path, *EVENT[:-1])
    (file,) = (one for one in (tmp_path / "raw").rglob("*_00000000"))
    with file.open("ab") as stream:
        stream.write(EVENT[-1][:700])
    tail = stations_tails.data(settings(tmp_path), UNIT, 3600 * NANO, NOW_NS)

    assert EVENT[:-1] == octets(tail)


def test_events_before_are_read_as_far_as_is_asked(tmp_path: Path) -> None:
    more = reftek.event(UNIT, seconds=60, number=2, at_s=120)
    archived(tmp_path, *EVENT, *more, leave=True)
    near = stations_tails.data(settings(tmp_path), UNIT, 30 * NANO, NOW_NS)
    far = stations_tails.data(settings(tmp_path), UNIT, 3600 * NANO, NOW_NS)

    assert set(octets(near)) <= set(more)
    assert [*EVENT, *more] == octets(far)


def test_streams_are_read_each_for_itself(tmp_path: Path) -> None:
    second = reftek.event(UNIT, stream=1, seconds=60)
    archived(tmp_path, *EVENT, *second)
    tail = stations_tails.data(settings(tmp_path), UNIT, 3600 * NANO, NOW_NS)

    assert {*EVENT, *second} == set(octets(tail))
    assert {0: 200.0, 1: 200.0} == tail.rates


def test_much_is_cut_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stations_tails, "MOST_PACKETS", 50)
    monkeypatch.setattr(stations_tails, "BLOCK", 10)
    archived(tmp_path, *EVENT)
    tail = stations_tails.data(settings(tmp_path), UNIT, 3600 * NANO, NOW_NS)

    assert tail.cut
    assert EVENT[-50:] == octets(tail)


def test_a_folder_of_a_day_that_cannot_be_yet_is_not_believed(tmp_path: Path) -> None:
    far = reftek.event(UNIT, seconds=10, number=9, at_s=400 * 86400)
    archived(tmp_path, *EVENT, *far)
    tail = stations_tails.data(settings(tmp_path), UNIT, 3600 * NANO, NOW_NS)

    assert EVENT == octets(tail)


def test_state_of_health_is_read_by_itself(tmp_path: Path) -> None:
    lines = [reftek.state_of_health(UNIT, at, f"325:08:00:0{at} LINE\r\n", at) for at in range(5)]
    archived(tmp_path, *EVENT, *lines)
    tail = stations_tails.health(settings(tmp_path), UNIT, reftek.START_NS, NOW_NS)

    assert lines == octets(tail)


def test_the_spool_stands_in_and_tells_each_packet_once(tmp_path: Path) -> None:
    others = reftek.event("AE4C", seconds=30)
    spooled(tmp_path, *EVENT, *others, *EVENT[:5])
    tail = stations_tails.data(settings(tmp_path), UNIT, 3600 * NANO, NOW_NS)

    assert ("spool", {0: 200.0}) == (tail.source, tail.rates)
    assert EVENT == octets(tail)


@pytest.mark.parametrize("unit", ["", "..", "9D2", "9D20/../..", "9d20", "9D20\0"])
def test_only_a_unit_id_is_looked_for(tmp_path: Path, unit: str) -> None:
    archived(tmp_path, *EVENT)

    assert stations_tails.data(settings(tmp_path), unit, NANO, NOW_NS).source is None
    assert stations_tails.health(settings(tmp_path), unit, 0, NOW_NS).source is None


def test_an_empty_disk_has_nothing(tmp_path: Path) -> None:
    tail = stations_tails.data(settings(tmp_path), UNIT, NANO, NOW_NS)

    assert ([], {}, None, False) == tail
    assert 1000 < MOST_PACKETS
