"""LDAP and CLDAP: BER messages, a number and an operation whose parts are those of its kind.

Names that bind, passwords and what is searched for are stepped over and never given out.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Protocol,
    Side,
    Signature,
    Usual,
    ber,
    confirmed,
    ntlmssp,
    plausible,
)
from portbook.protocols.framing import MORE, Walk, walk
from portbook.protocols.moulds import (
    ANY_TAG,
    Ber,
    Kind,
    Mould,
    Number,
    Octets,
    Repeat,
    Run,
    Speech,
    Step,
    Tail,
    Whole,
)
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "ldap"
BIND, UNBIND, SEARCH, EXTENDED = 0x60, 0x42, 0x63, 0x77
BOUND, ENTRY, REFERENCE, INTERMEDIATE = 0x61, 0x64, 0x73, 0x79
REQUESTS = {
    BIND: "bind", UNBIND: "unbind", SEARCH: "search", 0x66: "modify", 0x68: "add",
    0x4A: "delete", 0x6C: "rename", 0x6E: "compare", 0x50: "abandon", EXTENDED: "extended",
}  # fmt: skip
ANSWERS = {  # and the requests that they belong to
    BOUND: BIND, ENTRY: SEARCH, 0x65: SEARCH, REFERENCE: SEARCH, 0x67: 0x66, 0x69: 0x68,
    0x6B: 0x4A, 0x6D: 0x6C, 0x6F: 0x6E, 0x78: EXTENDED, INTERMEDIATE: None,
}  # fmt: skip
CONTROLS = 0xA0
BOOLEAN, ENUMERATED = 0x01, 0x0A
RESULT = [ENUMERATED, ber.OCTETS, ber.OCTETS]
PARTS = {  # how the operation begins (RFC 4511 sections 4.2 to 4.12)
    BIND: [ber.INTEGER, ber.OCTETS],
    SEARCH: [ber.OCTETS, ENUMERATED, ENUMERATED, ber.INTEGER, ber.INTEGER, BOOLEAN],
    0x66: [ber.OCTETS, ber.SEQUENCE], 0x68: [ber.OCTETS, ber.SEQUENCE],
    0x6C: [ber.OCTETS, ber.OCTETS, BOOLEAN], 0x6E: [ber.OCTETS, ber.SEQUENCE],
    EXTENDED: [0x80], ENTRY: [ber.OCTETS, ber.SEQUENCE], REFERENCE: [ber.OCTETS],
    BOUND: RESULT, 0x65: RESULT, 0x67: RESULT, 0x69: RESULT, 0x6B: RESULT, 0x6D: RESULT,
    0x6F: RESULT, 0x78: RESULT, INTERMEDIATE: [],
}  # fmt: skip
PLAIN = {
    UNBIND: range(1),
    0x50: range(1, 5),
    0x4A: range(1, 4096),
}  # no parts: octets that they have
CREDENTIALS = (0x80, 0xA3, 0x89, 0x8A, 0x8B)  # simple, SASL, and three of Active Directory
VERSIONS = (2, 3)
TLS_HANDSHAKE = b"\x16\x03"
MOST = 1 << 24
TOLD = {
    "vendorname": "vendor",
    "vendorversion": "version",
    "dnshostname": "name",
}
VALUES = 8  # bound: attributes may be many


class Message(NamedTuple):
    """One message: its number, its operation, and where the operation stands."""

    number: int
    operation: int
    octets: bytes
    content: ber.Item


def recognise(payload: Payload) -> Identification | None:
    """Name LDAP by whole operations; confirm it by an answer with a request's number."""
    asked, answered = (_read(payload, side) for side in (payload.to_server, payload.to_client))
    if asked is None or answered is None or not (asked or answered):
        return None
    if any(one.operation not in REQUESTS for one in asked):
        return None
    if any(one.operation not in ANSWERS for one in answered):
        return None
    known = {(one.number, one.operation) for one in asked}
    agreed = sum((one.number, ANSWERS[one.operation]) in known for one in answered)
    because = [f"{len(asked) + len(answered)} whole operations"]
    facts: dict[str, object] = {
        "operations": list(dict.fromkeys(REQUESTS[one.operation] for one in asked))
    }
    client = ntlmssp.client(payload.to_server.octets)
    server = _server(answered) or ntlmssp.server(payload.to_client.octets)
    if agreed:
        because.append(f"{agreed} answers have number and kind of a request")
        return confirmed(NAME, *because, facts=facts, client=client, server=server)
    if all(one.operation in PLAIN for one in asked) and not answered:
        return None  # a few octets that say too little
    against = "no request with its answer"
    return plausible(NAME, *because, against=(against,), facts=facts, client=client, server=server)


