"""EtherNet/IP: encapsulated messages counted to their exact end, and what devices list.

The 24 octets of a header alone are worn by others (a session of MAPI had them), so a lone header
without data counts only as a datagram, and never for more than plausible.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Protocol,
    Signature,
    Usual,
    confirmed,
    enip_asking,
    plausible,
)
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, IPV4, LE, RAW, Field, Layout
from portbook.protocols.moulds import (
    Any,
    Length,
    Mark,
    Mould,
    Number,
    Octets,
    Rest,
    Speech,
    Step,
)
from portbook.protocols.moulds import (
    Message as Steps,
)
from portbook.records import Identification, Source

NAME = "enip"
HEADER = Layout(
    "EtherNet/IP encapsulation header",
    24,
    (
        Field("command", 0, 2, LE, None, "what is asked or answered"),
        Field("length", 2, 2, LE, "octet", "data that follow the header"),
        Field("session", 4, 4, LE, None, "handle that the server gave; 0 outside a session"),
        Field("status", 8, 4, LE, None, "0 in requests and good answers"),
        Field("context", 12, 8, RAW, None, "chosen by the client, repeated in the answer"),
        Field("options", 20, 4, LE, None, "always 0", 0),
    ),
)
IDENTITY = Layout(
    "ListIdentity item, after its type and length",
    33,
    (
        Field("version", 0, 2, LE, None, "of the encapsulation protocol"),
        Field("family", 2, 2, BE, None, "2: IPv4"),
        Field("port", 4, 2, BE, None, "TCP port of the device"),
        Field("address", 6, 4, IPV4, None, "the device's own view of its address"),
        Field("vendor", 18, 2, LE, None, "vendor id, given by ODVA"),
        Field("type", 20, 2, LE, None, "device type"),
        Field("product", 22, 2, LE, None, "product code of that vendor"),
        Field("major", 24, 1, LE, None, "revision"),
        Field("minor", 25, 1, LE, None, "revision"),
        Field("status", 26, 2, LE, None, "status word"),
        Field("serial", 28, 4, LE, None, "serial number"),
        Field("name_length", 32, 1, LE, "octet", "of the product name that follows"),
    ),
)
NOP, LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES = 0x00, 0x04, 0x63, 0x64
REGISTER, UNREGISTER, SEND_RR, SEND_UNIT = 0x65, 0x66, 0x6F, 0x70
COMMANDS = {
    NOP: "NOP",
    LIST_SERVICES: "ListServices",
    LIST_IDENTITY: "ListIdentity",
    LIST_INTERFACES: "ListInterfaces",
    REGISTER: "RegisterSession",
    UNREGISTER: "UnRegisterSession",
    SEND_RR: "SendRRData",
    SEND_UNIT: "SendUnitData",
    0x72: "IndicateStatus",
    0x73: "Cancel",
    0xC8: "StartDTLS",
}
VERSION_1 = b"\1\0\0\0"  # of the encapsulation, and no options
STATUSES = frozenset((0, 1, 2, 3, 0x64, 0x65, 0x69, 0x6A))
LISTS = frozenset((LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES))
CONNECTED_DATA, UNCONNECTED_DATA, IDENTITY_ITEM = 0xB1, 0xB2, 0x0C
VENDORS = {1: "Rockwell Automation/Allen-Bradley", 83: "Opto 22"}
FROM_CLIENT, FROM_SERVER, FROM_EITHER, FROM_NOBODY = "client", "server", "either", "nobody"


class Message(NamedTuple):
    """One encapsulated message, whole."""

    command: int
    session: int
    status: int
    context: bytes
    data: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name EtherNet/IP when all messages of both directions fit, each on its own side."""
    asked, answered = both(payload, _measure)
    requests, answers = _messages(asked), _messages(answered)
    if not (asked or answered) or not (
        _fit(asked, requests, FROM_CLIENT) and _fit(answered, answers, FROM_SERVER)
    ):
        return None
    broken = tuple(text for text in (asked.wrong, answered.wrong) if text)
    agreed, nested = _agreed(requests, answers), _nested(requests + answers)
    alone = not agreed and not nested
    if alone and (broken or payload.transport is Transport.TCP) and not any(map(_opens, requests)):
        return None
    if not requests and not answers:
        broken += ("the capture cut the message",)
    because = [f"{len(requests) + len(answers)} messages with known command, status and length"]
    if not requests and not answers:
        because = ["a message begins with known command and status"]
    if agreed:
        because.append(f"{agreed} answers repeat command and context of a request")
    if nested:
        because.append(f"in {nested} messages the items fill the data exactly")
    # an odd message late in a long talk does not undo what both sides agreed on before
    sure = agreed > 1 if broken else agreed or nested
    say = confirmed if sure else plausible
    facts, server = _facts(requests + answers), identity(answers)
    return say(NAME, *because, against=broken, facts=facts, server=server)


