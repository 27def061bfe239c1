"""SSDP: how UPnP devices announce themselves and are searched, HTTP's head lines in datagrams.

Devices announce with NOTIFY, tools search with M-SEARCH, both to a group; the answer to a search
is a status line sent to one host. Who announces stands as the client, as nobody else can.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

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
from portbook.protocols.http import Head, request, status
from portbook.protocols.text import clean, product
from portbook.records import Identification, Source

NAME = "ssdp"
SOURCES = (
    Source(
        "UPnP Device Architecture 2.0",
        "2020-04-17",
        "section 1: advertisement, search, the fields SERVER and USN; port 1900",
    ),
    Source("IANA service name and port number registry", "2026-08-17", "ssdp, 1900"),
)
TARGETS = 8  # kinds of device and service that are told of one host
_ASKS, _TELLS, _ANSWERS = "M-SEARCH", "NOTIFY", "200"
_NEEDED = {  # fields without which a message is none of the standard
    _ASKS: ("man", "st"),
    _TELLS: ("nt", "nts", "usn"),
    _ANSWERS: ("st", "usn"),
}
_SERVER = re.compile(r"(.*?)[, ]*\bUPnP/\d[\w.]*[, ]*(?:UPnP/\d[\w.]*[, ]+)?(.*)\Z", re.IGNORECASE)
_UUID = re.compile(r"uuid:([0-9A-Za-z_.-]{1,64})")


class Message(NamedTuple):
    """One datagram."""

    kind: str  # "M-SEARCH", "NOTIFY", "200"
    head: Head
    fits: bool  # it has the fields of its kind and ends with an empty line


def recognise(payload: Payload) -> Identification | None:
    """Name SSDP: searches and announcements go to the server, answers come from it."""
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = (
        _side(payload.to_server, answers=False),
        _side(payload.to_client, answers=True),
    )
    if asked is None or answered is None or not (asked or answered):
        return None
    found = asked + answered
    sound = all(one.fits for one in found)
    return (confirmed if sound else plausible)(
        NAME,
        ", ".join(dict.fromkeys(_named(one) for one in found)),
        *(("with the fields of its kind, to the empty line",) if sound else ()),
        against=() if sound else ("a message is not whole, or lacks fields of its kind",),
        facts=_facts(found),
        client=_identity(asked),
        server=_identity(answered),
    )


def read(piece: Piece) -> Message | None:
    """Read one message, or None when it is none."""
    octets = piece.octets
    answer = status(octets)
    if answer is not None:
        kind, head = answer.word, answer
    else:
        asked = request(octets) if octets.split(b" ", 2)[1:2] == [b"*"] else None
        if asked is None:
            return None
        kind, head = asked.word, asked
    if kind not in _NEEDED:
        return None
    ended = piece.whole and octets.rstrip(b"\0").endswith((b"\r\n\r\n", b"\n\n"))
    fits = ended and all(head.fields.get(name) for name in _NEEDED[kind])
    return Message(kind, head, fits and _discovers(kind, head))


def _discovers(kind: str, head: Head) -> bool:
    """Tell whether a message is of discovery: events of UPnP share the words."""
    if kind == _ASKS:
        return head.fields["man"].strip('"') == "ssdp:discover"
    return kind != _TELLS or head.fields["nts"].startswith("ssdp:")


def _side(side: Side, *, answers: bool) -> list[Message] | None:
    found = []
    for piece in judged(side):
        message = read(piece)
        if message is None or (message.kind == _ANSWERS) is not answers:
            return None
        found.append(message)
    return found


def _named(one: Message) -> str:
    return "answer to a search" if one.kind == _ANSWERS else f"{one.kind} *"


def _facts(found: list[Message]) -> dict[str, Any]:
    kinds = tuple(dict.fromkeys(_named(one) for one in found))
    told = [one.head.fields.get("nt") or one.head.fields.get("st") or "" for one in found]
    facts: dict[str, Any] = {"messages": kinds}
    targets = tuple(dict.fromkeys(clean(text, 96) for text in told if text))[:TARGETS]
    if targets:
        facts["targets"] = targets
    where = next(
        (one.head.fields["location"] for one in found if one.head.fields.get("location")), None
    )
    if where:
        facts["location"] = where
    return facts


def _identity(found: list[Message]) -> dict[str, str]:
    """Return what a device told: SERVER is system, UPnP version and product, in this order."""
    facts: dict[str, str] = {}
    for one in found:
        fields = one.head.fields
        match = _SERVER.match(fields.get("server") or fields.get("user-agent") or "")
        if match:
            system = clean(match[1].strip(" ,").replace("/", " "), 64)
            told = product(match[2]) or product(match[1].strip(" ,"))
            if "product" not in facts:
                facts |= told
            if system:
                facts.setdefault("system", system)
        usn = _UUID.match(fields.get("usn", ""))
        if usn:
            facts.setdefault("uuid", usn[1])
    return facts


PROTOCOL = Protocol(
    name=NAME,
    title="Simple Service Discovery Protocol (UPnP)",
    recognise=recognise,
    sources=SOURCES,
    signatures=tuple(
        Signature(Transport.UDP, 0, start)
        for start in (b"M-SEARCH", b"NOTIFY *", b"HTTP/1.1", b"HTTP/1.0")
    ),
    usual=(
        Usual(PortRange(1900, 1900), Transport.UDP, role="both", confidence="verified", source=1),
    ),
    safety="Tells models, addresses and services of a device to everybody on the link; one that "
    "answers beyond it is misused to flood others.",
    programs=("minissdpd", "miniupnpd", "upnpd", "gssdp", "ssdpsrv"),
    talkative=True,
    asks=lambda facts: facts.get("messages") == ("M-SEARCH *",),
)
