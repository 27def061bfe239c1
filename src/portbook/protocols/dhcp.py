"""DHCP and its elder BootP: who asks for an address, with which name, and who answers.

Both are named `dhcp`: same ports, same 236 octets; the fact `message` tells which one it is. The
magic cookie makes it sure. BootP without the cookie (RFC 951) is plausible at the most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Cast,
    Payload,
    Piece,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    moulds,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.hardware import SOURCE as MAKERS
from portbook.protocols.hardware import maker
from portbook.protocols.layout import BE, IPV4, RAW, TEXT, Field, Layout
from portbook.protocols.moulds import Mould, Number, Octets, Rest, Speech
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "dhcp"
SOURCES = (
    Source("RFC 2131, Dynamic Host Configuration Protocol", "1997-03", "section 2, figure 1; 4.1"),
    Source("RFC 2132, DHCP options and BOOTP vendor extensions", "1997-03", "sections 2, 3, 9"),
    Source("RFC 951, Bootstrap Protocol", "1985-09", "section 3"),
    MAKERS,
)
COOKIE = bytes.fromhex("63825363")
REQUEST, REPLY = 1, 2
ETHERNET, MAC_OCTETS, HOPS = 1, 6, 16
BOOTP_SIZE = 236
ENOUGH = 44  # octets to the end of the hardware address: less than that tells nothing
OPTIONS = 128
HOSTS = 32  # told of in one conversation
PAD, HOST_NAME, OVERLOAD, MESSAGE, VENDOR_CLASS, USER_CLASS, END = 0, 12, 52, 53, 60, 77, 255
MESSAGES = {
    1: "discover",
    2: "offer",
    3: "request",
    4: "decline",
    5: "ack",
    6: "nak",
    7: "release",
    8: "inform",
    9: "force renew",
    10: "lease query",
    11: "lease unassigned",
    12: "lease unknown",
    13: "lease active",
}
_VERSIONED = re.compile(r"(udhcpc?|dhcpcd|android-dhcp|busybox)[ -]?v?([\d.]+)", re.IGNORECASE)

HEADER = Layout(
    "BootP header",
    BOOTP_SIZE,
    (
        Field("op", 0, 1, BE, None, "1 request, 2 reply", default=REQUEST),
        Field("hardware_type", 1, 1, BE, None, "1 Ethernet", default=ETHERNET),
        Field("hardware_length", 2, 1, BE, "byte", "6 for Ethernet", default=MAC_OCTETS),
        Field("hops", 3, 1, BE, None, "relays passed"),
        Field("transaction", 4, 4, BE, None, "joins reply and request"),
        Field("seconds", 8, 2, BE, "s", "since the client began"),
        Field("flags", 10, 2, BE, None, "highest bit: answer by broadcast"),
        Field("client_ip", 12, 4, IPV4, None, "the client's address, if it has one"),
        Field("your_ip", 16, 4, IPV4, None, "the address given to the client"),
        Field("server_ip", 20, 4, IPV4, None, "where to boot from"),
        Field("relay_ip", 24, 4, IPV4, None, "relay agent"),
        Field("hardware_address", 28, 16, RAW, None, "the client's, padded with zeros"),
        Field("server_name", 44, 64, TEXT, None, "may hold options instead"),
        Field("boot_file", 108, 128, TEXT, None, "may hold options instead"),
    ),
)


class Told(NamedTuple):
    """One message, as far as it was kept."""

    header: dict[str, Any]
    cookie: bool
    options: dict[int, bytes]
    faults: tuple[str, ...]

    @property
    def message(self) -> str:
        """Return which message it is, "bootp request" or "bootp reply" without option 53."""
        kind = self.options.get(MESSAGE, b"")
        if len(kind) == 1:
            return MESSAGES.get(kind[0], f"type {kind[0]}")
        return "bootp request" if self.header["op"] == REQUEST else "bootp reply"

    @property
    def mac(self) -> str | None:
        """Return the client's MAC address."""
        length = self.header["hardware_length"]
        address = self.header["hardware_address"][:MAC_OCTETS]
        return address.hex(":") if length in (0, MAC_OCTETS) and any(address) else None


