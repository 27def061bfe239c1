"""What a REF TEK receiver tells of its recorders, and what was read from its disk."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar.exceptions import NotFoundException
from msgspec import UNSET, Meta, UnsetType

from portbook.errors import UsageError
from portbook.faces.exports import rfc3339
from portbook.faces.rtpid_status import Restart, Watchdog
from portbook.faces.times import NANO, moment_ns
from portbook.faces.web import stations_records as records
from portbook.faces.web import stations_views as views
from portbook.faces.web.api.contract import Moment, listing, many, shape, told, written
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing
from portbook.faces.web.api.words import Text, moment, now_ns
from portbook.faces.web.stations import SECONDS, WIDTH, Stations
from portbook.faces.web.stations_envelopes import LONGEST_S

_SHORTEST_S = 10


class Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the path of a station names."""

    unit: Annotated[
        str,
        Meta(
            pattern=r"^[0-9A-Fa-f]{4}$",
            description="A recorder's unit id, four hex digits",
            examples=["9D20"],
            extra_json_schema={"format": "unit"},
        ),
    ]


class Which(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which stations."""

    text: Text | UnsetType = UNSET
    after: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9A-Fa-f]{1,4}$",
                description="The mark of a page: what `next` or `previous` said",
            ),
        ]
        | UnsetType
    ) = UNSET


_Since: Any = moment("The last of the waveforms' time, 10s to 1h of it; otherwise 5m")


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the waveforms."""

    since: _Since | UnsetType = UNSET
    width: Annotated[
        int,
        Meta(ge=10, le=2000, description=f"Columns of an envelope, otherwise {WIDTH}"),
    ] = WIDTH


PROBLEM = told(records.Problem, "ReceiverProblem")
STATION = told(records.Station)
ALARM = told(records.StationAlarm)
RECEIVER = shape(
    "Receiver",
    "What the receiver tells of itself.",
    {
        "at": Moment,
        "started": Moment | None,
        "pid": int,
        "version": str,
        "troubles": list[str],
        "left_out": Annotated[int, Meta(description="Stations beyond the bound.")],
    },
)
POINT = shape("HealthPoint", "A number at a moment.", {"at": Moment, "value": float})
SERIES = shape(
    "HealthSeries",
    "A number over time: volts, degrees Celsius, microseconds.",
    {"measure": records.Measure, "points": many(POINT)},
)
HEALTH = shape(
    "StationHealth",
    "What a recorder said of itself in the last day.",
    {
        "from": Moment,
        "until": Moment,
        "series": many(SERIES),
        "locks": many(told(records.Lock, "ClockLock")),
        "lines": many(told(records.Said, "HealthLine"), "The newest first."),
    },
)
RESTARTS = shape(
    "Restarts",
    "Why the receiver ended, the newest first, and how its watchdog does.",
    {"watchdog": told(Watchdog), "ends": many(told(Restart))},
)
_ONE = shape(
    "StationTold",
    "All that is known of one station.",
    {
        "unit": str,
        "station": STATION | None,
        "problem": PROBLEM | None,
        "alarms": many(ALARM),
        "recent": told(records.Recent),
        "health": HEALTH | None,
        "restarts": RESTARTS | None,
    },
)


@get(
    "/stations",
    Answer(
        "The stations, the worst first.",
        listing(
            "StationPage",
            STATION,
            receiver=Annotated[
                RECEIVER | None, Meta(description="Null: it does not tell; see `problem`.")
            ],
            problem=PROBLEM | None,
            alarms=many(ALARM),
        ),
    ),
    tag="stations",
    words=Which,
    kept_s=None,
)
async def stations(call: Call[Nothing, Which]) -> dict[str, Any]:
    """List the stations of the receiver, the worst first.

    Where no receiver is known, or it does not answer, there are no rows; `problem` says why.
    """
    known = _known(call)
    latest = await known.latest() if known else None
    text = "" if call.words.text is UNSET else call.words.text
    after = "" if call.words.after is UNSET else call.words.after.upper()
    page = views.listed(latest.stations if latest else (), text, after)
    return {
        "rows": written(page.rows),
        "counted": page.counted,
        "more": page.more,
        "next": page.next,
        "previous": page.previous,
        "receiver": _receiver(latest),
        "problem": _problem(known),
        "alarms": written(latest.alarms) if latest else [],
    }


@get(
    "/stations/{unit}",
    Answer("What is known of the station.", _ONE),
    tag="stations",
    place=Unit,
    words=Span,
    problems=(404,),
    kept_s=None,
)
async def station(call: Call[Unit, Span]) -> dict[str, Any]:
    """Tell about one station: packets, holes, last minutes, state of health, alarms, restarts.

    Envelopes and health are read from the receiver's disk, and are empty where the server was not
    started with --rtpd-config.
    """
    known, unit = _known(call), call.place.unit.upper()
    if known is None:
        raise NotFoundException("no receiver is known here; start with --rtpd ADDRESS:PORT")
    seconds = _seconds(call.words.since)
    latest = await known.latest()
    one = latest.station(unit) if latest else None
    if latest is not None and one is None:
        raise NotFoundException(f"the receiver knows no unit {unit}; /api/v1/stations lists all")
    restarts = await known.restarts()
    return {
        "unit": unit,
        "station": written(one),
        "problem": _problem(known),
        "alarms": [written(alarm) for alarm in latest.alarms if alarm.unit == unit]
        if latest
        else [],
        "recent": written(await known.recent(unit, seconds, call.words.width)),
        "health": _health(await known.health(unit)),
        "restarts": restarts
        and {"watchdog": written(restarts.watchdog), "ends": written(restarts.ends)},
    }


def _known(call: Call[Any, Any]) -> Stations | None:
    known: Stations | None = call.desk.stations
    return known


def _problem(known: Stations | None) -> Any:
    unset = records.Problem(records.Trouble.UNSET)
    return written(unset if known is None else known.problem)


def _receiver(latest: records.Told | None) -> Any:
    if latest is None:
        return None
    fields = {name: getattr(latest, name) for name in ("pid", "version", "troubles", "left_out")}
    started = None if latest.started_ns is None else rfc3339(latest.started_ns)
    return {"at": rfc3339(latest.at_ns), "started": started, **fields}


def _health(health: records.Health | None) -> Any:
    if health is None:
        return None
    series = [
        {
            "measure": one.measure,
            "points": [{"at": rfc3339(at), "value": value} for at, value in one.points],
        }
        for one in health.series
    ]
    return {
        "from": rfc3339(health.from_ns),
        "until": rfc3339(health.until_ns),
        "series": series,
        "locks": written(health.locks),
        "lines": written(health.lines),
    }


def _seconds(since: str | UnsetType) -> int:
    if since is UNSET:
        return SECONDS
    now = now_ns()
    seconds = (now - moment_ns(since, now)) // NANO
    if not _SHORTEST_S <= seconds <= LONGEST_S:
        raise UsageError(f"since: {_SHORTEST_S}s to {LONGEST_S}s of waveforms, got {since!r}")
    return seconds


routes = [stations, station]
