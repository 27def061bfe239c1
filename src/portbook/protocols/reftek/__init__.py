"""REF TEK: seismic recorders on port 2543, and the programs that read from their server.

UDP and TCP on 2543 are two different protocols: the field link from recorder to server, and the
client protocol from server to programs. Sources: SOURCES below.
"""

from __future__ import annotations

from portbook.ports import PortRange, Transport
from portbook.protocols import Protocol, Signature, Usual
from portbook.protocols.moulds import (
    Any,
    Length,
    Message,
    Mould,
    Number,
    Octets,
    OneOf,
    Rest,
    Speech,
)
from portbook.protocols.reftek import client, layouts, packets
from portbook.protocols.reftek.recognition import NAME, recognise
from portbook.records import Source

SOURCES = (
    Source(
        "SeisComP/seedlink: REF TEK client and server library, reftek plugin",
        where="plugins/reftek_libs, plugins/reftek_plugin; facts only",
    ),
    Source("130 Recording Format, revision 3.4.5 (Trimble)", date="2012-11-02", where="obspy"),
    Source(
        "AndreFavotto/lnls-seismometer-system: configuration of a vendor installation",
        date="2019",
        where="reftek-system-files/rtpd.ini",
    ),
    Source("IANA: reftek, 2543 tcp and udp", where="service names and port numbers registry"),
    Source("bemielke/edgecwb: ReftekClient.java (USGS)", where="protocol version 2"),
)

# Type, then anything, then the day's first digit, which is 0 to 3.
_HEAD_MASK = bytes.fromhex("ffff00000000c0")
# The link's own header is not public; a header of a C program has an even length.
_INSIDE = range(2, packets.FURTHEST + 1, 2)
_SENT_ALONE = ("DT", "EH", "ET", "SH")


def _head(transport: Transport, at: int, kind: str) -> Signature:
    return Signature(transport, at, kind.encode() + bytes(5), _HEAD_MASK)


def _mould() -> Mould:
    """A program that greets the server, tells its process and its wishes, and is sent packets."""
    hello = OneOf(client.HELLOS)
    processes: tuple[Message, ...] = tuple(
        (Octets(bytes((0, client.PID, 0, 0, 0, size))), Any(size))
        for size in client.PROCESS_SIZES.values()
    )
    wishes: tuple[Message, ...] = tuple(
        (Octets(bytes((0, client.ATTR, 0, 0, 0, size))), Any(size))
        for size in (_WISH, _WISH + client.MAY_COMMAND)
    )
    nothing = tuple(bytes((0, kind, 0, 0, 0, 0)) for kind in (client.NOP, client.BREAK))
    started: Message = (Number(2, client.START, client.FLUSH), _SIZE, Rest())
    command: Message = (Octets(bytes((0, client.COMMAND))), _SIZE, Rest())
    sent: Message = (Number(2, client.REFTEK, client.EXTENDED[0] - 1), _SIZE, Rest())
    return Mould(
        Transport.TCP,
        Speech(
            tuple((hello, *one) for one in processes),
            ((OneOf(nothing),), *wishes, *processes, started, command),
        ),
        Speech(((hello,),), (sent,)),
    )


_SIZE = Length(4, high=client.LARGEST)
_WISH = client.ATTRIBUTES.size


PROTOCOL = Protocol(
    name=NAME,
    title="REF TEK: packets of seismic recorders, and the RTP client protocol",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        *(
            _head(transport, 0, kind)
            for transport in (Transport.UDP, Transport.TCP)
            for kind in packets.TYPES
        ),
        *(_head(Transport.UDP, at, kind) for at in _INSIDE for kind in _SENT_ALONE),
        *(Signature(Transport.TCP, 0, hello) for hello in client.HELLOS),
        Signature(Transport.TCP, 0, bytes.fromhex("000000000400")),
    ),
    usual=(
        Usual(
            PortRange(2543, 2543),
            Transport.UDP,
            "server",
            "REF TEK recorders to their server (RTPD)",
            "two sources",
            2,
        ),
        Usual(
            PortRange(2543, 2543),
            Transport.TCP,
            "server",
            "REF TEK RTP client protocol: programs read from RTPD",
            "verified",
            0,
        ),
        Usual(
            PortRange(2544, 2544), Transport.TCP, "server", "REF TEK RTPD console", "one source", 2
        ),
        Usual(
            PortRange(5000, 5000),
            Transport.TCP,
            "server",
            "REF TEK 130: direct commands to a recorder",
            "two sources",
            2,
        ),
    ),
    moulds=(_mould(),),
    layouts=(*layouts.ALL, client.HEADER, client.ATTRIBUTES, client.COMMAND_HEAD),
    safety=(
        "No log-in and no encryption: the server limits only commands, by the client's address. "
        "It takes few clients (8 in the maker's sample), so never hold a probe open; a wrong "
        "acknowledgement can make a recorder discard data that nobody has."
    ),
    programs=(
        "rtpd",
        "rtpid",
        "rtp2rtpd",
        "rtpmonitor",
        "rtptrig",
        "reftek_plugin",
        "reftek2ew",
        "rtp2orb",
        "rtpd2caps",
        "slarchive",
        "portbook",
    ),
)
