"""Which datagrams of a direction can be judged: what is kept of the later ones may be nothing."""

from __future__ import annotations

from portbook.protocols import Piece, Side


def judged(side: Side) -> list[Piece]:
    """Return the first datagram, and of the later ones those that were kept whole.

    A head is cut at 128 octets where memory is short, so the second datagram may be a stump that
    says nothing for a protocol and nothing against it.
    """
    return [piece for number, piece in enumerate(side) if piece.whole or not number]
