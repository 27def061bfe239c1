"""The messages of OptoMMP: a subset of IEEE 1394's packets, carried in TCP or UDP.

Sources: SNAP Ethernet programming guide, chapter 4; Opto 22's dissector and SDK. The label's echo
and the lengths were checked on a real device.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from portbook.protocols.layout import BE, Field, Layout

WRITE_QUADLET, WRITE_BLOCK, WRITE_RESPONSE = 0, 1, 2
READ_QUADLET, READ_BLOCK, QUADLET_RESPONSE, BLOCK_RESPONSE = 4, 5, 6, 7
REQUESTS = (WRITE_QUADLET, WRITE_BLOCK, READ_QUADLET, READ_BLOCK)
BLOCKS = (WRITE_BLOCK, BLOCK_RESPONSE)
ANSWERS = {
    WRITE_QUADLET: WRITE_RESPONSE,
    WRITE_BLOCK: WRITE_RESPONSE,
    READ_QUADLET: QUADLET_RESPONSE,
    READ_BLOCK: BLOCK_RESPONSE,
}
SIZES = {0: 16, 1: 16, 2: 12, 4: 12, 5: 16, 6: 16, 7: 16}  # without the data of a block
LARGEST_DATA = 2034  # octets in one request over TCP; 1,480 over UDP
MOST_MESSAGES = 512
ERRORS = {
    1: "undefined command",
    2: "invalid point type",
    3: "invalid float",
    4: "powerup clear expected",
    5: "invalid memory address, or invalid data for it",
    6: "invalid command length",
    7: "reserved",
    8: "busy",
    9: "cannot erase flash",
    10: "cannot program flash",
    11: "downloaded image too small",
    12: "image CRC mismatch",
    13: "image length mismatch",
    14: "feature not implemented",
    15: "communications watchdog timeout",
}

REQUEST = Layout(
    "OptoMMP request",
    12,
    (
        Field("destination", 0, 2, BE, None, "0; with bit 15 a boot id; echoed"),
        Field("label", 2, 1, BE, None, "bits 7-2 transaction label, bits 1-0 retry"),
        Field("code", 3, 1, BE, None, "bits 7-4: 0, 1 write, 4, 5 read quadlet, block"),
        Field("source", 4, 2, BE, None, "chosen by the client; echoed"),
        Field("area", 6, 2, BE, None, "ffff in all addresses of Opto 22", 0xFFFF),
        Field("address", 8, 4, BE, None, "low half of the address"),
    ),
)
BLOCK = Layout(
    "OptoMMP block request or response, behind the first 12 octets",
    4,
    (
        Field("length", 0, 2, BE, "octet", "of the data"),
        Field("extended", 2, 2, BE, None, "extended code, 0"),
    ),
)
RESPONSE = Layout(
    "OptoMMP response",
    12,
    (
        Field("destination", 0, 2, BE),
        Field("label", 2, 1, BE),
        Field("code", 3, 1, BE, None, "bits 7-4: 2 write, 6, 7 read quadlet, block"),
        Field("source", 4, 2, BE),
        Field("result", 6, 1, BE, None, "bits 7-4: 0 done, else the low digit of error E00n"),
        Field("zero", 7, 5, BE),
    ),
)


class Message(msgspec.Struct, frozen=True):
    """One request or response.

    address: low 32 bits, None in responses; length: octets of data asked for or carried
    known: a request whose address lies where Opto 22 has one
    """

    code: int
    label: int
    destination: int
    source: int
    size: int
    address: int | None = None
    length: int = 0
    data: bytes = b""
    result: int = 0
    known: bool = True


def datagram(octets: bytes, length: int | None = None) -> Message | None:
    """Read a whole datagram as one message; None when it is none.

    length: its true length, when fewer octets were kept. Data may be padded to a multiple of 4.
    """
    size = len(octets) if length is None else length
    found = read(octets)
    if found is None:
        return None
    padded = found.size - found.size % -4
    return found if size in (found.size, padded) else None


def stream(octets: bytes, complete: bool = True) -> Iterator[Message]:
    """Cut a stream into messages; it ends where they go wrong or the octets end.

    complete: nothing follows, so a message that is cut is no message
    """
    at = 0
    for _ in range(MOST_MESSAGES):
        found = read(octets[at : at + 16 + LARGEST_DATA])
        if found is None or (at + found.size > len(octets) and complete):
            return
        yield found
        at += found.size


def framed(octets: bytes) -> int:
    """Return how many octets of a stream are messages, from its start on."""
    return sum(found.size for found in stream(octets))


def read(octets: bytes) -> Message | None:
    """Read the message at the start, which may be longer than the octets; None when it is none."""
    if len(octets) < 12 or octets[2] & 3 or octets[3] & 15:
        return None
    code = octets[3] >> 4
    size = SIZES.get(code)
    if size is None or len(octets) < size:
        return None
    destination, source = int.from_bytes(octets[:2], "big"), int.from_bytes(octets[4:6], "big")
    if destination and not destination & 0x8000:
        return None  # clients send 0 or, with bit 15, a boot id
    if code in REQUESTS:
        return _request(octets, code, size, destination, source)
    if octets[6] & 15 or any(octets[7:12]):
        return None
    result, length = octets[6] >> 4, 0
    if code == BLOCK_RESPONSE:
        length = int.from_bytes(octets[12:14], "big")
        if any(octets[14:16]):
            return None
        if result:
            length = 0  # a refused read is 16 octets; whatever length it tells, nothing follows
        elif not length:
            return None
    return Message(
        code,
        octets[2] >> 2,
        destination,
        source,
        size + length,
        None,
        length,
        octets[12:16] if code == QUADLET_RESPONSE else octets[16 : 16 + length],
        result,
    )


def _request(octets: bytes, code: int, size: int, destination: int, source: int) -> Message | None:
    length = 4
    if code in (WRITE_BLOCK, READ_BLOCK):
        length = int.from_bytes(octets[12:14], "big")
        if any(octets[14:16]) or not 1 <= length <= LARGEST_DATA:
            return None
    if octets[6:8] != b"\xff\xff":
        return None
    whole = size + length if code == WRITE_BLOCK else size
    data = b""
    if code == WRITE_QUADLET:
        data = octets[12:16]
    elif code == WRITE_BLOCK:
        data = octets[16 : 16 + length]
    address = int.from_bytes(octets[8:12], "big")
    # Behind FF only the IP settings are known, FFFFF008 to FFFFF077.
    known = 0xF0 <= octets[8] <= 0xF8 or address >> 8 == 0xFFFFF0
    return Message(
        code, octets[2] >> 2, destination, source, whole, address, length, data, known=known
    )
