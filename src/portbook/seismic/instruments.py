"""How an instrument does, as a record of the output contract."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from portbook.seismic.clocks import DEFAULT, ClockState


class Verdict(StrEnum):
    """What is to be said of an instrument.

    STOPPED: its link is up, yet its data have stopped. NEVER: expected, and never heard. AWAY: the
    RTPD that it was heard by is away, or was until just now: nobody knows how it does.
    """

    UP = "up"
    SILENT = "silent"
    STOPPED = "data stopped"
    NEVER = "never heard"
    AWAY = "upstream away"


class StreamState(msgspec.Struct, frozen=True):
    """A stream, counted from 1; interval_s: how long a packet of one of its channels lasts."""

    stream: int
    packets: int
    arrived_ns: int | None
    data_ns: int | None  # time tag of the last packet
    interval_s: float | None
    ended: bool  # its event has ended, and none has begun since: nothing is due
    missing: int
    late: bool


class NamedHole(msgspec.Struct, frozen=True):
    """A hole as the archiver named it: sequences first to last, both included; found_ns: when."""

    stream: int
    event: int
    first_sequence: int
    last_sequence: int
    packets: int
    from_ns: int
    until_ns: int
    found_ns: int


class Instrument(msgspec.Struct, frozen=True, tag="instrument", tag_field="kind"):
    """A recorder: when it was heard, from where, how its clock is, what is missing.

    arrived_ns, data_arrived_ns, link_ns: when a packet, data, a sign of its link came last, by
    our clock; data_ns: time tag of its newest data; quality: of its clock, 0 to 100
    clock_steps: how often a channel's time tags leapt though no packet is missing; clock_step_ns,
    clock_step_s: when that was told last, and by how much they leapt
    latitude, longitude: where it says that it stands, degrees, north and east positive
    last_holes: the last few of its holes, the newest last
    """

    unit: str
    verdict: Verdict
    said: str
    packets: int = 0
    first_ns: int | None = None
    arrived_ns: int | None = None
    data_arrived_ns: int | None = None
    data_ns: int | None = None
    link_ns: int | None = None
    address: str | None = None
    addresses: tuple[str, ...] = ()
    health_at_ns: int | None = None
    health: str | None = None
    clock: ClockState = ClockState.UNKNOWN
    quality: int = DEFAULT
    phase_error_us: int | None = None
    clock_since_ns: int | None = None
    holes: int = 0
    missing: int = 0
    hole_ns: int | None = None
    clock_steps: int = 0
    clock_step_ns: int | None = None
    clock_step_s: float | None = None
    interval_s: float | None = None
    streams: tuple[StreamState, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    elevation_m: float | None = None
    last_holes: tuple[NamedHole, ...] = ()
