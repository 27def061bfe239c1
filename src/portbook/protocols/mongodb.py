"""MongoDB: messages of a known kind whose documents fill them, answered by number."""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, both
from portbook.protocols.layout import LE, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "mongodb"
HEADER = Layout(
    "MongoDB message header",
    16,
    (
        Field("length", 0, 4, LE, "octet", "of the whole message"),
        Field("id", 4, 4, LE, None, "chosen by who sends it"),
        Field("answers", 8, 4, LE, None, "id of the message that this one answers"),
        Field("kind", 12, 4, LE, None, "2013 message, 2004 query, 1 reply, 2012 compressed"),
    ),
)
REPLY, QUERY, COMPRESSED, MESSAGE = 1, 2004, 2012, 2013
OLD = (2001, 2002, 2005, 2006, 2007)
KINDS = frozenset((REPLY, QUERY, COMPRESSED, MESSAGE, *OLD))
LONGEST = 48_000_000
CHECKED, KNOWN_FLAGS = 1, 0x10003
SIZES = {1: 8, 6: 0, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 17: 8, 18: 8, 19: 16}
STRING, DOCUMENT, ARRAY, BINARY = 2, 3, 4, 5
ELEMENTS, DEEPEST = 64, 4


class Message(NamedTuple):
    """One message, whole."""

    id: int
    answers: int
    kind: int
    body: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name MongoDB by messages that their documents fill, and replies to their numbers."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _measure)
    requests, replies = _read(asked.messages), _read(answered.messages)
    if not requests or requests[0].answers or asked.wrong or answered.wrong:
        return None
    first = _document(requests[0])
    if first is None and requests[0].kind != COMPRESSED:
        return None
    told = strings(first) if first else {}
    because, client = [f"{len(requests)} messages that fill their length"], _client(told)
    numbers = {one.id for one in requests}
    agreed = sum(one.answers in numbers and one.kind != QUERY for one in replies)
    if payload.to_client:
        if not agreed or agreed < len(replies) or not _filled(replies[0]):
            return None
        because.append(f"{agreed} replies to them by number")
        return confirmed(NAME, *because, client=client, server=_server(replies))
    return plausible(NAME, *because, client=client) if first else None


def strings(document: bytes, depth: int = 0, path: str = "") -> dict[str, str]:
    """Return the texts of a BSON document by their path, as far as it can be read."""
    found: dict[str, str] = {}
    at = 4
    for _ in range(ELEMENTS):
        kind = document[at] if at < len(document) else 0
        end = document.find(b"\0", at + 1)
        if not kind or end < 0:
            break
        name, at = path + clean(document[at + 1 : end], 64), end + 1
        size = int.from_bytes(document[at : at + 4], "little")
        if kind in (DOCUMENT, ARRAY):
            if depth < DEEPEST and size <= len(document) - at:
                found |= strings(document[at : at + size], depth + 1, f"{name}.")
        elif kind == STRING:
            found[name] = clean(document[at + 4 : at + 3 + size], 128)
            size += 4
        elif kind == BINARY:
            size += 5
        elif kind in SIZES:
            size = SIZES[kind]
        else:
            break
        at += size
    return found


def _measure(octets: bytes, at: int) -> int | None:
    length, kind = (HEADER.get(octets, name, at) for name in ("length", "kind"))
    if length is not None and not HEADER.size < length <= LONGEST:
        return None
    if kind is None:
        return MORE if at or len(octets) >= 4 else None
    return int(length) if kind in KINDS else None


def _read(messages: tuple[bytes, ...]) -> list[Message]:
    found: list[Message] = []
    for octets in messages:
        header = HEADER.read(octets)
        if header:
            body = octets[HEADER.size :]
            found.append(Message(header["id"], header["answers"], header["kind"], body))
    return found


def _filled(message: Message) -> bool:
    return message.kind == COMPRESSED or _document(message) is not None


def _document(message: Message) -> bytes | None:
    """Return the first document of a message that its parts fill exactly."""
    body = message.body
    if message.kind == MESSAGE:
        return _sections(body)
    if message.kind == QUERY:
        name, end, rest = body[4:].partition(b"\0")
        return _only(rest[8:]) if end and b"." in name and name.isascii() else None
    if message.kind == REPLY:
        return _documents(body[20:]) if int.from_bytes(body[16:20], "little") else None
    return None


def _sections(body: bytes) -> bytes | None:
    flags = int.from_bytes(body[:4], "little")
    if flags & ~KNOWN_FLAGS:
        return None
    end = len(body) - (4 if flags & CHECKED else 0)
    at, first = 4, None
    while at < end:
        size = int.from_bytes(body[at + 1 : at + 5], "little")
        if body[at] > 1 or size < 5 or at + 1 + size > end:
            return None
        if body[at] == 0:
            if first is not None or body[at + size]:
                return None
            first = body[at + 1 : at + 1 + size]
        at += 1 + size
    return first if at == end else None


def _only(octets: bytes) -> bytes | None:
    size = int.from_bytes(octets[:4], "little")
    return octets if 5 <= size == len(octets) and not octets[-1] else None


def _documents(octets: bytes) -> bytes | None:
    at, first = 0, None
    while at < len(octets):
        size = int.from_bytes(octets[at : at + 4], "little")
        if size < 5 or at + size > len(octets) or octets[at + size - 1]:
            return None
        first = first or octets[at : at + size]
        at += size
    return first


def _client(told: dict[str, str]) -> dict[str, str]:
    wanted = {
        "product": "client.driver.name",
        "version": "client.driver.version",
        "name": "client.application.name",
    }
    return {key: told[path] for key, path in wanted.items() if told.get(path)}


def _server(replies: list[Message]) -> dict[str, str]:
    for one in replies:
        told = strings(_document(one) or b"")
        if "gitVersion" in told and told.get("version"):
            return {"product": "MongoDB", "version": told["version"]}
    return {}


PROTOCOL = Protocol(
    name=NAME,
    title="MongoDB wire protocol",
    recognise=recognise,
    sources=(
        Source("MongoDB documentation, Wire Protocol", "2024", "message header, OP_MSG, OP_QUERY"),
        Source("BSON specification", None, "version 1.1"),
    ),
    signatures=tuple(
        Signature(Transport.TCP, 8, bytes(4) + kind.to_bytes(4, "little"))
        for kind in (MESSAGE, QUERY, COMPRESSED, *OLD)
    ),
    usual=(
        Usual(PortRange(27017, 27017), Transport.TCP, confidence="verified"),
        Usual(PortRange(27018, 27019), Transport.TCP, title="MongoDB, shards and their settings"),
    ),
    layouts=(HEADER,),
    safety="Older versions are open to everybody who reaches them; keep it to its own programs.",
    programs=("mongod", "mongos"),
)
