"""Emulated recorders reach a receiver over every transport, on loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from portbook.emulators import plant
from portbook.emulators.reftek import profiles, running
from portbook.emulators.reftek.fleet import Fleet
from portbook.emulators.reftek.linked import Linked
from portbook.emulators.reftek.profiles import Asked
from portbook.emulators.reftek.running import Pace
from portbook.emulators.reftek.sending import Carrier, Tcp, Udp
from portbook.emulators.reftek.server import Server
from portbook.emulators.reftek.weather import Weather
from portbook.errors import SourceError
from portbook.protocols.reftek import client, pbl1
from portbook.protocols.reftek.links import LinkReceiver

NANO = 1_000_000_000
LOOPBACK = "127.0.0.1"
HELLO = bytes.fromhex("000100000000")
PROCESS = bytes.fromhex("000b000000040000522b")


def fleet(units: int = 3, **more: object) -> Fleet:
    asked = Asked(units, start_ns=plant.START_NS, record_s=60)._replace(**more)
    return Fleet.of(profiles.scene("clean", asked))


def made(packets: int, units: int = 3) -> Counter[bytes]:
    return Counter(one.octets for one in fleet(units).flow(most=packets))


@contextmanager
def listening() -> Iterator[tuple[list[tuple[bytes, tuple[str, int]]], tuple[str, int]]]:
    """Give a UDP receiver: the list of what came so far, and its address."""
    came: list[tuple[bytes, tuple[str, int]]] = []
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((LOOPBACK, 0))

        def listen() -> None:
            while True:
                datagram, peer = sock.recvfrom(2048)
                if not datagram:
                    return
                came.append((datagram, peer))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield came, sock.getsockname()
        finally:
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ending:
                ending.sendto(b"", sock.getsockname())
            thread.join(10)


def run(carrier: Carrier, pace: Pace, packets: int, units: int = 3) -> tuple[Fleet, int]:
    some = fleet(units)
    with closing(carrier):
        left = running.run(some.flow(most=packets), carrier, pace, finish_s=20)
    return some, left


def test_udp_takes_each_packet_as_a_datagram_from_a_port_of_its_recorder() -> None:
    pace = Pace(0)
    with listening() as (came, address):
        carrier = Udp(address, fleet().units, Weather(), 0, pace.elapsed_ns, 20_000)
        some, left = run(carrier, pace, 300)

    assert 0 == left
    assert made(300) == Counter(octets for octets, _ in came)
    ports = {(octets[4:6], peer[1]) for octets, peer in came}
    assert 3 == len(ports) == len({port for _, port in ports})
    account = running.account(some, carrier)
    assert 300 == sum(one.made for one in account) == sum(one.sent for one in account)


def test_the_network_on_the_way_is_accounted_for_exactly() -> None:
    pace, weather = Pace(0), Weather(loss=0.2, doubled=0.1, shuffle=16)
    with listening() as (came, address):
        carrier = Udp(address, fleet().units, weather, 5, pace.elapsed_ns, 20_000)
        some, _ = run(carrier, pace, 400)

    account = running.account(some, carrier)
    told = running.summary(some, account, 0, 1.0)
    assert 400 == told.made
    assert len(came) == told.sent == told.made - told.lost + told.doubled
    assert told.lost > 40
    assert told.doubled > 10
    got = Counter(f"{octets[4:6].hex().upper()}" for octets, _ in came)
    assert got == {one.unit: one.sent for one in account}


def test_after_an_outage_it_goes_on_from_another_address_and_port_with_all_it_kept() -> None:
    pace = Pace(2000)
    weather = Weather(outages=((30 * NANO, 100 * NANO), (150 * NANO, 250 * NANO)))
    with listening() as (came, address):
        carrier = Udp(address, fleet().units, weather, 0, pace.elapsed_ns, 50_000)
        _, left = run(carrier, pace, 500)

    assert 0 == left
    assert made(500) == Counter(octets for octets, _ in came)
    # all of 127.0.0.0/8 is there on Linux only; everywhere else a new port alone has to do
    unit = came[0][0][4:6]
    peers = list(dict.fromkeys(peer for octets, peer in came if octets[4:6] == unit))
    assert 3 == len(peers)
    times = [octets[6:12] for octets, _ in came if octets[4:6] == unit and octets[:2] == b"SH"]
    assert times == sorted(times)


def test_tcp_takes_packets_in_a_row_and_comes_back_when_it_is_cut_off() -> None:
    pace = Pace(0)
    came = bytearray()
    connections = []
    with closing(socket.create_server((LOOPBACK, 0))) as server:

        def listen() -> None:
            for _ in range(2):
                peer, _ = server.accept()
                connections.append(peer)
                with closing(peer):
                    while octets := peer.recv(65536):
                        came.extend(octets)

        thread = threading.Thread(target=listen)
        thread.start()
        weather = Weather(outages=((60 * NANO, 70 * NANO),))
        carrier = Tcp(server.getsockname()[:2], fleet(1).units, weather, 0, pace.elapsed_ns, 1e6)
        _, left = run(carrier, pace, 200, units=1)
        thread.join(10)

    assert 0 == left
    assert 2 == len(connections)
    assert made(200, 1) == Counter(bytes(came[at : at + 1024]) for at in range(0, len(came), 1024))


def test_tcp_that_nobody_takes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server((LOOPBACK, 0))) as server:
        address = server.getsockname()[:2]
    monkeypatch.setattr("portbook.emulators.reftek.sending.PATIENCE_S", 0.1)
    carrier = Tcp(address, fleet().units, Weather(), 0, lambda: 0, 1e6)

    with pytest.raises(SourceError, match="is the receiver running"):
        run(carrier, Pace(0), 5)


class Far:
    """The far end of PBL1 links, on a socket of its own: everything is safe at once."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.bind((LOOPBACK, 0))
        self.sock.settimeout(0.02)
        self.links: dict[tuple[int, int], LinkReceiver] = {}
        self.peers: dict[tuple[int, int], list[tuple[str, int]]] = {}
        self.came: list[bytes] = []
        self.over = False
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while not self.over:
            try:
                datagram, peer = self.sock.recvfrom(2048)
            except TimeoutError:
                datagram, peer = b"", ("", 0)
            frame = pbl1.read(datagram)
            if frame:
                key = frame.unit, frame.token
                link = self.links.setdefault(key, LinkReceiver(*key))
                peers = self.peers.setdefault(key, [])
                if peer not in peers:
                    peers.append(peer)
                for _, packet in link.take(frame, time.monotonic_ns()):
                    self.came.append(packet)
                link.safe(link.expected)
            for key, link in self.links.items():
                while octets := link.reply(time.monotonic_ns()):
                    self.sock.sendto(octets, self.peers[key][-1])

    def close(self) -> None:
        self.over = True
        self.thread.join(10)
        self.sock.close()


