"""The channel layer of CODESYS V3 (service 64): sessions, cut into numbered blocks.

Sources: the vendor's runtime interface headers (CmpChannelMgr), microsoft/CoDe16; the checksums of
data were verified on a real session, those of meta packages on octets of two independent programs.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import msgspec

DATA, ACKNOWLEDGE, KEEP_ALIVE = 0x01, 0x02, 0x03
OPEN_REQUEST, OPEN_ANSWER = 0xC3, 0x83
KINDS = {
    DATA: "data",
    ACKNOWLEDGE: "acknowledge",
    KEEP_ALIVE: "keep-alive",
    0x81: "notification",
    0x82: "runtime information",
    0xC2: "runtime information request",
    OPEN_ANSWER: "open answer",
    OPEN_REQUEST: "open request",
    0x84: "close",
    0xC4: "close request",
}
META_VERSION = 0x0101
GRANTED = 0x1F4000  # octets of the largest message, from real open requests
FIRST, REPEAT, FROM_CLIENT = 0x01, 0x02, 0x80
_META_SIZES = {OPEN_REQUEST: 20, OPEN_ANSWER: 24, 0xC4: 12, 0x84: 12, 0xC2: 8, 0x82: 10}


class Package(msgspec.Struct, frozen=True):
    """One package of the channel layer.

    asking: it goes from client to server; None: it does not say
    checked: a checksum or an exact length agrees; missing: octets that were not kept
    """

    kind: int
    asking: bool | None
    channel: int | None = None
    block: int | None = None
    size: int | None = None  # octets of the message that begins here
    checksum: int | None = None  # of the whole message
    data: bytes = b""
    missing: int = 0
    checked: bool = False
    result: int | None = None  # of an open answer: 0 granted, 1 no free channel, 2 not a server
    faults: tuple[str, ...] = ()


def read(payload: bytes, missing: int = 0) -> Package | None:
    """Read one package; None when it is none.

    missing: octets that it had on the wire but that were not kept
    """
    if len(payload) < 2 or payload[0] not in KINDS:
        return None
    if payload[0] & 0x80:
        return _meta(payload, missing)
    return _data(payload, missing)


def messages(packages: Iterable[Package]) -> Iterator[tuple[bytes, Package, tuple[str, ...]]]:
    """Join the data blocks of one direction into messages, with their first block and faults.

    A message whose checksum is wrong comes with that fault; one that is cut does not come.
    """
    first: Package | None = None
    joined = b""
    expected = 0
    for package in packages:
        if package.kind != DATA or package.faults or package.missing:
            continue
        if package.size is not None:
            first, joined = package, package.data
        elif first is None or package.channel != first.channel:
            continue
        elif package.block != expected:
            first = None
            continue
        else:
            joined += package.data
        expected = (package.block or 0) + 1
        size = first.size or 0
        if len(joined) >= size:
            yield joined[:size], first, _judged(joined, size, first)
            first = None


def meta_checksum(package: bytes) -> int:
    """Return the checksum of a meta package, taken with its own checksum field at zero."""
    return zlib.crc32(package[:4] + bytes(4) + package[8:])


def _judged(joined: bytes, size: int, first: Package) -> tuple[str, ...]:
    faults = []
    if len(joined) > size:
        faults.append(f"{len(joined) - size} octets behind the end of a message")
    if zlib.crc32(joined[:size]) != first.checksum:
        faults.append("the checksum of a message is wrong")
    return tuple(faults)


def _data(payload: bytes, missing: int) -> Package:
    kind, flags = payload[0], payload[1]
    asking = bool(flags & FROM_CLIENT)
    begins = kind == DATA and bool(flags & FIRST)
    need = {DATA: 20 if begins else 12, ACKNOWLEDGE: 8, KEEP_ALIVE: 4}[kind]
    if len(payload) < need:
        faults = () if missing else ("a channel package is cut",)
        return Package(kind, asking, missing=missing, faults=faults)
    channel, block = _number(payload, 2, 2), _number(payload, 4, 4) if need > 4 else None
    if kind != DATA:
        exact = len(payload) + missing == need
        faults = () if exact else (f"{len(payload) + missing - need} octets too many",)
        return Package(kind, asking, channel, block, checked=exact, missing=missing, faults=faults)
    if not begins:
        return Package(kind, asking, channel, block, data=payload[12:], missing=missing)
    size = _number(payload, 12, 4)
    fault = f"a message of {size} octets" if not 0 < size <= GRANTED else None
    whole = len(payload) + missing - need >= size and not missing
    checksum = _number(payload, 16, 4)
    return Package(
        kind,
        asking,
        channel,
        block,
        size,
        checksum,
        payload[20:],
        missing,
        checked=whole and zlib.crc32(payload[20 : 20 + size]) == checksum,
        faults=(fault,) if fault else (),
    )


def _meta(payload: bytes, missing: int) -> Package:
    kind = payload[0]
    asking = bool(kind & 0x40) if kind not in (0xC4, 0x84, 0x81) else None
    if len(payload) < 8 or missing:
        faults = () if missing else ("a channel package is cut",)
        return Package(kind, asking, missing=missing, faults=faults)
    faults_found = []
    if _number(payload, 2, 2) != META_VERSION:
        faults_found.append(f"channel version {_number(payload, 2, 2):04x}")
    if len(payload) < _META_SIZES.get(kind, 8):
        faults_found.append("a channel package is cut")
    agrees = meta_checksum(payload) == _number(payload, 4, 4)
    if not agrees:
        faults_found.append("the checksum of a channel package is wrong")
    result = channel = None
    if kind == OPEN_ANSWER and len(payload) >= 16:
        result, channel = _number(payload, 12, 2), _number(payload, 14, 2)
    elif kind in (0xC4, 0x84) and len(payload) >= 10:
        channel = _number(payload, 8, 2)
    return Package(kind, asking, channel, checked=agrees, result=result, faults=tuple(faults_found))


def _number(octets: bytes, at: int, size: int) -> int:
    return int.from_bytes(octets[at : at + size], "little")