def _read(payload: Payload, side: Side) -> list[Message] | None:
    """Return the messages of one direction, None where it holds something else.

    After a bind with privacy, or an extended request, all that follows may be sealed or TLS.
    """
    found: Walk = walk(side, payload.transport, _measure)
    read = [_message(one) for one in found.messages]
    whole = [one for one in read if one]
    if len(whole) < len(read):
        return None
    if found.wrong and not (whole and _sealed(side, found, whole)):
        return None
    return whole


def _sealed(side: Side, found: Walk, whole: list[Message]) -> bool:
    rest = side.octets[sum(map(len, found.messages)) :]
    kinds = {one.operation for one in whole}
    if kinds & {EXTENDED, 0x78} and rest.startswith(TLS_HANDSHAKE):
        return True
    # RFC 4513 section 5.2.1.8: four octets of length before each sealed part
    length = int.from_bytes(rest[:4], "big")
    return bool(kinds & {BIND, BOUND}) and 16 <= length < MOST


def _measure(octets: bytes, at: int) -> int | None:
    if octets[at] != ber.SEQUENCE:
        return None
    if at + 2 > len(octets):
        return MORE
    first = octets[at + 1]
    if not first & 0x80:
        return 2 + first if first >= 5 else None
    size = first & 0x7F
    if not 1 <= size <= 4:
        return None
    if at + 2 + size > len(octets):
        return MORE
    length = int.from_bytes(octets[at + 2 : at + 2 + size], "big")
    return 2 + size + length if 5 <= length <= MOST else None


def _message(octets: bytes) -> Message | None:
    """Read one message, whose parts must fill it (RFC 4511, section 4.1.1)."""
    outer = ber.item(octets, 0, len(octets), ber.SEQUENCE)
    parts = ber.items(octets, outer, 4) if outer else None
    if not parts or not 2 <= len(parts) <= 3 or parts[0].tag != ber.INTEGER:
        return None
    if len(parts) == 3 and parts[2].tag != CONTROLS:
        return None
    number = ber.integer(parts[0].of(octets))
    operation = parts[1]
    if number is None or not 0 <= number < 1 << 31 or not _fits(octets, operation):
        return None
    return Message(number, operation.tag, octets, operation)


def _fits(octets: bytes, operation: ber.Item) -> bool:
    kind = operation.tag
    if kind in PLAIN:
        return operation.end - operation.start in PLAIN[kind]
    if kind not in PARTS:
        return False
    parts = ber.items(octets, operation, 64)
    wanted = PARTS[kind]
    if parts is None or [one.tag for one in parts[: len(wanted)]] != wanted:
        return False
    if kind == BIND:
        sound = len(parts) == 3 and parts[2].tag in CREDENTIALS
        return sound and ber.integer(parts[0].of(octets)) in VERSIONS
    return len(parts) == 8 if kind == SEARCH else True


def _server(answered: list[Message]) -> dict[str, str]:
    """Return what the entry without a name tells of the server (RFC 4512, section 5.1)."""
    told: dict[str, str] = {}
    for one in answered:
        if one.operation != ENTRY:
            continue
        parts = ber.items(one.octets, one.content, 2) or []
        if len(parts) != 2 or parts[0].end != parts[0].start:
            continue
        for pair in ber.items(one.octets, parts[1]) or ():
            key, value = _attribute(one.octets, pair)
            if key in TOLD and value:
                told.setdefault(TOLD[key], value)
    return told


def _attribute(octets: bytes, pair: ber.Item) -> tuple[str, str]:
    parts = ber.items(octets, pair, 2) or []
    values = ber.items(octets, parts[1], VALUES) if len(parts) == 2 else None
    if not values:
        return "", ""
    return clean(parts[0].of(octets), 64).lower(), clean(values[0].of(octets))


