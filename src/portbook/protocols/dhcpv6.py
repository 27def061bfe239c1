"""DHCPv6: a type, a transaction and options that fill the datagram, with who asks or answers."""

from __future__ import annotations

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
    confirmed,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import BE, RAW, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "dhcpv6"
HEADER = Layout(
    "DHCPv6 header",
    4,
    (
        Field("type", 0, 1, BE, None, "1 solicit, 2 advertise, 3 request, 7 reply, ..."),
        Field("transaction", 1, 3, RAW, None, "chosen by the client, repeated in the answer"),
    ),
)
RELAYED = Layout(
    "DHCPv6 relay header",
    34,
    (
        Field("type", 0, 1, BE, None, "12 relay-forward, 13 relay-reply"),
        Field("hops", 1, 1, BE, None, "relays that it went through"),
        Field("link", 2, 16, RAW, None, "address on the link of the client"),
        Field("peer", 18, 16, RAW, None, "address of who sent it to the relay"),
    ),
)
OPTION = Layout("DHCPv6 option", 4, (Field("code", 0, 2, BE), Field("length", 2, 2, BE, "octet")))
TYPES = {
    1: "solicit", 2: "advertise", 3: "request", 4: "confirm", 5: "renew", 6: "rebind",
    7: "reply", 8: "release", 9: "decline", 10: "reconfigure", 11: "information request",
    12: "relay-forward", 13: "relay-reply", 14: "lease query", 15: "lease query reply",
}  # fmt: skip
ANSWERS = (2, 7, 10, 13, 15)
LEASE_QUERY = 14
TO_ONE = (3, 5, 8, 9)  # written to one server, which they name (RFC 8415, section 16)
FORWARD, BACK = 12, 13
HOPS = 33
CLIENT, SERVER, ELAPSED, RELAY, VENDOR, NAME_OF_HOST = 1, 2, 8, 9, 16, 39
WANTED, QUERY = 6, 44
CODES = range(1, 150)
DUID = {1: range(9, 131), 2: range(7, 131), 3: range(5, 131), 4: range(18, 19)}
WITH_TIME, PLAIN, ETHERNET = 1, 3, 1
CARDS = range(1, 64)  # hardware types that are given out
NESTED = 4  # relays inside relays that are looked into


class Message(NamedTuple):
    """One message: its kind, transaction, and options; of a relay those of what it carries."""

    kind: int
    transaction: bytes
    options: dict[int, bytes]
    relays: int = 0


def recognise(payload: Payload) -> Identification | None:
    """Name DHCPv6: clients and relays ask, the answers have their transaction."""
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = _read(payload.to_server), _read(payload.to_client)
    if asked is None or answered is None or not (asked or answered):
        return None
    if any(one.kind in ANSWERS for one in asked):
        return None
    if any(one.kind not in ANSWERS for one in answered):
        return None
    known = {one.transaction for one in asked}
    agreed = sum(one.transaction in known for one in answered)
    found = asked + answered
    facts: dict[str, object] = {"messages": list(dict.fromkeys(TYPES[one.kind] for one in found))}
    if any(one.relays for one in found):
        facts["relayed"] = True
    # a relay speaks for another host: what that tells is not of who sent it
    client = {} if any(one.relays for one in asked) else _host(asked)
    because = ["options fill the datagram, with who asks or answers"]
    if agreed:
        because.append(f"{agreed} answers have the transaction of a question")
        return confirmed(NAME, *because, facts=facts, client=client)
    only = "questions" if asked else "answers"
    against = ["no answer has the transaction" if asked and answered else f"only {only} were seen"]
    if any(one.kind == LEASE_QUERY and QUERY not in one.options for one in asked):
        against.append("a lease query does not say what it asks for")
    return plausible(NAME, *because, against=tuple(against), facts=facts, client=client)


def _read(side: Side) -> list[Message] | None:
    found = [_message(piece) for piece in judged(side)]
    whole = [one for one in found if one]
    return whole if len(whole) == len(found) else None


def _message(piece: Piece) -> Message | None:
    """Read one datagram; of a cut one the options that were kept must hold who asks."""
    return _inside(piece.octets, piece.length, NESTED)


