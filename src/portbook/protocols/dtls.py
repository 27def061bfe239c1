"""DTLS: TLS over datagrams. Records fill each datagram; a hello is answered by a hello or a cookie.

From version 1.3 on only the hellos travel in the clear.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible, x509
from portbook.protocols.framing import MORE, walk
from portbook.protocols.handshake import RANDOM, Hello, Reader, client_hello, server_hello
from portbook.protocols.layout import BE, HEX, Field, Layout
from portbook.records import Identification, Source

NAME = "dtls"
RECORD = Layout(
    "DTLS record header",
    13,
    (
        Field("type", 0, 1, BE, None, "20 change cipher, 21 alert, 22 handshake, 23 data"),
        Field("version", 1, 2, HEX, None, "feff: 1.0, fefd: 1.2 and 1.3"),
        Field("epoch", 3, 2, BE, None, "0 in the clear"),
        Field("sequence", 5, 6, BE, None, "counts the records of an epoch"),
        Field("length", 11, 2, BE, "octet", "of what follows"),
    ),
)
MESSAGE = Layout(
    "DTLS handshake header",
    12,
    (
        Field("type", 0, 1, BE, None, "1 client hello, 2 server hello, 3 hello verify request"),
        Field("length", 1, 3, BE, "octet", "of the whole message"),
        Field("number", 4, 2, BE, None, "counts the messages"),
        Field("offset", 6, 3, BE, "octet", "where this fragment begins"),
        Field("fragment", 9, 3, BE, "octet", "of this fragment"),
    ),
)
HANDSHAKE, DATA = 22, 23
CLIENT_HELLO, SERVER_HELLO, VERIFY, CERTIFICATE = 1, 2, 3, 11
VERSIONS = {"feff": "DTLS 1.0", "fefd": "DTLS 1.2"}
SPOKEN = {0xFEFF: "DTLS 1.0", 0xFEFD: "DTLS 1.2", 0xFEFC: "DTLS 1.3"}
LONGEST = 16384 + 2048
UNIFIED, WITH_ID, LONG_SEQUENCE, WITH_LENGTH = 0x20, 0x10, 0x08, 0x04  # RFC 9147 section 4


class Told(NamedTuple):
    """What one side said in the clear."""

    hello: Hello | None = None
    version: int = 0
    cookie: bytes = b""  # of a hello verify request, or given back by a client
    exact: bool = False
    certificate: x509.Certificate | None = None


def recognise(payload: Payload) -> Identification | None:
    """Name DTLS by a client's hello and what answers it, or by records of both directions."""
    if payload.transport is not Transport.UDP:
        return None
    sides = [side for side in (payload.to_server, payload.to_client) if side]
    if not sides or not all(walk(side.part(0, 1), Transport.UDP, _measure).sound for side in sides):
        return None
    asks, answers = _hellos(payload.to_server), _hellos(payload.to_client)
    offers = [one for kind, one in asks if kind == CLIENT_HELLO]
    if not offers:
        return _without_hello(payload)
    replies = [one for kind, one in answers if kind in (SERVER_HELLO, VERIFY)]
    if payload.to_client and not replies:
        return None
    because = ["a client hello whose lengths agree"] if offers[0].exact else ["a client hello"]
    facts = _facts(offers, replies)
    shown = next((one.certificate for _, one in answers if one.certificate), None)
    facts |= x509.told(shown) if shown else {}
    if not replies:
        against = () if offers[0].exact else ("the hello is not whole",)
        return plausible(NAME, *because, against=against, facts=facts)
    cookies = {one.cookie for one in replies if one.cookie}
    if cookies & {one.cookie for one in offers}:
        because.append("the client gives back the server's cookie")
    because.append("the server answers it")
    sure = offers[0].exact and replies[0].exact
    if not sure:
        return plausible(NAME, *because, against=("a hello is not whole",), facts=facts)
    server = {"name": shown.subject, "serial": shown.serial} if shown and shown.subject else {}
    return confirmed(
        NAME, *because, facts=facts, server={key: text for key, text in server.items() if text}
    )


def _without_hello(payload: Payload) -> Identification | None:
    """Judge a conversation that was joined in the middle: data of both sides, numbers rising."""
    many = 0
    for side in (payload.to_server, payload.to_client):
        found = walk(side, Transport.UDP, _measure)
        read = [one for octets in found.messages if (one := RECORD.read(octets))]
        if not read or found.wrong or any(one["type"] != DATA or not one["epoch"] for one in read):
            return None
        numbers = [(one["epoch"], one["sequence"]) for one in read]
        if sorted(set(numbers)) != numbers:
            return None
        many += len(read)
    if many < 3:
        return None
    because = f"{many} records whose lengths fill their datagrams, with rising numbers"
    return plausible(NAME, because, against=("joined in the middle: no hello was seen",))


