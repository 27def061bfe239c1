"""The datagram (router) layer of CODESYS V3: magic, hop count, service, addresses.

Over UDP it starts at the first octet of the payload; over TCP behind the block header.
Sources: the vendor's runtime interface headers (CmpRouter), microsoft/CoDe16; all rows but the
broadcast id were checked on real traffic.
"""

from __future__ import annotations

import msgspec

from portbook.protocols.layout import BE, HEX, Field, Layout

MAGIC = 0xC5
ADDRESS_REQUEST, ADDRESS_NOTIFICATION, NAME_REQUEST, NAME_ANSWER, CHANNEL = 1, 2, 3, 4, 0x40
SERVICES = {
    ADDRESS_REQUEST: "announcement",
    ADDRESS_NOTIFICATION: "address notification",
    NAME_REQUEST: "name-service request",
    NAME_ANSWER: "name-service answer",
    CHANNEL: "channel",
}
LARGEST = 512  # octets of a block, from the vendor's driver; two sources

HEADER = Layout(
    "CODESYS V3 datagram header",
    6,
    (
        Field("magic", 0, 1, HEX, None, "always c5", "c5"),
        Field("hops", 1, 1, BE, None, "bits 7-3 hop count, bits 2-0 header length in words", 0x0B),
        Field("info", 2, 1, BE, None, "bits 7-6 priority, 5 signal, 4 relative address", 0x40),
        Field("service", 3, 1, BE, None, "1, 2 address; 3, 4 name service; 64 channel"),
        Field("message", 4, 1, BE, None, "message id, 0 in all traffic seen"),
        Field("lengths", 5, 1, BE, "words", "high nibble sender, low nibble receiver address"),
    ),
)


class Datagram(msgspec.Struct, frozen=True):
    """One datagram, or what can be told of a malformed one.

    payload: octets of the service that were kept; missing: how many more there were
    faults: why it is malformed; unusual: allowed, but never met in normal traffic
    """

    service: int
    hops: int
    sender: bytes = b""
    receiver: bytes = b""
    payload: bytes = b""
    missing: int = 0
    faults: tuple[str, ...] = ()
    unusual: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Tell whether every length agrees and nothing was left out."""
        return not (self.faults or self.unusual or self.missing)


def read(octets: bytes, length: int | None = None) -> Datagram | None:
    """Read one datagram; None when it is not CODESYS.

    length: its true length, when fewer octets were kept
    """
    size = len(octets) if length is None else length
    if len(octets) < HEADER.size or octets[0] != MAGIC or octets[3] not in SERVICES:
        return None
    service, hops, start = octets[3], octets[1] >> 3, 2 * (octets[1] & 7)
    usual = octets[2] & 0x3F == 0 and octets[4] == 0
    if start < HEADER.size:
        fault = "the header is shorter than 6 octets"
    elif start > size:
        fault = "the header is longer than the datagram"
    elif start + _address_octets(octets) > size:
        fault = f"{_address_octets(octets)} address octets claimed, {size - start} present"
    else:
        return _addressed(octets, size, start)
    # A broken header is named only when all its other octets are those of normal traffic.
    return Datagram(service, hops, faults=(fault,)) if usual else None


def build(
    service: int,
    sender: bytes,
    receiver: bytes = b"",
    payload: bytes = b"",
    *,
    hops: int = 14,
    info: int = 0x40,
    broadcast_id: int | None = None,
) -> bytes:
    """Make a datagram; addresses are as `addresses.encode` makes them."""
    words = 3 if broadcast_id is None else 4
    octets = HEADER.write(
        hops=hops << 3 | words,
        info=info,
        service=service,
        lengths=len(sender) // 2 << 4 | len(receiver) // 2,
    )
    if broadcast_id is not None:
        octets += broadcast_id.to_bytes(2, "big")
    octets += receiver + sender
    return octets + bytes(len(octets) % 4) + payload


def _address_octets(octets: bytes) -> int:
    return 2 * (octets[5] & 15) + 2 * (octets[5] >> 4)


def _addressed(octets: bytes, size: int, start: int) -> Datagram | None:
    middle = start + 2 * (octets[5] & 15)
    end = start + _address_octets(octets)
    if end > len(octets):
        return None
    payload_at = end + end % 4
    service = octets[3]
    faults = []
    if service in (ADDRESS_REQUEST, ADDRESS_NOTIFICATION):
        if size not in (end, payload_at):
            faults.append(f"{size - min(payload_at, size)} extra octets behind the addresses")
        if not octets[5] >> 4:
            faults.append("an address service without a sender")
    elif size < payload_at:
        faults.append("cut before its payload")
    return Datagram(
        service,
        octets[1] >> 3,
        octets[middle:end],
        octets[start:middle],
        octets[payload_at:],
        max(size - max(len(octets), payload_at), 0),
        tuple(faults),
        _unusual(octets, end, payload_at, size),
    )


def _unusual(octets: bytes, end: int, payload_at: int, size: int) -> tuple[str, ...]:
    found = []
    if octets[2] & 0x3F:
        found.append(f"packet info {octets[2]:02x}: signal, relative or length bits set")
    if octets[4]:
        found.append(f"message id {octets[4]}, 0 in all traffic seen")
    if any(octets[end:payload_at]):
        found.append("the padding is not zero")
    if octets[1] & 7 > 4:
        found.append(f"a header of {2 * (octets[1] & 7)} octets")
    if size > LARGEST:
        found.append(f"{size} octets, a block has at most {LARGEST}")
    return tuple(found)
