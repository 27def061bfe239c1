"""The real captures: what their README says of each, and what portbook tells of it."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import NamedTuple

from portbook.protocols import protocols
from portbook.records import Conversation
from portbook.survey import traffic
from portbook.survey.story import Story
from support import CAPTURES
from support.knowing import NOW_NS, knowledge

_ROW = re.compile(r"\| (\S+\.(?:pcap|pcapng|pcap\.gz|pcapng\.zst)) \|")
_GROUP = re.compile(r"(\S+) (tcp|udp|sctp)/(\d+): (\d+) conv, (\d+) pk")
_MORE = re.compile(r"\+\d+ more groups \((\d+) conv, (\d+) pk\)")
# how the dissector calls what portbook calls otherwise, or by the layer that it recognises
_NAMES = {
    "iec60870_asdu": "iec104",
    "codesysv3": "codesys-v3",
    "cip": "enip",
    "cipio": "cip-io",
    "bacapp": "bacnet",
    "smb2": "smb",
    "browser": "nbdgm",
    "pres": "mms",
    "dcerpc": "profinet-cm",
    "hart_ip": "hart-ip",
    "isakmp": "ike",
    "omron": "fins",
    "synphasor": "c37118",
    "resp": "redis",
    "cflow": "netflow",
    "db-lsp-disc": "dropbox-lan",
}
# tunnels whose outer packets have no ports: only the inner conversation can be counted
_WITHOUT_PORTS = ("gre", "ip-in-ip", "6in4", "etherip", "mpls")

# what is damaged: the word of the one line that says so
DAMAGED = {
    "cut-file-truncated-tls.pcap": "more than any frame",
    "malformed/libpcap-linktype-reserved-field-not-zero.pcap": "reserved bits",
    "malformed/libpcap-pcap-invalid-version-1.pcap": "only version 2",
    "malformed/pcapplusplus-crash-eec28dafde1f1ac2299674a75a914ae16d4046fa.pcap": "more than any",
    "malformed/pcapplusplus-crash-exception-cast-constructed-record.pcap": "more than any frame",
    "malformed/pcapplusplus-fuzz-5165927376355328.pcap": "in the middle of a record",
    "malformed/pcapplusplus-fuzz-5631583764873216.pcap": "reserved bits",
    "malformed/pcapplusplus-fuzz-5643903448645632.pcap": "in the middle of a record",
    "malformed/pcapplusplus-fuzz-5685520970809344.pcap": "reserved bits",
    "malformed/pcapplusplus-fuzz-5717750942269440.pcap": "more than any frame",
    "malformed/pcapplusplus-fuzz-5758569646653440.pcap": "more than any frame",
    "malformed/pcapplusplus-fuzz-5781142119907328.pcap": "more than any frame",
    "malformed/pcapplusplus-fuzz-6207688043397120.pcap": "in the middle of a record",
}

Place = tuple[str, str, int]  # protocol, transport, port


class Count(NamedTuple):
    """Conversations and packets."""

    conversations: int = 0
    packets: int = 0


class Row(NamedTuple):
    """One row of the README."""

    name: str
    section: str
    packets: int
    all: Count
    named: dict[Place, Count]  # of protocols that portbook knows
    shortened: bool  # small groups are summed up without their names


@cache
def rows() -> dict[str, Row]:
    """Return the README's rows by the name of the capture; nothing when it is absent."""
    found: dict[str, Row] = {}
    readme, section = CAPTURES / "README.md", ""
    for line in readme.read_text().splitlines() if readme.exists() else ():
        if line.startswith("## "):
            section = line[3:]
        if _ROW.match(line):
            row = _row(line, section)
            found[row.name] = row
    return found


def _row(line: str, section: str) -> Row:
    name, *_, packets, text = (part.strip() for part in line.strip().strip("|").split("|"))
    conversations = octets = 0
    named: dict[Place, Count] = {}
    for label, transport, port, many, heard in _GROUP.findall(text):
        conversations, octets = conversations + int(many), octets + int(heard)
        protocol = _NAMES.get(label, label)
        if protocol in protocols():
            place = (protocol, transport, int(port))
            before = named.get(place, Count())
            named[place] = Count(before[0] + int(many), before[1] + int(heard))
    more = _MORE.findall(text)
    conversations += sum(int(many) for many, _ in more)
    octets += sum(int(heard) for _, heard in more)
    return Row(name, section, int(packets), Count(conversations, octets), named, bool(more))


@cache
def story(name: str) -> Story:
    """Return what portbook tells of one capture."""
    return traffic.read([str(CAPTURES / name)], knowledge(), now_ns=NOW_NS)


def counted(name: str) -> list[Conversation]:
    """Return the conversations that the README counts: of a tunnel with ports the outer one."""
    return [
        one
        for one in story(name).conversations
        if one.tunnel is None or one.tunnel in _WITHOUT_PORTS
    ]


def named(name: str, places: dict[Place, Count]) -> dict[Place, Count]:
    """Return what portbook named, at the README's places where either port stands there.

    The README takes the lower or the first port for the responder's; portbook mostly knows better.
    """
    found: Counter[Place] = Counter()
    heard: Counter[Place] = Counter()
    for one in counted(name):
        if one.protocol is None:
            continue
        mine, other = (
            (one.protocol, one.transport.value, port) for port in (one.server_port, one.client_port)
        )
        place = other if other in places and mine not in places else mine
        found[place] += 1
        heard[place] += one.packets
    return {place: Count(many, heard[place]) for place, many in found.items()}
