"""Turns what a settings file says into settings, or says what is wrong with it and where."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from portbook.daemons.configuration.places import endpoint, networks
from portbook.daemons.configuration.settings import PACKETS, Settings, Table, Unit, Upstream
from portbook.errors import UsageError
from portbook.seismic.positions import place
from portbook.seismic.stations import of

_AT = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?\Z", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"unknown field `(.*)`", re.DOTALL)
_UNIT = re.compile(r"[0-9A-Fa-f]{4}\Z")
MOST_SHOWN = 80
Made = TypeVar("Made", bound=Table)


def checked(told: Mapping[str, Any], where: str, below: Path) -> Settings:
    """Return the settings that a mapping holds; raises UsageError naming the key and the fault."""
    units = told.get("unit", {})
    others = {key: value for key, value in told.items() if key != "unit"}
    settings = _made(others, Settings, where, "")
    if not isinstance(units, Mapping):
        raise UsageError(f"{where}: unit: write tables [unit.XXXX], as [unit.AE4C] is one")
    made: dict[str, Unit] = {}
    for name, about in units.items():
        if not _UNIT.match(name):
            raise UsageError(f"{where}: [unit.{name}]: a unit id is four hex digits")
        if name.upper() in made:
            raise UsageError(f"{where}: [unit.{name}]: this unit has a table already")
        made[name.upper()] = _made(about, Unit, where, f"unit.{name}")
    settings = replace(settings, unit=made)
    for key, check in _checks(settings):
        try:
            check()
        except UsageError as error:
            raise UsageError(f"{where}: {key}: {error}") from None
    of(msgspec.to_builtins(settings.unit), where)
    return _placed(settings, below)


def _made(told: Any, kind: type[Made], where: str, name: str) -> Made:
    try:
        made = msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        match = _AT.match(str(error))
        assert match
        raise UsageError(f"{where}: {_fault(match, told, kind, name)}") from None
    strange = _not_finite(told, name)
    if strange:
        raise UsageError(f"{where}: {strange}: a number has to be finite")
    return made


def _fault(match: re.Match[str], told: Any, kind: type[Table], name: str) -> str:
    """Return what is wrong in our words: msgspec's tell types, ours tell units and meanings."""
    from portbook.daemons.configuration.reference import keys_of

    known, value, path = keys_of(kind), told, name
    shape, meaning, number = "a table", "", ""
    for key, index in _STEP.findall((match["path"] or "").split("[...]")[0]):
        if index:
            number, value = f"[{int(index) + 1}]", value[int(index)] if known else value
            shape = "a table" if known else shape
        else:
            path, number, value = f"{path}{number}.{key}".lstrip("."), "", value[key]
            shape, meaning, known = known[key].shape, known[key].meaning, known[key].below
    unknown = _UNKNOWN.search(match["what"])
    path += number if known else ""
    if unknown:
        return _unknown(unknown[1], list(known), path)
    shown = repr(value)
    shown = shown if len(shown) <= MOST_SHOWN else shown[:MOST_SHOWN] + "…"
    hint = f" ({meaning})" if meaning else ""
    return f"{path or 'a settings file'} has to be {shape}, got {shown}{hint}"


def _unknown(word: str, known: list[str], path: str) -> str:
    where = f"{path} has no key" if path else "there is no key or table"
    near = difflib.get_close_matches(word, known, 1)
    if near:
        return f"{where} {word!r}; did you mean {near[0]!r}?"
    return f"{where} {word!r}; known: {', '.join(known)}"


def _not_finite(told: Any, path: str) -> str | None:
    if isinstance(told, float):
        return None if math.isfinite(told) else path
    pairs: Any = told.items() if isinstance(told, Mapping) else ()
    if isinstance(told, list | tuple):
        pairs = enumerate(told, 1)
    found = (_not_finite(value, f"{path}.{key}".lstrip(".")) for key, value in pairs)
    return next(filter(None, found), None)


Check = tuple[str, Callable[[], object]]