def _signatures() -> tuple[Signature, ...]:
    """Return a sequence that begins with a number, for each form of the length."""
    forms = (
        (b"\x30\x00\x02\x00", b"\xff\x80\xff\xf8"),
        (b"\x30\x81\x00\x02\x00", b"\xff\xff\x00\xff\xf8"),
        (b"\x30\x82\x00\x00\x02\x00", b"\xff\xff\x00\x00\xff\xf8"),
        (b"\x30\x83\x00\x00\x00\x02\x00", b"\xff\xff\x00\x00\x00\xff\xf8"),
        (b"\x30\x84\x00\x00\x00\x00\x02\x00", b"\xff\xff\x00\x00\x00\x00\xff\xf8"),
    )
    return tuple(
        Signature(transport, 0, value, mask)
        for transport in (Transport.TCP, Transport.UDP)
        for value, mask in forms
    )


def _moulds() -> tuple[Mould, ...]:
    """Operations and their results; what follows a bind or a request for TLS may be sealed."""
    number = Ber(
        ber.INTEGER,
        (Run(bytes(range(128)), 1, 1, mark=True), Run(bytes(range(256)), 0, 3, mark=True)),
    )
    some = Ber(ANY_TAG)

    def message(operation: Step, kind: int) -> list[tuple[Step, ...]]:
        plain, controlled = (number, operation), (number, operation, Ber(CONTROLS))
        return [(Ber(ber.SEQUENCE, plain), Kind(kind)), (Ber(ber.SEQUENCE, controlled), Kind(kind))]

    def parts(tag: int, *more: Step) -> Ber:
        return Ber(tag, (*map(Ber, PARTS[tag]), *more))

    version = (Octets(b"\2\1"), Number(1, min(VERSIONS), max(VERSIONS)), Ber(ber.OCTETS))
    binds = [one for tag in CREDENTIALS for one in message(Ber(BIND, (*version, Ber(tag))), BIND)]
    asks = [*message(parts(SEARCH, some, some), SEARCH), *binds]
    for tag in (0x66, 0x68, 0x6C, 0x6E, EXTENDED):
        asks += message(parts(tag, Repeat((some,))), tag)
    asks += message(Octets(bytes((UNBIND, 0))), UNBIND)
    bound, tells = message(parts(BOUND, Repeat((some,))), BIND), list[tuple[Step, ...]]()
    for tag in (ENTRY, 0x65, REFERENCE, 0x67, 0x69, 0x6D, 0x6F, 0x78):
        tells += message(parts(tag, Repeat((some,))), ANSWERS[tag] or 0)
    tells += bound
    sealed = (Whole(4), Octets(b"\0"), Number(3, 16), Tail())
    secured = (Whole(2), Octets(TLS_HANDSHAKE), Tail())
    started = message(parts(EXTENDED, Repeat((some,))), EXTENDED)
    starts = message(parts(0x78, Repeat((some,))), EXTENDED)
    return (
        Mould(Transport.TCP, Speech(tuple(asks)), Speech(tuple(tells))),
        Mould(
            Transport.TCP,
            Speech(tuple(binds), (sealed, *asks)),
            Speech(tuple(bound), (sealed, *tells)),
        ),
        Mould(
            Transport.TCP,
            Speech(tuple(started), (secured,)),
            Speech(tuple(starts), (secured,)),
        ),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Lightweight Directory Access Protocol",
    recognise=recognise,
    sources=(
        Source("RFC 4511: LDAP: The Protocol", "2006-06", "sections 4 and 5.2: port 389"),
        Source("RFC 4512: LDAP: Directory Information Models", "2006-06", "section 5.1: root"),
        Source("RFC 3045: Storing Vendor Information in the LDAP Root DSE", "2001-01", "section 2"),
        Source("MS-ADTS: Active Directory", None, "sections 3.1.1.3.2 and 6.3.3: LDAP over UDP"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(389, 389), Transport.TCP, confidence="verified"),
        Usual(PortRange(389, 389), Transport.UDP, title="LDAP over UDP (CLDAP)", source=3),
    ),
    moulds=_moulds(),
    programs=("slapd", "ns-slapd"),
)
