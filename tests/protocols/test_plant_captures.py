"""The plant protocols on real captures: every conversation is named, and nothing else is.

What is expected is what TShark 4.0.17 labels, conversation by conversation; where the two differ,
the reason stands in EXCEPTIONS. Names never come from a port: recognisers do not see it.
"""

from __future__ import annotations

import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from support import CAPTURES, needs_captures, needs_tshark

from portbook.errors import SourceError
from portbook.evidence import captures, readers
from portbook.evidence.conversations import Observed, records, turned
from portbook.protocols import identify
from portbook.protocols.prefilter import prefilter
from portbook.records import Identification

pytestmark = [pytest.mark.shared, needs_captures]

OURS = {
    "modbus", "enip", "cip-io", "s7comm", "cotp", "bacnet", "dnp3", "iec104", "mms", "opcua",
    "mqtt",
}  # fmt: skip
EXPECTED: dict[str, dict[str, int]] = {
    "bacnet-18hosts-45conversations.pcap": {"udp/47808 bacnet confirmed": 45},
    "bacnet-device-control.pcap": {"udp/47808 bacnet confirmed": 1},
    "bacnet-error-reject-abort.pcap": {"udp/47808 bacnet confirmed": 1},
    "bacnet-read-properties.pcap": {"udp/47808 bacnet confirmed": 3},
    # frames are cut behind the payload, so the lengths still agree
    "bacnet-scan-snaplen-cut.pcap": {"udp/47808 bacnet confirmed": 1},
    "bacnet-services.pcap": {"udp/47808 bacnet confirmed": 7},
    "codesys-v3-announcements-3min-with-iec104.pcap": {"tcp/2404 iec104 confirmed": 1},
    "codesys-v3-announcements-second-instance.pcap": {"tcp/2404 iec104 confirmed": 1},
    "container-q-in-q.pcap": {"udp/47808 bacnet confirmed": 1},
    "cut-enip-snaplen.pcap": {"tcp/44818 enip confirmed": 1},
    "dnp3-example.pcap": {"tcp/20000 dnp3 confirmed": 11},
    "dnp3-flood-raw-ip.pcap": {"tcp/20000 dnp3 confirmed": 1},
    "dnp3-max-points-malformed.pcap": {"tcp/20000 dnp3 confirmed": 2},
    "dnp3-on-port-20001.pcap": {"tcp/20001 dnp3 confirmed": 1},
    "dnp3-over-udp.pcap": {"udp/20000 dnp3 confirmed": 1},
    # one master's questions are damaged at their start; the outstation's answers are not
    "dnp3-test-data-part1.pcap": {"tcp/20000 dnp3 confirmed": 7, "tcp/20000 dnp3 plausible": 1},
    "dnp3-two-connections.pcap": {"tcp/20000 dnp3 confirmed": 1},
    "enip-change-time.pcap": {"tcp/44818 enip confirmed": 1},
    "enip-cip-explicit-and-io-2222.pcap": {
        "tcp/44818 enip confirmed": 2,
        "udp/2222 cip-io confirmed": 1,
    },
    "enip-controllogix-reboot.pcap": {"tcp/44818 enip confirmed": 1},
    "enip-list-commands.pcap": {"tcp/44818 enip confirmed": 1},
    "enip-multiple-service-one-packet.pcapng": {"tcp/44818 enip confirmed": 1},
    "enip-software-upload.pcap": {"tcp/44818 enip confirmed": 1},
    "iec104-diverse.pcap": {"tcp/2404 iec104 confirmed": 1},
    "mixed-ot-it-synthetic-352hosts.pcap": {
        "tcp/502 modbus confirmed": 1,
        # one side only; a malformed exception
        "tcp/502 modbus plausible": 2,
        # here port 502 opened the connection, and the SYN decides who is called client
        "tcp/49701 modbus plausible": 1,
        "tcp/1883 mqtt confirmed": 2,
        "tcp/102 s7comm confirmed": 1,
        "tcp/102 s7comm plausible": 1,  # one unit of a single octet before a good one
        "tcp/44818 enip confirmed": 2,
        "udp/44818 enip confirmed": 2,
        "udp/44818 enip plausible": 1,  # a broadcast question
        "udp/50005 enip plausible": 1,  # answers of a server, one with an unknown status
        "udp/47808 bacnet confirmed": 1,
    },
    "mms-loopback.pcap": {"tcp/102 mms confirmed": 1},
    "modbus-4sics-two-packets.pcap": {"tcp/502 modbus plausible": 1},  # an attack, refused
    "modbus-encapsulated-interface.pcap": {"tcp/502 modbus confirmed": 2},
    "modbus-example.pcap": {"tcp/502 modbus confirmed": 2},
    # asks for more registers than an answer may hold; no transaction is repeated
    "modbus-fuzzed-1011.pcap": {"tcp/502 modbus plausible": 1},
    "modbus-many-functions.pcap": {
        "tcp/502 modbus confirmed": 3,
        "tcp/502 modbus plausible": 2,  # a question repeated; a scan of all functions
        "tcp/4446 modbus plausible": 1,  # answers only, from the side that opened the connection
    },
    "modbus-plant1-14hosts.pcap": {"tcp/502 modbus confirmed": 14},
    "modbus-s4x15-advantech.pcap": {"tcp/502 modbus confirmed": 2},
    "modbus-small-19conversations.pcap": {"tcp/502 modbus confirmed": 16},
    "modbus-testbed-6hosts.pcap": {"tcp/502 modbus confirmed": 5},
    "mqtt-big-publish.pcap": {"tcp/1883 mqtt confirmed": 1},
    "mqtt-five-connections.pcap": {"tcp/1883 mqtt confirmed": 5},
    "mqtt-synthetic-raw-ipv4.pcap": {"tcp/1883 mqtt confirmed": 7},
    "mqtt31-publish-qos2.pcap": {"tcp/1883 mqtt confirmed": 1},
    "mqtt5-publish-qos2.pcap": {"tcp/1883 mqtt confirmed": 1},
    "opcua-create-monitored-items.pcap": {"tcp/4840 opcua confirmed": 2},
    "opcua-get-endpoints.pcap": {"tcp/4840 opcua confirmed": 1},
    "opcua-minimal-loopback.pcap": {"tcp/4840 opcua confirmed": 2},
    # written by a test program that sends answers to port 4840: the answering side serves
    "opcua-pending-overflow.pcap": {
        f"tcp/{port} opcua confirmed": 1 for port in range(60001, 60013)
    },
    "opcua-python-client.pcap": {"tcp/4840 opcua confirmed": 1},
    "opcua-synthetic-5conversations.pcap": {"tcp/4840 opcua confirmed": 5},
    # reports of one side, joined in the middle, and one whole connection
    "plant-mms-goose-smb-13hosts.pcap": {"tcp/102 mms confirmed": 1, "tcp/102 mms plausible": 4},
    "plant-s4x15-modicon-with-scan.pcap": {"tcp/502 modbus confirmed": 1},
    "s7comm-ident.pcap": {"tcp/102 s7comm confirmed": 1},
    "s7comm-program-blocklist.pcap": {"tcp/102 s7comm confirmed": 5},
    "s7comm-read-plc-status.pcap": {"tcp/102 s7comm confirmed": 1},
    "s7comm-scan-test.pcap": {"tcp/102 s7comm confirmed": 2},
    "s7comm-snap7.pcap": {"tcp/102 s7comm confirmed": 1},
    "s7comm-step7-diagnostic-data.pcapng": {"tcp/102 s7comm confirmed": 1},
    "s7comm-tia-go-online.pcapng": {"tcp/102 s7comm confirmed": 1},
    "s7comm-wincc-s400-production.pcapng": {"tcp/102 s7comm confirmed": 1},
}
LABELS = {
    "modbus": {"modbus"}, "enip": {"enip"}, "cip": {"enip"}, "cipio": {"cip-io"},
    "s7comm": {"s7comm"}, "mms": {"mms"}, "cotp": {"cotp", "mms", "s7comm"}, "rdp": {"rdp"},
    "bvlc": {"bacnet"}, "dnp3": {"dnp3"}, "iec60870_104": {"iec104"}, "opcua": {"opcua"},
    "mqtt": {"mqtt"},
}  # fmt: skip
# what TShark labels by its port alone: capture, and one of the ports of the conversation
EXCEPTIONS = {
    ("modbus-many-functions.pcap", 2585): "lengths of 136 octets for functions that have 6",
}


