"""CODESYS V3: announcements, name service, sessions; UDP 1740 to 1743, TCP 11740 to 11743.

Each router of the system, in a controller, a gateway or an engineering PC alike, announces
itself once a minute to all four UDP ports. Sources: SOURCES below.
"""

from __future__ import annotations

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Protocol, Signature, Usual
from portbook.protocols.codesys import asking, blocks, datagram, naming, services
from portbook.protocols.codesys.recognition import NAME, recognise
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
)
