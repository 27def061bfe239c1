"""Stand-ins over real sockets: where they stand, how many at once, how they misbehave."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from support import veth

from portbook.emulators.controllers import KINDS, Plate, Session, device, unitrends
from portbook.emulators.controllers.codesys import Codesys
from portbook.emulators.controllers.ftp import Ftp
from portbook.emulators.controllers.modbus import Modbus
from portbook.emulators.controllers.optommp import OptoMmp
from portbook.emulators.controllers.running import Running, standing
from portbook.emulators.controllers.standing import Manners, Stand
from portbook.emulators.controllers.unitrends import Unitrends
from portbook.errors import SourceError, UsageError
from portbook.ports import Transport

HERE, EVERYBODY = "127.0.0.1", "127.255.255.255"
UDP, TCP = Transport.UDP, Transport.TCP
READ_FLAG = bytes.fromhex("000004400000fffff0300004")
FLAG = bytes.fromhex("00000460000000000000000000000001")
IDENTIFY = bytes.fromhex("000100000005012b0e0100")


@contextmanager
def heard(address: str, port: int, *, shared: bool = False) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if shared:
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ear.bind((address, port))
        ear.settimeout(10)
        yield ear


def connected(running: Running, number: int = 0) -> socket.socket:
    stand = running.stands[number]
    made = socket.create_connection((stand.address, running.port(stand, TCP)), timeout=10)
    made.settimeout(10)
    return made


@contextmanager
def talk(stand: Stand) -> Iterator[tuple[Running, socket.socket]]:
    """Run one stand-in and be connected to it."""
    with standing(stand) as running, connected(running) as one:
        yield running, one


def read(sock: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (octets := sock.recv(size - len(found))):
        found += octets
    return found


def rest(sock: socket.socket) -> bytes:
    """Return what comes until the other side closes, be it rudely."""
    found = b""
    try:
        while octets := sock.recv(4096):
            found += octets
    except ConnectionError:
        pass
    return found


def base_port() -> int:
    """Return the first of four UDP ports in a row that are free on the addresses used here."""
    for _ in range(50):
        with heard(HERE, 0) as one:
            base = one.getsockname()[1]
        if base + 10_003 > 65535:
            continue
        try:
            for port in range(base, base + 4):
                for address in (HERE, "127.0.0.50"):
                    with heard(address, port):
                        pass
                with socket.create_server((HERE, port + 10_000)):  # where TCP goes with it
                    pass
        except OSError:
            continue
        return int(base)
    raise AssertionError("no four free ports in a row")


def test_a_codesys_runtime_announces_itself_to_all_four_ports_again_and_again() -> None:
    base = base_port()
    with heard(EVERYBODY, base + 2, shared=True) as ear, heard(EVERYBODY, base + 3) as last:
        runtime = Codesys(Plate("a", "b", "c", "3.5.20.40", "s"), period_s=0.05)
        with standing(Stand(runtime, "127.0.0.20", base)):
            told = [ear.recvfrom(64) for _ in range(3)]
            assert (told[0][0], ("127.0.0.20", base)) == last.recvfrom(64)

    # 127.0.0.20 of a /8, port index 0
    assert {("c50b40010020000000140000", ("127.0.0.20", base))} == {
        (octets.hex(), sender) for octets, sender in told
    }


def test_runtimes_at_one_address_take_the_first_free_ports_and_tell_their_index() -> None:
    base = base_port()
    runtimes = [Codesys(period_s=0) for _ in range(4)]
    stands = [Stand(one, HERE, base) for one in runtimes]
    with Running(*stands) as running:
        for index, (runtime, stand) in enumerate(zip(runtimes, stands, strict=True)):
            assert base + index == running.port(stand, UDP)
            assert base + 10_000 + index == running.port(stand, TCP)
            # 127.0.0.1 of a /8: the index stands before the host's 24 bits
            assert f"c50b40010020{index:02x}0000010000" == runtime.announcement().hex()
        with pytest.raises(SourceError, match="it is taken"):
            Running(Stand(Codesys(), HERE, base))


def test_a_codesys_runtime_answers_a_broadcast_at_the_address_encoded_in_it() -> None:
    base = base_port()
    plate = Plate("press-1", "Example", "EX", "3.5.20.40", "SN")
    with (
        standing(Stand(Codesys(plate, period_s=0), "127.0.0.20", base)),
        heard("127.0.0.50", base + 2) as encoded,
        heard("127.0.0.60", 0) as asker,
    ):
        # from 127.0.0.50 of a /8, index 2, it says; it is sent by somebody else
        question = bytes.fromhex("c5744003002012340200003202c2000444332211")
        asker.sendto(question, (EVERYBODY, base))
        octets, sender = encoded.recvfrom(2048)
        asker.setblocking(False)
        with pytest.raises(BlockingIOError):
            asker.recv(1)

    assert ("127.0.0.20", base) == sender
    assert bytes.fromhex("c573400400220200003200000014") == octets[:14]
    assert "press-1".encode("utf-16-le") in octets


def test_an_opto_22_unit_answers_over_udp_tcp_and_to_a_broadcast_at_one_number() -> None:
    with standing(Stand(OptoMmp(), HERE, 0)) as running, heard(HERE, 0) as asker:
        port = running.port(running.stands[0], UDP)
        assert port == running.port(running.stands[0], TCP)
        for address in (HERE, EVERYBODY):
            asker.sendto(READ_FLAG, (address, port))
            assert (FLAG, (HERE, port)) == asker.recvfrom(64)
        with connected(running) as one:
            one.sendall(READ_FLAG * 3)
            assert FLAG * 3 == read(one, 48)

    (told,) = running.records()
    assert {"read status": 5} == told.asked
    assert (1, 2, 60, 80) == (told.connections, told.datagrams, told.octets_in, told.octets_out)


def test_an_opto_22_unit_has_four_connections_and_closes_the_fifth() -> None:
    with standing(Stand(OptoMmp(), HERE, 0)) as running:
        kept = [connected(running) for _ in range(4)]
        for one in kept:
            one.sendall(READ_FLAG)
            assert FLAG == read(one, 16)
        with connected(running) as fifth:
            assert b"" == rest(fifth)
        kept.pop().close()
        for one in kept:
            one.sendall(READ_FLAG)
            assert FLAG == read(one, 16)
            one.close()

    assert 1 == running.records()[0].refused


def test_unitrends_greets_throws_away_what_comes_and_closes() -> None:
    with talk(Stand(Unitrends(data_port=1745), HERE, 0)) as (running, one):
        greeting = read(one, 43)
        one.sendall(b"\xa5R\0-" + b"." * 4092)
        assert b"" == rest(one)

    assert greeting.endswith(b"Connect1745\0\0\0")
    assert {"connection, greeted": 1, "something sent, thrown away": 1} == (
        running.records()[0].asked
    )


def test_one_of_each_stands_at_once_and_each_has_its_own_places() -> None:
    stands = [
        Stand(device(kind)(), f"127.0.0.{11 + number}", 0) for number, kind in enumerate(KINDS)
    ]
    with standing(*stands) as running:
        with connected(running, list(KINDS).index("modbus")) as one:
            one.sendall(IDENTIFY)
            assert IDENTIFY[:4] == read(one, 9)[:4]
        with connected(running, list(KINDS).index("ftp")) as one:
            assert b"220 " == read(one, 4)

    assert [*KINDS] == [one.protocol for one in running.places()]
    assert [1, 1] == [one.connections for one in running.records() if one.connections]
    listens = [text for one in running.places() for text in one.listens]
    assert len(listens) == len(set(listens))


@pytest.mark.parametrize("address", ["10.0.0.5", "192.0.2.7", "0.0.0.0", "224.0.0.1", "plc-1"])
def test_nothing_stands_beyond_loopback_unless_told_twice(address: str) -> None:
    with pytest.raises(UsageError, match=r"loopback|one address"):
        Stand(Modbus(), address)


def test_an_address_said_twice_is_taken_and_its_subnet_bounds_what_is_sent() -> None:
    stand = Stand(Codesys(), "10.20.0.11", prefix=24, yes="10.20.0.11")

    assert stand.reaches("10.20.0.50")
    assert stand.reaches("10.20.0.255")
    assert not stand.reaches("10.20.1.50")
    assert not stand.reaches("192.0.2.1")


def test_on_loopback_nothing_else_is_reached_whatever_the_prefix() -> None:
    stand = Stand(Codesys(), HERE, prefix=0)

    assert stand.reaches("127.9.9.9")
    assert not stand.reaches("192.0.2.1")


@veth.needs_veth
def test_on_an_interface_it_announces_to_the_subnet_that_the_interface_has() -> None:
    with veth.pair():
        veth.run("ip", "address", "add", "10.20.0.11/24", "broadcast", "+", "dev", "left")
        stand = Stand(Codesys(period_s=60), "10.20.0.11", yes="10.20.0.11")
        with closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))) as ear:
            ear.bind(("right", 0))
            ear.settimeout(10)
            with standing(stand):
                frames = [ear.recv(2048) for _ in range(4)]

    assert 24 == stand.prefix
    payload = bytes.fromhex("c50b40010010000b")
    for port, frame in zip((1740, 1741, 1742, 1743), frames, strict=True):
        assert bytes((10, 20, 0, 11, 10, 20, 0, 255)) == frame[26:34]
        assert struct.pack(">HH", 1740, port) == frame[34:38]
        assert payload == frame[42:50]


def test_an_announcement_beyond_the_subnet_is_refused_before_it_is_sent() -> None:
    with pytest.raises(UsageError, match="outside"):
        Running(Stand(Codesys(announce_to=("192.0.2.255",)), HERE, 0))


def test_a_device_of_ipv4_cannot_stand_at_an_ipv6_address_and_others_can() -> None:
    with pytest.raises(UsageError, match="IPv4"):
        Stand(OptoMmp(), "::1")
    if not socket.has_ipv6:
        return
    with standing(Stand(Ftp(), "::1", 0)) as running, connected(running) as one:
        assert b"220 " == read(one, 4)


def test_a_port_that_is_taken_is_told_with_what_to_do_or_another_is_taken() -> None:
    with Running(Stand(Ftp(), HERE, 0)) as first:
        port = first.port(first.stands[0], TCP)
        with pytest.raises(SourceError, match=rf"{HERE} port {port} .* taken.*--listen {HERE}:0"):
            Running(Stand(Ftp(), HERE, port))


def test_manners_silent_hang_up_and_cut() -> None:
    cases = [
        (Manners(silent=True), b""),
        (Manners(cut=3), FLAG[:-3]),
        (Manners(times=3), FLAG * 3),
        (Manners(dribbles=True), FLAG),
        (Manners(late_s=0.05), FLAG),
    ]
    for manners, wanted in cases:
        with talk(Stand(OptoMmp(), HERE, 0, manners=manners)) as (_, one):
            one.sendall(READ_FLAG)
            if not wanted:
                one.shutdown(socket.SHUT_WR)
            assert wanted == (read(one, len(wanted)) if wanted else rest(one)), manners
    with talk(Stand(OptoMmp(), HERE, 0, manners=Manners(hangs_up=True))) as (_, one):
        assert b"" == rest(one)


def test_an_answer_storm_and_an_answer_from_a_stranger() -> None:
    storm = Stand(OptoMmp(), HERE, 0, manners=Manners(times=100))
    strange = Stand(OptoMmp(), "127.0.0.3", 0, manners=Manners(stranger="127.0.0.9"))
    with standing(storm, strange) as running, heard(HERE, 0) as asker:
        asker.sendto(READ_FLAG, (HERE, running.port(storm, UDP)))
        assert [FLAG] * 100 == [asker.recv(64) for _ in range(100)]
        asker.sendto(READ_FLAG, ("127.0.0.3", running.port(strange, UDP)))
        assert (FLAG, ("127.0.0.9", running.port(strange, UDP))) == asker.recvfrom(64)


def test_a_client_that_asks_and_never_reads_is_held_back() -> None:
    with standing(Stand(OptoMmp(), HERE, 0)) as running, connected(running) as one:
        one.setblocking(False)
        block = bytes.fromhex("000008500000fffff030000002000000") * 256
        sent = 0
        for _ in range(2000):
            try:
                sent += one.send(block)
            except BlockingIOError:
                break
        with connected(running) as other:  # the others do not notice
            other.sendall(READ_FLAG)
            assert FLAG == read(other, 16)
        (client, *_) = [*running._clients.values()]
        assert len(client.out) < 2 * (1 << 20)

    assert sent


def test_a_connection_is_closed_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "idle_s", 0.05)
    with talk(Stand(Ftp(), HERE, 0)) as (_, idle):
        assert rest(idle).startswith(b"220 ")
    assert 3_000_000_007 == Unitrends().session(7).until_ns

    monkeypatch.setattr(unitrends, "OPEN_S", 0.05)
    with talk(Stand(Unitrends(), HERE, 0)) as (_, greeted):
        assert 44 == len(rest(greeted))


def test_a_runtime_that_was_held_up_announces_once_not_for_each_minute_it_missed() -> None:
    runtime = Codesys()
    minute = 60 * 10**9
    sent = [len(list(runtime.beat(now))) for now in (5, 6, 5 + minute, 5 + 10 * minute)]
    sent.append(len(list(runtime.beat(6 + 10 * minute))))

    assert [4, 0, 4, 4, 0] == sent
    assert 5 + 11 * minute == runtime.next_ns()
