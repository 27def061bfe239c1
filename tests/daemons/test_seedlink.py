"""The SeedLink server on real sockets: at once, in order, to each what it asked for."""

from __future__ import annotations

import errno
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_network
from typing import Any

import pytest
from support.live import MAP, RATE_HZ, SECOND, START_NS, YEAR, data, packets_4, wave
from support.looping import PATIENCE_S, Loop, looping, read_exactly

from portbook.daemons.outputs import seedlink_client
from portbook.daemons.outputs.seedlink import SeedLink
from portbook.protocols.seedlink.telling import About
from portbook.seismic.feed import Feed
from portbook.seismic.record_ring import RecordRing

UNITS = ("9D20", "9D21", "9D22")
ABOUT = About("portbook/1.0", "Example network", START_NS)


class Served:
    """A server on loopback, its feed, and clients of it."""

    def __init__(self, loop: Loop, slots: int, **more: Any) -> None:
        self.loop = loop
        self.now_ns = START_NS
        rates = {(unit, stream): RATE_HZ for unit in UNITS for stream in (0, 1)}
        self.feed = Feed(MAP, YEAR, rates)
        self.ring = RecordRing(slots)
        self.fed = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        more.setdefault("clock", lambda: self.now_ns)
        self.server = loop.call(SeedLink, self.ring, ABOUT, loop=loop.loop, **more)
        loop.call(self.server.listen, self.listening)
        self.port: int = self.listening.getsockname()[1]
        self._sockets = ExitStack()

    def give(self, many: int, units: tuple[str, ...] = ("9D20",)) -> None:
        """Let so many packets come, one by one, units in turn, each second one of 100 samples."""

        def within() -> None:
            for _ in range(many):
                at = self.fed
                self.fed += 1
                packet = data(
                    units[at % len(units)],
                    at % 10_000,
                    at_ns=START_NS + at * SECOND,
                    samples=wave(100, first=at * 100),
                )
                self.ring.append(self.feed.add(at, packet))
                self.server.pump()

        self.loop.call(within)

    def client(self, *lines: str, answers: int = 0) -> socket.socket:
        """Connect and say lines; so many lines of OK are read."""
        made = self._sockets.enter_context(socket.create_connection(("127.0.0.1", self.port)))
        made.settimeout(PATIENCE_S)
        made.sendall("".join(f"{line}\r\n" for line in lines).encode())
        assert b"OK\r\n" * answers == read_exactly(made, 4 * answers)
        return made

    def connected(self) -> int:
        return int(self.loop.call(self.server.status)["connected"])

    def counts(self) -> dict[str, int]:
        return dict(self.loop.call(self.server.status)["counts"])

    def close(self) -> None:
        self._sockets.close()
        self.loop.call(self.server.close)
        self.listening.close()


@contextmanager
def serving(slots: int = 1000, **more: Any) -> Iterator[Served]:
    with looping() as loop:
        made = Served(loop, slots, **more)
        try:
            yield made
        finally:
            made.close()


def take_4(sock: socket.socket, many: int, station: bytes = b"XX_ALFA") -> list[int]:
    """Read packets of version 4 and return their ring sequences."""
    octets = b""
    for _ in range(many):
        head = read_exactly(sock, 17)
        (length,) = struct.unpack_from("<I", head, 4)
        octets += head + read_exactly(sock, head[16] + length)
    return [sequence >> 8 for sequence, _, _ in packets_4(octets)]


ASKED = ("SLPROTO 4.0", "STATION *", "DATA ALL", "END")


def test_a_client_gets_what_is_held_and_what_comes() -> None:
    with serving() as served:
        served.give(5)
        client = served.client(*ASKED, answers=3)

        assert [0, 1, 2, 3, 4] == take_4(client, 5)
        served.give(2)
        assert [5, 6] == take_4(client, 2)


def test_a_client_of_version_3_gets_records_of_512() -> None:
    with serving() as served:
        served.give(2)
        client = served.client("STATION ALFA XX", "SELECT 00HHZ.D", "DATA 0", "END", answers=3)

        first = read_exactly(client, 520)
        served.give(1)
        rest = read_exactly(client, 1040)

        assert [b"SL000000", b"SL000004", b"SL000008"] == [first[:8], rest[:8], rest[520:528]]
        assert b"ALFA 00HHZXX" == first[16:28]


