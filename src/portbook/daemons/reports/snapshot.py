"""How the receiver stands at one moment: what its loop hands to those who ask for its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from portbook import __version__
from portbook.records import NOTHING
from portbook.seismic.alarms import Alarm
from portbook.seismic.instruments import Instrument


class SourceState(msgspec.Struct, frozen=True):
    """Where data come from: an upstream, a TCP stream of raw packets, a PBL1 link."""

    name: str  # host:port, as told in the settings, or as it came
    how: str  # "upstream", "stream", "link"
    up: bool
    packets: int = 0
    since_ns: int | None = None
    said: str | None = None  # why it is not up, or what it told last


class ClientState(msgspec.Struct, frozen=True):
    """Who reads from us."""

    name: str  # address:port
    how: str  # "reftek", "seedlink", "datalink"
    packets: int = 0
    lag: int = 0  # packets that wait for it
    program: str | None = None
    wants: str | None = None
    since_ns: int | None = None
    said: str | None = None


class Snapshot(msgspec.Struct, frozen=True, tag="receiver", tag_field="kind"):
    """All of it. totals only grow, and begin at 0 with the process; levels go up and down.

    troubles: why it is not well, empty when it is; refused: packets by the name of their fault
    """

    at_ns: int
    started_ns: int
    pid: int
    version: str = __version__
    troubles: tuple[str, ...] = ()
    listening: Mapping[str, str] = NOTHING
    totals: Mapping[str, int] = NOTHING
    levels: Mapping[str, float] = NOTHING
    refused: Mapping[str, int] = NOTHING
    peers: Mapping[str, Mapping[str, int]] = NOTHING  # what was refused, by address and name
    instruments: tuple[Instrument, ...] = ()
    sources: tuple[SourceState, ...] = ()
    clients: tuple[ClientState, ...] = ()
    alarms: tuple[Alarm, ...] = ()


class Known(NamedTuple):
    """A number by its name, and what it means."""

    name: str
    meaning: str


TOTALS = (
    Known("packets_taken", "packets that were taken: they stand in the spool"),
    Known("packets_delivered", "packets that went to the ring, in order, each once"),
    Known("packets_refused", "packets that were read and refused"),
    Known("packets_ahead", "packets a day or more ahead of our clock: archived, not delivered"),
    Known("packets_unroomed", "packets that found no room in the spool"),
    Known("packets_archived", "packets that are safe in the archive"),
    Known("packets_sent", "packets sent to clients"),
    Known("datagrams", "datagrams read"),
    Known("datagrams_dropped", "datagrams that the system threw away since its socket was full"),
    Known("records", "miniSEED records written to day files"),
    Known("holes", "holes in sequences"),
    Known("packets_missing", "packets that are missing in those holes"),
    Known("clock_steps", "leaps of time tags where no packet is missing, by channel"),
    Known("duplicates", "packets that came again and were left out"),
    Known("clients_dropped", "clients that were let go of because they lagged"),
    Known("alarms", "alarms that were set"),
    Known("alarms_untold", "alarms that could not be told in some way"),
)
LEVELS = (
    Known("units_up", "instruments that are up"),
    Known("sources_up", "sources that are connected"),
    Known("clients", "clients that are connected"),
    Known("client_lag_packets", "packets that wait for the client furthest behind"),
    Known("ring_packets", "packets in the ring"),
    Known("spool_octets", "size of the spool"),
    Known("spool_waiting_packets", "packets in the spool that are not in the archive yet"),
    Known("spool_unsynced_packets", "packets in the spool that are not synced yet"),
    Known("spool_free_octets", "free space on the spool's disk"),
    Known("archive_free_octets", "free space on the archive's disk"),
    Known("archive_octets", "size of the raw archive"),
    Known("beat_seconds", "seconds since the last heartbeat"),
)
