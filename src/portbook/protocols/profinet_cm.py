"""PROFINET context management: DCE/RPC over UDP, between interfaces whose ids only PROFINET has.

The answer may come from another port than was asked, so each direction must do alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from portbook.addresses import Scope
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
from portbook.protocols.layout import BE, RAW, Field, Layout
from portbook.records import Identification, Source

NAME = "profinet-cm"
HEADER = Layout(
    "DCE/RPC connectionless header",
    80,
    (
        Field("version", 0, 1, BE, None, "always 4", 4),
        Field("type", 1, 1, BE, None, "0 request, 2 response, 1 ping, 4 working, ..."),
        Field("order", 4, 1, BE, None, "0x10: integers of this header are little-endian"),
        Field("object", 8, 16, RAW, None, "whose: instance, device id and vendor id of it"),
        Field("interface", 24, 16, RAW, None, "1 device, 2 controller, 3 supervisor, ..."),
        Field("activity", 40, 16, RAW, None, "chosen by who asks, repeated in the response"),
        Field("operation", 68, 2, RAW, None, "0 connect, 1 release, 2 read, 3 write, 4 control"),
        Field("length", 74, 2, RAW, "octet", "of the body; its order is that of the header"),
    ),
)
BLOCK = Layout(
    "PROFINET request for a relation (ARBlockReq)",
    58,
    (
        Field("type", 0, 2, BE, None, "always 0x0101", 0x0101),
        Field("name_length", 56, 2, BE, "octet", "of the station name that follows"),
    ),
)
VERSION, LITTLE = 4, 0x10
REQUEST, RESPONSE = 0, 2
ASKING, ANSWERING = (0, 1, 8), (2, 3, 4, 5, 6)  # acknowledgements come from both
TYPES = range(11)
INTERFACES = {
    1: "device",
    2: "controller",
    3: "supervisor",
    4: "parameter server",
    5: "CIM",
}
TAIL = bytes.fromhex("6c9711d1827100a02442df7d")  # dea0000n-6c97-11d1-8271-00a02442df7d
OBJECT = bytes.fromhex("6c9711d18271")  # dea00000-6c97-11d1-8271-instance, device, vendor
OPERATIONS = ("connect", "release", "read", "write", "control", "read implicit")
ARGUMENTS, NAME_AT_MOST = 20, 240
VENDORS = {0x002A: "Siemens", 0x00B0: "Phoenix Contact", 0x0120: "Beckhoff"}


class Call(NamedTuple):
    """One datagram's header, and the station name in it where it asks for a relation."""

    type: int
    interface: int
    object: tuple[int, int]  # device id, vendor id
    activity: bytes
    operation: int
    whole: bool
    station: str


def recognise(payload: Payload) -> Identification | None:
    """Name PROFINET CM by its interfaces and by bodies that end where they should."""
    if payload.transport is not Transport.UDP:
        return None
    sides = (_calls(payload.to_server), _calls(payload.to_client))
    if None in sides or not any(sides):
        return None
    asked, answered = (side or [] for side in sides)
    if any(one.type in ANSWERING for one in asked) or any(one.type in ASKING for one in answered):
        return None
    calls = asked + answered
    because = [f"{len(calls)} datagrams between interfaces of PROFINET"]
    agreed = {one.activity for one in asked} & {one.activity for one in answered}
    if agreed:
        because.append("a response repeats the activity of a request")
    cut = not all(one.whole for one in calls)
    against = ("the capture cut the bodies",) if cut else ()
    say = plausible if cut and len(calls) < 2 else confirmed
    client = {"name": one.station} if (one := next(filter(_named, asked), None)) else {}
    return say(
        NAME, *because, against=against, facts=_facts(calls), client=client, server=_server(calls)
    )


def _calls(side: Side) -> list[Call] | None:
    """Return the calls of one direction, or None when a datagram is none."""
    found = []
    for piece in judged(side):
        if not piece.octets:
            continue
        call = _call(piece)
        if call is None:
            return None
        found.append(call)
    return found


def _call(piece: Piece) -> Call | None:
    """Read one datagram; an id's first three parts follow the byte order, the rest does not.

    Source: C706 (DCE 1.1: RPC), section 12.5.1; PROFINET IEC 61158-6-10, section on RPC.
    """
    read = HEADER.read(piece.octets)
    if read is None or read["version"] != VERSION or read["type"] not in TYPES:
        return None
    order: Any = "little" if read["order"] & LITTLE else "big"
    interface, whose = (_id(read[name], order) for name in ("interface", "object"))
    number = int.from_bytes(interface[:4], "big") - 0xDEA00000
    if number not in INTERFACES or interface[4:] != TAIL:
        return None
    if not whose.startswith(b"\xde\xa0\0\0" + OBJECT):
        return None
    operation, length = (int.from_bytes(read[name], order) for name in ("operation", "length"))
    if HEADER.size + length != piece.length:
        return None
    device, vendor = (int.from_bytes(whose[at : at + 2], "big") for at in (12, 14))
    asks = read["type"] == REQUEST and operation == 0
    station = _station(piece.octets[HEADER.size + ARGUMENTS :]) if asks else ""
    return Call(
        read["type"], number, (device, vendor), read["activity"], operation, piece.whole, station
    )


def _id(octets: bytes, order: str) -> bytes:
    return UUID(bytes_le=octets).bytes if order == "little" else octets


def _station(octets: bytes) -> str:
    """Return the name of the station that asks for a relation, where it was kept."""
    read = BLOCK.read(octets)
    if read is None or read["type"] != BLOCK.fields[0].default:
        return ""
    name = octets[BLOCK.size : BLOCK.size + read["name_length"]]
    told = name.decode("latin-1") if len(name) == read["name_length"] <= NAME_AT_MOST else ""
    return told if told.isprintable() else ""


def _named(call: Call) -> bool:
    return bool(call.station)


def _facts(calls: list[Call]) -> dict[str, object]:
    known = {one.operation for one in calls}
    return {
        "operations": [name for number, name in enumerate(OPERATIONS) if number in known],
        "interfaces": [name for number, name in INTERFACES.items()
                       if number in {one.interface for one in calls}],
    }  # fmt: skip


def _server(calls: list[Call]) -> dict[str, str]:
    """Return vendor and device id of the object that is called: both directions name it."""
    device, vendor = calls[0].object
    return {
        "vendor": VENDORS.get(vendor, f"PROFINET vendor 0x{vendor:04X}"),
        "vendor id": f"0x{vendor:04X}",
        "device id": f"0x{device:04X}",
    }


PROTOCOL = Protocol(
    name=NAME,
    title="PROFINET context management (DCE/RPC over UDP)",
    recognise=recognise,
    sources=(
        Source("IEC 61158-6-10: PROFINET, application layer protocol", None, "RPC and blocks"),
        Source("Wireshark 4.0.17, packet-dcerpc-pn-io.c", "2024-11", "interface and object ids"),
    ),
    signatures=(
        Signature(
            Transport.UDP, 24, b"\xde\xa0\0\0" + TAIL[:4], b"\xff\xff\xff\xf8\xff\xff\xff\xff"
        ),
        Signature(
            Transport.UDP, 24, b"\0\0\xa0\xde\x97\x6c\xd1\x11", b"\xf8\xff\xff\xff\xff\xff\xff\xff"
        ),
    ),
    usual=(Usual(PortRange(34964, 34964), Transport.UDP, confidence="two sources"),),
    layouts=(HEADER, BLOCK),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Who opens a relation can drive a device's outputs, and one relation may push another out. "
        "Never ask PROFINET devices from outside their own network."
    ),
)
