"""An SNMP agent, versions 1 and 2c: get, get-next, get-bulk of the system group; nothing is set.

Sources: RFC 1157 section 4.1, RFC 3416 sections 3 and 4.2, RFC 3418 (system group), X.690. A
wrong community is met with silence, as RFC 1157 section 4.1 asks; it is never kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from portbook.emulators.controllers import NANO, Device, Door, Plate, Sent
from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols import ber
from portbook.protocols.snmp import (
    BULK,
    ENTERPRISE,
    ENTERPRISES,
    GET,
    NEXT,
    PDUS,
    RESPONSE,
    SET,
    SYSTEM,
)

Name = tuple[int, ...]

TIMETICKS = 0x43
NO_OBJECT, NO_INSTANCE, END = 0x80, 0x81, 0x82
NO_SUCH_NAME, READ_ONLY, NOT_WRITABLE = 2, 4, 17
LONGEST_TEXT = 255  # octets of a DisplayString (RFC 2579)
MOST_BOUND = 128  # variables in a request and in an answer
SERVICES = 72  # application and end-to-end layers (RFC 3418, sysServices)


class Snmp(Device):
    """An agent; its plate's vendor names its enterprise, or is a number of the registry.

    community: the word that is answered; contact, location: texts of the system group
    """

    kind = "snmp"
    title = "SNMP agent"
    usual = Plate("portbook", "Opto 22", "stand-in", "1.0")
    carries = ("name", "vendor", "product", "version")
    doors = (Door(Transport.UDP, 161),)

    def __init__(
        self,
        plate: Plate | None = None,
        *,
        community: str = "public",
        contact: str = "",
        location: str = "",
        object_id: Name | None = None,
    ) -> None:
        super().__init__(plate)
        for what, text in (("community", community), ("contact", contact), ("location", location)):
            if len(text.encode()) > LONGEST_TEXT:
                raise UsageError(f"a {what} has at most {LONGEST_TEXT} octets here")
        self._community = community.encode()
        self._started_ns: int | None = None
        plate = self.plate
        told = " ".join(filter(None, (plate.vendor, plate.product, plate.version)))
        object_id = object_id or _enterprise(plate.vendor)
        self._values: dict[Name, bytes] = {
            (*SYSTEM, 1, 0): value(ber.OCTETS, told.encode()),
            (*SYSTEM, 2, 0): value(ber.OID, oid(object_id)),
            (*SYSTEM, 3, 0): b"",  # told anew each time
            (*SYSTEM, 4, 0): value(ber.OCTETS, contact.encode()),
            (*SYSTEM, 5, 0): value(ber.OCTETS, plate.name.encode()),
            (*SYSTEM, 6, 0): value(ber.OCTETS, location.encode()),
            (*SYSTEM, 7, 0): integer(SERVICES),
        }
        self._names = sorted(self._values)

    def datagram(self, octets: bytes, now_ns: int) -> Iterable[Sent]:
        """Answer one message of the right community."""
        if self._started_ns is None:
            self._started_ns = now_ns
        answer = self._answer(octets, now_ns)
        return [Sent(answer)] if answer else ()

    def _answer(self, octets: bytes, now_ns: int) -> bytes | None:
        outer = ber.item(octets, 0, len(octets), ber.SEQUENCE)
        parts = ber.items(octets, outer) if outer and outer.end == len(octets) else None
        if not parts or [one.tag for one in parts[:2]] != [ber.INTEGER, ber.OCTETS]:
            self.tally.strange += 1
            return None
        version, pdu = ber.integer(parts[0].of(octets)), parts[-1]
        fields = ber.items(octets, pdu)
        bound = _bound(octets, fields)
        asks = pdu.tag in (GET, NEXT, SET) or (pdu.tag == BULK and version == 1)
        if len(parts) != 3 or version not in (0, 1) or not fields or bound is None or not asks:
            self.tally.strange += 1
            return None
        if parts[1].of(octets) != self._community:
            self.tally.note("another community, not answered")
            return None
        self.tally.note(f"{PDUS[pdu.tag]}, {('v1', 'v2c')[version]}")
        numbers = [ber.integer(one.of(octets)) or 0 for one in fields[1:3]]
        status, index, told = self._respond(version, pdu.tag, numbers, bound, now_ns)
        if status:
            told = [(name, raw) for name, raw in bound]
        variables = b"".join(value(ber.SEQUENCE, value(ber.OID, oid(k)) + v) for k, v in told)
        request = value(ber.INTEGER, fields[0].of(octets))
        body = request + integer(status) + integer(index) + value(ber.SEQUENCE, variables)
        head = integer(version) + value(ber.OCTETS, self._community)
        return value(ber.SEQUENCE, head + value(RESPONSE, body))

    def _respond(
        self,
        version: int,
        kind: int,
        numbers: list[int],
        bound: list[tuple[Name, bytes]],
        now_ns: int,
    ) -> tuple[int, int, list[tuple[Name, bytes]]]:
        """Return error status, error index and the variables of the answer."""
        if kind == SET:
            return (NOT_WRITABLE if version else READ_ONLY), min(1, len(bound)), []
        if kind == BULK:
            return 0, 0, self._bulk(numbers, [name for name, _ in bound], now_ns)
        found = [
            self._get(name, now_ns) if kind == GET else self._next(name, now_ns)
            for name, _ in bound
        ]
        missing = [at for at, (_, told) in enumerate(found, 1) if told[0] >= NO_OBJECT]
        if missing and not version:  # version 1 has no values that say so
            return NO_SUCH_NAME, missing[0], []
        return 0, 0, found

    def _get(self, name: Name, now_ns: int) -> tuple[Name, bytes]:
        if name in self._values:
            return name, self._value(name, now_ns)
        known = any(name[: len(one) - 1] == one[:-1] for one in self._names)
        return name, bytes((NO_INSTANCE if known else NO_OBJECT, 0))

    def _next(self, name: Name, now_ns: int) -> tuple[Name, bytes]:
        at = bisect_right(self._names, name)
        if at == len(self._names):
            return name, bytes((END, 0))
        return self._names[at], self._value(self._names[at], now_ns)

    def _bulk(self, numbers: list[int], names: list[Name], now_ns: int) -> list[tuple[Name, bytes]]:
        """Walk on from each name behind the first ones (RFC 3416 section 4.2.3), bounded."""
        once = min(max(numbers[0], 0), len(names))
        times = min(max(numbers[1], 0), MOST_BOUND)
        found = [self._next(name, now_ns) for name in names[:once]]
        rows = names[once:]
        for _ in range(times):
            told = [self._next(name, now_ns) for name in rows]
            if not told or len(found) + len(told) > MOST_BOUND:
                break
            found += told
            if all(one[0] == END for _, one in told):
                break
            rows = [name for name, _ in told]
        return found

    def _value(self, name: Name, now_ns: int) -> bytes:
        if name != (*SYSTEM, 3, 0):
            return self._values[name]
        ticks = (now_ns - (self._started_ns or now_ns)) // (NANO // 100) % (1 << 32)
        return value(TIMETICKS, _signed(ticks))


def value(tag: int, content: bytes) -> bytes:
    """Return a BER element with a length in its shortest form (X.690, section 10.1)."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(number: int) -> bytes:
    """Return an INTEGER."""
    return value(ber.INTEGER, _signed(number))


