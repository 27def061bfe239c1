"""kill -9 and full disks at any moment: nothing that was told safe is lost, no file is harmed."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support import needs_root
from support.doom import Doom, Gone
from support.reftek import day_records, event, files, held
from support.writer import codes, opened, sent

from portbook.protocols.reftek import packets
from portbook.seismic import miniseed
from portbook.seismic.intake import Intake
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.sds import Sds
from portbook.seismic.store import ArchiveError
from portbook.seismic.tags import time_ns

CYCLES = 20
UNIT = "9D20"


def _records(octets: bytes, unit: str) -> set[bytes]:
    """Return what a DT packet is in miniSEED, without the record's number."""
    packet = packets.read(octets)
    assert packet is not None
    if packet.type != "DT":
        return set()
    name = codes(unit).name(unit, packet.stream or 0, packet.channel or 0)
    when = time_ns(packet, 2026)
    assert name is not None
    assert when is not None
    return {one[6:] for one in miniseed.copied(packet, name, 200, when)}


def _check(root: Path, safe: list[bytes], unit: str) -> None:
    """Assert that both archives are whole and hold each of these once."""
    there = held(root / "raw")

    assert {1} >= set(there.values())
    assert set() == set(safe) - set(there)

    records = {one[6:] for every in day_records(root / "sds").values() for one in every}

    assert set() == {one for octets in set(safe) for one in _records(octets, unit)} - records


