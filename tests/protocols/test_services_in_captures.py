"""Real traffic: what tshark calls one of the services is named by its bytes, nothing is misnamed.

Each case where the two disagree is explained below. Conversations inside a tunnel are left out
where labels are compared: tshark tells a tunnel's packets by their outer addresses.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support import CAPTURES, needs_captures, needs_tshark

from portbook.errors import SourceError
from portbook.evidence import captures
from portbook.evidence.conversations import Observed, records
from portbook.evidence.packets import Table
from portbook.protocols import identify
from portbook.protocols.prefilter import prefilter
from portbook.records import Confidence, Identification

SERVICES = frozenset(
    ("ftp", "smtp", "dhcp", "snmp", "ssh", "http", "tls", "dns", "mdns", "llmnr", "nbns", "ntp")
) | {"smb"}
SAME = {"smb2": "smb", "bootp": "dhcp"}

# Labels that tshark gives beside ours, and why the conversation is none of ours.
CARRIERS = {
    "nbdgm": "NetBIOS datagrams carry SMB over UDP: another protocol",
    "quic": "QUIC carries the TLS handshake inside its own packets",
    "vxlan": "a tunnel counts as its outer conversation",
    "geneve": "a tunnel counts as its outer conversation",
    "gtp": "a tunnel counts as its outer conversation",
}
# (capture, server port, what tshark says, what the bytes say, why)
EXPLAINED = frozenset(
    (
        ("container-pcapng-ether-and-sll.pcapng", 22, "ssh", None, "joined inside the cipher"),
        ("container-pcapng-zstd.pcapng.zst", 22, "ssh", None, "joined inside the cipher"),
        ("frag-socks-http.pcap", 21477, "http", "socks", "SOCKS that carries HTTP"),
        ("mixed-ot-it-synthetic-352hosts.pcap", 4790, "dns", None, "a tunnel (VXLAN-GPE)"),
        ("mixed-ot-it-synthetic-352hosts.pcap", 443, "", "http", "HTTP/2 where tshark wants TLS"),
        ("odd-http-on-5432.pcap", 5432, "", "http", "tshark goes by the number, 5432"),
        ("it-tls-236conversations.pcap", 80, "", "http", "tshark waits for more headers"),
    )
)


class Named(NamedTuple):
    """A conversation with payload, and the name that its bytes got."""

    observed: Observed
    told: Identification | None

    @property
    def name(self) -> str | None:
        return self.told.protocol if self.told else None

    @property
    def ends(self) -> tuple[str, frozenset[tuple[str, int]]]:
        one = self.observed.conversation
        ends = frozenset(((one.client, one.client_port), (one.server, one.server_port)))
        return one.transport.value, ends


def conversations(path: Path) -> Iterator[Named]:
    filters = prefilter()
    table = Table(filters.rows)
    try:
        captures.read(
            captures.Capture(path.name, str(path)),
            table,
            full=lambda: pytest.fail("the table is full"),
            starved=table.release,
        )
    except SourceError:
        # A capture that is damaged further on is read up to there.
        assert path.name.startswith("cut-")
    for observed in records(table.rows(), path.name):
        if observed.payload.to_server or observed.payload.to_client:
            asked = filters.chosen(observed.candidates)
            told = identify(observed.payload, asked, roles_known=observed.roles_known)
            yield Named(observed, told)


def labels(path: Path) -> dict[tuple[str, frozenset[tuple[str, int]]], set[str]]:
    """Ask tshark for the protocols of each conversation's frames."""
    fields = ["frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst"]
    fields += ["tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"]
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=f"]
    for field in fields:
        command += ["-e", field]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    found: dict[tuple[str, frozenset[tuple[str, int]]], set[str]] = defaultdict(set)
    for line in shown.stdout.splitlines():
        stack, ip_a, ip_b, six_a, six_b, tcp_a, tcp_b, udp_a, udp_b = line.split("\t")
        transport, a, b = ("tcp", tcp_a, tcp_b) if tcp_a else ("udp", udp_a, udp_b)
        inside = stack.split(":")
        if a and transport in inside:
            ends = frozenset(((ip_a or six_a, int(a)), (ip_b or six_b, int(b))))
            above = inside[inside.index(transport) + 1 :]
            found[transport, ends] |= {SAME.get(name, name) for name in above}
    return found


