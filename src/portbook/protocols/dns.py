"""DNS over UDP and TCP: a question that parses, and the answer that repeats it.

mDNS and LLMNR differ from it by their multicast group only, so what goes to one host is `dns`,
with the doubt in `against`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    MOST_TIES,
    Cast,
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
from portbook.protocols.dnsmessage import HEADER, Message, read
from portbook.protocols.framing import MORE, walk
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.moulds import Dns, Length, Mark, Mould, Octets, Speech
from portbook.records import Identification, Source

NAME = "dns"
SOURCES = (
    Source("RFC 1035, Domain names", "1987-11", "section 4.1; 4.2.1 and 4.2.2: port 53"),
    Source("RFC 6891, Extension mechanisms for DNS", "2013-04", "section 6.1"),
    Source("RFC 6762, Multicast DNS", "2013-02", "sections 6.7 and 18"),
    Source("RFC 4795, LLMNR", "2007-01", "section 2.1"),
)
OPERATIONS = frozenset((0, 1, 2, 4, 5))
MDNS_GROUP = re.compile(r"224\.0\.0\.251|ff0[0-9a-f]::fb")
LLMNR_GROUP = re.compile(r"224\.0\.0\.252|ff0[0-9a-f]::1:3")
LENGTH = Layout("DNS over TCP", 2, (Field("length", 0, 2, BE, "byte"),))
UPDATE = 5
_NETBIOS = re.compile(rb"[A-P]{32}\Z")


def recognise(payload: Payload) -> Identification | None:
    """Name DNS: questions go to the server, answers come from it."""
    if payload.cast is Cast.MULTICAST and (of_mdns(payload) or of_llmnr(payload)):
        return None
    asked = messages(payload, payload.to_server, response=False)
    answered = messages(payload, payload.to_client, response=True, longer=bool(asked))
    if asked is None or answered is None or not (asked or answered):
        return None
    doubts = _doubts(asked + answered)
    facts = {"asked": asked[0].questions[0].name.text} if asked and asked[0].questions else {}
    if not (asked and answered):
        only = "questions" if asked else "answers"
        return plausible(
            NAME,
            f"{only} that parse to their end",
            against=(f"only {only} were seen", *doubts),
            facts=facts,
            ties=() if asked else ties(answered),
        )
    if not _agree(asked, answered):
        return plausible(
            NAME, "questions and answers parse", against=("no answer has the id of a question",)
        )
    if any(message.more for message in answered):
        return plausible(
            NAME,
            "question parses to its end",
            "answer has its id",
            against=("an answer is longer than what its header counts", *doubts),
            facts=facts,
        )
    return confirmed(
        NAME, "question parses to its end", "answer has its id", against=doubts, facts=facts
    )


def of_mdns(payload: Payload) -> bool:
    """Tell whether the destination is the group of multicast DNS (RFC 6762 section 3)."""
    return bool(MDNS_GROUP.fullmatch(payload.group or ""))


def of_llmnr(payload: Payload) -> bool:
    """Tell whether the destination is the group of LLMNR (RFC 4795 section 2)."""
    return bool(LLMNR_GROUP.fullmatch(payload.group or ""))


def ties(found: Iterable[Message]) -> tuple[str, ...]:
    """Return what question and answer share: number, type and name of what is asked for.

    An answer of multicast DNS may leave its question out: then its records stand for it.
    """
    told = (
        f"{message.id:04x} {one.type} {one.name.text.lower()}"
        for message in found
        for one in (message.questions or message.records)[:MOST_TIES]
    )
    return tuple(dict.fromkeys(told))[:MOST_TIES]


def messages(
    payload: Payload, side: Side, response: bool, *, longer: bool = False
) -> list[Message] | None:
    """Read the messages that one side sent, or None when one of them is none.

    response: whether they must be answers or questions
    longer: whether octets behind what the header counts are borne, and answers that repeat no
    question, as some refusals are
    """
    found = []
    for piece in _framed(side) if payload.transport is Transport.TCP else judged(side):
        message = read(piece.octets)
        if message is None or not _sane(message, piece, bare=longer):
            return None
        more = piece.whole and message.end < piece.length
        if message.response is not response or (more and not longer):
            return None
        found.append(message._replace(more=more))
    if side and not found:
        return None
    return found


def _framed(side: Side) -> list[Piece]:
    found = walk(side, Transport.TCP, _measure)
    if found.wrong and not found.messages:
        return [Piece(b"", 0)]
    pieces = [Piece(one[LENGTH.size :], len(one) - LENGTH.size) for one in found.messages[:4]]
    if not pieces and found.cut:
        length = LENGTH.get(found.cut, "length") or 0
        pieces = [Piece(found.cut[LENGTH.size :], length)]
    return pieces


def _measure(octets: bytes, at: int) -> int | None:
    length = LENGTH.get(octets, "length", at)
    if length is None:
        return MORE
    return LENGTH.size + length if length >= HEADER.size else None


def _sane(message: Message, piece: Piece, *, bare: bool) -> bool:
    empty = not message.questions + message.records and not (bare and message.response)
    if message.operation not in OPERATIONS or empty:
        return False
    if piece.whole and not message.whole:
        return False
    if not piece.whole and not message.questions:
        return False
    if any(_is_netbios(entry.name.labels, entry.type) for entry in message.questions):
        return False
    if any(_is_netbios(entry.name.labels, entry.type) for entry in message.records):
        return False
    return len(message.questions) == 1 or message.response


def _is_netbios(labels: tuple[bytes, ...], kind: int) -> bool:
    return kind in (32, 33) and bool(labels) and bool(_NETBIOS.match(labels[0]))


def _agree(asked: list[Message], answered: list[Message]) -> bool:
    known = {message.id for message in asked}
    return any(message.id in known for message in answered)


def _doubts(found: list[Message]) -> tuple[str, ...]:
    names = [one.name for message in found for one in message.questions + message.records]
    if any(name.labels and name.labels[-1].lower() == b"local" for name in names):
        return ("names in .local: multicast DNS sent to one host looks the same",)
    if any(one.rr_class & 0x8000 for message in found for one in message.questions):
        return ("top bit of the class set: multicast DNS sent to one host looks the same",)
    if all(message.response and message.flags & 0x7FFF == 0 for message in found):
        return ("neither authoritative nor recursive: an LLMNR answer looks the same",)
    if names and all(len(name.labels) == 1 for name in names):
        return ("names of one label: LLMNR sent to one host looks the same",)
    return ()


# Operation below 8, Z bit zero, counts below 256.
_MASK = bytes.fromhex("4040ff00ff00ff00")


def _moulds() -> tuple[Mould, ...]:
    """Queries of one question, and answers that repeat their id and the question."""
    ask = (Mark(2), Octets(bytes(2), b"\xf8\x40"), Dns())
    tell = (Mark(2), Octets(b"\x80\0", b"\xf8\x40"), Dns())
    refusal = (Mark(2), Octets(b"\x80\0", b"\xf8\x40"), Octets(bytes(8)))
    tells = tell, refusal
    return (
        Mould(Transport.UDP, Speech((ask,)), Speech(tells)),
        Mould(
            Transport.TCP,
            Speech(((Length(2), *ask),)),
            Speech(tuple((Length(2), *one) for one in tells)),
        ),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Domain Name System",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        Signature(Transport.UDP, 2, bytes(8), _MASK),
        Signature(Transport.TCP, 4, bytes(8), _MASK),
    ),
    usual=(
        Usual(PortRange(53, 53), Transport.UDP, confidence="verified"),
        Usual(PortRange(53, 53), Transport.TCP, confidence="verified"),
    ),
    moulds=_moulds(),
    layouts=(HEADER,),
    safety="An open resolver is used to flood others; answer the own networks only.",
    programs=("named", "unbound", "dnsmasq", "systemd-resolve", "pdns_server", "coredns", "knotd"),
    asks=lambda facts: True,
)
