"""What a SeedLink server tells: heads of packets, INFO as XML (version 3) and JSON (version 4).

Sources: FDSN SeedLink 4.0, data transfer and appendix B; SeisComP and ringserver for version 3:
INFO is text in miniSEED records of 512 octets, ended by a head that says so.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

VERSION_3, VERSION_4 = "3.1", "4.0"
CAPABILITIES = ("SLPROTO:4.0", "SLPROTO:3.1", "CAP", "EXTREPLY", "NSWILDCARD", "BATCH", "TIME")
# What INFO CAPABILITIES of version 3 names, in small letters, as SeisComP does.
_OLD_CAPABILITIES = (
    "dialup",
    "multistation",
    "window-extraction",
    "info:id",
    "info:capabilities",
    "info:stations",
    "info:streams",
)
MODULUS_3 = 1 << 24
LARGEST_INFO = 8 << 20  # octets of an INFO document
_SMALL, _TEXT_FROM = 512, 56
_ROOM = _SMALL - _TEXT_FROM
_HEAD_4 = struct.Struct("<2s2sIQB")
# Fixed header of miniSEED 2 and blockette 1000; encoding 0 is text.
_RECORD = struct.Struct(">6scc5s2s3s2s HHBBBBH HhhBBBBiHH HHBBBB")
_FORMATS = {
    "2": {"mimetype": "application/vnd.fdsn.mseed", "subformat": {"D": "data/generic"}},
    "J": {
        "mimetype": "application/json",
        "subformat": {"I": "SeedLink info", "E": "SeedLink error"},
    },
}


class About(NamedTuple):
    """How the server calls itself; started_ns: Unix nanoseconds."""

    software: str
    organisation: str
    started_ns: int = 0

    @property
    def hello(self) -> str:
        """Return the first line of the greeting, with what the server can do."""
        return f"SeedLink v{VERSION_4} ({self.software}) :: {' '.join(CAPABILITIES)}"


class StreamTold(NamedTuple):
    """A stream of a station; times of the first and last record held, Unix nanoseconds."""

    location: str
    channel: str
    name: str  # LOC_B_S_SS
    begin_ns: int
    end_ns: int


class StationTold(NamedTuple):
    """A station: numbers of its oldest record and of the next one, as version 3 and 4 count."""

    network: str
    station: str
    begin_3: int
    end_3: int
    begin_4: int
    end_4: int
    streams: tuple[StreamTold, ...] = ()

    @property
    def name(self) -> str:
        """Return the station id, NET_STA."""
        return f"{self.network}_{self.station}"


# Asked with patterns of station and stream; None for either: all.
Catalogue = Callable[[str | None, str | None], Sequence[StationTold]]


def head_3(sequence: int) -> bytes:
    """Return the eight octets before a record of 512; only 24 bits of the number are told."""
    return b"SL%06X" % (sequence % MODULUS_3)


def head_4(kind: bytes, length: int, sequence: int, station: bytes = b"") -> bytes:
    """Return the head of a packet of version 4; kind: format and subformat, `2D`."""
    return _HEAD_4.pack(b"SE", kind, length, sequence, len(station)) + station


def info_4(document: Mapping[str, Any]) -> bytes:
    """Return an INFO packet of version 4; one with an `error` is marked as one."""
    octets = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return head_4(b"JE" if "error" in document else b"JI", len(octets), 0) + octets


def info_3(document: str, now_ns: int, *, error: bool = False) -> bytes:
    """Return INFO packets of version 3: text in records, all but the last one marked `*`."""
    text = document.encode("ascii", "xmlcharrefreplace")
    parts = [text[at : at + _ROOM] for at in range(0, len(text), _ROOM)] or [b""]
    made = []
    for number, part in enumerate(parts, 1):
        made.append(b"SLINFO  " if number == len(parts) else b"SLINFO *")
        made.append(_record(part, number, now_ns, b"ERR" if error else b"INF"))
    return b"".join(made)


def json_info(
    about: About, item: str, stations: Sequence[StationTold] = (), *, streams: bool = False
) -> dict[str, Any]:
    """Return the document of an INFO of version 4; item: as it was asked for."""
    told: dict[str, Any] = {"software": about.hello, "organization": about.organisation}
    if item == "FORMATS":
        told["format"] = _FORMATS
        told["filter"] = {"native": "as it is served: miniSEED 2"}
    elif item == "CAPABILITIES":
        told["capability"] = list(CAPABILITIES)
    elif item in ("STATIONS", "STREAMS"):
        told["station"] = [_json_station(one, streams) for one in stations]
    return told


def json_error(about: About, code: str, message: str) -> dict[str, Any]:
    """Return the document that refuses an INFO of version 4."""
    return {
        "software": about.hello,
        "organization": about.organisation,
        "error": {"code": code, "message": message},
    }


def xml_info(
    about: About, item: str, stations: Sequence[StationTold] = (), *, streams: bool = False
) -> str:
    """Return the document of an INFO of version 3; item: ID, CAPABILITIES, STATIONS, STREAMS."""
    inside = ""
    if item == "CAPABILITIES":
        names = (*_OLD_CAPABILITIES, *CAPABILITIES)
        inside = "".join(f"<capability name={_quoted(one)}/>" for one in names)
    elif item in ("STATIONS", "STREAMS"):
        inside = "".join(_xml_station(one, streams) for one in stations)
    head = _attributes(
        software=about.hello, organization=about.organisation, started=_old(about.started_ns)
    )
    return f'<?xml version="1.0"?><seedlink{head}>{inside}</seedlink>'


def listing(stations: Iterable[StationTold]) -> str:
    """Return what CAT answers: a line a station, then END."""
    lines = [f"{one.network:2} {one.station:5} {one.name}" for one in stations]
    return "".join(f"{line}\r\n" for line in (*lines, "END"))


def iso(time_ns: int) -> str:
    """Return a time as version 4 writes it."""
    moment = _moment(time_ns)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % 1_000_000_000 // 1000:06}Z"


def _old(time_ns: int) -> str:
    moment = _moment(time_ns)
    return f"{moment:%Y/%m/%d %H:%M:%S}.{time_ns % 1_000_000_000 // 100_000:04}"


def _moment(time_ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // 1_000_000_000)


def _json_station(one: StationTold, streams: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": one.name,
        "description": one.name,
        "start_seq": one.begin_4,
        "end_seq": one.end_4,
        "backfill": -1,
    }
    if streams:
        told["stream"] = [
            {
                "id": stream.name,
                "format": "2",
                "subformat": "D",
                "origin": "native",
                "start_time": iso(stream.begin_ns),
                "end_time": iso(stream.end_ns),
            }
            for stream in one.streams
        ]
    return told


def _xml_station(one: StationTold, streams: bool) -> str:
    head = _attributes(
        name=one.station,
        network=one.network,
        description=one.name,
        begin_seq=f"{one.begin_3 % MODULUS_3:06X}",
        end_seq=f"{one.end_3 % MODULUS_3:06X}",
        stream_check="enabled",
    )
    if not streams:
        return f"<station{head}/>"
    inside = "".join(
        "<stream{}/>".format(
            _attributes(
                location=stream.location,
                seedname=stream.channel,
                type="D",
                begin_time=_old(stream.begin_ns),
                end_time=_old(stream.end_ns),
                begin_recno="0",
                end_recno="0",
                gap_check="disabled",
                gap_treshold="0",  # as SeisComP spells it
            )
        )
        for stream in one.streams
    )
    return f"<station{head}>{inside}</station>"


def _attributes(**values: str) -> str:
    return "".join(f" {name}={_quoted(value)}" for name, value in values.items())


def _quoted(value: str) -> str:
    """Return an attribute's value as XML has it; xml.sax, which can do it, loads for 20 ms."""
    for char, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        value = value.replace(char, name)
    return '"' + "".join(one if one.isprintable() else " " for one in value) + '"'


def _record(text: bytes, number: int, now_ns: int, channel: bytes) -> bytes:
    moment = _moment(now_ns)
    head = _RECORD.pack(
        b"%06d" % (number % 1_000_000),
        b"D",
        b" ",
        b"INFO ",
        b"  ",
        channel,
        b"SL",
        moment.year,
        moment.timetuple().tm_yday,
        moment.hour,
        moment.minute,
        moment.second,
        0,
        now_ns % 1_000_000_000 // 100_000,
        len(text),
        0,
        0,
        0,
        0,
        0,
        1,
        0,
        _TEXT_FROM,
        48,
        1000,
        0,
        0,
        1,
        9,
        0,
    )
    return head + text.ljust(_ROOM, b"\0")
