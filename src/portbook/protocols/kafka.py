"""Apache Kafka: counted requests with a number that the answer gives back."""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, both
from portbook.protocols.handshake import Reader
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "kafka"
REQUEST = Layout(
    "Kafka request header",
    14,
    (
        Field("length", 0, 4, BE, "octet", "of what follows"),
        Field("kind", 4, 2, BE, None, "3 metadata, 18 versions, 0 produce, 1 fetch, ..."),
        Field("version", 6, 2, BE, None, "of that kind of request"),
        Field("number", 8, 4, BE, None, "given back by the answer"),
        Field("client_size", 12, 2, BE, "octet", "of the client's name, ffff: none"),
    ),
)
VERSIONS, METADATA, COORDINATOR, LOGIN = 18, 3, 10, 17
FIRST = (VERSIONS, METADATA, COORDINATOR, LOGIN, 0, 1)
KINDS, NEWEST = range(93), range(20)
NAMED_FROM = 3  # version of the question for versions that names the program
LONGEST = 1 << 27
NOBODY = 0xFFFF
LONGEST_NAME = 255
UNSUPPORTED = 35


class Request(NamedTuple):
    """One request."""

    kind: int
    version: int
    number: int
    client: str
    rest: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name Kafka by the question for versions, or by answers that give back several numbers."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _measure)
    requests = [_request(octets) for octets in asked.messages]
    whole = [one for one in requests if one]
    if not whole or len(whole) < len(requests) or asked.wrong or whole[0].kind not in FIRST:
        return None
    product = _product(whole[0])
    asks = whole[0].kind == VERSIONS and product is not None
    because = ["a question for versions that its fields fill"] if asks else []
    client = (product or {}) | ({"name": whole[0].client} if whole[0].client else {})
    if not payload.to_client:
        return plausible(NAME, *because, client=client) if asks else None
    if answered.wrong or not answered:
        return None
    numbers = [int.from_bytes(octets[4:8], "big") for octets in (*answered.messages, answered.cut)]
    numbers = numbers[: len(answered.messages) + (len(answered.cut) >= 8)]
    wanted = [one.number for one in whole][: len(numbers)]
    if not numbers or numbers[: len(wanted)] != wanted:
        return None
    if asks and answered.messages and _lists(answered.messages[0], whole[0].version):
        because.append("the answer lists versions to its end and gives back the number")
        return confirmed(NAME, *because, client=client)
    if len(set(wanted)) > 2:
        because.append(f"{len(wanted)} answers give back the numbers in order")
        return confirmed(NAME, *because, client=client)
    return None


def _measure(octets: bytes, at: int) -> int | None:
    size = int.from_bytes(octets[at : at + 4], "big")
    if len(octets) < at + 4:
        return MORE if not any(octets[at : at + 1]) else None
    return 4 + size if 4 < size <= LONGEST else None


def _request(octets: bytes) -> Request | None:
    header = REQUEST.read(octets)
    if header is None or header["kind"] not in KINDS or header["version"] not in NEWEST:
        return None
    size = 0 if header["client_size"] == NOBODY else header["client_size"]
    name = octets[REQUEST.size : REQUEST.size + size]
    if size > LONGEST_NAME or len(name) < size or not (name.isascii() or not name):
        return None
    if not name.decode("latin-1").isprintable():
        return None
    rest = octets[REQUEST.size + size :]
    return Request(header["kind"], header["version"], header["number"], clean(name), rest)


def _product(request: Request) -> dict[str, str] | None:
    """Return program and version that a question for versions names; None: it is not filled."""
    if request.version < NAMED_FROM:
        return None if request.rest else {}
    reader = Reader(request.rest)
    tags = reader.number(1)
    name, version = (reader.take(max(0, reader.number(1) - 1)) for _ in range(2))
    tags |= reader.number(1)
    if tags or reader.cut or not reader.done or not (name and version):
        return None
    if not (name.isascii() and version.isascii()):
        return None
    return {"product": clean(name), "version": clean(version)}


def _lists(octets: bytes, version: int) -> bool:
    """Tell whether an answer is a list of kinds with the versions that the server has of each."""
    reader = Reader(octets[8:])
    error = reader.number(2)
    if version >= NAMED_FROM and error != UNSUPPORTED:
        many, entry, tail = reader.number(1) - 1, 7, 5
    else:
        many, entry, tail = reader.number(4), 6, 4 if 0 < version < NAMED_FROM else 0
    if not 0 < many <= 255 or len(octets) < 8 + reader.at + many * entry + tail:
        return False
    exact = version >= NAMED_FROM or len(octets) == 8 + reader.at + many * entry + tail
    entries = [reader.take(entry) for _ in range(many)]
    kinds = [int.from_bytes(one[:2], "big") for one in entries]
    spans = all(one[2:4] <= one[4:6] for one in entries)
    return exact and spans and len(set(kinds)) == many and VERSIONS in kinds


PROTOCOL = Protocol(
    name=NAME,
    title="Apache Kafka",
    recognise=recognise,
    sources=(
        Source("Apache Kafka documentation, protocol guide", "2024",
               "request and response headers; ApiVersions, versions 0 to 3"),
    ),
    signatures=(
        Signature(
            Transport.TCP, 0, b"\0\0\0\0\0\0\0\0", b"\xff\xff\0\0\xff\x80\xff\xe0"
        ),
    ),
    usual=(Usual(PortRange(9092, 9092), Transport.TCP, confidence="two sources"),),
    layouts=(REQUEST,),
    safety="Open to everybody who reaches it unless it was set up otherwise.",
)  # fmt: skip
