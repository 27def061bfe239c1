"""The settings of the REF TEK receiver: one TOML file, each key with its unit and meaning here.

What a key means stands beside its type and nowhere else: the reference that `portbook rtpd
--reference` prints, the messages about wrong values and the docs are made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from portbook.errors import SourceError, UsageError

if TYPE_CHECKING:
    from portbook.protocols.reftek.client import Wish
    from portbook.seismic.stations import Stations

GB = 1_000_000_000
LARGEST_OCTETS = 4 << 20  # of a settings file; a thousand units fill 200 kB
PACKETS = "AD CD DS DT EH ET FD OM SC SH"


def _key(
    meaning: str,
    unit: str = "",
    *,
    reload: bool = False,
    example: str = "",
    ge: float | None = None,
    le: float | None = None,
) -> Meta:
    """Return what a key means; example: a value as TOML, for keys whose default says little."""
    extra = {"unit": unit, "reload": reload, "example": example}
    return Meta(description=meaning, extra=extra, ge=ge, le=le)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; every key of it has a default."""


class Listen(Table, frozen=True):
    """Addresses that we listen on, each ADDRESS:PORT, "" for off. Loopback unless you say so."""

    field: Annotated[str, _key("UDP: datagrams of recorders and gateways", "address:port")] = (
        "127.0.0.1:2543"
    )
    clients: Annotated[
        str, _key("TCP: programs that read from an RTPD, and raw packet streams", "address:port")
    ] = "127.0.0.1:2543"
    seedlink: Annotated[
        str, _key("TCP: SeedLink clients", "address:port", example='"127.0.0.1:18000"')
    ] = ""
    status: Annotated[str, _key("TCP: status, alarms and metrics by HTTP", "address:port")] = (
        "127.0.0.1:2581"
    )
    receive_mb: Annotated[
        float, _key("room that the system keeps for datagrams not read yet", "MB", ge=0.1, le=1024)
    ] = 32.0


class Field(Table, frozen=True):
    """What is taken from datagrams. A recorder's own link is not public: it is never answered."""

    raw: Annotated[bool, _key("take datagrams of exactly one packet", reload=True)] = True
    observed: Annotated[
        bool, _key("take packets out of foreign datagrams; nothing is answered", reload=True)
    ] = True
    link: Annotated[bool, _key("take our own framing, PBL1, and acknowledge it", reload=True)] = (
        True
    )
    most_links: Annotated[int, _key("PBL1 senders at once", ge=1, le=65536)] = 4096


class Allow(Table, frozen=True):
    """Who may send and who may read. An empty list is nobody but this machine, or, where the
    address above is not on loopback, everybody; that is said in the log."""

    units: Annotated[
        tuple[str, ...],
        _key("ids of units; empty: every unit", "hex", reload=True, example='["AE4C", "9EEF"]'),
    ] = ()
    sources: Annotated[
        tuple[str, ...],
        _key("networks that may send packets", "prefix", reload=True, example='["10.1.0.0/16"]'),
    ] = ()
    clients: Annotated[
        tuple[str, ...],
        _key("networks whose programs may read", "prefix", reload=True, example='["10.2.0.7"]'),
    ] = ()
    status: Annotated[
        tuple[str, ...],
        _key("networks that may ask for status and metrics", "prefix", example='["10.2.0.0/24"]'),
    ] = ()


class Upstream(Table, frozen=True):
    """An RTPD that we read from, as its other clients do; repeat the table for several."""

    host: Annotated[str, _key("name or address", reload=True, example='"rtpd.example.org"')] = ""
    port: Annotated[int, _key("TCP port", reload=True, ge=1, le=65535)] = 2543
    unit: Annotated[str, _key("the only unit wanted; 0000: all", "hex", reload=True)] = "0000"
    packets: Annotated[str, _key("types of packets wanted", reload=True)] = PACKETS
    streams: Annotated[
        tuple[int, ...],
        _key("streams wanted, counted from 1; empty: all", reload=True, example="[1, 2, 9]"),
    ] = ()
    timeout_s: Annotated[
        int,
        _key("silence after which the connection is given up", "s", reload=True, ge=30, le=3600),
    ] = 30

    def wish(self) -> Wish:
        """Return what is asked of it: unit, packet mask and stream mask."""
        from portbook.protocols.reftek.client import Wish

        bits = {"AD": 1, "CD": 2, "DS": 3, "DT": 4, "EH": 5, "ET": 6, "OM": 7, "SH": 8, "SC": 9}
        types = sum(1 << bits.get(kind, 11) for kind in set(self.packets.split()))
        streams = sum(1 << one - 1 for one in set(self.streams)) or 0xFFFF
        return Wish(int(self.unit, 16), types, streams)


