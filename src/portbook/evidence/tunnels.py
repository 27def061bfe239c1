"""Tunnels: packets inside packets, found by port or protocol number, believed by their header.

Each reader gives the type of what is carried, in the number space of `links`, and where it
begins. Sources: RFC 2784 and 2890 (GRE), 2637 (PPTP's GRE), 7348 (VXLAN), 8926 (Geneve),
4380 (Teredo), 3378 (EtherIP), 4023 (MPLS in IP); draft-ietf-nvo3-vxlan-gpe; 3GPP TS 29.281
(GTP-U).
"""

from __future__ import annotations

from collections.abc import Callable

from portbook.evidence.links import ETHERNET, IPV4, IPV6, MPLS, PPP

NAMES = (None, "gre", "ip-in-ip", "6in4", "vxlan", "geneve", "gtp-u", "teredo", "etherip", "mpls")
GPE_KINDS = {1: IPV4, 2: IPV6, 3: ETHERNET, 5: MPLS}
DEEPEST = 4  # tunnels within tunnels

Inside = tuple[str, int, int]  # the tunnel's name, EtherType of what it carries, where that is


def in_udp(source_port: int, target_port: int, octets: bytes) -> Inside | None:
    """Tell what tunnel a UDP payload is; None when it is none."""
    read = UDP_TUNNELS.get(target_port) or UDP_TUNNELS.get(source_port)
    return read(octets) if read else None


def in_ip(number: int, outer: int, octets: bytes) -> Inside | None:
    """Tell what tunnel an IP payload is.

    number: IP protocol number; outer: EtherType of the IP version around it
    """
    if number == 47:
        return _gre(octets)
    if number == 4:
        return "ip-in-ip", IPV4, 0
    if number == 41:
        return "6in4" if outer == IPV4 else "ip-in-ip", IPV6, 0
    if number == 97 and octets[:1] == b"\x30":
        return "etherip", ETHERNET, 2
    if number == 137:
        return "mpls", MPLS, 0
    return None


def _gre(octets: bytes) -> Inside | None:
    flags, kind = _number(octets, 0), _number(octets, 2)
    if len(octets) < 4 or flags & 0x4000 or flags & 7 > 1:
        return None  # a source route has a length of its own, met nowhere since RFC 2784
    at = 4 + 4 * (bool(flags & 0x8000) + bool(flags & 0x2000) + bool(flags & 0x1000))
    if flags & 7:
        at += 4 * bool(flags & 0x80)
        return "gre", PPP, at
    if kind == 0x88BE:  # ERSPAN: type II has a sequence number and a header of 8 octets
        return "gre", ETHERNET, at + 8 if flags & 0x1000 else at
    return "gre", kind, at


def _vxlan(octets: bytes) -> Inside | None:
    return ("vxlan", ETHERNET, 8) if len(octets) >= 8 and octets[0] & 0x08 else None


def _vxlan_gpe(octets: bytes) -> Inside | None:
    kind = GPE_KINDS.get(octets[3]) if len(octets) >= 8 else None
    return ("vxlan", kind, 8) if kind and octets[0] & 0x08 else None


def _geneve(octets: bytes) -> Inside | None:
    if len(octets) < 8 or octets[0] >> 6:
        return None
    return "geneve", _number(octets, 2), 8 + 4 * (octets[0] & 0x3F)


def _gtp(octets: bytes) -> Inside | None:
    if len(octets) < 8 or octets[0] >> 4 != 3 or octets[1] != 255:
        return None
    at = 12 if octets[0] & 7 else 8
    more = octets[11] if octets[0] & 4 and len(octets) > 11 else 0
    for _ in range(8):
        if not more or at >= len(octets) or not octets[at]:
            break
        at += 4 * octets[at]
        more = octets[at - 1] if at <= len(octets) else 0
    return _ip("gtp-u", octets, at)


def _teredo(octets: bytes) -> Inside | None:
    at = 0
    if octets[:2] == b"\0\1" and len(octets) > 4:
        at = 13 + octets[2] + octets[3]
    if octets[at : at + 2] == b"\0\0":
        at += 8
    inside = _ip("teredo", octets, at)
    return inside if inside and inside[1] == IPV6 else None


def _ip(name: str, octets: bytes, at: int) -> Inside | None:
    if at >= len(octets):
        return None
    kind = {4: IPV4, 6: IPV6}.get(octets[at] >> 4)
    return (name, kind, at) if kind else None


UDP_TUNNELS: dict[int, Callable[[bytes], Inside | None]] = {
    2152: _gtp,
    3544: _teredo,
    4789: _vxlan,
    4790: _vxlan_gpe,
    6081: _geneve,
}
PORTS = frozenset(UDP_TUNNELS)  # that may carry a tunnel


def _number(octets: bytes, at: int) -> int:
    return int.from_bytes(octets[at : at + 2], "big")
