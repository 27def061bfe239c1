"""Real captures whose ports alone are rewritten: names come from the bytes, findings from both."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from support import CAPTURES, field, needs_captures
from support.knowing import NOW_NS, knowledge
from support.moving import frames, moved

from portbook.evidence.tunnels import PORTS
from portbook.ports import Transport
from portbook.protocols import protocols
from portbook.records import Confidence, Level
from portbook.survey import traffic
from portbook.survey.story import Story

pytestmark = [pytest.mark.shared, needs_captures]

UNRELATED = 0x5A5A  # 502 becomes 23468, 53 becomes 23151, ...
PLAIN = (
    "CODESYS V3", "OptoMMP (Opto 22)", "Modbus/TCP", "EtherNet/IP and CIP", "S7comm", "BACnet",
    "DNP3", "OPC UA", "MQTT", "SNMP", "DHCP and BootP", "FTP", "SMTP", "Plant and mixed OT",
    "Other OT protocols", "Ordinary IT traffic", "Port and protocol disagree",
)  # fmt: skip
PLANT_PORTS = (502, 102, 20000, 44818, 47808, 1740, 2543, 2001)
HTTP, TLS = "odd-http-on-5432.pcap", "smtp-8conversations.pcap"

Ends = frozenset[tuple[str, int]]


def _plain() -> list[str]:
    return [row.name for row in field.rows().values() if row.section in PLAIN]


def _read(folder: Path, octets: bytes) -> Story:
    path = folder / "moved"
    path.write_bytes(octets)
    return traffic.read([str(path)], knowledge(), now_ns=NOW_NS)


def _names(told: Story, mask: int) -> dict[tuple[Transport, int | None, Ends], object]:
    return {
        (
            one.transport,
            one.vlan,
            frozenset(((one.client, one.client_port ^ mask), (one.server, one.server_port ^ mask))),
        ): (one.protocol, one.confidence, one.because)
        for one in told.conversations
        if one.tunnel is None
    }


def test_the_ports_that_are_moved_to_are_nobodys() -> None:
    for protocol in protocols().values():
        for usual in protocol.usual:
            away = {number ^ UNRELATED for number in range(usual.ports.first, usual.ports.last + 1)}
            narrow = usual.ports.size < 100
            assert not narrow or all(number not in usual.ports for number in away)
    assert {number ^ UNRELATED for number in PORTS} & PORTS == set()


@pytest.mark.parametrize("name", _plain())
def test_names_stay_when_every_port_moves(name: str, tmp_path: Path) -> None:
    octets = (CAPTURES / name).read_bytes()
    plain = gzip.decompress(octets) if name.endswith(".gz") else octets
    octets = moved(plain, lambda number: number ^ UNRELATED)

    assert _names(field.story(name), UNRELATED) == _names(_read(tmp_path, octets), 0)


def test_enough_was_named_for_that_to_tell_something() -> None:
    named = {
        one.protocol for name in _plain() for one in field.story(name).conversations if one.protocol
    }
    without = {
        "amqp", "coap", "crimson", "egd", "ge-srtp", "lonworks-ip", "ntrip", "pakbus", "rtcm",
        "rtps", "tristation", "waveserver",
        "bittorrent", "git", "kafka", "kde-connect", "memcached", "mongodb", "nats", "openvpn",
        "pop3", "redis", "rsync", "tds", "wireguard", "xmpp",
        "codesys-v2", "cotp", "datalink", "dlms", "knxnet-ip", "mbus", "pac-control", "pc-worx",
        "proconos", "reftek", "rtsp", "seedlink", "slmp", "syslog", "telnet", "unitrends", "vnc",
        "ws-discovery", "x11",
    }  # fmt: skip

    assert set(protocols()) - without == named


@pytest.mark.parametrize("port", PLANT_PORTS)
def test_http_on_a_plants_port_is_http_and_said_to_be(port: int, tmp_path: Path) -> None:
    octets = (CAPTURES / HTTP).read_bytes()
    told = _read(tmp_path, moved(octets, lambda number: port if number == 5432 else number))

    (one,) = told.conversations
    assert (port, "http", Confidence.CONFIRMED) == (one.server_port, one.protocol, one.confidence)
    said = {finding.code: finding for finding in told.findings}
    assert {"PB101"} <= said.keys()
    assert f"http answers on {port}/tcp" in said["PB101"].message
    assert one.claims
    spoken = {finding.parameters.get("protocol") for finding in told.findings}
    assert {"http"} == spoken - {None}
    if port in (502, 102, 20000, 44818):
        assert Level.WARNING is said["PB101"].level


@pytest.mark.parametrize("port", PLANT_PORTS)
def test_tls_on_a_plants_port_is_tls_and_said_to_be(port: int, tmp_path: Path) -> None:
    octets = (CAPTURES / TLS).read_bytes()
    told = _read(tmp_path, moved(octets, lambda number: port if number == 443 else number))

    here = [one for one in told.conversations if one.server_port == port]
    assert here
    assert {"tls"} == {one.protocol for one in here if one.protocol}
    assert any(
        finding.code == "PB101" and f"tls answers on {port}/tcp" in finding.message
        for finding in told.findings
    )


@pytest.mark.parametrize("port", PLANT_PORTS)
@pytest.mark.parametrize("filler", [b"\0", b"\xff", b"A", b"\x30\x84\0\0"])
def test_filler_on_a_plants_port_gets_no_name(port: int, filler: bytes, tmp_path: Path) -> None:
    """The packets of a real web session, what they say overwritten."""
    octets = moved(
        (CAPTURES / HTTP).read_bytes(), lambda number: port if number == 5432 else number
    )
    changed = bytearray(octets)
    for at, size, _ in frames(octets):
        payload = at + 14 + 20 + 4 * (octets[at + 14 + 20 + 12] >> 4)
        room = max(0, at + size - payload)
        changed[payload : payload + room] = (filler * (room // len(filler) + 1))[:room]
    told = _read(tmp_path, bytes(changed))

    (one,) = told.conversations
    assert one.payload_octets > 100
    assert (port, None, None) == (one.server_port, one.protocol, one.confidence)
    assert not [finding for finding in told.findings if "protocol" in finding.parameters]
