"""SOCKS: a client asks a proxy for a way in, then for a destination; both answers are exact.

What it carries afterwards is another protocol's. User names and passwords are stepped over.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.handshake import Reader
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "socks"
NONE, GSSAPI, PASSWORD, REFUSED = 0, 1, 2, 255
WAYS = {NONE: "none", GSSAPI: "GSS-API", PASSWORD: "user and password"}
PRIVATE_WAYS = range(0x80, 0xFF)
ASSIGNED_WAYS = range(10)
COMMANDS = {1: "connect", 2: "bind", 3: "associate UDP"}
IPV4, DOMAIN, IPV6 = 1, 3, 4
REPLIES = range(9)
GRANTED = tuple(
    bytes((one,)) for one in range(0x5A, 0x5E)
)  # version 4: granted, and three refusals


class Asked(NamedTuple):
    """A request: what for, and whither."""

    command: int
    target: str


def recognise(payload: Payload) -> Identification | None:
    """Name SOCKS by both sides' first words, whose lengths are exact; one side says too little."""
    if payload.transport is not Transport.TCP or not (payload.to_server and payload.to_client):
        return None
    version = payload.to_server.octets[:1]
    if version == b"\5":
        return _five(Reader(payload.to_server.octets), Reader(payload.to_client.octets))
    return _four(payload) if version == b"\4" else None


def _five(asks: Reader, tells: Reader) -> Identification | None:
    """Read the greeting, the log-in, and the request with its reply (RFC 1928, RFC 1929)."""
    asks.take(1)
    ways = asks.counted(1)
    version, chosen = tells.number(1), tells.number(1)
    offered = set(ways)
    if asks.cut or tells.cut or version != 5 or not ways or len(offered) < len(ways):
        return None
    if not offered <= {*ASSIGNED_WAYS, *PRIVATE_WAYS} or chosen not in offered | {REFUSED}:
        return None
    facts: dict[str, object] = {"socks_version": 5, "log_in": WAYS.get(chosen, f"way {chosen}")}
    because = ["a greeting, and an answer that takes up what it offers"]
    if chosen == REFUSED:
        facts["log_in"] = "refused"
        return _greeted(because, facts) if asks.done and tells.done else None
    if chosen == PASSWORD and not _logged_in(asks, tells):
        return None
    if chosen not in (NONE, PASSWORD) or asks.done:
        return _greeted(because, facts) if chosen or tells.done else None
    asked = _request(asks)
    if asked is None or not _replied(tells):
        return None
    because.append("a request for a destination, and its reply")
    facts |= {"command": COMMANDS[asked.command], "target": asked.target}
    return confirmed(NAME, *because, facts=facts)


def _greeted(because: list[str], facts: dict[str, object]) -> Identification:
    against = ("no request for a destination was read",)
    return plausible(NAME, *because, against=against, facts=facts)


def _logged_in(asks: Reader, tells: Reader) -> bool:
    """Step over a user with a password, and the answer to it (RFC 1929, section 2)."""
    if asks.done:
        return tells.done
    version = asks.number(1)
    user, _ = asks.counted(1), asks.counted(1)
    if version != 1 or asks.cut or not user:
        return False
    return tells.done or (tells.number(1) == 1 and len(tells.take(1)) == 1)


def _request(asks: Reader) -> Asked | None:
    version, command, reserved = asks.number(1), asks.number(1), asks.number(1)
    target = _address(asks)
    if version != 5 or reserved or command not in COMMANDS or target is None:
        return None
    return Asked(command, target)


def _replied(tells: Reader) -> bool:
    """Tell whether a reply fills its fields; what comes after it is no longer SOCKS."""
    if tells.done:
        return True
    version, reply, reserved = tells.number(1), tells.number(1), tells.number(1)
    return version == 5 and reply in REPLIES and not reserved and _address(tells) is not None


def _address(reader: Reader) -> str | None:
    kind = reader.number(1)
    if kind == IPV4:
        octets = reader.take(4)
        text = str(IPv4Address(octets)) if len(octets) == 4 else ""
    elif kind == IPV6:
        octets = reader.take(16)
        text = f"[{IPv6Address(octets)}]" if len(octets) == 16 else ""
    elif kind == DOMAIN:
        text = clean(reader.counted(1), 255)
    else:
        return None
    port = reader.number(2)
    return f"{text}:{port}" if text and not reader.cut else None


def _four(payload: Payload) -> Identification | None:
    """Read a request of version 4 or 4A, which its reply of eight octets must follow."""
    reader = Reader(payload.to_server.octets)
    _, command, port = reader.number(1), reader.number(1), reader.number(2)
    address = reader.take(4)
    user, end, rest = reader.octets[reader.at : reader.at + 256].partition(b"\0")
    answer = payload.to_client.octets
    if reader.cut or command not in (1, 2) or not port or not end or not user.isascii():
        return None
    if payload.to_client.first.length != 8 or answer[:1] != b"\0" or answer[1:2] not in GRANTED:
        return None
    target = str(IPv4Address(address))
    if address[:3] == bytes(3) and address[3]:  # 4A: the name stands behind the user
        name, end, _ = rest.partition(b"\0")
        target = clean(name, 255)
        if not end or not target:
            return None
    elif payload.to_server.first.length != 9 + len(user):
        return None
    facts = {"socks_version": 4, "command": COMMANDS[command], "target": f"{target}:{port}"}
    return confirmed(NAME, "a request that ends exactly, and its reply", facts=facts)


PROTOCOL = Protocol(
    name=NAME,
    title="SOCKS (proxy for any connection)",
    recognise=recognise,
    sources=(
        Source("RFC 1928: SOCKS Protocol Version 5", "1996-03", "sections 3 to 6: port 1080"),
        Source("RFC 1929: Username/Password Authentication for SOCKS V5", "1996-03", "section 2"),
        Source("NEC, SOCKS: A protocol for TCP proxy across firewalls", None, "versions 4 and 4A"),
    ),
    signatures=(
        *(Signature(Transport.TCP, 0, bytes((5, many))) for many in range(1, 9)),
        *(Signature(Transport.TCP, 0, bytes((4, command))) for command in (1, 2)),
    ),
    usual=(Usual(PortRange(1080, 1080), Transport.TCP, confidence="verified"),),
    stays_inside=Scope.PRIVATE,
    safety="It leads whoever reaches it to wherever its host may go, past the firewall between.",
    programs=("danted", "sockd", "microsocks", "3proxy"),
)
