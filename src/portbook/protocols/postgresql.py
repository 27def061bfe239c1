"""PostgreSQL: a start-up message of exact length, or the question for TLS, and what answers it.

Passwords pass in later messages and are never told on.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import (
    Kind,
    Length,
    Mould,
    Octets,
    OneOf,
    Repeat,
    Rest,
    Run,
    Speech,
    Tail,
    Until,
)
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "postgresql"
TLS_ASKED, GSS_ASKED = b"\0\0\0\x08\x04\xd2\x16\x2f", b"\0\0\0\x08\x04\xd2\x16\x30"
CANCEL = b"\0\0\0\x10\x04\xd2\x16\x2e"
VERSIONS = range(3 << 16, (3 << 16) + 3)  # 3.0 to 3.2
LONGEST_START = 10_000
YES, NO, GSS = b"S", b"N", b"G"
TLS = b"\x16\x03"
WAYS = frozenset((0, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12))  # of authentication
ANSWERS = frozenset(b"RENv")
KINDS = frozenset(b"RSKZENAvTDCInGHWVst123cd")
LONGEST = 1 << 24
MESSAGES = 64


class Opening(NamedTuple):
    """What a client says first."""

    questions: int  # for encryption, each of which gets one octet
    start: dict[str, str] | None
    version: int
    rest: bytes  # what follows the questions


def recognise(payload: Payload) -> Identification | None:
    """Name PostgreSQL by what a client opens with and the server's answer to it."""
    if payload.transport is not Transport.TCP:
        return None
    octets = payload.to_server.octets
    if octets[:8] == CANCEL and payload.to_server.total == 16 and not payload.to_client:
        return plausible(NAME, "a request to cancel, of 16 octets")
    opening = _opening(octets)
    if opening is None:
        return None
    because = ["a question for encryption"] if opening.questions else []
    because += ["a start-up message whose lengths agree"] if opening.start else []
    client = _client(opening.start or {})
    if not payload.to_client:
        return plausible(NAME, *because, client=client)
    answer = payload.to_client.octets
    settled = answer[: opening.questions]
    if opening.questions and (not settled or settled[-1:] in (YES, GSS)):
        return _sealed(opening, answer, because)
    if settled.strip(NO):
        return _told_off(answer, because)
    return _answered(opening, answer[opening.questions :], because, client)


def _sealed(opening: Opening, answer: bytes, because: list[str]) -> Identification | None:
    """Judge a server that agreed to encrypt: all that follows is TLS or GSS."""
    rest = answer[opening.questions :]
    plain = answer[: opening.questions].endswith(YES)
    if opening.start or (plain and not (_is_tls(opening.rest) and _is_tls(rest))):
        return None
    secured = {"secured": "TLS" if plain else "GSS"}
    return confirmed(NAME, *because, "the server says yes in one octet", facts=secured)


def _is_tls(octets: bytes) -> bool:
    return TLS.startswith(octets[:2])


def _told_off(answer: bytes, because: list[str]) -> Identification | None:
    if not _error(answer):
        return None
    return confirmed(NAME, *because, "the server answers with an error")


def _answered(
    opening: Opening, answer: bytes, because: list[str], client: dict[str, str]
) -> Identification | None:
    if not answer:
        if opening.start or opening.rest:
            return None
        return confirmed(NAME, *because, "the server says no in one octet")
    if opening.start is None or not _begins(answer):
        return None
    facts = {"protocol_version": f"3.{opening.version & 0xFFFF}"}
    return confirmed(
        NAME,
        *because,
        "the server's messages follow each other",
        facts=facts,
        client=client,
        server=_server(answer),
    )


def _opening(octets: bytes) -> Opening | None:
    questions = 0
    while octets[8 * questions : 8 * questions + 8] in (TLS_ASKED, GSS_ASKED) and questions < 2:
        questions += 1
    rest = octets[8 * questions :]
    if questions and (not rest or _is_tls(rest)):
        return Opening(questions, None, 0, rest)
    size, version = int.from_bytes(rest[:4], "big"), int.from_bytes(rest[4:8], "big")
    if version not in VERSIONS or not 9 < size <= min(len(rest), LONGEST_START):
        return Opening(questions, None, 0, rest) if questions == 2 else None
    words = rest[8:size].split(b"\0")
    if words[-2:] != [b"", b""] or len(words) % 2 or not all(words[:-2:2]):
        return None
    pairs = zip(words[:-2:2], words[1:-2:2], strict=False)
    start = {clean(name, 64): clean(value) for name, value in pairs}
    return Opening(questions, start, version, rest) if "user" in start else None


