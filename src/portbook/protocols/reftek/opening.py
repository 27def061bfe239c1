"""What a TCP connection to 2543 is, by its first octets: a client, a stream of packets, foreign.

A client needs all six octets: Modbus/TCP with transaction 1 begins with the same two, CODESYS over
TCP too. A stream needs the two letters of a known type; its header is tested with the packet.
"""

from __future__ import annotations

from enum import Enum

from portbook.protocols.reftek.client import HELLOS
from portbook.protocols.reftek.packets import TYPES

_LETTERS = tuple(kind.encode() for kind in TYPES)
_FIRST = (*HELLOS, *_LETTERS)


class Opening(Enum):
    """What the first octets are."""

    CLIENT = "client"
    STREAM = "stream"
    FOREIGN = "foreign"


def opening(octets: bytes) -> Opening | None:
    """Tell what a connection is by all that came so far; None: more is needed, at most six."""
    if octets.startswith(HELLOS):
        return Opening.CLIENT
    if octets.startswith(_LETTERS):
        return Opening.STREAM
    return None if any(one.startswith(octets) for one in _FIRST) else Opening.FOREIGN
