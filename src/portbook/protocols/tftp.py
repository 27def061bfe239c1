"""TFTP: a request of words to its exact end, or a transfer whose blocks are acknowledged in order.

The server answers from a port of its own, so request and transfer are two conversations.
"""

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
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "tftp"
BLOCK = Layout(
    "TFTP data or acknowledgement",
    4,
    (
        Field("operation", 0, 2, BE, None, "1 read, 2 write, 3 data, 4 acknowledge, 5 error, ..."),
        Field("block", 2, 2, BE, None, "counts from 1; 0 acknowledges a request to write"),
    ),
)
READ, WRITE, DATA, ACK, ERROR, OPTIONS = range(1, 7)
MODES = (b"netascii", b"octet", b"mail")
KNOWN = (b"blksize", b"timeout", b"tsize", b"windowsize", b"multicast", b"rollover", b"blksize2")
ERRORS = range(9)
PLAIN, LARGEST = 512, 65464
ENOUGH = 2  # acknowledged blocks that make a transfer without its request


class Request(NamedTuple):
    """A request to read or to write."""

    operation: int
    file: str
    mode: str
    options: dict[str, str]


def recognise(payload: Payload) -> Identification | None:
    """Name TFTP by its request, or by a transfer that is acknowledged block by block."""
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = judged(payload.to_server), judged(payload.to_client)
    told = request(asked[0]) if asked else None
    if told is None:
        return _transfer(payload.to_server, payload.to_client)
    if any(not _follows(one) and request(one) != told for one in asked[1:]):
        return None
    if not all(map(_answers, answered)):
        return None
    facts: dict[str, object] = {
        "operation": "read" if told.operation == READ else "write",
        "file": told.file,
        "mode": told.mode,
    }
    if told.options:
        facts["options"] = told.options
    because = "file and mode end where the datagram does"
    if answered and _agrees(told, answered[0]):
        return confirmed(NAME, because, "the answer belongs to the request", facts=facts)
    return plausible(NAME, because, against=("no answer was seen",), facts=facts)


def request(piece: Piece) -> Request | None:
    """Read a request, or None when it is none (RFC 1350, section 5; RFC 2347)."""
    octets = piece.octets
    operation = int.from_bytes(octets[:2], "big")
    if not piece.whole or operation not in (READ, WRITE) or octets[-1:] != b"\0":
        return None
    words = octets[2:-1].split(b"\0")
    if len(words) < 2 or len(words) % 2 or words[1].lower() not in MODES:
        return None
    if not words[0] or any(one < 0x20 or one == 0x7F for one in words[0]):
        return None
    options = dict(zip(words[2::2], words[3::2], strict=True))
    if any(name.lower() not in KNOWN for name in options):
        return None
    told = {clean(name.lower()): clean(value, 32) for name, value in options.items()}
    return Request(operation, clean(words[0]), clean(words[1].lower()), told)


def _follows(piece: Piece) -> bool:
    """Tell whether a client may send it to where it sent its request."""
    told = BLOCK.read(piece.octets)
    return told is not None and told["operation"] in (DATA, ACK, ERROR) and _sized(piece)


def _answers(piece: Piece) -> bool:
    told = BLOCK.read(piece.octets)
    if told is None:
        return False
    return (told["operation"] == OPTIONS and _options(piece)) or _follows(piece)


def _sized(piece: Piece) -> bool:
    """Tell whether the length is one of its kind."""
    told = BLOCK.read(piece.octets) or {}
    if told["operation"] == ACK:
        return piece.length == BLOCK.size
    if told["operation"] == ERROR:
        return told["block"] in ERRORS and piece.octets[-1:] == b"\0"
    return piece.length <= BLOCK.size + LARGEST


def _options(piece: Piece) -> bool:
    words = piece.octets[2:-1].split(b"\0")
    sound = len(words) % 2 == 0 and all(one.lower() in KNOWN for one in words[::2])
    return sound and piece.octets[-1:] == b"\0"


def _agrees(told: Request, piece: Piece) -> bool:
    """Tell whether an answer is the first of those that its request may get."""
    read = BLOCK.read(piece.octets) or {"operation": 0, "block": 0}
    if read["operation"] == OPTIONS:
        return bool(told.options)
    if read["operation"] == ERROR:
        return True
    first = (DATA, 1) if told.operation == READ else (ACK, 0)
    return (read["operation"], read["block"]) == first


def _transfer(to_server: Side, to_client: Side) -> Identification | None:
    """Name a transfer of which the request was seen elsewhere.

    The server writes first: options, data, or the acknowledgement of a request to write.
    """
    told = [list(_blocks(side)) for side in (to_server, to_client)]
    if any(one is None for side in told for one in side):
        return None
    asked, answered = ([one for one in side if one] for side in told)
    opened = answered[:1] in ([(OPTIONS, 0)], [(ACK, 0)])
    sent = [side for side in (asked, answered) if side and side[-1][0] == DATA]
    if len(sent) != 1 or (sent[0] is asked and not opened):
        return None
    opens = asked[:1] == [(OPTIONS, 0)] or asked[:1] == [(ACK, 0)]
    if opens and answered[:1] != [(OPTIONS, 0)]:
        return None
    taken = answered if sent[0] is asked else asked
    if any(kind != ACK for kind, _ in taken if kind != OPTIONS):
        return None
    blocks = [number for kind, number in sent[0] if kind == DATA]
    acknowledged = [number for kind, number in taken if kind == ACK and number]
    both = set(blocks) & set(acknowledged)
    if blocks != list(range(1, len(blocks) + 1)) or len(both) < ENOUGH:
        return None
    if acknowledged != list(range(1, len(acknowledged) + 1)):
        return None
    because = f"{len(both)} blocks are numbered from 1 and acknowledged in order"
    return plausible(NAME, because, against=("the request was not seen",))


def _blocks(side: Side) -> list[tuple[int, int] | None]:
    """Return operation and block of each datagram, None for one that is no part of a transfer."""
    found: list[tuple[int, int] | None] = []
    size = 0
    for piece in side:
        told = BLOCK.read(piece.octets)
        if told is None and not piece.octets:
            break  # nothing was kept of this one and of those behind it
        if told is None or told["operation"] not in (DATA, ACK, OPTIONS):
            return [None]
        if told["operation"] == OPTIONS:
            found.append((OPTIONS, 0) if _options(piece) and not found else None)
            continue
        if told["operation"] == ACK and piece.length != BLOCK.size:
            return [None]
        if told["operation"] == DATA:
            if size and size < PLAIN:
                return [None]  # a short block is the last one
            size = piece.length
        found.append((told["operation"], told["block"]))
    return found


PROTOCOL = Protocol(
    name=NAME,
    title="Trivial File Transfer Protocol",
    recognise=recognise,
    sources=(
        Source("RFC 1350: The TFTP Protocol (Revision 2)", "1992-07", "sections 4 and 5: port 69"),
        Source("RFC 2347: TFTP Option Extension", "1998-05", "options and their answer"),
        Source("RFC 7440: TFTP Windowsize Option", "2015-01", "section 3"),
    ),
    signatures=tuple(
        Signature(Transport.UDP, 0, value)
        for value in (b"\0\x01", b"\0\x02", b"\0\x03\0\x01", b"\0\x04\0\0", b"\0\x06")
    ),
    usual=(Usual(PortRange(69, 69), Transport.UDP, confidence="verified"),),
    layouts=(BLOCK,),
    safety="It has no login: whoever reaches it reads files, and often writes them: the firmware "
    "and the configuration of switches and controllers.",
    programs=("in.tftpd", "tftpd", "dnsmasq", "atftpd"),
)
