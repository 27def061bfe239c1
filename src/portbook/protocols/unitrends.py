"""Unitrends (Kaseya) backup: the control channel on TCP 1743.

No capture of it is public. The greeting's layout follows from three sources that agree; octets
that nobody knows do not count here.
Sources: SOURCES below.
"""

from __future__ import annotations

import re

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.layout import BE, HEX, RAW, TEXT, Field, Layout
from portbook.protocols.questions import Question
from portbook.records import Identification, Source

NAME = "unitrends"
MAGIC, ANSWER, REQUEST = 0xA5, 0x41, 0x52
LEAST, LARGEST = 24, 96  # octets of a greeting
LARGEST_COMMAND = 4096
PORT = 1743

GREETING = Layout(
    "Unitrends greeting",
    36,
    (
        Field("magic", 0, 1, HEX, None, "always a5", "a5"),
        Field("kind", 1, 1, TEXT, None, "A, an answer", "A"),
        Field("unknown", 2, 2, RAW, None, "not known", b"\x00\x01"),
        Field("length", 4, 4, BE, "octet", "of the whole packet"),
        Field("arguments", 8, 4, BE, None, "probably how many arguments follow", 2),
        Field("word", 29, 7, TEXT, None, "Connect, then the port in decimal digits", "Connect"),
    ),
)
COMMAND = Layout(
    "Unitrends command packet",
    20,
    (
        Field("magic", 0, 1, HEX, None, "always a5", "a5"),
        Field("kind", 1, 1, TEXT, None, "R, a request", "R"),
        Field("unknown", 2, 2, BE, None, "002d in both programs known", 0x2D),
        Field("length", 4, 4, BE, "octet", "of the whole packet: argument and 20"),
        Field("arguments", 8, 4, BE, None, "probably how many arguments follow", 1),
        Field("type", 12, 4, BE, None, "probably the argument's type", 0x4C),
        Field("argument_length", 16, 4, BE, "octet", "three zero octets at the end included"),
    ),
)

_CONNECT = re.compile(rb"Connect([0-9]+)")


def recognise(payload: Payload) -> Identification | None:
    """Name Unitrends by its greeting (the server speaks first) or its command packets.

    Magic and length alone are not enough for a name.
    """
    if payload.transport is not Transport.TCP:
        return None
    length_agrees, port = _greeting(payload.to_client)
    command = _command(payload.to_server)
    if port is None:
        return _commanded(payload) if command else None
    against = list(_doubts(port))
    because = ["magic a5", f"announces Connect{port}"]
    if length_agrees:
        because.append("the length at octet 4 agrees")
    else:
        against.append("the length at octet 4 does not agree")
    if command:
        because.append("command packets in the other direction")
    elif payload.to_server:
        against.append("what the client sends is no command packet")
    sure = length_agrees and (command or not payload.to_server)
    return (confirmed if sure else plausible)(
        NAME,
        *because,
        against=tuple(against),
        facts={"data_port": port},
        server={"vendor": "Unitrends"} if sure else {},
    )


def _commanded(payload: Payload) -> Identification:
    doubt = ("what the server sends is no greeting",) if payload.to_client else ()
    return plausible(NAME, "magic a5 52", "both lengths of a command packet agree", against=doubt)


def _greeting(side: Side) -> tuple[bool, int | None]:
    """Tell whether a greeting's length agrees, and which port it names.

    The length only splits packets; it is never a size to wait for or to allocate.
    """
    octets = side.octets
    if len(octets) < 8 or octets[0] != MAGIC or octets[1] == REQUEST:
        return False, None
    told = GREETING.get(octets, "length")
    split = LEAST <= told <= LARGEST and told <= len(octets)
    # Two greetings in one stream: the second must begin as the first does.
    agrees = split and (len(octets) == told == side.total or octets[told : told + 1] == b"\xa5")
    return agrees, _port(octets[:told] if agrees else octets[: LARGEST + 1])


def _port(packet: bytes) -> int | None:
    match = _CONNECT.search(packet)
    if not match or len(match[1]) > 5 or len(packet) - match.end() > 4:
        return None
    port = int(match[1])
    return port if 1 <= port <= 65535 else None


def _doubts(port: int) -> tuple[str, ...]:
    odd = port < 1024 or port == PORT
    return (f"it announces port {port}, which is odd for a data port",) if odd else ()


def _command(side: Side) -> bool:
    octets = side.octets
    if not COMMAND.fits(octets) or octets[:2] != bytes((MAGIC, REQUEST)):
        return False
    length, argument = (COMMAND.get(octets, name) for name in ("length", "argument_length"))
    return bool(
        COMMAND.size <= length <= LARGEST_COMMAND
        and argument == length - COMMAND.size
        and side.first.length == length
    )


SOURCES = (
    Source("exploit-db 42957: Unitrends UEB 9 bpserverd", date="2017-08", where="text"),
    Source(
        "rapid7/metasploit-framework: ueb9_bpserverd",
        date="2018",
        where="modules/exploits/linux/misc/ at 0906c3a6",
    ),
    Source(
        "saltstack-formulas/unitrends-agent-formula: master.ini of the 8.2.0 Linux client",
        date="2015",
        where="section Configuration Options, at 7b52bebd",
    ),
    Source("Greenbone feed: gb_unitrends_rce_vuln.nasl", date="2017", where="qweasader/gbn"),
)

PROTOCOL = Protocol(
    name=NAME,
    title="Unitrends backup: control channel",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        # The length is small, or the one word that all sources agree on stands where they say.
        Signature(Transport.TCP, 0, b"\xa5\0\0\0\0\0", b"\xff\0\0\0\xff\xff"),
        Signature(Transport.TCP, 29, b"Connect"),
    ),
    usual=(
        Usual(
            PortRange(PORT, PORT),
            Transport.TCP,
            "server",
            "Unitrends backup: control channel of appliance and client",
            "two sources",
            2,
        ),
        Usual(
            PortRange(1745, 1844),
            Transport.TCP,
            "server",
            "Unitrends backup: data ports behind a firewall",
            "one source",
            2,
        ),
    ),
    layouts=(GREETING, COMMAND),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Old appliances run commands from this channel as root, without log-in (CVE-2017-12477; "
        "CVE-2021-43033 before 10.5.5). Connect and read, never send: portbook sends nothing here."
    ),
    programs=("bpserverd", "bpinetd", "bpclient", "bpr", "xbackup", "xrestore", "xinetd"),
    questions=(
        Question(
            NAME,
            NAME,
            "connect, read the greeting, send nothing",
            Transport.TCP,
            (PORT,),
            wait_s=3.0,
            most_read=256,
            every_s=3600.0,  # each connection makes the appliance start a program
        ),
    ),
    guards=(PortRange(PORT, PORT),),
)
