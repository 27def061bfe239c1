"""Files of REF TEK packets: which ones a place holds, and the pieces of each, packets or not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from portbook.errors import SourceError
from portbook.protocols.reftek.packets import Packet
from portbook.seismic import files

_PACKED = {
    b"PK\x03\x04": "it is a zip archive; unpack it first",
    b"\x1f\x8b": "it is packed with gzip; unpack it first",
}
_OTHER = b"REFTEK 125"
_MINISEED = re.compile(rb"[0-9 ]{6}[DRQM][ \0]|MS\x03")
_HEAD = 4096


class Piece(NamedTuple):
    """A packet at its offset, or octets that are none.

    at: offset in the file; last: nothing stands behind it
    """

    at: int
    octets: bytes
    packet: Packet | None
    last: bool


def found(places: Iterable[Path]) -> Iterator[Path]:
    """Give the files of places; a folder's in the order of their names, hidden ones left out.

    Raises SourceError for a place that is not there, or a folder without files.
    """
    for place in places:
        if not place.is_dir():
            if not place.exists():
                raise SourceError(f"{place}: no such file or folder; check the name")
            yield place
            continue
        inside = _inside(place)
        if not inside:
            raise SourceError(f"{place}: the folder is empty; name one with recordings")
        yield from sorted(inside)


def pieces(path: Path) -> Iterator[Piece]:
    """Give the pieces of one file. Raises SourceError when no packet is in it."""
    with path.open("rb") as stream:
        head = stream.peek(_HEAD)[:_HEAD]  # a pipe cannot be read from its begin again
        seen = False
        held: list[files.Piece] = []  # one piece, until it is known whether it is the last
        for piece in files.pieces(stream.read):
            seen = seen or piece.packet is not None
            held.append(piece)
            while seen and len(held) > 1:
                yield _piece(held.pop(0), False)
        if not seen:
            raise SourceError(f"{path}: {foreign(head)}", offset=0)
        yield _piece(held[0], True)


def foreign(head: bytes) -> str:
    """Say why a file without a packet is none of ours, by its first octets."""
    if not head:
        return "the file is empty"
    for mark, what in _PACKED.items():
        if head.startswith(mark):
            return f"holds no REF TEK 130 packet: {what}"
    if _OTHER in head:
        what = "it is of an RT-125A, another instrument of the same maker"
        return f"holds no REF TEK 130 packet: {what}"
    if _MINISEED.match(head):
        return "holds no REF TEK 130 packet: it is miniSEED already"
    begins = head[:4].hex(" ").upper()
    return f"holds no REF TEK 130 packet; it begins with {begins}. Is it another format?"


def _inside(folder: Path) -> list[Path]:
    inside = []
    for here, below, names in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        inside += [Path(here, name) for name in names if not name.startswith(".")]
    return inside


def _piece(piece: files.Piece, last: bool) -> Piece:
    octets = piece.packet.octets if piece.packet else bytes(piece.octets)
    return Piece(piece.offset, octets, piece.packet, last)
