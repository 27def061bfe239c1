"""Stand-ins for controllers and their neighbours: octets in, octets out, time as an argument.

A `Device` answers datagrams, gives a `Session` to each TCP connection, and may speak by itself.
None of them knows a socket: `running` has those. What a device says follows the references of its
protocol; what it is called stands on its `Plate`. Each is in the file of its name.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import msgspec

from portbook.errors import UsageError
from portbook.ports import Transport

LONGEST = 60  # letters of a text on a plate: each protocol can carry as many
MOST_KINDS = 256  # kinds of questions that are counted apart
NANO = 1_000_000_000
KINDS = {
    "codesys": "Codesys",
    "optommp": "OptoMmp",
    "enip": "Enip",
    "modbus": "Modbus",
    "bacnet": "Bacnet",
    "s7": "S7",
    "opcua": "OpcUa",
    "snmp": "Snmp",
    "unitrends": "Unitrends",
    "ftp": "Ftp",
}


class Plate(msgspec.Struct, frozen=True):
    """What a device tells of itself; a protocol that has no place for a text does not tell it."""

    name: str = ""
    vendor: str = ""
    product: str = ""
    version: str = ""
    serial: str = ""

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            text = getattr(self, field)
            if len(text) > LONGEST or not text.isprintable():
                raise UsageError(f"{field}: at most {LONGEST} printable letters, got {text!r}")


class Door(NamedTuple):
    """A port that a device stands at.

    tries: how many numbers from it on are tried, the first free one is taken
    most: TCP connections at a time, further ones are closed at once
    broadcast: what goes to the subnet's broadcast address is heard too
    """

    transport: Transport
    port: int
    tries: int = 1
    most: int = 16
    broadcast: bool = False


class Sent(NamedTuple):
    """A datagram that a device sends; to: address and port, None: back to who asked."""

    octets: bytes
    to: tuple[str, int] | None = None


class Tally:
    """What a device was asked: counts by kind, bounded; strange: messages of another tongue."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.strange = 0

    def note(self, what: str) -> None:
        """Count a question."""
        known = what in self.asked or len(self.asked) < MOST_KINDS
        self.asked[what if known else "others"] += 1


class Session:
    """One TCP connection of a device.

    ended: the device has no more to say: what it said last is sent, then it closes
    idle_s: without a word from the client it is closed; until_ns: it is closed then in any case
    """

    ended: bool = False
    idle_s: float = 60.0
    until_ns: int | None = None

    def begin(self, now_ns: int) -> bytes:
        """Return what the device says before it is asked."""
        return b""

    def receive(self, octets: bytes, now_ns: int) -> bytes:
        """Return the answer to what came in."""
        raise NotImplementedError


class Framed(Session):
    """A session of messages with a length of their own; at most one unfinished one is kept."""

    largest = 65536

    def __init__(self, device: Device) -> None:
        self.device = device
        self._buffer = bytearray()

    def receive(self, octets: bytes, now_ns: int) -> bytes:
        """Answer each whole message; a stream that is not understood is the end."""
        self._buffer += octets
        out = bytearray()
        while self._buffer and not self.ended:
            size = self.measure(bytes(self._buffer[: self.largest]))
            if size is None or size > self.largest:
                self.device.tally.strange += 1
                out += self.lost()
                self.ended = True
            elif not 0 < size <= len(self._buffer):
                break
            else:
                message = bytes(self._buffer[:size])
                del self._buffer[:size]
                out += self.answer(message, now_ns)
        return bytes(out)

    def measure(self, octets: bytes) -> int | None:
        """Tell how long the message at the start is: 0 not yet known, None: there is none."""
        raise NotImplementedError

    def answer(self, message: bytes, now_ns: int) -> bytes:
        """Return the answer to one whole message."""
        raise NotImplementedError

    def lost(self) -> bytes:
        """Return what is said when no message begins where one should."""
        return b""


class Device:
    """A device; a subclass stands for one protocol.

    carries: the fields of the plate that its protocol has a place for
    needs_ipv4: it cannot stand at another kind of address
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    usual: ClassVar[Plate]
    carries: ClassVar[tuple[str, ...]]
    doors: ClassVar[tuple[Door, ...]]
    needs_ipv4: ClassVar[bool] = False

    def __init__(self, plate: Plate | None = None) -> None:
        self.plate = self.usual if plate is None else plate
        self.tally = Tally()
        self.address = "127.0.0.1"
        self.prefix = 8
        self.ports = {door.transport: door.port for door in self.doors}
        self.first_ports = dict(self.ports)

    def placed(
        self,
        address: str,
        prefix: int,
        ports: dict[Transport, int],
        first_ports: dict[Transport, int] | None = None,
    ) -> None:
        """Learn where it stands.

        ports: where it was bound; first_ports: the first of the numbers that were tried
        """
        self.address, self.prefix = address, prefix
        self.ports = dict(ports)
        self.first_ports = dict(first_ports or ports)

    def datagram(self, octets: bytes, now_ns: int) -> Iterable[Sent]:
        """Return what is sent because of a datagram; a longer answer than one is several."""
        return ()

    def session(self, now_ns: int) -> Session:
        """Return a session for a new TCP connection."""
        raise NotImplementedError

    def next_ns(self) -> int | None:
        """Return when `beat` is due, 0 for at once, None for never."""
        return None

    def beat(self, now_ns: int) -> Iterable[Sent]:
        """Return what the device sends by itself at this time."""
        return ()


def device(kind: str) -> type[Device]:
    """Return the stand-in for a protocol; raises UsageError for one that there is none for."""
    if kind not in KINDS:
        raise UsageError(f"no stand-in for {kind!r}; there are {', '.join(KINDS)}")
    found = getattr(importlib.import_module(f"{__name__}.{kind}"), KINDS[kind])
    assert isinstance(found, type)
    assert issubclass(found, Device)
    return found


def number(text: str, most: int, what: str) -> int:
    """Read a number from a plate, decimal or 0x...; raises UsageError when it is none."""
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        raise UsageError(f"{what} is a number from 0 to {most}, decimal or 0x..., got {text!r}")
    return value


def dotted(text: str, parts: int, what: str) -> bytes:
    """Read a version of so many numbers with dots between them, each of one octet."""
    words = text.split(".")
    if len(words) != parts or not all(
        word.isascii() and word.isdecimal() and len(word) < 4 and int(word) < 256 for word in words
    ):
        example = ".".join("3120"[:parts])
        raise UsageError(f"{what} is {parts} numbers below 256, as {example}, got {text!r}")
    return bytes(map(int, words))
