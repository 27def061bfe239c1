"""BGP: messages behind sixteen octets of ones, whose length agrees with their kind."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, walk
from portbook.protocols.layout import BE, IPV4, RAW, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "bgp"
HEADER = Layout(
    "BGP header",
    19,
    (
        Field("marker", 0, 16, RAW, None, "all ones"),
        Field("length", 16, 2, BE, "octet", "of the whole message"),
        Field("type", 18, 1, BE, None, "1 open, 2 update, 3 notification, 4 keepalive, 5 refresh"),
    ),
)
OPENING = Layout(
    "BGP open, behind the header",
    10,
    (
        Field("version", 0, 1, BE, None, "always 4", 4),
        Field("system", 1, 2, BE, None, "autonomous system; 23456: see the capability"),
        Field("hold", 3, 2, BE, "s", "silence after which the peer is given up"),
        Field("router", 5, 4, IPV4, None, "id of the router"),
        Field("length", 9, 1, BE, "octet", "of the parameters that follow"),
    ),
)
MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = range(1, 6)
KINDS = {OPEN: "open", UPDATE: "update", NOTIFICATION: "notification", KEEPALIVE: "keepalive",
         REFRESH: "route refresh"}  # fmt: skip
LEAST = {OPEN: 29, UPDATE: 23, NOTIFICATION: 21, KEEPALIVE: 19, REFRESH: 23}
LONGEST = 4096  # RFC 8654 allows 65535 where both say so
EXTENDED = 255  # RFC 9072: the length of the parameters stands in two octets behind
CAPABILITIES, FOUR_OCTETS, HOST = 2, 65, 73


class Speaker(NamedTuple):
    """What a router says of itself when it opens."""

    system: int
    router: str
    hold: int
    host: str


def recognise(payload: Payload) -> Identification | None:
    """Name BGP by messages that fill a direction; confirm it by an open and what answers it."""
    if payload.transport is not Transport.TCP:
        return None
    sides = [_read(payload.to_server), _read(payload.to_client)]
    if any(one.wrong and not _sound(one) for one in sides) or not any(
        one.messages for one in sides
    ):
        return None
    asked, answered = (list(one.messages) for one in sides)
    found = asked + answered
    kinds = [one[HEADER.size - 1] for one in found]
    speakers = [
        _open(one) if kind == OPEN else None for one, kind in zip(found, kinds, strict=True)
    ]
    if any(kind == OPEN and not told for kind, told in zip(kinds, speakers, strict=True)):
        return None
    client = _first(speakers[: len(asked)])
    server = _first(speakers[len(asked) :])
    facts: dict[str, object] = {"messages": list(dict.fromkeys(KINDS[kind] for kind in kinds))}
    for name, one in (("client", client), ("server", server)):
        if one:
            facts |= {f"{name}_as": one.system, f"{name}_router_id": one.router}
    because = [f"{len(found)} messages behind their marker, of the length of their kind"]
    names = [{"name": one.host} if one and one.host else {} for one in (client, server)]
    if any(one.wrong for one in sides):
        against = ("what follows them is no message",)
        return plausible(NAME, *because, against=against, facts=facts)
    if asked and answered:
        because.append("both directions")
        return confirmed(NAME, *because, facts=facts, client=names[0], server=names[1])
    against = ("only one side was seen",)
    return plausible(NAME, *because, against=against, facts=facts, client=names[0], server=names[1])


def _read(side: Side) -> Walk:
    return walk(side, Transport.TCP, _measure)


def _sound(found: Walk) -> bool:
    """Tell whether a direction that breaks off began with an update whose lengths fill it.

    A peer bears updates with attributes that are wrong (RFC 7606); of anything else it hangs up.
    """
    if not found.messages or found.messages[0][HEADER.size - 1] != UPDATE:
        return False
    body = found.messages[0][HEADER.size :]
    withdrawn = 2 + int.from_bytes(body[:2], "big")
    attributes = withdrawn + 2 + int.from_bytes(body[withdrawn : withdrawn + 2], "big")
    return attributes <= len(body)


def _measure(octets: bytes, at: int) -> int | None:
    start = octets[at : at + len(MARKER)]
    if start != MARKER[: len(start)]:
        return None
    length, kind = (HEADER.get(octets, name, at) for name in ("length", "type"))
    if length is None or kind is None:
        return MORE
    if kind not in LEAST or not LEAST[kind] <= length <= LONGEST:
        return None
    exact = kind == KEEPALIVE or (kind == REFRESH and length == LEAST[kind])
    return int(length) if not exact or length == LEAST[kind] else None


def _first(found: list[Speaker | None]) -> Speaker | None:
    return next((one for one in found if one), None)


def _open(octets: bytes) -> Speaker | None:
    """Read an open whose parameters fill it (RFC 4271, section 4.2)."""
    body = octets[HEADER.size :]
    told = OPENING.read(body)
    if told is None or told["version"] != 4 or told["hold"] in (1, 2):
        return None
    rest, size, wide = body[OPENING.size :], told["length"], 1
    if size == EXTENDED and rest[:1] == b"\xff":
        size, rest, wide = int.from_bytes(rest[1:3], "big"), rest[3:], 2
    if len(rest) != size:
        return None
    parameters = _pairs(rest, wide)
    if parameters is None:
        return None
    system, host = told["system"], ""
    for kind, value in parameters:
        for code, what in (_pairs(value, 1) or []) if kind == CAPABILITIES else []:
            if code == FOUR_OCTETS and len(what) == 4:
                system = int.from_bytes(what, "big")
            if code == HOST and what:
                host = clean(what[1 : 1 + what[0]], 64)
    return Speaker(system, told["router"], told["hold"], host)


def _pairs(octets: bytes, wide: int) -> list[tuple[int, bytes]] | None:
    """Return the pairs of kind and value that fill octets; `wide` is the size of their length."""
    found, at = [], 0
    while at < len(octets):
        start = at + 1 + wide
        end = start + int.from_bytes(octets[at + 1 : start], "big")
        if start > len(octets) or end > len(octets):
            return None
        found.append((octets[at], octets[start:end]))
        at = end
    return found


PROTOCOL = Protocol(
    name=NAME,
    title="Border Gateway Protocol",
    recognise=recognise,
    sources=(
        Source("RFC 4271: A Border Gateway Protocol 4 (BGP-4)", "2006-01",
               "section 4; section 8.2.1: port 179"),
        Source("RFC 7606: Revised Error Handling for BGP UPDATE Messages", "2015-08", "section 2"),
        Source("RFC 9072: Extended Optional Parameters Length", "2021-07", "section 2"),
        Source("RFC 6793: BGP Support for Four-Octet AS Number Space", "2012-12", "section 3"),
    ),
    signatures=(Signature(Transport.TCP, 0, MARKER[:8]),),
    usual=(Usual(PortRange(179, 179), Transport.TCP, confidence="verified"),),
    layouts=(HEADER, OPENING),
    stays_inside=Scope.PRIVATE,
    safety="Who speaks it moves the routes of a network: let its neighbours alone reach it.",
    programs=("bgpd", "bird", "gobgpd"),
)  # fmt: skip
