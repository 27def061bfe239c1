"""The ring's clients over real sockets: many, slow, silent, rude."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from daemons.rtp import (
    BEAT,
    BREAK,
    BUSY,
    FLUSH,
    PACKETS,
    START,
    STOP,
    Served,
    Talker,
    handshake,
    message,
    run,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from support import reftek

from portbook.protocols.reftek import client
from portbook.protocols.reftek.client import Wish

SMALL = 4096  # of a socket's buffer: soon full
MANY = [one for number in range(1, 12) for one in reftek.event(number=number)]  # 418 packets


def served(play: Callable[[Served], Awaitable[None]], slots: int = 256, **more: object) -> None:
    async def acted() -> None:
        house = Served(slots, **more)
        try:
            await play(house)
        finally:
            house.close()

    run(acted())


async def until(true: Callable[[], object]) -> None:
    """Let the loop turn until something holds."""
    while not true():
        await asyncio.sleep(0)


def test_a_client_gets_every_packet_that_comes_after_it() -> None:
    async def play(house: Served) -> None:
        house.put(PACKETS[:2])
        one = await house.shaken()
        house.put(PACKETS[2:5])
        house.put(PACKETS[5:])

        wanted = b"".join(map(message, PACKETS[2:]))
        assert wanted == await one.hear(len(wanted))
        (status,) = house.fanout.status()
        assert (len(PACKETS) - 2, 0, 1) == (status.packets, status.lag, status.version)

    served(play)


def test_a_client_of_version_two_gets_extended_messages_and_is_known_by_name() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken(version=2)
        house.put(PACKETS[:1])

        assert bytes.fromhex("000d 00000400 00000020") + PACKETS[0] == await one.hear(1034)
        (status,) = house.fanout.status()
        assert ("tester", 2, 1) == (status.program, status.version, status.packets)

    served(play)


def test_each_client_gets_what_it_wished_for() -> None:
    async def play(house: Served) -> None:
        wishes = [Wish(0x9D20, 0xFFFE, 0xFFFF), Wish(0xAE4C, 0xFFFE, 0xFFFF), Wish(0, 0x0020)]
        clients = [await house.shaken(wish) for wish in wishes]
        house.put(PACKETS[:3] + reftek.event("AE4C")[:3])
        house.look(15)

        here, there = PACKETS[:3], reftek.event("AE4C")[:3]
        for one, wanted in zip(clients, (here, there, [here[0], there[0]]), strict=True):
            octets = b"".join(map(message, wanted)) + BEAT
            assert octets == await one.hear(len(octets))

    served(play)


def test_heartbeats_come_when_nothing_else_does() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        house.look(14.9)
        house.put(PACKETS[:1])
        house.look(29.8)
        house.put(PACKETS[1:2])
        house.look(44.8)

        wanted = message(PACKETS[0]) + message(PACKETS[1]) + BEAT
        assert wanted == await one.hear(len(wanted))

    served(play)


def test_one_too_many_is_told_busy_and_the_others_stay() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        late = await house.client()
        await late.say(handshake())
        assert client.build(1) + BUSY == await late.rest()

        house.put(PACKETS[:1])
        assert message(PACKETS[0]) == await one.hear(1030)
        assert {"adopted": 1, "busy": 1} == dict(house.fanout.counts)
        assert {"told BUSY": 1} == dict(house.fanout.peers.totals)
        (told,) = house.voice.texts("warning")
        assert told.endswith("is told BUSY: 1 clients are connected, clients.most is 1")

    served(play, most=1)


def test_good_bye_frees_the_place() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        await one.say(BREAK)
        assert await one.rest() == b""
        assert [] == house.fanout.status()
        await house.shaken()

    served(play, most=1)


def test_the_server_says_good_bye_when_it_stops() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        house.put(PACKETS[:1])
        house.fanout.stop()
        assert message(PACKETS[0]) + BREAK == await one.rest()

    served(play)


def test_stop_keeps_packets_back_and_flush_lets_go_of_them() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        await one.say(STOP)
        await until(lambda: not house.fanout.status()[0].started)
        house.put(PACKETS[:2])
        house.look(15)
        assert BEAT == await one.hear(6), "it lives, but nothing flows"
        await one.say(START)
        assert b"".join(map(message, PACKETS[:2])) == await one.hear(2060)

        await one.say(STOP)
        await until(lambda: not house.fanout.status()[0].started)
        house.put(PACKETS[2:4])
        await one.say(FLUSH + START)
        await until(lambda: house.fanout.status()[0].started)
        house.put(PACKETS[4:5])
        assert message(PACKETS[4]) == await one.hear(1030)

    served(play)


def test_who_stopped_the_flow_goes_on_at_what_is_still_held() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        await one.say(STOP)
        await until(lambda: not house.fanout.status()[0].started)
        house.put(PACKETS[:20])
        await one.say(START)
        wanted = b"".join(map(message, PACKETS[12:20]))
        assert wanted == await one.hear(len(wanted))

    served(play, slots=8)


def test_another_wish_holds_from_its_answer_on() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        house.put(PACKETS[:2])
        asked = handshake(Wish(0, 0x0020))[16:]
        await one.say(asked)
        wanted = b"".join(map(message, PACKETS[:2])) + asked
        assert wanted == await one.hear(len(wanted))
        house.put(PACKETS[:2])
        house.put(PACKETS[:1])
        assert message(PACKETS[0]) * 2 == await one.hear(2060)

    served(play)


def test_a_client_that_never_reads_costs_the_others_nothing_and_is_let_go() -> None:
    async def play(house: Served) -> None:
        deaf = await house.shaken(receive_octets=SMALL)
        keen = await house.shaken()
        got = b""
        for at in range(0, len(MANY), 10):
            house.put(MANY[at : at + 10])
            got += await keen.hear(1030 * len(MANY[at : at + 10]))
        assert b"".join(map(message, MANY)) == got

        house.look(1)
        house.look(4)

        assert [keen.socket.getsockname()[1]] == [one.port for one in house.fanout.status()]
        assert 1 == house.fanout.counts["slow"]
        assert "overwritten" in house.voice.texts("warning")[0]
        with suppress(ConnectionResetError):  # where there was no room for a last word
            assert BUSY == (await deaf.rest())[-6:]

    served(play, slots=16, send_octets=SMALL)


def test_a_client_further_behind_than_allowed_is_let_go() -> None:
    async def play(house: Served) -> None:
        await house.shaken(receive_octets=SMALL)
        house.put(MANY[:200])
        house.fanout.lag_packets = 199
        house.look(1)
        assert house.fanout.status()
        house.fanout.lag_packets = 50
        house.look(2)
        assert [] == house.fanout.status()
        house.look(5)
        assert "50 are allowed" in house.voice.texts("warning")[0]

    served(play, send_octets=SMALL)


@pytest.mark.parametrize("version", [1, 2])
def test_a_slow_client_gets_whole_messages_and_then_busy(version: int) -> None:
    async def play(house: Served) -> None:
        slow = await house.shaken(version=version, receive_octets=SMALL)
        for at in range(0, len(MANY), 10):
            house.put(MANY[at : at + 10])

        got = await slow.rest()

        size = 1030 if version == 1 else 1034
        count, left = divmod(len(got) - len(BUSY), size)
        assert (0, BUSY) == (left, got[-6:])
        packets = [got[at + size - 1024 : at + size] for at in range(0, count * size, size)]
        assert MANY[:count] == packets
        assert 0 < count < len(MANY)
        slow.close()
        await until(lambda: house.fanout.counts["slow"])

    served(play, slots=16, send_octets=SMALL)


def test_an_octet_at_a_time_reads_everything_in_the_end() -> None:
    async def play(house: Served) -> None:
        crawler = await house.shaken(receive_octets=SMALL)
        keen = await house.shaken()
        house.put(PACKETS)
        wanted = b"".join(map(message, PACKETS))
        begin = await crawler.hear(2000, most=1)
        assert wanted == await keen.hear(len(wanted))
        assert wanted == begin + await crawler.hear(len(wanted) - 2000)

    served(play, send_octets=SMALL)


def test_half_a_handshake_is_closed_after_ten_seconds() -> None:
    async def play(house: Served) -> None:
        one = await house.client()
        await one.say(handshake()[:9])
        assert client.build(1) == await one.hear(6)
        house.look(9.9)
        assert house.fanout.status()
        house.look(10)
        assert await one.rest() == b""
        assert {"ended at process": 1} == dict(house.fanout.peers.totals)

    served(play)


def test_commands_are_refused_and_counted_by_peer() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        await one.say(client.build(client.COMMAND, bytes.fromhex("00000000")) * 3 + BREAK)
        assert await one.rest() == b""
        assert {"127.0.0.1": {"command-refused": 3}} == house.fanout.peers.rows()

    served(play)


def test_a_refused_command_is_told_while_the_client_stays() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        for _ in range(9):
            await one.say(client.build(client.COMMAND, bytes(4)))
        await until(lambda: house.fanout.peers.totals["command-refused"] == 9)

        (told,) = house.voice.texts("warning")
        assert told.endswith("(no name): command-refused, 1 time from its address")
        house.put(PACKETS[:1])
        assert message(PACKETS[0]) == await one.hear(1030)

    served(play)


@pytest.mark.parametrize("octets", ["0003ffffffff", "0001000004050000"])
def test_an_impossible_length_closes_the_connection(octets: str) -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        await one.say(bytes.fromhex(octets))
        assert await one.rest() == b""
        assert 1 == house.fanout.peers.totals["malformed-message"]

    served(play)


def test_who_asks_and_asks_and_never_reads_is_let_go() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken(receive_octets=SMALL)
        for _ in range(1000):
            _try(one, handshake()[16:] * 100)
            await asyncio.sleep(0)
        await until(lambda: not house.fanout.status())

    served(play, send_octets=SMALL)


def test_a_client_that_may_not_come_any_more_is_let_go() -> None:
    async def play(house: Served) -> None:
        one = await house.shaken()
        house.fanout.keep(lambda address: address != "127.0.0.1")
        assert BREAK == await one.rest()

    served(play)


def test_a_thousand_clients_are_held() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2200:
        pytest.skip("this system allows no 2,200 open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2200), hard))

    async def play(house: Served) -> None:
        wishes = (Wish(), Wish(0x9D20, 0xFFFE, 1))
        clients = [await house.shaken(wishes[number % 2]) for number in range(1000)]
        late = await house.client()
        await late.say(handshake())
        assert client.build(1) + BUSY == await late.rest()
        house.put(PACKETS[:1])
        house.put(PACKETS[1:5])
        wanted = b"".join(map(message, PACKETS[:5]))
        for one in clients:
            assert wanted == await one.hear(len(wanted))
        assert [5] * 1000 == [one.packets for one in house.fanout.status()]

    try:
        served(play)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 12)),
        st.tuples(st.just("read"), st.integers(1, 5000)),
        st.tuples(st.just("say"), st.sampled_from([START, STOP, FLUSH, handshake()[16:]])),
        st.tuples(st.just("look"), st.integers(1, 40)),
    ),
    max_size=30,
)


@given(st.integers(1, 2), _STEPS)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_messages_are_whole_and_packets_in_order(
    version: int, steps: list[tuple[str, object]]
) -> None:
    async def play(house: Served) -> None:
        one = await house.shaken(Wish(), version, receive_octets=SMALL)
        got, put, at_s = bytearray(), 0, 0
        for what, value in steps:
            if what == "put":
                house.put(MANY[put : put + int(str(value))])
                put += int(str(value))
            elif what == "read":
                got += _now(one, int(str(value)))
            elif what == "look":
                at_s += int(str(value))
                house.look(at_s)
            elif isinstance(value, bytes):
                _try(one, value)
            await asyncio.sleep(0)
        while any(client.blocked for client in house.fanout.status()):
            got += _now(one, 1 << 16)
            await asyncio.sleep(0)
        house.fanout.stop()
        with suppress(ConnectionResetError):
            got += await one.rest()
        _whole(bytes(got), version)

    served(play, slots=8, send_octets=SMALL)


def _now(one: Talker, most: int) -> bytes:
    try:
        return one.socket.recv(most)
    except (BlockingIOError, ConnectionResetError):
        return b""


def _try(one: Talker, octets: bytes) -> None:
    try:
        one.socket.send(octets)
    except OSError:
        return


def _whole(got: bytes, version: int) -> None:
    at, last = 0, -1
    while found := client.cut(got, at, version):
        if found.end > len(got):
            break
        assert 0 <= found.end - found.begin <= 1024, f"octet {at}: no message begins here"
        if found.type in (0, 13):
            place = MANY.index(got[found.begin : found.end])
            assert place > last
            last = place
        else:
            assert found.type in (client.NOP, client.ATTR, client.BUSY, client.BREAK)
        at = found.end
