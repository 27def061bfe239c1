"""CoAP over UDP and TCP: options that fill a message, and answers that repeat its token."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.framing import MORE, both
from portbook.protocols.layout import BE, Field, Layout
from portbook.records import Identification, Source

NAME = "coap"
HEADER = Layout(
    "CoAP header over UDP",
    4,
    (
        Field("first", 0, 1, BE, None, "2 bits version, 2 bits type, 4 bits token length", 0x40),
        Field("code", 1, 1, BE, None, "3 bits class, 5 bits detail"),
        Field("id", 2, 2, BE, None, "message id, repeated in an acknowledgement"),
    ),
)
METHODS = {1: "GET", 2: "POST", 3: "PUT", 4: "DELETE", 5: "FETCH", 6: "PATCH", 7: "iPATCH"}
RESPONSES = frozenset((
    0x41, 0x42, 0x43, 0x44, 0x45, 0x5F, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x88, 0x89,
    0x8C, 0x8D, 0x8F, 0x96, 0x9D, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA8,
))  # fmt: skip
CSM, SIGNALS = 0xE1, range(0xE1, 0xE6)
CONFIRMABLE, ACKNOWLEDGEMENT, RESET = 0, 2, 3
TOKEN_AT_MOST, MARKER = 8, 0xFF
URI_HOST, URI_PATH = 3, 11
# Sizes that the options of requests and responses may have (RFC 7252, 7641, 7959, 8613, 9175).
OPTIONS = {
    1: (0, 8), URI_HOST: (1, 255), 4: (1, 8), 5: (0, 0), 6: (0, 3), 7: (0, 2), 8: (0, 255),
    9: (0, 255), URI_PATH: (0, 255), 12: (0, 2), 14: (0, 4), 15: (0, 255), 16: (1, 1), 17: (0, 2),
    19: (0, 3), 20: (0, 255), 23: (0, 3), 27: (0, 3), 28: (0, 4), 31: (0, 3), 35: (1, 1034),
    39: (1, 255), 60: (0, 4), 252: (1, 40), 258: (0, 1), 292: (0, 8),
}  # fmt: skip
SIGNAL_OPTIONS = {2: (0, 4), 4: (0, 255)}
# Lengths over TCP: what the first four bits say, octets behind them, and what those add to.
LONGER = {13: (1, 13), 14: (2, 269), 15: (4, 65805)}
MOST = 1 << 20


class Message(NamedTuple):
    """One message whose options fill it."""

    type: int
    code: int
    id: int
    token: bytes
    texts: bool  # it names a host or a path that people can read


def recognise(payload: Payload) -> Identification | None:
    """Name CoAP when options fill every message; confirm it by a token or number that returns."""
    if payload.transport is Transport.TCP:
        return _over_tcp(payload)
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = _datagrams(payload.to_server), _datagrams(payload.to_client)
    if asked is None or answered is None or not any(one.code in METHODS for one in asked):
        return None
    if any(one.code in METHODS for one in answered) or any(one.code in RESPONSES for one in asked):
        return None
    facts = _facts(asked)
    because = f"{len(asked) + len(answered)} messages are filled by known options"
    agreed = _agreed(asked, answered)
    if agreed:
        told = f"{agreed} answers repeat a token or number"
        return confirmed(NAME, because, told, facts=facts)
    if answered or not all(one.texts for one in asked if one.code in METHODS):
        return None
    return plausible(NAME, because, against=("no answer was seen",), facts=facts)


def _over_tcp(payload: Payload) -> Identification | None:
    """Both sides begin with their capabilities (RFC 8323, section 5.3)."""
    asked, answered = both(payload, _measure)
    first = [one.messages[0] if one.messages else b"" for one in (asked, answered)]
    if asked.wrong or answered.wrong or not all(_is_csm(octets) for octets in first):
        return None
    requests = [one for octets in asked.messages if (one := _segment(octets))]
    because = ("both sides begin with their capabilities", "lengths agree to the end")
    return confirmed(NAME, *because, facts=_facts(requests))


def _datagrams(side: Side) -> list[Message] | None:
    found = []
    for piece in judged(side):
        message = _read(piece.octets, whole=piece.whole)
        if message is None:
            return None
        found.append(message)
    return found


def _read(octets: bytes, *, whole: bool) -> Message | None:
    if not HEADER.fits(octets) or octets[0] >> 6 != 1:
        return None
    kind, size, code = octets[0] >> 4 & 3, octets[0] & 15, octets[1]
    number = int.from_bytes(octets[2:4], "big")
    if code == 0:
        bare = len(octets) == HEADER.size and not size and kind in (0, ACKNOWLEDGEMENT, RESET)
        return Message(kind, code, number, b"", texts=False) if bare and whole else None
    if size > TOKEN_AT_MOST or (code not in METHODS and code not in RESPONSES) or kind == RESET:
        return None
    if code in METHODS and kind == ACKNOWLEDGEMENT:
        return None
    token = octets[HEADER.size : HEADER.size + size]
    texts = _options(octets, HEADER.size + size, OPTIONS, whole=whole)
    if len(token) < size or texts is None:
        return None
    return Message(kind, code, number, token, texts)


def _options(
    octets: bytes, at: int, known: dict[int, tuple[int, int]], *, whole: bool
) -> bool | None:
    """Walk the options (RFC 7252, section 3.1); None where they do not fit, else: is there text."""
    number, texts = 0, False
    while at < len(octets):
        if octets[at] == MARKER:
            return texts if at + 1 < len(octets) or not whole else None
        head, at = octets[at], at + 1
        sizes = []
        for half in (head >> 4, head & 15):
            if half == 15:
                return None
            more = half - 12 if half > 12 else 0
            base = (0, 13, 269)[more]
            sizes.append(base + int.from_bytes(octets[at : at + more], "big") if more else half)
            at += more
        number += sizes[0]
        least, most = known.get(number, (1, 0))
        if not least <= sizes[1] <= most:
            return None
        value = octets[at : at + sizes[1]]
        if len(value) < sizes[1]:
            return None if whole else texts
        if number in (URI_HOST, URI_PATH) and value:
            if not value.isascii() or not value.decode("ascii").isprintable():
                return None
            texts = True
        at += sizes[1]
    return texts if at == len(octets) else None


def _measure(octets: bytes, at: int) -> int | None:
    size, token = octets[at] >> 4, octets[at] & 15
    more, base = LONGER.get(size, (0, size))
    told = octets[at + 1 : at + 1 + more]
    if token > TOKEN_AT_MOST:
        return None
    if len(told) < more or at + 1 + more >= len(octets):
        return MORE
    code = octets[at + 1 + more]
    if code and code not in METHODS and code not in RESPONSES and code not in SIGNALS:
        return None
    length = base + int.from_bytes(told, "big")
    return 2 + more + token + length if length <= MOST else None


def _is_csm(octets: bytes) -> bool:
    if len(octets) < 2 or octets[0] & 15 or octets[0] >> 4 > 12 or octets[1] != CSM:
        return False
    return _options(octets, 2, SIGNAL_OPTIONS, whole=True) is not None


def _segment(octets: bytes) -> Message | None:
    more = LONGER.get(octets[0] >> 4, (0, 0))[0]
    code, token = octets[1 + more], octets[2 + more : 2 + more + (octets[0] & 15)]
    return Message(CONFIRMABLE, code, 0, token, texts=False) if code in METHODS else None


def _agreed(asked: list[Message], answered: list[Message]) -> int:
    requests = [one for one in asked if one.code in METHODS]
    tokens = {one.token for one in requests if one.token}
    sent = {(one.id, one.token) for one in requests if one.type == CONFIRMABLE}
    return sum(
        one.token in tokens or (one.type == ACKNOWLEDGEMENT and (one.id, one.token) in sent)
        for one in answered
        if one.code
    )


def _facts(asked: list[Message]) -> dict[str, object]:
    return {"methods": sorted({METHODS[one.code] for one in asked if one.code in METHODS})}


PROTOCOL = Protocol(
    name=NAME,
    title="Constrained Application Protocol",
    recognise=recognise,
    sources=(
        Source("RFC 7252, The Constrained Application Protocol (CoAP)", "2014-06", "section 3"),
        Source("RFC 8323, CoAP over TCP, TLS, and WebSockets", "2018-02", "sections 3 and 5"),
    ),
    signatures=(
        *(
            Signature(Transport.UDP, 0, bytes((0x40, code)), b"\xc0\xff")
            for code in sorted(METHODS.keys() | RESPONSES)
        ),
        Signature(Transport.TCP, 0, bytes((0, CSM)), b"\x0f\xff"),
    ),
    usual=(
        Usual(PortRange(5683, 5683), Transport.UDP, confidence="verified"),
        Usual(PortRange(5683, 5683), Transport.TCP, confidence="verified", source=1),
    ),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety="Without DTLS anybody reads and sets what a device offers, and can use it to flood.",
    programs=("coap-server", "coap-client"),
)
