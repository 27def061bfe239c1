"""Targets: frames of every link type, and blocks of the kernel's ring, in every reader."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from fuzz.driving import PLAINEST, Driven, Way, compare
from fuzz.supply import Supply, piece
from fuzz.target import Target
from fuzz.traffic import NOW_NS, linked
from portbook.evidence.links import LINKS
from portbook.evidence.rings import RING_HEAD, TAGGED

KNOWN = (1, *sorted(set(LINKS) - {1}), 999)  # Ethernet first: most is of it
STEPS_NS = (1000, 0, 1_000_000_001, -5_000, 61_000_000_000, 300_000_000_000)
LONGER = (0, 1, 100, 60_000)  # octets that the source cut off
TAGS = (None, 0, 7, 4095)
MOST = 48  # frames of an input
FIRST = 48  # where the kernel's own words of a block end


def frames(octets: bytes) -> None:
    """Count frames that come one by one."""
    supply = Supply(octets)
    way = Way.of(supply)
    told, now_ns = [], NOW_NS
    while supply and len(told) < MOST:
        link, kind = supply.choice(KNOWN), supply.number()
        now_ns += STEPS_NS[kind % len(STEPS_NS)]
        frame = supply.piece()
        longer, vlan = LONGER[kind // 6 % 4], TAGS[kind // 24 % 4]
        told.append((frame, link, now_ns, len(frame) + longer if longer else None, vlan))

    def source(driven: Driven) -> None:
        for one in told:
            driven.frame(*one)
        driven.table.finish()

    compare(way, source)


def rings(octets: bytes) -> None:
    """Count the packets of a block."""
    supply = Supply(octets)
    way, twice = Way.of(supply), bool(supply.number() & 1)
    block = supply.rest()
    compare(way, lambda driven: driven.ring(block, min(FIRST, len(block)), 1, twice))


def _frame_seeds() -> Iterator[bytes]:
    made, several = list(linked()), iter(linked())
    for at, one in enumerate(made):
        yield WAYS[at % len(WAYS)] + _told(one.link, at % 6, one.octets)
    while group := list(islice(several, 5)):
        yield PLAINEST + b"".join(_told(one.link, 0, one.octets) for one in group)
    ethernet = [one.octets for one in made if one.link == 1]
    yield WAYS[1] + b"".join(_told(1, 2, one) for one in ethernet[:20])


WAYS = (PLAINEST, bytes((1, 1, 1, 0, 0)), bytes((2, 2, 2, 1, 0)))


def _told(link: int, kind: int, octets: bytes) -> bytes:
    return bytes((KNOWN.index(link), kind)) + piece(octets)


def _ring_seeds() -> Iterator[bytes]:
    ethernet = [one.octets for one in linked() if one.link == 1]
    for way in WAYS:
        yield way + b"\0" + _block(ethernet[:4])
    yield PLAINEST + b"\1" + _block(ethernet[4:9])


def _block(some: list[bytes]) -> bytes:
    """Lay frames out as the kernel does: an outermost VLAN tag goes into the head."""
    made = bytearray(FIRST)
    for number, frame in enumerate(some):
        tag = struct.unpack(">HH", frame[12:16]) if frame[12:14] == b"\x81\0" else (0, 0)
        kept = frame[:12] + frame[16:] if tag[0] else frame
        at = RING_HEAD + 14
        size = at + len(kept) + 7 & ~7
        step = size if number + 1 < len(some) else 0
        status, kind = 1 | (TAGGED if tag[0] else 0), 4 if number % 2 else 0
        made += struct.pack("=IIIIII", step, 1_700_000_000, number, len(kept), len(kept), status)
        made += struct.pack("=HHIIH10x", at, at + 14, 0, tag[1], tag[0])
        made += struct.pack("=HHiHBB8x", 17, 0, 1, 1, kind, 6)
        made += (bytes(14) + kept).ljust(size - RING_HEAD, b"\0")
    return bytes(made)


TARGETS = (Target("frames", frames, _frame_seeds), Target("rings", rings, _ring_seeds))
