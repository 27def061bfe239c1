"""How far an address reaches.

Sources: RFC 1918 (private), RFC 4193 (unique local), RFC 6598 (shared, CGNAT), RFC 3927 and
RFC 4291 (link-local), RFC 5771 and RFC 4291 section 2.7 (multicast).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address


class Scope(StrEnum):
    """How far an address reaches, or how far a protocol may be heard; ordered by `rank`."""

    LOOPBACK = "loopback"  # this machine alone
    LINK = "link"  # the own link: link-local addresses, the interface's own prefix
    PRIVATE = "private"  # RFC 1918, RFC 4193 (ULA), RFC 6598 (CGNAT)
    PUBLIC = "public"
    ANY = "any"  # every address of this machine: as far as its widest address

    @property
    def rank(self) -> int:
        """Return how far: a larger number reaches further."""
        return list(Scope).index(self)


_PRIVATE = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_MULTICAST_LINK = ip_network("224.0.0.0/24")
_MULTICAST_PRIVATE = ip_network("239.0.0.0/8")


@lru_cache(maxsize=65536)
def parse(text: str) -> Address | None:
    """Return the address that a text is, without zone and brackets, or None."""
    try:
        address = ip_address(text.strip("[]").split("%", 1)[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


@lru_cache(maxsize=65536)
def scope_of(text: str, networks: tuple[str, ...] = ()) -> Scope:
    """Return how far an address reaches; a text that is no address counts as public.

    networks: prefixes of the own links ("192.168.1.0/24"): an address inside one is on the link
    """
    if text in ("*", ""):
        return Scope.ANY
    address = parse(text)
    if address is None:
        return Scope.PUBLIC
    if address.is_unspecified:
        return Scope.ANY
    if address.is_loopback:
        return Scope.LOOPBACK
    if address.is_multicast:
        return _multicast_scope(address)
    if address.is_link_local or str(address) == "255.255.255.255" or on_link(text, networks):
        return Scope.LINK
    if any(address.version == one.version and address in one for one in _PRIVATE):
        return Scope.PRIVATE
    return Scope.PUBLIC


def on_link(text: str, networks: Iterable[str]) -> bool:
    """Tell whether an address lies in one of the given prefixes."""
    address = parse(text)
    if address is None:
        return False
    for prefix in networks:
        network = ip_network(prefix, strict=False)
        if network.version == address.version and address in network:
            return True
    return False


def _multicast_scope(address: Address) -> Scope:
    if isinstance(address, IPv6Address):
        reach = address.packed[1] & 15  # RFC 4291 section 2.7: scop
        return Scope.LOOPBACK if reach == 1 else Scope.LINK if reach <= 2 else Scope.PRIVATE
    if address in _MULTICAST_LINK:
        return Scope.LINK
    return Scope.PRIVATE if address in _MULTICAST_PRIVATE else Scope.PUBLIC
