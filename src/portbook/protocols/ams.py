"""Beckhoff AMS, which carries ADS: two lengths that agree over TCP, a cookie over UDP."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import LE, RAW, Coding, Field, Layout
from portbook.protocols.moulds import (
    Any,
    Length,
    Mark,
    Mould,
    Number,
    Octets,
    OneOf,
    Rest,
    Speech,
    Step,
)
from portbook.protocols.moulds import Message as Steps
from portbook.records import Identification, Source

NAME = "ams"
NET_ID = Coding("AMS NetId", lambda octets: ".".join(map(str, octets)), lambda value, _: value)
HEADER = Layout(
    "AMS/TCP and AMS header",
    38,
    (
        Field("reserved", 0, 2, LE, None, "always 0", 0),
        Field("length", 2, 4, LE, "octet", "octets that follow: 32 and the data"),
        Field("target", 6, 6, NET_ID, None, "AMS NetId of who is asked"),
        Field("target_port", 12, 2, LE, None, "AMS port: 10000 system, 801 first PLC runtime"),
        Field("source", 14, 6, NET_ID, None, "AMS NetId of the sender"),
        Field("source_port", 20, 2, LE, None, "AMS port of the sender"),
        Field("command", 22, 2, LE, None, "1 device info, 2 read, 3 write, 4 state, ..."),
        Field("flags", 24, 2, LE, None, "bit 0 response, bit 2 ADS command"),
        Field("size", 26, 4, LE, "octet", "of the data"),
        Field("error", 30, 4, LE, None, "AMS error, 0 is none"),
        Field("invoke", 34, 4, LE, None, "chosen by the client, repeated in the answer"),
    ),
)
DISCOVERY = Layout(
    "AMS router discovery (UDP)",
    24,
    (
        Field("cookie", 0, 4, LE, None, "always 0x71146603", 0x71146603),
        Field("invoke", 4, 4, LE, None, "chosen by the client, repeated in the answer"),
        Field("service", 8, 4, LE, None, "1 who are you, 6 add a route; plus 2^31 in an answer"),
        Field("source", 12, 6, NET_ID, None, "AMS NetId of the sender"),
        Field("port", 18, 2, LE, None, "AMS port of the sender"),
        Field("tags", 20, 4, LE, None, "how many tags follow"),
    ),
)
DEVICE = Layout(
    "ADS device info",
    24,
    (
        Field("result", 0, 4, LE, None, "0 without error"),
        Field("major", 4, 1, LE, None, "version"),
        Field("minor", 5, 1, LE, None, "version"),
        Field("build", 6, 2, LE, None, "version"),
        Field("name", 8, 16, RAW, None, "name of the ADS device"),
    ),
)
AMS_HEADER, OUTER = 32, 6
MOST = 1 << 24
COOKIE = bytes.fromhex("03661471")
COMMANDS = {
    1: "device info", 2: "read", 3: "write", 4: "state", 5: "write control",
    6: "add notification", 7: "delete notification", 8: "notification", 9: "read and write",
}  # fmt: skip
INFO = 1
RESPONSE, ADS, NO_ANSWER, OTHERS = 0x01, 0x04, 0x02, 0xFFF8
SERVICES = (1, 6)  # server info, add a route
ANSWERED = 1 << 31
ERRORS_AT_MOST = 0x10000
VERSION_TAG, NAME_TAG, TAGS_AT_MOST = 3, 5, 32


class Message(NamedTuple):
    """One AMS message, whole."""

    target: tuple[str, int]
    source: tuple[str, int]
    command: int
    response: bool
    invoke: int
    data: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name AMS over TCP by its messages, over UDP by the discovery of routers."""
    if payload.transport is Transport.UDP:
        return _discovery(payload)
    asked, answered = both(payload, _measure)
    requests, answers = _messages(asked), _messages(answered)
    if not (requests or answers) or _stray(asked) or _stray(answered):
        return None
    known = {(one.target, one.source, one.invoke) for one in requests if not one.response}
    known |= {(one.target, one.source, one.invoke) for one in answers if not one.response}
    agreed = sum(
        one.response and (one.source, one.target, one.invoke) in known for one in requests + answers
    )
    if not _asks(requests) and _asks(answers):
        return None
    because = [f"{len(requests) + len(answers)} whole messages whose two lengths agree"]
    if agreed:
        because.append(f"{agreed} answers repeat addresses and number of a request")
    broken = tuple(found.wrong for found in (asked, answered) if found.wrong)
    say = confirmed if agreed and not broken else plausible
    facts, server = _facts(requests + answers), {"vendor": "Beckhoff"} if agreed else {}
    return say(NAME, *because, against=broken, facts=facts, server=server)


def _discovery(payload: Payload) -> Identification | None:
    """Name the question for routers and its answer by cookie, number and tags."""
    asked, answered = payload.to_server.first, payload.to_client.first
    question, answer = DISCOVERY.read(asked.octets), DISCOVERY.read(answered.octets)
    if not _fits(asked.length, question, 0) or not _fits(answered.length, answer, ANSWERED):
        return None
    if question and answer and question["invoke"] == answer["invoke"]:
        server = {"vendor": "Beckhoff", "net id": answer["source"], **_told(answered.octets)}
        because = "the cookie in both directions, and the number repeated"
        return confirmed(NAME, because, facts={"dialect": "discovery"}, server=server)
    if question or answer:
        return plausible(NAME, "the cookie, and a known service", facts={"dialect": "discovery"})
    return None