class Unit(Table, frozen=True):
    """A recorder by its id: the codes of its channels, where it may send from, when it is late."""

    network: Annotated[str, _key("network code", reload=True, example='"XX"')] = ""
    station: Annotated[str, _key("station code", reload=True, example='"TEST"')] = ""
    location: Annotated[str, _key("location code", reload=True, example='"00"')] = ""
    stream: Annotated[
        dict[str, tuple[str, ...]],
        _key(
            "channel codes of a stream; streams count from 1",
            reload=True,
            example='["HHZ", "HHN", "HHE"]',
        ),
    ] = {}
    rate: Annotated[
        dict[str, float],
        _key(
            "sample rate of a stream, where no event header tells it",
            "Hz",
            reload=True,
            example="100",
        ),
    ] = {}
    position: Annotated[
        tuple[float, ...],
        _key(
            "latitude and longitude, north and east positive; empty: as it tells itself",
            "degrees",
            reload=True,
            example="[48.1219, 12.5972]",
        ),
    ] = ()
    addresses: Annotated[
        tuple[str, ...],
        _key(
            "networks that it may send from; empty: any that may send",
            "prefix",
            reload=True,
            example='["10.1.7.0/24"]',
        ),
    ] = ()
    silence_s: Annotated[
        float, _key("its own limit of silence; 0: that of [alarms]", "s", reload=True, ge=0)
    ] = 0.0


class Spool(Table, frozen=True):
    """Where every packet stands at once, in the order of its arrival, before anything else."""

    max_gb: Annotated[float, _key("largest size; when full, nothing is taken", "GB", ge=0.1)] = 4.0
    sync_ms: Annotated[
        float, _key("longest time between packets and their sync to disk", "ms", ge=1, le=10_000)
    ] = 100.0
    segment_mb: Annotated[float, _key("size of one file of it", "MB", ge=1, le=1024)] = 64.0

    @property
    def most_octets(self) -> int:
        """Return its largest size in octets."""
        return int(self.max_gb * GB)


class Order(Table, frozen=True):
    """How long packets that came too early wait for those before them."""

    window: Annotated[int, _key("packets of a stream that wait at most", ge=1, le=4096)] = 64
    hold_s: Annotated[float, _key("longest wait", "s", ge=0, le=3600)] = 2.0


class Ring(Table, frozen=True):
    """The packets that clients are served from; it survives a restart."""

    packets: Annotated[int, _key("packets held, 1030 octets each", ge=256, le=8_388_608)] = 32768


class Archive(Table, frozen=True):
    """What is kept. "" for an archive that is not wanted."""

    raw: Annotated[str, _key("folder of the raw archive", "path", example='"/srv/reftek/raw"')] = ""
    sds: Annotated[
        str, _key("folder of the miniSEED day files", "path", example='"/srv/reftek/sds"')
    ] = ""
    keep_days: Annotated[
        float, _key("older days are deleted; 0: never", "days", reload=True, ge=0)
    ] = 0.0
    max_gb: Annotated[
        float,
        _key("the oldest days, or events, go above this size; 0: never", "GB", reload=True, ge=0),
    ] = 0.0
    min_free_gb: Annotated[
        float, _key("with less free on the disk nothing is taken any more", "GB", reload=True, ge=0)
    ] = 1.0


class Clients(Table, frozen=True):
    """Programs that read from us as from an RTPD."""

    most: Annotated[int, _key("connections at once", reload=True, ge=1, le=65536)] = 1000
    lag_packets: Annotated[
        int,
        _key(
            "a client further behind is told BUSY and let go; 0: the ring's size", reload=True, ge=0
        ),
    ] = 0
    heartbeat_s: Annotated[
        float, _key("longest silence to a client, or half its timeout", "s", reload=True, ge=1)
    ] = 15.0


class SeedLink(Table, frozen=True):
    """The SeedLink server, where [listen] has an address for it."""

    organisation: Annotated[str, _key("told to clients that ask who we are")] = "portbook"
    most: Annotated[int, _key("connections at once", reload=True, ge=1, le=65536)] = 200


class DataLink(Table, frozen=True):
    """A ringserver that gets all miniSEED records by DataLink; repeat the table for several."""

    host: Annotated[str, _key("name or address", example='"ringserver.example.org"')] = ""
    port: Annotated[int, _key("TCP port", ge=1, le=65535)] = 16000


class Alarms(Table, frozen=True):
    """What is an alarm, and who is told of it, once, and once more when it is over."""

    silence_s: Annotated[
        float, _key("an instrument without a packet for so long", "s", reload=True, ge=1)
    ] = 600.0
    stopped_s: Annotated[
        float, _key("a link that is up without data for so long", "s", reload=True, ge=1)
    ] = 720.0
    unlocked_s: Annotated[
        float, _key("a clock that is unlocked for so long", "s", reload=True, ge=1)
    ] = 3600.0
    file: Annotated[
        str, _key("JSON lines; below `folder` unless absolute; empty: off", "path", reload=True)
    ] = "alarms.jsonl"
    command: Annotated[
        tuple[str, ...],
        _key(
            "program and arguments, run with the alarm as JSON on its input; never a shell",
            reload=True,
            example='["/usr/local/bin/page", "--team", "seismic"]',
        ),
    ] = ()
    webhook: Annotated[
        str, _key("http or https address that gets the alarm as JSON by POST", "URL", reload=True)
    ] = ""
    limit_s: Annotated[
        float, _key("longest time for the command or the webhook", "s", reload=True, ge=1, le=300)
    ] = 20.0


