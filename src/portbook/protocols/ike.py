"""IKE, versions 1 and 2: the key exchange of IPsec, by its header and its chain of payloads."""

from __future__ import annotations

from typing import NamedTuple

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
from portbook.protocols.layout import BE, HEX, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "ike"
HEADER = Layout(
    "IKE header",
    28,
    (
        Field("initiator", 0, 8, HEX, None, "index (cookie) that the initiator chose"),
        Field("responder", 8, 8, HEX, None, "index that the responder chose, 0 at first"),
        Field("next", 16, 1, BE, None, "kind of the first payload"),
        Field("version", 17, 1, BE, None, "0x10 or 0x20"),
        Field("exchange", 18, 1, BE, None, "2 main mode, 4 aggressive, 34 IKE_SA_INIT, ..."),
        Field("flags", 19, 1, BE, None, "version 2: 0x08 initiator, 0x20 response"),
        Field("message", 20, 4, BE, None, "number of the message"),
        Field("length", 24, 4, BE, "octet", "of the whole message"),
    ),
)
MARKER = bytes(4)  # before IKE on port 4500, RFC 3948 section 2.2
NOBODY = "00" * 8
EXCHANGES = {0x10: (2, 4, 5, 6, 32, 33), 0x20: (34, 35, 36, 37, 43)}
FLAGS = {0x10: 0x07, 0x20: 0x38}
ENCRYPTED = 0x01
PAYLOADS = {
    0x10: frozenset((*range(1, 14), 15, 16, 20, 21, 130, 131, 132)),
    0x20: frozenset((*range(33, 50), 53)),
}
SA = {0x10: 1, 0x20: 33}
VENDOR = {0x10: 13, 0x20: 43}
SEALED = (46, 53)  # what follows is inside
CHAIN = 64
FIRST = {0x10: (2, 4), 0x20: (34,)}


class Message(NamedTuple):
    """One message whose length is that of its datagram."""

    initiator: str
    responder: str
    version: int
    exchange: int
    flags: int
    number: int
    kinds: tuple[int, ...]  # of the payloads in the clear
    vendors: tuple[str, ...]

    @property
    def opens(self) -> bool:
        """Tell whether an initiator may begin so."""
        first = self.exchange in FIRST[self.version] and self.responder == NOBODY
        return first and self.number == 0 and self.kinds[:1] == (SA[self.version],)


def recognise(payload: Payload) -> Identification | None:
    """Name IKE by messages of exact length; by the indexes of both sides where both speak."""
    if payload.transport is not Transport.UDP or not payload.to_server:
        return None
    asked, answered = _messages(payload.to_server), _messages(payload.to_client)
    if not asked or (payload.to_client and not answered):
        return None
    because = [f"{len(asked) + len(answered)} messages whose length is that of their datagram"]
    facts = _facts(asked + answered)
    pairs = {(one.initiator, one.version) for one in asked}
    agreed = [
        one
        for one in answered
        if (one.initiator, one.version) in pairs and NOBODY not in (one.initiator, one.responder)
    ]
    if agreed:
        because.append("the answer gives back the initiator's index")
        return confirmed(NAME, *because, facts=facts)
    if not asked[0].opens:
        return None
    because.append("the payloads fill the first message")
    against = ("no answer gives back the initiator's index",) if answered else ()
    return plausible(NAME, *because, against=against, facts=facts)


def _messages(side: Side) -> list[Message]:
    """Return the messages of a side; nothing when the first datagram is none."""
    found: list[Message] = []
    for number, piece in enumerate(judged(side)):
        message = _message(piece)
        if message:
            found.append(message)
        elif not number:
            return []
    return found


def _message(piece: Piece) -> Message | None:
    at = 4 if piece.octets.startswith(MARKER) and piece.octets[4:12] != bytes(8) else 0
    read = HEADER.read(piece.octets, at)
    if read is None or read["version"] not in EXCHANGES or read["length"] != piece.length - at:
        return None
    version, flags = read["version"], read["flags"]
    if read["exchange"] not in EXCHANGES[version] or flags & ~FLAGS[version]:
        return None
    if read["initiator"] == NOBODY:
        return None
    hidden = version == 0x10 and flags & ENCRYPTED
    chain = ((), ()) if hidden else _chain(piece, at, read["next"], version)
    if chain is None or (hidden and piece.length % 4):
        return None
    return Message(
        read["initiator"],
        read["responder"],
        version,
        read["exchange"],
        flags,
        read["message"],
        *chain,
    )


def _chain(
    piece: Piece, at: int, kind: int, version: int
) -> tuple[tuple[int, ...], tuple[str, ...]] | None:
    """Walk the payloads to the exact end; where the octets end before, as far as they are."""
    octets, here = piece.octets, at + HEADER.size
    kinds, vendors = list[int](), list[str]()
    while kind:
        if kind not in PAYLOADS[version] or len(kinds) >= CHAIN:
            return None
        head = octets[here : here + 4]
        if len(head) < 4:
            return (tuple(kinds), tuple(vendors)) if kinds and not piece.whole else None
        size = int.from_bytes(head[2:], "big")
        if size < 4 or here + size > piece.length:
            return None
        kinds.append(kind)
        if kind == VENDOR[version]:
            vendors += _words(octets[here + 4 : here + size])
        here += size
        kind = 0 if kind in SEALED else head[0]
    return (tuple(kinds), tuple(vendors)) if here == piece.length and kinds else None


def _words(octets: bytes) -> list[str]:
    """Return a vendor id that is plain text, as some are."""
    text = octets.decode("latin-1")
    return [clean(text)] if len(text) > 4 and text.isascii() and text.isprintable() else []


def _facts(messages: list[Message]) -> dict[str, object]:
    facts: dict[str, object] = {"ike_version": "1" if messages[0].version == 0x10 else "2"}
    vendors = sorted({word for one in messages for word in one.vendors})
    return facts | ({"vendor_ids": vendors[:8]} if vendors else {})


PROTOCOL = Protocol(
    name=NAME,
    title="Internet Key Exchange",
    recognise=recognise,
    sources=(
        Source("RFC 7296, IKEv2", "2014-10", "sections 2.23, 3.1 and 3.2"),
        Source("RFC 2408, ISAKMP", "1998-11", "sections 3.1 and 3.2"),
        Source("RFC 3948, UDP encapsulation of IPsec ESP packets", "2005-01", "section 2.2"),
    ),
    signatures=tuple(
        Signature(
            Transport.UDP,
            at,
            bytes((version, exchange)),
        )
        for at in (17, 21)
        for version, exchanges in EXCHANGES.items()
        for exchange in exchanges
    ),
    usual=(
        Usual(PortRange(500, 500), Transport.UDP, confidence="verified"),
        Usual(PortRange(4500, 4500), Transport.UDP, title="IKE and ESP behind NAT", source=2),
    ),
    layouts=(HEADER,),
    safety="Version 1, and its aggressive mode above all, should be off; use version 2.",
    programs=("charon", "charon-systemd", "pluto", "iked", "racoon", "swanctl"),
)
