"""NATS: the server says who it is in one line of JSON, the client connects with another.

Tokens and passwords of the connect are never told on.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "nats"
LONGEST = 1 << 15


class Info(msgspec.Struct):
    """What a server says of itself."""

    server_id: str
    version: str
    max_payload: int
    server_name: str = ""


class Connect(msgspec.Struct):
    """What a client says of itself; nothing else is read."""

    verbose: bool
    lang: str = ""
    version: str = ""
    name: str | None = None


_Kind = TypeVar("_Kind", Info, Connect)


def recognise(payload: Payload) -> Identification | None:
    """Name NATS by the server's INFO and the client's CONNECT."""
    if payload.transport is not Transport.TCP:
        return None
    info = _told(payload.to_client.octets, b"INFO ", Info)
    if info is None or not info.server_id:
        return None
    because = "the server's INFO, a whole object"
    server = {"product": "NATS", "version": clean(info.version, 32)}
    if info.server_name and info.server_name != info.server_id:
        server["name"] = clean(info.server_name)
    if not payload.to_server:
        return plausible(NAME, because, server=server)
    connect = _told(payload.to_server.octets, b"CONNECT ", Connect)
    if connect is None:
        return None
    told = {"product": connect.lang, "version": connect.version, "name": connect.name or ""}
    client = {key: clean(text) for key, text in told.items() if text}
    return confirmed(NAME, because, "the client's CONNECT", client=client, server=server)


def _told(octets: bytes, word: bytes, kind: type[_Kind]) -> _Kind | None:
    line, end, _ = octets[:LONGEST].partition(b"\r\n")
    if not end or line[: len(word)].upper() != word:
        return None
    try:
        return msgspec.json.decode(line[len(word) :], type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


PROTOCOL = Protocol(
    name=NAME,
    title="NATS",
    recognise=recognise,
    sources=(Source("NATS documentation, client protocol", "2024", "INFO and CONNECT; port 4222"),),
    signatures=(
        Signature(Transport.TCP, 0, b"INFO {"),
        Signature(Transport.TCP, 0, b"CONNECT "),
    ),
    usual=(Usual(PortRange(4222, 4222), Transport.TCP, confidence="verified"),),
    safety="Without a login unless it was set up with one; whoever reaches it hears all subjects.",
    programs=("nats-server", "gnatsd"),
)
