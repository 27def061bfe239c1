"""The archiver's work without its process: what upsets it, and when it syncs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.archiver import arrivals, settings, spool_of
from support.doom import Doom, Gone
from support.reftek import day_records, event, held
from support.writer import sent

from portbook.daemons.archival import archiving
from portbook.daemons.archival.archiving import NOT_ARCHIVED, SYNC_NS, Archiving, Caution
from portbook.daemons.configuration.settings import from_mapping
from portbook.seismic import standing
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.store import ArchiveError

Told = list[tuple[str, Any]]


class Clock:
    """Time that goes on when told."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@contextmanager
def _going(root: Path, every: list[bytes], told: Told, **more: Any) -> Iterator[Archiving]:
    spool = spool_of(root)
    if every:
        spool.write(arrivals(every))
    spool.close()
    made = from_mapping(settings(root, ["9D20"]))
    archiving = Archiving(made, lambda kind, what: told.append((kind, what)), **more)
    try:
        yield archiving
    finally:
        archiving.abandon()


def _later() -> int:
    return time.time_ns() + 10_000_000_000  # nothing waits any more


def _refusing(patch: pytest.MonkeyPatch, bad: set[bytes]) -> None:
    real = RawArchive.add

    def add(self: RawArchive, packet: Any, at_ns: int) -> bool:
        if packet.octets in bad:
            raise ZeroDivisionError("a rate of 0")
        return real(self, packet, at_ns)

    patch.setattr(RawArchive, "add", add)


def test_a_packet_that_upsets_it_is_put_aside_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every, told = event(seconds=60), Told()
    bad = {every[7], every[41]}
    caution = Caution(tmp_path / "rtpd")
    _refusing(monkeypatch, bad)
    goes = 0
    while goes < 10:
        goes += 1
        came = [] if goes > 1 else every
        with _going(tmp_path, came, told, caution=caution, now_ns=_later) as going:
            try:
                while going.turn(len(every)):
                    pass
            except ArchiveError:
                continue
            going.leave(closing=True)
            break

    assert 3 == goes
    assert Counter(set(every) - bad) == held(tmp_path / "raw")
    assert every[7] + every[41] == (tmp_path / "rtpd" / NOT_ARCHIVED).read_bytes()


def test_it_syncs_a_second_after_the_last_time_and_only_if_something_came(tmp_path: Path) -> None:
    clock, told = Clock(), Told()
    with _going(tmp_path, event(), told, ticks_ns=clock) as going:
        clock.now_ns += SYNC_NS

        assert not going.wants_sync()

        going.turn(10)

        assert going.wants_sync()

        going.sync()
        going.turn(20)

        assert not going.wants_sync()

        clock.now_ns += SYNC_NS

        assert going.wants_sync()
    assert [("archived", 10)] == [one for one in told if one[0] == "archived"]


def test_what_was_not_synced_comes_again_and_is_there_once(tmp_path: Path) -> None:
    every, told = event(), Told()
    with _going(tmp_path, every, told) as going:
        going.turn(20)
        going.sync()
        going.turn(30)
    with _going(tmp_path, [], told) as going:
        assert 20 == going.safe
        going.turn(len(every))
        going.leave(closing=True)

    assert Counter(every) == held(tmp_path / "raw")


def _until_end(root: Path, every: list[bytes], safe: list[int]) -> None:
    """Archive all that is spooled, syncing all the time; note what was told safe."""
    made = from_mapping(settings(root, ["9D20"], min_free_gb=0))

    def tell(kind: str, what: Any) -> None:
        if kind == "archived":
            safe.append(what)

    going = Archiving(made, tell, now_ns=_later)
    try:
        while going.turn(len(every)):
            going.sync()
        going.leave(closing=True)
    except Gone:
        going.abandon()
        raise


def test_an_end_at_any_call_that_changes_the_disk_leaves_each_packet_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = sent("9D20", 3)[:90]
    monkeypatch.setattr(archiving, "BATCH", 11)
    _spooled(tmp_path / "whole", every)
    with pytest.MonkeyPatch.context() as patch:
        doom = Doom(patch, None)
        _until_end(tmp_path / "whole", every, [])
    many = doom.calls
    there = day_records(tmp_path / "whole" / "sds")

    assert many > 100

    for at in range(1, many + 1, 1 + many // 40):
        root, safe = tmp_path / str(at), [0]
        _spooled(root, every)
        with pytest.MonkeyPatch.context() as patch:
            Doom(patch, at)
            with pytest.raises(Gone):
                _until_end(root, every, safe)

        # what was told safe is in files that are there after a checkpoint, come what may
        assert standing.read(root / "rtpd").number >= safe[-1]

        # the next one ends suddenly too, and is begun again
        with pytest.MonkeyPatch.context() as patch, suppress(Gone):
            Doom(patch, 4 + at % 9)
            _until_end(root, every, safe)
        _until_end(root, every, safe)

        assert len(every) == safe[-1]
        assert Counter(set(every)) == held(root / "raw"), at
        assert there == day_records(root / "sds"), at


def _spooled(root: Path, every: list[bytes]) -> None:
    spool = spool_of(root)
    spool.write(arrivals(every))
    spool.close()


def test_no_more_is_taken_than_is_said_to_be_spooled(tmp_path: Path) -> None:
    with _going(tmp_path, event(), Told()) as going:
        assert [5, 0, 3] == [going.turn(5), going.turn(5), going.turn(8)]


def test_a_rate_that_is_told_by_a_reload_holds_from_then_on(tmp_path: Path) -> None:
    every = event()
    with _going(tmp_path, every[4:7], Told(), now_ns=_later) as going:  # no EH
        going.turn(3)
        told = settings(tmp_path, ["9D20"])
        told["unit"]["9D20"]["rate"] = {"1": 123}
        going.change(from_mapping(told))
        spool = spool_of(tmp_path)
        spool.write(arrivals(every[13:16]))
        spool.close()
        while going.turn(6):
            pass
        going.leave(closing=True)
    rates = {
        int.from_bytes(one[32:34])
        for some in day_records(tmp_path / "sds").values()
        for one in some
    }

    assert {123} == rates