def _measure(octets: bytes, at: int) -> int | None:
    if at and octets[at] & 0xE0 == UNIFIED:
        return _ciphertext(octets, at)
    header = RECORD.read(octets, at)
    if header is None:
        return MORE if len(octets) > at and 20 <= octets[at] <= 25 else None
    if not 20 <= header["type"] <= 25 or header["version"] not in VERSIONS:
        return None
    length = header["length"]
    return RECORD.size + int(length) if 0 < length <= LONGEST and header["epoch"] < 256 else None


def _ciphertext(octets: bytes, at: int) -> int:
    """Return the size of an encrypted record of version 1.3; an id has no length of its own."""
    first = octets[at]
    if first & WITH_ID or not first & WITH_LENGTH:
        return len(octets) - at
    head = 1 + (2 if first & LONG_SEQUENCE else 1)
    length = octets[at + head : at + head + 2]
    return head + 2 + int.from_bytes(length, "big") if len(length) == 2 else MORE


def _hellos(side: Side) -> list[tuple[int, Told]]:
    found: list[tuple[int, Told]] = []
    told = walk(side, Transport.UDP, _measure)
    for octets in told.messages + ((told.cut,) if told.cut else ()):
        record, message = RECORD.read(octets), MESSAGE.read(octets, RECORD.size)
        if record is None or message is None or record["type"] != HANDSHAKE or record["epoch"]:
            continue
        body = octets[RECORD.size + MESSAGE.size :]
        whole = message["fragment"] == message["length"] == len(body)
        if message["offset"] or message["fragment"] > message["length"]:
            continue
        if (read := _read(message["type"], body, whole=whole)) is not None:
            found.append((message["type"], read))
    return found


def _read(kind: int, body: bytes, *, whole: bool) -> Told | None:
    reader = Reader(body)
    if kind == CERTIFICATE:
        one = Reader(reader.counted(3)).counted(3)
        return Told(certificate=x509.read(one)) if whole and not reader.cut else None
    version = reader.number(2)
    if version not in SPOKEN:
        return None
    if kind == VERIFY:
        cookie = reader.counted(1)
        return Told(None, version, cookie, whole and reader.done and not reader.cut)
    plain = b"\x03\x03" + body[2:]
    if kind == SERVER_HELLO:
        hello = server_hello(plain)
    elif kind == CLIENT_HELLO:
        random, session, cookie = reader.take(RANDOM), reader.counted(1), reader.counted(1)
        head = b"\x03\x03" + random + bytes((len(session),)) + session
        hello = client_hello(head + body[reader.at :])
        if hello:
            return Told(hello, version, cookie, whole and hello.exact)
    else:
        return None
    if hello is None:
        return None
    spoken = hello.version if hello.version in SPOKEN else version
    return Told(hello, spoken, b"", whole and hello.exact)


def _facts(offers: list[Told], replies: list[Told]) -> dict[str, Any]:
    chosen = [one for one in replies if one.hello]
    facts: dict[str, Any] = {"dtls_version": SPOKEN[(chosen or offers)[0].version]}
    hello = offers[0].hello
    if hello and hello.server_name:
        facts["server_name"] = hello.server_name
    names = (chosen[0].hello.protocols if chosen and chosen[0].hello else ()) or (
        hello.protocols if hello else ()
    )
    if names:
        facts["alpn"] = names
    return facts


PROTOCOL = Protocol(
    name=NAME,
    title="Datagram Transport Layer Security",
    recognise=recognise,
    sources=(
        Source("RFC 6347, DTLS 1.2", "2012-01", "sections 4.1 and 4.2"),
        Source("RFC 9147, DTLS 1.3", "2022-04", "sections 4 and 5"),
        Source("RFC 7252, CoAP", "2014-06", "section 12.7: port 5684"),
    ),
    signatures=(
        Signature(Transport.UDP, 0, b"\x16\xfe\xfd", b"\xfe\xff\xfd"),  # handshake, data
    ),
    usual=(
        Usual(PortRange(5684, 5684), Transport.UDP, title="CoAP over DTLS", source=2),
    ),
    layouts=(RECORD, MESSAGE),
    safety="Encrypted; version 1.0 is broken and should be off.",
)  # fmt: skip
