"""What becomes of REF TEK packets when they are put in order: placed, repeated, late, missing.

Times are Unix nanoseconds, UTC. `cargo` is whatever the caller gave with a packet (a position in
a file, decoded samples, an acknowledgement to send); it travels along untouched.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from portbook.protocols.reftek.packets import Packet


class Join(StrEnum):
    """How a data packet follows the one before it on its channel.

    FIRST: nothing before it. JOINED: it goes on without a break. EVENT: another event begins, at
    another time. GAP, OVERLAP: packets are missing, time leaps on, or back. CLOCK_STEP: nothing
    is missing, the recorder's clock was set. BROKEN: nothing is missing, and yet the samples do
    not follow: this packet or the one before is corrupt. RATE: the sampling rate has changed.
    """

    FIRST = "first"
    JOINED = "joined"
    EVENT = "event"
    GAP = "gap"
    OVERLAP = "overlap"
    CLOCK_STEP = "clock-step"
    BROKEN = "broken"
    RATE = "rate-change"


class Placed(msgspec.Struct, frozen=True):
    """A packet of an event (EH, DT, ET) in its place: each once, in the order of sequences.

    time_ns: its time tag; rate_hz: None while unknown; join: None for EH and ET, and for a DT
    without samples; off_ns: its time less the time that the packet before lets expect
    """

    packet: Packet
    time_ns: int
    rate_hz: float | None = None
    join: Join | None = None
    off_ns: int | None = None
    cargo: Any = None


class Told(msgspec.Struct, frozen=True):
    """A packet outside of events: SH, SC, OM, DS, AD, CD or FD."""

    packet: Packet
    time_ns: int
    cargo: Any = None


class Hole(msgspec.Struct, frozen=True):
    """Packets that never came: sequences first to last, both included, modulo 10,000.

    from_ns: the end of the data before it; until_ns: the time tag of the packet behind it. The
    packets of several channels interleave, so these bound the hole; each channel's own loss is
    the off_ns of its next placed packet.
    """

    unit: str
    stream: int
    event: int
    first_sequence: int
    last_sequence: int
    packets: int
    from_ns: int
    until_ns: int


class Repeated(msgspec.Struct, frozen=True):
    """A packet whose sequence was here before; equal: octet for octet the same."""

    packet: Packet
    equal: bool
    cargo: Any = None


class Late(msgspec.Struct, frozen=True):
    """A packet that came after its hole had been told; its data are good."""

    packet: Packet
    time_ns: int
    rate_hz: float | None = None
    cargo: Any = None


class Refused(msgspec.Struct, frozen=True):
    """A packet that cannot be as it stands; name: of the oddity."""

    packet: Packet
    name: str
    reason: str
    cargo: Any = None


class Unfinished(msgspec.Struct, frozen=True):
    """An event that went on to another one, or to the end, without its trailer (ET)."""

    unit: str
    stream: int
    event: int
    next_sequence: int
    until_ns: int


Outcome = Placed | Told | Hole | Repeated | Late | Refused | Unfinished
