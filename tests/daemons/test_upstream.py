"""A connection to an RTPD: against our own server, and against what servers do wrong."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from daemons.hearsay import Heard
from daemons.rtp import (
    BREAK,
    BUSY,
    LIMIT_S,
    PACKETS,
    SECOND,
    Talker,
    listener,
    message,
    run,
)

from portbook.daemons.outputs.fanout import Fanout
from portbook.daemons.sources import handover
from portbook.daemons.sources.incoming import Incoming
from portbook.daemons.sources.peers import Peers
from portbook.daemons.sources.upstream import Upstream
from portbook.protocols.reftek import client
from portbook.protocols.reftek.client import Wish
from portbook.seismic.ring import Ring
from portbook.seismic.spool import Arrival, Mode

ALARM = "upstream:127.0.0.1:{}"


class Reading:
    """An upstream that reads from a port, with all that it delivered."""

    def __init__(self, port: int, **more: object) -> None:
        self.arrivals: list[Arrival] = []
        self.batches = 0
        self.room = True
        self.voice, self.skip_ns, self.port = Heard(), 0, port
        self.peers = Peers()
        settings: dict[str, object] = {"retry_s": (0.001, 0.01), "grace_s": 0.0}
        self.upstream = Upstream(
            "127.0.0.1",
            port,
            Wish(0, 0xFFFE, 0xFFFF),
            self.take,
            self.voice,
            peers=self.peers,
            clock=lambda: time.monotonic_ns() + self.skip_ns,
            **settings | more,  # type: ignore[arg-type]
        )
        self._running = asyncio.ensure_future(self.upstream.run())

    def take(self, batch: list[Arrival]) -> bool:
        if self.room:
            self.arrivals += batch
            self.batches += 1
        return self.room

    async def opened(self) -> None:
        await until(lambda: self.upstream.status().state == "open")

    async def got(self, count: int) -> list[bytes]:
        await until(lambda: len(self.arrivals) >= count)
        return [one.octets for one in self.arrivals]

    async def close(self) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0)


class Server:
    """Our own server with a ring of its own."""

    def __init__(self, **more: object) -> None:
        self.ring, self.voice, self.door = Ring(512), Heard(), listener()
        self.fanout = Fanout(self.ring, self.voice, **more)  # type: ignore[arg-type]
        self.incoming = Incoming(self.door, self.fanout.adopt, lambda _: True, self.voice)
        loop = asyncio.get_running_loop()
        self.fanout.start(loop)
        self.incoming.start(loop)
        self.port: int = self.door.getsockname()[1]

    def put(self, packets: list[bytes]) -> None:
        self.ring.append(packets)
        self.fanout.pump()

    def close(self) -> None:
        self.incoming.stop()
        self.fanout.stop()
        self.door.close()


def served(play: Callable[[Server, Reading], Awaitable[None]], **more: object) -> None:
    async def acted() -> None:
        server = Server(**more)
        reading = Reading(server.port)
        try:
            await play(server, reading)
        finally:
            await reading.close()
            server.close()

    run(acted())


@pytest.mark.parametrize("version", [1, 2])
def test_it_reads_from_our_own_server_in_the_version_that_both_speak(version: int) -> None:
    async def play(server: Server, reading: Reading) -> None:
        await reading.opened()
        server.put(PACKETS)

        assert PACKETS == await reading.got(len(PACKETS))
        assert {(Mode.UPSTREAM, "127.0.0.1", server.port)} == {
            (one.mode, one.address, one.port) for one in reading.arrivals
        }
        status = reading.upstream.status()
        assert (version, 30, Wish(0, 0xFFFE, 0xFFFF)) == (
            status.version,
            status.timeout_s,
            status.granted,
        )
        assert (len(PACKETS), 3 - version) == (status.packets, status.attempts)
        (seen,) = server.fanout.status()
        assert ("portbook" if version == 2 else None, version) == (seen.program, seen.version)

    served(play, version=version)


def test_it_says_good_bye_when_it_is_stopped() -> None:
    async def play(server: Server, reading: Reading) -> None:
        await reading.opened()
        await reading.close()
        await until(lambda: not server.fanout.status())
        assert "good-bye" in server.voice.texts("info")[-1]

    served(play)


def test_it_comes_back_after_the_server_said_good_bye() -> None:
    async def play(server: Server, reading: Reading) -> None:
        await reading.opened()
        server.put(PACKETS[:2])
        await reading.got(2)
        server.fanout.stop()
        await until(lambda: reading.upstream.status().attempts == 2)
        await reading.opened()
        server.put(PACKETS[2:])

        assert PACKETS == await reading.got(len(PACKETS))
        assert "good-bye" in reading.voice.texts("warning")[0]

    served(play)


def test_a_full_server_is_tried_again_with_an_alarm_that_ends() -> None:
    async def play(server: Server, reading: Reading) -> None:
        await until(lambda: reading.upstream.status().attempts >= 3)
        (standing,) = reading.voice.standing.values()
        assert ("upstream", True) == (standing[0], "takes no more clients" in standing[1])
        server.fanout.most = 1
        await reading.opened()
        server.put(PACKETS[:1])
        await reading.got(1)
        key = ALARM.format(server.port)
        assert [f"+{key}", f"-{key}"] == reading.voice.history

    served(play, most=0)


def test_a_refused_connection_is_tried_again_until_somebody_listens() -> None:
    async def play() -> None:
        closed = socket.socket()
        closed.bind(("127.0.0.1", 0))
        reading = Reading(closed.getsockname()[1])
        await until(lambda: reading.upstream.status().attempts >= 3)
        assert "no connection: " in reading.upstream.status().why
        assert [ALARM.format(reading.port)] == [*reading.voice.standing]
        closed.listen()
        closed.setblocking(False)
        loop = asyncio.get_running_loop()
        answering = Talker((await loop.sock_accept(closed))[0])
        await _shake(answering)
        await reading.opened()
        await answering.say(client.build(client.NOP))
        await until(lambda: not reading.voice.standing)
        for one in (answering, closed):
            one.close()
        await reading.close()

    run(play())


async def _shake(one: Talker, version: int = 2, timeout_s: int = 30, unit: int = 0) -> None:
    """Do the server's part of a handshake."""
    assert client.build(version) == await one.hear(6)
    await one.say(client.build(version))
    size = 6 + client.PROCESS_SIZES[version]
    await one.hear(size)
    await one.say(client.build(client.PID, bytes(4)))
    asked = await one.hear(38 if version > 1 else 34)
    granted = unit.to_bytes(4, "big") + asked[10:18] + timeout_s.to_bytes(4, "big") + asked[22:]
    await one.say(asked[:6] + granted)