def test_a_link_brings_everything_through_a_network_that_loses_a_fifth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # a lost DISCOVER costs five seconds, and a third of them are lost here
    monkeypatch.setattr("portbook.protocols.reftek.link_sender.ASK_NS", NANO // 5)
    pace, weather = Pace(0), Weather(loss=0.2, doubled=0.05, shuffle=8)
    with closing(Far()) as far:
        carrier = Linked(far.sock.getsockname(), fleet().units, weather, 12, pace.elapsed_ns, 64)
        some, left = run(carrier, pace, 300)

    assert 0 == left
    for unit in some.units:
        mine = [one for one in far.came if int.from_bytes(one[4:6]) == unit]
        assert mine == [one.octets for one in fleet().flow(most=300) if one.unit == unit]
    account = running.account(some, carrier)
    assert [one.made for one in account] == [one.acknowledged for one in account]
    assert all(one.repeated for one in account)


def test_a_link_lives_through_an_outage_and_comes_back_from_another_port() -> None:
    pace, weather = Pace(500), Weather(outages=((40 * NANO, 400 * NANO),))
    with closing(Far()) as far:
        carrier = Linked(far.sock.getsockname(), fleet(1).units, weather, 7, pace.elapsed_ns)
        _, left = run(carrier, pace, 100, units=1)

    assert 0 == left
    assert list(made(100, 1)) == far.came
    assert [2] == [len(peers) for peers in far.peers.values()]


# ------------------------------------------------------------------------------- served as an RTPD


class Reader:
    """A program that reads from an RTPD, in a thread."""

    def __init__(self, address: tuple[str, int], attributes: str, version: int = 1) -> None:
        self.sock = socket.create_connection(address, 10)
        self.stream = b""
        self.attributes = bytes.fromhex(attributes)
        self.version = version
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self) -> None:
        self.sock.sendall(bytes((0, self.version)) + bytes(4))
        assert bytes((0, self.version)) + bytes(4) == self.exactly(6)
        process = PROCESS if self.version == 1 else bytes.fromhex("000b00000024") + bytes(36)
        self.sock.sendall(process)
        self.exactly(len(process))
        self.sock.sendall(client.build(client.ATTR, self.attributes))
        self.exactly(6 + len(self.attributes))
        while octets := self.sock.recv(65536):
            self.stream += octets

    def exactly(self, many: int) -> bytes:
        octets = b""
        while len(octets) < many:
            octets += self.sock.recv(many - len(octets))
        return octets

    def messages(self) -> list[client.Message]:
        found: list[client.Message] = []
        at = 0
        while at < len(self.stream):
            some, wrong = client.messages(self.stream, at)
            assert wrong is None
            found += some
            last = some[-1]
            at = last.offset + 6 + (4 if last.type in client.EXTENDED else 0) + last.length
        return found

    def close(self) -> None:
        self.thread.join(10)
        self.sock.close()


