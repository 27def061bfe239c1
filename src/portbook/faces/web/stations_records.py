"""What pages know of stations: what the receiver told, and what was read from its disk. Pure.

Streams and channels count from 1, as people count them. Times are Unix nanoseconds, UTC.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from portbook.seismic.clocks import ClockState
from portbook.seismic.instruments import NamedHole, Verdict


class Trouble(StrEnum):
    """Why a receiver does not tell how it does."""

    UNSET = "unset"  # nobody said where to ask
    REFUSED = "refused"  # nobody listens there
    SLOW = "slow"  # no whole answer in time
    FOREIGN = "foreign"  # what answers is no receiver
    DECLINED = "declined"  # it answered, and says why it does not tell
    FAILED = "failed"  # the system says why


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with asking the receiver; detail: words of the system or of the receiver."""

    trouble: Trouble
    where: str = ""
    detail: str = ""


class Place(msgspec.Struct, frozen=True):
    """Where a station is: degrees, north and east positive; told_by: "settings", "recorder"."""

    latitude: float
    longitude: float
    elevation_m: float | None
    told_by: str


class Stream(msgspec.Struct, frozen=True):
    """A stream of a recorder, as the receiver tells it."""

    stream: int
    packets: int
    arrived_ns: int | None
    data_ns: int | None
    interval_s: float | None
    ended: bool
    missing: int
    late: bool


class Station(msgspec.Struct, frozen=True):
    """A recorder, with the names that the receiver's settings give it.

    name: network and station code; since_ns: since when it is not up, None while it is
    """

    unit: str
    verdict: Verdict
    said: str
    name: str | None = None
    since_ns: int | None = None
    packets: int = 0
    arrived_ns: int | None = None
    data_arrived_ns: int | None = None
    data_ns: int | None = None
    address: str | None = None
    health: str | None = None
    health_at_ns: int | None = None
    clock: ClockState = ClockState.UNKNOWN
    quality: int | None = None
    phase_error_us: int | None = None
    clock_since_ns: int | None = None
    clock_steps: int = 0
    clock_step_ns: int | None = None
    clock_step_s: float | None = None
    holes: int = 0
    missing: int = 0
    hole_ns: int | None = None
    last_holes: tuple[NamedHole, ...] = ()
    streams: tuple[Stream, ...] = ()
    place: Place | None = None


class StationAlarm(msgspec.Struct, frozen=True):
    """An alarm that stands; unit: the one that it is about, if it is about one."""

    what: str
    level: str
    message: str
    since_ns: int | None
    unit: str | None


class Told(msgspec.Struct, frozen=True):
    """What a receiver told of itself and of its stations; left_out: stations beyond the bound."""

    at_ns: int
    started_ns: int | None
    pid: int
    version: str
    troubles: tuple[str, ...]
    stations: tuple[Station, ...]
    alarms: tuple[StationAlarm, ...]
    left_out: int = 0

    def station(self, unit: str) -> Station | None:
        """Return the station of a unit id."""
        return next((one for one in self.stations if one.unit == unit), None)


class Run(msgspec.Struct, frozen=True):
    """Samples without a break: per column that holds some, the lowest and the highest count."""

    columns: tuple[int, ...]
    lowest: tuple[int, ...]
    highest: tuple[int, ...]


class Gap(msgspec.Struct, frozen=True):
    """A time in which a channel has no samples although it has some before and behind."""

    from_ns: int
    until_ns: int


class Envelope(msgspec.Struct, frozen=True):
    """A channel's last samples as ranges of `width` equal columns of time.

    samples: in the window; refused: packets whose samples cannot be; last_ns: where its newest
    data end, also outside of the window; last_sequence: of its newest packet
    """

    unit: str
    stream: int
    channel: int
    from_ns: int
    until_ns: int
    width: int
    runs: tuple[Run, ...] = ()
    gaps: tuple[Gap, ...] = ()
    samples: int = 0
    rate_hz: float | None = None
    code: str | None = None
    refused: int = 0
    last_ns: int | None = None
    last_sequence: int | None = None
    format: str | None = None

    @property
    def lowest(self) -> int | None:
        """Return the lowest count of all."""
        return min((min(run.lowest) for run in self.runs), default=None)

    @property
    def highest(self) -> int | None:
        """Return the highest count of all."""
        return max((max(run.highest) for run in self.runs), default=None)


class Recent(msgspec.Struct, frozen=True):
    """The last minutes of a unit; source: "archive" or "spool", None when neither has any."""

    unit: str
    envelopes: tuple[Envelope, ...] = ()
    source: str | None = None
    cut: bool = False  # more was there than is read at once


class Measure(StrEnum):
    """What a series of state-of-health lines tells."""

    SUPPLY = "supply"  # volts
    BACKUP = "backup"  # volts
    TEMPERATURE = "temperature"  # degrees Celsius
    PHASE_ERROR = "phase error"  # microseconds


class Series(msgspec.Struct, frozen=True):
    """A number over time, in order of time."""

    measure: Measure
    points: tuple[tuple[int, float], ...]


class Lock(msgspec.Struct, frozen=True):
    """A state of the clock that began."""

    at_ns: int
    locked: bool


class Said(msgspec.Struct, frozen=True):
    """A line of a recorder's state of health."""

    at_ns: int | None
    text: str


class Health(msgspec.Struct, frozen=True):
    """What a recorder said of itself within a time; lines: the newest first."""

    unit: str
    from_ns: int
    until_ns: int
    series: tuple[Series, ...] = ()
    locks: tuple[Lock, ...] = ()
    lines: tuple[Said, ...] = ()
