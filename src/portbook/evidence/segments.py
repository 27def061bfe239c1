"""From an IP payload to segments: one for each packet of a conversation that a frame holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from portbook.evidence.tally import Tally

TCP, UDP, SCTP = 6, 17, 132
SHORTEST = {TCP: 20, UDP: 8, SCTP: 12}


class Segment(NamedTuple):
    """One packet of a conversation, as the table adds it."""

    transport: int
    source: bytes
    source_port: int
    target: bytes
    target_port: int
    vlan: int | None
    tunnel: str | None
    source_mac: bytes
    target_mac: bytes
    broadcast: bool
    time_ns: int
    where: int
    octets: int  # of the frames that brought it
    packets: int = 1  # 0: a further payload of the packet before
    flags: int = 0  # TCP's
    seq: int | None = None  # TCP's; None: not captured, the payload has no place
    ack: int = 0
    payload: bytes = b""  # what was captured
    length: int = 0  # what there was


class Ends(NamedTuple):
    """What all segments of one IP packet share."""

    source: bytes
    target: bytes
    vlan: int | None
    tunnel: str | None
    source_mac: bytes
    target_mac: bytes
    broadcast: bool
    time_ns: int
    where: int
    octets: int


def segments(number: int, octets: bytes, length: int, ends: Ends, tally: Tally) -> list[Segment]:
    """Read a TCP, UDP or SCTP header and what stands behind it.

    number: IP protocol number; octets: the IP payload as captured; length: as it was on the wire
    """
    if len(octets) < 4:
        tally.odd("short-frame", ends.where)
        return []
    if length < SHORTEST[number]:
        tally.odd("bad-length", ends.where)
        return []
    first = Segment(
        number,
        ends.source,
        int.from_bytes(octets[0:2], "big"),
        ends.target,
        int.from_bytes(octets[2:4], "big"),
        *ends[2:],
    )
    if len(octets) < SHORTEST[number]:
        tally.odd("short-frame", ends.where)
    if number == TCP:
        return [_tcp(first, octets, length, tally)]
    if number == UDP:
        return [_udp(first, octets, length, tally)]
    return _sctp(first, octets, length)


def _tcp(first: Segment, octets: bytes, length: int, tally: Tally) -> Segment:
    if len(octets) < 20:  # cut: whether there are options is not known, that it is TCP is
        flags = octets[13] if len(octets) > 13 else 0
        return first._replace(flags=flags, length=length - 20)
    header = (octets[12] >> 4) * 4
    if header < 20 or header > length:
        tally.odd("bad-tcp-header", first.where)
        header = length
    return first._replace(
        flags=octets[13],
        seq=int.from_bytes(octets[4:8], "big"),
        ack=int.from_bytes(octets[8:12], "big"),
        payload=octets[header:length],
        length=length - header,
    )


def _udp(first: Segment, octets: bytes, length: int, tally: Tally) -> Segment:
    told = int.from_bytes(octets[4:6], "big") if len(octets) >= 6 else length
    if not 8 <= told <= length and not (told == 0 and length > 65535):
        tally.odd("bad-udp-length", first.where)
        told = length
    told = told or length
    return first._replace(payload=octets[8:told], length=told - 8)


def _sctp(first: Segment, octets: bytes, length: int) -> list[Segment]:
    found = [
        first._replace(payload=octets[start:stop], length=stop - start)
        for start, stop in _chunks(octets, length)
        if stop > start
    ]
    if not found:
        return [first]
    return found[:1] + [one._replace(packets=0, octets=0) for one in found[1:]]


def _chunks(octets: bytes, length: int) -> Iterator[tuple[int, int]]:
    """Give where the user data of each DATA or I-DATA chunk lies (RFC 9260, RFC 8260)."""
    at = 12
    while at + 4 <= len(octets):
        size = int.from_bytes(octets[at + 2 : at + 4], "big")
        if size < 4:
            return
        header = {0: 16, 64: 20}.get(octets[at])
        if header is not None and size >= header:
            yield at + header, min(at + size, length)
        at += size + 3 & ~3