def recognise(payload: Payload) -> Identification | None:
    """Name DHCP and BootP: requests go to the server, replies come from it."""
    if payload.transport is not Transport.UDP:
        return None
    told = _recognise(payload)
    if told is None and payload.cast is not Cast.UNICAST and not payload.to_client:
        # A reply to everybody: the sender stands as the client, since nobody else can.
        told = _recognise(payload.swapped())
        return msgspec.structs.replace(told, client=told.server, server={}) if told else None
    return told


def _recognise(payload: Payload) -> Identification | None:
    asked, answered = _read(payload.to_server, REQUEST), _read(payload.to_client, REPLY)
    if asked is None or answered is None or not (asked or answered):
        return None
    found = asked + answered
    sure = [one for one in found if one.cookie]
    because = ["magic cookie"] if sure else []
    because += ["request" if asked else "", "reply" if answered else ""]
    faults = tuple(dict.fromkeys(fault for one in found for fault in one.faults))
    told = (confirmed if sure else plausible)(
        NAME,
        *filter(None, because),
        against=faults,
        facts=_facts(found),
        client=_client(asked),
        server=_server(answered),
    )
    return msgspec.structs.replace(told, others=_others(asked, answered))


def _read(side: Side, op: int) -> list[Told] | None:
    found = []
    for piece in judged(side):
        told = read(piece)
        if told is None or told.header["op"] != op:
            return None
        found.append(told)
    return found


def read(piece: Piece) -> Told | None:
    """Read one message, or None when it is none; a cut one is judged by what was kept."""
    octets = piece.octets
    if piece.length < BOOTP_SIZE or len(octets) < ENOUGH:
        return None
    if piece.whole or len(octets) >= BOOTP_SIZE + len(COOKIE):
        cookie = octets[BOOTP_SIZE : BOOTP_SIZE + len(COOKIE)] == COOKIE
    else:
        cookie = False
    header = HEADER.read(octets.ljust(BOOTP_SIZE, b"\0"))
    if header is None or header["op"] not in (REQUEST, REPLY) or header["hops"] > HOPS:
        return None
    if header["hardware_length"] > 16 or not (cookie or _is_bootp(header)):
        return None
    faults: tuple[str, ...] = ()
    if not piece.whole:
        faults += ("the message was cut",)
    elif not cookie:
        faults += ("no magic cookie, as in RFC 951",)
    if header["hardware_type"] == ETHERNET and header["hardware_length"] != MAC_OCTETS:
        faults += (f"hardware address of {header['hardware_length']} octets",)
    options, more = _options(octets, header) if cookie else ({}, ())
    return Told(header, cookie, options, faults + (more if piece.whole else ()))


def _is_bootp(header: dict[str, Any]) -> bool:
    ethernet = header["hardware_type"] == ETHERNET and header["hardware_length"] == MAC_OCTETS
    address = header["hardware_address"]
    return ethernet and any(address[:MAC_OCTETS]) and not any(address[MAC_OCTETS:])


def _options(octets: bytes, header: dict[str, Any]) -> tuple[dict[int, bytes], tuple[str, ...]]:
    found: dict[int, bytes] = {}
    faults = _walk(octets[BOOTP_SIZE + len(COOKIE) :], found)
    overload = found.get(OVERLOAD, b"\0")
    # Option 52: 1 the boot file field, 2 the server name field, 3 both hold options.
    for bit, start, end in ((1, 108, 236), (2, 44, 108)):
        if overload and overload[0] & bit and overload[0] <= 3:
            faults += _walk(octets[start:end], found)
    return found, faults


def _walk(octets: bytes, found: dict[int, bytes]) -> tuple[str, ...]:
    for code, value in _pairs(octets):
        if value is None:
            return (f"option {code} runs past the end",) if code != PAD else ("no end option",)
        # RFC 3396: an option that is too long comes in several parts.
        found[code] = (found.get(code, b"") + value)[:1024]
    return ()


def _pairs(octets: bytes) -> Iterator[tuple[int, bytes | None]]:
    at = 0
    for _ in range(OPTIONS + len(octets)):
        if at >= len(octets):
            yield PAD, None
            return
        code = octets[at]
        if code == END:
            return
        if code == PAD:
            at += 1
            continue
        length = octets[at + 1] if at + 1 < len(octets) else 256
        value = octets[at + 2 : at + 2 + length]
        if len(value) < length:
            yield code, None
            return
        yield code, value
        at += 2 + length