def _inside(octets: bytes, length: int, nested: int) -> Message | None:
    told = HEADER.read(octets)
    if told is None or told["type"] not in TYPES or not nested:
        return None
    relayed = RELAYED.read(octets) if told["type"] in (FORWARD, BACK) else None
    if told["type"] in (FORWARD, BACK) and (relayed is None or relayed["hops"] >= HOPS):
        return None
    start = RELAYED.size if relayed else HEADER.size
    options = _options(octets[start:], length - start)
    if options is None:
        return None
    if relayed:
        carried = options.get(RELAY)
        inner = _inside(carried, len(carried), nested - 1) if carried else None
        fits = inner and (inner.kind in ANSWERS) == (told["type"] == BACK)
        return (
            inner._replace(kind=told["type"], relays=inner.relays + 1) if inner and fits else None
        )
    who = [options[code] for code in (CLIENT, SERVER) if code in options]
    anonymous = told["type"] == 11 and WANTED in options and ELAPSED in options
    if not (who or anonymous) or not all(map(_identifies, who)):
        return None
    if told["type"] in TO_ONE and len(who) < 2 and len(octets) == length:
        return None
    return Message(told["type"], told["transaction"], options)


def _options(octets: bytes, length: int) -> dict[int, bytes] | None:
    """Return the options that fill `length` octets, the first of each code (RFC 8415, 21.1)."""
    found: dict[int, bytes] = {}
    at = 0
    while at < length:
        told = OPTION.read(octets[at : at + OPTION.size])
        if told is None:
            return found if len(octets) < length else None
        end = at + OPTION.size + told["length"]
        if told["code"] not in CODES or end > length:
            return None
        if end <= len(octets):
            found.setdefault(told["code"], octets[at + OPTION.size : end])
        at = end
    return found


def _identifies(duid: bytes) -> bool:
    """Tell whether octets are an identifier of a host (RFC 8415, section 11)."""
    kind, card = int.from_bytes(duid[:2], "big"), int.from_bytes(duid[2:4], "big")
    return len(duid) in DUID.get(kind, ()) and (kind not in (WITH_TIME, PLAIN) or card in CARDS)


def _host(asked: list[Message]) -> dict[str, str]:
    """Return what a client tells of itself: its name, what made it, its card's address."""
    told: dict[str, str] = {}
    for one in asked:
        name = _dotted(one.options.get(NAME_OF_HOST, b"")[1:])
        vendor = one.options.get(VENDOR, b"")
        duid = one.options.get(CLIENT, b"")
        kind, card = int.from_bytes(duid[:2], "big"), int.from_bytes(duid[2:4], "big")
        if name:
            told.setdefault("name", name)
        if clean(vendor[6:], 64):
            told.setdefault("product", clean(vendor[6:], 64))
        address = {WITH_TIME: duid[8:], PLAIN: duid[4:]}.get(kind, b"")
        if card == ETHERNET and len(address) == 6:
            told.setdefault("mac", address.hex(":"))
    return told


def _dotted(octets: bytes) -> str:
    """Read a name of labels, with or without its end (RFC 4704, section 4.2)."""
    words, at = [], 0
    while at < len(octets) and octets[at]:
        end = at + 1 + octets[at]
        if octets[at] > 63 or end > len(octets):
            return ""
        words.append(clean(octets[at + 1 : end], 63))
        at = end
    return ".".join(words)[:128]


def _signatures() -> tuple[Signature, ...]:
    """Return types below 16 whose first option, at its place, has a small code and length."""
    small = b"\x00\x00\x00\x00", b"\xff\x00\xfe\x00"
    return (
        Signature(Transport.UDP, 0, bytes(4) + small[0], b"\xf0\0\0\0" + small[1]),
        Signature(Transport.UDP, 0, b"\x0c\x00", b"\xfe\xc0"),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Dynamic Host Configuration Protocol for IPv6",
    recognise=recognise,
    sources=(
        Source("RFC 8415: Dynamic Host Configuration Protocol for IPv6", "2018-11",
               "sections 7.2 (ports), 8, 9, 11 and 21"),
        Source("RFC 4704: DHCPv6 Client FQDN Option", "2006-10", "section 4"),
        Source("RFC 5007: DHCPv6 Leasequery", "2007-09", "sections 4.1 and 4.2"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(547, 547), Transport.UDP, confidence="verified"),
        Usual(PortRange(546, 546), Transport.UDP, role="client", confidence="verified"),
    ),
    layouts=(HEADER, RELAYED, OPTION),
    stays_inside=Scope.PRIVATE,
    safety="Whoever answers first decides which name servers a host asks: switches should let "
    "answers through from the known server only.",
    programs=("dhcpd", "kea-dhcp6", "dhcp6c", "dnsmasq"),
)  # fmt: skip
