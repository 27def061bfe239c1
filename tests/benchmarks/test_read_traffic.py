"""The captures that `benchmarks/read.py` measures with: what they say is what they promise."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from support import needs_tshark
from support.knowing import NOW_NS, knowledge

from portbook.records import Confidence
from portbook.survey import traffic
from portbook.survey.story import Story

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "read_traffic.py"
NAMES = {
    22: "ssh",
    53: "dns",
    80: "http",
    102: "s7comm",
    123: "ntp",
    161: "snmp",
    443: "tls",
    502: "modbus",
    1740: "codesys-v3",
    1883: "mqtt",
    2404: "iec104",
    4840: "opcua",
    9000: None,
    20000: "dnp3",
    44818: "enip",
    47808: "bacnet",
}


def run(path: Path, *words: str) -> Any:
    return subprocess.run(
        [sys.executable, PROGRAM, path, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def written(path: Path, packets: int, conversations: int, *words: str) -> Path:
    done = run(path, "--packets", str(packets), "--conversations", str(conversations), *words)
    assert not done.returncode, done.stderr
    return path


def story(path: Path) -> Story:
    return traffic.read([str(path)], knowledge(), now_ns=NOW_NS)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("traffic") / "usual.pcap", 24_007, 3_000)


@pytest.mark.parametrize("shape", [(), ("--spread",)], ids=["usual", "spread"])
def test_every_kind_of_conversation_gets_its_name_and_is_confirmed(
    shape: tuple[str, ...], tmp_path: Path
) -> None:
    told = story(written(tmp_path / "one.pcap", 1_300, 160, *shape))
    seen = {(one.server_port, one.protocol, one.confidence) for one in told.conversations}

    assert {
        (port, name, Confidence.CONFIRMED if name else None) for port, name in NAMES.items()
    } == seen
    assert not told.oddities


@pytest.mark.parametrize(
    ("packets", "conversations"), [(16, 16), (1_000, 16), (1_001, 1_000), (9_999, 2_345)]
)
@pytest.mark.parametrize("shape", [(), ("--spread",)], ids=["usual", "spread"])
def test_packets_and_conversations_are_as_many_as_asked_for(
    packets: int, conversations: int, shape: tuple[str, ...], tmp_path: Path
) -> None:
    told = story(written(tmp_path / "one.pcap", packets, conversations, *shape)).summary

    assert (packets, conversations) == (told.packets, told.conversations)


def test_clients_come_back_to_their_few_services_from_new_ports(usual: Path) -> None:
    spoken = defaultdict(list)
    for one in story(usual).conversations:
        spoken[one.client].append(one)
    services = [{(one.server, one.server_port) for one in those} for those in spoken.values()]
    ports = [{one.client_port for one in those} for those in spoken.values()]
    servers = {server for those in services for server, _ in those}

    assert 1_000 == len(spoken)
    assert {3} == {len(those) for those in services} == {len(those) for those in ports}
    # the same 64 machines over IPv4 and IPv6
    assert 64 == len({server for server in servers if ":" not in server})
    assert servers - {server for server in servers if ":" not in server}


def test_no_client_has_more_than_six_services(tmp_path: Path) -> None:
    services = defaultdict(set)
    for one in story(written(tmp_path / "long.pcap", 9_000, 9_000)).conversations:
        services[one.client].add((one.server, one.server_port))

    assert {6} == {len(those) for those in services.values()}


def test_spread_conversations_have_no_client_in_common(tmp_path: Path) -> None:
    told = story(written(tmp_path / "spread.pcap", 4_000, 2_000, "--spread"))

    assert 2_000 == len({one.client for one in told.conversations})
    assert 1_500 < len({one.server for one in told.conversations})


def test_no_two_conversations_of_a_kind_say_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "talkative.pcap", 16_000, 320)
    heads: dict[int, set[bytes]] = defaultdict(set)
    octets = path.read_bytes()
    at = 24
    while at < len(octets):
        size = int.from_bytes(octets[at + 8 : at + 12], "little")
        frame = octets[at + 16 : at + 16 + size]
        port, payload = payload_of(frame)
        heads[port].add(payload)
        at += 16 + size

    # about 47 messages in each of 20 conversations of a kind; openings and keep-alives are alike
    assert {port for port, said in heads.items() if len(said) < 300} == set()


def payload_of(frame: bytes) -> tuple[int, bytes]:
    """Return the server's port and the payload of a frame."""
    at = 18 if frame[12:14] == b"\x81\x00" else 14
    six = frame[at] >> 4 == 6
    number = frame[at + 6] if six else frame[at + 9]
    at += 40 if six else 20
    ports = (
        int.from_bytes(frame[at : at + 2], "big"),
        int.from_bytes(frame[at + 2 : at + 4], "big"),
    )
    (port,) = [one for one in ports if one in NAMES]
    return port, frame[at + (20 if number == 6 else 8) :]


def test_one_seed_makes_one_file(usual: Path, tmp_path: Path) -> None:
    again = written(tmp_path / "again.pcap", 24_007, 3_000)

    assert usual.read_bytes() == again.read_bytes()


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path / "none.pcap", "--packets", "10", "--conversations", "11")

    assert 2 == done.returncode
    assert "10 packets cannot hold 11 conversations" in done.stderr
    assert not (tmp_path / "none.pcap").exists()


@needs_tshark
@pytest.mark.tshark
def test_a_dissector_finds_nothing_malformed_and_all_checksums_right(tmp_path: Path) -> None:
    path = written(tmp_path / "one.pcap", 3_200, 160)
    checks = [
        word for kind in ("ip", "tcp", "udp") for word in ("-o", f"{kind}.check_checksum:TRUE")
    ]
    wrong = "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0"
    done = subprocess.run(
        ["tshark", "-r", path, *checks, "-Y", f"{wrong} || tcp.checksum.status == 0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stdout)
