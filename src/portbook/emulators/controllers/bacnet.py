"""A BACnet/IP device: answers Who-Is, and ReadProperty of its one object, the device itself.

Source: ANSI/ASHRAE 135, clauses 5 (encoding of messages), 6 (network layer), 12.11, 15.5, 16.10,
18, 20.2, annex J.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from portbook.emulators.controllers import Device, Door, Plate, Sent, number
from portbook.ports import Transport
from portbook.protocols.bacnet import DEVICE, I_AM, IPV4, LINK, READ_PROPERTY, Tag, tags

UNICAST, BROADCAST = 0x0A, 0x0B
WHO_IS = 8
WILDCARD = 0x3FFFFF  # "the device that I am talking to"
REQUEST, UNCONFIRMED, COMPLEX, ERROR, REJECT, ABORT = 0x00, 0x10, 0x30, 0x50, 0x60, 0x71
SEGMENTED = 0x08
HAS_TARGET, HAS_ORIGIN, IS_NETWORK = 0x20, 0x08, 0x80
OBJECT_CLASS, PROPERTY_CLASS = 1, 2
UNKNOWN_OBJECT, UNKNOWN_PROPERTY, BAD_INDEX, NOT_ARRAY = 31, 32, 42, 50
NO_SERVICE, MISSING_PARAMETER = 9, 5  # reasons to reject
NO_SEGMENTS = 4  # reason to abort, and what the device says of itself: 3
UNSIGNED, CHARACTERS, BITS, ENUMERATED, OBJECT = 2, 7, 8, 9, 12
OBJECT_LIST = 76


class Bacnet(Device):
    """A device; instance: its number; max_apdu: octets of its longest message.

    vendor_id: as ASHRAE numbers vendors; ucs2: texts in UCS-2 instead of UTF-8
    """

    kind = "bacnet"
    title = "BACnet/IP device"
    usual = Plate("portbook", "portbook stand-in", "Stand-in", "1.0", "0001")
    carries = ("name", "vendor", "product", "version", "serial")
    doors = (Door(Transport.UDP, 47808, broadcast=True),)
    needs_ipv4 = True

    def __init__(
        self,
        plate: Plate | None = None,
        *,
        instance: int = 4711,
        vendor_id: int = 0,
        max_apdu: int = 480,
        ucs2: bool = False,
    ) -> None:
        super().__init__(plate)
        self._instance = number(str(instance), WILDCARD - 1, "a BACnet device instance")
        vendor = number(str(vendor_id), 0xFFFF, "a BACnet vendor id")
        self._charset = (4, "utf-16-be") if ucs2 else (0, "utf-8")
        self._i_am = b"".join(
            (
                bytes((UNCONFIRMED, I_AM)),
                _object(self._instance),
                application(UNSIGNED, _number(max_apdu)),
                application(ENUMERATED, b"\3"),
                application(UNSIGNED, _number(vendor)),
            )
        )
        self._properties = self._all(vendor, max_apdu)

    def datagram(self, octets: bytes, now_ns: int) -> Iterable[Sent]:
        """Answer one datagram, to who sent it: an answer need not be broadcast (clause 16.10)."""
        found = _network(octets)
        if found is None:
            self.tally.strange += 1
            return ()
        message, back = found
        answer = self._answer(message)
        if answer is None:
            return ()
        network = (b"\1\x20" + back + b"\xff" if back else b"\1\0") + answer
        length = LINK.size + len(network)
        return [Sent(LINK.write(function=UNICAST, length=length) + network)]

    def _answer(self, message: bytes) -> bytes | None:
        """Return the answer to an application message, None where there is none."""
        kind = message[0] & 0xF0
        if kind == UNCONFIRMED:
            return self._unconfirmed(message)
        if kind != REQUEST:
            self.tally.strange += 1
            return None
        if len(message) < 4:
            self.tally.strange += 1
            return None
        invoke, service = message[2:3], message[3]
        if message[0] & SEGMENTED:
            self.tally.note("segmented request, refused")
            return bytes((ABORT,)) + invoke + bytes((NO_SEGMENTS,))
        if service != READ_PROPERTY:
            self.tally.note(f"service {service}, refused")
            return bytes((REJECT,)) + invoke + bytes((NO_SERVICE,))
        return self._read(invoke, message[4:])

    def _unconfirmed(self, message: bytes) -> bytes | None:
        if len(message) < 2 or message[1] != WHO_IS:
            self.tally.note("unconfirmed service, heard only")
            return None
        self.tally.note("Who-Is")
        limits, exact = tags(message, 2)
        if not exact or [one.number for one in limits] not in ([], [0, 1]):
            self.tally.strange += 1
            return None
        low, high = (
            [int.from_bytes(one.octets, "big") for one in limits] if limits else (0, WILDCARD)
        )
        return self._i_am if low <= self._instance <= high else None

    def _read(self, invoke: bytes, parameters: bytes) -> bytes:
        found, exact = tags(parameters, 0)
        if not exact or not _is_read(found):
            self.tally.note("ReadProperty without its parameters, refused")
            return bytes((REJECT,)) + invoke + bytes((MISSING_PARAMETER,))
        target = int.from_bytes(found[0].octets, "big")
        wanted = int.from_bytes(found[1].octets, "big")
        index = int.from_bytes(found[2].octets, "big") if len(found) > 2 else None
        value = self._value(target, wanted, index)
        if isinstance(value, tuple):
            self.tally.note("ReadProperty of what is not there")
            told = b"".join(application(ENUMERATED, _number(one)) for one in value)
            return bytes((ERROR,)) + invoke + bytes((READ_PROPERTY,)) + told
        self.tally.note(f"ReadProperty {wanted}")
        head = bytes((COMPLEX,)) + invoke + bytes((READ_PROPERTY,))
        # the question's parameters are repeated as they came, the wildcard too
        return head + parameters + b"\x3e" + value + b"\x3f"

    def _value(self, target: int, wanted: int, index: int | None) -> bytes | tuple[int, int]:
        if target >> 22 != DEVICE or target & WILDCARD not in (self._instance, WILDCARD):
            return OBJECT_CLASS, UNKNOWN_OBJECT
        value = self._properties.get(wanted)
        if value is None:
            return PROPERTY_CLASS, UNKNOWN_PROPERTY
        if index is None:
            return value
        if wanted != OBJECT_LIST:
            return PROPERTY_CLASS, NOT_ARRAY
        if index > 1:
            return PROPERTY_CLASS, BAD_INDEX
        return value if index else application(UNSIGNED, b"\1")

    def _all(self, vendor: int, max_apdu: int) -> Mapping[int, bytes]:
        """Return the properties of the device object by number (clause 12.11, table 12-13)."""
        plate = self.plate
        itself = _object(self._instance)
        services = bytearray(5)
        for bit in (12, 34):  # ReadProperty, Who-Is
            services[bit // 8] |= 0x80 >> bit % 8
        return {
            11: application(UNSIGNED, _number(3000)),  # APDU timeout, ms
            12: self._text(plate.version),  # application software
            28: self._text("portbook stand-in"),
            30: b"",  # device address binding: none
            44: self._text(plate.version),  # firmware
            62: application(UNSIGNED, _number(max_apdu)),
            70: self._text(plate.product),
            73: application(UNSIGNED, b"\0"),  # retries
            75: itself,
            OBJECT_LIST: itself,
            77: self._text(plate.name),
            79: application(ENUMERATED, bytes((DEVICE,))),
            96: application(BITS, b"\7\0\x80"),  # object types: device, bit 8 of 9
            97: application(BITS, b"\0" + bytes(services)),
            98: application(UNSIGNED, b"\1"),  # protocol version
            107: application(ENUMERATED, b"\3"),  # segmentation: none
            112: application(ENUMERATED, b"\0"),  # operational
            120: application(UNSIGNED, _number(vendor)),
            121: self._text(plate.vendor),
            139: application(UNSIGNED, b"\x10"),  # protocol revision
            155: application(UNSIGNED, b"\1"),  # database revision
            372: self._text(plate.serial),
        }

    def _text(self, text: str) -> bytes:
        charset, coding = self._charset
        return application(CHARACTERS, bytes((charset,)) + text.encode(coding))


def application(kind: int, octets: bytes) -> bytes:
    """Return an application tag with its octets (clause 20.2.1); at most 253 of them."""
    if len(octets) < 5:
        return bytes((kind << 4 | len(octets),)) + octets
    return bytes((kind << 4 | 5, len(octets))) + octets


def _object(instance: int) -> bytes:
    return application(OBJECT, (DEVICE << 22 | instance).to_bytes(4, "big"))


def _number(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _is_read(found: tuple[Tag, ...]) -> bool:
    """Tell whether tags are object, property and, perhaps, an index."""
    kinds = [(one.number, one.context, one.kind) for one in found]
    wanted = [(0, True, "value"), (1, True, "value"), (2, True, "value")]
    return kinds in (wanted[:2], wanted) and len(found[0].octets) == 4


def _network(octets: bytes) -> tuple[bytes, bytes] | None:
    """Return the application message of a datagram, and the network address to answer to.

    The address is that of a device behind a router, empty where the sender itself asks.
    """
    head = LINK.read(octets)
    if head is None or head["type"] != IPV4 or head["length"] != len(octets):
        return None
    if head["function"] not in (UNICAST, BROADCAST) or len(octets) < 7 or octets[4] != 1:
        return None
    control, at = octets[5], 6
    if control & IS_NETWORK:
        return None
    back = b""
    for bit in (HAS_TARGET, HAS_ORIGIN):
        if control & bit:
            end = at + 3 + int.from_bytes(octets[at + 2 : at + 3], "big")
            if end > len(octets):
                return None
            back = octets[at:end] if bit == HAS_ORIGIN else back
            at = end
    at += bool(control & HAS_TARGET)  # hop count
    return (octets[at:], back) if at < len(octets) else None
