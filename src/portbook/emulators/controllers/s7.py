"""A Siemens S7 controller: connects, negotiates, lets two of its status lists be read; no more.

Sources: RFC 1006 section 6; ISO 8073 section 13; Wireshark's packet-s7comm.c; a dialogue with a
Snap7 server. Reading and writing memory, programs, start and stop are refused.
"""

from __future__ import annotations

import struct

from portbook.emulators.controllers import Device, Door, Framed, Plate, dotted
from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols.s7comm import (
    ACKNOWLEDGE,
    ANSWER,
    COMPONENT_LIST,
    COMPONENTS,
    COPYRIGHT,
    HEADER,
    JOB,
    MODULE_LIST,
    USER_DATA,
)
from portbook.protocols.tpkt import CONFIRM, CONNECT, DATA, DISCONNECT, LAST

SETUP = 0xF0
LARGEST_PDU, LEAST_PDU = 480, 240
NO_FUNCTION = (0x81, 0x04)  # error class and code: the function does not exist
NO_LIST = 0xD401  # error of user data
READ_LIST = bytes((0x44, 0x01))  # request of the group "CPU functions", status list
HEAD = b"\x00\x01\x12"
DATA_HEAD = bytes((2, DATA, LAST))
GOOD, OCTETS, NOTHING = 0xFF, 0x09, 0x0A
MODULE, HARDWARE, FIRMWARE, BOOT = 1, 6, 7, 0x81


class S7(Device):
    """A CPU; its plate's product is the module's type, its version as 3.2.6 or V3.2.6.

    order: the order number; plant, card: texts of its component list; largest_pdu: octets of the
    largest message that it negotiates, 240 to 480: a list longer than that comes in parts
    """

    kind = "s7"
    title = "Siemens S7 controller"
    usual = Plate("portbook", "Siemens", "CPU 315-2 PN/DP", "V3.2.6", "S C-STANDIN00001")
    carries = ("name", "vendor", "product", "version", "serial")
    doors = (Door(Transport.TCP, 102, most=8),)

    def __init__(
        self,
        plate: Plate | None = None,
        *,
        order: str = "6ES7 315-2EH14-0AB0",
        plant: str = "",
        card: str = "MMC 267FF11F",
        largest_pdu: int = LARGEST_PDU,
    ) -> None:
        super().__init__(plate)
        if len(order) > 20 or not order.isascii():
            raise UsageError(f"an order number has at most 20 ASCII letters, got {order!r}")
        if not LEAST_PDU <= largest_pdu <= LARGEST_PDU:
            raise UsageError(f"a message has {LEAST_PDU} to {LARGEST_PDU} octets at most")
        self.largest_pdu = largest_pdu
        self._lists = {MODULE_LIST: self._modules(order), COMPONENT_LIST: self._parts(plant, card)}

    def session(self, now_ns: int) -> Framed:
        """Return a session, which begins with a transport connection."""
        return _Telegrams(self)

    def status_list(self, kind: int, index: int) -> bytes | None:
        """Return a system status list with its head, or None when there is none."""
        records = self._lists.get(kind)
        if records is None:
            return None
        head = struct.pack(">HHHH", kind, index, len(records[0]), len(records))
        return head + b"".join(records)

    def _modules(self, order: str) -> list[bytes]:
        text = order.encode().ljust(20)
        release = b"V" + dotted(self.plate.version.removeprefix("V"), 3, "an S7 version")
        return [
            struct.pack(">H", MODULE) + text + b"\0\xc0\0\4\0\1",
            struct.pack(">H", HARDWARE) + text + b"\0\xc0\0\4\0\1",
            struct.pack(">H", FIRMWARE) + b" " * 20 + b"\0\xc0" + release,
            struct.pack(">H", BOOT) + b"Boot Loader".ljust(20) + b"\0\0A \t\t",
        ]

    def _parts(self, plant: str, card: str) -> list[bytes]:
        plate = self.plate
        told = {
            "name": plate.name,
            "module name": plate.product,
            "plant": plant,
            "serial": plate.serial,
            "product": plate.product,
            "memory card": card,
        }
        texts = {
            number: told[what].encode("latin-1", "replace") for number, what in COMPONENTS.items()
        }
        texts[COPYRIGHT] = f"Original {plate.vendor} Equipment".encode("latin-1", "replace")
        # 9: maker and profile, 42 and F600 of Siemens; 10, 11: nothing is told
        texts |= {9: b"\x00\x2a\xf6\x00\x00\x01", 10: b"", 11: b""}
        return [struct.pack(">H32s", number, texts[number]) for number in sorted(texts)]


