"""WS-Discovery: SOAP over UDP whose namespace and action are of the discovery of services.

Cameras (ONVIF), printers and Windows machines announce themselves with it. It is read by patterns,
never by an XML parser: what comes is from anybody.
"""

from __future__ import annotations

import re
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
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "ws-discovery"
SPACES = (
    b"http://schemas.xmlsoap.org/ws/2005/04/discovery",
    b"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01",
)
ASKS, TELLS, ANSWERS = ("Probe", "Resolve"), ("Hello", "Bye"), ("ProbeMatches", "ResolveMatches")
LARGEST = 1 << 15
SCOPES = 32  # of a device that are looked at
ENDS = (b"Envelope>", b"Envelope >")

_ENVELOPE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,128}\?>\s*)?<(?:[A-Za-z0-9_-]{1,32}:)?Envelope\b"
)
_ACTION = re.compile(rb"Action(?:\s[^>]{0,128})?>\s*([^<\s]{1,160})\s*<")
_NUMBER = re.compile(rb"MessageID(?:\s[^>]{0,128})?>\s*([^<\s]{1,96})\s*<")
_RELATES = re.compile(rb"RelatesTo(?:\s[^>]{0,128})?>\s*([^<\s]{1,96})\s*<")
_TYPES = re.compile(rb":?Types(?:\s[^>]{0,256})?>\s*([^<]{1,256})<")
_SCOPES = re.compile(rb":?Scopes(?:\s[^>]{0,256})?>\s*([^<]{1,4096})<")
_ONVIF = re.compile(r"onvif://www\.onvif\.org/(name|hardware|manufacturer)/([^/\s]{1,96})\Z", re.I)
_WORDS = {"name": "name", "hardware": "product", "manufacturer": "vendor"}


class Message(NamedTuple):
    """One message: its action, number, what it answers, types, and what its scopes tell."""

    action: str
    number: bytes
    relates: bytes
    types: str
    device: dict[str, str]
    whole: bool


def recognise(payload: Payload) -> Identification | None:
    """Name WS-Discovery: probes and greetings go to all, matches answer a probe."""
    if payload.transport is not Transport.UDP:
        return None
    asked, answered = _read(payload.to_server), _read(payload.to_client)
    if asked is None or answered is None or not (asked or answered):
        return None
    if any(one.action in ANSWERS for one in asked):
        return None
    if any(one.action not in ANSWERS for one in answered):
        return None
    found = asked + answered
    facts: dict[str, object] = {"messages": list(dict.fromkeys(one.action for one in found))}
    types = list(dict.fromkeys(word for one in found for word in one.types.split()))
    if types:
        facts["types"] = types[:8]
    client, server = _device(asked), _device(answered)
    because = ["namespace and action of WS-Discovery"]
    known = {one.number for one in asked if one.number}
    agreed = sum(one.relates in known for one in answered)
    if agreed and all(one.whole for one in found):
        because.append(f"{agreed} answers relate to a question")
        return confirmed(NAME, *because, facts=facts, client=client, server=server)
    against = ("no answer relates to a question",)
    return plausible(NAME, *because, against=against, facts=facts, client=client, server=server)


def _read(side: Side) -> list[Message] | None:
    found = [_message(piece) for piece in judged(side)]
    whole = [one for one in found if one]
    return whole if len(whole) == len(found) else None


def _message(piece: Piece) -> Message | None:
    """Read one message (WS-Discovery 1.1, sections 4 to 6)."""
    octets = piece.octets[:LARGEST]
    space = next((one for one in SPACES if one in octets), None)
    if space is None or not _ENVELOPE.match(octets):
        return None
    told = _ACTION.search(octets)
    action = told[1].removeprefix(space) if told and told[1].startswith(space) else b""
    word = action.removeprefix(b"/").decode("latin-1")
    if not action.startswith(b"/") or word not in ASKS + TELLS + ANSWERS:
        return None
    whole = piece.whole and octets.rstrip(b"\0\r\n\t ").endswith(ENDS)
    if piece.whole and not whole:
        return None
    number, relates = _NUMBER.search(octets), _RELATES.search(octets)
    types = _TYPES.search(octets)
    return Message(
        word,
        number[1] if number else b"",
        relates[1] if relates else b"",
        clean(types[1], 256) if types else "",
        _scopes(octets) if word in TELLS + ANSWERS else {},
        whole,
    )


def _scopes(octets: bytes) -> dict[str, str]:
    """Return name, hardware and maker, as ONVIF devices write them into their scopes."""
    told: dict[str, str] = {}
    found = _SCOPES.search(octets)
    for word in found[1].decode("latin-1").split()[:SCOPES] if found else ():
        pair = _ONVIF.match(word)
        if pair:
            told.setdefault(_WORDS[pair[1].lower()], clean(pair[2].replace("%20", " "), 64))
    return told


def _device(found: list[Message]) -> dict[str, str]:
    return next((one.device for one in found if one.device), {})


PROTOCOL = Protocol(
    name=NAME,
    title="WS-Discovery (ONVIF cameras, printers, Windows)",
    recognise=recognise,
    sources=(
        Source("OASIS: Web Services Dynamic Discovery (WS-Discovery) 1.1", "2009-07",
               "section 2.4: port 3702; sections 4 to 6"),
        Source("Web Services Dynamic Discovery (WS-Discovery)", "2005-04", "sections 2.4, 4 to 6"),
        Source("ONVIF Core Specification", None, "section 7.3: discovery and scopes"),
    ),
    signatures=tuple(
        Signature(Transport.UDP, 0, start)
        for start in (
            *(b"<?xml ", b"\xef\xbb\xbf<", b"<soap:En", b"<s:Envel", b"<SOAP-EN", b"<soapenv"),
            *(b"<env:Env", b"<Envelop", b"<s12:Env", b"<S:Envel", b"<e:Envel", b"<SOAP:En"),
        )
    ),
    usual=(Usual(PortRange(3702, 3702), Transport.UDP, role="both", confidence="two sources"),),
    safety="Tells models and addresses of a device to everybody on the link; one that answers "
    "beyond it is misused to flood others.",
    programs=("wsdd", "onvif_simple_server"),
    talkative=True,
)  # fmt: skip
