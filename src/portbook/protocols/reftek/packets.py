"""Packets of REF TEK recorders: the header test, and what a packet tells.

Sources: 130 Recording Format 3.4.5, obspy io/reftek; the header test took none of 66,172 payloads
of other protocols at any offset from 0 to 64.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from portbook.protocols.reftek.layouts import DT, EH, HEADER, SC, SH, SIZE

TYPES = {
    "AD": "auxiliary data parameters",
    "CD": "calibration",
    "DS": "data streams",
    "DT": "data",
    "EH": "event header",
    "ET": "event trailer",
    "FD": "filters",
    "OM": "operating mode",
    "SC": "station and channels",
    "SH": "state of health",
}
# Most samples of each format in 1024 octets; Steim by 15 frames. Octets a sample, 0: Steim.
FORMATS = {
    "16": (500, 2),
    "32": (250, 4),
    "33": (250, 4),
    "C0": (892, 0),
    "C1": (892, 0),
    "C2": (1561, 0),
    "C3": (1561, 0),
}
RAW_FROM, STEIM_FROM = 24, 64
FURTHEST = 64  # octets that may precede a packet in a datagram of the recorder's own link
MOST_NAMED = 64
_MOST_OCTETS = f"{SIZE:04}"
_KINDS = {kind.encode(): kind for kind in TYPES}
_EVENTFUL = ("DT", "EH", "ET")
# Where fields stand in a head written as hex digits: a packet is read with one call for all of
# them, in a third of the time that field by field takes; an archive reads 20,000 a second.
(
    _EXPERIMENT,
    _YEAR,
    _UNIT,
    _TIME,
    _BYTE_COUNT,
    _SEQUENCE,
    _EVENT,
    _STREAM,
    _CHANNEL,
    _SAMPLES,
    _FORMAT,
) = (
    slice(2 * field.offset, 2 * (field.offset + field.size))
    for field in DT.fields
    if field.name not in ("type", "flags", "data")
)
_FIRMWARE = re.compile(r"CPU SOFTWARE\s+V?\s*([0-9][0-9A-Za-z.]*)")


class Packet(msgspec.Struct, frozen=True):
    """The header of a packet, and for DT, EH and ET the event it belongs to.

    octets: the packet, as far as kept; faults: why it cannot be as it stands
    """

    type: str
    experiment: int
    year: int
    unit: str
    time: str  # DDDHHMMSSTTT
    byte_count: int
    sequence: int
    octets: bytes
    event: int | None = None
    stream: int | None = None
    channel: int | None = None
    samples: int | None = None
    format: str | None = None
    faults: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Tell whether all 1024 octets were kept."""
        return len(self.octets) == SIZE


def is_header(octets: bytes, at: int = 0) -> bool:
    """Tell whether a packet's header stands there: a known type, and each digit as it may be."""
    if at + HEADER.size > len(octets) or octets[at : at + 2] not in _KINDS:
        return False
    return _possible(octets[at : at + HEADER.size].hex())


def read(octets: bytes, at: int = 0) -> Packet | None:
    """Read the packet that begins there, as far as it was kept; None when none does."""
    kind = _KINDS.get(octets[at : at + 2])
    packet = octets[at : at + SIZE]
    digits = packet[:RAW_FROM].hex().upper()
    if kind is None or len(packet) < HEADER.size or not _possible(digits):
        return None
    head = (
        kind,
        int(digits[_EXPERIMENT]),
        int(digits[_YEAR]),
        digits[_UNIT],
        digits[_TIME],
        int(digits[_BYTE_COUNT]),
        int(digits[_SEQUENCE]),
        packet,
    )
    if kind not in _EVENTFUL:
        return Packet(*head)
    if len(packet) < RAW_FROM:
        names = ("event", "stream") + (("channel", "samples") if kind == "DT" else ())
        return Packet(*head, **{name: DT.get(packet, name) for name in names})
    event, stream = _number(digits[_EVENT]), _number(digits[_STREAM])
    if kind != "DT":
        faults = _faults(kind, event, stream)
        return Packet(*head, event, stream, format=digits[_FORMAT], faults=faults)
    channel, samples = _number(digits[_CHANNEL]), _number(digits[_SAMPLES])
    coding = digits[_FORMAT]
    faults = _faults(kind, event, stream, channel, samples, coding, head[5])
    return Packet(*head, event, stream, channel, samples, coding, faults)


