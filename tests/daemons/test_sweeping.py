"""Counting in steps, following growth, deleting a part at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portbook.daemons.archival import sweeping
from portbook.daemons.archival.sweeping import Sweeper
from portbook.daemons.configuration.settings import Archive
from portbook.seismic.keeping import Deleted, Tree
from portbook.seismic.names import DAY_NS

GB = 1_000_000_000
TODAY = 20_000


class Tellable:
    """An archive that holds what it is told, in octets by day."""

    def __init__(self, octets: dict[int, int]) -> None:
        self.octets, self.grown = octets, dict[int, int]()
        self.following = False

    def holdings(self) -> Iterator[tuple[int, int, int]]:
        for day, octets in self.octets.items():
            yield day, octets, day

    def growth(self, *, following: bool = True) -> dict[int, int]:
        self.following = following
        grown, self.grown = self.grown, {}
        return grown

    def forget(self, day: int) -> tuple[int, int]:
        return 1, self.octets.pop(day)

    def grow(self, day: int, octets: int) -> None:
        self.octets[day] = self.octets.get(day, 0) + octets
        self.grown[day] = self.grown.get(day, 0) + octets


@pytest.fixture(autouse=True)
def _always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "LOOK_S", 0.0)


def _turns(sweeper: Sweeper, held: Tellable, many: int = 40) -> list[Deleted]:
    found = (sweeper.turn({Tree.RAW: held}, TODAY * DAY_NS) for _ in range(many))
    return [one for one in found if one]


def test_the_oldest_go_until_the_rest_fits_and_again_when_it_has_grown() -> None:
    held = Tellable({TODAY - back: GB for back in range(10)})
    sweeper = Sweeper(Archive(raw="/somewhere", max_gb=7.5))

    assert [("2024-269", "max_gb"), ("2024-270", "max_gb"), ("2024-271", "max_gb")] == [
        (one.day, one.because) for one in _turns(sweeper, held)
    ]
    assert [] == _turns(sweeper, held)

    held.grow(TODAY, GB)

    assert ["2024-272"] == [one.day for one in _turns(sweeper, held)]
    assert 7 * GB == sum(held.octets.values())


def test_a_slow_disk_is_counted_in_many_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "SLICE_S", -1.0)
    held = Tellable({TODAY - back: GB for back in range(10)})
    sweeper = Sweeper(Archive(raw="/somewhere", keep_days=7))

    assert [] == _turns(sweeper, held, 10)
    assert 2 == len(_turns(sweeper, held))


def test_without_a_rule_nothing_is_followed_nor_deleted() -> None:
    held = Tellable({1: GB})
    sweeper = Sweeper(Archive(raw="/somewhere"))

    assert [] == _turns(sweeper, held)
    assert not held.following

    sweeper.change(Archive(raw="/somewhere", max_gb=5))

    assert [] == _turns(sweeper, held)
    assert held.following

    sweeper.change(Archive(raw="/somewhere"))

    assert [] == _turns(sweeper, held)
    assert not held.following


def test_what_may_not_go_is_told_as_too_much() -> None:
    held = Tellable({TODAY: 3 * GB})
    sweeper = Sweeper(Archive(raw="/somewhere", max_gb=1))

    assert [] == _turns(sweeper, held)
    assert 2 * GB == sweeper.excess


def test_the_raw_archive_that_nobody_asked_for_is_kept_two_days() -> None:
    held = Tellable({TODAY - back: 1 for back in range(6)})
    sweeper = Sweeper(Archive(sds="/somewhere"))

    assert 3 == len(_turns(sweeper, held))
    assert {TODAY, TODAY - 1, TODAY - 2} == set(held.octets)
