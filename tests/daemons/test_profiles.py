"""Emulated recorders send to a receiver over real sockets; its archive is held to the truth."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from daemons.running import SETTINGS, Client, Running, running
from support import reftek
from support.recorded import needs_obspy, obspy_traces, real_file

from portbook.emulators import plant
from portbook.emulators.reftek import dirt, profiles
from portbook.emulators.reftek.fleet import Fleet, Packet
from portbook.emulators.reftek.linked import Linked
from portbook.emulators.reftek.profiles import Asked
from portbook.emulators.reftek.replay import replay
from portbook.emulators.reftek.running import Pace, account, run
from portbook.emulators.reftek.sending import Carrier, Tcp, Udp
from portbook.emulators.reftek.server import Server
from portbook.emulators.reftek.weather import Weather
from portbook.protocols.reftek import packets as reading
from portbook.seismic.tags import time_ns

LOOPBACK = "127.0.0.1"
UNIT = profiles.FIRST_UNIT
EVENTFUL = (b"EH", b"DT", b"ET")
NANO = 1_000_000_000

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its sockets are Linux's")


class Witnessed(Udp):
    """Notes what went onto the network, and never fills the receiver's socket."""

    def __init__(self, port: int, fleet: Fleet, weather: Weather, pace: Pace) -> None:
        super().__init__((LOOPBACK, port), fleet.units, weather, 1, pace.elapsed_ns, 1e6)
        self.came: list[bytes] = []

    def _out(self, unit: int, octets: bytes) -> None:
        if not len(self.came) % 16:
            end = time.monotonic() + 30
            while queued(self._target[1]):
                assert time.monotonic() < end, "the receiver does not read"
                time.sleep(0.001)
        self.came.append(octets)
        super()._out(unit, octets)


