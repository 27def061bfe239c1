"""Frames and captures of our own making, for the demo and for tests.

Builders of octets, innermost first: `udp` or `tcp`, then `ipv4` or `ipv6`, then `ethernet`; `Host`
and `TcpTalk` put them together; `pcap` and `pcapng` write the file. All lengths and checksums are
right, so that an independent dissector has nothing to complain of. Nothing here reads a clock.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, ip_address
from typing import NamedTuple

ETHERNET, RAW_IP = 1, 101  # LINKTYPE numbers of the tcpdump registry
TCP, UDP = 6, 17
IPV4, IPV6, VLAN = 0x0800, 0x86DD, 0x8100
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
BROADCAST_MAC = "ff:ff:ff:ff:ff:ff"
SEGMENT = 1400  # octets of payload in one segment of a TcpTalk


class Frame(NamedTuple):
    """One frame of a capture."""

    time_ns: int
    octets: bytes
    length: int | None = None  # on the wire, where the capture keeps less of it
    interface: int = 0  # pcapng: which interface of its section


class Host(NamedTuple):
    """An end of our own making: an IP address, the MAC address under it, its TTL."""

    address: str
    mac: str
    ttl: int = 64

    def datagram(self, port: int, other: Host, other_port: int, payload: bytes) -> bytes:
        """Return the Ethernet frame of one UDP datagram from here to another host."""
        inner = udp(payload, self.address, port, other.address, other_port)
        return self.packet(other, UDP, inner)

    def packet(self, other: Host, protocol: int, inner: bytes) -> bytes:
        """Return the Ethernet frame of one IP packet from here to another host."""
        if ip_address(self.address).version == 4:
            packet = ipv4(inner, self.address, other.address, protocol, ttl=self.ttl)
            return ethernet(packet, self.mac, other.mac, IPV4)
        packet = ipv6(inner, self.address, other.address, protocol, hops=self.ttl)
        return ethernet(packet, self.mac, other.mac, IPV6)


def group(address: str) -> Host:
    """Return a destination that many hear: a multicast group (RFC 1112, RFC 2464) or broadcast."""
    known = ip_address(address)
    if not known.is_multicast:
        return Host(address, BROADCAST_MAC)
    low = known.packed[-3:] if known.version == 4 else known.packed[-4:]
    head = bytes((0x01, 0x00, 0x5E, low[0] & 0x7F)) if known.version == 4 else b"\x33\x33"
    return Host(address, (head + (low[1:] if known.version == 4 else low)).hex(":"))


class TcpTalk:
    """A TCP connection written down: handshake, what both say, teardown.

    step_ns: from one frame to the next; mss: octets of payload in one segment
    `frames` grows with each call; a new talk has shaken hands already, unless `open_` is False.
    """

    def __init__(
        self,
        client: Host,
        client_port: int,
        server: Host,
        server_port: int,
        *,
        start_ns: int = 0,
        step_ns: int = 1_000_000,
        sequences: tuple[int, int] = (1_000, 5_000),
        mss: int = SEGMENT,
        open_: bool = True,
    ) -> None:
        self.frames: list[Frame] = []
        self.now_ns = start_ns
        self._ends = ((client, client_port), (server, server_port))
        self._sequence = list(sequences)
        self._step_ns, self._mss = step_ns, mss
        if open_:
            self._send(0, SYN)
            self._send(1, SYN | ACK)
            self._send(0, ACK)

    def to_server(self, *messages: bytes) -> TcpTalk:
        """Let the client say messages, each in segments of its own, and the server acknowledge."""
        return self._say(0, messages)

    def to_client(self, *messages: bytes) -> TcpTalk:
        """Let the server say messages, each in segments of its own, and the client acknowledge."""
        return self._say(1, messages)

    def wait(self, time_ns: int) -> TcpTalk:
        """Let time go by before the next frame."""
        self.now_ns += time_ns
        return self

    def close(self) -> list[Frame]:
        """End the connection from the client's side and return all its frames."""
        self._send(0, FIN | ACK)
        self._send(1, FIN | ACK)
        self._send(0, ACK)
        return self.frames

    def reset(self) -> list[Frame]:
        """Break the connection off from the server's side and return all its frames."""
        self._send(1, RST | ACK)
        return self.frames

    def _say(self, side: int, messages: Iterable[bytes]) -> TcpTalk:
        for message in messages:
            for at in range(0, len(message), self._mss):
                self._send(side, PSH | ACK, message[at : at + self._mss])
            self._send(1 - side, ACK)
        return self

    def _send(self, side: int, flags: int, payload: bytes = b"") -> None:
        (here, port), (there, other_port) = self._ends[side], self._ends[1 - side]
        segment = tcp(
            payload,
            here.address,
            port,
            there.address,
            other_port,
            flags=flags,
            sequence=self._sequence[side],
            acknowledged=self._sequence[1 - side] if flags & ACK else 0,
        )
        self.frames.append(Frame(self.now_ns, here.packet(there, TCP, segment)))
        taken = len(payload) + bool(flags & (SYN | FIN))
        self._sequence[side] = (self._sequence[side] + taken) & 0xFFFFFFFF
        self.now_ns += self._step_ns


