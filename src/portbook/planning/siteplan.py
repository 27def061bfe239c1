"""A site's plan: which host uses which port for what; read from TOML or CSV, row by row.

A row that cannot be read becomes a trouble with its line, and the rest is kept. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from portbook.addresses import parse
from portbook.claims.policies import Role, parse_role
from portbook.claims.toml_text import read_toml, table_lines
from portbook.errors import UsageError
from portbook.ports import PortRange, Transport, parse_range, parse_transport

MOST_ENTRIES = 100_000
MOST_TROUBLES = 1000
MOST_OF_A_ROW = 256  # ranges of one row
LONGEST = 200  # letters of a host or a use
EVERY_HOST = "*"
SYSTEMS = ("linux", "windows", "macos")


class Entry(msgspec.Struct, frozen=True):
    """One use of ports that somebody plans."""

    line: int  # from 1
    host: str  # address or name in small letters; "*": every host of the site
    ports: PortRange
    transport: Transport | None  # None: TCP and UDP
    use: str
    role: str = Role.LISTEN.value
    system: str | None = None  # of the host: linux, windows, macos
    policy: str | None = None  # a policy that binds it, by name
    opens: bool = True  # False: the file only speaks of the port, two lines may do so


class Trouble(msgspec.Struct, frozen=True):
    """A row that cannot be read: where, and why."""

    line: int
    text: str


class SitePlan(msgspec.Struct, frozen=True):
    """What a file plans, and what of it could not be read."""

    entries: tuple[Entry, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    subnets: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()


def read_toml_plan(text: str, where: str) -> SitePlan:
    """Read a plan of `[[port]]` tables; tables of another name with a port are read too.

    Beside them: subnets = ["10.0.1.0/24"], stations = ["10.0.2.20"].
    Raises UsageError with file and line when the file is no TOML.
    """
    document = read_toml(text, where)
    places = table_lines(text)
    reader = _Reader()
    subnets = reader.texts(document, "subnets", "subnet")
    stations = reader.texts(document, "stations", "station")
    for name, tables in document.items():
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            reader.trouble(1, f"not read: {name!r}; write tables [[port]] with host, port, use")
            continue
        lines = places.get(name, [])
        known = len(lines) == len(tables)
        for at, table in enumerate(tables):
            if reader.is_full:
                break
            reader.row(lines[at] if known else 1, table)
    return reader.plan(subnets, stations)


def row_plan(rows: Iterator[tuple[int, Mapping[str, str] | str]]) -> SitePlan:
    """Read rows of texts by column, each with its line; a text alone tells what is wrong there."""
    reader = _Reader()
    for line, row in rows:
        if reader.is_full:
            break
        if isinstance(row, str):
            reader.trouble(line, row)
        else:
            reader.row(line, {key: value for key, value in row.items() if value})
    return reader.plan()


COLUMNS = {
    "host": ("host", "address", "ip", "device", "node", "hostname"),
    "port": ("port", "ports", "number"),
    "transport": ("transport", "protocol", "proto"),
    "use": ("use", "purpose", "service", "what", "description", "usage", "for"),
    "role": ("role",),
    "system": ("system", "os"),
    "policy": ("policy",),
}
KEYS = {alias: key for key, aliases in COLUMNS.items() for alias in aliases}
_EVERYWHERE = ("", "*", "any", "all", "0.0.0.0", "::")
_BOTH = ("", "*", "any", "both", "tcp+udp", "tcp/udp", "tcp,udp", "tcp udp", "tcp, udp")
_SEPARATED = re.compile(r"[,;\s]+")


class _Reader:
    """Gathers entries and troubles."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._troubles: list[Trouble] = []
        self.is_full = False  # nothing more is read

    def plan(self, subnets: tuple[str, ...] = (), stations: tuple[str, ...] = ()) -> SitePlan:
        entries = sorted(self._entries, key=lambda one: one.line)
        return SitePlan(tuple(entries), tuple(self._troubles), subnets, stations)

    def trouble(self, line: int, text: str) -> None:
        if self.is_full:
            return
        self._troubles.append(Trouble(line, text))
        if len(self._troubles) >= MOST_TROUBLES:
            self.is_full = True
            told = f"{MOST_TROUBLES} rows that cannot be read; what follows is not read"
            self._troubles.append(Trouble(line, told))

    def texts(self, document: dict[str, Any], *names: str) -> tuple[str, ...]:
        found: list[str] = []
        for name in names:
            told = document.get(name, ())
            if isinstance(told, list) and any(isinstance(one, dict) for one in told):
                continue  # tables of that name
            document.pop(name, None)
            found += [str(one) for one in (told if isinstance(told, (list, tuple)) else [told])]
        return tuple(found)

    def row(self, line: int, table: Mapping[str, Any]) -> None:
        if len(self._entries) >= MOST_ENTRIES:
            self.trouble(line, f"more than {MOST_ENTRIES} entries; the rest is not read")
            self.is_full = True
            return
        try:
            self._entries += entries_of(line, table)
        except UsageError as error:
            self.trouble(line, str(error))


