"""BACnet/IP: a length that equals the datagram's, a network header, and services walked by tags.

What a device behind a router says is not said of the router: such datagrams carry a source
network, and their identity facts do not become facts of the address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Piece,
    Protocol,
    Side,
    Signature,
    Usual,
    bacnet_asking,
    bacnet_moulding,
    confirmed,
    plausible,
)
from portbook.protocols.bacnet_moulding import HAS_ORIGIN, HAS_TARGET, IS_NETWORK, SERVICES
from portbook.protocols.layout import BE, Field, Layout
from portbook.records import Identification, Source

NAME = "bacnet"
LINK = Layout(
    "BACnet/IP link header (BVLC)",
    4,
    (
        Field("type", 0, 1, BE, None, "0x81: IPv4, 0x82: IPv6", 0x81),
        Field("function", 1, 1, BE, None, "0x0A unicast, 0x0B broadcast, 0x04 forwarded"),
        Field("length", 2, 2, BE, "octet", "of the whole datagram"),
    ),
)
IPV4, IPV6, HIGHEST = 0x81, 0x82, 0x0C
NETWORK_AT = {
    (IPV4, 0x04): 10, (IPV4, 0x09): 4, (IPV4, 0x0A): 4, (IPV4, 0x0B): 4,
    (IPV6, 0x01): 10, (IPV6, 0x02): 7, (IPV6, 0x0C): 7,
}  # fmt: skip
REQUEST, UNCONFIRMED, SIMPLE, COMPLEX, SEGMENT, ERROR, REJECT, ABORT = range(8)
HEADERS = {
    REQUEST: 4,
    UNCONFIRMED: 2,
    SIMPLE: 3,
    COMPLEX: 3,
    SEGMENT: 4,
    ERROR: 3,
    REJECT: 3,
    ABORT: 3,
}
EXACT = frozenset((SIMPLE, SEGMENT, REJECT, ABORT))  # nothing follows the header
ANSWERS = frozenset((SIMPLE, COMPLEX, ERROR, REJECT, ABORT))
SEGMENTED = 0x08
I_AM, I_HAVE, READ_PROPERTY, READ_MULTIPLE = 0, 1, 12, 14
DEVICE = 8  # object type
PROPERTIES = {
    12: "application software", 28: "description", 44: "version", 58: "location",
    70: "product", 77: "name", 120: "vendor id", 121: "vendor",
}  # fmt: skip
NOTHING_TOLD = ("N/A", "n/a", "-")  # what stacks say where nobody set a text
CHARSETS = {0: "utf-8", 4: "utf-16-be", 5: "latin-1"}
TAGS_AT_MOST, DATAGRAMS_AT_MOST = 512, 256
BEHIND_TOLD = 16  # devices behind a router, told of it
UNSIGNED, TEXT_TAG, OBJECT = 2, 7, 12


class Tag(NamedTuple):
    """One application or context tag; opening and closing tags have no octets."""

    number: int
    context: bool
    kind: str  # "value", "open", "close"
    octets: bytes = b""


class Datagram(NamedTuple):
    """One datagram, read."""

    agrees: bool  # its length field tells the length that it had on the wire
    whole: bool
    behind: bool  # from a device behind a router
    kind: int | None  # application message type, None: a network or link message
    invoke: int | None
    service: int | None
    tags: tuple[Tag, ...]
    exact: bool  # the message is known and ends where the datagram does


def recognise(payload: Payload) -> Identification | None:
    """Name BACnet/IP when every datagram tells its own length and a network header follows."""
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = _side(payload.to_server), _side(payload.to_client)
    if asked is None or answered is None or _backwards(asked, answered):
        return None
    found = [*asked, *answered]
    if not found:
        return None
    agreeing = sum(one.agrees and one.whole for one in found)
    exact = sum(one.agrees and one.whole and one.exact for one in found)
    lying = sum(not one.agrees for one in found)
    if lying and not agreeing and not all(one.exact and one.tags for one in found if one.whole):
        return None
    against = []
    if agreeing:
        because = [f"{agreeing} datagrams tell the length that they have"]
    elif lying:
        because = ["the application message is known and ends where the datagram does"]
    else:
        because = ["a BACnet/IP header with a network header behind it"]
    if exact:
        because.append(f"in {exact} of them the application message ends there too")
    if lying:
        against.append(f"{lying} datagrams tell another length than they have")
    if not all(one.whole for one in found):
        against.append("the capture cut datagrams")
    invokes = {one.invoke for one in asked if one.kind == REQUEST}
    pairs = sum(one.invoke in invokes for one in answered if one.kind in ANSWERS)
    if pairs:
        because.append(f"{pairs} answers repeat the number of a request")
    say = confirmed if exact and not lying else plausible
    return say(
        NAME,
        *because,
        against=tuple(against),
        facts=_facts(found),
        client=identity(asked),
        server=identity(answered),
    )


def identity(found: list[Datagram]) -> dict[str, str]:
    """Return what a device told of itself: in I-Am, and in answers about its device object.

    Source: ASHRAE 135, clauses 12.11 (device object), 15.5, 15.7, 16.10.
    """
    told: dict[str, str] = {}
    for one in found:
        if one.behind or not one.whole:
            continue
        if one.kind == UNCONFIRMED and one.service == I_AM:
            told |= _i_am(one.tags)
        elif one.kind == UNCONFIRMED and one.service == I_HAVE:
            told |= _i_have(one.tags)
        elif one.kind == COMPLEX and one.service in (READ_PROPERTY, READ_MULTIPLE):
            told |= {key: value for key, value in _properties(one) if value}
    behind = _behind(found)
    if behind:
        told["devices behind"] = ", ".join(map(str, behind[:BEHIND_TOLD]))
    if "vendor id" in told:
        told.setdefault("vendor", f"BACnet vendor {told['vendor id']}")
    return told


def tags(octets: bytes, at: int) -> tuple[tuple[Tag, ...], bool]:
    """Read the tags from `at` on; return them, and whether they end exactly with the octets.

    Source: ASHRAE 135, clause 20.2.1.
    """
    found: list[Tag] = []
    depth = 0
    while at < len(octets) and len(found) < TAGS_AT_MOST:
        head = octets[at]
        number, context, size = head >> 4, bool(head & 8), head & 7
        at += 1
        if number == 15:
            if at >= len(octets):
                return tuple(found), False
            number, at = octets[at], at + 1
        if context and size in (6, 7):
            found.append(Tag(number, True, "open" if size == 6 else "close"))
            depth += 1 if size == 6 else -1
            continue
        size, at = _size(octets, at, size, boolean=not context and number == 1)
        if at + size > len(octets) or depth < 0:
            return tuple(found), False
        found.append(Tag(number, context, "value", octets[at : at + size]))
        at += size
    return tuple(found), at == len(octets) and depth == 0


def _size(octets: bytes, at: int, size: int, *, boolean: bool) -> tuple[int, int]:
    """Return how many octets a value has, and where it begins; a boolean's value is its size."""
    if boolean:
        return 0, at
    if size != 5:
        return size, at
    told = int.from_bytes(octets[at : at + 1], "big")
    if told < 254:
        return told, at + 1
    width = 2 if told == 254 else 4
    return int.from_bytes(octets[at + 1 : at + 1 + width], "big"), at + 1 + width


