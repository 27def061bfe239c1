"""Events of REF TEK recorders as their headers and trailers tell them, and what is there. Pure."""

from __future__ import annotations

import msgspec

from portbook.protocols.reftek.layouts import EH
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.outcomes import Late, Outcome, Placed

_CLOCKS = {"1": "internal", "2": "GPS"}


class Event(msgspec.Struct, tag="event", tag_field="kind"):
    """One event of one stream. What its header and trailer do not tell is None.

    header, trailer: whether EH and ET are there; start_ns: the earliest time tag; the counts are
    of packets and samples that are there, late ones included; clock and clock_quality: at the
    trailer, else at the header; quality: `?` never locked, 0 to 9 days since it was
    """

    unit: str
    stream: int
    event: int
    start_ns: int
    header: bool = False
    trailer: bool = False
    packets: int = 0
    samples: int = 0
    channels: tuple[int, ...] = ()
    formats: tuple[str, ...] = ()
    rate_hz: float | None = None
    station: str | None = None
    stream_name: str | None = None
    trigger: str | None = None
    clock: str | None = None
    clock_quality: str | None = None
    position: str | None = None
    comment: str | None = None


class Events:
    """Collects the events of outcomes."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, int, int], Event] = {}

    def take(self, outcome: Outcome) -> None:
        """Add an outcome; those that are no packet of an event change nothing."""
        if not isinstance(outcome, Placed | Late):
            return
        packet = outcome.packet
        key = packet.unit, packet.stream or 0, packet.event or 0
        event = self._events.setdefault(key, Event(*key, outcome.time_ns))
        event.start_ns = min(event.start_ns, outcome.time_ns)
        event.packets += 1
        if packet.type == "DT":
            _count(event, packet)
            event.rate_hz = event.rate_hz or outcome.rate_hz
        else:
            event.header |= packet.type == "EH"
            event.trailer |= packet.type == "ET"
            event.rate_hz = outcome.rate_hz or event.rate_hz
            _describe(event, packet)

    def all(self) -> tuple[Event, ...]:
        """Return the events, by unit and stream in the order in which they began."""
        return tuple(
            sorted(self._events.values(), key=lambda one: (one.unit, one.stream, one.start_ns))
        )


def _count(event: Event, packet: Packet) -> None:
    event.samples += packet.samples or 0
    if packet.channel is not None and packet.channel not in event.channels:
        event.channels = tuple(sorted((*event.channels, packet.channel)))
    if packet.format and packet.format not in event.formats:
        event.formats = (*event.formats, packet.format)


def _describe(event: Event, packet: Packet) -> None:
    """Take what an EH or ET says; a later one that is silent takes nothing back."""
    station = _text(packet, "station")
    fifth = _text(packet, "station_fifth") if station and len(station) == 4 else None
    event.station = (station or "") + (fifth or "") or event.station
    event.stream_name = _text(packet, "stream_name") or event.stream_name
    event.trigger = _text(packet, "trigger") or event.trigger
    event.position = _text(packet, "position") or event.position
    event.comment = _text(packet, "comment") or event.comment
    source = _text(packet, "time_source")
    if source:
        event.clock = _CLOCKS.get(source, source)
    event.clock_quality = _text(packet, "time_quality") or event.clock_quality


def _text(packet: Packet, name: str) -> str | None:
    value = str(EH.get(packet.octets, name) or "").strip()
    return value if value and value.isprintable() else None