def test_many_clients_get_the_same_in_the_same_order() -> None:
    with serving() as served:
        clients = [served.client(*ASKED, answers=3) for _ in range(40)]
        served.give(60, UNITS)

        for client in clients:
            assert list(range(60)) == take_4(client, 60)


def test_each_client_gets_its_own_selection() -> None:
    with serving() as served:
        carlo = served.client("SLPROTO 4.0", "STATION YY_*", "DATA ALL", "END", answers=3)
        north = served.client(
            "SLPROTO 4.0", "STATION *", "SELECT *_N", "DATA ALL", "END", answers=4
        )
        served.give(6, UNITS)
        served.give(1)

        assert [2, 5] == take_4(carlo, 2)
        north.sendall(b"INFO ID\r\n")
        assert b"SEJI" == read_exactly(north, 4)  # nothing came before it


def test_a_dial_up_client_gets_end_and_is_let_go_of_in_time() -> None:
    with serving() as served:
        served.give(3)
        client = served.client("SLPROTO 4.0", "STATION *", "DATA ALL", "ENDFETCH", answers=3)

        assert [0, 1, 2] == take_4(client, 3)
        assert b"END" == read_exactly(client, 3)
        served.give(1)
        served.now_ns += seedlink_client.GOODBYE_NS + 1
        assert b"" == client.recv(1)


def test_a_window_of_time_ends_with_end() -> None:
    with serving() as served:
        served.give(9)
        client = served.client(
            "SLPROTO 4.0",
            "STATION *",
            "DATA ALL 2026-09-21T14:13:22Z 2026-09-21T14:13:25Z",
            "END",
            answers=3,
        )

        assert [2, 3, 4] == take_4(client, 3)
        assert b"END" == read_exactly(client, 3)


def test_questions_are_answered_between_packets() -> None:
    with serving() as served:
        served.give(3)
        client = served.client(*ASKED, answers=3)
        take_4(client, 3)
        client.sendall(b"INFO STREAMS XX_*\r\n")

        head = read_exactly(client, 17)
        told = json.loads(read_exactly(client, struct.unpack_from("<I", head, 4)[0]))

        assert (b"SEJI", "Example network") == (head[:4], told["organization"])
        assert ["XX_ALFA"] == [one["id"] for one in told["station"]]
        served.give(1)
        assert [3] == take_4(client, 1)


def test_a_client_that_never_reads_costs_the_others_nothing_and_is_dropped() -> None:
    with serving(slots=4000) as served:
        lazy = served.client(*ASKED, answers=3)
        quick = served.client(*ASKED, answers=3)
        told = 0
        for _ in range(40):
            served.give(500)
            assert list(range(told, told + 500)) == take_4(quick, 500)
            told += 500
            if served.counts().get("too-slow"):
                break

        assert {"too-slow": 1, "ended: too slow": 1} == {
            name: many for name, many in served.counts().items() if "slow" in name
        }
        served.give(5)
        assert list(range(told, told + 5)) == take_4(quick, 5)
        assert 1 == served.connected()
        lazy.close()


def test_a_client_that_floods_with_questions_has_to_read_the_answers() -> None:
    with serving() as served:
        served.give(3, UNITS)
        client = served.client("SLPROTO 4.0", answers=1)
        client.setblocking(False)
        asked = 0
        try:
            while asked < 200_000:
                asked += client.send(b"INFO STREAMS\r\n" * 100)
        except BlockingIOError:
            pass
        client.setblocking(True)

        served.give(3, UNITS)  # the loop still turns
        other = served.client(*ASKED, answers=3)
        assert list(range(6)) == take_4(other, 6)
        row = served.loop.call(served.server.status)["clients"][0]
        assert row["sent_octets"] < 64 << 20
        client.settimeout(PATIENCE_S)
        assert b"SEJI" == read_exactly(client, 4)


