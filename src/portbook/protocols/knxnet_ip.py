"""KNXnet/IP (buildings): a header whose length is the message's, services held to their shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, HEX, MAC, TEXT, Field, Layout
from portbook.records import Identification, Source

NAME = "knxnet-ip"
HEADER = Layout(
    "KNXnet/IP header",
    6,
    (
        Field("size", 0, 1, BE, "octet", "of this header, always 6", 6),
        Field("version", 1, 1, HEX, None, "always 10 (1.0)", "10"),
        Field("service", 2, 2, BE, None, "0x0201 search, 0x0205 connect, 0x0420 tunnel, ..."),
        Field("length", 4, 2, BE, "octet", "of the whole message"),
    ),
)
DEVICE = Layout(
    "KNXnet/IP device information",
    54,
    (
        Field("size", 0, 1, BE, "octet", "of this block, always 54", 54),
        Field("kind", 1, 1, BE, None, "always 1", 1),
        Field("individual", 4, 2, BE, None, "individual address: area, line, device"),
        Field("serial", 8, 6, HEX, None, "serial number"),
        Field("mac", 18, 6, MAC, None, "of the Ethernet interface"),
        Field("name", 24, 30, TEXT, None, "name of the device"),
    ),
)
START = b"\x06\x10"
ENDPOINT = 8  # octets of an endpoint: size, 1 for UDP or 2 for TCP, address, port


def _endpoints(count: int, before: int = 0) -> Callable[[bytes], bool]:
    def fits(body: bytes) -> bool:
        starts = range(before, before + count * ENDPOINT, ENDPOINT)
        return len(body) >= before + count * ENDPOINT and all(
            body[at] == ENDPOINT and body[at + 1] in (1, 2) for at in starts
        )

    return fits


def _channel(size: int) -> Callable[[bytes], bool]:
    return lambda body: len(body) >= size and body[0] == 4


def _at_least(size: int) -> Callable[[bytes], bool]:
    return lambda body: len(body) >= size


ASKING: dict[int, tuple[str, Callable[[bytes], bool]]] = {
    0x0201: ("search", _endpoints(1)),
    0x0203: ("description", _endpoints(1)),
    0x0205: ("connect", _endpoints(2)),
    0x020B: ("extended search", _endpoints(1)),
}
ANSWERING: dict[int, tuple[str, Callable[[bytes], bool]]] = {
    0x0202: ("search", lambda body: _endpoints(1)(body) and body[8:10] == b"\x36\x01"),
    0x0204: ("description", lambda body: body[:2] == b"\x36\x01"),
    0x0206: ("connect", lambda body: len(body) == 2 or _endpoints(1, 2)(body)),
    0x020C: ("extended search", _endpoints(1)),
}
EITHER: dict[int, tuple[str, Callable[[bytes], bool]]] = {
    0x0207: ("connection state", _endpoints(1, 2)),
    0x0208: ("connection state", lambda body: len(body) == 2),
    0x0209: ("disconnect", _endpoints(1, 2)),
    0x020A: ("disconnect", lambda body: len(body) == 2),
    0x0310: ("configuration", _channel(5)),
    0x0311: ("configuration", _channel(4)),
    0x0420: ("tunnelling", _channel(5)),
    0x0421: ("tunnelling", _channel(4)),
    0x0530: ("routing", _at_least(2)),
    0x0531: ("routing lost", _channel(4)),
    0x0532: ("routing busy", _at_least(6)),
    0x0950: ("secure", _at_least(24)),
    0x0951: ("secure session", _endpoints(1)),
    0x0952: ("secure session", _at_least(34)),
}
ALL = {**ASKING, **ANSWERING, **EITHER}
ANSWER_TO = {
    0x0202: 0x0201, 0x0204: 0x0203, 0x0206: 0x0205, 0x0208: 0x0207, 0x020A: 0x0209,
    0x020C: 0x020B, 0x0311: 0x0310, 0x0421: 0x0420, 0x0952: 0x0951,
}  # fmt: skip
AT = {0x0202: ENDPOINT, 0x0204: 0}


class Message(NamedTuple):
    """One message, whole."""

    service: int
    body: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name KNXnet/IP when all messages fit; confirm it where one answers another."""
    asked, answered = both(payload, _measure)
    if asked.wrong or answered.wrong:
        return None
    requests, answers = _messages(asked), _messages(answered)
    if not (requests or answers):
        return None
    if any(one.service in ANSWERING for one in requests):
        return None
    if any(one.service in ASKING for one in answers):
        return None
    pairs = _pairs(requests, answers) + _pairs(answers, requests)
    because = [f"{len(requests) + len(answers)} whole messages, each in its service's shape"]
    if pairs:
        because.append(f"{pairs} answer a message of the other side")
    known = {one.service for one in requests + answers}
    facts = {"services": sorted({ALL[number][0] for number in known})}
    say = confirmed if pairs else plausible
    return say(NAME, *because, facts=facts, server=identity(answers))


def identity(answers: list[Message]) -> dict[str, str]:
    """Return what a device told of itself in its device information block.

    Source: KNX standard 03/08/02, section on the description information block.
    """
    for one in answers:
        read = DEVICE.read(one.body, AT[one.service]) if one.service in AT else None
        if read is None or (read["size"], read["kind"]) != (54, 1):
            continue
        line = read["individual"]
        told = {
            "name": read["name"] if read["name"].isprintable() else "",
            "serial": read["serial"].upper(),
            "mac": read["mac"],
            "individual address": f"{line >> 12}.{line >> 8 & 15}.{line & 255}",
        }
        return {key: value for key, value in told.items() if value}
    return {}


def _measure(octets: bytes, at: int) -> int | None:
    if not START.startswith(octets[at : at + 2]):
        return None
    service, length = (HEADER.get(octets, name, at) for name in ("service", "length"))
    if length is None:
        return MORE
    if service not in ALL or length < HEADER.size:
        return None
    body = octets[at + HEADER.size : at + length]
    whole = len(body) == length - HEADER.size
    return int(length) if not whole or ALL[service][1](body) else None


def _messages(found: Walk) -> list[Message]:
    return [Message(int.from_bytes(one[2:4], "big"), one[HEADER.size :]) for one in found.messages]


def _pairs(asked: list[Message], answered: list[Message]) -> int:
    known = {one.service for one in asked}
    return sum(ANSWER_TO.get(one.service) in known for one in answered)


PROTOCOL = Protocol(
    name=NAME,
    title="KNXnet/IP (building control)",
    recognise=recognise,
    sources=(
        Source("KNX standard 03/08/02: KNXnet/IP core (ISO 22510)", None, "header and services"),
        Source("Wireshark 4.0.17, packet-knxip.c", "2024-11", "services"),
    ),
    signatures=tuple(
        Signature(transport, 0, START + bytes((high,)))
        for transport in (Transport.TCP, Transport.UDP)
        for high in sorted({service >> 8 for service in ALL})
    ),
    usual=(
        Usual(PortRange(3671, 3671), Transport.UDP, confidence="two sources"),
        Usual(PortRange(3671, 3671), Transport.TCP),
    ),
    layouts=(HEADER, DEVICE),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Plain KNXnet/IP has no login: whoever reaches a gateway switches the building, and can "
        "lock its devices with a key. Keep it inside, and use KNX IP Secure where there is one."
    ),
)