@cache
def named(capture: str) -> tuple[tuple[Observed, Identification | None], ...]:
    """Read a capture with the product's own reader and name its conversations."""
    table = readers.table(prefilter().rows, seed=1)
    source = captures.Capture(capture, str(CAPTURES / capture))
    with suppress(SourceError):  # damaged captures keep what stands before the damage
        captures.read(source, table, full=lambda: None, starved=table.release)
    return tuple(_named(one) for one in records(table.rows(), capture))


def _named(one: Observed) -> tuple[Observed, Identification | None]:
    chosen = prefilter().chosen(one.candidates)
    told = identify(one.payload, chosen, roles_known=one.roles_known)
    return (turned(one) if told and told.swapped else one), told


def _all_captures() -> Iterator[str]:
    for path in sorted(CAPTURES.rglob("*")) if CAPTURES.is_dir() else ():
        if ".pcap" in path.name:
            yield str(path.relative_to(CAPTURES))


@pytest.mark.parametrize("capture", sorted(EXPECTED))
def test_every_conversation_gets_its_name(capture: str) -> None:
    found: Counter[str] = Counter()
    for one, told in named(capture):
        if told and told.protocol in OURS:
            told_of = one.conversation
            port = f"{told_of.transport.value}/{told_of.server_port}"
            found[f"{port} {told.protocol} {told.confidence.value}"] += 1

    assert EXPECTED[capture] == dict(found)


