"""Addresses of CODESYS nodes: how a UDP address is made of an IPv4 address and a port index.

A recogniser sees no address, so it cannot ask whether an announcement tells the truth; whoever
has the real addresses (the survey, an emulator, a discovery) asks here.

Source: the vendor's runtime interface headers (CmpRouter, CmpBlkDrvUdp); checked on real /24 and
/16 traffic.
"""

from __future__ import annotations

FIRST_PORT, PORTS = 1740, 4
WORD = 16
MOST_WORDS = 15


def words(prefix: int) -> int:
    """Return how many 16-bit words an address takes in a subnet of that prefix length."""
    return -(-(32 - prefix + 2) // WORD)


def encode(ipv4: bytes, port: int, prefix: int) -> bytes:
    """Make the address of the node at an IPv4 address (4 octets) and UDP port 1740 to 1743.

    prefix: length of the subnet's prefix, 0 to 32
    """
    bits = 32 - prefix
    value = (port - FIRST_PORT) << bits | _host(ipv4, bits)
    return value.to_bytes(2 * words(prefix), "big")


def decode(address: bytes, ipv4: bytes, prefix: int) -> tuple[bytes, int] | None:
    """Return the IPv4 address and UDP port that an address means in the subnet of `ipv4`.

    None when it cannot be an address of a subnet with that prefix length.
    """
    bits = 32 - prefix
    value = int.from_bytes(address, "big")
    if len(address) != 2 * words(prefix) or value >> bits >= PORTS:
        return None
    network = int.from_bytes(ipv4, "big") >> bits << bits
    return (network | value & (1 << bits) - 1).to_bytes(4, "big"), FIRST_PORT + (value >> bits)


def fitting_prefixes(
    address: bytes, ipv4: bytes, port: int, broadcast: bytes | None = None
) -> tuple[int, ...]:
    """Return the prefix lengths for which an address agrees with where it came from.

    address: as in the datagram; ipv4, port: the sender's IP address (4 octets) and UDP port
    broadcast: the directed broadcast address it was sent to; its host bits must be all ones
    An empty answer is a mismatch: the sender claims another address or port than it has. One
    that fits is enough to agree, but with index 0 several fit, so it does not give the prefix.
    """
    value, index = int.from_bytes(address, "big"), port - FIRST_PORT
    return tuple(
        prefix
        for prefix in range(33)
        if len(address) == 2 * words(prefix)
        and value == index << 32 - prefix | _host(ipv4, 32 - prefix)
        and (broadcast is None or _host(broadcast, 32 - prefix) == (1 << 32 - prefix) - 1)
    )


def text(address: bytes) -> str:
    """Return an address as the engineering tool writes it: hex words joined by dots."""
    return ".".join(address[at : at + 2].hex().upper() for at in range(0, len(address), 2))


def parse(text: str) -> bytes | None:
    """Read an address as `text` writes it (the facts `client_address`, `server_address`)."""
    digits = text.replace(".", "")
    if len(digits) % 4 or not 4 <= len(digits) <= 4 * MOST_WORDS:
        return None
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None


def tcp_text(address: bytes) -> str | None:
    """Return `address:port` for a TCP node (port, then IPv4), with what a gateway appends."""
    if len(address) < 6:
        return None
    where = f"{'.'.join(map(str, address[2:6]))}:{int.from_bytes(address[:2], 'big')}"
    return f"{where} [{text(address[6:])}]" if address[6:] else where


def _host(ipv4: bytes, bits: int) -> int:
    return int.from_bytes(ipv4, "big") & (1 << bits) - 1