def test_kill_9_at_any_moment_loses_nothing_that_was_safe(tmp_path: Path) -> None:
    chance = random.Random(7)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for cycle in range(CYCLES):
        unit = f"9D{cycle:02}"
        every = sent(unit, cycle)
        words = [sys.executable, "-m", "support.writer", tmp_path, unit, cycle]
        running = subprocess.Popen(
            [str(word) for word in words], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert running.stdout is not None
        lines = running.stdout
        told = [line for _, line in zip(range(chance.randrange(1, 100)), lines, strict=False)]
        running.kill()
        told += lines.read().split()
        running.wait()
        lines.close()
        safe = int(told[-1])

        assert safe > 0

        intake = opened(tmp_path, unit)
        intake.finish()
        _check(tmp_path, every[:safe], unit)

        for octets in (again := opened(tmp_path, unit)) and every:
            again.take(octets)
        again.finish()
        _check(tmp_path, every, unit)
        assert [] == again.holes()


@pytest.mark.parametrize("cut", [1, 500, 1023, 1024, 1500])
def test_a_torn_end_is_cut_to_whole_packets_and_filled_again(tmp_path: Path, cut: int) -> None:
    every = event()
    intake = Intake(RawArchive(tmp_path), 2026)
    for octets in every[:20]:
        intake.take(octets)
    intake.sync()
    intake.abandon()
    path = tmp_path / next(iter(files(tmp_path)))
    with path.open("r+b") as stream:
        stream.truncate(20 * 1024 - cut)
    raw = RawArchive(tmp_path)
    again = Intake(raw, 2026)
    again.recover()
    for octets in every[20:]:
        again.take(octets)
    again.finish()

    assert [(1024 - cut % 1024)] * bool(cut % 1024) == [one.octets for one in raw.cuts]
    assert [b"".join(every)] == list(files(tmp_path).values())


def test_what_a_power_loss_leaves_behind_the_synced_part_is_cut_off(tmp_path: Path) -> None:
    every = event()
    intake = Intake(RawArchive(tmp_path), 2026)
    for octets in every[:20]:
        intake.take(octets)
    intake.sync()
    intake.abandon()
    path = tmp_path / next(iter(files(tmp_path)))
    # the size arrived on the disk, the data did not
    path.write_bytes(path.read_bytes()[: 12 * 1024] + bytes(8 * 1024))
    again = Intake(RawArchive(tmp_path), 2026)
    again.recover()
    for octets in every[20:]:
        again.take(octets)
    again.finish()

    assert [b"".join(every)] == list(files(tmp_path).values())


def test_held_packets_survive_a_checkpoint_and_a_sudden_end(tmp_path: Path) -> None:
    every = event()
    raw = RawArchive(tmp_path, checkpoint_octets=1024)
    intake = Intake(raw, 2026)
    for octets in [*every[:5], *every[6:15]]:  # all behind the fifth are held
        intake.take(octets)
        intake.sync()
    intake.abandon()
    again = Intake(RawArchive(tmp_path), 2026)

    assert 9 == again.recover()

    for octets in [every[5], *every[15:]]:
        again.take(octets)
    again.finish()

    assert [] == again.holes()
    assert [b"".join(every)] == list(files(tmp_path).values())


def _live(root: Path, every: list[bytes], safe: list[int]) -> None:
    """Write all of it, in small steps, noting what was told safe; let go whatever happens."""
    intake = opened(root, UNIT)
    try:
        for number, octets in enumerate(every, 1):
            intake.take(octets)
            if number % 7 == 0:
                intake.sync()
                safe.append(number)
        intake.finish()
        safe.append(len(every))
    except Gone:
        intake.abandon()
        raise


def test_an_end_at_any_call_that_changes_the_disk_loses_nothing(tmp_path: Path) -> None:
    # headers first: data whose rate nobody has told yet cannot be miniSEED
    every = sorted(sent(UNIT, 3)[:120], key=lambda octets: octets[:2] != b"EH")
    with pytest.MonkeyPatch.context() as patch:
        doom = Doom(patch, None)
        _live(tmp_path / "whole", every, [])
    many = doom.calls

    assert many > 100

    for at in range(1, many + 1, 1 + many // 40):
        root, safe = tmp_path / str(at), [0]
        with pytest.MonkeyPatch.context() as patch:
            Doom(patch, at)
            with pytest.raises(Gone):
                _live(root, every, safe)
        # the recovery itself ends suddenly too, and is begun again
        with pytest.MonkeyPatch.context() as patch, suppress(Gone):
            Doom(patch, 4 + at % 9)
            _live(root, [], [])
        opened(root, UNIT).finish()
        _check(root, every[: safe[-1]], UNIT)
        _live(root, every, [])
        _check(root, every, UNIT)


def _until_full(intake: Intake, every: list[bytes]) -> int:
    """Take packets until the archive refuses; return how many were safe."""
    safe = [0]
    with pytest.raises(ArchiveError, match="stopped, what was reported safe is safe"):
        _feed(intake, every, safe)
    with pytest.raises(ArchiveError):  # and goes on refusing
        intake.sync()
    intake.abandon()
    return safe[-1]


def _feed(intake: Intake, every: list[bytes], safe: list[int]) -> None:
    for number, octets in enumerate(every, 1):
        intake.take(octets)
        if number % 3 == 0:
            intake.sync()
            safe.append(number)
    intake.finish()


@contextmanager
def _small_files(octets: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit", [20_000, 30_001, 33_333])
def test_a_file_that_may_not_grow_stops_it_and_loses_nothing(tmp_path: Path, limit: int) -> None:
    every = sent(UNIT, 1)[:200]
    with _small_files(limit):
        safe = _until_full(opened(tmp_path, UNIT), every)
    held(tmp_path / "raw")
    intake = opened(tmp_path, UNIT)
    intake.finish()
    _check(tmp_path, every[:safe], UNIT)
    again = opened(tmp_path, UNIT)
    for octets in every:
        again.take(octets)
    again.finish()
    _check(tmp_path, every, UNIT)


@needs_root
@pytest.mark.parametrize("size", [256, 300, 512])
def test_a_full_disk_stops_it_and_loses_nothing(tmp_path: Path, size: int) -> None:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", str(tmp_path)], check=True
    )
    try:
        every = sent(UNIT, 2)
        safe = _until_full(opened(tmp_path, UNIT), every)
        grown = f"remount,size={size + 8192}k"
        subprocess.run(["mount", "-o", grown, str(tmp_path)], check=True)
        intake = opened(tmp_path, UNIT)
        intake.finish()
        _check(tmp_path, every[:safe], UNIT)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_tree_that_cannot_be_opened_lets_go_of_the_other(tmp_path: Path) -> None:
    (tmp_path / "sds").write_text("a file, no folder")
    raw = RawArchive(tmp_path / "raw")
    with pytest.raises(ArchiveError):
        Sds(tmp_path / "sds")
    raw.close()
