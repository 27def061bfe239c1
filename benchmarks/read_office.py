"""What clients and servers of everyday protocols say to each other, without end, for `read.py`.

Every function gives one conversation's messages; what real ones vary is drawn from `chance`, and
what belongs to a host (its name, its version) follows from its address.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

CLIENT, SERVER = 0, 1
Message = tuple[int, bytes]  # who says it, and what


class Ends(NamedTuple):
    """The IPv4 addresses of a conversation, four octets each."""

    client: bytes
    server: bytes


def http(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give requests for tags on one kept connection, and their answers."""
    host = f"plant{ends.server[3]}.example"
    while True:
        tag = chance.randrange(5000)
        ask = f"GET /tags/{tag} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n"
        yield CLIENT, ask.encode()
        body = f'{{"tag":{tag},"value":{chance.random():.6f},"good":true}}'
        head = f"HTTP/1.1 200 OK\r\nServer: nginx/1.{ends.server[3] % 9}.1\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        yield SERVER, (head + body).encode()


def tls(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a handshake of TLS 1.3, then records of encrypted data."""
    name = b"gate%d.example" % ends.server[3]
    listed = struct.pack(">BH", 0, len(name)) + name
    server_name = struct.pack(">HHH", 0, len(listed) + 2, len(listed)) + listed
    session = b"\x20" + chance.randbytes(32)
    more = server_name + b"\0\x2b\0\3\2\3\4" + b"\0\x10\0\5\0\3\2h2"
    more += b"\0\x0a\0\4\0\2\0\x1d" + b"\0\x0d\0\4\0\2\4\3"
    more += b"\0\x33\0\x26\0\x24\0\x1d\0\x20" + chance.randbytes(32)
    hello = b"\3\3" + chance.randbytes(32) + session + b"\0\4\x13\1\x13\2\1\0"
    yield CLIENT, _handshake(1, 1, hello + struct.pack(">H", len(more)) + more)
    back = b"\0\x2b\0\2\3\4" + b"\0\x33\0\x24\0\x1d\0\x20" + chance.randbytes(32)
    answer = b"\3\3" + chance.randbytes(32) + session + b"\x13\1\0" + struct.pack(">H", len(back))
    changed = b"\x14\3\3\0\1\1"
    yield SERVER, _handshake(3, 2, answer + back) + changed + _encrypted(chance, 700)
    yield CLIENT, changed + _encrypted(chance, 53)
    while True:
        yield CLIENT, _encrypted(chance, chance.randrange(40, 120))
        yield SERVER, _encrypted(chance, chance.randrange(40, 400))


def _handshake(version: int, kind: int, body: bytes) -> bytes:
    message = struct.pack(">I", kind << 24 | len(body)) + body
    return struct.pack(">BBBH", 22, 3, version, len(message)) + message


def _encrypted(chance: Random, size: int) -> bytes:
    return struct.pack(">BBBH", 23, 3, 3, size) + chance.randbytes(size)


def ssh(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give version lines, a key exchange in clear, then encrypted packets."""
    offers = (b"curve25519-sha256", b"ssh-ed25519", b"aes128-ctr", b"hmac-sha2-256", b"none")
    lists = b"".join(_text(offers[at]) for at in (0, 1, 2, 2, 3, 3, 4, 4)) + _text(b"") * 2
    yield CLIENT, b"SSH-2.0-OpenSSH_9.%dp1\r\n" % (ends.client[3] % 7)
    yield SERVER, b"SSH-2.0-OpenSSH_8.%dp1 Debian-5\r\n" % (ends.server[3] % 9)
    for who in (CLIENT, SERVER):
        yield who, _packet(chance, b"\x14" + chance.randbytes(16) + lists + bytes(5))
    yield CLIENT, _packet(chance, b"\x1e" + _text(chance.randbytes(32)))
    key = _text(_text(b"ssh-ed25519") + _text(chance.randbytes(32)))
    signed = _text(_text(b"ssh-ed25519") + _text(chance.randbytes(64)))
    agreed = _packet(chance, b"\x1f" + key + _text(chance.randbytes(32)) + signed)
    yield SERVER, agreed + _packet(chance, b"\x15")
    yield CLIENT, _packet(chance, b"\x15")
    while True:
        yield CLIENT, chance.randbytes(4 * chance.randrange(9, 20))
        yield SERVER, chance.randbytes(4 * chance.randrange(9, 40))


def _text(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


def _packet(chance: Random, body: bytes) -> bytes:
    padding = 8 - (len(body) + 5) % 8
    padding += 8 if padding < 4 else 0
    head = struct.pack(">IB", 1 + len(body) + padding, padding)
    return head + body + chance.randbytes(padding)


def dns(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give questions for addresses of many names, and their answers."""
    zone = b"\5plant\7example\0\0\1\0\1"
    while True:
        number, label = chance.randrange(1 << 16), b"node%d" % chance.randrange(9999)
        name = bytes((len(label),)) + label + zone
        yield CLIENT, struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + name
        found = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4" + chance.randbytes(4)
        yield SERVER, struct.pack(">HHHHHH", number, 0x8180, 1, 1, 0, 0) + name + found


def snmp(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give requests for the octet counters of interfaces, and their answers."""
    while True:
        number = b"\2\4" + struct.pack(">I", chance.randrange(1 << 24, 1 << 31))
        variable = b"\6\x0a\x2b\6\1\2\1\2\2\1\x0a" + bytes((chance.randrange(1, 48),))
        # a counter of four octets, positive: its first bit is clear
        counted = b"\x41\4" + struct.pack(">I", chance.randrange(1 << 24, 1 << 31))
        for who, kind, value in ((CLIENT, 0xA0, b"\5\0"), (SERVER, 0xA2, counted)):
            bound = _ber(0x30, _ber(0x30, variable + value))
            said = _ber(kind, number + b"\2\1\0\2\1\0" + bound)
            yield who, _ber(0x30, b"\2\1\1\4\6public" + said)


def _ber(kind: int, body: bytes) -> bytes:
    return bytes((kind, len(body))) + body


def ntp(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a client's questions for the time, every 64 seconds of its own clock."""
    now = 3_900_000_000 + chance.randrange(1 << 16)
    reference = bytes((10, 0, 0, ends.server[3]))
    while True:
        now += 64
        sent = struct.pack(">II", now, chance.randrange(1 << 32))
        yield CLIENT, b"\x23\0\6\xec" + bytes(36) + sent
        updated = struct.pack(">II", now - 17, chance.randrange(1 << 32))
        received = struct.pack(">II", now, chance.randrange(1 << 32))
        answered = struct.pack(">II", now, chance.randrange(1 << 32))
        head = b"\x24\2\6\xec\0\0\1\0\0\0\2\0" + reference
        yield SERVER, head + updated + sent + received + answered


def filler(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give octets that are of no protocol at all."""
    while True:
        yield CLIENT, chance.randbytes(chance.randrange(8, 80))
        yield SERVER, chance.randbytes(chance.randrange(8, 80))