def _side(side: Side) -> list[Datagram] | None:
    """Read the datagrams of one direction, or None when one of them cannot be BACnet."""
    found = []
    for piece in side:
        if not piece.octets:
            break
        one = _datagram(piece)
        if one is None:
            return None
        found.append(one)
    return found + _later(side)


def _later(side: Side) -> list[Datagram]:
    """Read what was kept after the first datagrams, whose lengths are known by their own word."""
    here = sum(kept for _, kept in side.pieces)
    found: list[Datagram] = []
    while here + LINK.size <= len(side.octets) and len(found) < DATAGRAMS_AT_MOST:
        size = max(LINK.size, LINK.get(side.octets, "length", here))
        octets = side.octets[here : here + size]
        one = _datagram(Piece(octets, size)) if len(octets) == size else None
        if one is None:
            break
        found.append(one)
        here += size
    return found


def _datagram(piece: Piece) -> Datagram | None:
    octets = piece.octets
    read = LINK.read(octets)
    if read is None or read["type"] not in (IPV4, IPV6) or read["function"] > HIGHEST:
        return None
    agrees = read["length"] == piece.length
    at = NETWORK_AT.get((read["type"], read["function"]))
    blank = Datagram(agrees, piece.whole, False, None, None, None, (), False)
    if at is None:
        return blank if agrees else None
    if at < len(octets) and octets[at] != 1:
        return None
    if at + 1 >= len(octets):
        return blank if agrees and not piece.whole else None
    start, behind = _application_at(octets, at)
    if octets[at + 1] & IS_NETWORK:
        # I-Am-Router-To-Network and its like: a message type, then data of its own
        return blank._replace(behind=behind, exact=piece.whole and start < len(octets))
    return _application(octets, start, blank._replace(behind=behind))


def _application_at(octets: bytes, at: int) -> tuple[int, bool]:
    """Return where the application message begins, and whether a source network is told."""
    control, here = octets[at + 1], at + 2
    for bit in (HAS_TARGET, HAS_ORIGIN):
        if control & bit:
            here += 3 + int.from_bytes(octets[here + 2 : here + 3], "big")
    return here + bool(control & HAS_TARGET), bool(control & HAS_ORIGIN)