def identity(answers: list[Message]) -> dict[str, str]:
    """Return what the server told of itself in a ListIdentity answer.

    Source: CIP volume 2, chapter 2, ListIdentity.
    """
    for message in answers:
        if message.command != LIST_IDENTITY:
            continue
        for kind, item in items(message.data)[0]:
            if kind == IDENTITY_ITEM and (read := IDENTITY.read(item)):
                return _named(read, item[IDENTITY.size :])
    return {}


def items(data: bytes) -> tuple[list[tuple[int, bytes]], bool]:
    """Split a list of items (common packet format) into type and octets, as far as they lie in it.

    data: count (2 octets), then for each item type (2), length (2) and octets, little-endian
    Returns the items, and whether they fill the data exactly.
    """
    found: list[tuple[int, bytes]] = []
    here, count = 2, int.from_bytes(data[:2], "little")
    while len(found) < count and here + 4 <= len(data):
        kind, size = (int.from_bytes(data[at : at + 2], "little") for at in (here, here + 2))
        if here + 4 + size > len(data):
            break
        found.append((kind, data[here + 4 : here + 4 + size]))
        here += 4 + size
    return found, 0 < count == len(found) and here == len(data)


def _named(read: dict[str, object], rest: bytes) -> dict[str, str]:
    vendor = int(str(read["vendor"]))
    size = int(str(read["name_length"]))
    name = rest[:size].decode("latin-1")
    found = {
        "vendor": VENDORS.get(vendor, f"CIP vendor {vendor}"),
        "product": name if len(rest) >= size and name.isprintable() else "",
        "version": f"{read['major']}.{read['minor']}",
        "serial": f"{read['serial']:08X}",
        "vendor id": str(vendor),
        "device type": str(read["type"]),
        "product code": str(read["product"]),
        "address told": str(read["address"]),
    }
    return {key: value for key, value in found.items() if value}


def _measure(octets: bytes, at: int) -> int | None:
    command, length = (HEADER.get(octets, name, at) for name in ("command", "length"))
    if command is None or length is None:
        return MORE
    status, options = (HEADER.get(octets, name, at) for name in ("status", "options"))
    if command not in COMMANDS or (status or 0) not in STATUSES or options:
        return None
    if command == REGISTER and (length != 4 and not (length == 0 and status)):
        return None
    if command in (SEND_RR, SEND_UNIT) and length < 16 and not status:
        return None
    return HEADER.size + int(length)


def _messages(found: Walk) -> list[Message]:
    return [_message(octets) for octets in found.messages]


def _message(octets: bytes) -> Message:
    read = HEADER.read(octets) or {}
    return Message(
        read["command"], read["session"], read["status"], read["context"], octets[HEADER.size :]
    )


def _fit(found: Walk, messages: list[Message], side: str) -> bool:
    """Tell whether a direction is empty or holds only what that side says."""
    if found.wrong and not messages:
        return False
    started = list(messages)
    if len(found.cut) >= HEADER.size:
        started.append(_message(found.cut))
    return all(_speaker(message) in (side, FROM_EITHER) for message in started)


def _opens(message: Message) -> bool:
    """Tell whether a message asks for a session: what is zero in it and its version leave no doubt.

    Source: CIP volume 2, chapter 2, RegisterSession.
    """
    return (
        message.command == REGISTER
        and not (message.session or message.status)
        and message.data == VERSION_1
    )


def _speaker(message: Message) -> str:
    """Tell which side says such a message; the answer to a list has data, the question none."""
    if message.command in LISTS:
        return FROM_SERVER if message.data or message.status else FROM_CLIENT
    if message.command == REGISTER:
        return FROM_SERVER if message.session or message.status else FROM_CLIENT
    if message.command == UNREGISTER and not message.status:
        return FROM_CLIENT
    if message.command in (SEND_RR, SEND_UNIT):
        return FROM_SERVER if message.status else _service_speaker(message)
    return FROM_EITHER


def _service_speaker(message: Message) -> str:
    """Tell by bit 7 of the CIP service, which an answer sets (CIP volume 1, section 2-4)."""
    if any(message.data[:4]):  # the interface handle; 0 is CIP
        return FROM_NOBODY
    for kind, item in items(message.data[6:])[0]:
        at = {CONNECTED_DATA: 2, UNCONNECTED_DATA: 0}.get(kind)
        if at is not None and at < len(item):
            return FROM_SERVER if item[at] & 0x80 else FROM_CLIENT
    return FROM_EITHER


