"""Writes captures for `read.py`: many conversations of many protocols, as talkative as asked for.

    python benchmarks/read_traffic.py FILE [--packets N] [--conversations N] [--spread]

1,000 clients and 64 servers; each client speaks to six services, again and again from new ports.
With --spread every conversation has a client, and nearly every one a server, of its own. What real
conversations vary varies: ports, sequence numbers, transaction numbers, names, values, keys.
At most 20,000 conversations are open at a time and take turns by chance, as on a busy link; when
one ends another begins. One seed makes one file.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from read_controllers import codesys, opcua
from read_office import Ends, Message, dns, filler, http, ntp, snmp, ssh, tls
from read_plant import bacnet, dnp3, enip, iec104, modbus, mqtt, s7

STEP_NS = 3_000  # between two packets
BEGIN_NS = 1_700_000_000_000_000_000
CLIENTS, SERVERS, SERVICES = 1_000, 64, 6  # services: that one client speaks to
FIRST_PORT, PORTS = 32_768, 28_232  # that clients take, one after the other, as Linux has them
SPREAD_CLIENTS = 200 << 16  # 10.0.0.0 to 10.199.255.255
OPEN, BEGIN = 20_000, 5_000  # conversations at a time, and those that begin in one round of turns
TCP, UDP = 6, 17
SYN, SYN_ACK, ACK, PUSH_ACK = 2, 18, 16, 24
MACS = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"
TAG = b"\x81\x00\x00\x0a"
PREFIX6 = b"\xfd\x17\x43" + bytes(9)  # unique local addresses: a site's own


class Kind(NamedTuple):
    """One protocol: its name, the port of its servers, its transport, what is said."""

    name: str | None
    port: int
    transport: int
    says: Callable[[Random, Ends], Iterator[Message]]


KINDS = (
    Kind("modbus", 502, TCP, modbus),
    Kind("enip", 44818, TCP, enip),
    Kind("dnp3", 20000, TCP, dnp3),
    Kind("s7comm", 102, TCP, s7),
    Kind("http", 80, TCP, http),
    Kind("tls", 443, TCP, tls),
    Kind("opcua", 4840, TCP, opcua),
    Kind("dns", 53, UDP, dns),
    Kind("snmp", 161, UDP, snmp),
    Kind("bacnet", 47808, UDP, bacnet),
    Kind("mqtt", 1883, TCP, mqtt),
    Kind("iec104", 2404, TCP, iec104),
    Kind("ssh", 22, TCP, ssh),
    Kind("ntp", 123, UDP, ntp),
    Kind("codesys-v3", 1740, UDP, codesys),
    Kind(None, 9000, TCP, filler),
)


class Pair(NamedTuple):
    """A client with its port, a server, what they speak, and how their frames are."""

    ends: Ends
    port: int
    kind: Kind
    six: bool  # over IPv6
    tagged: bool  # in a VLAN


def main() -> None:
    """Write the capture that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--packets", type=int, default=100_000)
    parser.add_argument("--conversations", type=int, default=2_000)
    parser.add_argument("--spread", action="store_true", help="ends of its own for each")
    told = parser.parse_args()
    try:
        write(told.file, told.packets, told.conversations, spread=told.spread)
    except ValueError as error:
        parser.error(str(error))


def write(path: Path, packets: int, conversations: int, *, spread: bool = False) -> None:
    """Write a pcap file of nanosecond times with exactly so many packets and conversations.

    Raises ValueError when there are fewer packets than conversations, or no ports left for them.
    """
    if not 0 < conversations <= packets:
        raise ValueError(f"{packets} packets cannot hold {conversations} conversations")
    if conversations > (SPREAD_CLIENTS if spread else CLIENTS * PORTS):
        raise ValueError(f"{conversations} conversations are more than the clients have ports for")
    chance = Random(1743)
    pairs = (_spread if spread else _usual)(chance, conversations)
    lengths = (
        packets // conversations + (number < packets % conversations)
        for number in range(conversations)
    )
    waiting = (
        islice(_talk(chance, pair), count) for pair, count in zip(pairs, lengths, strict=True)
    )
    talks = list(islice(waiting, BEGIN))
    now = BEGIN_NS
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        while talks:
            chance.shuffle(talks)
            parts: list[bytes] = []
            going: list[Iterator[bytes]] = []
            for one in talks:
                frame = next(one, None)
                if frame is None:
                    continue
                now += STEP_NS
                size = len(frame)
                parts.append(struct.pack("<IIII", *divmod(now, 1_000_000_000), size, size))
                parts.append(frame)
                going.append(one)
            out.write(b"".join(parts))
            talks = [*going, *islice(waiting, min(BEGIN, OPEN - len(going)))]


