"""`/stations` and `/stations/9D20`: how the stations of a receiver do, and one of them."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from portbook.errors import UsageError
from portbook.faces.times import NANO, moment_ns
from portbook.faces.web import stations_views as views
from portbook.faces.web.asked import plain
from portbook.faces.web.drawings.stations_map import sign
from portbook.faces.web.rendering import language_of, render
from portbook.faces.web.stations import HEALTH_S, Stations
from portbook.faces.web.stations_envelopes import LONGEST_S

_UNIT = re.compile(r"[0-9A-Fa-f]{4}\Z")
_SHORTEST_S, _USUAL_S = 10, 300
SPANS = ("1m", "5m", "15m", "1h")
KEPT_S = 0.25  # the receiver changes without the book: shorter than readers wait to ask again


@get("/stations", include_in_schema=False)
async def stations(request: Request[Any, Any, Any]) -> Response[bytes]:
    """List the stations, the worst first, and show where they are."""
    known: Stations | None = request.app.state.desk.stations
    words, language = plain(request.url.query), language_of(request)
    told = await known.latest() if known else None
    restarts = await known.restarts() if known else None
    drawn = await asyncio.to_thread(views.world, language, told) if told else None
    every = told.stations if told else ()
    return render(
        request,
        "stations.html",
        kept_s=KEPT_S,
        known=known,
        told=told,
        listed=views.listed(every, words["text"], words["after"].upper()),
        counts=views.counts(language, every),
        drawn=drawn,
        placeless=[one for one in every if one.place is None],
        restarts=restarts,
        said=lambda one: views.said(language, one, told.at_ns if told else 0),
        state=views.state,
        sign=sign,
    )


@get("/stations/{unit:str}", include_in_schema=False)
async def station(request: Request[Any, Any, Any], unit: FromPath[str]) -> Response[bytes]:
    """Show a station: packets, holes, waveforms, state of health, alarms, restarts."""
    if not _UNIT.match(unit):
        raise NotFoundException("a station is named by its unit id, four hex digits such as 9D20")
    unit = unit.upper()
    known: Stations | None = request.app.state.desk.stations
    language = language_of(request)
    told = await known.latest() if known else None
    one = told.station(unit) if told else None
    if told is not None and one is None:
        raise NotFoundException(f"the receiver knows no unit {unit}; /stations lists those it does")
    seconds = _seconds(plain(request.url.query)["since"])
    recent = await known.recent(unit, seconds, views.COLUMNS) if known else None
    health = await known.health(unit) if known else None
    restarts = await known.restarts() if known else None
    waves = await asyncio.to_thread(views.waves, language, recent.envelopes if recent else ())
    charts = await asyncio.to_thread(views.charts, language, health) if health else []
    return render(
        request,
        "station.html",
        kept_s=KEPT_S,
        unit=unit,
        known=known,
        told=told,
        one=one,
        seconds=seconds,
        spans=SPANS,
        recent=recent,
        waves=waves,
        channel=lambda envelope: views.channel(language, envelope),
        health=health,
        health_s=HEALTH_S,
        charts=charts,
        restarts=restarts,
        alarms=[alarm for alarm in told.alarms if alarm.unit == unit] if told else [],
        said=views.said(language, one, told.at_ns) if told and one else "",
        state=views.state(one) if one else None,
        sign=sign,
    )


def _seconds(text: str) -> int:
    """Return how many of the last seconds are wanted; raises UsageError."""
    if not text:
        return _USUAL_S
    now_ns = time.time_ns()
    seconds = (now_ns - moment_ns(text, now_ns)) // NANO
    if not _SHORTEST_S <= seconds <= LONGEST_S:
        raise UsageError(f"since: {_SHORTEST_S}s to {LONGEST_S // 3600}h of waveforms, got {text}")
    return seconds


routes = [stations, station]
