"""PBL1: portbook's own reliable framing of REF TEK packets in UDP datagrams.

The recorders' own link is not public. PBL1 stands in between gateways, emulators and portbook's
receiver. It has no keys: who can send to the port can speak it. One frame is one datagram:

    DISCOVER, BYE    sixteen octets of header
    OFFER            how many packets the receiver takes in flight
    DATA             link sequence, one packet of 1 to 1024 octets
    ACK              all below `next` are safe; what else has come; how many more it takes
    PING, PONG       the asker's number comes back; a receiver's PONG also carries an ACK

Only `next` acknowledges. The bitmap and the header's link sequence of an ACK tell what has come
in: that need not be sent again soon, but is not safe, and a receiver may yet forget it.
Source: portbook's docs on REF TEK, PBL1.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from portbook.errors import UsageError
from portbook.protocols.layout import BE, RAW, Field, Layout
from portbook.protocols.reftek.layouts import SIZE, UNIT

MAGIC = b"PBL1"  # can be taken for no packet's type code
WINDOW = 64  # packets in flight, and packets kept out of order
AGAIN = 1  # flag: sent before
MODULUS = 1 << 32

HEADER = Layout(
    "PBL1 header",
    16,
    (
        Field("magic", 0, 4, RAW, None, "PBL1", MAGIC),
        Field("kind", 4, 1, BE, None, "0 discover offer data ack ping pong bye 6"),
        Field("flags", 5, 1, BE, None, "01 sent before"),
        Field("unit", 6, 2, UNIT, None, "the recorder's unit id"),
        Field("token", 8, 4, BE, None, "random, new with each start of the sender"),
        Field("sequence", 12, 4, BE, None, "link sequence, from 0; ACK: all before it came in"),
    ),
)
ACKNOWLEDGEMENT = Layout(
    "PBL1 acknowledgement, payload of ACK and PONG",
    14,
    (
        Field("next", 0, 4, BE, None, "all link sequences before it are safe"),
        Field("bitmap", 4, 8, BE, None, "lowest bit: next + 1 has come, not safe yet; and so on"),
        Field("free", 12, 2, BE, None, "packets from `next` on that it takes; 0: full"),
    ),
)
_HEAD = struct.Struct(">4sBBHII")  # HEADER, in one call
_ACK = struct.Struct(">IQH")  # ACKNOWLEDGEMENT, in one call


class Kind(IntEnum):
    """What a frame is."""

    DISCOVER = 0
    OFFER = 1
    DATA = 2
    ACK = 3
    PING = 4
    PONG = 5
    BYE = 6


_KINDS = {int(kind): kind for kind in Kind}
_PAYLOADS = {
    Kind.DISCOVER: (0,),
    Kind.OFFER: (4,),
    Kind.DATA: range(1, SIZE + 1),
    Kind.ACK: (_ACK.size,),
    Kind.PING: (0,),
    Kind.PONG: (0, _ACK.size),
    Kind.BYE: (0,),
}


class Frame(NamedTuple):
    """One frame; unit, token and sequence are plain numbers."""

    kind: Kind
    flags: int
    unit: int
    token: int
    sequence: int
    payload: bytes = b""


class Ack(NamedTuple):
    """What a receiver tells: safe below `next`; came: sequences behind it that have come."""

    next: int
    bitmap: int
    free: int


def is_frame(datagram: bytes) -> bool:
    """Tell whether a datagram claims to be a PBL1 frame; it may still be none."""
    return datagram.startswith(MAGIC)


def read(datagram: bytes) -> Frame | None:
    """Read a datagram; None when it is no frame: another magic, kind, or length than its kind's."""
    if len(datagram) < _HEAD.size or not datagram.startswith(MAGIC):
        return None
    _, number, flags, unit, token, sequence = _HEAD.unpack_from(datagram)
    kind = _KINDS.get(number)
    if kind is None or len(datagram) - _HEAD.size not in _PAYLOADS[kind]:
        return None
    return Frame(kind, flags, unit, token, sequence, bytes(datagram[_HEAD.size :]))


def write(frame: Frame) -> bytes:
    """Return a frame as the datagram to send; raises UsageError for a payload of wrong length."""
    if len(frame.payload) not in _PAYLOADS[frame.kind]:
        raise UsageError(f"PBL1 {frame.kind.name} has no payload of {len(frame.payload)} octets")
    head = _HEAD.pack(MAGIC, frame.kind, frame.flags, frame.unit, frame.token, frame.sequence)
    return head + frame.payload


def ack(frame: Frame) -> Ack | None:
    """Return what an ACK, or the PONG of a receiver, tells; None for other frames."""
    if frame.kind not in (Kind.ACK, Kind.PONG) or len(frame.payload) != _ACK.size:
        return None
    return Ack._make(_ACK.unpack(frame.payload))


def told(one: Ack) -> bytes:
    """Return an acknowledgement as the payload of an ACK or PONG."""
    return _ACK.pack(*one)


def offered(frame: Frame) -> int | None:
    """Return the window that an OFFER names, in packets; None for other frames."""
    return int.from_bytes(frame.payload) if frame.kind is Kind.OFFER else None