def _usual(chance: Random, conversations: int) -> Iterator[Pair]:
    """Give pairs of a site: conversations go round the clients, each goes round its services."""
    hosts = [
        (chance.random() < 0.05, chance.random() < 0.1, chance.randrange(PORTS))
        for _ in range(CLIENTS)
    ]
    served = [chance.sample(range(1, SERVERS + 1), SERVICES) for _ in range(CLIENTS)]
    for number in range(conversations):
        turn, client = divmod(number, CLIENTS)
        service = turn % SERVICES
        six, tagged, first = hosts[client]
        # five and sixteen have no common factor: a client's services are of different kinds
        kind = KINDS[(client + 5 * service) % len(KINDS)]
        ends = Ends(
            bytes((10, 1, *divmod(client, 250))), bytes((10, 2, 0, served[client][service]))
        )
        yield Pair(ends, FIRST_PORT + (first + turn) % PORTS, kind, six, tagged)


def _spread(chance: Random, conversations: int) -> Iterator[Pair]:
    """Give pairs that have no client in common, and few servers."""
    for number in range(conversations):
        # the factor is a prime: every number gives another client, near ones not near each other
        client = (10 << 24 | number * 7919 % SPREAD_CLIENTS).to_bytes(4, "big")
        server = bytes((10, 200 + chance.randrange(8), chance.randrange(256), 1 + number % 250))
        port, kind = FIRST_PORT + chance.randrange(PORTS), KINDS[number % len(KINDS)]
        yield Pair(Ends(client, server), port, kind, chance.random() < 0.05, chance.random() < 0.1)


def _talk(chance: Random, pair: Pair) -> Iterator[bytes]:
    """Give the frames of one conversation, without end."""
    wires = _Wire(pair, 0), _Wire(pair, 1)
    said = pair.kind.says(chance, pair.ends)
    if pair.kind.transport == UDP:
        for way, octets in said:
            yield wires[way].datagram(octets)
        return
    at = [chance.randrange(1 << 32), chance.randrange(1 << 32)]
    yield wires[0].segment(at[0], 0, SYN)
    yield wires[1].segment(at[1], at[0] + 1, SYN_ACK)
    at = [at[0] + 1, at[1] + 1]
    yield wires[0].segment(at[0], at[1], ACK)
    for way, octets in said:
        yield wires[way].segment(at[way], at[1 - way], PUSH_ACK, octets)
        at[way] += len(octets)


class _Wire:
    """One direction of a conversation: makes its frames."""

    __slots__ = ("_addresses", "_front", "_number", "_ports", "_pseudo", "_six", "_transport")

    def __init__(self, pair: Pair, way: int) -> None:
        ports = (pair.port, pair.kind.port)
        hosts = (pair.ends[way], pair.ends[1 - way])
        kind = b"\x86\xdd" if pair.six else b"\x08\x00"
        self._six, self._transport, self._number = pair.six, pair.kind.transport, 0
        self._front = MACS[1 - way] + MACS[way] + (TAG if pair.tagged else b"") + kind
        self._addresses = b"".join(PREFIX6 + host if pair.six else host for host in hosts)
        self._pseudo = int.from_bytes(self._addresses, "big") + self._transport
        self._ports = struct.pack(">HH", ports[way], ports[1 - way])

    def datagram(self, octets: bytes) -> bytes:
        size = 8 + len(octets)
        check = self._check(self._ports + struct.pack(">H", size) + octets, size)
        return self._framed(self._ports + struct.pack(">HH", size, check) + octets)

    def segment(self, at: int, seen: int, flags: int, octets: bytes = b"") -> bytes:
        numbers = struct.pack(">IIBBH", at & 0xFFFFFFFF, seen & 0xFFFFFFFF, 80, flags, 502)
        front = self._ports + numbers
        check = self._check(front + octets, 20 + len(octets))
        return self._framed(front + struct.pack(">HH", check, 0) + octets)

    def _check(self, body: bytes, size: int) -> int:
        # sums of 16-bit words with their carries are remainders by 65535
        even = body + b"\0" if len(body) & 1 else body
        return 0xFFFF - (int.from_bytes(even, "big") + self._pseudo + size) % 0xFFFF

    def _framed(self, body: bytes) -> bytes:
        if self._six:
            ip = struct.pack(">IHBB", 6 << 28, len(body), self._transport, 64)
            return self._front + ip + self._addresses + body
        self._number = self._number + 1 & 0xFFFF
        told = 0x45, 0, 20 + len(body), self._number, 0x4000, 64, self._transport
        words = int.from_bytes(struct.pack(">BBHHHBB", *told) + self._addresses, "big")
        ip = struct.pack(">BBHHHBBH", *told, 0xFFFF - words % 0xFFFF)
        return self._front + ip + self._addresses + body


if __name__ == "__main__":
    main()