def _messages(octets: bytes) -> list[tuple[int, bytes]] | None:
    """Return the server's messages, the last one as far as it was kept; None: they are none."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 5 <= len(octets) and len(found) < MESSAGES:
        size = int.from_bytes(octets[at + 1 : at + 5], "big")
        if octets[at] not in KINDS or not 4 <= size <= LONGEST:
            return None
        found.append((octets[at], octets[at + 5 : at + 1 + size]))
        at += 1 + size
    return found or None


def _begins(octets: bytes) -> bool:
    found = _messages(octets)
    if found is None or found[0][0] not in ANSWERS:
        return False
    kind, body = found[0]
    if kind == ord("R"):
        return len(body) >= 4 and int.from_bytes(body[:4], "big") in WAYS
    return kind == ord("v") or _error(octets)


def _error(octets: bytes) -> bool:
    """Tell whether it is an error or notice with a severity."""
    found = _messages(octets) if octets[:1] in (b"E", b"N") else None
    if not found:
        return False
    return found[0][1][:1] == b"S" and b"\0C" in found[0][1]


def _client(start: dict[str, str]) -> dict[str, str]:
    name = start.get("application_name")
    return {"product": name} if name else {}


def _server(octets: bytes) -> dict[str, str]:
    facts = {"product": "PostgreSQL"}
    for kind, body in _messages(octets) or ():
        name, _, value = body.partition(b"\0")
        if kind == ord("S") and name == b"server_version" and value.endswith(b"\0"):
            facts["version"] = clean(value[:-1]).split(" ", 1)[0]
    return facts


def _mould() -> Mould:
    """A start-up that names a user first, asked for TLS before or not, and what answers it."""
    word = bytes(range(1, 256))
    pair = (Run(word), Octets(b"\0"), Run(word, 0, 1024), Octets(b"\0"))
    versions = OneOf(tuple(version.to_bytes(4, "big") for version in VERSIONS))
    value = (Run(word, 0), Octets(b"\0"), Repeat(pair, unless=0))
    start = (Length(4, -4, high=LONGEST_START), versions, Octets(b"user\0"), *value)
    size = Length(4, -4, high=LONGEST)
    ways = OneOf(tuple(way.to_bytes(4, "big") for way in sorted(WAYS)))
    greets = (Octets(b"R"), size, ways, Rest())
    refuses = (Octets(b"E"), size, Octets(b"S"), Until(b"\0C"), Rest())
    asked, no, tls = Octets(TLS_ASKED), Octets(NO), Octets(TLS)
    plainly, refused, sealed = Kind(1), Kind(2), Kind(3)
    return Mould(
        Transport.TCP,
        Speech(((*start, plainly), (asked, *start, refused), (asked, tls, sealed, Tail())), ()),
        Speech(
            (
                *((*one, plainly) for one in (greets, refuses)),
                *((no, *one, refused) for one in (greets, refuses)),
                (Octets(YES), tls, sealed, Tail()),
            ),
            ((Run(bytes(KINDS), 1, 1), size, Rest()),),
        ),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="PostgreSQL",
    recognise=recognise,
    sources=(
        Source("PostgreSQL 15 documentation, Frontend/Backend Protocol", "2022-10",
               "sections 55.2 and 55.7: message formats"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, TLS_ASKED),
        Signature(Transport.TCP, 0, GSS_ASKED),
        Signature(Transport.TCP, 0, CANCEL),
        Signature(Transport.TCP, 0, b"\0\0\0\0\0\3\0\0", b"\xff\xff\0\0\xff\xff\xff\xfc"),
    ),
    usual=(Usual(PortRange(5432, 5432), Transport.TCP, confidence="verified"),),
    moulds=(_mould(),),
    safety="A database: only its own programs should reach it, and over TLS.",
    programs=("postgres", "postmaster", "pgbouncer"),
)  # fmt: skip