def _fits(length: int, read: dict[str, object] | None, kind: int) -> bool:
    """Tell whether a direction is empty or begins with a question or an answer."""
    if read is None:
        return length == 0
    service = int(str(read["service"]))
    return read["cookie"] == DISCOVERY.fields[0].default and service - kind in SERVICES


def _told(octets: bytes) -> dict[str, str]:
    """Read name and version from the tags of an answer, as far as they lie in it."""
    found: dict[str, str] = {}
    here = DISCOVERY.size
    for _ in range(min(DISCOVERY.get(octets, "tags") or 0, TAGS_AT_MOST)):
        tag, size = (int.from_bytes(octets[at : at + 2], "little") for at in (here, here + 2))
        value = octets[here + 4 : here + 4 + size]
        if here + 4 > len(octets) or len(value) < size:
            break
        if tag == NAME_TAG and (name := _text(value)):
            found["name"] = name
        if tag == VERSION_TAG and size == 4:
            found["version"] = f"{value[0]}.{value[1]}.{int.from_bytes(value[2:], 'little')}"
        here += 4 + size
    return found


def _text(octets: bytes) -> str:
    text = octets.split(b"\0", 1)[0].decode("latin-1")
    return text if text.isprintable() else ""


def _measure(octets: bytes, at: int) -> int | None:
    if any(octets[at : at + 2]):
        return None
    read = HEADER.read(octets, at)
    if read is None:
        return MORE
    length = int(read["length"])
    if not AMS_HEADER <= length <= MOST or length != AMS_HEADER + read["size"]:
        return None
    if read["command"] not in COMMANDS or read["error"] >= ERRORS_AT_MOST:
        return None
    return OUTER + length if read["flags"] & OTHERS == 0 and read["flags"] & ADS else None


def _messages(found: Walk) -> list[Message]:
    read = [(HEADER.read(octets) or {}, octets[HEADER.size :]) for octets in found.messages]
    return [
        Message(
            (one["target"], one["target_port"]),
            (one["source"], one["source_port"]),
            one["command"],
            bool(one["flags"] & RESPONSE),
            one["invoke"],
            data,
        )
        for one, data in read
    ]


def _stray(found: Walk) -> bool:
    return bool(found.wrong) and not found.messages


def _asks(messages: list[Message]) -> bool:
    return any(not one.response for one in messages)


def _facts(messages: list[Message]) -> dict[str, object]:
    """Return commands, targets and the ADS devices that told what they are."""
    facts: dict[str, object] = {
        "commands": [COMMANDS[number] for number in sorted({one.command for one in messages})],
        "targets": sorted({f"{one.target[0]}:{one.target[1]}" for one in messages
                           if not one.response}),
    }  # fmt: skip
    devices = set()
    for one in messages:
        read = DEVICE.read(one.data) if one.response and one.command == INFO else None
        if read and read["result"] == 0 and (name := _text(read["name"])):
            devices.add(f"{name} {read['major']}.{read['minor']}.{read['build']}")
    return facts | ({"devices": sorted(devices)} if devices else {})


def _moulds() -> tuple[Mould, ...]:
    """Requests and responses of ADS; over UDP a question to a router and its answer."""
    asks, tells = _ads(0, (1, 2)), _ads(RESPONSE, (2, 1))
    later = (_ads(0), _ads(RESPONSE))
    cookie, invoke = Octets(COOKIE), Mark(4)
    services = [tuple(bytes((one, 0, 0, kind)) for one in SERVICES) for kind in (0, 0x80)]
    question, answer = ((cookie, invoke, OneOf(one), Any(12), Rest()) for one in services)
    return (
        Mould(Transport.TCP, Speech((asks,)), Speech((tells,), later)),
        Mould(Transport.UDP, Speech((question,), ()), Speech((answer,), ())),
    )


def _ads(kind: int, places: tuple[int, int] | None = None) -> Steps:
    """Return a message; of those that count, who is asked, who asks and the number are marks."""
    ends: tuple[Step, Step] = Any(8), Any(8)
    number: Step = Any(4)
    if places:
        ends, number = (Mark(8, place=places[0]), Mark(8, place=places[1])), Mark(4, place=3)
    return (
        Octets(b"\0\0"),
        Length(4, little=True, high=MOST),
        *ends,
        Number(2, min(COMMANDS), max(COMMANDS), little=True),
        Octets(bytes((ADS | kind, 0))),
        Length(4, 8, little=True, high=MOST),
        Any(2),
        Octets(b"\0\0"),  # of an error
        number,
        Rest(),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Beckhoff AMS (ADS, TwinCAT)",
    recognise=recognise,
    sources=(
        Source("Beckhoff Information System: TwinCAT ADS, AMS/ADS over TCP", None, "AMS header"),
        Source("Wireshark 4.0.17, packet-ams.c", "2024-11", "commands and flags"),
        Source("Beckhoff ADS library, AdsLib", None, "UDP service ids and tags"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, b"\0\0\0\0\0\0", b"\xff\xff\0\0\0\xff"),
        Signature(Transport.UDP, 0, COOKIE),
    ),
    usual=(
        Usual(PortRange(48898, 48898), Transport.TCP, confidence="two sources"),
        Usual(PortRange(48899, 48899), Transport.UDP, title="AMS router discovery", source=2),
    ),
    layouts=(HEADER, DISCOVERY, DEVICE),
    moulds=_moulds(),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Whoever has a route to an AMS router reads and writes every variable of its runtimes and "
        "may stop them; routes are added over UDP 48899. Keep it inside the control network."
    ),
)
