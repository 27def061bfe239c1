"""An EtherNet/IP adapter: lists itself, registers sessions, lets its identity object be read.

Sources: CIP volume 2, chapter 2 (encapsulation); CIP volume 1, chapters 3 to 5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import IPv4Address

from portbook.emulators.controllers import Device, Door, Framed, Plate, Sent, dotted, number
from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols.enip import (
    HEADER,
    IDENTITY,
    IDENTITY_ITEM,
    LIST_IDENTITY,
    LIST_INTERFACES,
    LIST_SERVICES,
    NOP,
    REGISTER,
    SEND_RR,
    SEND_UNIT,
    UNCONNECTED_DATA,
    UNREGISTER,
    VENDORS,
    VERSION_1,
)

UNSUPPORTED, WRONG_DATA, NO_SESSION, WRONG_LENGTH, WRONG_VERSION = 1, 3, 0x64, 0x65, 0x69
SERVICES_ITEM = struct.pack("<HHHH16s", 0x0100, 20, 1, 0x0120, b"Communications")
STATE = 3  # operational
GET_ALL, GET_ONE, UNCONNECTED_SEND = 0x01, 0x0E, 0x52
IDENTITY_CLASS, MANAGER_CLASS = 0x01, 0x06
PATH_FAULT, PATH_UNKNOWN, NO_SERVICE, TOO_SHORT, NO_ATTRIBUTE = 0x04, 0x05, 0x08, 0x13, 0x14
CLASS, INSTANCE, ATTRIBUTE = 0x20, 0x24, 0x30
REQUEST = struct.Struct("<IHHHHHH")  # interface, timeout, two items: address, data


class Enip(Device):
    """An adapter; its plate's vendor is a name that is known or a number, its serial a number.

    device_type, product_code, status: numbers of its identity
    """

    kind = "enip"
    title = "EtherNet/IP adapter"
    usual = Plate("", "Opto 22", "STAND-IN", "10.3", "0x0011223E")
    carries = ("vendor", "product", "version", "serial")
    doors = (Door(Transport.TCP, 44818), Door(Transport.UDP, 44818, broadcast=True))
    needs_ipv4 = True

    def __init__(
        self,
        plate: Plate | None = None,
        *,
        device_type: int = 12,
        product_code: int = 1,
        status: int = 0x0030,
    ) -> None:
        super().__init__(plate)
        major, minor = dotted(self.plate.version, 2, "a CIP revision")
        self._name = self.plate.product.encode("latin-1", "replace")
        self._fields = {
            "vendor": _vendor(self.plate.vendor),
            "type": device_type,
            "product": product_code,
            "major": major,
            "minor": minor,
            "status": status,
            "serial": number(self.plate.serial, 0xFFFFFFFF, "a CIP serial number"),
        }
        self._handle = 0x13020200

    def datagram(self, octets: bytes, now_ns: int) -> Iterable[Sent]:
        """Answer the questions that need no session; over UDP there is none."""
        if len(octets) < HEADER.size or len(octets) != HEADER.size + _length(octets):
            self.tally.strange += 1
            return ()
        answer = self.respond(octets, None)
        return [Sent(answer)] if answer else ()

    def session(self, now_ns: int) -> Framed:
        """Return a session; each may register once."""
        return _Stream(self)

    def respond(self, message: bytes, session: _Stream | None) -> bytes:
        """Return the answer to one encapsulated message, nothing where there is none.

        session: None over UDP
        """
        head = HEADER.read(message)
        assert head is not None
        command, data = head["command"], message[HEADER.size :]
        status, answer, handle = 0, b"", head["session"]
        if command == LIST_IDENTITY:
            self.tally.note("ListIdentity")
            answer = struct.pack("<H", 1) + self.identity_item()
        elif command == LIST_SERVICES:
            self.tally.note("ListServices")
            answer = struct.pack("<H", 1) + SERVICES_ITEM
        elif command == LIST_INTERFACES:
            self.tally.note("ListInterfaces")
            answer = struct.pack("<H", 0)
        elif command == NOP:
            self.tally.note("NOP")
            return b""
        elif session is None or command not in (REGISTER, UNREGISTER, SEND_RR, SEND_UNIT):
            self.tally.note(f"command {command:#06x}, refused")
            status = UNSUPPORTED
        else:
            status, answer, handle = session.command(command, handle, data)
            if session.ended:
                return b""
        return (
            HEADER.write(
                command=command,
                length=len(answer),
                session=handle,
                status=status,
                context=head["context"],
            )
            + answer
        )

    def identity_item(self) -> bytes:
        """Return the item that ListIdentity lists."""
        item = IDENTITY.write(
            self._fields,
            version=1,
            family=2,
            port=self.ports[Transport.TCP],
            address=str(IPv4Address(self.address)),
            name_length=len(self._name),
        )
        item += self._name + bytes((STATE,))
        return struct.pack("<HH", IDENTITY_ITEM, len(item)) + item

    def next_handle(self) -> int:
        """Return a handle for a session that registers."""
        self._handle = self._handle % 0xFFFFFFFF + 1
        return self._handle - 1 or 1

    def cip(self, request: bytes) -> bytes:
        """Return the answer to one CIP request: service, status, data."""
        service = request[0]
        read = _path(request)
        if read is None:
            self.tally.strange += 1
            return _reply(service, PATH_FAULT)
        path, data = read
        if (service, path.get(CLASS)) == (UNCONNECTED_SEND, MANAGER_CLASS):
            size = int.from_bytes(data[2:4], "little")
            inner = data[4 : 4 + size]
            # one level only: what is wrapped twice is no service of this device
            if len(data) < 4 or len(inner) != size or size < 2 or inner[0] == UNCONNECTED_SEND:
                return _reply(service, TOO_SHORT)
            return self.cip(inner)
        status, answer = self._object(service, path)
        self.tally.note(
            f"CIP service {service:#04x}, status {status:#04x}" if status else "read identity"
        )
        return _reply(service, status, answer)

    def _object(self, service: int, path: dict[int, int]) -> tuple[int, bytes]:
        if path.get(CLASS) != IDENTITY_CLASS or path.get(INSTANCE) != 1:
            known = path.get(CLASS) == MANAGER_CLASS
            return (NO_SERVICE if known else PATH_UNKNOWN), b""
        attributes = self._attributes()
        if service == GET_ALL:
            return 0, b"".join(attributes)
        if service != GET_ONE:
            return NO_SERVICE, b""
        at = path.get(ATTRIBUTE, 0)
        return (0, attributes[at - 1]) if 1 <= at <= len(attributes) else (NO_ATTRIBUTE, b"")

    def _attributes(self) -> list[bytes]:
        one = self._fields
        name = bytes((len(self._name),)) + self._name
        words = [struct.pack("<H", one[key]) for key in ("vendor", "type", "product")]
        revision = bytes((one["major"], one["minor"]))
        status, serial = struct.pack("<H", one["status"]), struct.pack("<I", one["serial"])
        return [*words, revision, status, serial, name]


class _Stream(Framed):
    device: Enip
    largest = HEADER.size + 4096

    def __init__(self, device: Enip) -> None:
        super().__init__(device)
        self._handle = 0

    def measure(self, octets: bytes) -> int | None:
        """Tell the length of the message at the start."""
        if len(octets) < HEADER.size:
            return 0
        return HEADER.size + _length(octets)

    def answer(self, message: bytes, now_ns: int) -> bytes:
        """Answer one message."""
        return self.device.respond(message, self)

    def command(self, command: int, handle: int, data: bytes) -> tuple[int, bytes, int]:
        """Do what needs a session; returns status, data and session handle of the answer."""
        note = self.device.tally.note
        if command == UNREGISTER:
            note("UnRegisterSession")
            self.ended = True
            return 0, b"", handle
        if command == REGISTER:
            return self._register(data)
        if not self._handle or handle != self._handle:
            note("data without a session, refused")
            return NO_SESSION, b"", handle
        cip = _unconnected(data) if command == SEND_RR else None
        if cip is None:
            note("data that cannot be, or of a connection that is not, refused")
            return WRONG_DATA, b"", handle
        answer = self.device.cip(cip)
        items = REQUEST.pack(0, 0, 2, 0, 0, UNCONNECTED_DATA, len(answer))
        return 0, items + answer, handle

    def _register(self, data: bytes) -> tuple[int, bytes, int]:
        self.device.tally.note("RegisterSession")
        if len(data) != len(VERSION_1):
            return WRONG_LENGTH, b"", 0
        if data != VERSION_1 or self._handle:
            return (UNSUPPORTED if self._handle else WRONG_VERSION), VERSION_1, 0
        self._handle = self.device.next_handle()
        return 0, VERSION_1, self._handle


def _path(request: bytes) -> tuple[dict[int, int], bytes] | None:
    """Return class, instance and attribute of a request's path, and the data behind it."""
    if len(request) < 2 or 2 + 2 * request[1] > len(request):
        return None
    at, end = 2, 2 + 2 * request[1]
    found: dict[int, int] = {}
    while at < end:
        kind = request[at] & 0xFC
        size = {0: 1, 1: 2}.get(request[at] & 3)
        start = at + (1 if size == 1 else 2)  # a word is aligned by an octet of zero
        if kind not in (CLASS, INSTANCE, ATTRIBUTE) or size is None or start + size > end:
            return None
        found[kind] = int.from_bytes(request[start : start + size], "little")
        at = start + size
    return found, request[end:]


def _unconnected(data: bytes) -> bytes | None:
    """Return the CIP request in a SendRRData: an empty address item, then unconnected data."""
    if len(data) < REQUEST.size:
        return None
    interface, _, items, address, none, kind, size = REQUEST.unpack_from(data)
    fits = len(data) == REQUEST.size + size and size >= 2
    if (interface, items, address, none, kind) != (0, 2, 0, 0, UNCONNECTED_DATA) or not fits:
        return None
    return data[REQUEST.size :]


def _reply(service: int, status: int, data: bytes = b"") -> bytes:
    return bytes((service | 0x80, 0, status, 0)) + data


def _length(octets: bytes) -> int:
    return int(HEADER.get(octets, "length"))


def _vendor(text: str) -> int:
    known = {name.lower(): key for key, name in VENDORS.items()}
    if text.lower() in known:
        return known[text.lower()]
    try:
        return number(text, 0xFFFF, "a CIP vendor")
    except UsageError as error:
        names = ", ".join(VENDORS.values())
        raise UsageError(f"{error}; by name there are {names}") from error