def oid(name: Name) -> bytes:
    """Return the content of an OBJECT IDENTIFIER."""
    found = bytearray()
    for arc in (name[0] * 40 + name[1], *name[2:]):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        found += bytes(reversed(groups))
    return bytes(found)


def _signed(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def _bound(octets: bytes, fields: list[ber.Item] | None) -> list[tuple[Name, bytes]] | None:
    """Return the variables of a PDU: names, and values as they came."""
    if not fields or [one.tag for one in fields] != [ber.INTEGER] * 3 + [ber.SEQUENCE]:
        return None
    if not 1 <= fields[0].end - fields[0].start <= 5:
        return None
    rows = ber.items(octets, fields[3], MOST_BOUND + 1)
    if rows is None or len(rows) > MOST_BOUND:
        return None
    found = []
    for row in rows:
        pair = ber.items(octets, row, 3) if row.tag == ber.SEQUENCE else None
        name = ber.oid(pair[0].of(octets)) if pair and pair[0].tag == ber.OID else None
        if not pair or len(pair) != 2 or name is None or len(name) < 2:
            return None
        found.append((name, octets[pair[0].end : pair[1].end]))
    return found


def _enterprise(vendor: str) -> Name:
    """Return the object id of a vendor, 0.0 where none is known (RFC 3418, sysObjectID)."""
    known = {name.lower(): key for key, name in ENTERPRISES.items()}
    key = known.get(vendor.lower())
    if key is None and vendor.isascii() and vendor.isdecimal():
        key = int(vendor)
    if key is not None and key >= 1 << 32:
        raise UsageError(f"an enterprise number is below {1 << 32}, got {vendor}")
    # one arc below the enterprise, as agents do
    return (*ENTERPRISE, key, 1) if key else (0, 0)
