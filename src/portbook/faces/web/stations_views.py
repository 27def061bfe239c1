"""What the pages of stations show, in the reader's language: states in words, drawings, rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from portbook.faces.web.drawings import stations_charts, stations_map, waveform
from portbook.faces.web.drawings.stations_map import Mark, State
from portbook.faces.web.drawings.svg import Drawn
from portbook.faces.web.stations_envelopes import coarser
from portbook.faces.web.stations_records import (
    Envelope,
    Health,
    Lock,
    Measure,
    Series,
    Station,
    Told,
)
from portbook.seismic.instruments import Verdict

if TYPE_CHECKING:
    from portbook.faces.languages.language import Language

ROWS = 100
WIDE, NARROW = 920, 400  # of drawings for a desk and for a phone, in their own units
MAP_HIGH, MAP_HIGH_NARROW = 480, 440
WAVE_HIGH = 104
COLUMNS = 2 * (waveform.columns(NARROW))  # so many that two of them are one of the narrow drawing
CHART = 420
_NANO = 1_000_000_000
_STATES = {
    Verdict.UP: State.UP,
    Verdict.STOPPED: State.STOPPED,
    Verdict.SILENT: State.SILENT,
    Verdict.NEVER: State.NEVER,
    Verdict.AWAY: State.AWAY,
}
_WORST = (Verdict.SILENT, Verdict.STOPPED, Verdict.AWAY, Verdict.NEVER, Verdict.UP)


class Rows(NamedTuple):
    """A page of a list, as the pager of all lists takes it."""

    rows: tuple[Station, ...]
    counted: int
    more: bool
    next: str | None
    previous: str | None


class Pair(NamedTuple):
    """A drawing for a desk, and the same for a phone."""

    wide: Drawn
    narrow: Drawn


class Wave(NamedTuple):
    """A channel's drawings, and what they are of."""

    envelope: Envelope
    drawn: Pair


def listed(stations: Sequence[Station], text: str, after: str) -> Rows:
    """Return a page of stations, the worst first; all words of the text are in its row.

    after: the unit id of the last row before the page; anything else: from the beginning
    """
    words = text.casefold().split()
    found = [one for one in stations if all(word in _texts(one) for word in words)]
    found.sort(key=lambda one: (_WORST.index(one.verdict), one.unit))
    units = [one.unit for one in found]
    begin = units.index(after) + 1 if after in units else 0
    end = begin + ROWS
    back = begin - ROWS
    return Rows(
        tuple(found[begin:end]),
        len(found),
        False,
        units[end - 1] if end < len(found) else None,
        None if begin <= 0 else units[back - 1] if back > 0 else "0",
    )


def state(station: Station) -> State:
    """Return which sign a station has."""
    return _STATES[station.verdict]


