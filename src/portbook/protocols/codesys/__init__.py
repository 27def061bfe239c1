"""CODESYS V3: announcements, name service, sessions; UDP 1740 to 1743, TCP 11740 to 11743.

Each router of the system, in a controller, a gateway or an engineering PC alike, announces
itself once a minute to all four UDP ports. Sources: SOURCES below.
"""

from __future__ import annotations

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Protocol, Signature, Usual
from portbook.protocols.codesys import asking, blocks, channel, datagram, naming, services
from portbook.protocols.codesys.recognition import NAME, recognise
from portbook.protocols.moulds import (
    Any,
    Crc32,
    Message,
    Mould,
    Number,
    Octets,
    OneOf,
    Rest,
    Speech,
)
from portbook.records import Source

SOURCES = (
    Source(
        "CODESYS FAQ, CODESYS Control: ports of gateway and runtime system",
        where="CODESYS FAQ, page CODESYS Control",
    ),
    Source(
        "microsoft/CoDe16: CODESYS V3 dissector, client and capture",
        date="2023-08-09",
        where="Wireshark Dissector/, Active Tool/ at de4c6245",
    ),
    Source(
        "CODESYS runtime interface headers (CmpRouter, CmpBlkDrv, CmpChannelMgr, CmpNameService)",
        date="2017",
        where="3S-Smart Software Solutions, facts only",
    ),
    Source(
        "EmreEkin/ICS-Pcaps: 344 announcements in 22 captures",
        where="commit 0ffbf023, IEC60870-104/, DNP3/, COTP/, LocalPCAP/",
    ),
    Source(
        "fridgebuyer/codesys3-dissector: a session over TCP 11740",
        where="sample_pcaps/cds3_login_applist.pcapng at 1e94017b",
    ),
    Source(
        "Rapid7: codesys3.lua and nmap pull request 2373 (A. Galauner)",
        where="names of the name service's fields",
    ),
)

PROGRAMS = (
    "codesyscontrol",
    "codesyscontrol.bin",
    "CODESYSControlService",
    "CODESYSControlService.exe",
    "CODESYSControlSysTray.exe",
    "CODESYS.exe",
    "codesysgateway",
    "codesysedge",
    "codesysedge.bin",
    "GatewayService",
    "GatewayService.exe",
    "GatewayV3.exe",
    "plclinux_rt",
    "codesys3",
)
_MAGIC_AND_SERVICE = bytes((0xFF, 0x00, 0x00, 0xFF))

# words of the sender's and the receiver's address; a receiver of none is everybody
_ADDRESSES = ((1, 1), (2, 2), (1, 0), (2, 0), (1, 2), (2, 1))
_CLIENT = channel.FROM_CLIENT


def _mould() -> Mould:
    """Questions to the name service and channels, both ways over UDP."""
    opens = (Octets(bytes((channel.OPEN_REQUEST,))), Any(1), Octets(b"\1\1"), Crc32(4), Any(12))
    alive = (Octets(bytes((channel.KEEP_ALIVE, _CLIENT)), bytes((0xFF, _CLIENT))), Any(2))
    asks = (
        *_sent(datagram.NAME_REQUEST, (Octets(b"\2\xc2\0\4"), Any(4))),
        *_sent(datagram.CHANNEL, opens),
        *_sent(datagram.CHANNEL, alive),
    )
    answers = _sent(datagram.NAME_ANSWER, (Octets(b"\x80\xc2\0\4"), Rest(4)))
    later = asks[: len(_ADDRESSES)] + _on_channels(_CLIENT, b"\xc2", b"\xc3", b"\xc4")
    tells = answers + _on_channels(0, b"\x82", b"\x83", b"\x84")
    return Mould(Transport.UDP, Speech(asks, later), Speech(tells))


def _on_channels(flag: int, *kinds: bytes) -> tuple[Message, ...]:
    from_it = Octets(bytes((flag,)), bytes((_CLIENT,)))
    data = _sent(datagram.CHANNEL, (Number(1, channel.DATA, channel.KEEP_ALIVE), from_it, Rest()))
    return data + _sent(datagram.CHANNEL, (OneOf(kinds), Rest(1)))


def _sent(service: int, payload: Message) -> tuple[Message, ...]:
    """Return a payload behind the header of a datagram, for addresses of all usual lengths."""
    start = Octets(bytes((datagram.MAGIC, 3, 0, service, 0)), b"\xff\x07\x3f\xff\xff")
    found = []
    for sender, receiver in _ADDRESSES:
        size = 2 * (sender + receiver)
        lengths = Octets(bytes((sender << 4 | receiver,)))
        padding = (Octets(bytes(2)),) if (datagram.HEADER.size + size) % 4 else ()
        found.append((start, lengths, Any(size), *padding, *payload))
    return tuple(found)


PROTOCOL = Protocol(
    name=NAME,
    title="CODESYS V3: discovery, name service and sessions of controllers",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        *(
            Signature(Transport.UDP, 0, bytes((datagram.MAGIC, 0, 0, service)), _MAGIC_AND_SERVICE)
            for service in datagram.SERVICES
        ),
        Signature(Transport.TCP, 0, blocks.MAGIC),
    ),
    usual=(
        Usual(
            PortRange(1740, 1743),
            Transport.UDP,
            "both",
            "CODESYS V3 UDP block driver: announcements, discovery, sessions",
            "verified",
            0,
        ),
        Usual(
            PortRange(11740, 11743),
            Transport.TCP,
            "server",
            "CODESYS V3 TCP block driver: runtime, and gateway on 11743",
            "verified",
            0,
        ),
        Usual(
            PortRange(1217, 1217),
            Transport.TCP,
            "server",
            "CODESYS gateway: engineering tool, OPC server",
            "two sources",
            0,
        ),
    ),
    layouts=(
        datagram.HEADER,
        naming.HEADER,
        naming.FIXED,
        blocks.HEADER,
        services.HEADER,
    ),
    # The vendor says: never reachable from the Internet. Sessions are routed inside plants, so
    # private networks are not too far.
    stays_inside=Scope.PRIVATE,
    safety=(
        "Sessions run over these ports too: log-in, program download, stop. A controller must "
        "never be reachable from the Internet; closing TCP 11740-11743 alone does not close "
        "programming, since it also runs over UDP 1740-1743. At most four CODESYS programs fit on "
        "one address: a program that binds one of UDP 1740-1743 takes it away from them."
    ),
    period_s=60.0,
    programs=(*PROGRAMS, "portbook"),
    questions=asking.questions(PROGRAMS),
    talkative=True,
    moulds=(_mould(),),
)