def _checks(told: Settings) -> list[Check]:
    """Return what has to hold beyond types and ranges, each with the key that it is about."""
    checks: list[Check] = [
        (f"listen.{name}", partial(endpoint, getattr(told.listen, name)))
        for name in ("field", "clients", "seedlink", "status")
    ]
    checks += [
        (f"allow.{name}", partial(networks, getattr(told.allow, name)))
        for name in ("sources", "clients", "status")
    ]
    checks += [("allow.units", partial(_unit_id, one)) for one in told.allow.units]
    checks += [
        ("listen", partial(_apart, told)),
        ("alarms.webhook", partial(_webhook, told.alarms.webhook)),
        ("alarms.command", partial(_command, told.alarms.command)),
        ("watchdog", partial(_watchdog, told)),
    ]
    for number, one in enumerate(told.upstream, 1):
        checks.append((f"upstream[{number}]", partial(_upstream, one)))
    for number, other in enumerate(told.datalink, 1):
        checks.append((f"datalink[{number}]", partial(_host, other.host)))
    for unit, about in told.unit.items():
        checks.append((f"unit.{unit}", partial(_about, about)))
    return checks


def _unit_id(text: str) -> None:
    if not _UNIT.match(text):
        raise UsageError(f"{text!r} is no unit id; it has four hex digits, as AE4C")


def _apart(told: Settings) -> None:
    taken: dict[object, str] = {}
    for name in ("clients", "seedlink", "status"):
        here = endpoint(getattr(told.listen, name))
        if here and here.port and taken.setdefault(here, name) != name:
            raise UsageError(f"{name} and {taken[here]} cannot both be at {here}")


def _host(text: str) -> None:
    if not text or len(text) > 255 or not text.isprintable() or " " in text or "/" in text:
        raise UsageError(f'host has to be a name or an address, got {text!r}; write host = "..."')


def _upstream(one: Upstream) -> None:
    _host(one.host)
    _unit_id(one.unit)
    known = PACKETS.split()
    strange = [kind for kind in one.packets.split() if kind not in known]
    if strange or not one.packets.split():
        raise UsageError(f"packets has to be some of {PACKETS}, got {one.packets!r}")
    if any(not 1 <= stream <= 16 for stream in one.streams):
        raise UsageError(f"streams count from 1 to 16, got {list(one.streams)}")


def _about(one: Unit) -> None:
    networks(one.addresses)
    for stream, rate in one.rate.items():
        if not (stream.isascii() and stream.isdecimal() and 1 <= int(stream) <= 100):
            raise UsageError(f"rate.{stream}: there is no such stream; they count from 1")
        if not 0 < rate <= 1000:
            raise UsageError(f"rate.{stream} has to be above 0 and at most 1000 Hz, got {rate}")
    if one.position and (len(one.position) != 2 or place(*one.position) is None):
        raise UsageError(
            "position has to be latitude and longitude in degrees, as in [48.1219, 12.5972], got "
            f"{list(one.position)}"
        )


def _webhook(text: str) -> None:
    if not text:
        return
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not text.isascii() or any(letter <= " " for letter in text):
        raise UsageError(f"it has to be an http or https address, got {text!r}")


def _command(words: tuple[str, ...]) -> None:
    if words and not words[0]:
        raise UsageError("its first text is the program; it cannot be empty")
    if any("\0" in word for word in words):
        raise UsageError("no text of it can hold a NUL")


def _watchdog(told: Settings) -> None:
    one = told.watchdog
    if one.limit_s < 2 * one.beat_s:
        raise UsageError(f"limit_s ({one.limit_s} s) has to be two beats (beat_s) at least")
    if one.most_backoff_s < one.backoff_s:
        raise UsageError(f"most_backoff_s ({one.most_backoff_s} s) is less than backoff_s")


def _placed(told: Settings, below: Path) -> Settings:
    """Return settings whose paths are absolute and whose unit ids are in capitals."""
    from portbook.config import data_folder

    def absolute(text: str, home: Path) -> str:
        return str(home / Path(text).expanduser()) if text else ""

    folder = Path(absolute(told.folder, below) or data_folder() / "rtpd").absolute()
    archive = replace(
        told.archive, raw=absolute(told.archive.raw, below), sds=absolute(told.archive.sds, below)
    )
    allow = replace(told.allow, units=tuple(one.upper() for one in told.allow.units))
    alarms = replace(told.alarms, file=absolute(told.alarms.file, folder))
    return replace(told, folder=str(folder), archive=archive, allow=allow, alarms=alarms)
