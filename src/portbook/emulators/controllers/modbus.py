"""A Modbus/TCP server: reads, device identification, server id; everything else is refused.

Source: Modbus Application Protocol Specification V1.1b3, sections 6 and 7; Messaging on TCP/IP
Implementation Guide V1.0b, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from portbook.emulators.controllers import Device, Door, Framed, Plate
from portbook.errors import UsageError
from portbook.ports import Transport

READ_BITS, READ_REGISTERS = (1, 2), (3, 4)
DIAGNOSTICS, SERVER_ID, ENCAPSULATED = 8, 17, 43
IDENTIFICATION = 0x0E
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
BITS_AT_MOST, REGISTERS_AT_MOST, PDU_AT_MOST = 2000, 125, 253
CONFORMITY = 0x83  # extended identification, by stream and one by one
STREAMS = {1: range(3), 2: range(7), 3: range(256)}
ONE = 4
SERIAL = 0x80  # the first of the objects that a vendor may define
RUNNING = 0xFF
REGISTERS = tuple(range(100, 200))
NAMES = {1: "read coils", 2: "read discrete inputs", 3: "read holding registers"} | {
    4: "read input registers", DIAGNOSTICS: "diagnostics", SERVER_ID: "report server id",
    ENCAPSULATED: "read device identification",
}  # fmt: skip


class Modbus(Device):
    """A server of one table of registers, holding and input registers alike.

    registers: 0 to 65535 each; coils and discrete inputs tell whether each is odd
    """

    kind = "modbus"
    title = "Modbus/TCP server"
    usual = Plate("portbook", "portbook stand-in", "STAND-IN-502", "1.0.0", "0001")
    carries = ("name", "vendor", "product", "version", "serial")
    doors = (Door(Transport.TCP, 502, most=8),)

    def __init__(self, plate: Plate | None = None, *, registers: Sequence[int] = REGISTERS) -> None:
        super().__init__(plate)
        if len(registers) > 65536 or not all(0 <= one <= 0xFFFF for one in registers):
            raise UsageError("a Modbus stand-in has at most 65536 registers of 0 to 65535")
        self._registers = tuple(registers)
        told = (
            (0, self.plate.vendor),
            (1, self.plate.product),
            (2, self.plate.version),
            (6, self.plate.name),
            (SERIAL, self.plate.serial),
        )
        # the first three are mandatory, the others are there when they have a text
        self._objects = {key: text.encode() for key, text in told if text or key < 3}

    def session(self, now_ns: int) -> Framed:
        """Return a session; all units behind the address are the device itself."""
        return _Stream(self)

    def respond(self, pdu: bytes) -> bytes:
        """Return the answer to one request: function and data, or an exception."""
        function = pdu[0]
        name = NAMES.get(function, f"function {function}")
        answer = self._answer(function, pdu[1:])
        if isinstance(answer, int):
            self.tally.note(f"{name}, exception {answer}")
            return bytes((function | 0x80, answer))
        self.tally.note(name)
        return bytes((function,)) + answer

    def _answer(self, function: int, data: bytes) -> bytes | int:
        if function in READ_BITS or function in READ_REGISTERS:
            return self._values(function, data)
        if function == DIAGNOSTICS:  # sub-function 0 returns what it was given
            return data if data[:2] == b"\0\0" and len(data) >= 4 else ILLEGAL_FUNCTION
        if function == SERVER_ID:
            plate = self.plate
            text = f"{plate.vendor}-{plate.product}-{plate.version}".encode()[:250]
            return bytes((len(text) + 1,)) + text + bytes((RUNNING,))
        if function == ENCAPSULATED and data[:1] == bytes((IDENTIFICATION,)):
            return self._identify(data)
        return ILLEGAL_FUNCTION

    def _values(self, function: int, data: bytes) -> bytes | int:
        if len(data) != 4:
            return ILLEGAL_VALUE
        start, many = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")
        if not 1 <= many <= (BITS_AT_MOST if function in READ_BITS else REGISTERS_AT_MOST):
            return ILLEGAL_VALUE
        values = self._registers[start : start + many]
        if len(values) < many:
            return ILLEGAL_ADDRESS
        if function in READ_REGISTERS:
            octets = b"".join(value.to_bytes(2, "big") for value in values)
        else:
            bits = sum((value & 1) << at for at, value in enumerate(values))
            octets = bits.to_bytes((many + 7) // 8, "little")
        return bytes((len(octets),)) + octets

    def _identify(self, data: bytes) -> bytes | int:
        """Return identification objects, by stream from one on, or a single one."""
        if len(data) != 3:
            return ILLEGAL_VALUE
        code, first = data[1], data[2]
        if code == ONE:
            if first not in self._objects:
                return ILLEGAL_ADDRESS
            return self._told(code, [first], 0)
        if code not in STREAMS:
            return ILLEGAL_VALUE
        wanted = [key for key in self._objects if key in STREAMS[code]]
        if first in wanted:  # else from the first on (section 6.21)
            wanted = wanted[wanted.index(first) :]
        room = PDU_AT_MOST - 7
        for done, key in enumerate(wanted):
            room -= 2 + len(self._objects[key])
            if room < 0:
                return self._told(code, wanted[:done], key)
        return self._told(code, wanted, 0)

    def _told(self, code: int, keys: list[int], more: int) -> bytes:
        head = (IDENTIFICATION, code, CONFORMITY, 0xFF if more else 0, more, len(keys))
        objects = (bytes((key, len(self._objects[key]))) + self._objects[key] for key in keys)
        return bytes(head) + b"".join(objects)


class _Stream(Framed):
    """A connection: transaction, protocol 0, length, unit, function and data."""

    device: Modbus
    largest = 260

    def measure(self, octets: bytes) -> int | None:
        """Tell the length of the request at the start."""
        if octets[2:4].strip(b"\0"):
            return None
        if len(octets) < 6:
            return 0
        length = int.from_bytes(octets[4:6], "big")
        return 6 + length if 2 <= length <= 254 else None

    def answer(self, message: bytes, now_ns: int) -> bytes:
        """Answer one request: transaction and unit are repeated."""
        pdu = self.device.respond(message[7:])
        return message[:4] + (len(pdu) + 1).to_bytes(2, "big") + message[6:7] + pdu
