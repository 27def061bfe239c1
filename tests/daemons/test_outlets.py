"""What leaves as miniSEED: all that the ring held, then all that comes, each once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from daemons.hearsay import Heard
from support.live import RATE_HZ, SECOND, START_NS, YEAR, data, wave
from support.looping import Loop, looping, read_exactly
from support.ringserver import RingServer

from portbook.daemons.configuration.settings import Settings, from_mapping
from portbook.daemons.outputs import outlets as room
from portbook.daemons.outputs.outlets import Outlets
from portbook.seismic.ring import Ring

CODES = {"network": "XX", "station": "ALFA", "location": "00", "stream": {"1": ["HHZ"]}}
UNIT = {"9D20": CODES | {"rate": {"1": RATE_HZ}}}
EMPTY = ("SLPROTO 4.0", "STATION *", "DATA ALL")


class Made:
    """Outlets on a ring that is filled as the receiver does it."""

    def __init__(self, loop: Loop, folder: Path, before: int, **told: Any) -> None:
        self.loop, self.folder = loop, folder
        self.voice = Heard()
        self.ring = Ring(256)
        self.server = RingServer()
        loop.run(self.server.start())
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.fed = 0
        self.ring.append([self.packet() for _ in range(before)])
        self.outlets = loop.call(
            Outlets,
            self.settings(datalink=[{"host": "127.0.0.1", "port": self.server.port}], **told),
            self.ring,
            YEAR,
            self.voice,
            self.listening,
            f"127.0.0.1:{self.port}",
        )

    def settings(self, **told: Any) -> Settings:
        return from_mapping({"folder": str(self.folder), "unit": UNIT, **told})

    def packet(self) -> bytes:
        at, self.fed = self.fed, self.fed + 1
        samples = wave(100, first=at * 100)
        return data("9D20", at % 10_000, at_ns=START_NS + at * SECOND, samples=samples)

    def start(self) -> None:
        self.loop.call(self.outlets.start, self.loop.loop)

    def give(self, many: int) -> None:
        def within() -> None:
            for _ in range(many):
                octets = self.packet()
                self.ring.append([octets])
                self.outlets.add(self.ring.head - 1, octets)
            self.outlets.pump()

        self.loop.call(within)

    def pushed(self, many: int) -> list[int]:
        """Wait until the server has so many records; return their seconds from the start."""
        self.loop.until(lambda: len(self.server.ring) >= many)
        return [(one.begin_us * 1000 - START_NS) // SECOND for one in self.server.ring]

    def records(self, many: int) -> list[bytes]:
        """Return the heads of what a new SeedLink client gets."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as client:
            for line in EMPTY:
                client.sendall(f"{line}\r\n".encode())
                assert b"OK\r\n" == read_exactly(client, 4)
            client.sendall(b"END\r\n")
            found = []
            for _ in range(many):
                head = read_exactly(client, 17)
                station = read_exactly(client, head[16])
                found.append(station)
                read_exactly(client, int.from_bytes(head[4:8], "little"))
        return found


@contextmanager
def made(folder: Path, before: int = 0, **told: Any) -> Iterator[Made]:
    with looping() as loop:
        one = Made(loop, folder, before, **told)
        try:
            yield one
        finally:
            loop.run(one.outlets.stop())
            loop.run(one.server.stop())
            one.listening.close()


def test_what_the_ring_held_goes_first_and_what_comes_meanwhile_once(tmp_path: Path) -> None:
    with made(tmp_path, before=100) as one:
        one.give(3)  # before anything of it is served
        one.start()
        one.give(5)

        assert list(range(108)) == one.pushed(108)

        one.give(4)

        assert list(range(112)) == one.pushed(112)
        assert [b"XX_ALFA"] * 112 == one.records(112)


def test_each_client_and_server_is_told_of(tmp_path: Path) -> None:
    with made(tmp_path, before=4) as one:
        one.start()
        one.pushed(4)
        with socket.create_connection(("127.0.0.1", one.port), 20) as client:
            client.sendall(b"HELLO\r\n")
            client.recv(10)
            one.loop.until(lambda: len(one.outlets.clients()) == 2)
            one.loop.until(lambda: one.outlets.clients()[1].lag == 0)
            reader, server = one.loop.call(one.outlets.clients)

        assert ("seedlink", "127.0.0.1") == (reader.how, reader.name.partition(":")[0])
        assert ("datalink", f"127.0.0.1:{one.server.port}", 0) == (
            server.how,
            server.name,
            server.lag,
        )


def test_a_push_goes_on_after_a_restart_where_it_was(tmp_path: Path) -> None:
    with made(tmp_path, before=6) as one:
        one.start()
        one.pushed(6)
        one.loop.until(lambda: "before packet 6" in (one.outlets.clients()[0].said or ""))
        one.loop.run(one.outlets.stop())
        told = one.settings(datalink=[{"host": "127.0.0.1", "port": one.server.port}])
        again = one.loop.call(Outlets, told, one.ring, YEAR, one.voice, None, "")
        one.outlets = again
        one.start()
        one.give(2)

        assert list(range(8)) == one.pushed(8)
        assert [] == [row for row in one.loop.call(again.clients) if row.how == "seedlink"]


def test_other_codes_and_fewer_clients_hold_from_a_reload_on(tmp_path: Path) -> None:
    with made(tmp_path) as one:
        one.start()
        one.give(1)
        one.pushed(1)
        codes = {"9D20": CODES | {"station": "BRAVO", "rate": {"1": RATE_HZ}}}
        told = from_mapping({"folder": str(tmp_path), "unit": codes, "seedlink": {"most": 1}})
        one.loop.call(one.outlets.reload, told)
        one.give(1)
        one.pushed(2)

        assert ["XX_ALFA_00_HHZ/MSEED", "XX_BRAVO_00_HHZ/MSEED"] == [
            kept.stream for kept in one.server.ring
        ]

        with socket.create_connection(("127.0.0.1", one.port), 20) as first:
            first.sendall(b"HELLO\r\n")
            assert first.recv(10)
            with socket.create_connection(("127.0.0.1", one.port), 20) as second:
                second.sendall(b"HELLO\r\n")
                gone = b""
                with suppress(ConnectionResetError):
                    gone = second.recv(100)

                assert not gone.startswith(b"SeedLink")


def test_a_fault_of_one_push_is_told_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "AGAIN_S", 0.0)
    real, faults = room.DataLinkPush.run, iter([ZeroDivisionError("ours")])

    async def once_wrong(self: room.DataLinkPush) -> None:
        for fault in faults:
            raise fault
        await real(self)

    monkeypatch.setattr(room.DataLinkPush, "run", once_wrong)
    with made(tmp_path, before=2) as one:
        one.start()

        assert [0, 1] == one.pushed(2)
        assert ["DataLink: ZeroDivisionError('ours'); a fault of ours"] == one.voice.texts("error")