def against(play: Callable[[Callable[[], Awaitable[Talker]], Reading], Awaitable[None]]) -> None:
    """Play a server by hand: `come` waits for the next connection."""

    async def acted() -> None:
        door, talkers = listener(), []
        loop = asyncio.get_running_loop()
        reading = Reading(door.getsockname()[1])

        async def come() -> Talker:
            talkers.append(Talker((await loop.sock_accept(door))[0]))
            return talkers[-1]

        try:
            await play(come, reading)
        finally:
            await reading.close()
            for one in (*talkers, door):
                one.close()

    run(acted())


def test_silence_beyond_the_granted_timeout_ends_the_connection() -> None:
    async def play(come: Callable[[], Awaitable[Talker]], reading: Reading) -> None:
        one = await come()
        await _shake(one, timeout_s=45)
        await reading.opened()
        reading.skip_ns += 44 * SECOND
        reading.upstream.look()
        assert "open" == reading.upstream.status().state
        reading.skip_ns += 2 * SECOND
        reading.upstream.look()
        assert BREAK == await one.rest()
        assert "it was silent for longer than agreed: nothing whole in 45 s" == (
            reading.upstream.status().why
        )
        await _shake(await come())
        await reading.opened()

    against(play)


def test_a_server_that_never_answers_is_left() -> None:
    async def play(come: Callable[[], Awaitable[Talker]], reading: Reading) -> None:
        one = await come()
        assert client.build(2) == await one.hear(6)
        reading.skip_ns += 31 * SECOND
        reading.upstream.look()
        assert BREAK == await one.rest()

    against(play)


def test_a_server_that_hangs_up_on_version_two_is_asked_in_version_one() -> None:
    async def play(come: Callable[[], Awaitable[Talker]], reading: Reading) -> None:
        first = await come()
        await first.hear(6)
        first.close()
        second = await come()
        await _shake(second, version=1)
        await second.say(message(PACKETS[0]))
        assert PACKETS[:1] == await reading.got(1)

    against(play)


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (BREAK, "said good-bye"),
        (BUSY, "takes no more clients"),
        (client.build(client.FAULT), "reports a fault"),
        (bytes.fromhex("0000ffffffff"), "sent what cannot be"),
        (b"", "closed the connection"),
    ],
)
def test_what_came_before_the_end_is_delivered(end: bytes, why: str) -> None:
    async def play(come: Callable[[], Awaitable[Talker]], reading: Reading) -> None:
        one = await come()
        await _shake(one)
        await one.say(b"".join(map(message, PACKETS[:5])) + end)
        one.close()
        again = await come()

        assert PACKETS[:5] == await reading.got(5)
        assert why in reading.upstream.status().why
        assert client.build(2) == await again.hear(6)

    against(play)