def _agreed(requests: list[Message], answers: list[Message]) -> int:
    """Count the answers that repeat command and context of a request."""
    asked = {(message.command, message.context) for message in requests if message.command}
    return sum((message.command, message.context) in asked for message in answers)


def _nested(messages: list[Message]) -> int:
    """Count the messages in which a second layer of lengths agrees: header, then items."""
    start = {SEND_RR: 6, SEND_UNIT: 6, LIST_IDENTITY: 0, LIST_SERVICES: 0, LIST_INTERFACES: 0}
    return sum(
        items(message.data[start[message.command] :])[1]
        for message in messages
        if message.command in start
    )


def _facts(messages: list[Message]) -> dict[str, object]:
    seen = {message.command for message in messages}
    return {"commands": [name for command, name in COMMANDS.items() if command in seen]}


def _signatures() -> tuple[Signature, ...]:
    """One of the commands; what else must hold lies too far behind for eight octets."""
    return tuple(
        Signature(transport, 0, command.to_bytes(2, "little"))
        for transport in (Transport.TCP, Transport.UDP)
        for command in COMMANDS
        if command != NOP  # two zero octets would let everything through
    )


def _moulds() -> tuple[Mould, ...]:
    """Sessions with messages of CIP, and lists that are asked for outside of them."""
    opened = (*_headed(REGISTER, _ZERO, length=4), Any(4))
    granted = (*_headed(REGISTER, Number(4, 1), length=4), Any(4))
    closed = _headed(UNREGISTER, Any(4), length=0)
    asks, tells = (
        ((*_headed(SEND_RR, Any(4)), *_ITEMS, *_UNCONNECTED, bit, Rest()),
         (*_headed(SEND_UNIT, Any(4)), *_ITEMS, *_CONNECTED, bit, Rest()))
        for bit in (Octets(b"\0", b"\x80"), Octets(b"\x80", b"\x80"))
    )  # fmt: skip
    # a server may leave the context of a session's grant blank: what follows must agree then
    blank = (Octets(b"\x65\0\4\0"), Number(4, 1), _ZERO, Any(8), _ZERO, Any(4))
    granted_and = tuple((*blank, *one) for one in tells)
    lists = tuple(_headed(command, _ZERO, length=0) for command in sorted(LISTS))
    listed = tuple((*_headed(command, _ZERO), Rest(1)) for command in sorted(LISTS))
    return (
        Mould(
            Transport.TCP,
            Speech((opened, *lists, *asks), (*asks, *lists, closed, opened)),
            Speech((granted, *listed, *tells, *granted_and), (*tells, *listed, granted)),
        ),
        Mould(Transport.UDP, Speech(lists), Speech(listed)),
    )


_ZERO = Octets(bytes(4))
_ITEMS: Steps = (_ZERO, Any(2), Octets(b"\2\0"))  # CIP, a timeout, two items
_UNCONNECTED: Steps = (_ZERO, Octets(b"\xb2\0"), Length(2, little=True))
_CONNECTED: Steps = (
    Octets(b"\xa1\0\4\0"), Any(4), Octets(b"\xb1\0"), Length(2, little=True), Any(2),
)  # fmt: skip


def _headed(command: int, session: Step, length: int | None = None) -> Steps:
    code = command << 8  # as its octets stand
    told = Length(2, 20, little=True) if length is None else Octets(bytes((length, 0)))
    return (Mark(2, low=code, high=code), told, session, _ZERO, Mark(8), _ZERO)


PROTOCOL = Protocol(
    name=NAME,
    title="EtherNet/IP",
    recognise=recognise,
    sources=(
        Source("CIP Networks Library, volume 2: EtherNet/IP adaptation of CIP", None, "chapter 2"),
        Source("Wireshark 4.0.17, packet-enip.c", "2024-11", "commands, status, list identity"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(44818, 44818), Transport.TCP, confidence="two sources"),
        Usual(PortRange(44818, 44818), Transport.UDP, confidence="two sources"),
    ),
    layouts=(HEADER, IDENTITY),
    moulds=_moulds(),
    questions=enip_asking.questions(_measure),
    stays_inside=Scope.PRIVATE,
    safety=(
        "EtherNet/IP has no login: whoever reaches the port can read and write the controller and "
        "stop it. Keep it inside the control network. ListIdentity is the one safe question."
    ),
    talkative=True,
)
