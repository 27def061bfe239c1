"""Batches for the receiver: one a turn of the loop, held and offered again when it has no room."""

from __future__ import annotations

import asyncio

import pytest
from daemons.hearsay import arrival
from daemons.rtp import PACKETS, run

from portbook.daemons.sources import handover
from portbook.daemons.sources.handover import Handover
from portbook.seismic.spool import Arrival

ARRIVALS = [arrival(one, number) for number, one in enumerate(PACKETS)]


class Taker:
    """A receiver that has room or not."""

    def __init__(self) -> None:
        self.room = True
        self.batches: list[list[Arrival]] = []
        self.refused = 0
        self.holds: list[bool] = []
        self.handover = Handover(self.take, self.holds.append)
        self.handover.start(asyncio.get_running_loop())

    def take(self, batch: list[Arrival]) -> bool:
        if not self.room:
            self.refused += 1
            return False
        self.batches.append(batch)
        return True


def test_what_comes_in_one_turn_of_the_loop_is_one_batch() -> None:
    async def play() -> None:
        taker = Taker()
        for one in ARRIVALS[:3]:
            taker.handover.put([one])
        assert [] == taker.batches
        await asyncio.sleep(0)
        assert [ARRIVALS[:3]] == taker.batches

    run(play())


def test_a_large_batch_does_not_wait() -> None:
    async def play() -> None:
        taker = Taker()
        many = ARRIVALS[:1] * handover.MOST
        taker.handover.put(many)
        assert [many] == taker.batches

    run(play())


def test_what_is_refused_is_held_and_offered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "AGAIN_S", 0.001)

    async def play() -> None:
        taker = Taker()
        taker.room = False
        taker.handover.put(ARRIVALS[:2])
        while taker.refused < 3:
            await asyncio.sleep(0)
        taker.handover.put(ARRIVALS[2:3])
        assert taker.handover.held
        taker.room = True
        while taker.handover.held:
            await asyncio.sleep(0)
        assert ([ARRIVALS[:3]], [True, False]) == (taker.batches, taker.holds)

    run(play())


def test_the_end_is_a_last_offer_and_tells_what_is_left() -> None:
    async def play() -> None:
        taker = Taker()
        taker.handover.put(ARRIVALS[:2])
        assert taker.handover.stop() == 0
        assert [ARRIVALS[:2]] == taker.batches

        full = Taker()
        full.room = False
        full.handover.put(ARRIVALS[:2])
        assert full.handover.stop() == 2

    run(play())
