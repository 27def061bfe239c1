"""Addresses to listen on, and the networks that may come there."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from portbook.addresses import parse
from portbook.errors import UsageError

Network = IPv4Network | IPv6Network
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class Endpoint(NamedTuple):
    """An address and a port of ours."""

    address: str
    port: int

    @property
    def on_loopback(self) -> bool:
        """Tell whether this machine alone can come here."""
        return ip_address(self.address).is_loopback

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else ":".join(map(str, self))


def endpoint(text: str) -> Endpoint | None:
    """Read `127.0.0.1:2543` or `[::1]:2543`; None for "", which is off. Raises UsageError."""
    if not text:
        return None
    address, colon, port = text.rpartition(":")
    bracketed = address.startswith("[") and address.endswith("]")
    try:
        found = ip_address(address[1:-1] if bracketed else address)
    except ValueError:
        found = None
    if not colon or found is None or bracketed != (found.version == 6):
        raise UsageError(f"{text!r} is no ADDRESS:PORT; write 127.0.0.1:2543 or [::1]:2543")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535):
        raise UsageError(f"{text!r}: port must be 0 to 65535")
    return Endpoint(str(found), int(port))


def networks(prefixes: Iterable[str]) -> tuple[Network, ...]:
    """Read `10.1.0.0/16`, `10.1.2.3` and the like; raises UsageError naming what is none."""
    found = []
    for text in prefixes:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:
            raise UsageError(f"{text!r} is no network; write 10.1.0.0/16 or 10.1.2.3") from None
    return tuple(found)


def admitted(prefixes: Iterable[str], listening: str) -> tuple[Network, ...]:
    """Return the networks that may come to an address: those told, else by where we listen.

    None told: loopback alone where the address is on loopback, everywhere where it is not.
    """
    told = networks(prefixes)
    if told:
        return told
    here = endpoint(listening)
    return LOOPBACK if here is None or here.on_loopback else EVERYWHERE


def admits(those: Iterable[Network], address: str) -> bool:
    """Tell whether an address lies in one of the networks; IPv4 in IPv6 counts as IPv4."""
    found = parse(address)
    return found is not None and any(found.version == one.version and found in one for one in those)
