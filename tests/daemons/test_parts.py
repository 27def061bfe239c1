"""A receiver's parts together, in this process: what a process of its own cannot be made to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import reftek

from portbook.daemons.configuration.settings import from_mapping
from portbook.daemons.reports.reporting import snapshot, vitals
from portbook.daemons.running.parts import Parts
from portbook.daemons.sources import doors
from portbook.daemons.voices.log import Log
from portbook.daemons.voices.speaker import Speaker
from portbook.seismic.store import ArchiveError

EVENT = reftek.event(seconds=20)
Play = Callable[[Parts], Awaitable[None]]


def _live(folder: Path, play: Play, **more: Any) -> list[str]:
    """Run parts for as long as a play lasts; return the lines of the log."""
    folder.mkdir(exist_ok=True)
    told = from_mapping(
        {
            "folder": str(folder),
            "listen": {"field": "127.0.0.1:0", "clients": "127.0.0.1:0", "status": ""},
            "archive": {"min_free_gb": 0},
            "spool": {"sync_ms": 1},
            **more,
        }
    )

    async def main() -> None:
        opened = doors.opened(told, {})
        speaker = Speaker(log, folder, told.alarms)
        parts = Parts(told, opened, speaker)
        try:
            parts.start(asyncio.get_running_loop())
            await play(parts)
            await parts.stop()
        finally:
            parts.close()
            speaker.close()
            opened.close()

    with (folder / "log").open("a") as stream:
        log = Log(stream, {})
        asyncio.run(main())
    return (folder / "log").read_text().splitlines()


async def _until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.002)


def _send(parts: Parts, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for one in datagrams:
            sock.sendto(one, parts.doors.sockets["field"].getsockname())


def test_a_disk_that_cannot_sync_is_an_alarm_and_no_acknowledgement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(parts: Parts) -> None:
        def broken() -> int:
            raise ArchiveError("Input/output error")

        monkeypatch.setattr(parts.syncing, "_sync", broken)
        _send(parts, EVENT[0])
        await _until(lambda: parts.broken)
        assert "disk:sync" in parts.speaker.alarms
        assert parts.syncing.safe < parts.spool.next_number
        assert snapshot(parts, [], 0.0).troubles

    lines = _live(tmp_path, play)
    assert any("cannot be brought to the disk" in one for one in lines)

    async def after(parts: Parts) -> None:
        _send(parts, EVENT[1])
        await _until(lambda: "disk:sync" not in parts.speaker.alarms)

    _live(tmp_path, after)


def test_what_waits_in_our_own_socket_is_taken_before_the_end(tmp_path: Path) -> None:
    async def play(parts: Parts) -> None:
        assert parts.drain is not None
        parts.drain.stop()
        _send(parts, *EVENT)

    _live(tmp_path, play)

    async def after(parts: Parts) -> None:
        assert parts.ring.head == len(EVENT)

    _live(tmp_path, after)


def test_packets_that_waited_for_others_go_out_after_a_restart(tmp_path: Path) -> None:
    async def play(parts: Parts) -> None:
        _send(parts, EVENT[0], EVENT[2])
        await _until(lambda: parts.receiver.counts["taken"] == 2)
        parts.settle()
        assert parts.ring.head == 1

    _live(tmp_path, play)

    async def after(parts: Parts) -> None:
        assert parts.ring.head == 1
        _send(parts, EVENT[1])
        await _until(lambda: parts.ring.head == 3)
        assert [bytes(parts.ring.packet(at)) for at in range(3)] == EVENT[:3]

    _live(tmp_path, after)


def test_the_heartbeats_numbers_tell_what_waits(tmp_path: Path) -> None:
    async def play(parts: Parts) -> None:
        assert vitals(parts, [])[:3] == (0, 0, 0)
        _send(parts, *EVENT)
        assert vitals(parts, []).waiting > 0
        await _until(lambda: vitals(parts, []).packets == len(EVENT))
        assert vitals(parts, []).waiting == 0
        _send(parts, b"nothing of ours")
        await _until(lambda: vitals(parts, []).refused == 1)

    _live(tmp_path, play)


def test_lines_of_the_archiver_become_alarms_and_lines(tmp_path: Path) -> None:
    alarm = {"key": "k", "what": "disk", "level": "error", "message": "full", "unit": None}
    hole = {"unit": "9D20", "stream": 0, "event": 1, "packets": 3}

    async def play(parts: Parts) -> None:
        parts._said({"alarm": alarm})
        assert "k" in parts.speaker.alarms
        parts._said({"clear": "k"})
        assert "k" not in parts.speaker.alarms
        parts._said({"hole": hole})
        (one,) = parts.liveness.look(parts.started_ns)
        assert (one.unit, one.holes, one.missing) == ("9D20", 1, 3)
        for told in ({"clock": hole}, {"oddity": hole}, {"deleted": hole}, {"error": "x"}, {}):
            parts._said(told)

    lines = _live(tmp_path, play)
    assert any("hole: unit 9D20" in one for one in lines)


def test_only_the_settings_that_changed_touch_the_upstreams(tmp_path: Path) -> None:
    async def play(parts: Parts) -> None:
        first = parts.upstreams._running.copy()
        assert [one.host for one in parts.upstreams.status()] == ["127.0.0.1", "127.0.0.2"]
        new = [{"host": "127.0.0.2", "port": 1}, {"host": "127.0.0.3", "port": 1}]
        parts.reload(from_mapping({"upstream": new, "archive": {"min_free_gb": 0}}))
        second = parts.upstreams._running
        assert [one.host for one in second] == ["127.0.0.2", "127.0.0.3"]
        kept = next(iter(second))
        assert second[kept] is first[kept]
        assert parts.upstreams.connected() == set()

    old = [{"host": "127.0.0.1", "port": 1}, {"host": "127.0.0.2", "port": 1}]
    _live(tmp_path, play, upstream=old)
