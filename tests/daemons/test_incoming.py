"""TCP 2543: who is a client, who a stream of packets, who neither, and who only waits."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from daemons.hearsay import Heard
from daemons.rtp import PACKETS, SECOND, Talker, dial, handshake, listener, message, run
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.daemons.outputs.fanout import Fanout
from portbook.daemons.sources import descriptors, handover
from portbook.daemons.sources import incoming as incoming_module
from portbook.daemons.sources.incoming import Incoming
from portbook.seismic.ring import Ring
from portbook.seismic.spool import Arrival, Mode

STREAM = b"".join(PACKETS)


class Entrance:
    """A listener with what it hands on, and a clock that the test moves on."""

    def __init__(self, **more: object) -> None:
        self.adopted: list[tuple[socket.socket, bytes]] = []
        self.arrivals: list[Arrival] = []
        self.batches = 0
        self.room = True
        self.voice, self.now_ns, self.door = Heard(), 0, listener()
        self.incoming = Incoming(
            self.door,
            lambda sock, octets: self.adopted.append((sock, octets)),
            self.take,
            self.voice,
            clock=lambda: self.now_ns,
            **more,  # type: ignore[arg-type]
        )
        self.incoming.start(asyncio.get_running_loop())
        self.talkers: list[Talker] = []

    def take(self, batch: list[Arrival]) -> bool:
        if self.room:
            self.arrivals += batch
            self.batches += 1
        return self.room

    async def come(self) -> Talker:
        accepted = self.incoming.counts["accepted"]
        talker = await dial(self.door.getsockname()[1])
        self.talkers.append(talker)
        await until(lambda: self.incoming.counts["accepted"] > accepted)
        return talker

    def look(self, at_s: float) -> None:
        self.now_ns = int(at_s * SECOND)
        self.incoming.look(self.now_ns)

    @property
    def odd(self) -> dict[str, int]:
        return dict(self.incoming.peers.totals)

    def close(self) -> None:
        self.incoming.stop()
        for one in (*self.talkers, self.door, *(sock for sock, _ in self.adopted)):
            one.close()


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0)


def entered(play: Callable[[Entrance], Awaitable[None]], **more: object) -> None:
    async def acted() -> None:
        entrance = Entrance(**more)
        try:
            await play(entrance)
        finally:
            entrance.close()

    run(acted())


def test_a_client_is_handed_on_with_its_first_octets_and_nothing_is_said_before() -> None:
    async def play(entrance: Entrance) -> None:
        one = await entrance.come()
        for octet in handshake()[:5]:
            await one.say(bytes((octet,)))
        await asyncio.sleep(0)
        assert [] == entrance.adopted
        await one.say(handshake()[5:6])
        await until(lambda: entrance.adopted)

        sock, first = entrance.adopted[0]
        assert handshake()[:6] == first
        sock.send(b"x")
        assert b"x" == await one.hear(1), "the first octet that it ever gets"

    entered(play)


def test_a_stream_of_packets_arrives_whole_and_in_order() -> None:
    async def play(entrance: Entrance) -> None:
        one = await entrance.come()
        await one.say(STREAM)
        await until(lambda: len(entrance.arrivals) == len(PACKETS))

        assert PACKETS == [one.octets for one in entrance.arrivals]
        here = one.socket.getsockname()
        assert {(Mode.RAW, *here)} == {
            (one.mode, one.address, one.port) for one in entrance.arrivals
        }
        (status,) = entrance.incoming.status()
        assert (*here, len(PACKETS)) == status[:3]
        one.close()
        await until(lambda: not entrance.incoming.status())
        assert {} == entrance.odd

    entered(play)


@given(
    st.lists(st.integers(0, 3 * 1024), max_size=8).map(sorted),
    st.sampled_from([b"", b"HELO", PACKETS[3][:700], bytes(1024), PACKETS[3][:6] + bytes(2000)]),
)
@settings(max_examples=30, deadline=None)
def test_any_split_of_a_stream_brings_the_good_packets(cuts: list[int], end: bytes) -> None:
    async def play(entrance: Entrance) -> None:
        one = await entrance.come()
        said = b"".join(PACKETS[:3]) + end
        for begin, stop in pairwise([0, *cuts, len(said)]):
            await one.say(said[begin:stop])
            await asyncio.sleep(0)
        one.socket.shutdown(socket.SHUT_WR)
        assert b"" == await _rest(one)
        await until(lambda: len(entrance.arrivals) == 3)

        assert PACKETS[:3] == [one.octets for one in entrance.arrivals]
        wanted = {
            0: {},
            700: {"ended inside a message": 1},
            4: {"ended inside a message": 1},
        }.get(len(end), {"no packet where one must begin": 1})
        assert wanted == entrance.odd

    entered(play)


async def _rest(one: Talker) -> bytes:
    try:
        return await one.rest()
    except ConnectionResetError:  # it was closed with octets that nobody wanted
        return b""


@pytest.mark.parametrize(
    "octets", [b"GET / HTTP/1.1\r\n", bytes.fromhex("000100000006"), b"\0\3\0\0\0\0", b"DX"]
)
def test_foreign_octets_close_the_connection_without_an_answer(octets: bytes) -> None:
    async def play(entrance: Entrance) -> None:
        one = await entrance.come()
        await one.say(octets)
        assert b"" == await _rest(one)
        assert {"neither client nor packet": 1} == entrance.odd
        assert [] == entrance.adopted

    entered(play)


@pytest.mark.parametrize("octets", [b"", b"\0\1\0\0", b"D"])
def test_who_says_too_little_is_let_go_after_ten_seconds(octets: bytes) -> None:
    async def play(entrance: Entrance) -> None:
        one = await entrance.come()
        await one.say(octets)
        entrance.look(9.9)
        assert {} == entrance.odd
        entrance.look(10)
        assert b"" == await _rest(one)
        assert {"no whole message within 10 s": 1} == entrance.odd

    entered(play)


def test_a_stream_must_bring_its_first_packet_in_ten_seconds_and_may_rest_then() -> None:
    async def play(entrance: Entrance) -> None:
        slow, steady = await entrance.come(), await entrance.come()
        await slow.say(PACKETS[0][:1000])
        await steady.say(PACKETS[0] + PACKETS[1][:5])
        await until(lambda: len(entrance.incoming.status()) == 2 and entrance.arrivals)
        entrance.look(10)
        assert b"" == await _rest(slow)
        assert {"no whole packet within 10 s": 1} == entrance.odd
        entrance.look(3600)
        await steady.say(PACKETS[1][5:])
        await until(lambda: len(entrance.arrivals) == 2)

    entered(play)


def test_the_oldest_that_only_waits_makes_room() -> None:
    async def play(entrance: Entrance) -> None:
        first, second, third = [await entrance.come() for _ in range(3)]
        assert b"" == await first.rest()
        for one in (second, third):
            await one.say(handshake())
        await until(lambda: len(entrance.adopted) == 2)
        assert {"gave way to newer connections": 1} == entrance.odd

    entered(play, most_unknown=2)


def test_no_more_streams_than_allowed_are_taken() -> None:
    async def play(entrance: Entrance) -> None:
        first, second = await entrance.come(), await entrance.come()
        await first.say(PACKETS[0])
        await until(lambda: entrance.arrivals)
        await second.say(PACKETS[0])
        assert b"" == await _rest(second)
        assert {"too many streams": 1} == entrance.odd

    entered(play, most_streams=1)


def _nobody(_: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("more", "said", "why"),
    [
        ({"may_send": _nobody}, PACKETS[0], "source not allowed"),
        ({"may_read": _nobody}, handshake(), "client not allowed"),
    ],
)
def test_who_may_not_is_closed_and_counted(more: dict[str, object], said: bytes, why: str) -> None:
    async def play(entrance: Entrance) -> None:
        one = await entrance.come()
        await one.say(said)
        assert b"" == await _rest(one)
        assert {why: 1} == entrance.odd
        assert ([], []) == (entrance.adopted, entrance.arrivals)

    entered(play, **more)


def test_who_may_nothing_at_all_is_closed_at_once() -> None:
    async def play(entrance: Entrance) -> None:
        one = await entrance.come()
        assert b"" == await one.rest()
        assert {"connection not allowed": 1} == entrance.odd

    entered(play, may_read=_nobody, may_send=_nobody)


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "AGAIN_S", 0.001)


@pytest.mark.usefixtures("_soon")
def test_without_room_streams_are_not_read_and_nothing_is_lost() -> None:
    async def play(entrance: Entrance) -> None:
        entrance.room = False
        one, late = await entrance.come(), await entrance.come()
        await one.say(PACKETS[0])
        await until(lambda: entrance.incoming._out.held)
        await late.say(PACKETS[1])
        sending = asyncio.ensure_future(one.say(STREAM[1024:] * 200))  # 8 MB: more than buffers
        for _ in range(200):
            await asyncio.sleep(0)
        assert not sending.done(), "the sender has to wait"
        entrance.room = True
        await sending
        await until(lambda: len(entrance.arrivals) == 200 * len(PACKETS[1:]) + 2)

    entered(play)


def test_a_connection_that_would_take_the_last_descriptors_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(entrance: Entrance) -> None:
        monkeypatch.setattr(descriptors, "spare", lambda _: False)
        one = await entrance.come()
        assert await one.rest() == b""
        name = "no descriptor to spare; raise the limit of open files"
        assert {name: 1} == entrance.odd

    entered(play)


class Dry(socket.socket):
    """A listener whose system has no connection to give until it is told."""

    wet = False

    def accept(self) -> tuple[socket.socket, object]:
        if not self.wet:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_when_the_system_has_no_more_it_waits_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming_module, "_PAUSE_S", 0.001)

    async def play() -> None:
        door, voice = Dry(), Heard()
        door.bind(("127.0.0.1", 0))
        door.listen()
        entrance = Incoming(door, lambda sock, _: sock.close(), lambda _: True, voice)
        entrance.start(asyncio.get_running_loop())
        one = await dial(door.getsockname()[1])
        await until(lambda: entrance.peers.totals["connections cannot be taken"] > 2)
        assert [
            "no connection can be taken: Too many open files; raise the limit of open files"
        ] == (voice.texts("error"))
        door.wet = True
        await until(lambda: entrance.counts["accepted"])
        entrance.stop()
        for each in (one, door):
            each.close()

    run(play())


def test_the_end_hands_over_what_came_and_leaves_the_listener_open() -> None:
    async def play(entrance: Entrance) -> None:
        one = await entrance.come()
        await one.say(PACKETS[0])
        await until(lambda: entrance.incoming.counts["packets"])
        entrance.incoming.stop()
        assert 1 == len(entrance.arrivals)
        assert b"" == await _rest(one)
        later = await dial(entrance.door.getsockname()[1])  # waits for who comes after us
        later.close()

    entered(play)


def test_a_client_of_the_whole_server_gets_what_a_stream_brings() -> None:
    async def play() -> None:
        ring, voice, door = Ring(64), Heard(), listener()
        fanout = Fanout(ring, voice)

        def take(batch: list[Arrival]) -> bool:
            ring.append([one.octets for one in batch])
            fanout.pump()
            return True

        incoming = Incoming(door, fanout.adopt, take, voice)
        loop = asyncio.get_running_loop()
        fanout.start(loop)
        incoming.start(loop)
        reader, sender = [await dial(door.getsockname()[1]) for _ in range(2)]
        await reader.shake()
        await sender.say(STREAM)
        wanted = b"".join(map(message, PACKETS))
        assert wanted == await reader.hear(len(wanted))
        for one in (incoming, fanout):
            one.stop()
        for each in (reader, sender, door):
            each.close()

    run(play())