def entries_of(line: int, table: Mapping[str, Any]) -> list[Entry]:
    """Read one row, whose ports may be several; raises UsageError, without the place."""
    told: dict[str, Any] = {}
    for key, value in table.items():
        name = KEYS.get(str(key).strip().casefold())
        if name is None:
            raise UsageError(f"no such column: {str(key)[:40]!r}; known: {', '.join(COLUMNS)}")
        told[name] = value
    transport = _transport(told.get("transport", ""))
    host, use = _host(told.get("host", "")), _text(told.get("use", ""), "use")
    role = parse_role(_text(told.get("role", ""), "role").casefold() or Role.LISTEN.value).value
    system = _text(told.get("system", ""), "system").casefold() or None
    if system is not None and system not in SYSTEMS:
        raise UsageError(f"no such system: {system[:40]!r}; known: {', '.join(SYSTEMS)}")
    policy = _text(told.get("policy", ""), "policy").casefold() or None
    found = []
    for ports, spoken in _ports(told.get("port", "")):
        if spoken and transport and spoken is not transport:
            raise UsageError(f"{ports}/{spoken.value} in a row for {transport.value}")
        carried = spoken or transport
        found.append(Entry(line, host, ports, carried, use, role, system, policy))
    return found


def plain_host(text: str) -> str:
    """Return how a host is compared: an address as it is usually written, a name in small letters.

    Every address, or none told, is "*".
    """
    told = text.strip().casefold()
    if told in _EVERYWHERE:
        return EVERY_HOST
    address = parse(told)
    return str(address) if address is not None else told.rstrip(".")


def _host(value: Any) -> str:
    return plain_host(_text(value, "host"))


def _transport(value: Any) -> Transport | None:
    told = _text(value, "transport").casefold()
    return None if told in _BOTH else parse_transport(told)


def _ports(value: Any) -> list[tuple[PortRange, Transport | None]]:
    parts = value if isinstance(value, list) else [value]
    words: list[str] = []
    for part in parts[: MOST_OF_A_ROW + 1]:
        if isinstance(part, bool) or not isinstance(part, (int, str)):
            raise UsageError(f"not a port: {str(part)[:40]!r}; write 502, or 1740-1743")
        if isinstance(part, str):
            words += _SEPARATED.split(part.strip()[: 8 * MOST_OF_A_ROW])
        else:
            words.append(str(part) if -1 << 31 < part < 1 << 31 else "a huge number")
    if len(words) > MOST_OF_A_ROW:
        raise UsageError(f"more than {MOST_OF_A_ROW} ports in one row; write ranges")
    if not any(words):
        raise UsageError("names no port; write 502, or 1740-1743")
    return [parse_range(word[:40]) for word in words if word]


def _text(value: Any, name: str) -> str:
    if not isinstance(value, (str, int)):
        raise UsageError(f"{name} must be a text in quotes")
    told = str(value).strip() if isinstance(value, str) else str(value)[:LONGEST]
    if len(told) > LONGEST:
        raise UsageError(f"{name} is longer than {LONGEST} letters")
    return told