class _Telegrams(Framed):
    """A connection: transport first, then setup, then lists; a long list comes in parts."""

    device: S7
    largest = 4096

    def __init__(self, device: S7) -> None:
        super().__init__(device)
        self._connected = False
        self._pdu = LEAST_PDU
        self._reads = 0
        self._rest: tuple[int, bytes] | None = None  # number of the reading, octets to come
        self._unit = b""

    def measure(self, octets: bytes) -> int | None:
        """Tell the length of the telegram at the start (TPKT)."""
        if octets[:1] != b"\3":
            return None
        if len(octets) < 4:
            return 0
        length = int.from_bytes(octets[2:4], "big")
        return length if length >= 7 else None

    def answer(self, message: bytes, now_ns: int) -> bytes:
        """Answer one telegram."""
        indicator, kind = message[4], message[5]
        if 5 + indicator > len(message):
            self.device.tally.strange += 1
            return b""
        if kind == CONNECT and not self._connected and indicator >= 6:
            return self._connect(message[: 5 + indicator])
        if kind == DATA and self._connected and indicator == 2:
            return self._data(message)
        self.device.tally.note("disconnect" if kind == DISCONNECT else "telegram out of place")
        self.ended = True
        return b""

    def _connect(self, telegram: bytes) -> bytes:
        """Confirm a connection: the references change sides, the parameters are repeated."""
        self._connected = True
        parameters = telegram[11:]
        self.device.tally.note(f"connect{_called(parameters)}")
        head = bytes((6 + len(parameters), CONFIRM)) + telegram[8:10] + b"\0\1" + telegram[10:11]
        return _telegram(head + parameters)

    def _data(self, message: bytes) -> bytes:
        self._unit += message[7:]
        if not message[6] & LAST:
            if len(self._unit) > self.largest:
                self.ended = True
            return b""
        unit, self._unit = self._unit, b""
        head = HEADER.read(unit)
        if head is None or head["protocol"] != 0x32 or head["redundancy"]:
            self.device.tally.strange += 1
            return b""
        middle = HEADER.size + head["parameters"]
        if len(unit) != middle + head["data"]:
            self.device.tally.strange += 1
            return b""
        parameters, data = unit[HEADER.size : middle], unit[middle:]
        if head["type"] == JOB:
            return self._job(head["reference"], parameters)
        if head["type"] == USER_DATA:
            return self._user_data(head["reference"], parameters, data)
        self.device.tally.strange += 1
        return b""

    def _job(self, reference: int, parameters: bytes) -> bytes:
        function = parameters[0] if parameters else 0
        if function != SETUP or len(parameters) != 8:
            self.device.tally.note(f"job {function:#04x}, refused")
            return _unit(ACKNOWLEDGE, reference, b"", b"", NO_FUNCTION)
        self.device.tally.note("setup communication")
        calling, called, size = struct.unpack(">HHH", parameters[2:])
        self._pdu = min(max(size, LEAST_PDU), self.device.largest_pdu)
        told = struct.pack(">BBHHH", SETUP, 0, min(calling, 1), min(called, 1), self._pdu)
        return _unit(ANSWER, reference, told, b"", (0, 0))

    def _user_data(self, reference: int, parameters: bytes, data: bytes) -> bytes:
        if len(parameters) < 8 or parameters[:3] != HEAD or parameters[5:7] != READ_LIST:
            self.device.tally.note("user data, refused")
            return self._told(reference, 0, 0, NO_LIST, None)
        if self._rest and parameters[3] == 8:
            number, octets = self._rest
            return self._part(reference, number, octets)
        asked = struct.unpack(">HH", data[4:8]) if len(data) == 8 else None
        found = self.device.status_list(*asked) if asked else None
        if asked is None or found is None:
            self.device.tally.note("read another status list, refused")
            return self._told(reference, 0, 0, NO_LIST, None)
        self.device.tally.note(f"read status list {asked[0]:#06x}")
        number, self._reads = self._reads, (self._reads + 1) % 256
        return self._part(reference, number, found)

    def _part(self, reference: int, number: int, octets: bytes) -> bytes:
        """Return as much of a list as the negotiated size allows, and keep the rest."""
        room = self._pdu - HEADER.size - 12 - 4
        here, later = octets[:room], octets[room:]
        self._rest = (number, later) if later else None
        return self._told(reference, number, int(later != b""), 0, here)

    def _told(
        self, reference: int, number: int, more: int, error: int, octets: bytes | None
    ) -> bytes:
        parameters = (
            HEAD + b"\x08\x12\x84\x01" + bytes((number, 0, more)) + error.to_bytes(2, "big")
        )
        code, form = (GOOD, OCTETS) if octets is not None else (NOTHING, 0)
        data = struct.pack(">BBH", code, form, len(octets or b"")) + (octets or b"")
        return _unit(USER_DATA, reference, parameters, data)


def _unit(
    kind: int, reference: int, parameters: bytes, data: bytes, error: tuple[int, int] | None = None
) -> bytes:
    head = HEADER.write(type=kind, reference=reference, parameters=len(parameters), data=len(data))
    return _telegram(DATA_HEAD + head + bytes(error or ()) + parameters + data)


def _telegram(body: bytes) -> bytes:
    return struct.pack(">BBH", 3, 0, 4 + len(body)) + body


def _called(parameters: bytes) -> str:
    """Return what a connect asks for, by the access point that it calls."""
    at = 0
    while at + 2 <= len(parameters):
        code, size = parameters[at], parameters[at + 1]
        if code == 0xC2 and 1 <= size <= 2 and at + 2 + size <= len(parameters):
            return f" to {parameters[at + 2 : at + 2 + size].hex()}"
        at += 2 + size
    return ""
