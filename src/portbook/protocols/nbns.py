"""NetBIOS name service: the DNS format with 16-octet names written as 32 letters A to P.

The NetBIOS datagram service is another protocol with the same names at another place.
"""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.dnsmessage import HEADER, Message, Record, read
from portbook.protocols.moulds import Any, Dns, Mould, Octets, Speech
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "nbns"
SOURCES = (
    Source("RFC 1002, NetBIOS service on TCP/UDP: details", "1987-03", "sections 4.1 and 4.2"),
    Source("RFC 1001, NetBIOS service on TCP/UDP: concepts", "1987-03", "section 14.1"),
)
NB, NBSTAT = 0x20, 0x21
TYPES = frozenset((0x01, 0x02, 0x0A, NB, NBSTAT))
QUERY = 0
OPERATIONS = {0: "query", 5: "registration", 6: "release", 7: "wait", 8: "refresh", 9: "refresh"}
OPERATIONS[15] = "multi-homed registration"
WORKSTATION, FILE_SERVER = 0x00, 0x20  # the 16th octet of a name: what it stands for
GROUP_NAME = 0x8000
RECURSION_AVAILABLE = 0x0080  # set by name servers, not by the host that owns the name

_ENCODED = re.compile(rb"[A-P]{32}\Z")


def recognise(payload: Payload) -> Identification | None:
    """Name the NetBIOS name service by its names of 32 letters."""
    if payload.transport is not Transport.UDP:
        return None
    asked = _messages(payload.to_server, response=False)
    answered = _messages(payload.to_client, response=True)
    if asked is None or answered is None or not (asked or answered):
        return None
    first = (asked or answered)[0][1]
    exact = all(
        piece.whole and message.end == piece.length
        for side, found in ((payload.to_server, asked), (payload.to_client, answered))
        for piece, (_, message) in zip(judged(side), found, strict=True)
    )
    told = confirmed if exact else plausible
    return told(
        NAME,
        "name of 32 letters A to P",
        *(("lengths agree",) if exact else ()),
        against=() if exact else ("a message is cut or longer than what it counts",),
        facts={"operation": OPERATIONS[first.operation]},
        client=_registered(asked),
        server=_answered(answered),
    )


def _messages(side: Side, response: bool) -> list[tuple[bytes, Message]] | None:
    found = []
    for piece in judged(side):
        message = read(piece.octets, frozenset((1,)))
        if message is None or not message.whole or message.response is not response:
            return None
        first = message.questions or message.records
        if not first or message.operation not in OPERATIONS or len(message.questions) > 1:
            return None
        labels = first[0].name.labels
        if first[0].type not in TYPES or not labels or not _ENCODED.match(labels[0]):
            return None
        found.append((piece.octets, message))
    return found


def decode(label: bytes) -> tuple[str, int] | None:
    """Return a NetBIOS name and its 16th octet from the 32 letters, or None.

    Source: RFC 1001 section 14.1.
    """
    if not _ENCODED.match(label):
        return None
    octets = bytes((label[at] - 0x41) << 4 | label[at + 1] - 0x41 for at in range(0, len(label), 2))
    return clean(octets[:15].rstrip(b" \0"), 15), octets[15]


def _registered(asked: list[tuple[bytes, Message]]) -> dict[str, str]:
    for octets, message in asked:
        if message.operation == QUERY:
            continue
        for record in message.records:
            name = decode(message.questions[0].name.labels[0]) if message.questions else None
            grouped = int.from_bytes(octets[record.at : record.at + 2], "big") & GROUP_NAME
            if name and name[0] and name[1] in (WORKSTATION, FILE_SERVER) and not grouped:
                return {"name": name[0]}
    return {}


def _answered(answered: list[tuple[bytes, Message]]) -> dict[str, str]:
    for octets, message in answered:
        for record in message.records:
            if record.type == NBSTAT:
                return _status(octets, record)
            name = decode(record.name.labels[0]) if record.name.labels else None
            owns = not message.flags & (RECURSION_AVAILABLE | 0x000F)
            grouped = int.from_bytes(octets[record.at : record.at + 2], "big") & GROUP_NAME
            if owns and not grouped and name and name[1] in (WORKSTATION, FILE_SERVER):
                return {"name": name[0]}
    return {}


def _status(octets: bytes, record: Record) -> dict[str, str]:
    data = octets[record.at : record.at + record.length]
    for number in range(data[0] if data else 0):
        entry = data[1 + 18 * number : 19 + 18 * number]
        if len(entry) < 18:
            break
        grouped = int.from_bytes(entry[16:18], "big") & GROUP_NAME
        if entry[15] == WORKSTATION and not grouped:
            return {"name": clean(entry[:15].rstrip(b" \0"), 15)}
    return {}


def _mould() -> Mould:
    """Queries, registrations and releases to one host, and its answers."""
    kinds = [kind << 3 for kind in OPERATIONS if kind < 9]

    def messages(response: int, questions: int) -> list[tuple[Any, Octets, Dns]]:
        return [
            (Any(2), Octets(bytes((response | kind, 0)), b"\xf8\x40"), Dns(questions, netbios=True))
            for kind in kinds
        ]

    tells = messages(0x80, 0) + messages(0x80, 1)
    return Mould(Transport.UDP, Speech(tuple(messages(0, 1))), Speech(tuple(tells)))


PROTOCOL = Protocol(
    name=NAME,
    title="NetBIOS name service",
    recognise=recognise,
    sources=SOURCES,
    # Length 32, then letters.
    signatures=(Signature(Transport.UDP, 12, b"\x20" + b"\x40" * 7, b"\xff" + b"\xe0" * 7),),
    usual=(Usual(PortRange(137, 137), Transport.UDP, role="both", confidence="verified"),),
    moulds=(_mould(),),
    layouts=(HEADER,),
    safety="Anybody on the link can answer and take over a name; switch it off where DNS works.",
    programs=("nmbd", "System"),
    talkative=True,
    asks=lambda facts: True,  # registrations too: they await an objection
)