def _facts(found: list[Told]) -> dict[str, Any]:
    facts: dict[str, Any] = {"message": found[0].message}
    for one in found:
        for name in ("your_ip", "relay_ip"):
            if one.header[name] != "0.0.0.0":
                facts.setdefault(name, one.header[name])
    return facts


def _client(asked: list[Told]) -> dict[str, str]:
    """Return what the asking side told, unless it asked for several hosts."""
    return {} if _for_others(asked) else _host(asked)


def _for_others(asked: list[Told]) -> bool:
    # Clients without an address all ask from 0.0.0.0, and a relay asks for others: then what was
    # told belongs to nobody that the conversation names.
    relayed = any(one.header["relay_ip"] != "0.0.0.0" for one in asked)
    return relayed or len({one.mac for one in asked}) != 1


def _others(asked: list[Told], answered: list[Told]) -> tuple[dict[str, str], ...]:
    """Return what is told of hosts by their MAC address, and which addresses they were given."""
    asking: dict[str, list[Told]] = {}
    for one in asked if asked and _for_others(asked) else ():
        if one.mac:
            asking.setdefault(one.mac, []).append(one)
    found = [_host(told) for told in asking.values()]
    for one in answered:
        given = one.header["your_ip"]
        if one.mac and given != "0.0.0.0" and one.message in ("ack", "bootp reply"):
            found.append({"mac": one.mac, "address": given})
    return tuple(found[:HOSTS])


def _host(asked: list[Told]) -> dict[str, str]:
    """Return what one host told of itself."""
    facts: dict[str, str] = {}
    mac = asked[0].mac
    if mac:
        facts["mac"] = mac
    options = {code: value for one in reversed(asked) for code, value in one.options.items()}
    if HOST_NAME in options:
        facts["name"] = clean(options[HOST_NAME].rstrip(b"\0"), 64)
    if VENDOR_CLASS in options:
        told = clean(options[VENDOR_CLASS].rstrip(b"\0"))
        match = _VERSIONED.match(told)
        facts |= {"product": match[1], "version": match[2]} if match else {"product": told}
    made_by = maker(mac) if mac else None
    if made_by:
        facts["vendor"] = made_by
    return {key: value for key, value in facts.items() if value}


def _server(answered: list[Told]) -> dict[str, str]:
    for one in answered:
        if OVERLOAD not in one.options:
            name = clean(one.header["server_name"], 64)
            if name:
                return {"name": name}
    return {}


def _mould() -> Mould:
    """Requests and replies that a relay or a client exchanges with one server."""

    def message(kind: int) -> tuple[Octets | Number | moulds.Any | Rest, ...]:
        head = (Octets(bytes((kind,))), moulds.Any(1), Number(1, 0, 16), Number(1, 0, HOPS))
        return (*head, moulds.Any(BOOTP_SIZE - 4), Octets(COOKIE), Rest())

    return Mould(Transport.UDP, Speech((message(REQUEST),)), Speech((message(REPLY),)))


PROTOCOL = Protocol(
    name=NAME,
    title="Dynamic Host Configuration Protocol and BootP",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        # Ethernet, at most 31 hops; and any hardware type when the cookie stands in its place.
        Signature(Transport.UDP, 0, b"\1\1\6\0", b"\xff\xff\xff\xe0"),
        Signature(Transport.UDP, 0, b"\2\1\6\0", b"\xff\xff\xff\xe0"),
        Signature(Transport.UDP, BOOTP_SIZE, COOKIE),
    ),
    usual=(
        Usual(PortRange(67, 67), Transport.UDP, confidence="verified"),
        Usual(PortRange(68, 68), Transport.UDP, role="client", confidence="verified"),
    ),
    moulds=(_mould(),),
    layouts=(HEADER,),
    safety="Anybody on the link can answer first and redirect a device: one server, watched.",
    programs=("dhclient", "dhcpd", "dnsmasq", "udhcpc", "udhcpd", "dhcpcd", "kea-dhcp4"),
    talkative=True,
)
