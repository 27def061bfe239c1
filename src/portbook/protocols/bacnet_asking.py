"""Asking BACnet devices who they are: Who-Is, then properties of the device object, one by one.

Source: ASHRAE 135, annex J.2 (link header), clauses 15.5 (ReadProperty), 16.10 (Who-Is, I-Am).
"""

from __future__ import annotations

import struct

from portbook.ports import Transport
from portbook.protocols.questions import Asking, Heard, Line, Question, Verdict

PORT = 47808
UNICAST, BROADCAST = 0x0A, 0x0B
PLAIN, WANTS_ANSWER = bytes((1, 0)), bytes((1, 4))  # network header: version, control
EVERYWHERE = bytes.fromhex("0120ffff00ff")  # to all networks, 255 routers at the most
WHO_IS = bytes((0x10, 0x08))
I_AM = (0x10, 0x00)
DEVICE = 8
ANY_DEVICE = DEVICE << 22 | 0x3FFFFF  # the device object, whatever its number
PROPERTIES = {
    75: "object identifier", 120: "vendor identifier", 121: "vendor name", 70: "model name",
    44: "firmware revision", 12: "application software version", 77: "object name",
    28: "description", 58: "location",
}  # fmt: skip
OBJECT_AT = 11  # of the object identifier in a read
ANSWERS = (2, 3, 5, 6, 7)  # simple, complex, error, reject, abort


def lines(asking: Asking) -> tuple[Line, ...]:
    """Return Who-Is, and for one device the nine reads; a subnet is asked Who-Is only."""
    if asking.broadcast:
        return (Line(who_is(everywhere=True), "Who-Is, to all", fits_i_am),)
    reads = (
        Line(
            read_property(number, which),
            f"read property {which}, {name}, of the device that I-Am named, else of 4194303",
            fits,
            _named,
            ((OBJECT_AT, 4),),
            # one that has no device object of its own to read has no other properties either
            vital=number == 1,
        )
        for number, (which, name) in enumerate(PROPERTIES.items(), 1)
    )
    # devices may answer Who-Is to all, where it is not heard here
    return (Line(who_is(), "Who-Is", fits_i_am, vital=False), *reads)


def who_is(*, everywhere: bool = False) -> bytes:
    """Make a Who-Is: to one device, or to all of all networks."""
    if everywhere:
        return _link(BROADCAST, EVERYWHERE + WHO_IS)
    return _link(UNICAST, PLAIN + WHO_IS)


def read_property(number: int, which: int) -> bytes:
    """Make a ReadProperty; number: invoke id, 0 to 255; which: property, below 256."""
    asks = struct.pack(">BBBB", 0x00, 0x05, number, 0x0C) + struct.pack(">BI", 0x0C, ANY_DEVICE)
    return _link(UNICAST, WANTS_ANSWER + asks + bytes((0x19, which)))


def fits_i_am(sent: bytes, came: bytes) -> Verdict:
    """Tell whether a datagram is an I-Am."""
    message = _application(came)
    return Verdict.ANSWER if tuple(message[:2]) == I_AM else Verdict.OTHER


def fits(sent: bytes, came: bytes) -> Verdict:
    """Tell whether a datagram answers this read, be it by an error."""
    message, number = _application(came), sent[8]
    same = len(message) > 1 and message[0] >> 4 in ANSWERS and message[1] == number
    return Verdict.ANSWER if same else Verdict.OTHER


def _named(octets: bytes, heard: Heard) -> bytes:
    """Ask for the device object by the number that I-Am told: not every stack knows it by any."""
    told = _application(heard[0][0])[2:7] if heard and heard[0] else b""
    # an application tag of an object identifier, of type device
    if len(told) != 5 or told[0] != 0xC4 or int.from_bytes(told[1:], "big") >> 22 != DEVICE:
        return octets
    return octets[:OBJECT_AT] + told[1:] + octets[OBJECT_AT + 4 :]


def _application(octets: bytes) -> bytes:
    """Return the application message of a datagram that came straight from its device."""
    if len(octets) < 6 or octets[0] != 0x81 or octets[1] not in (UNICAST, BROADCAST):
        return b""
    control, at = octets[5], 6
    for bit in (0x20, 0x08):
        if control & bit:
            at += 3 + (octets[at + 2] if at + 2 < len(octets) else 0)
    return b"" if control & 0x80 else octets[at + bool(control & 0x20) :]


def _link(function: int, octets: bytes) -> bytes:
    return struct.pack(">BBH", 0x81, function, 4 + len(octets)) + octets


def questions() -> tuple[Question, ...]:
    """Return the question over UDP."""
    return (
        Question(
            "bacnet",
            "bacnet",
            "device object: who is there",
            Transport.UDP,
            (PORT,),
            lines,
            broadcast=True,
        ),
    )
