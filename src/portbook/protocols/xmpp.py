"""XMPP (Jabber): each side opens a stream of XML with the same name space."""

from __future__ import annotations

import re
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "xmpp"
LONGEST = 2048
STREAMS = b"http://etherx.jabber.org/streams"
SPACES = {b"jabber:client": "client", b"jabber:server": "server"}
COMPONENT = re.compile(rb"jabber:component:(?:accept|connect)\Z")

_OPEN = re.compile(rb"\s*(?:<\?xml[^<>]{1,100}\?>\s*)?<stream:stream(\s[^<>]{1,1500})>", re.DOTALL)
_ATTRIBUTE = re.compile(rb"""\s([A-Za-z:]{1,32})\s*=\s*(?:'([^'<>]*)'|"([^"<>]*)")""")


class Stream(NamedTuple):
    """The head of one side's stream."""

    kind: str
    attributes: dict[bytes, bytes]


def recognise(payload: Payload) -> Identification | None:
    """Name XMPP by the heads of its streams, in the name spaces that it has."""
    if payload.transport is not Transport.TCP:
        return None
    asked = _head(payload.to_server)
    if asked is None:
        return None
    because, facts = "the client opens a stream", {"stream": asked.kind}
    name = _host(asked.attributes.get(b"to"))
    if not payload.to_client:
        return plausible(NAME, because, facts=facts, server=name)
    answered = _head(payload.to_client)
    if answered is None or answered.kind != asked.kind:
        return None
    server = _host(answered.attributes.get(b"from")) or name
    told = "the server opens one in the same name space"
    return confirmed(NAME, because, told, facts=facts, server=server)


def _head(side: Side) -> Stream | None:
    match = _OPEN.match(side.octets[:LONGEST])
    if not match:
        return None
    found = {name: one or two for name, one, two in _ATTRIBUTE.findall(match[1])}
    space = found.get(b"xmlns", b"")
    kind = SPACES.get(space) or ("component" if COMPONENT.match(space) else None)
    return Stream(kind, found) if kind and found.get(b"xmlns:stream") == STREAMS else None


def _host(name: bytes | None) -> dict[str, str]:
    return {"name": clean(name)} if name else {}


PROTOCOL = Protocol(
    name=NAME,
    title="Extensible Messaging and Presence Protocol",
    recognise=recognise,
    sources=(
        Source("RFC 6120, XMPP: Core", "2011-03", "sections 4.2, 4.7, 4.8 and 14.7"),
        Source("XEP-0114, Jabber Component Protocol", "2012-01-25", "section 3"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, b"<?xml "),
        Signature(Transport.TCP, 0, b"<stream:"),
    ),
    usual=(
        Usual(PortRange(5222, 5222), Transport.TCP, confidence="verified"),
        Usual(PortRange(5269, 5269), Transport.TCP, title="XMPP between servers"),
    ),
    safety="Messages travel in the clear until STARTTLS.",
    programs=("ejabberd", "prosody", "openfire"),
)  # fmt: skip
