"""Stations as pages ask for them: a real receiver, real packets, and receivers that are none."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from daemons.running import SETTINGS, Running, running
from support import reftek

from portbook.daemons.configuration.settings import Settings, load
from portbook.daemons.watchdog import restarts
from portbook.faces.web import stations as stations_module
from portbook.faces.web.settings import Serving
from portbook.faces.web.stations import FRESH_S, Stations
from portbook.faces.web.stations_records import Envelope, Measure, Trouble
from portbook.seismic.instruments import Verdict

UNIT, OTHER = "9D20", "AE4C"
EVENT = reftek.event(UNIT, seconds=60)
HEALTH = "325:05:00:01 BATTERY VOLTAGE = 12.9V, TEMPERATURE = 25C, BACKUP = 3.3V\r\n"
NAMED = (
    f'[unit.{UNIT}]\nnetwork = "XX"\nstation = "TEST"\nstream.1 = ["HHZ", "HHN", "HHE"]\n'
    f'[unit.{OTHER}]\nnetwork = "XX"\nstation = "FAR"\nstream.1 = ["HHZ"]\n'
    "position = [-41.5, 175.25]\n"
)
LIMIT_S = 30.0
Found = TypeVar("Found")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its sockets are Linux's")


@pytest.fixture
def rtpd(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, SETTINGS + NAMED) as made:
        yield made


def stations_of(rtpd: Running) -> tuple[Stations, Settings]:
    settings = load(rtpd.home / "rtpd.toml")
    return Stations(f"127.0.0.1:{rtpd.ports['status']}", settings), settings


async def until(
    stations: Stations, ask: Callable[[], Awaitable[Found]], fine: Callable[[Found], object]
) -> Found:
    """Ask again and again, each time anew, until the answer is fine."""
    end = time.monotonic() + LIMIT_S
    while True:
        stations._asked_s = float("-inf")
        stations._kept.clear()
        found = await ask()
        if fine(found):
            return found
        assert time.monotonic() < end, found
        await asyncio.sleep(0.05)


def samples_of(packets: list[bytes], channel: int) -> list[tuple[int, int]]:
    """Return the samples of 16-bit packets as times and counts, read by hand."""
    found = []
    for octets in packets:
        if octets[:2] != b"DT" or octets[19] != channel:
            continue
        many = int(octets[20:22].hex())
        told = octets[6:12].hex()
        seconds = int(told[3:5]) * 3600 + int(told[5:7]) * 60 + int(told[7:9])
        day_ns = reftek.START_NS // (86400 * 10**9) * 86400 * 10**9
        at_ns = day_ns + seconds * 10**9 + int(told[9:12]) * 10**6
        counts = struct.unpack_from(f">{many}h", octets, 24)
        found += [(at_ns + at * 5_000_000, count) for at, count in enumerate(counts)]
    return found


def ranges(samples: list[tuple[int, int]], told: Envelope) -> dict[int, tuple[int, int]]:
    """Return the lowest and highest count of each column, sample by sample."""
    found: dict[int, tuple[int, int]] = {}
    for at_ns, count in samples:
        if told.from_ns <= at_ns < told.until_ns:
            column = (at_ns - told.from_ns) * told.width // (told.until_ns - told.from_ns)
            low, high = found.get(column, (count, count))
            found[column] = min(low, count), max(high, count)
    return found


def columns(told: Envelope) -> dict[int, tuple[int, int]]:
    """Return what an envelope says of each column."""
    found: dict[int, tuple[int, int]] = {}
    for run in told.runs:
        for column, low, high in zip(run.columns, run.lowest, run.highest, strict=True):
            before = found.get(column, (low, high))
            found[column] = min(low, before[0]), max(high, before[1])
    return found


def test_what_was_sent_is_told(rtpd: Running) -> None:
    async def play() -> None:
        stations, _ = stations_of(rtpd)
        rtpd.udp(*EVENT, reftek.state_of_health(UNIT, 0, HEALTH))
        told = await until(
            stations,
            stations.latest,
            lambda told: told and (one := told.station(UNIT)) and one.packets == len(EVENT) + 1,
        )
        assert told
        one, far = told.station(UNIT), told.station(OTHER)
        assert one
        assert far
        assert (Verdict.UP, "XX.TEST", "127.0.0.1") == (one.verdict, one.name, one.address)
        assert (Verdict.NEVER, "XX.FAR") == (far.verdict, far.name)
        assert one.health
        assert "BATTERY" in one.health
        assert one.place
        assert far.place
        assert (48.12185, 12.597167, "recorder") == (
            one.place.latitude,
            one.place.longitude,
            one.place.told_by,
        )
        assert (-41.5, 175.25, "settings") == (
            far.place.latitude,
            far.place.longitude,
            far.place.told_by,
        )
        assert [1] == [stream.stream for stream in one.streams]
        assert stations.problem is None

    asyncio.run(play())


def test_envelopes_are_bit_for_bit_those_of_the_samples(rtpd: Running) -> None:
    async def play() -> None:
        stations, _ = stations_of(rtpd)
        rtpd.udp(*EVENT)
        for channel, code in enumerate(("HHZ", "HHN", "HHE")):
            told = await until(
                stations,
                lambda channel=channel: stations.envelope(UNIT, 1, channel + 1, 30, 700),
                lambda one: one and one.samples == 30 * 200,
            )
            samples = samples_of(EVENT, channel)

            assert told
            assert (code, 200.0, ()) == (told.code, told.rate_hz, told.gaps)
            assert samples[-1][0] + 5_000_000 == told.until_ns == told.last_ns
            assert ranges(samples, told) == columns(told)
            assert 1 == len(told.runs)

    asyncio.run(play())


def test_a_hole_is_named_and_is_a_gap_in_the_waveform(rtpd: Running) -> None:
    lost = next(at for at, one in enumerate(EVENT) if at > 20 and one[:2] == b"DT" and one[19] == 1)

    async def play() -> None:
        stations, _ = stations_of(rtpd)
        rtpd.udp(*EVENT[:lost], *EVENT[lost + 1 :])
        told = await until(
            stations,
            stations.latest,
            lambda told: told and (one := told.station(UNIT)) and one.last_holes,
        )
        assert told
        station = told.station(UNIT)
        assert station
        (hole,) = station.last_holes
        sequence = int(EVENT[lost][14:16].hex())
        assert (1, sequence, sequence, 1) == (
            hole.stream,
            hole.first_sequence,
            hole.last_sequence,
            hole.packets,
        )
        found = await until(
            stations, lambda: stations.recent(UNIT, 60, 600), lambda one: len(one.envelopes) == 3
        )
        whole, holed, _ = found.envelopes
        left = [one for one in EVENT if one is not EVENT[lost]]
        begin, end = (
            at for at, _ in (samples_of([EVENT[lost]], 1)[0], samples_of([EVENT[lost]], 1)[-1])
        )

        assert ((), 1) == (whole.gaps, len(whole.runs))
        assert [(begin, end + 5_000_000)] == [(one.from_ns, one.until_ns) for one in holed.gaps]
        assert 2 == len(holed.runs)
        assert ranges(samples_of(left, 1), holed) == columns(holed)
        assert "archive" == found.source

    asyncio.run(play())


def test_state_of_health_over_time_comes_from_the_disk(rtpd: Running) -> None:
    async def play() -> None:
        stations, _ = stations_of(rtpd)
        now = time.time_ns()
        since_s = (now - reftek.START_NS) // 10**9 + 86400
        rtpd.udp(*EVENT[:4], reftek.state_of_health(UNIT, 0, HEALTH))
        found = await until(
            stations, lambda: stations.health(UNIT, since_s), lambda one: one and one.lines
        )
        assert found
        assert {Measure.SUPPLY: 12.9, Measure.TEMPERATURE: 25.0, Measure.BACKUP: 3.3} == {
            one.measure: one.points[0][1] for one in found.series
        }

    asyncio.run(play())


def test_without_an_archive_the_spool_has_the_last_packets(tmp_path: Path) -> None:
    settings = SETTINGS.replace('raw = "raw"\n', "") + NAMED

    async def play() -> None:
        with running(tmp_path, settings) as rtpd:
            stations, _ = stations_of(rtpd)
            rtpd.udp(*EVENT)
            found = await until(
                stations,
                lambda: stations.recent(UNIT, 30, 300),
                lambda one: one.envelopes and one.envelopes[0].samples == 6000,
            )
            assert "spool" == found.source
            assert ranges(samples_of(EVENT, 0), found.envelopes[0]) == columns(found.envelopes[0])

    asyncio.run(play())


def test_ends_of_receivers_are_told_newest_first(tmp_path: Path) -> None:
    (tmp_path / "rtpd.toml").write_text(SETTINGS)
    settings = load(tmp_path / "rtpd.toml")
    (tmp_path / "rtpd").mkdir()
    for at, why in ((1, "it ended by itself"), (2, "<b>no heartbeat</b>")):
        restarts.write(settings.folder, "end", at * 10**18, pid=7, what="died", why=why)
    found = asyncio.run(Stations(None, settings).restarts())

    assert found
    assert ["<b>no heartbeat</b>", "it ended by itself"] == [one.why for one in found.ends]
    assert found.watchdog.pid is None


def test_a_receiver_that_is_away_is_a_problem_with_its_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    stations = Stations(f"127.0.0.1:{port}", None)

    assert asyncio.run(stations.latest()) is None
    assert stations.problem
    assert (Trouble.REFUSED, f"127.0.0.1:{port}") == (
        stations.problem.trouble,
        stations.problem.where,
    )


def test_places_of_before_a_restart_are_remembered(rtpd: Running) -> None:
    async def play() -> None:
        stations, _ = stations_of(rtpd)
        rtpd.udp(*EVENT[:3])
        before = await until(
            stations,
            stations.latest,
            lambda told: told and (one := told.station(UNIT)) and one.place,
        )
        assert before
        bare = stations._placed(before)
        stripped = [one for one in bare.stations if one.unit == UNIT]
        assert stripped[0].place == stations._places[UNIT]

    asyncio.run(play())


def test_many_who_ask_at_once_cost_one_question() -> None:
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"kind":"receiver","at":"2026-11-21T08:00:00Z","pid":7,"version":"1"}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def play() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            stations = Stations(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", None)
            found = await asyncio.gather(*(stations.latest() for _ in range(50)))
            assert all(one is found[0] is not None for one in found)
            stations._asked_s -= FRESH_S
            assert await stations.latest()

    asyncio.run(play())

    assert 2 == asked


def test_a_receiver_is_asked_only_while_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stations_module, "FRESH_S", 0.001)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    stations = Stations(f"127.0.0.1:{port}", None)
    looks = iter([0] * 5 + [1] * 1000)
    told = asyncio.Event()

    async def play() -> None:
        task = asyncio.ensure_future(stations.watch(lambda: next(looks), told.set))
        await asyncio.wait_for(told.wait(), LIMIT_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(play())

    assert next(looks)  # nobody was asked for the first five
    assert 1 == stations.version  # and the same trouble again is no news


def test_nothing_is_asked_where_no_receiver_is_named(tmp_path: Path) -> None:
    book = {"book": tmp_path / "book", "claims": tmp_path / "claims"}
    silent = tmp_path / "rtpd.toml"
    silent.write_text('[listen]\nstatus = ""\n')

    assert Stations.open(Serving(**book)) is None
    stations = Stations.open(Serving(**book, rtpd_config=silent))
    assert stations
    assert asyncio.run(stations.latest()) is None
    assert stations.problem
    assert Trouble.UNSET == stations.problem.trouble


@pytest.mark.parametrize("unit", ["../..", "9d20/..", "", "ZZZZ", "9D20\n", "９Ｄ２０"])
def test_a_unit_that_is_none_reads_no_file(tmp_path: Path, unit: str) -> None:
    (tmp_path / "rtpd.toml").write_text(SETTINGS)
    stations = Stations(None, load(tmp_path / "rtpd.toml"))

    async def play() -> None:
        assert () == (await stations.recent(unit)).envelopes
        found = await stations.health(unit)
        assert found
        assert () == found.lines

    asyncio.run(play())
