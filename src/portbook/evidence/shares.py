"""Which conversations a table keeps when several read the same source, each its share.

The choice hangs on the conversation alone: both directions and every way that a packet can go
through a reader choose alike. It is not secret, so that tables in different processes agree
without a word: whoever sends packets may crowd one share, which has the table's bounds.
"""

from __future__ import annotations

from portbook.evidence.segments import Segment
from portbook.evidence.tunnels import NAMES

Part = tuple[int, int]  # (number of the share, how many shares there are)

WHOLE: Part = (0, 1)
MOST_SHARES = 1 << 16
# bits and shifts of the word that a conversation is known by beside its addresses
LOWER_PORT, HIGHER_PORT, TRANSPORT, IPV6, VLAN = 48, 32, 24, 1 << 22, 8
# odd numbers whose bits look as if by chance
FIRST_MIX, SECOND_MIX, THIRD_MIX = 0xC2B2AE3D27D4EB4F, 0x9E3779B97F4A7C15, 0xFF51AFD7ED558CCD
WORD = (1 << 64) - 1


def checked(part: Part) -> Part:
    """Return a part as it is; raises ValueError when there is no such share."""
    number, of = part
    if not 0 <= number < of <= MOST_SHARES:
        raise ValueError(
            f"part must be (share, shares), the share from 0 on below the number of shares, and "
            f"{MOST_SHARES} shares at the most; got {part}"
        )
    return part


def key(segment: Segment) -> int:
    """Return what a conversation is known by beside addresses and ports, as one word."""
    vlan = 0 if segment.vlan is None else segment.vlan + 1
    version = IPV6 if len(segment.source) == 16 else 0
    return segment.transport << TRANSPORT | version | vlan << VLAN | NAMES.index(segment.tunnel)


def share(segment: Segment, of: int) -> int:
    """Return which of so many shares the conversation of a segment belongs to."""
    ends = int.from_bytes(segment.source, "big") ^ int.from_bytes(segment.target, "big")
    ports = segment.source_port ^ segment.target_port
    mix = ((ends >> 64) * FIRST_MIX + ends) * SECOND_MIX & WORD
    mix = ((mix ^ mix >> 32) + (ports << HIGHER_PORT) + key(segment)) * THIRD_MIX & WORD
    return (mix >> 32) * of >> 32
