"""VNC (RFB): both sides tell a version in twelve octets, then the server offers ways to log in.

Challenges and their responses are stepped over and never given out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "vnc"
GREETING = 12
INITIAL = Layout(
    "ServerInit",
    24,
    (
        Field("width", 0, 2, BE, "pixel", "of the screen"),
        Field("height", 2, 2, BE, "pixel", "of the screen"),
        Field("depth", 4, 1, BE, "bit", "of a pixel: 8, 16 or 32"),
        Field("length", 20, 4, BE, "octet", "of the desktop's name that follows"),
    ),
)
NONE, CHALLENGED = 1, 2
SECURITY = {
    1: "none", 2: "VNC password", 5: "RA2", 6: "RA2ne", 16: "Tight", 17: "Ultra", 18: "TLS",
    19: "VeNCrypt", 20: "SASL", 21: "MD5", 22: "xvp", 30: "Apple Diffie-Hellman", 35: "Apple",
}  # fmt: skip
MOST = 64  # ways to log in that one server may offer
CHALLENGE, RESULT, PASSED = 16, 4, bytes(4)
DEPTHS = (8, 16, 32)

_GREETING = re.compile(rb"RFB (00[3-5])\.(\d\d\d)\n")


class Offer(NamedTuple):
    """The ways to log in that a server offers, the one chosen, and what follows it."""

    ways: tuple[int, ...]
    chosen: int | None
    rest: bytes  # of the server
    fits: bool


def recognise(payload: Payload) -> Identification | None:
    """Name VNC by the greeting of the server; confirm it by the client's and what follows."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = payload.to_server.octets, payload.to_client.octets
    greeted, replied = _GREETING.match(answered), _GREETING.match(asked)
    if not greeted or (asked and not replied):
        return None
    facts: dict[str, object] = {"server_version": _version(greeted)}
    if not replied:
        if len(answered) > GREETING:
            return None
        against = ("the client said nothing",)
        return plausible(NAME, "the greeting of a server", against=against, facts=facts)
    facts["client_version"] = _version(replied)
    if _version(replied) > _version(greeted):
        return None
    offer = _offered(asked[GREETING:], answered[GREETING:], old=_version(replied) < "3.7")
    if not offer.fits:
        against = ("what follows is no offer of ways to log in",)
        return plausible(NAME, "both sides tell a version", against=against, facts=facts)
    if offer.ways:
        facts["security"] = [SECURITY.get(one, str(one)) for one in offer.ways]
    server = _server(offer, has_result=offer.chosen != NONE or _version(replied) >= "3.8")
    because = ["both sides tell a version"]
    because += ["what follows is an offer of ways to log in"] if offer.ways else []
    return confirmed(NAME, *because, facts=facts, server=server)


def _version(greeting: re.Match[bytes]) -> str:
    return f"{int(greeting[1])}.{int(greeting[2])}"


def _offered(asked: bytes, answered: bytes, *, old: bool) -> Offer:
    """Read the offer; the oldest version decides alone (RFC 6143, section 7.1.2, appendix A)."""
    if old:
        way = int.from_bytes(answered[:4], "big")
        fits = len(answered) < 4 or way in (0, NONE, CHALLENGED)
        return Offer((way,) if way and fits else (), way or None, answered[4:], fits)
    count = answered[0] if answered else 0
    ways = tuple(answered[1 : 1 + count])
    if not count or len(ways) < count or not asked:
        return Offer(ways, None, b"", count <= MOST and 0 not in ways)
    fits = count <= MOST and 0 not in ways and asked[0] in ways
    return Offer(ways, asked[0], answered[1 + count :], fits)


def _server(offer: Offer, *, has_result: bool) -> dict[str, str]:
    """Return the desktop's name, where the log-in leaves what follows in the clear."""
    if offer.chosen not in (NONE, CHALLENGED):
        return {}
    rest = offer.rest[CHALLENGE:] if offer.chosen == CHALLENGED else offer.rest
    if has_result:
        if rest[:RESULT] != PASSED:
            return {}
        rest = rest[RESULT:]
    told = INITIAL.read(rest)
    if told is None or told["depth"] not in DEPTHS:
        return {}
    name = rest[INITIAL.size : INITIAL.size + told["length"]]
    return {"name": clean(name, 64)} if len(name) == told["length"] and clean(name) else {}


PROTOCOL = Protocol(
    name=NAME,
    title="VNC (remote framebuffer)",
    recognise=recognise,
    sources=(
        Source("RFC 6143: The Remote Framebuffer Protocol", "2011-03", "sections 7.1 to 7.3"),
        Source("RFC 6143: The Remote Framebuffer Protocol", "2011-03", "section 3: port 5900"),
        Source("The RFB Protocol, community version (rfbproto)", None, "security types"),
    ),
    signatures=(Signature(Transport.TCP, 0, b"RFB 00"),),
    usual=(Usual(PortRange(5900, 5900), Transport.TCP, confidence="two sources", source=1),),
    layouts=(INITIAL,),
    stays_inside=Scope.PRIVATE,
    safety="Who gets in works at the machine's screen, and most of it is not encrypted: let it be "
    "reached through a tunnel only.",
    programs=("Xvnc", "x11vnc", "winvnc", "vncserver"),
)
