"""REF TEK recordings as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from portbook.faces.tables import ODDITY
from portbook.faces.terminal import print_table, safe
from portbook.seismic.outcomes import Hole, Outcome, Placed, Unfinished
from portbook.seismic.pictures import Picture, Pictures
from portbook.seismic.reports import Heard, Recording, heard
from portbook.seismic.tags import MILLI, NANO

if TYPE_CHECKING:
    from portbook.seismic.inspection import Where

ROWS = 20
Column = tuple[str, Callable[[Any], object]]
JOINS = {
    "clock-step": "clock was set",
    "broken": "samples do not follow",
    "event": "another event",
    "rate-change": "other rate",
}


class Album:
    """Keeps, while recordings are read, what is shown of each packet."""

    def __init__(self, wanted: bool, *, pictures: bool) -> None:
        self.packets: list[Heard] = []
        self.pictures = Pictures()
        self._wanted = wanted
        self._draws = pictures

    def take(self, outcome: Outcome, where: Where) -> None:
        """Take one packet's outcome."""
        if isinstance(outcome, Hole | Unfinished):
            return
        if self._wanted:
            self.packets.append(heard(outcome, where.source, where.offset))
        if self._draws and isinstance(outcome, Placed) and where.values is not None:
            self.pictures.take(outcome, where.values.tolist())


EVENT: tuple[Column, ...] = (
    ("unit!", lambda one: one.unit),
    ("stream#", lambda one: one.stream),
    ("event#", lambda one: one.event),
    ("station", lambda one: one.station or ""),
    ("begins!", lambda one: clock(one.start_ns)),
    ("rate#", lambda one: _rate(one.rate_hz)),
    ("trigger?", lambda one: one.trigger or ""),
    ("channels?", lambda one: " ".join(map(str, one.channels))),
    ("format?", lambda one: " ".join(one.formats)),
    ("packets#", lambda one: one.packets),
    ("samples#", lambda one: one.samples),
    ("clock?", lambda one: _clock(one)),
    ("ends", lambda one: _ends(one)),
    ("position?", lambda one: one.position or ""),
)
SEGMENT: tuple[Column, ...] = (
    ("unit!", lambda one: one.unit),
    ("stream#", lambda one: one.stream),
    ("channel#", lambda one: one.channel),
    ("begins!", lambda one: clock(one.start_ns)),
    ("ends!?", lambda one: clock(one.end_ns) if one.end_ns is not None else ""),
    ("rate#", lambda one: _rate(one.rate_hz)),
    ("format?", lambda one: one.format),
    ("samples#", lambda one: one.samples),
    ("packets#?", lambda one: one.packets),
    ("begins because", lambda one: _because(one)),
)
BREAK: tuple[Column, ...] = (
    ("what", lambda one: JOINS.get(one.join, one.join)),
    ("unit!", lambda one: one.unit),
    ("stream#", lambda one: one.stream),
    ("channel#", lambda one: one.channel),
    ("event#", lambda one: one.event),
    ("sequence!", lambda one: f"{one.sequence:04}"),
    ("at!", lambda one: clock(one.at_ns)),
    ("off#", lambda one: _off(one.off_s)),
    ("file?", lambda one: f"{one.source}, octet {one.offset}"),
)
HOLE: tuple[Column, ...] = (
    ("unit!", lambda one: one.unit),
    ("stream#", lambda one: one.stream),
    ("event#", lambda one: one.event),
    ("sequences!", lambda one: f"{one.first_sequence:04}-{one.last_sequence:04}"),
    ("packets#", lambda one: one.packets),
    ("from!", lambda one: clock(one.from_ns)),
    ("until!", lambda one: clock(one.until_ns)),
)
HEALTH: tuple[Column, ...] = (
    ("unit!", lambda one: one.unit),
    ("at!", lambda one: clock(one.at_ns) if one.at_ns is not None else ""),
    ("the recorder says", lambda one: one.text),
)
PICTURE: tuple[Column, ...] = (
    ("unit!", lambda one: one.unit),
    ("stream#", lambda one: one.stream + 1),
    ("channel#", lambda one: one.channel + 1),
    ("lowest#", lambda one: one.lowest),
    ("highest#", lambda one: one.highest),
    ("how far it swings, over its time!", lambda one: one.bars),
)
PACKET: tuple[Column, ...] = (
    ("octet#", lambda one: one.offset),
    ("type!", lambda one: one.type),
    ("unit!", lambda one: one.unit),
    ("sequence!", lambda one: f"{one.sequence:04}"),
    ("event#", lambda one: _known(one.event)),
    ("stream#", lambda one: _known(one.stream)),
    ("channel#", lambda one: _known(one.channel)),
    ("time!", lambda one: clock(one.at_ns) if one.at_ns is not None else ""),
    ("samples#", lambda one: _known(one.samples)),
    ("format?", lambda one: one.format or ""),
    ("became", lambda one: one.became),
    ("file?", lambda one: one.source),
)


