"""Asking CODESYS V3 runtimes who they are: the name service, the one well-formed request.

Over UDP the answer goes to the address that is written into the request, not to where the request
came from, so the asker must own one of the four ports and be in the same subnet. Over TCP one
named host is asked.
Sources: microsoft/CoDe16 and Rapid7 (the request), Greenbone and nmap pull request 1210 (the
request over TCP, which names no host); the vendor's runtime interface headers (addresses).
"""

from __future__ import annotations

from ipaddress import IPv4Address

from portbook.ports import PortRange, Transport
from portbook.protocols.codesys import addresses, blocks, datagram, naming
from portbook.protocols.questions import MORE, Asking, Line, Question, Verdict

UNICAST_HOPS, BROADCAST_HOPS = 13, 14
PORTS = range(addresses.FIRST_PORT, addresses.FIRST_PORT + addresses.PORTS)
ANYBODY = bytes.fromhex("2ddc00000000")  # 0.0.0.0:11740
NOBODY = bytes.fromhex("2ddf7f0000018301")  # 127.0.0.1:11743 and a channel of its gateway


def request(sender: bytes, number: int, broadcast_id: int | None = None) -> bytes:
    """Make the request: to one node, or with a broadcast id (16 bits) to all of a subnet."""
    return datagram.build(
        datagram.NAME_REQUEST,
        sender,
        payload=naming.build_request(number),
        hops=UNICAST_HOPS if broadcast_id is None else BROADCAST_HOPS,
        broadcast_id=broadcast_id,
    )


def lines(asking: Asking) -> tuple[Line, ...]:
    """Return the datagrams of one round: the same to each of the four ports."""
    own = IPv4Address(asking.own).packed
    sender = addresses.encode(own, asking.own_port, asking.prefix)
    # what a router has seen lately it takes for a loop: the id differs from round to round
    loop = (asking.number ^ asking.number >> 16) & 0xFFFF
    octets = request(sender, asking.number, loop if asking.broadcast else None)
    words = "name service C202: identify yourself"
    return tuple(Line(octets, words, fits, port=port) for port in PORTS)


def lines_tcp(asking: Asking) -> tuple[Line, ...]:
    """Return the request in a block; its addresses are those that scanners write for any host."""
    octets = datagram.build(
        datagram.NAME_REQUEST, NOBODY, ANYBODY, naming.build_request(0), hops=UNICAST_HOPS
    )
    return (Line(blocks.build(octets), "name service C202: identify yourself", fits_block),)


def fits(sent: bytes, came: bytes) -> Verdict:
    """Tell whether a datagram is an identification that answers this request."""
    asked, told = datagram.read(sent), datagram.read(came)
    if asked is None or told is None or told.service != datagram.NAME_ANSWER:
        return Verdict.OTHER
    node, request = naming.read(told.payload, told.missing), naming.read(asked.payload)
    if not isinstance(node, naming.Node) or request is None:
        return Verdict.OTHER
    return Verdict.ANSWER if node.request == request.request else Verdict.OTHER


def fits_block(sent: bytes, came: bytes) -> Verdict:
    """Tell the same of a block."""
    return fits(sent[blocks.HEADER.size :], came[blocks.HEADER.size :])


def measure(octets: bytes, at: int) -> int | None:
    """Tell how long the block at `at` is; see framing.Measure."""
    start = octets[at : at + len(blocks.MAGIC)]
    if not blocks.MAGIC.startswith(start):
        return None
    length = blocks.HEADER.get(octets, "length", at)
    if length is None:
        return MORE
    return int(length) if blocks.LEAST <= length <= blocks.HOPELESS else None


def questions(programs: tuple[str, ...]) -> tuple[Question, ...]:
    """Return the questions; programs: those that own the four ports."""
    return (
        Question(
            "codesys",
            "codesys-v3",
            "name service: who is there",
            Transport.UDP,
            (addresses.FIRST_PORT,),
            lines,
            wait_s=3.0,
            gap_s=0.2,
            broadcast=True,
            inside=True,
            most_hosts=16,
            every_s=600.0,
            own_ports=PortRange(PORTS[0], PORTS[-1]),
            rivals=programs,
        ),
        Question(
            "codesys",
            "codesys-v3",
            "name service over TCP: who is there",
            Transport.TCP,
            (11740,),
            lines_tcp,
            measure,
            most_hosts=1,
        ),
    )
