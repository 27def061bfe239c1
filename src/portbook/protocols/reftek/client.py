"""The RTP client protocol on TCP 2543: how programs read from a REF TEK server.

Sources: SeisComP/seedlink (the maker's library, exercised both ways), USGS ReftekClient.java.
Nothing to do with RFC 3550.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.reftek.layouts import SIZE, UNIT

REFTEK, COMMAND, NOP, ATTR, BREAK, BUSY, FAULT, PID = 0, 1, 2, 3, 8, 9, 10, 11
START, STOP, FLUSH = 5, 6, 7
EXTENDED = (13, 14)  # version 2: four octets between header and payload, not counted
KINDS = {
    REFTEK: "packet",
    COMMAND: "command",
    NOP: "heartbeat",
    ATTR: "attributes",
    4: "state of health",
    5: "start",
    6: "stop",
    7: "flush",
    BREAK: "break",
    BUSY: "busy",
    FAULT: "fault",
    PID: "process id",
    12: "console message",
    13: "packet, extended",
    14: "command, extended",
}
LARGEST = 4 + SIZE  # octets of a payload: a command with unit and length
SHORTEST_TIMEOUT_S = 30  # the library's client raises what it asks for to this, and so must we
MOST_MESSAGES = 512
HELLOS = (b"\0\1\0\0\0\0", b"\0\2\0\0\0\0")

HEADER = Layout(
    "RTP client protocol, message header",
    6,
    (
        Field("type", 0, 2, BE, None, "in the first message of a side: its version, 1 or 2"),
        Field("length", 2, 4, BE, "octet", "of the payload"),
    ),
)
ATTRIBUTES = Layout(
    "RTP client protocol, attributes",
    28,
    (
        Field("unit", 0, 4, BE, None, "0 all units, else one unit id"),
        Field("packets", 4, 4, BE, None, "packet mask, 10 is DT", 0xFFFE),
        Field("streams", 8, 4, BE, None, "stream mask, bit k is wire stream k", 0xFF),
        Field("timeout", 12, 4, BE, "s", "I/O timeout, at least 30", 30),
        Field("block", 16, 4, BE, None, "1: the client hides heartbeats from its caller", 1),
        Field("send_buffer", 20, 4, BE, "octet", "0: the system's"),
        Field("receive_buffer", 24, 4, BE, "octet", "0: the system's"),
    ),
)
MAY_COMMAND = 4  # octets that version 2 adds to the attributes: 1 when the client may command
PROCESS_SIZES = {1: 4, 2: 36}  # octets of a PID payload; version 2 adds 32 of program name
COMMAND_HEAD = Layout(
    "RTP client protocol, command packet",
    4,
    (Field("unit", 0, 2, UNIT, None, "0000 all units"), Field("length", 2, 2, BE, "octet")),
)
MASK = {
    0x0001: "SPEC",
    0x0002: "AD",
    0x0004: "CD",
    0x0008: "DS",
    0x0010: "DT",
    0x0020: "EH",
    0x0040: "ET",
    0x0080: "OM",
    0x0100: "SH",
    0x0200: "SC",
    0x0400: "CMND",
    0x0800: "FD",
    0x1000: "130 command or response",
    0x2000: "130 command line",
    0x4000: "MUXD",
    0x8000: "SMSD",
    0x10000: "SND",
    0x20000: "160 series",
}

SPEC, COMMANDS = 0x0001, 0x0400  # bits of MASK that are told by the first octet, not by letters
EVERY = 0xFFFF  # of the packet mask: all that the library knows, known packet or not
_LETTERS = {name.encode(): bit for bit, name in MASK.items() if len(name) == 2}
_KNOWN = sum(_LETTERS.values())
_FIRST = {0x01: SPEC, 0x85: SPEC, 0x80: COMMANDS, 0x84: COMMANDS}


class Wish(NamedTuple):
    """What a client wants to be sent: ATTR's unit, packet mask and stream mask.

    unit: 0 all, else one unit id; packets: bits of MASK; streams: bit k is wire stream k
    Source: the rule of the maker's server library, exercised with its own client.
    """

    unit: int = 0
    packets: int = 0xFFFE
    streams: int = 0xFF

    @property
    def everything(self) -> bool:
        """Tell whether every packet of a known type passes."""
        return self._all or (self.unit == 0 and self.packets & _KNOWN == _KNOWN)

    @property
    def _all(self) -> bool:
        """Tell whether nothing at all is asked of a packet.

        Not even the unit is, when the mask is version 1's for all. Version 2 has more bits: who
        sets them and names a unit wants that unit.
        """
        return self.packets == EVERY or (self.unit == 0 and self.packets & EVERY == EVERY)

    def wants(self, octets: bytes) -> bool:
        """Tell whether a packet of 1024 octets goes out to this client."""
        if self._all:
            return True
        bit = _bit(octets)
        if not self.packets & bit:
            return False
        if bit == SPEC or self.unit == 0:
            return True  # with all units the stream mask is not looked at
        if int.from_bytes(octets[4:6], "big") != self.unit:
            return False
        return octets[:2] != b"DT" or bool(self.streams >> _stream(octets) & 1)


class Message(msgspec.Struct, frozen=True):
    """One message; payload: as far as kept; length: its true length."""

    type: int
    length: int
    payload: bytes
    offset: int

    @property
    def whole(self) -> bool:
        """Tell whether all of its payload was kept."""
        return len(self.payload) == self.length


def messages(stream: bytes, at: int = 0) -> tuple[list[Message], str | None]:
    """Cut a stream into messages from octet `at` on; the second part tells where it goes wrong."""
    found: list[Message] = []
    while at + HEADER.size <= len(stream) and len(found) < MOST_MESSAGES:
        kind, length = HEADER.get(stream, "type", at), HEADER.get(stream, "length", at)
        if length > LARGEST or kind > 0xFF:
            return found, f"octet {at}: no message begins here"
        begin = at + HEADER.size + (4 if kind in EXTENDED else 0)
        found.append(Message(kind, length, stream[begin : begin + length], at))
        at = begin + length
    return found, None


class Cut(NamedTuple):
    """Where a message stands in a stream: its payload is stream[begin:end], if all came."""

    type: int
    begin: int
    end: int


def cut(stream: bytes, at: int, version: int = 1) -> Cut | None:
    """Find the message that begins at an octet; None while its header is not whole.

    Its end is -1 when its length cannot be: negative, or above LARGEST.
    """
    if at + HEADER.size > len(stream):
        return None
    kind = stream[at] << 8 | stream[at + 1]
    length = int.from_bytes(stream[at + 2 : at + 6], "big", signed=True)
    begin = at + HEADER.size + (4 if version > 1 and kind in EXTENDED else 0)
    return Cut(kind, begin, begin + length if 0 <= length <= LARGEST else -1)


def attributes(message: Message) -> dict[str, Any]:
    """Return what an ATTR message asks for or grants, in words."""
    told = ATTRIBUTES.read(message.payload)
    if told is None:
        return {}
    every = {0xFFFF: "all", 0xFFFE: "all but SPEC", 0x3FFFF: "all"}
    names = tuple(name for bit, name in MASK.items() if told["packets"] & bit)
    return {
        "asks_unit": f"{told['unit'] & 0xFFFF:04X}" if told["unit"] else "all",
        "asks_packets": every.get(told["packets"], " ".join(names) or "none"),
        "asks_streams": tuple(bit for bit in range(32) if told["streams"] >> bit & 1),
        "timeout_s": told["timeout"],
        **({"may_command": bool(message.payload[31])} if len(message.payload) == 32 else {}),
    }


def command(message: Message) -> str | None:
    """Return the code of a command frame inside a message: `SSAQ`; None when it has none."""
    if not COMMAND_HEAD.fits(message.payload):
        return None
    frame = message.payload[COMMAND_HEAD.size :]
    if frame[:2] not in (b"\x84\0", b"\x85\0") or len(frame) < 14:
        return None
    code = frame[10:14].decode("latin-1")
    return code if code.isascii() and code.isalnum() else None


def program(message: Message) -> str | None:
    """Return the program name that a version 2 PID message carries."""
    name = message.payload[4:36].split(b"\0", 1)[0].decode("latin-1").strip()
    return name if message.length == 36 and name.isprintable() and name else None


def build(kind: int, payload: bytes = b"") -> bytes:
    """Make a message; the first one of a side has its version as kind and no payload."""
    return HEADER.write(type=kind, length=len(payload)) + payload


def _bit(octets: bytes) -> int:
    """Return a packet's bit of MASK, 0 when its type is not known."""
    return _LETTERS.get(octets[:2]) or (_FIRST.get(octets[0], 0) if octets else 0)


def _stream(octets: bytes) -> int:
    """Return a DT packet's wire stream, which is binary-coded decimal."""
    return (octets[18] >> 4) * 10 + (octets[18] & 15) if len(octets) > 18 else 0
