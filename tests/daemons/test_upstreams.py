"""Several RTPDs at once: begun, ended and kept by the settings, and known by their addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from daemons.hearsay import Heard
from daemons.rtp import PACKETS, listener, run
from daemons.test_upstream import Server, until

from portbook.daemons.configuration.settings import Upstream as Told
from portbook.daemons.sources import upstreams as room
from portbook.daemons.sources.upstreams import Upstreams
from portbook.seismic.relays import Relay
from portbook.seismic.spool import Arrival

HERE = "127.0.0.1"


class Desk:
    """Upstreams that read from servers of ours."""

    def __init__(self, recalled: tuple[str, ...] = ()) -> None:
        self.arrivals: list[Arrival] = []
        self.voice = Heard()
        self.upstreams = Upstreams(self.arrivals.extend, self.voice, recalled=recalled)
        self.servers: list[Server] = []

    def server(self) -> tuple[Server, Told]:
        made = Server()
        self.servers.append(made)
        return made, Told(host=HERE, port=made.port)

    def states(self) -> dict[int, str]:
        return {one.port: one.state for one in self.upstreams.status()}


def played(play: Callable[[Desk], Awaitable[None]], **more: tuple[str, ...]) -> Desk:
    made: list[Desk] = []

    async def acted() -> None:
        desk = Desk(**more)
        made.append(desk)
        try:
            await play(desk)
        finally:
            await desk.upstreams.stop()
            for server in desk.servers:
                server.close()

    run(acted())
    return made[0]


def test_each_of_the_settings_is_read_from_and_no_other() -> None:
    async def play(desk: Desk) -> None:
        (first, one), (second, two) = desk.server(), desk.server()
        desk.upstreams.run_only([one, two, one])
        await until(lambda: list(desk.states().values()) == ["open", "open"])
        first.put(PACKETS[:3])
        second.put(PACKETS[3:5])
        await until(lambda: len(desk.arrivals) == 5)

        assert set(PACKETS[:5]) == {one.octets for one in desk.arrivals}
        assert {HERE} == desk.upstreams.connected()

        session = desk.upstreams.status()[1].since_ns
        desk.upstreams.run_only([two])
        await until(lambda: first.fanout.status() == [])

        assert {two.port: "open"} == desk.states()
        assert session == desk.upstreams.status()[0].since_ns  # it goes on undisturbed

        desk.upstreams.run_only([])

        assert set() == desk.upstreams.connected()

    played(play)


def test_the_alarm_of_one_that_the_settings_drop_is_over() -> None:
    async def play(desk: Desk) -> None:
        door = listener()
        told = Told(host=HERE, port=door.getsockname()[1])
        door.close()
        desk.upstreams.run_only([told])
        await until(lambda: desk.upstreams.status()[0].attempts)
        desk.voice.alarm(f"upstream:{HERE}:{told.port}", "upstream", "away")
        desk.upstreams.run_only([])

        assert {} == desk.voice.standing

    played(play)


def test_a_fault_in_one_is_told_and_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "AGAIN_S", 0.0)
    real, faults = room.Upstream.run, iter([ZeroDivisionError("ours")])

    async def once_wrong(self: room.Upstream) -> None:
        for fault in faults:
            raise fault
        await real(self)

    monkeypatch.setattr(room.Upstream, "run", once_wrong)

    async def play(desk: Desk) -> None:
        _, told = desk.server()
        desk.upstreams.run_only([told])
        await until(lambda: desk.states() == {told.port: "open"})

    desk = played(play)

    assert ["ZeroDivisionError('ours')" in one for one in desk.voice.texts("error")] == [True]


def test_one_whose_alarm_stands_is_away_for_who_came_by_it_and_then_was_away() -> None:
    async def play(desk: Desk) -> None:
        server, told = desk.server()
        desk.upstreams.run_only([told])
        key, name = f"upstream:{HERE}:{told.port}", f"{HERE}:{told.port}"
        await until(lambda: desk.upstreams.connected())
        server.put(PACKETS[:1])
        await until(lambda: desk.arrivals)

        assert {} == desk.upstreams.relays(lambda _: False, 5)
        assert {HERE: Relay(name, None)} == desk.upstreams.relays({key}.__contains__, 10)
        assert {HERE: Relay(name, None)} == desk.upstreams.relays({key}.__contains__, 20)
        assert {HERE: Relay(name, 20)} == desk.upstreams.relays(lambda _: False, 30)

        desk.upstreams.run_only([])

        assert {} == desk.upstreams.relays(lambda _: True, 40)

    played(play)


def test_one_that_has_sent_nothing_since_the_start_accounts_for_who_is_recalled() -> None:
    async def play(desk: Desk) -> None:
        server, here = desk.server()
        gone = Told(host="rtpd.invalid", port=2543)
        desk.upstreams.run_only([here, gone])
        await until(lambda: desk.upstreams.connected())
        server.put(PACKETS[:1])
        await until(lambda: desk.arrivals)
        found = desk.upstreams.relays({"upstream:rtpd.invalid:2543"}.__contains__, 10)

        assert {"rtpd.invalid", "192.0.2.7"} == set(found)

    played(play, recalled=("192.0.2.7", HERE))


def test_stopping_says_good_bye_to_all() -> None:
    async def play(desk: Desk) -> None:
        server, told = desk.server()
        desk.upstreams.run_only([told])
        await until(lambda: desk.states() == {told.port: "open"})
        await desk.upstreams.stop()
        await until(lambda: server.fanout.status() == [])

        assert [] == desk.upstreams.status()

    played(play)
