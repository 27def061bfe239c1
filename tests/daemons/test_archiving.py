"""The archiver's work without its process: what upsets it, and when it syncs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.archiver import arrivals, settings, spool_of
from support.reftek import event, held

from portbook.daemons.archiving import NOT_ARCHIVED, SYNC_NS, Archiving, Caution
from portbook.daemons.settings import from_mapping
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
        with _going(tmp_path, came, told, caution=caution, now_ns=_later) as archiving:
            try:
                while archiving.turn(len(every)):
                    pass
            except ArchiveError:
                continue
            archiving.leave(closing=True)
            break

    assert 3 == goes
    assert Counter(set(every) - bad) == held(tmp_path / "raw")
    assert every[7] + every[41] == (tmp_path / "rtpd" / NOT_ARCHIVED).read_bytes()


def test_it_syncs_a_second_after_the_last_time_and_only_if_something_came(tmp_path: Path) -> None:
    clock, told = Clock(), Told()
    with _going(tmp_path, event(), told, ticks_ns=clock) as archiving:
        clock.now_ns += SYNC_NS

        assert not archiving.wants_sync()

        archiving.turn(10)

        assert archiving.wants_sync()

        archiving.sync()
        archiving.turn(20)

        assert not archiving.wants_sync()

        clock.now_ns += SYNC_NS

        assert archiving.wants_sync()
    assert [("archived", 10)] == [one for one in told if one[0] == "archived"]


def test_what_was_not_synced_comes_again_and_is_there_once(tmp_path: Path) -> None:
    every, told = event(), Told()
    with _going(tmp_path, every, told) as archiving:
        archiving.turn(20)
        archiving.sync()
        archiving.turn(30)
    with _going(tmp_path, [], told) as archiving:
        assert 20 == archiving.safe
        archiving.turn(len(every))
        archiving.leave(closing=True)

    assert Counter(every) == held(tmp_path / "raw")


def test_no_more_is_taken_than_is_said_to_be_spooled(tmp_path: Path) -> None:
    with _going(tmp_path, event(), Told()) as archiving:
        assert [5, 0, 3] == [archiving.turn(5), archiving.turn(5), archiving.turn(8)]
