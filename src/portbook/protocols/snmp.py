"""SNMP: a BER sequence that fills the datagram, a version, a community or a v3 header, a PDU.

The community is a password: it is stepped over and never given out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Piece,
    Protocol,
    Side,
    Signature,
    Usual,
    ber,
    confirmed,
    plausible,
    snmp_asking,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.moulds import ANY_TAG, Ber, Mould, Number, Octets, Repeat, Speech, Step
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "snmp"
SOURCES = (
    Source("RFC 1157, Simple Network Management Protocol", "1990-05", "section 4.1"),
    Source("RFC 3416, SNMPv2 protocol operations", "2002-12", "section 3"),
    Source("RFC 3412, SNMPv3 message processing", "2002-12", "section 6"),
    Source("RFC 3411, SNMP engine identifiers", "2002-12", "section 5: SnmpEngineID"),
    Source("RFC 3417, SNMP transport mappings", "2002-12", "section 3: ports 161 and 162"),
    Source("IANA, private enterprise numbers", None, "4473 Opto 22"),
)
MESSAGES = 16  # looked at in a stream: the first of a walk tell who answers
MOST_ARCS = 24  # of an object identifier that are told
REPORTABLE = 0x04  # in the flags of version 3: the sender wants an answer (RFC 3412 section 6.4)
VERSIONS = {0: "v1", 1: "v2c", 3: "v3"}
GET, NEXT, RESPONSE, SET, TRAP1, BULK, INFORM, TRAP2, REPORT = range(0xA0, 0xA9)
PDUS = {
    GET: "get",
    NEXT: "get-next",
    RESPONSE: "response",
    SET: "set",
    TRAP1: "trap",
    BULK: "get-bulk",
    INFORM: "inform",
    TRAP2: "trap",
    REPORT: "report",
}
ANSWERS = frozenset((RESPONSE, REPORT))
TELLING = frozenset((TRAP1, TRAP2, INFORM))  # the device writes first
ENTERPRISES = {
    2: "IBM",
    9: "Cisco",
    11: "Hewlett-Packard",
    232: "Compaq",
    248: "Hirschmann",
    311: "Microsoft",
    318: "American Power Conversion",
    674: "Dell",
    2021: "UC Davis",
    2636: "Juniper",
    3833: "Schneider Electric",
    4196: "Siemens",
    4329: "Siemens",
    4346: "Phoenix Contact",
    4473: "Opto 22",
    8072: "Net-SNMP",
    8691: "Moxa",
    14823: "Aruba",
    14988: "MikroTik",
    15004: "RuggedCom",
}
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
ENTERPRISE = (1, 3, 6, 1, 4, 1)
TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 3, 0)  # snmpTrapEnterprise.0


class Message(NamedTuple):
    """One message: version, kind of PDU (None: encrypted) and what it tells of the device."""

    version: str
    pdu: int | None
    device: dict[str, str]
    engine: bytes = b""
    exact: bool = True  # all lengths inside agree
    asks: bool = False  # version 3: an answer is wanted, told even where the rest is encrypted


def recognise(payload: Payload) -> Identification | None:
    """Name SNMP: requests, traps and informs go to the server, responses come from it."""
    asked, answered = _read(payload, payload.to_server), _read(payload, payload.to_client)
    if asked is None or answered is None or not (asked or answered):
        return None
    if any(one.pdu in ANSWERS for one in asked):
        return None
    if any(one.pdu is not None and one.pdu not in ANSWERS for one in answered):
        return None
    if any(one.asks for one in answered) and not any(one.asks for one in asked):
        return None
    found = asked + answered
    exact = all(one.exact for one in found)
    first = found[0]
    told = confirmed if exact else plausible
    return told(
        NAME,
        f"SNMP {first.version}, {PDUS.get(first.pdu or 0, 'encrypted')}",
        *(("all lengths agree",) if exact else ()),
        *(("request and response",) if asked and answered else ()),
        against=() if exact else ("a message is not whole",),
        facts=_facts(found),
        client=_devices([one for one in asked if one.pdu in TELLING]),
        server=_devices(answered),
    )


def _read(payload: Payload, side: Side) -> list[Message] | None:
    found = []
    pieces = _framed(side) if payload.transport is Transport.TCP else judged(side)
    for piece in pieces:
        message = read(piece)
        if message is None:
            return None
        found.append(message)
    return found


def _framed(side: Side) -> list[Piece]:
    found: list[Piece] = []
    at = 0
    while at < len(side.octets) and len(found) < MESSAGES:
        whole = ber.item(side.octets, at, len(side.octets), ber.SEQUENCE)
        if whole is None:
            return found or [Piece(side.octets, max(side.total, len(side.octets) + 1))]
        found.append(Piece(side.octets[at : whole.end], whole.end - at))
        at = whole.end
    return found


def read(piece: Piece) -> Message | None:
    """Read one message, or None when it is none; a cut one needs its version and community."""
    octets = piece.octets
    end = piece.length
    # A cut message is read as if zeros followed: lengths are judged by the true length.
    padded = octets if piece.whole else octets.ljust(min(end, 65535), b"\0")
    outer = ber.item(padded, 0, end, ber.SEQUENCE)
    if outer is None or outer.end != end:
        return None
    version = ber.item(padded, outer.start, outer.end, ber.INTEGER)
    number = ber.integer(version.of(padded)) if version else None
    if version is None or number not in VERSIONS or version.end > len(octets):
        return None
    if number == 3:
        told = _version3(padded, version.end, outer.end)
    else:
        told = _version1(padded, version.end, outer.end, VERSIONS[number])
    if told is None or piece.whole:
        return told
    return told._replace(exact=False, device={}) if len(octets) >= version.end + 2 else None


def _version1(octets: bytes, at: int, end: int, version: str) -> Message | None:
    community = ber.item(octets, at, end, ber.OCTETS)
    pdu = ber.item(octets, community.end, end) if community else None
    if pdu is None or pdu.tag not in PDUS or pdu.end != end:
        return None
    device, exact = _pdu(octets, pdu)
    return Message(version, pdu.tag, device, exact=exact)


def _version3(octets: bytes, at: int, end: int) -> Message | None:
    header = ber.item(octets, at, end, ber.SEQUENCE)
    security = ber.item(octets, header.end, end, ber.OCTETS) if header else None
    data = ber.item(octets, security.end, end) if security else None
    parts = ber.items(octets, header) if header else None
    if header is None or security is None or data is None or data.end != end or not parts:
        return None
    if [part.tag for part in parts] != [ber.INTEGER, ber.INTEGER, ber.OCTETS, ber.INTEGER]:
        return None
    engine = _engine(octets, security)
    flags = parts[2].of(octets)
    asks = bool(flags) and bool(flags[0] & REPORTABLE)
    if data.tag == ber.OCTETS:
        return Message("v3", None, {}, engine, asks=asks)
    context = ber.items(octets, data) if data.tag == ber.SEQUENCE else None
    if not context or len(context) != 3 or context[2].tag not in PDUS:
        return None
    device, exact = _pdu(octets, context[2])
    return Message("v3", context[2].tag, device, engine, exact, asks)


def _engine(octets: bytes, security: ber.Item) -> bytes:
    inner = ber.item(octets, security.start, security.end, ber.SEQUENCE)
    engine = ber.item(octets, inner.start, inner.end, ber.OCTETS) if inner else None
    return engine.of(octets)[:32] if engine else b""


def _pdu(octets: bytes, pdu: ber.Item) -> tuple[dict[str, str], bool]:
    parts = ber.items(octets, pdu)
    if not parts:
        return {}, False
    wanted = [ber.INTEGER] * 3 + [ber.SEQUENCE]
    if pdu.tag == TRAP1:
        # enterprise, agent address, generic, specific, time, variables (RFC 1157 section 4.1.6)
        wanted = [ber.OID, 0x40, ber.INTEGER, ber.INTEGER, 0x43, ber.SEQUENCE]
    if [part.tag for part in parts] != wanted:
        return {}, False
    bound = ber.items(octets, parts[-1])
    if bound is None:
        return {}, False
    device: dict[str, str] = {}
    if pdu.tag == TRAP1:
        _enterprise(ber.oid(parts[0].of(octets)), device)
    for one in bound:
        pair = ber.items(octets, one) if one.tag == ber.SEQUENCE else None
        if not pair or len(pair) != 2 or pair[0].tag != ber.OID:
            return device, False
        if pdu.tag in ANSWERS or pdu.tag in TELLING:
            _variable(octets, pair[0], pair[1], device)
    return device, True


def _variable(octets: bytes, name: ber.Item, value: ber.Item, device: dict[str, str]) -> None:
    arcs = ber.oid(name.of(octets))
    if arcs is None or (arcs[:7] != SYSTEM and arcs != TRAP_OID):
        return
    content = value.of(octets)
    if value.tag == ber.OID and (arcs == TRAP_OID or arcs[7:] == (2, 0)):
        told = ber.oid(content)
        _enterprise(told, device)
        if told and arcs != TRAP_OID:
            device.setdefault("object id", ".".join(map(str, told[:MOST_ARCS])))
    elif value.tag == ber.OCTETS and arcs[7:] == (1, 0):
        device.setdefault("product", clean(content))
    elif value.tag == ber.OCTETS and arcs[7:] == (5, 0):
        device.setdefault("name", clean(content, 64))
    elif value.tag == ber.OCTETS and arcs[7:] == (6, 0):
        device.setdefault("location", clean(content, 64))


def _enterprise(arcs: tuple[int, ...] | None, device: dict[str, str]) -> None:
    if arcs and arcs[:6] == ENTERPRISE and len(arcs) > 6:
        device.setdefault("enterprise", str(arcs[6]))
        if arcs[6] in ENTERPRISES:
            device.setdefault("vendor", ENTERPRISES[arcs[6]])


def _devices(found: list[Message]) -> dict[str, str]:
    device: dict[str, str] = {}
    for one in found:
        for key, value in one.device.items():
            if value and key != "enterprise":
                device.setdefault(key, value)
        vendor = ENTERPRISES.get(_engine_enterprise(one.engine) or 0)
        if vendor:
            device.setdefault("vendor", vendor)
    return device


def _engine_enterprise(engine: bytes) -> int | None:
    """Return the enterprise number in an engine id: highest bit set, or the old 12 octets."""
    if len(engine) < 5 or not (engine[0] & 0x80 or len(engine) == 12):
        return None
    return int.from_bytes(engine[:4], "big") & 0x7FFFFFFF


def _facts(found: list[Message]) -> dict[str, Any]:
    facts: dict[str, Any] = {"snmp_version": found[0].version}
    if found[0].pdu is not None:
        facts["pdu"] = PDUS[found[0].pdu]
    engine = next((one.engine for one in found if one.engine), b"")
    if engine:
        facts["engine_id"] = engine.hex()
    told = next((one.device["enterprise"] for one in found if "enterprise" in one.device), None)
    number = int(told) if told else _engine_enterprise(engine)
    if number is not None:
        facts["enterprise"] = number
    return facts


def _signatures() -> tuple[Signature, ...]:
    """Return a sequence whose first element is a version 0 to 3, for each form of the length."""
    version = b"\x02\x01\x00", b"\xff\xff\xfc"
    forms = (
        (b"\x30\x00", b"\xff\x80"),
        (b"\x30\x81\x00", b"\xff\xff\x00"),
        (b"\x30\x82\x00\x00", b"\xff\xff\x00\x00"),
        (b"\x30\x83\x00\x00\x00", b"\xff\xff\x00\x00\x00"),
    )
    found = [
        Signature(transport, 0, value + version[0], mask + version[1])
        for transport in (Transport.UDP, Transport.TCP)
        for value, mask in forms
    ]
    # Four octets of length leave room for the version's tag and size only.
    found += [
        Signature(transport, 0, b"\x30\x84\0\0\0\0\x02\x01", b"\xff\xff\0\0\0\0\xff\xff")
        for transport in (Transport.UDP, Transport.TCP)
    ]
    return tuple(found)


def _mould() -> Mould:
    """Reads, walks, writes and informs of all versions, one message a datagram."""
    bound = Ber(0x30, (Repeat((Ber(0x30, (Ber(ber.OID), Ber(ANY_TAG))),)),))
    body = (Ber(ber.INTEGER), Ber(ber.INTEGER), Ber(ber.INTEGER), bound)
    asks = [Ber(GET, body, NEXT), Ber(SET, body), Ber(BULK, body, INFORM)]
    tells = [Ber(RESPONSE, body), Ber(REPORT, body)]
    old = (Octets(b"\2\1"), Number(1, 0, 1), Ber(ber.OCTETS))
    number = Ber(ber.INTEGER)

    def messages(pdus: list[Ber], reportable: int) -> tuple[tuple[Step, ...], ...]:
        flags = Octets(bytes((4, 1, reportable)), bytes((0xFF, 0xFF, REPORTABLE)))
        header = Ber(0x30, (number, number, flags, number))
        new: tuple[Step, ...] = (Octets(b"\2\1\3"), header, Ber(ber.OCTETS))
        some = Ber(ANY_TAG)
        inner: list[tuple[Step, ...]] = [(*old, pdu) for pdu in pdus]
        inner += [(*new, Ber(0x30, (some, some, pdu))) for pdu in pdus]
        inner.append((*new, Ber(ber.OCTETS)))
        return tuple((Ber(0x30, steps),) for steps in inner)

    return Mould(Transport.UDP, Speech(messages(asks, REPORTABLE)), Speech(messages(tells, 0)))


PROTOCOL = Protocol(
    name=NAME,
    title="Simple Network Management Protocol",
    recognise=recognise,
    sources=SOURCES,
    signatures=_signatures(),
    usual=(
        Usual(PortRange(161, 161), Transport.UDP, confidence="verified", source=4),
        Usual(PortRange(162, 162), Transport.UDP, title="SNMP traps", source=4),
    ),
    moulds=(_mould(),),
    stays_inside=Scope.PRIVATE,
    safety="Versions 1 and 2c send the community, which is their password, in the clear; use "
    "version 3 with privacy, and let no network outside reach it.",
    programs=("snmpd", "snmptrapd", "snmp.exe"),
    questions=snmp_asking.questions(),
    talkative=True,
    asks=lambda facts: str(facts.get("pdu")).startswith(("get", "set")),
)