def queued(port: int) -> int:
    """Return how many octets wait in the UDP socket of a port."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(f":{port:04X}"):
            return int(words[4].split(":")[1], 16)
    return 0


def scene_of(name: str, **more: Any) -> Fleet:
    asked = Asked(start_ns=plant.START_NS, record_s=60, rate_hz=200)._replace(**more)
    return Fleet.of(profiles.scene(name, asked))


def made(fleet: Fleet, most: int) -> list[Packet]:
    return list(fleet.flow(most=most))


def sent(fleet: Fleet, carrier: Carrier, pace: Pace, most: int) -> int:
    with closing(carrier):
        return run(fleet.flow(most=most), carrier, pace, finish_s=60)


def read(octets: bytes) -> reading.Packet:
    packet = reading.read(octets)
    assert packet is not None
    return packet


def events_of(octets: Iterable[bytes]) -> dict[tuple[str, int, int], list[bytes]]:
    """Return the packets of each event, in the order of their sequences."""
    found: dict[tuple[str, int, int], dict[int, bytes]] = defaultdict(dict)
    for one in octets:
        packet = read(one)
        if packet.type.encode() in EVENTFUL:
            key = packet.unit, packet.stream or 0, packet.event or 0
            # sequences wrap inside an event, its packets are made in time's order
            found[key].setdefault(len(found[key]), one)
    return {key: list(each.values()) for key, each in found.items()}


def gone(was_made: list[bytes], came: list[bytes]) -> dict[str, int]:
    """Return by unit how many packets of events are missing before one that came."""
    arrived = {(read(one).unit, one) for one in came}
    found: dict[str, int] = defaultdict(int)
    for (unit, _, _), packets in events_of(was_made).items():
        missing = 0
        for one in packets:
            if (unit, one) in arrived:
                found[unit] += missing
                missing = 0
            else:
                missing += 1
    return dict(found)


def instruments(rtpd: Running) -> dict[str, dict[str, Any]]:
    return {one["unit"]: one for one in rtpd.status()["instruments"]}


def test_clean_the_archive_is_what_was_sent(tmp_path: Path) -> None:
    expected = [one.octets for one in made(scene_of("clean"), 400)]
    fleet, pace = scene_of("clean"), Pace(0)
    with running(tmp_path) as rtpd:
        client = Client(rtpd.ports["clients"])
        carrier = Witnessed(rtpd.ports["field"], fleet, Weather(), pace)
        assert 0 == sent(fleet, carrier, pace, 400)
        assert expected == carrier.came == client.packets(400)
        client.close()
        rtpd.total("packets_archived", 400)
        assert 0 == rtpd.end()
    files = reftek.files(tmp_path / "raw")

    events = events_of(expected)
    assert len(events) >= 4
    assert sorted(b"".join(one) for one in events.values()) == sorted(
        octets for path, octets in files.items() if "/0/" not in path
    )
    assert {one for one in expected if one[:2] not in EVENTFUL} == {
        octets[at : at + 1024]
        for path, octets in files.items()
        if "/0/" in path
        for at in range(0, len(octets), 1024)
    }


@pytest.mark.parametrize(
    "weather", [Weather(loss=0.2, shuffle=64, doubled=0.05), Weather(bursts=0.01, burst=(10, 60))]
)
def test_a_bad_network_leaves_each_once_in_order_and_every_hole_told(
    tmp_path: Path, weather: Weather
) -> None:
    most = 900
    expected = [one.octets for one in made(scene_of("clean", units=2), most)]
    fleet, pace = scene_of("clean", units=2), Pace(0)
    with running(tmp_path) as rtpd:
        carrier = Witnessed(rtpd.ports["field"], fleet, weather, pace)
        sent(fleet, carrier, pace, most)
        came = list(dict.fromkeys(carrier.came))
        rtpd.total("packets_archived", len(carrier.came))
        missing = gone(expected, came)
        told = rtpd.until(
            lambda told: (
                {one["unit"]: one["missing"] for one in told["instruments"] if one["missing"]}
                == missing
            )
        )
        assert len(carrier.came) > len(came) or not weather.doubled
        totals = told["totals"]
        assert len(carrier.came) == totals["packets_taken"]
        assert len(carrier.came) - len(came) == totals["duplicates"]
        assert 0 == rtpd.end()

    held = reftek.held(tmp_path / "raw")
    assert set(came) == set(held)
    assert len(came) == held.total()
    assert sum(missing.values()) > 20


def test_a_link_brings_everything_through_a_network_that_loses_a_fifth(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # a lost DISCOVER costs five seconds, and a third of them are lost here
    monkeypatch.setattr("portbook.protocols.reftek.link_sender.ASK_NS", NANO // 5)
    most = 400
    expected = made(scene_of("clean", units=2), most)
    fleet, pace = scene_of("clean", units=2), Pace(0)
    with running(tmp_path) as rtpd:
        client = Client(rtpd.ports["clients"])
        weather = Weather(loss=0.2, shuffle=16, doubled=0.05)
        target = (LOOPBACK, rtpd.ports["field"])
        carrier = Linked(target, fleet.units, weather, 3, pace.elapsed_ns, 128)
        assert 0 == sent(fleet, carrier, pace, most)
        seen = client.packets(most)
        client.close()
        rtpd.total("packets_archived", most)
        assert 0 == rtpd.end()

    told = account(fleet, carrier)
    assert [one.made for one in told] == [one.acknowledged for one in told]
    assert sum(one.lost for one in told) > 50
    for unit in fleet.units:
        mine = [one.octets for one in expected if one.unit == unit]
        assert mine == [one for one in seen if int.from_bytes(one[4:6]) == unit]
    assert {one.octets for one in expected} == set(reftek.held(tmp_path / "raw"))


def test_a_recorder_that_comes_back_from_another_address_is_the_same_one(tmp_path: Path) -> None:
    most = 300
    expected = [one.octets for one in made(scene_of("clean"), most)]
    fleet, pace = scene_of("clean"), Pace(1000)
    weather = Weather(outages=((20 * NANO, 100 * NANO), (150 * NANO, 250 * NANO)))
    with running(tmp_path) as rtpd:
        carrier = Witnessed(rtpd.ports["field"], fleet, weather, pace)
        assert 0 == sent(fleet, carrier, pace, most)
        rtpd.total("packets_archived", most)
        told = rtpd.until(
            lambda told: [one["address"] for one in told["instruments"]] == ["127.0.2.1"]
        )
        assert [f"{UNIT:04X}"] == [one["unit"] for one in told["instruments"]]
        assert {"127.0.0.1", "127.0.1.1", "127.0.2.1"} <= set(told["instruments"][0]["addresses"])
        assert 0 == told["instruments"][0]["holes"]
        assert 0 == rtpd.end()

    assert set(expected) == set(reftek.held(tmp_path / "raw"))


def test_sequences_and_events_wrap_without_a_hole(tmp_path: Path) -> None:
    """The receiver comes late in the first unit's event, and the second one's events wrap."""
    wrapping = [
        one.octets
        for one in scene_of("wrap", units=2).flow(until_ns=840 * NANO)
        if one.due_ns > 820 * NANO or one.unit != UNIT
    ]
    with running(tmp_path) as rtpd:
        fleet, pace = scene_of("wrap", units=2), Pace(0)
        carrier = Witnessed(rtpd.ports["field"], fleet, Weather(), pace)
        with closing(carrier):
            for one in wrapping:
                carrier.send(int.from_bytes(one[4:6]), one)
            carrier.finish(10)
        rtpd.total("packets_archived", len(wrapping))
        assert 0 == rtpd.end()

    numbers = [read(one).sequence for one in wrapping if one[:2] == b"DT"]
    assert {9999, 0} <= set(numbers)
    files = reftek.files(tmp_path / "raw")
    (first,) = [octets for path, octets in files.items() if f"/{UNIT:04X}/1/" in path]
    own = [one for one in wrapping if int.from_bytes(one[4:6]) == UNIT and one[:2] == b"DT"]
    assert b"".join(own) == first
    others = events_of(one for one in wrapping if one not in own)
    assert {9999, 0} <= {event for _, _, event in others}
    assert sorted(b"".join(each) for each in others.values()) == sorted(
        octets for path, octets in files.items() if f"/{UNIT + 1:04X}/1/" in path
    )


def test_dirty_input_is_counted_and_others_are_not_touched(tmp_path: Path) -> None:
    most = 600
    expected = made(scene_of("dirty", units=3), most)
    fleet, pace = scene_of("dirty", units=3), Pace(0)
    with running(tmp_path) as rtpd:
        carrier = Witnessed(rtpd.ports["field"], fleet, Weather(), pace)
        sent(fleet, carrier, pace, most)
        refusable = sum(fleet.spoilt[kind] for kind in (*dirt.FOREIGN, *dirt.IMPOSSIBLE))
        told = rtpd.total("packets_archived", most - refusable)
        assert refusable == sum(told["peers"][LOOPBACK].values())
        assert refusable > 50
        assert 0 == rtpd.end()

    held = reftek.held(tmp_path / "raw")
    sound = {one.octets for one in expected if one.unit != UNIT + 2}
    assert sound <= set(held)
    assert sound == {one for one in held if int.from_bytes(one[4:6]) != UNIT + 2}


def _replayed(home: Path, name: str) -> list[Path]:
    octets = real_file(name).read_bytes()
    fleet, pace = Fleet({0xAE4C: replay(octets, 2015)}), Pace(0)
    with running(home) as rtpd:
        carrier = Witnessed(rtpd.ports["field"], fleet, Weather(), pace)
        assert 0 == sent(fleet, carrier, pace, 1000)
        rtpd.total("packets_archived", len(octets) // 1024)
        assert 0 == rtpd.end()
    (path,) = [one for one in (home / "raw").rglob(name.upper()) if one.is_file()]
    assert octets == path.read_bytes()
    return [path]


def test_a_replayed_recording_is_archived_as_the_makers_library_does(tmp_path: Path) -> None:
    (path,) = _replayed(tmp_path, "225051000_00008656")

    assert Path("2015282/AE4C/1/225051000_00008656") == path.relative_to(tmp_path / "raw")
    first = read(path.read_bytes()[:1024])
    assert time_ns(first, 2015) == 1_444_431_051_000_000_000


@needs_obspy
def test_obspy_reads_its_eight_traces_from_the_archive(tmp_path: Path) -> None:
    (path,) = _replayed(tmp_path, "225051000_00008656")
    traces = obspy_traces(path)

    assert 8 == len(traces)
    assert 20_400 == sum(len(samples) for *_, samples in traces)


def test_over_tcp_and_from_an_upstream_rtpd_it_is_the_same(tmp_path: Path) -> None:
    expected = {one.octets for one in made(scene_of("network", units=6), 300)}
    fleet, pace = scene_of("network", units=6), Pace(0)
    (tmp_path / "tcp").mkdir()
    with running(tmp_path / "tcp") as rtpd:
        target = (LOOPBACK, rtpd.ports["clients"])
        carrier = Tcp(target, fleet.units, Weather(), 0, pace.elapsed_ns, 1e6)
        assert 0 == sent(fleet, carrier, pace, 300)
        rtpd.total("packets_archived", 300)
        assert 0 == rtpd.end()
    assert expected == set(reftek.held(tmp_path / "tcp" / "raw"))

    fleet, pace = scene_of("network", units=6), Pace(0)
    server = Server((LOOPBACK, 0), Weather(), 0, pace.elapsed_ns, patient=True)
    (tmp_path / "upstream").mkdir()
    upstream = f'[[upstream]]\nhost = "{LOOPBACK}"\nport = {server.address[1]}\n'
    with running(tmp_path / "upstream", SETTINGS + upstream) as rtpd:
        assert server.await_clients(1, 30)
        assert 0 == sent(fleet, server, pace, 300)
        rtpd.total("packets_archived", 300)
        assert 0 == rtpd.end()
    assert expected == set(reftek.held(tmp_path / "upstream" / "raw"))
