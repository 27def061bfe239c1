"""OptoMMP: Opto 22's memory-mapped protocol, reads and writes of a 48-bit address space.

Requests are told by their address and length, answers by their label; what the status area tells
becomes the device's identity. Sources: SOURCES below.
"""

from __future__ import annotations

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Protocol, Signature, Usual
from portbook.protocols.optommp import areas, asking, messages
from portbook.protocols.optommp.moulding import moulds
from portbook.protocols.optommp.recognition import NAME, TELL_TALE, recognise
from portbook.records import Source

SOURCES = (
    Source(
        "SNAP Ethernet-Based I/O Units: Protocols and Programming Guide (Opto 22, form 1465)",
        where="chapter 4, appendix A",
    ),
    Source("TCP and UDP Port Assignments (Opto 22 technical page)", where="port 2001"),
    Source(
        "Opto 22 OptoMMP C++ SDK",
        date="2018",
        where="HouseCCOIT/Chamber-Voting, Opto/Source",
    ),
    Source("Wireshark packet-optommp.c (contributed by Opto 22)", date="2014", where="area table"),
    Source("nmap service probes: what a device answers to GET", where="nmap-service-probes"),
)

_REQUEST_MASK = bytes.fromhex("030f0000fffff0")  # no retry, no priority, an address FFFF F...
_RESPONSE_MASK = bytes.fromhex("03ff00000fffffff")

PROTOCOL = Protocol(
    name=NAME,
    title="OptoMMP: memory-mapped access to Opto 22 controllers and I/O units",
    recognise=recognise,
    sources=SOURCES,
    signatures=tuple(
        signature
        for transport in (Transport.TCP, Transport.UDP)
        for signature in (
            Signature(transport, 2, bytes.fromhex("00000000fffff0"), _REQUEST_MASK),
            *(
                Signature(transport, 2, bytes((0, code << 4, 0, 0, 0, 0, 0, 0)), _RESPONSE_MASK)
                for code in sorted(set(messages.ANSWERS.values()))
            ),
            Signature(transport, 0, TELL_TALE[:8]),
        )
    ),
    usual=tuple(
        Usual(
            PortRange(2001, 2001),
            transport,
            "server",
            "Opto 22 OptoMMP (or OptoControl host on older controllers)",
            "two sources",
            1,
        )
        for transport in (Transport.TCP, Transport.UDP)
    ),
    layouts=(messages.REQUEST, messages.RESPONSE, messages.BLOCK, areas.STATUS_AREA),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Whoever reaches it can move outputs, reset the unit or give it another address: there is "
        "no log-in. Send nothing here that is not OptoMMP: a message whose fourth octet is 00-1F "
        "is taken as a write. A powerup clear is a write too; reading the status area is not."
    ),
    programs=("mmpserver", "PACManager.exe", "OptoMMP", "portbook"),
    questions=asking.questions(),
    guards=(PortRange(asking.PORT, asking.PORT),),
    talkative=True,
    moulds=moulds(),
)
