"""Payloads of conversations as octets, and back: any octets are some payload.

A head of four octets, then pieces, each behind its own head of two: whose it is, how much was
lost of it, how long it is. The packet reader keeps to the same rules: what it keeps of a piece is
its start, and the pieces stand in what is kept of the side.
"""

from __future__ import annotations

from fuzz.supply import Supply
from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side

TRANSPORTS = (*(Transport.TCP, Transport.UDP) * 4, Transport.SCTP)  # as they are met
CASTS = tuple(Cast)
GROUPS = (None, "224.0.0.251", "239.255.255.250", "ff02::fb")
LOST = (0, 1, 700, 65_000)  # octets of a piece that were not kept
UNSEEN = (0, 1, 5000, 1 << 33)  # octets of a side behind those of its pieces
_LENGTH = 0x1FFF
MOST_PIECES, MOST_OCTETS = 64, 16384  # of a side, as the packet readers keep them


def unpack(octets: bytes) -> Payload:
    """Turn octets into a payload."""
    supply = Supply(octets)
    kind, flags, unseen, group = (supply.number() for _ in range(4))
    transport = TRANSPORTS[kind % 9]
    kept: tuple[list[bytes], list[bytes]] = [], []
    lengths: tuple[list[int], list[int]] = [], []
    held = [0, 0]
    while supply:
        head = supply.number(2)
        side = head >> 15
        piece = supply.octets(head & _LENGTH)[: MOST_OCTETS - held[side]]
        if len(kept[side]) < MOST_PIECES:
            kept[side].append(piece)
            lengths[side].append(len(piece) + LOST[head >> 13 & 3])
            held[side] += len(piece)
    sides = [
        Side(
            b"".join(kept[at]),
            tuple((length, len(one)) for length, one in zip(lengths[at], kept[at], strict=True)),
            sum(lengths[at]) + UNSEEN[unseen >> 2 * at & 3],
            transport is not Transport.TCP or not flags >> at & 1,
        )
        for at in (0, 1)
    ]
    cast = CASTS[flags >> 2 & 3] if flags & 12 < 12 else Cast.UNICAST
    if transport is Transport.TCP:
        cast = Cast.UNICAST
    told = GROUPS[group % len(GROUPS)] if cast is Cast.MULTICAST else None
    return Payload(transport, *sides, cast, told)


def pack(payload: Payload) -> bytes:
    """Turn a payload into octets, as exactly as they can tell it."""
    sides = payload.to_server, payload.to_client
    flags = sum((not side.started) << at for at, side in enumerate(sides))
    flags |= CASTS.index(payload.cast) << 2
    group = GROUPS.index(payload.group) if payload.group in GROUPS else 1
    unseen = sum(
        _nearest(UNSEEN, side.total - sum(length for length, _ in side.pieces)) << 2 * at
        for at, side in enumerate(sides)
    )
    made = bytes((TRANSPORTS.index(payload.transport), flags, unseen, group))
    for at, side in enumerate(sides):
        for one in side:
            head = at << 15 | _nearest(LOST, one.length - len(one.octets)) << 13
            octets = one.octets[:_LENGTH]
            made += (head | len(octets)).to_bytes(2, "big") + octets
    return made


def _nearest(among: tuple[int, ...], wanted: int) -> int:
    return min(range(len(among)), key=lambda at: abs(among[at] - wanted))