def _application(octets: bytes, at: int, blank: Datagram) -> Datagram:
    if at >= len(octets):
        return blank
    kind, flags = octets[at] >> 4, octets[at] & 15
    if kind not in HEADERS:
        return blank
    size = HEADERS[kind] + (2 if kind in (REQUEST, COMPLEX) and flags & SEGMENTED else 0)
    end = at + size
    if end > len(octets):
        return blank._replace(kind=kind)
    invoke = None if kind == UNCONFIRMED else octets[at + (2 if kind == REQUEST else 1)]
    service = None if kind in (SEGMENT, REJECT, ABORT) else octets[end - 1]
    found, complete = tags(octets, end)
    exact = end == len(octets) if kind in EXACT else complete or size > HEADERS[kind]
    exact = exact and (service is None or service < SERVICES)
    return blank._replace(kind=kind, invoke=invoke, service=service, tags=found, exact=exact)


def _backwards(asked: list[Datagram], answered: list[Datagram]) -> bool:
    """Tell whether the side called client is the one that answers."""
    first, other = _first(asked), _first(answered)
    return first in ANSWERS or (first is None and other == REQUEST)


def _first(found: list[Datagram]) -> int | None:
    return next((one.kind for one in found if one.kind == REQUEST or one.kind in ANSWERS), None)


def _i_am(found: tuple[Tag, ...]) -> dict[str, str]:
    if len(found) < 4 or found[0].number != OBJECT or len(found[0].octets) != 4:
        return {}
    instance = int.from_bytes(found[0].octets, "big") & 0x3FFFFF
    return {
        "device instance": str(instance),
        "vendor id": str(int.from_bytes(found[3].octets, "big")),
    }


def _i_have(found: tuple[Tag, ...]) -> dict[str, str]:
    """Return the name that a device tells of its own device object (clause 16.9)."""
    if len(found) < 3 or any(one.number != OBJECT or len(one.octets) != 4 for one in found[:2]):
        return {}
    device, thing = (int.from_bytes(one.octets, "big") for one in found[:2])
    name = _value(found[2])
    return {"name": name} if device == thing and device >> 22 == DEVICE and name else {}


def _properties(one: Datagram) -> Iterator[tuple[str, str]]:
    """Walk the answer of ReadProperty or ReadPropertyMultiple; yield what is told of the device."""
    multiple = one.service == READ_MULTIPLE
    property_tag, value_tag = (2, 4) if multiple else (1, 3)
    is_device, name, inside = False, None, False
    for tag in one.tags:
        if inside and not tag.context:
            if is_device and name:
                yield name, _value(tag)
            name = None  # the first value of a list is enough
        elif tag.kind != "value":
            inside = tag.kind == "open" and tag.number == value_tag
        elif tag.number == 0 and len(tag.octets) == 4:
            is_device = int.from_bytes(tag.octets, "big") >> 22 == DEVICE
        elif tag.number == property_tag:
            name = PROPERTIES.get(int.from_bytes(tag.octets, "big"))


def _value(tag: Tag) -> str:
    if tag.number == UNSIGNED:
        return str(int.from_bytes(tag.octets, "big"))
    if tag.number != TEXT_TAG or tag.octets[:1] == b"":
        return ""
    charset = CHARSETS.get(tag.octets[0])
    if charset is None:
        return ""
    try:
        text = tag.octets[1:].decode(charset)
    except UnicodeDecodeError:
        text = tag.octets[1:].decode("latin-1")  # older devices write ANSI and say UTF-8
    text = text.strip("\0 ")
    return text if text.isprintable() and text not in NOTHING_TOLD else ""


def _behind(found: list[Datagram]) -> list[int]:
    """Return the devices for which a router speaks, by their instance numbers."""
    return sorted(
        {
            int(told["device instance"])
            for one in found
            if one.behind and one.kind == UNCONFIRMED and one.service == I_AM
            if (told := _i_am(one.tags))
        }
    )


def _facts(found: list[Datagram]) -> dict[str, object]:
    behind = _behind(found)
    return {"devices behind": behind} if behind else {}


PROTOCOL = Protocol(
    name=NAME,
    title="BACnet/IP",
    recognise=recognise,
    sources=(
        Source("ANSI/ASHRAE Standard 135: BACnet", None, "annex J, clauses 6, 15, 16, 20, annex U"),
        Source("Wireshark 4.0.17, packet-bvlc.c and packet-bacapp.c", "2024-11"),
    ),
    signatures=tuple(
        # the length's upper octet: no datagram of BACnet/IP is longer than 2047 octets
        Signature(Transport.UDP, 0, bytes((kind, 0, 0)), b"\xff\xf0\xf8")
        for kind in (IPV4, IPV6)
    ),
    usual=(
        Usual(PortRange(47808, 47808), Transport.UDP, "both", confidence="two sources"),
        Usual(PortRange(47809, 47823), Transport.UDP, "both", title="further BACnet/IP networks"),
    ),
    layouts=(LINK,),
    moulds=bacnet_moulding.moulds(),
    questions=bacnet_asking.questions(),
    stays_inside=Scope.PRIVATE,
    safety=(
        "BACnet/IP has no login: whoever reaches the port can write set points and restart "
        "controllers. Keep it inside the building network; ask with Who-Is, never in floods."
    ),
    talkative=True,
)
