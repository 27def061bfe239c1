"""The demo's capture is what it says, the same each time, and a dissector finds no fault in it."""

from __future__ import annotations

import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import support

from portbook.emulators import plant
from portbook.evidence import readers
from portbook.evidence.conversations import records

AS = ("udp.port==53,dns", "tcp.port==502,http", "tcp.port==2001,optommp")
SET = (
    "ip.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "mbtcp.tcp.port:8502",
)


def test_each_run_gives_the_same_octets(tmp_path: Path) -> None:
    written = plant.write(tmp_path / "plant.pcap")

    assert plant.capture() == (tmp_path / "plant.pcap").read_bytes()
    assert len(plant.capture()) == written < 100_000


def test_frames_stand_in_the_order_of_time() -> None:
    frames = sorted(plant.frames(), key=lambda frame: frame.time_ns)

    assert plant.START_NS < frames[0].time_ns
    assert frames[-1].time_ns < plant.START_NS + 330 * 10**9


def test_controllers_announce_often_enough_to_be_confirmed() -> None:
    beacon = bytes.fromhex("c50b40010010000b")  # codesys.md 5: the shape of a one-word sender
    times = [frame.time_ns for frame in plant.frames() if frame.octets[42:50] == beacon]

    assert plant.ROUNDS * 4 == len(times)
    starts = times[::4]
    assert all(abs(b - a - 60 * 10**9) < 12_000_000 for a, b in pairwise(starts))


@support.needs_tshark
def test_an_independent_dissector_finds_no_fault(tmp_path: Path) -> None:
    rows = _tshark(tmp_path, "frame.protocols", "_ws.expert.severity", "_ws.expert.message")

    assert len(plant.frames()) == len(rows)
    serious = [row for row in rows if any(level in row[1] for level in ("6291456", "8388608"))]
    assert [] == serious, "warnings or errors"
    seen = Counter(row[0].rsplit(":", 1)[-1] for row in rows)
    assert {"modbus": 48, "dns": 6, "ntp": 10, "optommp": 4, "arp": 2} == {
        name: seen[name] for name in ("modbus", "dns", "ntp", "optommp", "arp")
    }
    assert 2 == sum(":http" in row[0] for row in rows)


@support.needs_tshark
def test_the_packet_reader_and_the_dissector_count_the_same(tmp_path: Path) -> None:
    fields = ("ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport")
    wanted: Counter[frozenset[tuple[str, str, str]]] = Counter()
    for source, target, *ports in _tshark(tmp_path, *fields):
        if any(ports):
            kind = "tcp" if ports[0] else "udp"
            here, there = (ports[0] or ports[2]), (ports[1] or ports[3])
            wanted[frozenset(((kind, source, here), (kind, target, there)))] += 1

    table = readers.table(seed=1)
    table.feed(plant.capture())
    table.finish()
    got = Counter(
        {
            frozenset(
                (one.transport.value, address, str(port))
                for address, port in ((one.client, one.client_port), (one.server, one.server_port))
            ): one.packets
            for one in (seen.conversation for seen in records(table.rows(), "plant"))
        }
    )

    assert wanted == got
    assert (len(plant.frames()), 2) == (table.counts().packets, table.counts().no_ports)
    assert {} == dict(table.oddities())


def _tshark(folder: Path, *fields: str) -> list[list[str]]:
    path = folder / "plant.pcap"
    plant.write(path)
    command = ["tshark", "-n", "-r", str(path), "-T", "fields"]
    command += [word for one in AS for word in ("-d", one)]
    command += [word for one in SET for word in ("-o", one)]
    command += [word for one in fields for word in ("-e", one)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True)
    return [line.split("\t") for line in done.stdout.splitlines()]
