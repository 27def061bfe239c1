"""What CODESYS and OPC UA say in a whole session, for `read.py`: layered, with checksums.

Sources: the vendor's runtime interface headers and microsoft/CoDe16 for CODESYS V3; OPC 10000-6 for
OPC UA binary. Written from those, not with the package's own builders, which it is to measure.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from random import Random

from read_office import CLIENT, SERVER, Ends, Message

NAME_REQUEST, NAME_ANSWER, CHANNEL = 3, 4, 0x40
GRANTED = 0x1F4000  # octets of the largest message
POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#None"
NULL = b"\xff\xff\xff\xff"  # a text that is not there
EPOCH = 133_443_000_000_000_000  # 2023-11-11, in 100 ns since 1601


def codesys(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a name-service question, an opened channel, then calls and keep-alives on it."""
    number, channel = chance.randrange(1 << 32), chance.randrange(1, 1 << 16)
    yield CLIENT, _datagram(ends, CLIENT, NAME_REQUEST, struct.pack("<HHI", 0xC202, 0x400, number))
    yield SERVER, _datagram(ends, SERVER, NAME_ANSWER, _identification(number, ends))
    wish = struct.pack("<IIBxxx", number, GRANTED, 5)
    yield CLIENT, _datagram(ends, CLIENT, CHANNEL, _meta(0xC3, wish))
    grant = struct.pack("<IHHIBBH", number, 0, channel, GRANTED, 0, 5, 0)
    yield SERVER, _datagram(ends, SERVER, CHANNEL, _meta(0x83, grant))
    block = 0
    while True:
        for _ in range(3):
            block += 1
            ask = _call(0x1B, 2, _tag(0x11, chance.randbytes(4)))
            yield CLIENT, _datagram(ends, CLIENT, CHANNEL, _data(0x81, channel, block, ask))
            tell = _call(0x9B, 2, _tag(0x12, chance.randbytes(4 * chance.randrange(1, 12))))
            yield SERVER, _datagram(ends, SERVER, CHANNEL, _data(1, channel, block, tell))
        for who, flags in ((CLIENT, 0x80), (SERVER, 0)):
            alive = struct.pack("<BBH", 3, flags, channel)
            yield who, _datagram(ends, who, CHANNEL, alive)


def _datagram(ends: Ends, who: int, service: int, payload: bytes) -> bytes:
    # in a network of 24 host bits an address is two words: port index 0, then the host bits
    sender, receiver = b"\0" + ends[who][1:], b"\0" + ends[1 - who][1:]
    return bytes((0xC5, 0x73, 0x40, service, 0, 0x22)) + receiver + sender + b"\0\0" + payload


def _identification(number: int, ends: Ends) -> bytes:
    told = (f"PLC-{ends.server[3]}", "Control for Linux SL", "Plant Works")
    serial = b"%08x" % zlib.crc32(ends.server)
    fixed = struct.pack("<HBBHHHH", 4, 1, 0, 0, *(len(text) for text in told))
    fixed += struct.pack("<IIIIBBBB8x", 0x1000, 1, 0x03050E14, 1, len(serial), 0, 5, 0)
    names = b"".join(text.encode("utf-16-le") + b"\0\0" for text in told)
    return struct.pack("<HHI", 0xC280, 0x400, number) + fixed + names + serial + b"\0"


def _meta(kind: int, body: bytes) -> bytes:
    head = struct.pack("<BBH", kind, 0, 0x0101)
    return head + struct.pack("<I", zlib.crc32(head + bytes(4) + body)) + body


def _data(flags: int, channel: int, block: int, message: bytes) -> bytes:
    size, check = len(message), zlib.crc32(message)
    return struct.pack("<BBHIIII", 1, flags, channel, block, block - 1, size, check) + message


def _call(group: int, command: int, content: bytes) -> bytes:
    return struct.pack("<HHHHIII", 0xCD55, 16, group, command, 0x11, len(content), 0) + content


def _tag(number: int, value: bytes) -> bytes:
    # the length is stretched to three octets, so that the value is aligned
    return bytes((number, 0x80 | len(value), 0x80, 0)) + value


def opcua(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a hello, an opened channel without security, then reads of values."""
    url = b"opc.tcp://%d.%d.%d.%d:4840" % tuple(ends.server)
    channel, token, now = chance.randrange(1, 1 << 20), 1, EPOCH + chance.randrange(1 << 40)
    limits = struct.pack("<IIIII", 0, 65536, 65536, 0, 0)
    yield CLIENT, _chunk(b"HELF", limits + _string(url))
    yield SERVER, _chunk(b"ACKF", limits)
    open_ask = b"\1\0\xbe\1" + _asks(now, 1, b"\0\0") + struct.pack("<III", 0, 0, 1)
    yield CLIENT, _opened(0, open_ask + NULL + struct.pack("<I", 3_600_000))
    open_tell = b"\1\0\xc1\1" + _tells(now, 1) + struct.pack("<III", 0, channel, token)
    yield SERVER, _opened(channel, open_tell + struct.pack("<qI", now, 3_600_000) + NULL)
    session = b"\2\1\0" + chance.randbytes(4)
    number = 1
    while True:
        number += 1
        now += 10_000_000
        place = struct.pack("<IIII", channel, token, number, number)
        node = b"\2\2\0" + struct.pack("<I", chance.randrange(1000, 1400))
        wanted = struct.pack("<I", 13) + NULL + b"\0\0" + NULL
        ask = b"\1\0\x77\2" + _asks(now, number, session) + struct.pack("<dII", 0, 2, 1)
        yield CLIENT, _chunk(b"MSGF", place + ask + node + wanted)
        value = b"\x0d\x0b" + struct.pack("<dqq", chance.uniform(0, 100), now, now)
        tell = b"\1\0\x7a\2" + _tells(now, number) + b"\1\0\0\0" + value + NULL
        yield SERVER, _chunk(b"MSGF", place + tell)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", 8 + len(body)) + body


def _opened(channel: int, body: bytes) -> bytes:
    asked = struct.pack("<I", channel) + _string(POLICY) + NULL + NULL
    return _chunk(b"OPNF", asked + struct.pack("<II", 1, 1) + body)


def _string(octets: bytes) -> bytes:
    return struct.pack("<I", len(octets)) + octets


def _asks(now: int, handle: int, session: bytes) -> bytes:
    return session + struct.pack("<qII", now, handle, 0) + NULL + struct.pack("<I", 5000) + bytes(3)


def _tells(now: int, handle: int) -> bytes:
    return struct.pack("<qIIB", now, handle, 0, 0) + NULL + bytes(3)
