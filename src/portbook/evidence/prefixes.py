"""The prefixes of this machine's interfaces, from the kernel over netlink.

Sources: rtnetlink(7); linux/if_addr.h, linux/rtnetlink.h (the kernel's user headers).
"""

from __future__ import annotations

import sys
from struct import Struct
from typing import NamedTuple

_AF_NETLINK, _NETLINK_ROUTE = 16, 0
_GET_ADDRESS, _NEW_ADDRESS, _ERROR, _DONE = 22, 20, 2, 3
_REQUEST_DUMP = 0x301
_PIECE_OCTETS = 65536
_TIMEOUT_S = 5.0
_ATTRIBUTE_ADDRESS = 1  # the prefix's address; of a point-to-point link the other end
_HEADER = Struct("=IHHII")
_MESSAGE = Struct("=BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, interface
_ATTRIBUTE = Struct("=HH")
_WIDTHS = {2: 4, 10: 16}  # octets of an address, by family


class Answer(NamedTuple):
    """What one piece of the kernel's answer held."""

    prefixes: list[tuple[bytes, int]]  # address, 4 or 16 octets, and prefix length in bits
    done: bool
    error: int  # errno that the kernel gave, 0: none


def own() -> tuple[str, ...]:
    """Return the prefixes of this network namespace's interfaces, without loopback, sorted.

    Raises OSError when the kernel does not answer.
    """
    import os
    import socket

    found: set[str] = set()
    with socket.socket(_AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE) as link:
        link.settimeout(_TIMEOUT_S)
        link.send(request())
        while True:
            answer = parse(link.recv(_PIECE_OCTETS))
            found.update(map(text, answer.prefixes))
            if answer.error:
                raise OSError(answer.error, os.strerror(answer.error))
            if answer.done:
                return tuple(sorted(one for one in found if not _loopback(one)))


def request() -> bytes:
    """Return the question for the addresses of all interfaces, both families."""
    body = _MESSAGE.pack(0, 0, 0, 0, 0)
    return _HEADER.pack(16 + len(body), _GET_ADDRESS, _REQUEST_DUMP, 1, 0) + body


def parse(octets: bytes) -> Answer:
    """Read one piece of the answer; never raises. A length that lies ends the answer."""
    found: list[tuple[bytes, int]] = []
    at, end = 0, len(octets)
    while at + 16 <= end:
        length, kind, _, _, _ = _HEADER.unpack_from(octets, at)
        if length < 16 or at + length > end:
            return Answer(found, True, 0)
        if kind in (_DONE, _ERROR):
            number = int.from_bytes(octets[at + 16 : at + 20], sys.byteorder, signed=True)
            return Answer(found, True, abs(number) if length >= 20 else 0)
        if kind == _NEW_ADDRESS and length >= 24:
            family, bits, _, _, _ = _MESSAGE.unpack_from(octets, at + 16)
            address = _address(octets[at + 24 : at + length], _WIDTHS.get(family, 0))
            if address is not None and bits <= 8 * len(address):
                found.append((address, bits))
        at += (length + 3) & ~3
    return Answer(found, at < end, 0)


def text(prefix: tuple[bytes, int]) -> str:
    """Return `192.168.1.0/24` for an address inside it and the prefix length."""
    import ipaddress

    address, bits = prefix
    return str(ipaddress.ip_network((address, bits), strict=False))


def _address(octets: bytes, width: int) -> bytes | None:
    at = 0
    while at + 4 <= len(octets) and width:
        length, kind = _ATTRIBUTE.unpack_from(octets, at)
        if length < 4 or at + length > len(octets):
            return None
        if kind == _ATTRIBUTE_ADDRESS and length == 4 + width:
            return octets[at + 4 : at + length]
        at += (length + 3) & ~3
    return None


def _loopback(prefix: str) -> bool:
    return prefix.startswith("127.") or prefix == "::1/128"