def _captures(*patterns: str) -> list[str]:
    return sorted({path.name for one in patterns for path in CAPTURES.glob(one) if path.is_file()})


WITNESSED = _captures(
    *(
        "ftp-*",
        "smtp-*",
        "snmp-*",
        "dhcp-*",
        "it-*",
        "odd-*",
        "plant-*",
        "mixed-*",
        "modbus-small*",
    ),
    *("container-*", "frag-*", "ext-*", "cut-*", "codesys-*"),
)
OTHERS = sorted(set(_captures("*.pcap*")) - set(WITNESSED))


@needs_captures
@needs_tshark
@pytest.mark.parametrize("name", WITNESSED)
def test_tshark_and_the_bytes_agree_or_the_case_is_explained(name: str) -> None:
    told = labels(CAPTURES / name)
    explained = {one[:4] for one in EXPLAINED if one[0] == name}
    met = set()
    disagree = []
    for one in conversations(CAPTURES / name):
        if one.observed.conversation.tunnel:
            continue
        said = told.get(one.ends, set())
        ours = {one.name} & SERVICES
        if said & SERVICES and (one.name in said or CARRIERS.keys() & said):
            continue
        # LLMNR and mDNS to one host differ from DNS by nothing but the number.
        if one.name == "dns" and said & {"llmnr", "mdns"} and one.told and one.told.against:
            continue
        if not said & SERVICES and not ours:
            continue
        wanted = min(said & SERVICES, default="")
        port = one.observed.conversation.server_port
        met.add((name, port, wanted, one.name))
        if (name, port, wanted, one.name) not in explained:
            disagree.append((one.observed.conversation, sorted(said), one.told))

    assert [] == disagree
    assert explained == met, "an explanation that explains nothing"


# Services that run beside the protocol for which a capture was made, by the start of its name.
RIGHTLY_SEEN = {
    "beckhoff-ams": {("nbns", 137)},
    "bsap-ip": {("mdns", 5353)},
    "pcapng-": {("dhcp", 67), ("dhcp", 68)},
}


@needs_captures
@pytest.mark.parametrize("name", OTHERS)
def test_nothing_in_the_captures_of_other_protocols_is_misnamed(name: str) -> None:
    found = {
        (one.name, one.observed.conversation.server_port)
        for one in conversations(CAPTURES / name)
        if one.name in SERVICES
    }
    beside = [seen for start, seen in RIGHTLY_SEEN.items() if name.startswith(start)]

    assert found <= (beside[0] if beside else set())


@needs_captures
@pytest.mark.parametrize(
    ("capture", "name", "confidence"),
    [
        ("odd-http-on-5432.pcap", "http", Confidence.CONFIRMED),
        ("odd-http-on-irc-port.pcapng", "http", Confidence.CONFIRMED),
        ("ftp-auth-tls.pcap", "ftp", Confidence.CONFIRMED),
        ("smtp-one-side-only.pcap", "smtp", Confidence.PLAUSIBLE),
        ("smtp-starttls.pcap", "smtp", Confidence.CONFIRMED),
        ("dhcp-hardware-type-0.pcap", "dhcp", Confidence.CONFIRMED),
        ("snmp-v3-encrypted.pcap", "snmp", Confidence.CONFIRMED),
        ("container-sll2.pcap", "tls", Confidence.PLAUSIBLE),
    ],
)
def test_a_service_on_an_odd_port_or_in_an_odd_state_is_named(
    capture: str, name: str, confidence: Confidence
) -> None:
    found = {
        (one.name, one.told.confidence) for one in conversations(CAPTURES / capture) if one.told
    }

    assert {(name, confidence)} == found


@needs_captures
@pytest.mark.parametrize(("capture", "name"), [("odd-socks-on-10080.pcap", "socks")])
def test_what_is_none_of_the_services_gets_none_of_their_names(capture: str, name: str) -> None:
    assert {name} == {one.name for one in conversations(CAPTURES / capture)}


@needs_captures
def test_devices_tell_who_they_are() -> None:
    walk = [one.told for one in conversations(CAPTURES / "snmp-walk.pcap") if one.told]
    files = [one.told for one in conversations(CAPTURES / "ftp-auth-tls.pcap") if one.told]

    assert walk[0].server["product"].startswith("Linux ubuntu-512mb-sfo2-01")
    assert {"product": "vsFTPd", "version": "3.0.5"} == dict(files[0].server)
