"""What clients and controllers of plant protocols say to each other, without end, for `read.py`.

Every function gives one conversation's messages; what real ones vary is drawn from `chance`, and
what belongs to a host follows from its address. CODESYS and OPC UA have files of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from read_office import CLIENT, SERVER, Ends, Message


def modbus(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a poller's reads of three groups of registers, in turn."""
    number, unit = chance.randrange(1 << 16), chance.randrange(1, 4)
    groups = [(chance.randrange(900), chance.randrange(1, 12)) for _ in range(3)]
    while True:
        for start, count in groups:
            number = number + 1 & 0xFFFF
            yield CLIENT, struct.pack(">HHHBBHH", number, 0, 6, unit, 3, start, count)
            head = struct.pack(">HHHBBB", number, 0, 3 + 2 * count, unit, 3, 2 * count)
            yield SERVER, head + chance.randbytes(2 * count)


def enip(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a registered session that reads assemblies by unconnected messages."""
    session = chance.randrange(1, 1 << 32)
    yield CLIENT, _encapsulated(0x65, 0, chance.randbytes(8), b"\1\0\0\0")
    yield SERVER, _encapsulated(0x65, session, bytes(8), b"\1\0\0\0")
    items = b"\0\0\0\0\0\0\2\0\0\0\0\0\xb2\0"
    while True:
        context = chance.randbytes(8)
        path = b"\x20\4\x24" + bytes((chance.randrange(100, 120),)) + b"\x30\3"
        yield CLIENT, _encapsulated(0x6F, session, context, items + b"\x08\0\x0e\3" + path)
        told = b"\x0c\0\x8e\0\0\0" + chance.randbytes(8)
        yield SERVER, _encapsulated(0x6F, session, context, items + told)


def _encapsulated(command: int, session: int, context: bytes, data: bytes) -> bytes:
    return struct.pack("<HHII8sI", command, len(data), session, 0, context, 0) + data


def dnp3(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a master's polls of all classes, and analogue values as the answers."""
    outstation, number = 1 + ends.server[3] % 60, chance.randrange(16)
    while True:
        mark = bytes((0xC0 | number, 0xC0 | number % 16))
        ask = b"\1\x3c\2\6\x3c\3\6\x3c\4\6"
        yield CLIENT, _link_frame(0xC4, outstation, 3, mark + ask)
        values = b"".join(b"\1" + chance.randbytes(2) for _ in range(4))
        tell = b"\x81\0\0\x1e\2\0\0\3" + values
        yield SERVER, _link_frame(0x44, 3, outstation, mark + tell)
        number = (number + 1) % 64


def _link_frame(control: int, target: int, source: int, data: bytes) -> bytes:
    head = b"\x05\x64" + struct.pack("<BBHH", 5 + len(data), control, target, source)
    blocks = [data[at : at + 16] for at in range(0, len(data), 16)]
    return b"".join(part + _check(part) for part in (head, *blocks))


def _check(data: bytes) -> bytes:
    value = 0
    for octet in data:
        value = value >> 8 ^ CHECKS[(value ^ octet) & 0xFF]
    return struct.pack("<H", value ^ 0xFFFF)


def _check_of(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ 0xA6BC if octet & 1 else octet >> 1
    return octet


CHECKS = [_check_of(octet) for octet in range(256)]


def s7(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a connection to a controller's slot, and reads of a data area."""
    source, slot = chance.randbytes(2), bytes((1 + ends.server[3] % 3,))
    called, size = b"\xc1\2\1\0\xc2\2\1" + slot, b"\xc0\1\x0a"
    yield CLIENT, b"\3\0\0\x16\x11\xe0\0\0" + source + b"\0" + called + size
    yield SERVER, b"\3\0\0\x16\x11\xd0" + source + b"\0\2\0" + size + called
    number = chance.randrange(1 << 16)
    sizes = b"\xf0\0\0\1\0\1"
    yield CLIENT, _job(1, number, sizes + b"\1\xe0")
    yield SERVER, _job(3, number, sizes + b"\0\xf0")
    while True:
        number = number + 1 & 0xFFFF
        block, count = chance.randrange(1, 40), chance.randrange(1, 20)
        where = struct.pack(">HHBBH", count, block, 0x84, 0, 8 * chance.randrange(200))
        yield CLIENT, _job(1, number, b"\4\1\x12\x0a\x10\2" + where)
        value = b"\xff\4" + struct.pack(">H", 8 * count) + chance.randbytes(count)
        yield SERVER, _job(3, number, b"\4\1", value)


def _job(kind: int, number: int, parameters: bytes, data: bytes = b"") -> bytes:
    head = struct.pack(">BBHHHH", 0x32, kind, 0, number, len(parameters), len(data))
    body = b"\2\xf0\x80" + head + (b"\0\0" if kind == 3 else b"") + parameters + data
    return struct.pack(">BBH", 3, 0, 4 + len(body)) + body


def bacnet(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give reads of the present values of analogue inputs, and their answers."""
    number = chance.randrange(256)
    while True:
        number = number + 1 & 0xFF
        item = b"\x0c" + struct.pack(">I", chance.randrange(400)) + b"\x19\x55"
        yield CLIENT, _bvll(b"\1\4\0\5" + bytes((number,)) + b"\x0c" + item)
        value = b"\x3e\x44" + struct.pack(">f", chance.uniform(0, 100)) + b"\x3f"
        yield SERVER, _bvll(b"\1\0\x30" + bytes((number,)) + b"\x0c" + item + value)


def _bvll(npdu: bytes) -> bytes:
    return b"\x81\x0a" + struct.pack(">H", 4 + len(npdu)) + npdu


def mqtt(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a gauge that connects to a broker, publishes its value and pings now and then."""
    name = b"gauge%d" % chance.randrange(99999)
    yield CLIENT, _control(0x10, b"\0\4MQTT\4\2\0\x3c" + struct.pack(">H", len(name)) + name)
    yield SERVER, b"\x20\2\0\0"
    topic = b"plant/%s/value" % name
    while True:
        for _ in range(3):
            value = b"%.2f" % chance.uniform(0, 400)
            yield CLIENT, _control(0x30, struct.pack(">H", len(topic)) + topic + value)
        yield CLIENT, b"\xc0\0"
        yield SERVER, b"\xd0\0"


def _control(kind: int, body: bytes) -> bytes:
    return bytes((kind, len(body))) + body


def iec104(chance: Random, ends: Ends) -> Iterator[Message]:
    """Give a start, an interrogation, then measured values that the client acknowledges."""
    station = bytes((1 + ends.server[3] % 9, 0))
    yield CLIENT, b"\x68\4\7\0\0\0"
    yield SERVER, b"\x68\4\x0b\0\0\0"
    yield CLIENT, _numbered(0, 0, b"\x64\1\6\0" + station + b"\0\0\0\x14")
    yield SERVER, _numbered(0, 1, b"\x64\1\7\0" + station + b"\0\0\0\x14")
    sent = 1
    while True:
        for _ in range(8):
            point = chance.randrange(1, 250)
            value = struct.pack("<f", chance.uniform(-50, 50)) + b"\0"
            told = b"\x0d\1\3\0" + station + bytes((point, 0, 0)) + value
            yield SERVER, _numbered(sent, 1, told)
            sent = sent + 1 & 0x7FFF
        yield CLIENT, struct.pack("<BBHH", 0x68, 4, 1, sent << 1)


def _numbered(sent: int, received: int, told: bytes) -> bytes:
    return struct.pack("<BBHH", 0x68, 4 + len(told), sent << 1, received << 1) + told
