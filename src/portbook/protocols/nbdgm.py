"""NetBIOS datagrams: Windows and Samba hosts tell their names to the link, again and again.

Which host it is stands in the name of the sender; the messages inside (browser announcements,
logons) are not opened.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Piece,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import BE, IPV4, Field, Layout
from portbook.protocols.nbns import decode
from portbook.records import Identification, Source

NAME = "nbdgm"
SOURCES = (
    Source("RFC 1002, NetBIOS over TCP/UDP: detailed specifications", "1987-03", "section 4.4"),
    Source("RFC 1001, NetBIOS over TCP/UDP: concepts and methods", "1987-03", "section 14.1"),
)
HEADER = Layout(
    "NetBIOS datagram header",
    14,
    (
        Field("type", 0, 1, BE, None, "0x10 to one, 0x11 to a group, 0x12 to all", 0x10),
        Field("flags", 1, 1, BE, None, "node type, first, more follow; the upper half is zero"),
        Field("id", 2, 2, BE, None, "joins fragments"),
        Field("source_ip", 4, 4, IPV4, None, "the sender's, as it believes"),
        Field("source_port", 8, 2, BE, None, "138"),
        Field("length", 10, 2, BE, "octet", "of what follows this header"),
        Field("offset", 12, 2, BE, "octet", "of a fragment"),
    ),
)
KINDS = {0x10: "to one name", 0x11: "to a group", 0x12: "to all"}
NAME_OCTETS = 34  # a length of 32, the letters, the end of the scope
HOSTS = (0x00, 0x20)  # the 16th octet of a workstation's and a server's name


class Message(NamedTuple):
    """One datagram."""

    kind: str
    source: tuple[str, int]  # name, and its 16th octet
    target: tuple[str, int]
    source_ip: str
    exact: bool


def recognise(payload: Payload) -> Identification | None:
    """Name NetBIOS datagrams by their header and the two encoded names behind it."""
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = _side(payload.to_server), _side(payload.to_client)
    if asked is None or answered is None or not (asked or answered):
        return None
    found = asked + answered
    exact = all(one.exact for one in found)
    return (confirmed if exact else plausible)(
        NAME,
        "a datagram header and two names of 32 letters A to P",
        *(("lengths agree",) if exact else ()),
        against=() if exact else ("a message is cut, or of another length than it tells",),
        facts={"kind": found[0].kind, "to": found[0].target[0]},
        client=_identity(asked),
        server=_identity(answered),
    )


def _side(side: Side) -> list[Message] | None:
    found = []
    for piece in judged(side):
        message = read(piece)
        if message is None:
            return None
        found.append(message)
    return found


def read(piece: Piece) -> Message | None:
    """Read one datagram, or None when it is none."""
    octets = piece.octets
    header = HEADER.read(octets)
    if header is None or header["type"] not in KINDS or header["flags"] & 0xF0:
        return None
    source = _name(octets, HEADER.size)
    target = _name(octets, HEADER.size + NAME_OCTETS)
    if source is None or target is None:
        return None
    exact = piece.whole and header["length"] == piece.length - HEADER.size
    return Message(KINDS[header["type"]], source, target, header["source_ip"], exact)


def _name(octets: bytes, at: int) -> tuple[str, int] | None:
    part = octets[at : at + NAME_OCTETS]
    if len(part) < NAME_OCTETS or part[0] != NAME_OCTETS - 2 or part[-1]:
        return None
    return decode(part[1:-1])


def _identity(found: list[Message]) -> dict[str, str]:
    for one in found:
        name, role = one.source
        if name and role in HOSTS:
            return {"name": name}
    return {}


PROTOCOL = Protocol(
    name=NAME,
    title="NetBIOS datagram service",
    recognise=recognise,
    sources=SOURCES,
    # The length of the first name, then letters.
    signatures=(Signature(Transport.UDP, 14, b"\x20" + b"\x40" * 7, b"\xff" + b"\xe0" * 7),),
    usual=(Usual(PortRange(138, 138), Transport.UDP, role="both", confidence="verified"),),
    layouts=(HEADER,),
    safety="Tells host names and workgroups to all on the link; switch it off where DNS works.",
    programs=("nmbd", "System"),
)
