"""An Opto 22 unit: its memory over OptoMMP, TCP and UDP; until it is cleared, its status only.

Sources: those of `protocols.optommp`; SNAP Ethernet programming guide, chapter 4 and appendix A.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from portbook.addresses import parse
from portbook.emulators.controllers import Device, Door, Framed, Plate, Sent
from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols.optommp import areas, messages

MOST_TCP, MOST_UDP = messages.LARGEST_DATA, 1480
BAD_ADDRESS, BAD_LENGTH, CLEAR_EXPECTED, NOT_THERE = 5, 6, 4, 14
SCRATCH = 0xF0D80000
IP_SETTINGS, IP_SETTINGS_SIZE = 0xFFFFF008, 0x70
PORT_SETTING = 0xF03A0074
STATUS = struct.Struct(">IIIIHHI4s4sI4sI2x6s4s4s4s")
MOST_MEMORY = 1 << 20
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
_FIRMWARE = re.compile(r"([ABRS])(\d{1,3})\.(\d{1,3})([a-z])")


class OptoMmp(Device):
    """A unit with its memory map.

    mac: six octets, None for one of Opto 22's made of the address; gateway: None for the first
    address of the subnet; memory: further areas by their address (low 32 bits), read and written
    cleared: False asks for a powerup clear first, as a unit that has just started does
    """

    kind = "optommp"
    title = "Opto 22 unit (OptoMMP)"
    usual = Plate("", "Opto 22", "SNAP-PAC-R1", "R10.3a")
    carries = ("product", "version")
    doors = (Door(Transport.TCP, 2001, most=4), Door(Transport.UDP, 2001, broadcast=True))
    needs_ipv4 = True

    def __init__(
        self,
        plate: Plate | None = None,
        *,
        mac: str | None = None,
        gateway: str | None = None,
        memory: Mapping[int, bytes] | None = None,
        cleared: bool = False,
        unit_type: int | None = None,
        hardware: tuple[int, int, int] = (6, 1, 2018),
        ram: int = 0x2000000,
        dates: tuple[str, str] = ("06/01/2018", "12:00:00"),
    ) -> None:
        super().__init__(plate)
        self.clear_needed = not cleared
        self._firmware = _firmware(self.plate.version)
        if mac is not None and not _MAC.fullmatch(mac):
            raise UsageError(f"a MAC address is six octets, as 00:a0:3d:01:1f:3e, got {mac!r}")
        if gateway is not None and not isinstance(parse(gateway), IPv4Address):
            raise UsageError(f"a gateway is an IPv4 address, got {gateway!r}")
        self._mac, self._gateway = mac, gateway
        known = {title: code for code, title in areas.UNIT_TYPES.items()}
        self._type = known.get(self.plate.product, 0) if unit_type is None else unit_type
        month, day, year = hardware
        self._hardware = bytes((month, day)) + year.to_bytes(2, "big")
        self._ram, self._dates = ram, dates
        self._areas = {SCRATCH: bytearray(areas_size(SCRATCH))}
        self._areas |= {at: bytearray(octets) for at, octets in (memory or {}).items()}
        if sum(map(len, self._areas.values())) > MOST_MEMORY:
            raise UsageError(f"an OptoMMP stand-in has at most {MOST_MEMORY} octets of memory")
        self._error = (0, 0, 0, 0)  # code, label, source, address

    def datagram(self, octets: bytes, now_ns: int) -> Iterable[Sent]:
        """Answer one request; what is too short to be one is ignored."""
        size = _size(octets)
        if size is None or len(octets) not in (size, size + -size % 4):
            self.tally.strange += 1
            return ()
        return [Sent(self.respond(octets[:size], MOST_UDP))]

    def session(self, now_ns: int) -> Framed:
        """Return a session over TCP; a unit has few of them."""
        return _Stream(self)

    def respond(self, request: bytes, most: int) -> bytes:
        """Return the answer to one whole request; most: octets of data in one."""
        code = request[3] >> 4
        if code not in messages.REQUESTS:
            self.tally.strange += 1
            return _head(request, messages.WRITE_RESPONSE, BAD_ADDRESS)
        address = int.from_bytes(request[8:12], "big") if request[6:8] == b"\xff\xff" else None
        block = code in messages.BLOCKS or code == messages.READ_BLOCK
        length = int.from_bytes(request[12:14], "big") if block else 4
        writes = code in (messages.WRITE_QUADLET, messages.WRITE_BLOCK)
        data = b""
        if not 1 <= length <= most:
            result = BAD_LENGTH
        elif address is None:
            result = BAD_ADDRESS
        elif writes:
            result = self._write(address, request[16:] if block else request[12:16])
        else:
            result, data = self._read(address, length)
        self._note(writes, address, result)
        if result:
            self._failed(result, request, address or 0)
        answer = _head(request, messages.ANSWERS[code], result)
        if writes:
            return answer
        if code == messages.READ_QUADLET:
            return answer + (data or bytes(4))
        return answer + struct.pack(">HH", len(data), 0) + data

    def status(self) -> bytes:
        """Return the status area as it is now."""
        network = IPv4Network(f"{self.address}/{self.prefix}", strict=False)
        address = IPv4Address(self.address)
        gateway = IPv4Address(self._gateway) if self._gateway else network.network_address + 1
        mac = self._mac.replace(":", "") if self._mac else "00a03d" + address.packed[1:].hex()
        code, label, source, place = self._error
        head = STATUS.pack(
            0x42,
            int(self.clear_needed),
            0,
            code,
            label,
            source,
            place,
            self._firmware,
            self._firmware,
            self._type,
            self._hardware,
            self._ram,
            bytes.fromhex(mac),
            address.packed,
            network.netmask.packed,
            gateway.packed,
        )
        part, *dates = (
            text.encode("latin-1", "replace") for text in (self.plate.product, *self._dates)
        )
        texts = part[:31].ljust(32, b"\0") + b"".join(one[:15].ljust(16, b"\0") for one in dates)
        return (head.ljust(0x80, b"\0") + texts).ljust(areas.STATUS_SIZE, b"\0")

    def _read(self, address: int, length: int) -> tuple[int, bytes]:
        if areas.STATUS <= address < areas.STATUS + areas.STATUS_SIZE:
            at = address - areas.STATUS
            fits = at + length <= areas.STATUS_SIZE
            return (0, self.status()[at : at + length]) if fits else (BAD_ADDRESS, b"")
        if self.clear_needed:
            return CLEAR_EXPECTED, b""
        for start, octets in self._readable():
            at = address - start
            if at >= 0 and at + length <= len(octets):
                return 0, bytes(octets[at : at + length])
        return BAD_ADDRESS, b""

    def _readable(self) -> Iterable[tuple[int, bytes | bytearray]]:
        yield from self._areas.items()
        yield PORT_SETTING, self.ports[Transport.TCP].to_bytes(4, "big")
        yield IP_SETTINGS, self._ip_settings()

    def _ip_settings(self) -> bytes:
        """Return address, mask, gateway, name server: each a value and its complement."""
        values = [*struct.unpack(">III", self.status()[0x34:0x40]), 0]
        told = b"".join(struct.pack(">II", one, one ^ 0xFFFFFFFF) for one in values)
        return told.ljust(IP_SETTINGS_SIZE, b"\0")

    def _write(self, address: int, data: bytes) -> int:
        if areas.STATUS_WRITE <= address <= areas.STATUS_WRITE + 0x2B3:
            known = address == areas.STATUS_WRITE and len(data) == 4
            return self._operate(int.from_bytes(data, "big")) if known else BAD_ADDRESS
        if self.clear_needed:
            return CLEAR_EXPECTED
        for start, octets in self._areas.items():
            at = address - start
            if at >= 0 and at + len(data) <= len(octets):
                octets[at : at + len(data)] = data
                return 0
        return BAD_ADDRESS

    def _operate(self, operation: int) -> int:
        if operation == 1:
            self.clear_needed = False
            return 0
        if self.clear_needed:
            return CLEAR_EXPECTED
        if operation == 2:
            self.clear_needed, self._error = True, (0, 0, 0, 0)
            self._areas[SCRATCH] = bytearray(areas_size(SCRATCH))
            return 0
        return NOT_THERE if operation in areas.OPERATIONS else BAD_ADDRESS

    def _failed(self, result: int, request: bytes, address: int) -> None:
        source = int.from_bytes(request[4:6], "big")
        self._error = (0xE000 | result, request[2] >> 2, source, address)

    def _note(self, writes: bool, address: int | None, result: int) -> None:
        found = areas.area(address) if address is not None else None
        what = f"{'write' if writes else 'read'} {found.title if found else 'unmapped address'}"
        self.tally.note(f"{what}, refused: {messages.ERRORS[result]}" if result else what)


class _Stream(Framed):
    """A connection: framed by transaction code and length, nothing else marks a message."""

    device: OptoMmp
    largest = 16 + 0xFFFF

    def measure(self, octets: bytes) -> int | None:
        """Tell the length of the request at the start; an unknown code is twelve octets."""
        return _size(octets) or 0

    def answer(self, message: bytes, now_ns: int) -> bytes:
        """Answer one request; after a code that is none the stream is lost, and its rest."""
        if message[3] >> 4 not in messages.SIZES:
            self._buffer.clear()
        return self.device.respond(message, MOST_TCP)


def areas_size(address: int) -> int:
    """Return how many octets the area that begins there has."""
    found = areas.area(address)
    return found.last - found.first + 1 if found else 0


def _size(octets: bytes) -> int | None:
    """Return how long the request at the start is, None while too little of it is there."""
    if len(octets) < 12:
        return None
    code = octets[3] >> 4
    size = messages.SIZES.get(code, 12)
    if code not in messages.BLOCKS:
        return size
    return size + int.from_bytes(octets[12:14], "big") if len(octets) >= size else None


def _head(request: bytes, code: int, result: int) -> bytes:
    """Return the twelve octets of an answer: destination, label and source are echoed."""
    return request[:3] + bytes((code << 4,)) + request[4:6] + bytes((result << 4, 0, 0, 0, 0, 0))


def _firmware(text: str) -> bytes:
    match = _FIRMWARE.fullmatch(text)
    numbers = [int(match[2]), int(match[3])] if match else [256]
    if match is None or max(numbers) > 255:
        raise UsageError(f"an Opto 22 version is written R10.3a (A, B, R or S first), got {text!r}")
    return bytes((*numbers, "ABRS".index(match[1]), ord(match[4]) - ord("a")))