@pytest.mark.parametrize("said", [b"BYE\r\n", b"x" * 10_000, b"\x00" * 5000])
def test_a_session_ends_by_good_bye_or_by_nonsense(said: bytes) -> None:
    with serving() as served:
        client = served.client()
        client.sendall(said)

        with suppress(ConnectionResetError):  # it had more to say than was read
            assert b"" == client.recv(1)
        assert 0 == served.connected()


def test_clients_that_say_nothing_are_let_go_of() -> None:
    with serving() as served:
        client = served.client()
        served.loop.until(lambda: served.server.status()["connected"])
        served.now_ns += seedlink_client.HANDSHAKE_NS + 1

        assert b"" == client.recv(1)
        assert 1 == served.counts()["silent"]


def test_no_more_clients_than_told() -> None:
    with serving(most=2) as served:
        kept = [served.client("HELLO") for _ in range(2)]
        for one in kept:
            assert b"SeedLink v4.0" == read_exactly(one, 13)
        third = served.client()

        assert b"" == third.recv(1)
        assert 1 == served.counts()["too-many-clients"]
        kept[0].close()
        served.loop.until(lambda: served.server.status()["connected"] == 1)
        assert b"SeedLink" == read_exactly(served.client("HELLO"), 8)


class Full(socket.socket):
    """A listening socket of a program that has no descriptors left, once."""

    tried = 0

    def accept(self) -> Any:
        type(self).tried += 1
        if self.tried == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_clients_wait_in_the_queue_while_there_are_no_descriptors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portbook.daemons.outputs.seedlink._PAUSE_S", 0.02)
    with Full(socket.AF_INET, socket.SOCK_STREAM) as full, serving() as served:
        full.bind(("127.0.0.1", 0))
        full.listen()
        served.loop.call(served.server.listen, full)
        with socket.create_connection(full.getsockname()) as client:
            client.settimeout(PATIENCE_S)
            client.sendall(b"HELLO\r\n")

            assert b"SeedLink" == read_exactly(client, 8)
        assert 1 == served.counts()["accept: Too many open files"]


def test_only_networks_that_are_allowed() -> None:
    with serving(networks=[ip_network("10.0.0.0/8")]) as served:
        assert b"" == served.client().recv(1)
        assert {"127.0.0.1": {"not-allowed": 1}} == served.loop.call(served.server.status)[
            "refused"
        ]

        served.loop.call(served.server.reload, most=9, networks=[ip_network("127.0.0.0/8")])
        assert b"SeedLink" == read_exactly(served.client("HELLO"), 8)


def test_an_adopted_socket_may_have_spoken_already() -> None:
    with serving() as served:
        ours, theirs = socket.socketpair()
        pair = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(pair.getsockname())
        accepted, _ = pair.accept()

        assert not served.loop.call(served.server.adopt, ours)  # no address: not of a network
        assert served.loop.call(served.server.adopt, accepted, b"HELLO\r\n")
        client.settimeout(PATIENCE_S)
        assert b"SeedLink v4.0" == read_exactly(client, 13)
        for one in (theirs, pair, client):
            one.close()


def test_the_status_tells_who_is_there() -> None:
    with serving() as served:
        served.give(3)
        client = served.client("USERAGENT slarchive/4.0", "STATION * *", "DATA 0", "END", answers=3)
        read_exactly(client, 520 * 3)

        told = served.loop.call(served.server.status)

        assert (1, 3, 1) == (told["connected"], told["records"], told["counts"]["connections"])
        assert {
            "peer": "127.0.0.1",
            "program": "slarchive/4.0",
            "since_ns": START_NS,
            "version": 3,
            "stations": 1,
            "sent_octets": 520 * 3 + 12,
            "lag_records": 0,
            "oddities": {},
        } == told["clients"][0]


def test_records_of_a_client_that_went_are_nobody_s_burden() -> None:
    with serving() as served:
        client = served.client(*ASKED, answers=3)
        client.close()
        served.give(3)
        served.loop.until(lambda: not served.server.status()["connected"])

        served.give(1)
        assert [] == served.loop.call(served.ring.take_fresh)