def find(datagram: bytes, length: int) -> tuple[int, Packet] | None:
    """Find the first packet inside a datagram, at octet 0 to 64; it must fit into its length."""
    for at in range(min(FURTHEST, length - SIZE) + 1):
        if datagram[at : at + 2] in _KINDS:
            packet = read(datagram, at)
            if packet:
                return at, packet
    return None


@lru_cache(maxsize=1024)
def century(two_digits: int, near_year: int) -> int:
    """Return the full year nearest to another one; four programs have four fixed pivots."""
    years = (near_year // 100 * 100 + step + two_digits for step in (-100, 0, 100))
    return min(years, key=lambda year: abs(year - near_year))


def facts(packets: Iterable[Packet]) -> dict[str, Any]:
    """Return what packets tell together: units, types, streams, formats, stations, rates."""
    found: dict[str, dict[Any, None]] = {}
    for packet in packets:
        for key, value in _told(packet):
            values = found.setdefault(key, {})
            if value not in (None, "") and len(values) < MOST_NAMED:
                values[value] = None
    return {key: tuple(values) for key, values in found.items() if values}


def identity(told: dict[str, Any]) -> dict[str, str]:
    """Return the identity facts of a recorder, when all packets are of one unit."""
    units = told.get("units", ())
    if len(units) != 1:
        return {}
    found = {"vendor": "REF TEK", "serial": units[0]}
    for key, name in (("product", "models"), ("version", "firmware"), ("name", "stations")):
        if told.get(name):
            found[key] = told[name][0]
    return found


def _told(packet: Packet) -> Iterable[tuple[str, Any]]:
    yield "units", packet.unit
    yield "packet_types", packet.type
    yield "streams", packet.stream
    yield "channels", packet.channel
    yield "formats", packet.format
    if packet.type in ("EH", "ET"):
        yield "stations", _text(EH.get(packet.octets, "station"), packet, "station_fifth")
        yield "rates", _text(EH.get(packet.octets, "rate"))
        yield "positions", _text(EH.get(packet.octets, "position"))
    elif packet.type == "SC":
        yield "stations", _text(SC.get(packet.octets, "station"))
        yield "models", _text(SC.get(packet.octets, "model"))
    elif packet.type == "SH":
        match = _FIRMWARE.search(SH.get(packet.octets, "text") or "")
        yield "firmware", match[1] if match else None


def _text(value: str | None, packet: Packet | None = None, more: str = "") -> str | None:
    if value and packet:
        value += EH.get(packet.octets, more) or ""
    return value.strip() if value and value.isprintable() else None


def _possible(digits: str) -> bool:
    """Tell whether a header's octets, as hex digits, are numbers and a time that exists."""
    if not (digits[4:8] + digits[12:32]).isdecimal():
        return False
    return (
        "001" <= digits[12:15] <= "366"
        and digits[15:17] < "24"
        and digits[17:19] < "60"
        and digits[19:21] < "61"
        and "0016" <= digits[24:28] <= _MOST_OCTETS
    )


def _number(digits: str) -> int | None:
    return int(digits) if digits.isdecimal() else None


def _faults(
    kind: str,
    event: int | None,
    stream: int | None,
    channel: int | None = None,
    samples: int | None = None,
    coding: str = "",
    byte_count: int = 0,
) -> tuple[str, ...]:
    if event is None or stream is None:
        return ("event or stream is not binary-coded decimal",)
    if kind != "DT":
        return ()
    most, size = FORMATS.get(coding, (None, 0))
    if most is None:
        return (f"format {coding} is not known",)
    if samples is None or channel is None:
        return ("channel or samples are not binary-coded decimal",)
    if samples > most:
        return (f"{samples} samples, format {coding} holds {most}",)
    if size and byte_count != RAW_FROM + size * samples:
        return (f"{samples} samples do not fill {byte_count} octets",)
    return ()