def ethernet(
    payload: bytes,
    source: str = "02:00:00:00:00:01",
    destination: str = "02:00:00:00:00:02",
    ethertype: int = IPV4,
    vlans: Sequence[int] = (),
    tag: int = VLAN,
) -> bytes:
    """Return an Ethernet frame, padded to 60 octets; `vlans` are tags, the outermost first."""
    head = _mac(destination) + _mac(source)
    for vlan in vlans:
        head += struct.pack(">HH", tag, vlan)
    frame = head + struct.pack(">H", ethertype) + payload
    return frame.ljust(60, b"\0")


def ipv4(
    payload: bytes,
    source: str,
    destination: str,
    protocol: int = UDP,
    *,
    ttl: int = 64,
    identification: int = 0,
    fragment: int = 0x4000,
    options: bytes = b"",
) -> bytes:
    """Return an IPv4 packet with its header checksum (RFC 791).

    fragment: flags and offset as they stand in the header, 0x4000 says "don't fragment"
    options: padded to a multiple of four octets
    """
    options = options.ljust(-(-len(options) // 4) * 4, b"\0")
    head = struct.pack(
        ">BBHHHBBH4s4s",
        0x45 + len(options) // 4,
        0,
        20 + len(options) + len(payload),
        identification,
        fragment,
        ttl,
        protocol,
        0,
        _ip(source),
        _ip(destination),
    )
    head += options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(
    payload: bytes, source: str, destination: str, next_header: int = UDP, *, hops: int = 64
) -> bytes:
    """Return an IPv6 packet (RFC 8200); extension headers are part of the payload."""
    head = struct.pack(">IHBB", 0x60000000, len(payload), next_header, hops)
    return head + _ip(source) + _ip(destination) + payload


def udp(payload: bytes, source: str, port: int, destination: str, other_port: int) -> bytes:
    """Return a UDP datagram with its checksum over the pseudo header (RFC 768)."""
    head = struct.pack(">HHHH", port, other_port, 8 + len(payload), 0)
    # RFC 768: a computed sum of zero is sent as all ones, since zero says "no checksum"
    told = _sum_above_ip(head + payload, source, destination, UDP) or 0xFFFF
    return head[:6] + struct.pack(">H", told) + payload


def tcp(
    payload: bytes,
    source: str,
    port: int,
    destination: str,
    other_port: int,
    *,
    flags: int = PSH | ACK,
    sequence: int = 0,
    acknowledged: int = 0,
    window: int = 64240,
    options: bytes = b"",
) -> bytes:
    """Return a TCP segment with its checksum over the pseudo header (RFC 9293)."""
    options = options.ljust(-(-len(options) // 4) * 4, b"\0")
    head = struct.pack(
        ">HHIIBBHHH",
        port,
        other_port,
        sequence & 0xFFFFFFFF,
        acknowledged & 0xFFFFFFFF,
        (5 + len(options) // 4) << 4,
        flags,
        window,
        0,
        0,
    )
    head += options
    told = _sum_above_ip(head + payload, source, destination, TCP)
    return head[:16] + struct.pack(">H", told) + head[18:] + payload


def checksum(octets: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    octets += b"\0" * (len(octets) % 2)
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pcap(
    frames: Iterable[Frame],
    link: int = ETHERNET,
    *,
    nanoseconds: bool = False,
    big_endian: bool = False,
    snaplen: int = 262144,
) -> bytes:
    """Return a pcap file of the frames, in the order given."""
    order = ">" if big_endian else "<"
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)]
    for frame in frames:
        seconds, rest = divmod(frame.time_ns, 1_000_000_000)
        kept = frame.octets[:snaplen]
        length = len(frame.octets) if frame.length is None else frame.length
        fraction = rest if nanoseconds else rest // 1000
        parts += (struct.pack(order + "IIII", seconds, fraction, len(kept), length), kept)
    return b"".join(parts)


class Interface(NamedTuple):
    """One interface of a pcapng section.

    resolution: the if_tsresol octet: a power of ten, or of two when its top bit is set
    """

    link: int = ETHERNET
    resolution: int = 6
    snaplen: int = 0
    name: str | None = None

    def units(self, time_ns: int) -> int:
        """Return a time in the units of this interface."""
        power = self.resolution & 0x7F
        units: int = 2**power if self.resolution & 0x80 else 10**power
        return time_ns * units // 1_000_000_000


class Section(NamedTuple):
    """One section of a pcapng file: its interfaces and its frames."""

    frames: Sequence[Frame]
    interfaces: Sequence[Interface] = (Interface(),)
    big_endian: bool = False


def pcapng(*sections: Section) -> bytes:
    """Return a pcapng file: for each section its header, its interfaces, enhanced packet blocks."""
    parts = []
    for section in sections:
        order = ">" if section.big_endian else "<"
        body = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
        parts.append(block(0x0A0D0D0A, body, order))
        parts += [_interface_block(one, order) for one in section.interfaces]
        parts += [_packet_block(frame, section, order) for frame in section.frames]
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Return one pcapng block of any type, its body padded to a multiple of four octets."""
    body += b"\0" * (-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def _interface_block(one: Interface, order: str) -> bytes:
    options = _option(9, bytes((one.resolution,)), order) if one.resolution != 6 else b""
    if one.name is not None:
        options = _option(2, one.name.encode(), order) + options
    options += _option(0, b"", order) if options else b""
    return block(1, struct.pack(order + "HHI", one.link, 0, one.snaplen) + options, order)


def _packet_block(frame: Frame, section: Section, order: str) -> bytes:
    units = section.interfaces[frame.interface].units(frame.time_ns)
    length = len(frame.octets) if frame.length is None else frame.length
    head = struct.pack(
        order + "IIIII",
        frame.interface,
        units >> 32,
        units & 0xFFFFFFFF,
        len(frame.octets),
        length,
    )
    return block(6, head + frame.octets, order)


def _option(code: int, value: bytes, order: str) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def _sum_above_ip(segment: bytes, source: str, destination: str, protocol: int) -> int:
    addresses = _ip(source) + _ip(destination)
    if isinstance(ip_address(source), IPv4Address):
        pseudo = addresses + struct.pack(">BBH", 0, protocol, len(segment))
    else:
        pseudo = addresses + struct.pack(">IxxxB", len(segment), protocol)
    return checksum(pseudo + segment)


def _ip(address: str) -> bytes:
    return ip_address(address).packed


def _mac(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))