class Watchdog(Table, frozen=True):
    """When `portbook rtpid` restarts the receiver, and when it leaves it alone."""

    beat_s: Annotated[float, _key("heartbeats, sent only because data moved", "s", ge=0.05)] = 0.5
    limit_s: Annotated[float, _key("a death or a freeze is noticed within this", "s", ge=0.5)] = 2.0
    start_s: Annotated[float, _key("a start is ready within this", "s", ge=1)] = 60.0
    stop_s: Annotated[float, _key("an end is over within this", "s", ge=1)] = 10.0
    probe_s: Annotated[float, _key("time between questions at the clients' port", "s", ge=1)] = 10.0
    probe_limit_s: Annotated[float, _key("time for the answer", "s", ge=0.1)] = 2.0
    stall_s: Annotated[
        float, _key("no packet though instruments are up, or four of their intervals", "s", ge=5)
    ] = 30.0
    disk_s: Annotated[
        float, _key("mute, but the system says that it waits for a disk", "s", ge=1)
    ] = 30.0
    backoff_s: Annotated[float, _key("pause before a restart; doubles", "s", ge=0)] = 1.0
    most_backoff_s: Annotated[float, _key("longest pause before a restart", "s", ge=0)] = 60.0
    again_s: Annotated[
        float,
        _key("between restarts of one that lives, for the same fault; doubles", "s", ge=1),
    ] = 60.0
    stalled_again_s: Annotated[
        float, _key("the same, where the fault is that no data come", "s", ge=1)
    ] = 600.0
    most_again_s: Annotated[float, _key("longest of these two", "s", ge=1)] = 21600.0


class Settings(Table, frozen=True):
    """The settings of the receiver. Paths are absolute once the file is loaded."""

    folder: Annotated[
        str, _key("spool, links and alarms are kept here; empty: rtpd/ in the data folder", "path")
    ] = ""
    listen: Listen = Listen()
    field: Field = Field()
    allow: Allow = Allow()
    upstream: tuple[Upstream, ...] = ()
    unit: dict[str, Unit] = {}
    spool: Spool = Spool()
    order: Order = Order()
    ring: Ring = Ring()
    archive: Archive = Archive()
    clients: Clients = Clients()
    seedlink: SeedLink = SeedLink()
    datalink: tuple[DataLink, ...] = ()
    alarms: Alarms = Alarms()
    watchdog: Watchdog = Watchdog()

    def stations(self) -> Stations:
        """Return the codes of every channel that the [unit.XXXX] tables name."""
        from portbook.seismic.stations import of

        return of(msgspec.to_builtins(self.unit), "the settings")

    def rates(self) -> dict[tuple[str, int], float]:
        """Return rates in Hz by unit and stream, streams counted from 0 as packets do."""
        return {
            (unit, int(stream) - 1): rate
            for unit, about in self.unit.items()
            for stream, rate in about.rate.items()
        }


class Changes(NamedTuple):
    """Keys that differ between two settings: those that take effect on reload, and the others."""

    now: tuple[str, ...]
    restart: tuple[str, ...]


def load(path: str | Path, more: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of a file.

    more: what beats it, flags of a command; its tables are merged into those of the file
    Raises UsageError naming file, key and what is right; SourceError for an unreadable file.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            octets = stream.read(LARGEST_OCTETS + 1)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; the settings cannot be read") from error
    if len(octets) > LARGEST_OCTETS:
        raise UsageError(f"{path}: larger than a settings file can be ({LARGEST_OCTETS} octets)")
    import tomllib

    try:
        told = tomllib.loads(octets.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file: {error}") from None
    return from_mapping(merged(told, more or {}), str(path), path.absolute().parent)


def merged(told: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with another one laid over it, table by table."""
    whole = dict(told)
    for key, value in more.items():
        below = whole.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = merged(below, value)
        whole[key] = value
    return whole


def from_mapping(
    told: Mapping[str, Any], where: str = "settings", below: Path | None = None
) -> Settings:
    """Return the settings that a mapping holds: a file's, or `msgspec.to_builtins` of others.

    where: the name for messages; below: what relative paths are relative to, else the working
    folder. Raises UsageError.
    """
    from portbook.daemons.configuration import checking

    return checking.checked(told, where, below or Path.cwd())


def changes(old: Settings, new: Settings) -> Changes:
    """Return which keys differ, `archive.keep_days` as one is called."""
    from portbook.daemons.configuration import reference as told

    return told.changes(old, new)


def reference() -> str:
    """Return a settings file with every key, its default, unit and meaning."""
    from portbook.daemons.configuration import reference as told

    return told.text()
