"""KDE Connect: a desktop or telephone says who it is, as one JSON object in a datagram.

It uses ports 1714 to 1764, so its broadcasts are heard on CODESYS' 1740 to 1743 as well. Over TCP
the side that connects sends the same object, and then both turn to TLS.
"""

from __future__ import annotations

import msgspec

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "kde-connect"
KIND = "kdeconnect.identity"
PORTS = range(1024, 65536)
LONGEST = 1 << 16
DEVICES = frozenset(("desktop", "laptop", "phone", "smartphone", "tablet", "tv"))
TLS = b"\x16\x03"


class Body(msgspec.Struct, rename="camel"):
    """What a device says of itself."""

    device_id: str
    device_name: str = ""
    device_type: str = ""
    protocol_version: int = 0
    tcp_port: int | None = None
    incoming_capabilities: list[str] = []
    outgoing_capabilities: list[str] = []


class Packet(msgspec.Struct):
    """The object around it."""

    type: str
    body: Body
    id: int | str = 0


def recognise(payload: Payload) -> Identification | None:
    """Name KDE Connect by an identity packet that is one whole object and nothing else."""
    if payload.transport not in (Transport.UDP, Transport.TCP):
        return None
    stream = payload.transport is Transport.TCP
    packet = _packet(payload.to_server, stream=stream)
    if packet is None:
        return None
    if payload.to_client:
        fits = payload.to_client.octets.startswith(TLS) or _packet(payload.to_client, stream=stream)
        if not fits:
            return None
    facts: dict[str, object] = {"protocol_version": packet.body.protocol_version}
    if packet.body.device_type in DEVICES:
        facts["device_type"] = packet.body.device_type
    because, client = f"one whole object of type {KIND}", _device(packet.body)
    if not packet.body.protocol_version:
        doubt = "it tells no version of the protocol"
        return plausible(NAME, because, against=(doubt,), facts=facts, client=client)
    return confirmed(NAME, because, facts=facts, client=client)


def _packet(side: Side, *, stream: bool) -> Packet | None:
    if stream:
        line, end, _ = side.octets[:LONGEST].partition(b"\n")
        return _read(line) if end else None
    octets, length = side.first
    return _read(octets) if len(octets) == length else None


def _read(octets: bytes) -> Packet | None:
    if not octets.startswith(b"{") or KIND.encode() not in octets:
        return None
    try:
        packet = msgspec.json.decode(octets, type=Packet)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    body = packet.body
    port = body.tcp_port is None or body.tcp_port in PORTS
    return packet if packet.type == KIND and body.device_id and body.device_name and port else None


def _device(body: Body) -> dict[str, str]:
    return {"name": clean(body.device_name, 64), "serial": clean(body.device_id, 64)}


PROTOCOL = Protocol(
    name=NAME,
    title="KDE Connect",
    recognise=recognise,
    sources=(
        Source("KDE Connect protocol reference, identity packet", "2025",
               "kdeconnect.identity; ports 1714 to 1764"),
        Source("KDE/kdeconnect-kde, core/networkpacket.cpp and lanlinkprovider.cpp", None,
               "identity over UDP, then over TCP"),
    ),
    signatures=tuple(
        Signature(transport, 0, start)
        for transport in (Transport.UDP, Transport.TCP)
        for start in (b'{"id"', b'{"body"', b'{"type"', b'{ "id"', b'{\n')
    ),
    usual=(
        Usual(PortRange(1714, 1764), Transport.UDP, confidence="two sources"),
        Usual(PortRange(1714, 1764), Transport.TCP, confidence="two sources", source=1),
    ),
    safety="Telephones and desktops of people: it has no place on a control network.",
    programs=("kdeconnectd", "gsconnect"),
)  # fmt: skip
