"""Git's own protocol: counted lines; the client names a service, the server lists references."""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "git"
SMALLEST, LARGEST = 4, 65520
MARKS = (0, 1, 2)  # flush, delimiter, end of response

_SERVICE = re.compile(
    rb"git-(upload-pack|receive-pack|upload-archive) (/[^\0\r\n]{0,1024})(?:\n|\0host=[^\0]*\0|\Z)"
)
_REFERENCE = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})? [^\0\n]{1,512}(?:\0([^\n]*))?\n?\Z")
_AGENT = re.compile(rb"agent=([\x21-\x7e]{1,100})")
_HEX = re.compile(rb"[0-9a-f]{1,4}\Z")


def recognise(payload: Payload) -> Identification | None:
    """Name Git by a request that fills its line, and counted lines that answer it."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _measure)
    match = _SERVICE.match(asked.messages[0][4:]) if asked.messages else None
    if match is None:
        return None
    facts = {"service": match[1].decode("latin-1")}
    because = "a request that fills its counted line"
    client = _agent(payload.to_server.octets)
    if not payload.to_client:
        return plausible(NAME, because, facts=facts, client=client)
    if not _lists(answered):
        return None
    told = "the server's counted lines list what it has"
    server = _agent(payload.to_client.octets)
    return confirmed(NAME, because, told, facts=facts, client=client, server=server)


def _measure(octets: bytes, at: int) -> int | None:
    head = octets[at : at + 4]
    if not _HEX.match(head):
        return None
    if len(head) < 4:
        return MORE
    size = int(head, 16)
    if size in MARKS:
        return 4
    return size if SMALLEST < size <= LARGEST else None


def _lists(answered: Walk) -> bool:
    lines = [octets[4:] for octets in answered.messages if len(octets) > 4]
    if not lines:
        return bool(answered.messages)
    first = lines[0]
    if first in (b"version 1\n", b"version 2\n") or first.startswith(b"ERR "):
        return True
    return bool(_REFERENCE.match(first))


def _agent(octets: bytes) -> dict[str, str]:
    match = _AGENT.search(octets[: 1 << 14])
    name, _, version = clean(match[1]).partition("/") if match else ("", "", "")
    found = {"product": name, "version": version}
    return {key: text for key, text in found.items() if text}


PROTOCOL = Protocol(
    name=NAME,
    title="Git",
    recognise=recognise,
    sources=(
        Source("Git documentation, gitprotocol-pack and gitprotocol-v2", "2024",
               "git transport; pkt-line format"),
    ),
    signatures=(
        Signature(Transport.TCP, 4, b"git-uplo"),
        Signature(Transport.TCP, 4, b"git-rece"),
    ),
    usual=(Usual(PortRange(9418, 9418), Transport.TCP, confidence="verified"),),
    safety="Without a login and in the clear: what is offered can be read by all who reach it.",
    programs=("git-daemon",),
)  # fmt: skip
