"""Which network, station, location and channel a recorder's channel is: the user's TOML file.

    [unit.AE4C]
    network = "XX"
    station = "TEST"
    location = "00"
    stream.1 = ["HHZ", "HHN", "HHE"]

Streams count from 1, as on the recorder and in the archive's folders; channels in their order.
The settings file of `portbook rtpd` holds the same tables, with more keys, beside its others: one
file serves both.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from portbook.errors import UsageError
from portbook.seismic.miniseed import Name

_UNIT = re.compile(r"[0-9A-Fa-f]{4}\Z")
CODES = ("network", "station", "location", "stream")
# What the receiver's settings have beside: daemons.settings checks them, and its tests these two.
RECEIVER_KEYS = ("rate", "position", "addresses", "silence_s")
RECEIVER_TABLES = (
    "folder",
    "listen",
    "field",
    "allow",
    "upstream",
    "spool",
    "order",
    "ring",
    "archive",
    "clients",
    "seedlink",
    "datalink",
    "alarms",
    "watchdog",
)
_KNOWN = {*CODES, *RECEIVER_KEYS}
_MOST_CHANNELS = 32


class Stations:
    """The codes of every channel that the user has named."""

    def __init__(self, names: Mapping[tuple[str, int, int], Name]) -> None:
        self._names = dict(names)

    def name(self, unit: str, stream: int, channel: int) -> Name | None:
        """Return the codes of a channel, stream and channel counted from 0 as packets do."""
        return self._names.get((unit, stream, channel))

    def __len__(self) -> int:
        return len(self._names)


def read(text: str, where: str) -> Stations:
    """Read a map; where: its name, for messages. Raises UsageError for what cannot be."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: {error}") from None
    units = told.get("unit")
    if not isinstance(units, dict) or not units or told.keys() - {"unit", *RECEIVER_TABLES}:
        raise UsageError(
            f"{where}: it has to hold tables [unit.XXXX], as [unit.AE4C] is one, and beside them "
            "nothing but the receiver's settings"
        )
    return of(units, where)


def of(units: Mapping[str, Any], where: str) -> Stations:
    """Return the map that tables by unit id hold; one without any codes names no channel."""
    names: dict[tuple[str, int, int], Name] = {}
    for unit, about in units.items():
        names.update(_unit(unit, about, f"{where}, [unit.{unit}]"))
    taken: dict[Name, tuple[str, int, int]] = {}
    for key, name in names.items():
        if taken.setdefault(name, key) != key:
            raise UsageError(f"{where}: {'.'.join(name)} stands for two channels")
    return Stations(names)


def _unit(unit: str, about: Any, where: str) -> dict[tuple[str, int, int], Name]:
    if not _UNIT.match(unit):
        raise UsageError(f"{where}: a unit id is four hex digits")
    if not isinstance(about, dict) or (unknown := about.keys() - _KNOWN):
        extra = f"; {', '.join(sorted(unknown))} is not known" if isinstance(about, dict) else ""
        raise UsageError(f"{where}: write network, station, location and stream{extra}")
    if not any(map(about.get, CODES)) and any(about.get(key) for key in RECEIVER_KEYS):
        return {}
    streams = about.get("stream")
    if not isinstance(streams, dict) or not streams:
        raise UsageError(f'{where}: name its channels: stream.1 = ["HHZ", "HHN", "HHE"]')
    names = {}
    for number, channels in streams.items():
        if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= 100):
            raise UsageError(f"{where}: stream {number!r} is none; they count from 1")
        if not isinstance(channels, list | tuple) or not 1 <= len(channels) <= _MOST_CHANNELS:
            raise UsageError(f'{where}: stream.{number} is a list of channel codes: ["HHZ"]')
        for channel, code in enumerate(channels):
            names[unit.upper(), int(number) - 1, channel] = _name(about, code, where)
    return names


def _name(about: Mapping[str, Any], code: Any, where: str) -> Name:
    parts = (about.get("network"), about.get("station"), about.get("location", ""), code)
    if not all(isinstance(part, str) for part in parts) or not all((parts[0], parts[1], code)):
        raise UsageError(f"{where}: network, station and each channel are texts that say something")
    name = Name(*map(str, parts))
    try:
        name.padded()
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    return name
