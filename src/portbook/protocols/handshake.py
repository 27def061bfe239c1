"""Reads TLS hellos: the first messages of a TLS handshake, which travel in the clear.

Source: RFC 8446 section 4.1, RFC 5246 section 7.4, RFC 6066 section 3 (server name), RFC 7301
section 3.1 (ALPN), RFC 8446 section 4.2.1 (supported versions), RFC 8701 (GREASE).
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.protocols.text import clean

SERVER_NAME, ALPN, SUPPORTED_VERSIONS = 0, 16, 43
VERSIONS = {
    0x0002: "SSL 2.0",
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}
RANDOM = 32
EXTENSIONS = 64


class Hello(NamedTuple):
    """What a client offers or a server chose."""

    version: int  # the highest that is offered, the one that is chosen
    exact: bool  # all lengths agree to the end of the message
    server_name: str | None = None
    protocols: tuple[str, ...] = ()


class Reader:
    """Takes octets off the front; `cut` tells that a length went past the end."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.at = 0
        self.cut = False

    def take(self, size: int) -> bytes:
        """Return the next octets, fewer when they end."""
        found = self.octets[self.at : self.at + size]
        self.cut = self.cut or len(found) < size
        self.at += len(found)
        return found

    def number(self, size: int) -> int:
        """Return the next big-endian number, 0 when the octets end."""
        found = self.take(size)
        return int.from_bytes(found, "big") if len(found) == size else 0

    def counted(self, size: int) -> bytes:
        """Return the octets that a length of `size` octets counts."""
        return self.take(self.number(size))

    @property
    def done(self) -> bool:
        """Tell whether nothing is left."""
        return self.at >= len(self.octets)


def client_hello(body: bytes) -> Hello | None:
    """Read a ClientHello without its header, or None when it cannot be one."""
    reader = Reader(body)
    version = reader.number(2)
    reader.take(RANDOM)
    session, ciphers, methods = reader.counted(1), reader.counted(2), reader.counted(1)
    if version >> 8 != 3 or len(session) > 32:
        return None
    if not reader.cut and (not ciphers or len(ciphers) % 2 or not methods):
        return None
    return _extended(reader, version, client=True)


def server_hello(body: bytes) -> Hello | None:
    """Read a ServerHello without its header, or None when it cannot be one."""
    reader = Reader(body)
    version = reader.number(2)
    reader.take(RANDOM)
    session = reader.counted(1)
    reader.take(3)  # cipher suite and compression
    if version >> 8 != 3 or len(session) > 32:
        return None
    return _extended(reader, version, client=False)


def _extended(reader: Reader, version: int, client: bool) -> Hello:
    """Read the extensions, which old hellos do not have."""
    if reader.done:
        return Hello(version, not reader.cut)
    size = reader.number(2)
    block = Reader(reader.take(size))
    exact = not reader.cut and reader.done
    name: str | None = None
    protocols: tuple[str, ...] = ()
    for _ in range(EXTENSIONS):
        if block.done:
            break
        kind, content = block.number(2), Reader(block.counted(2))
        if kind == SERVER_NAME and client:
            name = _server_name(content)
        elif kind == ALPN:
            protocols = _protocols(content)
        elif kind == SUPPORTED_VERSIONS:
            version = _version(content, version, client)
    return Hello(version, exact and not block.cut, name, protocols)


def _server_name(content: Reader) -> str | None:
    content.number(2)
    kind, name = content.number(1), content.counted(2)
    return clean(name, 253) if kind == 0 and name and not content.cut else None


def _protocols(content: Reader) -> tuple[str, ...]:
    content.number(2)
    found: list[str] = []
    while not content.done and len(found) < 16:
        name = content.counted(1)
        if len(name) == 2 and name[0] == name[1] and name[0] & 15 == 10:
            continue  # GREASE
        if name and not content.cut:
            found.append(clean(name, 32))
    return tuple(found)


def _version(content: Reader, version: int, client: bool) -> int:
    if not client:
        return content.number(2) or version
    offered = Reader(content.counted(1))
    highest = 0
    while not offered.done:
        highest = max(highest, one) if (one := offered.number(2)) in VERSIONS else highest
    return highest or version