def show(recording: Recording, album: Album, everything: bool, columns: int) -> None:
    """Print all that recordings tell."""
    _table("Packets", PACKET, album.packets, True)
    _table("Events", EVENT, recording.events, everything)
    _table("Channels", SEGMENT, recording.segments, everything)
    pictures: list[Picture] = album.pictures.all(columns)
    _table("Waveforms", PICTURE, pictures, everything)
    _table("State of health", HEALTH, recording.health, everything)
    show_troubles(recording, everything)


def show_troubles(recording: Recording, everything: bool) -> None:
    """Print what is not as it should be, and one line of the whole."""
    _table("Breaks", BREAK, recording.breaks, everything)
    _table("Holes: packets that are not there", HOLE, recording.holes, everything)
    _table("Oddities", ODDITY, recording.oddities, everything)
    for one in recording.oddities:
        if one.advice:
            click.echo(f"{safe(one.name)}: {safe(one.advice)}")
    click.echo(summed_up(recording))


def summed_up(recording: Recording) -> str:
    """Return the whole in one line."""
    one = recording.summary
    types = ", ".join(f"{count} {kind}" for kind, count in one.types.items())
    files = _many(one.sources - one.failed_sources, "file")
    parts = [f"{_many(one.packets, 'packet')} in {files}" + (f" ({types})" if types else "")]
    parts.append(_many(one.samples, "sample"))
    steps = sum(1 for each in recording.breaks if each.join == "clock-step")
    for count, text in (
        (steps, "clock steps"),
        (one.repeated, "repeated"),
        (one.late, "late"),
        (one.refused, "refused"),
    ):
        if count:
            parts.append(f"{count} {text if count > 1 else text.removesuffix('s')}")
    if not one.packets:
        return "; ".join(parts)
    if one.missing:
        parts.append(
            f"{_many(one.missing, 'packet')} missing in {_many(len(recording.holes), 'hole')}"
        )
    elif recording.harmed:
        parts.append("not whole")
    else:
        parts.append("nothing is missing")
    return "; ".join(parts)


def clock(time_ns: int) -> str:
    """Return a moment to the millisecond, UTC, as recorders tell it."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromtimestamp(time_ns // NANO, UTC)
    except (OverflowError, ValueError, OSError):
        return f"@{time_ns // NANO}"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{time_ns // MILLI % 1000:03}Z"


def _table(title: str, columns: Sequence[Column], rows: Sequence[Any], everything: bool) -> None:
    if not rows:
        return
    shown = rows if everything else rows[:ROWS]
    names = [name for name, _ in columns]
    print_table(
        f"{title} ({len(rows)})", names, [[cell(one) for _, cell in columns] for one in shown]
    )
    if len(rows) > len(shown):
        click.echo(f"  … and {len(rows) - len(shown)} more; --all shows them\n")


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _known(value: int | None) -> str:
    return "" if value is None else str(value)


def _rate(rate_hz: float | None) -> str:
    return "unknown" if rate_hz is None else f"{rate_hz:g} Hz"


def _off(off_s: float | None) -> str:
    return "" if off_s is None else f"{off_s:+.3f} s"


def _because(segment: Any) -> str:
    if segment.join == "first":
        return ""
    what = JOINS.get(segment.join, segment.join)
    return f"{what}, {_off(segment.off_s)}" if segment.off_s is not None else what


def _clock(event: Any) -> str:
    quality = {None: "", "?": ", never locked"}.get(
        event.clock_quality, f", locked {event.clock_quality} days ago"
    )
    return f"{event.clock or 'unknown'}{quality}" if event.clock or quality else ""


def _ends(event: Any) -> str:
    if event.trailer:
        return "with trailer" if event.header else "no header"
    return "no trailer" if event.header else "neither header nor trailer"
