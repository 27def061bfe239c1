"""X11: the set-up of a connection to a screen, and requests of one that was joined in the middle.

Cookies that let a program in are stepped over and never given out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.handshake import Reader
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "x11"
ORDERS = {b"B": "big", b"l": "little"}
MAJOR = 11
SET_UP = Layout(
    "X11 set-up request, its numbers in the order of the client",
    12,
    (
        Field("order", 0, 1, BE, None, "B: the highest octet first, l: the lowest"),
        Field("major", 2, 2, BE, None, "always 11"),
        Field("minor", 4, 2, BE, None, "always 0"),
        Field("name", 6, 2, BE, "octet", "of the way to prove itself"),
        Field("data", 8, 2, BE, "octet", "of the proof"),
    ),
)
LONGEST_NAME, LONGEST_DATA = 64, 4096
FAILED, SUCCESS, AUTHENTICATE = range(3)
HEAD, FIXED_PART, FORMAT, SCREEN = 8, 32, 8, 40
XORG = "The X.Org Foundation"
# core requests that always have the same length, in words of four octets (appendix B)
LENGTHS = {
    3: 2, 4: 2, 5: 2, 6: 2, 7: 4, 8: 2, 9: 2, 10: 2, 11: 2, 13: 2, 14: 2, 15: 2, 17: 2, 19: 3,
    20: 6, 21: 2, 22: 4, 23: 2, 24: 6, 25: 11, 26: 6, 27: 2, 28: 6, 29: 3, 30: 4, 31: 4, 32: 2,
    33: 4, 34: 3, 35: 2, 36: 1, 37: 1, 38: 2, 39: 4, 40: 4, 41: 6, 42: 3, 43: 1, 44: 1, 46: 2,
    47: 2, 53: 4, 54: 2, 57: 4, 60: 2, 61: 4, 62: 7, 63: 8, 73: 5, 78: 4, 79: 2,
}  # fmt: skip
LAST_CORE, NO_OPERATION, EXTENSIONS = 119, 127, 128
FEWEST = 3  # whole requests without a set-up
IDS = range(1 << 16, 1 << 29)  # of windows and the like: the top three bits are zero
ANSWER = 32  # octets of an event, an error, or the start of a reply


class Numbers(NamedTuple):
    """Octets whose numbers are in one of the two orders."""

    octets: bytes
    little: bool

    def at(self, at: int, size: int = 2) -> int:
        """Return the number there, what is missing of it as zeros."""
        return int.from_bytes(self.octets[at : at + size], "little" if self.little else "big")


def recognise(payload: Payload) -> Identification | None:
    """Name X11 by a set-up that ends exactly and its answer, else by requests that follow."""
    if payload.transport is not Transport.TCP or not payload.to_server:
        return None
    octets = payload.to_server.octets
    asked = Numbers(octets, octets[:1] == b"l")
    if octets[:1] in ORDERS and (asked.at(2), asked.at(4)) == (MAJOR, 0):
        return _set_up(payload, asked)
    if payload.to_server.started or payload.to_client.started:
        return None
    return _in_the_middle(payload)


def _set_up(payload: Payload, asked: Numbers) -> Identification | None:
    reader = Reader(asked.octets)
    reader.take(SET_UP.size)
    name = reader.take(_padded(asked.at(6)))[: asked.at(6)]
    size = SET_UP.size + _padded(asked.at(6)) + _padded(asked.at(8))
    if reader.cut or asked.at(6) > LONGEST_NAME or asked.at(8) > LONGEST_DATA:
        return None
    if not name.isascii() or clean(name, 64).encode() != name:
        return None
    facts = {"order": ORDERS[asked.octets[:1]], "log_in": clean(name, 64) or "none"}
    because = "a set-up request of version 11.0 that ends exactly"
    if not payload.to_client:
        whole = payload.to_server.first.length == size
        return (
            plausible(NAME, because, against=("no answer was seen",), facts=facts)
            if whole
            else None
        )
    server = _answered(payload.to_client, asked.little)
    if server is None or payload.to_server.total < size:
        return None
    return confirmed(NAME, because, "an answer whose lengths agree", facts=facts, server=server)


def _answered(side: Side, little: bool) -> dict[str, str] | None:
    """Read the answer to a set-up; None where it is none."""
    told = Numbers(side.octets, little)
    kind, words = side.octets[0] if side.octets else -1, told.at(6)
    if len(side.octets) < HEAD or side.total < HEAD + 4 * words or kind > AUTHENTICATE:
        return None
    if kind == AUTHENTICATE:
        return {} if words else None
    if (told.at(2), told.at(4)) != (MAJOR, 0):
        return None
    if kind == FAILED:
        fits = side.total == HEAD + 4 * words and _padded(side.octets[1]) == 4 * words
        return {} if fits else None
    if len(side.octets) < HEAD + FIXED_PART:
        return None
    base, mask, length = told.at(12, 4), told.at(16, 4), told.at(24)
    screens, formats, lowest, highest = (side.octets[at] for at in (28, 29, 34, 35))
    least = FIXED_PART + _padded(length) + FORMAT * formats + SCREEN * screens
    if base & mask or not mask or not screens or 4 * words < least or not 8 <= lowest <= highest:
        return None
    return _server(side.octets[HEAD + FIXED_PART :][:length], told.at(8, 4))


def _server(vendor: bytes, release: int) -> dict[str, str]:
    """Return who made a server, and its version as X.Org writes it into one number."""
    name = clean(vendor, 64)
    told = {"vendor": name, "product": "X server"} if name else {}
    if name == XORG and release >= 10**7:
        parts = release // 10**7, release // 10**5 % 100, release // 1000 % 100, release % 1000
        told["version"] = ".".join(map(str, parts if parts[3] else parts[:3]))
    return told


def _in_the_middle(payload: Payload) -> Identification | None:
    """Name requests that follow each other and speak of the same window, pixmap or the like."""
    for little in (True, False):
        found = list(_requests(payload.to_server, little))
        if len(found) < FEWEST or None in found or not _answers(payload.to_client):
            continue
        ids = Counter(one for request in found if request for one in request)
        if any(many > 1 for many in ids.values()):
            return plausible(
                NAME,
                f"{len(found)} requests, each with its length, that name the same thing",
                against=("joined in the middle: no set-up was seen",),
            )
    return None


def _requests(side: Side, little: bool) -> Iterator[set[int] | None]:
    """Give the ids that each whole request names; None where what begins there is none.

    A segment begins with a request, since programs send whole buffers; what was not kept of it,
    and the segment after that, is not looked at.
    """
    for piece in side:
        at = 0
        while at < len(piece.octets):
            told = Numbers(piece.octets[at:], little)
            kind, size = told.octets[0], 4 * told.at(2)
            known = 0 < kind <= LAST_CORE or kind == NO_OPERATION or kind >= EXTENSIONS
            if not known or len(told.octets) < 4 or not size:
                yield None
                return
            if LENGTHS.get(kind, size // 4) != size // 4:
                yield None
                return
            if size > len(told.octets):
                if piece.whole:
                    yield None
                return
            yield {one for here in range(4, size, 4) if (one := told.at(here, 4)) in IDS}
            at += size
        if not piece.whole:
            return


def _answers(side: Side) -> bool:
    """Tell whether a server may have sent this: errors, replies and events of 32 octets or more."""
    return all(
        piece.octets[:1] and piece.octets[0] & 0x7F <= 35 and piece.length % 4 == 0
        for piece in side
        if piece.octets
    ) and (not side or side.first.length >= ANSWER)


def _padded(size: int) -> int:
    return size + -size % 4


PROTOCOL = Protocol(
    name=NAME,
    title="X Window System",
    recognise=recognise,
    sources=(
        Source("X.Org, X Window System Protocol, X Version 11, Release 7.7", "2012",
               "section 8: connection setup; appendix B: encoding"),
        Source("X.Org, X(7) manual page", "2012", "display names: TCP 6000 and the display"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, b"l\0\x0b\0\0\0", b"\xff\0\xff\xff\xff\xff"),
        Signature(Transport.TCP, 0, b"B\0\0\x0b\0\0", b"\xff\0\xff\xff\xff\xff"),
        # requests that streams are often joined at: pixmap, coordinates, property
        *(
            Signature(Transport.TCP, 0, bytes((kind, 0)) + words, b"\xff\0\xff\xff")
            for kind in (20, 40, 53)
            for words in (LENGTHS[kind].to_bytes(2, "little"), LENGTHS[kind].to_bytes(2, "big"))
        ),
        Signature(Transport.TCP, 0, b"\x12\0\0\0", b"\xff\xfc\xc0\xff"),
    ),
    usual=(Usual(PortRange(6000, 6063), Transport.TCP, confidence="two sources", source=1),),
    layouts=(SET_UP,),
    stays_inside=Scope.PRIVATE,
    safety="Who is let in reads the keyboard and sees the screen, and nothing is encrypted: let it "
    "be reached through SSH only.",
    programs=("Xorg", "Xwayland", "Xvfb", "vcxsrv"),
)  # fmt: skip