def said(language: Language, station: Station, at_ns: int) -> str:
    """Return a station's state in words."""
    _ = language.gettext
    lasted = None
    if station.since_ns is not None:
        lasted = language.duration(max(0, at_ns - station.since_ns) // _NANO)
    if station.verdict is Verdict.UP:
        return _("up")
    if station.verdict is Verdict.NEVER:
        return _("never heard")
    if station.verdict is Verdict.AWAY:
        return _("the server that it was heard by is away")
    if station.verdict is Verdict.STOPPED:
        if lasted is None:
            return _("link up, data stopped")
        return _("link up, data stopped for %(time)s") % {"time": lasted}
    return _("silent for %(time)s") % {"time": lasted} if lasted else _("silent")


def states(language: Language) -> list[tuple[State, str]]:
    """Return what the signs of the map mean."""
    _ = language.gettext
    return [
        (State.UP, _("up")),
        (State.STOPPED, _("link up, data stopped")),
        (State.SILENT, _("silent")),
        (State.AWAY, _("the server that it was heard by is away")),
        (State.NEVER, _("never heard")),
    ]


def counts(language: Language, stations: Iterable[Station]) -> list[tuple[State, str, int]]:
    """Return how many stations are in each state, those states that there are."""
    every = [state(one) for one in stations]
    return [(one, words, every.count(one)) for one, words in states(language) if one in every]


def world(language: Language, told: Told) -> Pair | None:
    """Draw the map of all stations whose place is known; None when there is none such."""
    marks = [
        Mark(
            one.name or one.unit,
            one.place.latitude,
            one.place.longitude,
            state(one),
            f"{one.name or one.unit}: {said(language, one, told.at_ns)}",
            f"/stations/{one.unit}",
        )
        for one in told.stations
        if one.place is not None
    ]
    if not marks:
        return None
    description = language.ngettext(
        "%(num)s station on a map, by its state; the list says the same in words.",
        "%(num)s stations on a map, by their state; the list says the same in words.",
        len(marks),
    ) % {"num": language.number(len(marks))}
    words = stations_map.MapWords(language.gettext("Map of the stations"), description)
    return Pair(
        stations_map.stations_map(marks, width=WIDE, height=MAP_HIGH, words=words),
        stations_map.stations_map(marks, width=NARROW, height=MAP_HIGH_NARROW, words=words),
    )


def waves(language: Language, envelopes: Iterable[Envelope]) -> list[Wave]:
    """Draw the last minutes of channels."""
    return [Wave(one, _wave(language, one)) for one in envelopes]


def channel(language: Language, envelope: Envelope) -> str:
    """Return how a channel is called."""
    return language.gettext("stream %(stream)s, channel %(channel)s") % {
        "stream": envelope.stream,
        "channel": envelope.channel,
    }


def charts(language: Language, health: Health) -> list[tuple[str, Drawn]]:
    """Draw what a recorder said of itself: a title and a chart for each number that it told."""
    span = health.from_ns, health.until_ns
    drawn = [
        (title, _chart(language, one, title, unit, *span))
        for one in health.series
        for title, unit in [_measure(language, one.measure)]
    ]
    if health.locks:
        drawn.append((language.gettext("Clock"), _strip(language, health.locks, *span)))
    return drawn


def _texts(one: Station) -> str:
    told = (one.unit, one.name, one.said, one.verdict, one.address, one.health, one.clock)
    return " ".join(str(text) for text in told if text).casefold()


def _wave(language: Language, one: Envelope) -> Pair:
    _ = language.gettext
    title = channel(language, one)
    if one.samples:
        words = _(
            "From %(begin)s to %(end)s, counts from %(lowest)s to %(highest)s, gaps: %(gaps)s."
        )
    else:
        words = _("From %(begin)s to %(end)s there are no samples.")
    description = words % {
        "begin": language.moment(one.from_ns),
        "end": language.moment(one.until_ns),
        "lowest": language.number(one.lowest or 0),
        "highest": language.number(one.highest or 0),
        "gaps": language.number(len(one.gaps)),
    }
    told = waveform.WaveWords(title, description, _("gap"), _("no samples in this time"))
    return Pair(
        waveform.waveform(one, width=WIDE, height=WAVE_HIGH, words=told),
        waveform.waveform(coarser(one), width=NARROW, height=WAVE_HIGH, words=told),
    )


def _measure(language: Language, measure: Measure) -> tuple[str, str]:
    _ = language.gettext
    return {
        Measure.SUPPLY: (_("Supply voltage"), "V"),
        Measure.BACKUP: (_("Backup battery"), "V"),
        Measure.TEMPERATURE: (_("Temperature"), "°C"),
        Measure.PHASE_ERROR: (_("Clock phase error"), "µs"),
    }[measure]


def _chart(
    language: Language, series: Series, title: str, unit: str, from_ns: int, until_ns: int
) -> Drawn:
    values = [value for _, value in series.points]
    description = language.gettext(
        "Lowest %(lowest)s, highest %(highest)s, latest %(latest)s %(unit)s."
    ) % {
        "lowest": language.number(min(values)),
        "highest": language.number(max(values)),
        "latest": language.number(values[-1]),
        "unit": unit,
    }
    words = stations_charts.ChartWords(title, description, unit)
    return stations_charts.chart(series, from_ns, until_ns, width=CHART, height=128, words=words)


def _strip(language: Language, locks: Sequence[Lock], from_ns: int, until_ns: int) -> Drawn:
    _ = language.gettext
    latest = _("locked") if locks[-1].locked else _("unlocked")
    since = language.moment(locks[-1].at_ns)
    words = stations_charts.LockWords(
        _("Clock"),
        _("The clock is %(state)s since %(time)s.") % {"state": latest, "time": since},
        _("locked"),
        _("unlocked"),
    )
    return stations_charts.strip(locks, from_ns, until_ns, width=CHART, words=words)
