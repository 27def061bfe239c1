"""Reads BER and DER: tag, length, content; lengths are checked, depth is the caller's.

Source: ITU-T X.690 sections 8.1.2, 8.1.3 and 8.19.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

INTEGER, OCTETS, NULL, OID, UTF8, SEQUENCE, SET = 0x02, 0x04, 0x05, 0x06, 0x0C, 0x30, 0x31
ARCS = 128


class Item(NamedTuple):
    """One element: its tag, and where its content begins and ends."""

    tag: int
    start: int
    end: int

    def of(self, octets: bytes) -> bytes:
        """Return the content."""
        return octets[self.start : self.end]


def item(octets: bytes, at: int, end: int, tag: int | None = None) -> Item | None:
    """Read the element at `at`, or None when it is none or does not end before `end`.

    tag: the tag that it must have, None for any. One-octet tags and definite lengths of at most
    four octets only: SNMP and certificates have no others.
    """
    end = min(end, len(octets))
    if at < 0 or at + 2 > end or octets[at] & 0x1F == 0x1F:
        return None
    first, start = octets[at + 1], at + 2
    length = first
    if first & 0x80:
        size = first & 0x7F
        if not 1 <= size <= 4 or start + size > end:
            return None
        length = int.from_bytes(octets[start : start + size], "big")
        start += size
    if start + length > end or (tag is not None and octets[at] != tag):
        return None
    return Item(octets[at], start, start + length)


def items(octets: bytes, outer: Item, limit: int = 256) -> list[Item] | None:
    """Return the elements that fill another one exactly, or None when they do not.

    limit: more elements than that are not read, and are not held against it
    """
    found: list[Item] = []
    at = outer.start
    while at < outer.end:
        inner = item(octets, at, outer.end)
        if inner is None:
            return None
        found.append(inner)
        if len(found) == limit:
            break
        at = inner.end
    return found


def walk(octets: bytes, outer: Item, limit: int = 256) -> Iterator[Item]:
    """Give the elements inside another one, as many as can be read."""
    at = outer.start
    for _ in range(limit):
        inner = item(octets, at, outer.end)
        if inner is None:
            return
        yield inner
        at = inner.end


def integer(octets: bytes) -> int | None:
    """Return a signed integer of 1 to 9 octets, or None."""
    return int.from_bytes(octets, "big", signed=True) if 1 <= len(octets) <= 9 else None


def oid(octets: bytes) -> tuple[int, ...] | None:
    """Return the arcs of an object identifier, or None when it is not one."""
    if not octets or octets[-1] & 0x80 or len(octets) > ARCS:
        return None
    arcs, arc = [], 0
    for octet in octets:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return (first, arcs[0] - 40 * first, *arcs[1:])
