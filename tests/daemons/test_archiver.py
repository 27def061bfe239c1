"""The archiver's process: exactly once whatever ends it, holes named, nothing held up."""

from __future__ import annotations

import fcntl
import os
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.archiver import Running, arrivals, settings, spool_of
from support.recorded import Recorder
from support.reftek import START_NS, day_records, event, files, held, state_of_health
from support.writer import sent

from portbook.protocols.reftek import packets
from portbook.seismic import standing
from portbook.seismic.spool import Spool

UNIT = "9D20"


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    yield
    for running in list(Running.every):
        running.kill()


def _spooled(root: Path, every: list[bytes], **times: int) -> Spool:
    spool = spool_of(root)
    for at in range(0, len(every), 100):
        spool.write(arrivals(every[at : at + 100], **times))
    return spool


def _numbers(hole: dict[str, Any]) -> list[tuple[str, int, int, int]]:
    span = range(hole["packets"])
    first = hole["first_sequence"]
    return [(hole["unit"], hole["stream"], hole["event"], (first + at) % 10_000) for at in span]


def _number(octets: bytes) -> tuple[str, int, int, int]:
    packet = packets.read(octets)
    assert packet is not None
    return packet.unit, (packet.stream or 0) + 1, packet.event or 0, packet.sequence


def test_what_is_spooled_is_archived_told_and_remembered(tmp_path: Path) -> None:
    every = event()
    spool = _spooled(tmp_path, every)
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(len(every))
    running.process.send_signal(signal.SIGTERM)

    assert 0 == running.gone()
    assert [b"".join(every)] == list(files(tmp_path / "raw").values())
    assert 72 == sum(map(len, day_records(tmp_path / "sds").values()))
    assert len(every) == standing.read(tmp_path / "rtpd").number

    counts = [line["counts"] for line in running.told if "counts" in line][-1]

    assert (len(every), len(every), 0) == (counts["packets"], counts["written"], counts["holes"])
    spool.close()


def test_what_was_spooled_just_before_the_end_is_archived_too(tmp_path: Path) -> None:
    every = event(seconds=100)
    spool = _spooled(tmp_path, every[:10])
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(10)
    spool.write(arrivals(every[10:]))
    running.send({"spooled": len(every)})
    running.process.send_signal(signal.SIGTERM)

    assert 0 == running.gone()
    assert len(every) == standing.read(tmp_path / "rtpd").number
    assert Counter(every) == held(tmp_path / "raw")
    spool.close()