EVERYTHING = "000000000000fffe000001ff0000001e000000000000000000000000"
SEISCOMP = "0000000000000110000000ff0000001e000000000000000000000000"
ONE_UNIT = "000090020000fffe000000ff0000001e000000000000000000000000"


def test_programs_read_from_it_each_what_it_asked_for() -> None:
    pace = Pace(0)
    server = Server((LOOPBACK, 0), Weather(), 0, pace.elapsed_ns, patient=True)
    readers = [
        Reader(server.address, EVERYTHING),
        Reader(server.address, SEISCOMP),
        Reader(server.address, ONE_UNIT),
        Reader(server.address, EVERYTHING + "00000001", version=2),
    ]
    try:
        assert server.await_clients(4, 10)
        _, left = run(server, pace, 400)
    finally:
        for one in readers:
            one.close()

    assert 0 == left
    sent = list(fleet().flow(most=400))
    expected = [
        [one.octets for one in sent],
        [one.octets for one in sent if one.octets[:2] in (b"DT", b"SH")],
        [one.octets for one in sent if one.unit == 0x9002],
        [one.octets for one in sent],
    ]
    for reader, wanted in zip(readers, expected, strict=True):
        *packets, last = reader.messages()
        assert client.BREAK == last.type
        assert wanted == [one.payload for one in packets]
        assert {0 if reader.version == 1 else 13} == {one.type for one in packets}


def test_a_client_that_never_reads_is_cut_off_and_harms_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portbook.emulators.reftek.server.MOST_WAITING", 100)
    pace = Pace(0)
    server = Server((LOOPBACK, 0), Weather(), 0, pace.elapsed_ns)
    idle = socket.socket()
    idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with closing(idle):
        idle.connect(server.address)
        idle.sendall(HELLO + PROCESS + client.build(client.ATTR, bytes.fromhex(EVERYTHING)))
        assert server.await_clients(1, 10)
        run(server, pace, 20_000, units=40)

    assert 1 == server.dropped


def test_an_address_that_is_taken_is_told() -> None:
    with (
        closing(socket.create_server((LOOPBACK, 0))) as taken,
        pytest.raises(SourceError, match="cannot be listened on"),
    ):
        Server(taken.getsockname()[:2], Weather(), 0, lambda: 0)
