"""Packets in a block of the kernel's ring, as TPACKET_V3 lays them out.

Source: packet(7); linux/if_packet.h: tpacket_block_desc, tpacket3_hdr, sockaddr_ll. Numbers stand
in this machine's order; the kernel takes the outermost VLAN tag off and tells it in the head.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

# tpacket3_hdr: next_offset, sec, nsec, snaplen, len, status, mac, net, rxhash, vlan_tci, vlan_tpid
_HEAD = Struct("=IIIIIIHHIIH").unpack_from
RING_HEAD = 68  # octets of a head and the address behind it
RING_KIND = 58  # where the address tells to whom the packet went
OUTGOING = 4  # PACKET_OUTGOING
TAGGED = 16  # TP_STATUS_VLAN_VALID


class Ringed(NamedTuple):
    """One packet of a block: where its head and its frame stand, and what the head tells."""

    head: int
    at: int
    captured: int
    length: int
    time_ns: int
    tag: int  # VLAN: protocol and control, 16 bits each; 0: none
    next: int  # head of the packet behind it; -1: this was the last one


def walk(block: bytes, here: int, *, twice: bool) -> Iterator[Ringed]:
    """Give the packets from the head at `here` on.

    twice: loopback, where each packet comes going out and coming in: the first is left out.
    Raises IndexError when one lies outside of its block.
    """
    while 0 <= here < len(block):
        if here + RING_HEAD > len(block):
            raise IndexError("a packet of the ring begins outside of its block")
        step, seconds, more, captured, length, status, mac, _, _, tci, tpid = _HEAD(block, here)
        if step > len(block) - here or here + mac + captured > len(block):
            raise IndexError("a packet of the ring ends outside of its block")
        behind = here + step if 0 < step < len(block) - here else -1
        if not (twice and block[here + RING_KIND] == OUTGOING):
            tag = tpid << 16 | tci & 0xFFFF if status & TAGGED else 0
            time_ns = seconds * 1_000_000_000 + more
            yield Ringed(here, here + mac, captured, length, time_ns, tag, behind)
        here = behind


def tagged(frame: bytes, tag: int) -> bytes:
    """Return an Ethernet frame with its VLAN tag put back, as it was on the wire."""
    return frame[:12] + tag.to_bytes(4, "big") + frame[12:]