def test_it_goes_on_as_packets_come(tmp_path: Path) -> None:
    every = event(seconds=100)
    spool = spool_of(tmp_path)
    running = Running(settings(tmp_path, [UNIT]))
    for at in range(0, len(every), 31):
        part = every[at : at + 31]
        running.archived(spool.write(arrivals(part)) + len(part))

    assert 0 == running.end()
    assert Counter(every) == held(tmp_path / "raw")
    spool.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_loss_disorder_and_repetition_leave_each_packet_once_and_every_hole_named(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    lanes = [event(unit, seconds=250) for unit in ("9D20", "9D21", "9D22")]
    gone: set[bytes] = set()
    came: list[bytes] = []
    for lane in lanes:
        kept = [
            one for at, one in enumerate(lane) if at in (0, len(lane) - 1) or chance.random() > 0.2
        ]
        gone.update(set(lane) - set(kept))
        twice = [one for one in kept if chance.random() < 0.05]
        row = [(at, one) for at, one in enumerate(kept)]
        row += [(kept.index(one), one) for one in twice]
        came += [one for _, one in sorted(row, key=lambda pair: pair[0] + chance.uniform(0, 50))]
    spool = _spooled(tmp_path, came)
    running = Running(settings(tmp_path, ["9D20", "9D21", "9D22"]))
    running.archived(len(came))
    running.until(lambda: len(gone) <= sum(hole["packets"] for hole in running.of("hole")))
    named = [number for hole in running.of("hole") for number in _numbers(hole)]
    running.end()

    assert sorted(map(_number, gone)) == sorted(named)
    assert Counter(set(came)) == held(tmp_path / "raw")
    assert 2 * sum(one[:2] == b"DT" for one in set(came)) == sum(
        map(len, day_records(tmp_path / "sds").values())
    )
    spool.close()


def test_kill_9_many_times_in_the_middle_leaves_each_packet_once(tmp_path: Path) -> None:
    chance = random.Random(5)
    every = [octets for at in range(4) for octets in sent(f"9D2{at}", at)]
    told = settings(tmp_path, [f"9D2{at}" for at in range(4)])
    spool = spool_of(tmp_path)
    safe = at = 0
    for _ in range(14):
        running = Running(told)
        for _ in range(3):
            part = every[at : at + chance.randrange(1, 160)]
            at += len(part)
            if part:
                spool.write(arrivals(part))
            running.send({"spooled": at})
            running.read(chance.uniform(0, 0.25))
        running.kill()
        for number in running.of("archived"):
            assert number >= safe
            safe = number

        assert standing.read(tmp_path / "rtpd").number >= safe

    spool.write(arrivals(every[at:]))
    running = Running(told)
    running.archived(len(every))
    running.process.send_signal(signal.SIGTERM)

    assert 0 == running.gone()
    assert Counter(set(every)) == held(tmp_path / "raw")
    records = day_records(tmp_path / "sds")  # which asserts order and that each is there once

    assert 2 * sum(one[:2] == b"DT" for one in set(every)) == sum(map(len, records.values()))
    assert [] == running.of("hole")
    spool.close()


def test_a_hole_across_a_restart_is_named_once_the_next_packet_comes(tmp_path: Path) -> None:
    every = event(seconds=300)
    spool = _spooled(tmp_path, every[:150])
    first = Running(settings(tmp_path, [UNIT]))
    first.archived(150)
    first.kill()
    spool.write(arrivals(every[230:]))
    second = Running(settings(tmp_path, [UNIT]))
    second.archived(150 + len(every) - 230)
    second.end()

    assert [(UNIT, 1, 1, at) for at in range(150, 230)] == [
        number for hole in second.of("hole") for number in _numbers(hole)
    ]
    spool.close()


def test_what_waits_at_the_end_is_taken_up_by_the_next_one(tmp_path: Path) -> None:
    every = event()
    told = settings(tmp_path, [UNIT]) | {"order": {"hold_s": 3600}}
    spool = _spooled(tmp_path, [*every[:10], *every[11:25]])
    for way in ("end", "stop"):
        running = Running(told)
        running.archived(24)
        if way == "stop":
            running.process.send_signal(signal.SIGTERM)
        running.end()
    spool.write(arrivals([every[10], *every[25:]]))
    running = Running(told)
    running.archived(len(every))
    running.end()

    assert [] == running.of("hole")
    assert Counter(every) == held(tmp_path / "raw")
    spool.close()


def test_while_behind_the_time_of_the_packets_counts(tmp_path: Path) -> None:
    # a packet that came 1 s late is in its place although all of it is read a year later
    every = event()
    came = [*every[:10], *every[11:20], every[10], *every[20:]]
    second = 1_000_000_000
    spool = spool_of(tmp_path)
    spool.write(arrivals(came, from_ns=START_NS, each_ns=second // 10))
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(len(every))
    running.end()

    assert [] == running.of("hole")
    assert [b"".join(every)] == list(files(tmp_path / "raw").values())
    spool.close()


def test_a_hole_is_told_when_its_packets_do_not_come_in_time(tmp_path: Path) -> None:
    every = event()
    spool = _spooled(tmp_path, [*every[:10], *every[12:20]])
    running = Running(settings(tmp_path, [UNIT]) | {"order": {"hold_s": 0.2}})
    running.send({"spooled": 18})
    running.until(lambda: bool(running.of("hole")))
    running.end()

    assert [(UNIT, 1, 1, 10), (UNIT, 1, 1, 11)] == _numbers(running.of("hole")[0])
    spool.close()


def test_a_set_clock_is_told_as_such(tmp_path: Path) -> None:
    every = [*event()[:14], *event(at_s=-0.61)[14:]]
    spool = _spooled(tmp_path, every)
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(len(every))
    running.end()

    assert {("clock-step", UNIT, 1, -0.61)} == {
        (one["join"], one["unit"], one["stream"], round(one["off_s"], 3))
        for one in running.of("clock")
    }
    assert 3 == len(running.of("clock"))  # each channel has one
    assert [] == running.of("hole")
    spool.close()


def test_odd_packets_are_told_by_name_and_stop_nobody(tmp_path: Path) -> None:
    every = event()
    strange = [
        bytes(1024),
        every[4][:6] + b"\x09\x99" + every[4][8:],
        every[5][:23] + b"\xcc" + every[5][24:],
    ]
    spool = _spooled(tmp_path, [*every[:20], *strange, *every[20:]])
    running = Running(settings(tmp_path))
    running.archived(len(every) + 3)
    running.end()
    told = {one["name"]: one["count"] for one in running.of("oddity")}

    assert 1 == told.pop("unknown-format")
    assert 2 == sum(told.values())
    assert Counter(every) == held(tmp_path / "raw")
    spool.close()


def test_samples_that_cannot_be_go_to_the_raw_archive_only(tmp_path: Path) -> None:
    pytest.importorskip("pymseed")
    every = [bytearray(one) for one in event()]
    for one in every[1:-1]:  # frames of which the control words say nothing
        one[23], one[12:14], one[20:22] = 0xC0, b"\x10\x24", b"\x08\x92"
        one[64:] = bytes(960)
    spool = _spooled(tmp_path, [bytes(one) for one in every])
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(len(every))
    running.end()

    assert {"impossible-count": 36} == {
        one["name"]: one["count"] for one in running.of("oddity")[-1:]
    }
    assert len(every) == sum(held(tmp_path / "raw").values())
    assert {} == day_records(tmp_path / "sds")
    spool.close()


def test_a_packet_of_one_sample_too_many_sets_no_clock(tmp_path: Path) -> None:
    pytest.importorskip("pymseed")
    every = [bytearray(one) for one in Recorder(UNIT).event_of(6)]
    for one in every[4:10]:
        one[20:22] = bytes.fromhex(f"{int(one[20:22].hex()) + 1:04}")
    spool = _spooled(tmp_path, [bytes(one) for one in every])
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(len(every))
    running.end()

    assert {"impossible-count": 6} == {one["name"]: one["count"] for one in running.of("oddity")}
    assert ([], []) == (running.of("clock"), running.of("hole"))
    assert len(every) == sum(held(tmp_path / "raw").values())
    spool.close()


def test_a_foreign_day_file_stops_only_itself(tmp_path: Path) -> None:
    every = event()
    day = next(iter(_archived_once(tmp_path / "other", every)))
    path = tmp_path / "sds" / day
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody's" * 1024)
    spool = _spooled(tmp_path, every)
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(len(every))
    running.end()

    assert "foreign-day-file" in {one["name"] for one in running.of("oddity")}
    assert b"somebody's" * 1024 == path.read_bytes()
    path.unlink()

    assert 2 == len(day_records(tmp_path / "sds"))
    spool.close()


def _archived_once(root: Path, every: list[bytes]) -> dict[str, list[bytes]]:
    spool = _spooled(root, every)
    running = Running(settings(root, [UNIT]))
    running.archived(len(every))
    running.end()
    spool.close()
    return day_records(root / "sds")


def test_a_tree_alone_has_a_small_raw_archive_beside_it(tmp_path: Path) -> None:
    every = event(at_s=(time.time_ns() - START_NS) // 10**9)
    spool = _spooled(tmp_path, every + every)
    running = Running(settings(tmp_path, [UNIT], raw=""))
    running.archived(2 * len(every))
    running.end()

    assert 72 == sum(map(len, day_records(tmp_path / "sds").values()))
    assert Counter(every) == held(tmp_path / "rtpd" / "raw")
    spool.close()


def test_without_an_archive_it_says_so_and_ends(tmp_path: Path) -> None:
    running = Running(settings(tmp_path, raw="", sds=""))

    assert 2 == running.gone()
    assert "both empty" in running.of("error")[0]


def test_a_dying_predecessors_hold_is_waited_for(tmp_path: Path) -> None:
    every = event()
    spool = _spooled(tmp_path, every)
    hidden = tmp_path / "raw" / ".portbook"
    hidden.mkdir(parents=True)
    with (hidden / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = Running(settings(tmp_path, [UNIT]))
        running.send({"spooled": len(every)})
        running.read(0.5)
    running.archived(len(every))
    running.end()

    assert [] == running.of("alarm")
    spool.close()


def test_a_full_disk_is_an_alarm_that_is_cleared_when_it_goes_on(tmp_path: Path) -> None:
    every = event(seconds=100)
    spool = _spooled(tmp_path, every)
    running = Running(settings(tmp_path, [UNIT]) | {"order": {"hold_s": 3600}})
    running.archived(40)
    running.until(lambda: running.of("clear").count("disk:archive") == 1)  # of one before it
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (40 * 1024, hard))
    running.send({"spooled": len(every)})
    running.until(lambda: bool(running.of("alarm")))
    alarm = running.of("alarm")[0]

    assert ("disk:archive", "disk", "error") == (alarm["key"], alarm["what"], alarm["level"])

    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    running.until(lambda: running.of("clear").count("disk:archive") == 2)
    running.archived(len(every))
    running.end()

    assert 1 == len(running.of("alarm"))
    assert [b"".join(every)] == list(files(tmp_path / "raw").values())
    spool.close()


def test_another_spool_is_archived_from_its_begin(tmp_path: Path) -> None:
    every = event(seconds=60)
    spool = _spooled(tmp_path, every)
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(len(every))
    running.end()
    spool.close()
    for path in (tmp_path / "rtpd" / "spool").iterdir():
        path.unlink()
    more = event(seconds=20, number=2, at_s=100)
    spool = _spooled(tmp_path, more)
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(len(more))
    running.end()

    assert Counter(every + more) == held(tmp_path / "raw")
    assert "spool-begun-anew" in {one["name"] for one in running.of("oddity")}
    spool.close()


def test_names_are_taken_up_while_it_runs(tmp_path: Path) -> None:
    spool = _spooled(tmp_path, event())
    running = Running(settings(tmp_path, []))
    running.archived(spool.next_number)

    stations = {path.split("/")[2] for path in day_records(tmp_path / "sds")}

    assert {"9D20"} == stations  # codes of its own making, as the live feed's

    running.send({"reload": settings(tmp_path, [UNIT])})
    running.send({"reload": settings(tmp_path, [UNIT], raw="", sds="")})
    spool.write(arrivals(event(number=2, at_s=60)))
    running.archived(spool.next_number)
    running.end()

    assert 6 == len(day_records(tmp_path / "sds"))
    assert 1 == len(running.of("error"))
    spool.close()


def test_old_days_are_deleted_while_it_runs(tmp_path: Path) -> None:
    old, fresh = event(), event(number=2, at_s=(time.time_ns() - START_NS) / 1e9)
    spool = _spooled(tmp_path, [*old, state_of_health(UNIT, 1, "LOCKED")])
    running = Running(settings(tmp_path, [UNIT]))
    running.archived(spool.next_number)
    running.end()
    for path in (one for one in tmp_path.rglob("*") if one.is_file()):
        os.utime(path, (1, START_NS // 1_000_000_000))
    running = Running(settings(tmp_path, [UNIT]))
    spool.write(arrivals(fresh))
    running.archived(spool.next_number)
    running.send({"reload": settings(tmp_path, [UNIT], keep_days=5)})
    running.until(lambda: 2 <= len(running.of("deleted")))
    running.end()

    assert [("raw", 39 * 1024, "keep_days"), ("sds", 72 * 1024, "keep_days")] == [
        (one["archive"], one["octets"], one["because"]) for one in running.of("deleted")
    ]
    assert Counter(fresh) == held(tmp_path / "raw")
    assert 3 == len(day_records(tmp_path / "sds"))
    spool.close()


def test_more_than_the_limit_of_today_is_an_alarm(tmp_path: Path) -> None:
    spool = _spooled(tmp_path, event())
    running = Running(settings(tmp_path, max_gb=0.000_02))
    running.archived(spool.next_number)
    running.until(lambda: "disk:size" in [one["key"] for one in running.of("alarm")])
    running.send({"reload": settings(tmp_path, max_gb=1)})
    running.until(lambda: "disk:size" in running.of("clear"))
    running.end()
    spool.close()


def test_a_parent_that_does_not_read_holds_up_nothing(tmp_path: Path) -> None:
    every = event(seconds=4000)
    came = [one for at, one in enumerate(every) if at % 2 == 0]
    spool = _spooled(tmp_path, came)
    running = Running(settings(tmp_path))
    running.send({"spooled": len(came)})
    end = time.monotonic() + 60
    while standing.read(tmp_path / "rtpd").number < len(came) - 64 and time.monotonic() < end:
        time.sleep(0.05)

    assert standing.read(tmp_path / "rtpd").number >= len(came) - 64
    assert 0 == running.end()
    spool.close()
