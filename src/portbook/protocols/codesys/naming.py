"""The name service of CODESYS V3: "identify yourself", and what a runtime answers.

Sources: Rapid7 (names of the fields), the vendor's runtime interface headers; the fields of the
answer were checked on a real one (microsoft/CoDe16), byte for byte.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from portbook.protocols.layout import LE, Field, Layout

RESOLVE_NAME, IDENTIFY, RESOLVE_GATEWAY, IDENTIFICATION = 0xC201, 0xC202, 0xC203, 0xC280
PACKAGES = {
    # Two sources give C201 and C202 opposite names, so the numbers stand first.
    RESOLVE_NAME: "C201, a node by name",
    IDENTIFY: "C202, identify yourself",
    RESOLVE_GATEWAY: "C203, a gateway",
    IDENTIFICATION: "C280, identification",
}
VERSION, OLD_VERSION = 0x0400, 0x0103
DRIVERS = (
    "none",
    "TCP",
    "COM",
    "USB",
    "shared memory",
    "UDP",
    "CAN client",
    "CAN server",
    "direct",
)

HEADER = Layout(
    "CODESYS V3 name-service header",
    8,
    (
        Field("package", 0, 2, LE, None, "C201, C202, C203 ask; C280 answers"),
        Field("version", 2, 2, LE, None, "0400; 0103 is known from programs", VERSION),
        Field("request", 4, 4, LE, None, "request id, copied into the answer"),
    ),
)
FIXED = Layout(
    "CODESYS V3 identification, fixed part",
    40,
    (
        Field("channels", 0, 2, LE, None, "most channels at a time"),
        Field("order", 2, 1, LE, None, "1 Intel (little-endian), 0 Motorola", 1),
        Field("difference", 3, 1, LE, None, "address difference, from one source"),
        Field("parent_size", 4, 2, LE, None, "parent address, in octets or in 16-bit words"),
        Field("node_size", 6, 2, LE, "characters", "node name, UTF-16, without terminator"),
        Field("device_size", 8, 2, LE, "characters", "device name"),
        Field("vendor_size", 10, 2, LE, "characters", "vendor name"),
        Field("target_type", 12, 4, LE),
        Field("target_id", 16, 4, LE, None, "high half vendor, low half device"),
        Field("target_version", 20, 4, LE, None, "of the device description: b3.b2.b1.b0"),
        Field("flags", 24, 4, LE, None, "bit 0 encryption supported, bit 1 required"),
        Field("serial_size", 28, 1, LE, "octet", "serial number, without terminator"),
        Field("oem_size", 29, 1, LE, "octet", "OEM data"),
        Field("driver", 30, 1, LE, None, "block driver: 1 TCP, 5 UDP", 5),
    ),
)
OLD_SIZE = (
    24  # the fixed part of version 0103 ends behind the target version (two sources of three)
)


class Request(msgspec.Struct, frozen=True):
    """A question to the name service."""

    package: int
    version: int
    request: int
    warnings: tuple[str, ...] = ()


class Node(msgspec.Struct, frozen=True):
    """What a runtime tells of itself; what could not be read is None.

    faults: why the answer is malformed; warnings: odd, but all that is shown is true
    """

    version: int
    request: int
    fixed: dict[str, int]
    name: str | None = None
    device: str | None = None
    vendor: str | None = None
    serial: str | None = None
    parent: bytes = b""
    oem: bytes = b""
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def target_version(self) -> str:
        """Return the version of the device description: `3.5.14.20`."""
        return dotted(self.fixed.get("target_version", 0))


Order = Literal["little", "big"]


def dotted(value: int) -> str:
    """Return a version number as people write it."""
    return ".".join(map(str, value.to_bytes(4, "big")))


def read(payload: bytes, missing: int = 0) -> Request | Node | None:
    """Read a name-service message; None when it is none.

    missing: octets that the message had on the wire but that were not kept
    """
    if len(payload) < HEADER.size:
        return None
    order: Order = "little"
    if int.from_bytes(payload[:2], "little") not in PACKAGES:
        order = "big"
    package, version, request = (
        int.from_bytes(payload[at : at + size], order) for at, size in ((0, 2), (2, 2), (4, 4))
    )
    if package not in PACKAGES:
        return None
    if package == IDENTIFICATION:
        return _node(payload, missing, order, version, request)
    odd = [f"version {version:04x}"] if version not in (VERSION, OLD_VERSION) else []
    if package == IDENTIFY and len(payload) + missing > HEADER.size:
        odd.append(f"{len(payload) + missing - HEADER.size} octets behind the request")
    return Request(package, version, request, tuple(odd))


def build_request(request: int, package: int = IDENTIFY) -> bytes:
    """Make a question."""
    return HEADER.write(package=package, request=request)


def build_answer(
    request: int, name: str, device: str, vendor: str, serial: str = "", **fixed: int
) -> bytes:
    """Make an identification of version 0400; `fixed` sets fields of the fixed part."""
    texts = [text.encode("utf-16-le") for text in (name, device, vendor)]
    octets = serial.encode("latin-1", "replace")[:255]
    sizes = dict(zip(_SIZES, (len(text) // 2 for text in texts), strict=True))
    return b"".join(
        (
            HEADER.write(package=IDENTIFICATION, request=request),
            FIXED.write({**sizes, "serial_size": len(octets), **fixed}),
            *(text + b"\0\0" for text in texts),
            octets + b"\0",
        )
    )


_SIZES = ("node_size", "device_size", "vendor_size")


class _Texts(msgspec.Struct):
    """One way to lay the texts out: where they begin and end, and whether that comes out even."""

    spans: list[tuple[int, int]]
    ends: int
    inside: bool  # all of them lie inside the message
    aligned: bool  # every name that was kept ends in a zero terminator


def _node(payload: bytes, missing: int, order: Order, version: int, request: int) -> Node:
    fixed_size = min(len(payload) - HEADER.size, FIXED.size)
    full = len(payload) + missing
    least = OLD_SIZE if version == OLD_VERSION else FIXED.size
    if HEADER.size + least > full:
        return Node(version, request, {}, faults=("the identification is cut",))
    if fixed_size < least:
        return Node(version, request, {}, warnings=("not enough of it was kept",))
    ways = []
    for size in (FIXED.size, OLD_SIZE) if version == OLD_VERSION else (FIXED.size,):
        fixed = _fixed(payload, order, size)
        told = fixed.get("parent_size", 0)
        for parent in (told, 2 * told) if told else (0,):
            begin = HEADER.size + size
            ways.append((_spread(payload, full, begin + parent, fixed), fixed, begin, parent))
    good = [way for way in ways if way[0].inside and way[0].aligned]
    if not good:
        inside = any(way[0].inside for way in ways)
        fault = "names misaligned" if inside else "a name runs past the end"
        return Node(version, request, ways[0][1], faults=(fault,))
    # Both sizes of the fixed part may come out even; the one that leaves less behind is right.
    texts, fixed, begin, parent = min(good, key=lambda way: _left(way[0], way[1], full))
    return _named(payload, full, order, texts, fixed, payload[begin : begin + parent], version)


def _fixed(payload: bytes, order: Order, size: int) -> dict[str, int]:
    found = {}
    for field in FIXED.fields:
        if field.offset + field.size <= size:
            at = HEADER.size + field.offset
            found[field.name] = int.from_bytes(payload[at : at + field.size], order)
    return found


def _spread(payload: bytes, full: int, at: int, fixed: dict[str, int]) -> _Texts:
    spans, aligned = [], True
    for name in _SIZES:
        end = at + 2 * fixed.get(name, 0)
        spans.append((at, end))
        aligned = aligned and not any(payload[end : end + 2])
        at = end + 2
    return _Texts(spans, at, at <= full, aligned)


def _left(texts: _Texts, fixed: dict[str, int], full: int) -> int:
    serial = fixed["serial_size"] + 1 + fixed["oem_size"] if "serial_size" in fixed else 0
    return abs(full - texts.ends - serial)


def _named(
    payload: bytes,
    full: int,
    order: Order,
    texts: _Texts,
    fixed: dict[str, int],
    parent: bytes,
    version: int,
) -> Node:
    faults: list[str] = []
    warnings = [] if version in (VERSION, OLD_VERSION) else [f"version {version:04x}"]
    name, device, vendor = (
        payload[begin:end].decode(f"utf-16-{order[0]}e", "replace") if end <= len(payload) else None
        for begin, end in texts.spans
    )
    if any(text and "�" in text for text in (name, device, vendor)):
        warnings.append("a name is not UTF-16")
    serial, oem = _serial(payload, full, texts.ends, fixed, faults, warnings)
    request = int.from_bytes(payload[4:8], order)
    return Node(
        version,
        request,
        fixed,
        name,
        device,
        vendor,
        serial,
        parent,
        oem,
        tuple(faults),
        tuple(warnings),
    )


def _serial(
    payload: bytes,
    full: int,
    at: int,
    fixed: dict[str, int],
    faults: list[str],
    warnings: list[str],
) -> tuple[str | None, bytes]:
    if "serial_size" not in fixed:
        return None, b""
    end = at + fixed["serial_size"]
    if end > full:
        faults.append("the serial number runs past the end")
        return None, b""
    if end > len(payload):
        return None, b""
    serial = payload[at:end].split(b"\0", 1)[0].decode("latin-1")
    if end == full:
        warnings.append("the serial number's terminator is absent")
    elif any(payload[end : end + 1]):
        faults.append("the serial number does not end where it says")
    past = end + 1 + fixed["oem_size"]
    if fixed["oem_size"] and past > full:
        faults.append("the OEM data run past the end")
    elif past < full:
        warnings.append(f"{full - past} octets behind the identification")
    return serial, payload[end + 1 : past]
