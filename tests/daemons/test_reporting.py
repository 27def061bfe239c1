"""What is told of a receiver is what it does: its sources, its counts, its troubles."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from daemons.hearsay import arrival
from daemons.rtp import run
from daemons.test_upstream import Server, until
from support import reftek

from portbook.daemons.configuration.settings import from_mapping
from portbook.daemons.reports.reporting import snapshot, sources, vitals
from portbook.daemons.running.parts import Parts
from portbook.daemons.sources.doors import opened
from portbook.daemons.voices.log import Log
from portbook.daemons.voices.speaker import Speaker

ANY = "127.0.0.1:0"
EVENT = reftek.event("9D20", seconds=20)


def played(folder: Path, play: Callable[[Parts], Awaitable[None]], **told: Any) -> None:
    """Play with the parts of a receiver that listens, but for its archiver's process."""
    listen = {"field": ANY, "clients": ANY, "status": ""}
    settings = from_mapping({"folder": str(folder), "listen": listen, **told})

    async def acted() -> None:
        doors = opened(settings, {})
        speaker = Speaker(Log(io.StringIO(), {}), folder, settings.alarms)
        parts = Parts(settings, doors, speaker)
        try:
            parts.start(asyncio.get_running_loop())
            await play(parts)
            await parts.stop()
        finally:
            parts.close()
            speaker.close()
            doors.close()

    run(acted())


def _take(parts: Parts, *packets: bytes) -> None:
    parts.receiver.take([arrival(one, time.time_ns()) for one in packets])


def test_a_heartbeat_counts_what_moved_and_what_was_refused(tmp_path: Path) -> None:
    async def play(parts: Parts) -> None:
        _take(parts, *EVENT[:4])
        found = parts.liveness.look(time.time_ns())
        told = vitals(parts, found)

        assert (4, 0, 1, 0, "") == (told[0], told[1], told.units_up, told.sources, told.held)

        _take(parts, EVENT[3])  # once more
        again = vitals(parts, found)
        _take(parts, b"\xff" * 1024)  # no packet

        assert (4, 1) == (again.packets, again.refused)
        assert vitals(parts, found).moved > again.moved > told.moved

    played(tmp_path, play)


def test_datagrams_in_the_socket_wait(tmp_path: Path) -> None:
    async def play(parts: Parts) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for octets in EVENT[:5]:
                sock.sendto(octets, parts.doors.sockets["field"].getsockname())

            assert vitals(parts, []).waiting >= 5
            await until(lambda: parts.receiver.counts["taken"] == 5)
            assert vitals(parts, []).waiting == 0

    played(tmp_path, play)


def test_a_full_spool_is_why_data_wait_and_a_trouble(tmp_path: Path) -> None:
    async def play(parts: Parts) -> None:
        _take(parts, EVENT[0])

        assert vitals(parts, []).held == "the spool takes nothing"
        told = snapshot(parts, [], 0.5)
        assert told.troubles == ("the spool takes nothing",)
        assert told.totals["packets_unroomed"] == 1
        assert ["disk:spool"] == [one.key for one in told.alarms]

    played(tmp_path, play, archive={"min_free_gb": 1e9})


def test_an_upstream_and_a_stream_are_sources(tmp_path: Path) -> None:
    async def play(parts: Parts) -> None:
        server = Server()
        away = parts.settings.upstream[0]
        parts.upstreams.run_only(
            [*parts.settings.upstream, away.__class__("127.0.0.1", server.port)]
        )
        await until(lambda: any(one.up for one in sources(parts)))
        server.put(EVENT[:2])
        with socket.create_connection(parts.doors.sockets["clients"].getsockname()) as stream:
            stream.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(stream, EVENT[2])
            await until(lambda: parts.receiver.counts["taken"] == 3)
            found = {(one.how, one.up, one.packets) for one in sources(parts)}

            assert {("upstream", False, 0), ("upstream", True, 2), ("stream", True, 1)} == found
            assert 2 == vitals(parts, []).sources
        server.close()

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    played(tmp_path, play, upstream=[{"host": "127.0.0.1", "port": port}])


def test_a_snapshot_is_all_of_it(tmp_path: Path) -> None:
    async def play(parts: Parts) -> None:
        _take(parts, *EVENT[:6], EVENT[0][:12] + b"\xff" + EVENT[0][13:])
        parts.speaker.alarm("clock:9D20", "clock", "unlocked", unit="9D20")
        found = parts.liveness.look(time.time_ns())
        told = snapshot(parts, found, 0.25)

        assert (os.getpid(), parts.started_ns) == (told.pid, told.started_ns)
        assert {"field", "clients"} == set(told.listening)
        assert (6, 6, 1) == tuple(
            told.totals[f"packets_{name}"] for name in ("taken", "delivered", "refused")
        )
        assert (1, 6, 0.25) == tuple(
            told.levels[name] for name in ("units_up", "ring_packets", "beat_seconds")
        )
        assert told.levels["spool_octets"] >= 6 * 1024
        assert 1 == sum(told.refused.values())
        assert ["9D20"] == [one.unit for one in told.instruments]
        assert ["clock:9D20"] == [one.key for one in told.alarms]
        assert ("the archiver is not running",) == told.troubles  # nobody ran it here

    played(tmp_path, play, archive={"raw": str(tmp_path / "raw"), "min_free_gb": 0})