def test_less_than_what_was_asked_for_is_told() -> None:
    async def play(come: Callable[[], Awaitable[Talker]], reading: Reading) -> None:
        one = await come()
        await _shake(one, unit=0x91F5)
        await reading.opened()
        assert "Wish(unit=37365, " in reading.voice.texts("warning")[0]
        assert Wish(0x91F5, 0xFFFE, 0xFFFF) == reading.upstream.status().granted

    against(play)


def test_a_server_that_ends_each_session_at_its_beginning_is_one_alarm() -> None:
    async def play(come: Callable[[], Awaitable[Talker]], reading: Reading) -> None:
        for end in (BREAK, client.build(client.FAULT), BUSY, b""):
            one = await come()
            await _shake(one)
            await one.say(end)
            one.close()
        last = await come()
        key = ALARM.format(reading.port)
        assert [f"+{key}"] == reading.voice.history

        await _shake(last)
        await reading.opened()
        assert [f"+{key}"] == reading.voice.history
        await last.say(message(PACKETS[0]))
        await reading.got(1)
        assert [f"+{key}", f"-{key}"] == reading.voice.history

    against(play)


def test_what_is_no_packet_is_counted() -> None:
    async def play(come: Callable[[], Awaitable[Talker]], reading: Reading) -> None:
        one = await come()
        await _shake(one)
        await one.say(message(bytes(1024)) + message(PACKETS[0]))
        await reading.got(1)
        one.close()
        await come()
        assert {"not-a-packet": 1} == dict(reading.upstream.oddities)
        assert {"127.0.0.1": {"upstream: not-a-packet": 1}} == reading.peers.rows()

    against(play)


def test_without_room_nothing_is_read_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handover, "AGAIN_S", 0.001)

    async def play(come: Callable[[], Awaitable[Talker]], reading: Reading) -> None:
        one = await come()
        await _shake(one)
        await reading.opened()
        reading.room = False
        await one.say(message(PACKETS[0]))
        await until(lambda: reading.upstream._out.held)
        many = b"".join(map(message, PACKETS)) * 400  # 16 MB: more than buffers hold
        sending = asyncio.ensure_future(one.say(many))
        for _ in range(200):
            await asyncio.sleep(0)
        reading.skip_ns += 100 * SECOND
        reading.upstream.look()
        assert not sending.done()
        assert "open" == reading.upstream.status().state, "it is not the server that is silent"
        reading.room = True
        await sending
        assert PACKETS * 400 == (await reading.got(1 + 400 * len(PACKETS)))[1:]

    against(play)


@pytest.mark.parametrize("host", ["name.invalid", "a" * 70 + ".example", "", "a..b"])
def test_an_unknown_host_is_told_and_tried_again(host: str) -> None:
    async def play() -> None:
        heard = Heard()
        upstream = Upstream(
            host, 2543, Wish(), lambda _: True, heard, retry_s=(0.001, 0.001), grace_s=0
        )
        running = asyncio.ensure_future(upstream.run())
        await until(lambda: upstream.status().attempts >= 2)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert f"upstream {host}:2543: no connection: " in heard.texts("warning")[0]

    run(play())


def test_an_octet_at_a_time_is_understood() -> None:
    async def play(come: Callable[[], Awaitable[Talker]], reading: Reading) -> None:
        one = await come()
        await _shake(one)
        for octet in message(PACKETS[0]):
            await one.say(bytes((octet,)))
        assert PACKETS[:1] == await reading.got(1)

    against(play)


def test_a_name_is_looked_up() -> None:
    async def play() -> None:
        server, heard = Server(), Heard()
        upstream = Upstream("localhost", server.port, Wish(), lambda _: True, heard)
        running = asyncio.ensure_future(upstream.run())
        await until(lambda: upstream.status().state == "open")
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        server.close()

    run(play())


def test_an_end_does_not_wait_for_a_slow_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, asked = threading.Event(), threading.Event()

    def slow(host: str, *_: object, flags: int = 0, **__: object) -> list[object]:
        if flags:
            raise socket.gaierror("no address")
        asked.set()
        answer.wait(LIMIT_S)
        raise socket.gaierror("too late")

    async def play() -> None:
        upstream = Upstream("rtpd.example", 2543, Wish(), lambda _: True, Heard())
        running = asyncio.ensure_future(upstream.run())
        await until(asked.is_set)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    run(play())
    ended_first = not answer.is_set()
    answer.set()
    assert ended_first