@pytest.mark.parametrize("capture", sorted(set(_all_captures()) - EXPECTED.keys()))
def test_no_other_traffic_is_called_a_plant_protocol(capture: str) -> None:
    """FINS, MELSOFT, HART-IP, Genisys, ROC Plus, BSAP, AMS, Fox, C37.118 and all of IT."""
    wrong = [told for _, told in named(capture) if told and told.protocol in OURS]

    assert [] == wrong


@needs_tshark
@pytest.mark.tshark
@pytest.mark.parametrize("capture", sorted(EXPECTED))
def test_it_agrees_with_tshark_on_each_conversation(capture: str) -> None:
    ours = {
        frozenset((one.conversation.client_port, one.conversation.server_port)): told
        for one, told in named(capture)
    }
    missing = []
    for ports, labels in _tshark(CAPTURES / capture).items():
        wanted = [LABELS[label] for label in labels if label in LABELS]
        told = ours.get(ports)
        excused = any((capture, port) in EXCEPTIONS for port in ports)
        if wanted and not excused and (not told or all(told.protocol not in one for one in wanted)):
            missing.append((sorted(ports), sorted(labels), told))

    assert [] == missing


def _tshark(path: Path) -> dict[frozenset[int], set[str]]:
    """Return TShark's labels of the frames with payload, by the ports of their conversation."""
    fields = ("tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "frame.protocols")
    told = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=f"]
        + [part for field in fields for part in ("-e", field)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    ).stdout
    labels: dict[frozenset[int], set[str]] = defaultdict(set)
    for line in told.splitlines():
        *ports, protocols = line.split("\t")
        numbers = [int(port) for port in ports if port]
        if len(numbers) == 2:
            labels[frozenset(numbers)].update(protocols.split(":"))
    return labels


@pytest.mark.parametrize(
    ("capture", "told"),
    [
        ("s7comm-ident.pcap", {"serial": "S C-C2UR28922012", "version": "V3.2.6"}),
        ("s7comm-snap7.pcap", {"vendor": "Siemens", "name": "S7300/ET200M station_1"}),
        ("cut-enip-snaplen.pcap", {"product": "1756-ENBT/A", "serial": "00524D8E"}),
        ("bacnet-scan-snaplen-cut.pcap", {"vendor": "JCI", "version": "5.1.0.4400"}),
        ("opcua-minimal-loopback.pcap", {"name": "open62541-based OPC UA Application"}),
    ],
)
def test_devices_tell_of_themselves(capture: str, told: dict[str, str]) -> None:
    servers = [dict(one.server) for _, one in named(capture) if one and one.server]

    assert any(told.items() <= server.items() for server in servers)
