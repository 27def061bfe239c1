"""Finds REF TEK packets in a file that may be cut, damaged, or of another instrument.

A recording is packets of 1024 octets in a row. Where no packet begins at its place, the next one
is looked for, so that a cut or a foreign piece costs no more than itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import TYPES, Packet, is_header, read

CHUNK = 1 << 20


def _digits(most: int) -> bytes:
    """Return the class of octets that are two decimal digits, the first one at most so high."""
    pairs = (tens << 4 | ones for tens in range(most + 1) for ones in range(10))
    return b"[%s]" % b"".join(re.escape(bytes((pair,))) for pair in pairs)


# Takes one octet only: a foreign "A" before "DT" must not take its "D" for an "AD". The digits
# stand here too, so that a file full of types does not cost a look at each; a day begins 0 to 3.
_HEAD = re.compile(
    b"(?:%s)(?=.%s{2}..%s%s{9})"
    % (
        b"|".join(b"%s(?=%s)" % (kind[:1].encode(), kind[1:].encode()) for kind in TYPES),
        _digits(9),
        _digits(3),
        _digits(9),
    ),
    re.DOTALL,
)
_SURE = 16  # octets of a header


class Piece(NamedTuple):
    """A packet at its offset, or octets that are none: `packet` is None.

    cut: the file ends inside of it
    """

    offset: int
    octets: int
    packet: Packet | None = None
    cut: bool = False


def pieces(take: Callable[[int], bytes]) -> Iterator[Piece]:
    """Give the pieces of a file in order; take: reads up to so many octets, b"" at the end."""
    held, offset, foreign = b"", 0, 0
    while chunk := take(CHUNK):
        held += chunk
        at = 0
        # What may still become a packet, or the head of one, waits for the next chunk.
        while at + SIZE <= len(held):
            packet = read(held, at)
            if packet:
                yield from _foreign(offset + at, foreign)
                foreign = 0
                yield Piece(offset + at, SIZE, packet)
                at += SIZE
            else:
                step = _next(held, at) - at
                foreign += step
                at += step
        held, offset = held[at:], offset + at
    cut = bool(held) and (is_header(held) or (len(held) < _SURE and not foreign and offset > 0))
    if cut:
        yield from _foreign(offset, foreign)
        yield Piece(offset, len(held), None, True)
    else:
        yield from _foreign(offset + len(held), foreign + len(held))


def _next(held: bytes, at: int) -> int:
    """Return where the next packet may begin: at its place behind a damaged one, or anywhere."""
    behind = at + SIZE
    if is_header(held, behind):
        return behind
    for match in _HEAD.finditer(held, at + 1):
        if is_header(held, match.start()):
            return match.start()
    return max(at + 1, len(held) - _SURE + 1)


def _foreign(end: int, octets: int) -> Iterator[Piece]:
    if octets:
        yield Piece(end - octets, octets)
