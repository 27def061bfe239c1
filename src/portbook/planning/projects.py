"""The ports that a controller's project opens: PAC Control strategies, CODESYS exports. Pure.

PAC Control: a compiled strategy is Forth text; I/O units stand on lines that end in MBOARD, charts
open `tcp:` handles, 22500-22531 are serial modules (mentions.py, Opto 22's own test strategy).
CODESYS: a global variable list with NetvarSettings (its export, a .gvl file) names the UDP port of
its network variables; the runtime's settings (CODESYSControl.cfg) name the ports that it binds.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from enum import StrEnum
from xml.parsers import expat

from portbook.claims.policies import Role
from portbook.errors import UsageError
from portbook.planning.mentions import LONGEST_LINE, MOST_MENTIONS, lint
from portbook.planning.siteplan import (
    EVERY_HOST,
    Entry,
    SitePlan,
    Trouble,
    plain_host,
    read_toml_plan,
)
from portbook.planning.tabular import looks_like_headings, read_csv_plan
from portbook.ports import HIGHEST, PortRange, Transport

NETWORK_VARIABLES = 1202  # the port of a list that names none: jisotalo/codesys-client
MOST_DEPTH = 64
_SERIAL = range(22500, 22532)  # two ports for each of 16 rack positions


class Form(StrEnum):
    """What a file is, by its name and its first lines."""

    TOML = "toml"
    CSV = "csv"
    GVL = "gvl"
    SETTINGS = "codesys-settings"
    STRATEGY = "strategy"
    TEXT = "text"


def form_of(name: str, text: str) -> Form:
    """Tell what a file is; what is nothing else is text, in which ports are looked for."""
    ending = name.rpartition(".")[2].casefold()
    if ending in ("toml", "csv", "gvl"):
        return Form(ending)
    head = [line.strip() for line in text[:65_536].split("\n") if line.strip()][:200]
    first = next((line for line in head if not line.startswith("#")), "")
    if first.startswith("[[") and first.partition("#")[0].rstrip().endswith("]]"):
        return Form.TOML
    if looks_like_headings(first):
        return Form.CSV
    if first.startswith("<") and "<GVL" in text[:65_536]:
        return Form.GVL
    if any(line.startswith("[Cmp") for line in head):
        return Form.SETTINGS
    if ending in ("cdf", "crn", "crn1", "crn2") or any(" MBOARD %" in line for line in head):
        return Form.STRATEGY
    return Form.TEXT


def read_plan(text: str, where: str, form: Form | None = None) -> SitePlan:
    """Read what a file plans, of any form; raises UsageError with the line when it is broken."""
    form = form or form_of(where, text)
    if form is Form.TOML:
        return read_toml_plan(text, where)
    if form is Form.CSV:
        return read_csv_plan(text)
    if form is Form.GVL:
        return _network_variables(text, where)
    if form is Form.SETTINGS:
        return _settings(text)
    return _mentioned(text, "opto22" if form is Form.STRATEGY else None)


# Section and key of the runtime's settings, as its own interface headers name them.
_KEYS = {
    ("cmpblkdrvtcp", "listenport"): ("CODESYS V3 TCP block driver", Transport.TCP),
    ("cmpgwcommdrvtcp", "listenport"): ("CODESYS V3 gateway", Transport.TCP),
    ("cmpopcuaserver", "networkport"): ("OPC UA server", Transport.TCP),
    ("cmpwebserver", "webserverportnr"): ("CODESYS WebVisu web server", Transport.TCP),
    ("cmpwebserver", "webserversecureportnr"): ("CODESYS WebVisu over TLS", Transport.TCP),
    ("cmpblkdrvudp", "defaultportindex"): ("CODESYS V3 UDP block driver", Transport.UDP),
}
_UNIT_LINE = re.compile(r"(?<!\S)MBOARD\s+%")
_SECTION = re.compile(r"\s*\[([^\]]{1,80})\]")
_SETTING = re.compile(r"\s*([A-Za-z][\w.]{0,80})\s*=\s*\"?(\d{1,6})\b")


def _settings(text: str) -> SitePlan:
    entries: list[Entry] = []
    troubles: list[Trouble] = []
    section = ""
    for number, written in enumerate(text.split("\n"), 1):
        line = written[:LONGEST_LINE]
        if match := _SECTION.match(line):
            section = match[1].strip().casefold()
        elif match := _SETTING.match(line):
            told = _KEYS.get((section, match[1].casefold()))
            port = int(match[2])
            if told and match[1].casefold() == "defaultportindex":
                port = 1740 + port if port < 4 else HIGHEST + 1
            if told and not 0 <= port <= HIGHEST:
                troubles.append(Trouble(number, f"{match[0].strip()}: no port that can be used"))
            elif told and port:  # 0 switches a server off
                use, transport = told
                span = PortRange(port, port)
                entries.append(Entry(number, EVERY_HOST, span, transport, use))
        if len(entries) + len(troubles) >= MOST_MENTIONS:
            break
    return SitePlan(tuple(entries), tuple(troubles))


def _network_variables(text: str, where: str) -> SitePlan:
    reader = _Lists(where)
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.doctype
    reader.parser = parser
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code)
        raise UsageError(f"{where}, line {error.lineno}: {what}; the export may be cut") from error
    return SitePlan(tuple(reader.entries), tuple(reader.troubles))


class _Lists:
    """Follows one parse of an export: the lists of network variables and their ports."""

    def __init__(self, where: str) -> None:
        self.entries: list[Entry] = []
        self.troubles: list[Trouble] = []
        self.parser: expat.XMLParserType
        self._where = where
        self._path: list[str] = []
        self._list: tuple[int, str] | None = None  # line, port as written

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= MOST_DEPTH:
            raise self._refused(f"elements nested deeper than {MOST_DEPTH}")
        self._path.append(name)
        line = self.parser.CurrentLineNumber
        if name == "NetvarSettings" and attributes.get("Protocol", "UDP").upper() == "UDP":
            self._list = line, str(NETWORK_VARIABLES)
        elif name == "ProtocolSetting" and self._list and attributes.get("Name") == "Port":
            self._list = line, attributes.get("Value", "").strip()

    def end(self, name: str) -> None:
        self._path.pop()
        if name != "NetvarSettings" or self._list is None:
            return
        line, written = self._list
        self._list = None
        if not (written.isascii() and written.isdecimal() and 0 < int(written[:6]) <= HIGHEST):
            self.troubles.append(Trouble(line, f"network variables at {written[:40]!r}: no port"))
        else:
            span = PortRange(int(written), int(written))
            # Lists share a port, told apart by their identifier: two of them are no clash.
            use = "CODESYS network variable lists"
            self.entries.append(Entry(line, EVERY_HOST, span, Transport.UDP, use, opens=False))
        if len(self.entries) + len(self.troubles) >= MOST_MENTIONS:
            raise self._refused(f"more than {MOST_MENTIONS} lists")

    def doctype(self, *_: object) -> None:
        """Refuse a document type: entities that hold each other grow without bound."""
        raise self._refused("a document type, which an export has not")

    def _refused(self, why: str) -> UsageError:
        return UsageError(f"{self._where}, line {self.parser.CurrentLineNumber}: {why}; not read")


def _mentioned(text: str, policy: str | None) -> SitePlan:
    entries: list[Entry] = []
    troubles: list[Trouble] = []
    for one in lint(text):
        if not one.valid:
            troubles.append(Trouble(one.line, f"{one.number} is no port that can be used"))
            continue
        ports = PortRange(one.number, one.number)
        what = _serial(one.number, one.what) if one.role != Role.LISTEN else one.what
        host = plain_host(one.host) if one.host else EVERY_HOST
        entries.append(
            Entry(one.line, host, ports, one.transport, what, one.role, None, policy, opens=False)
        )
    if policy:
        known = {one.line for one in entries} | {one.line for one in troubles}
        troubles += _unread_units(text, known)
    return SitePlan(tuple(entries), tuple(troubles))


def _unread_units(text: str, known: Container[int]) -> Iterator[Trouble]:
    """Give the lines of a strategy that speak of an I/O unit and told no port."""
    count = 0
    for number, line in enumerate(text.split("\n"), 1):
        if number not in known and _UNIT_LINE.search(line[:LONGEST_LINE]):
            count += 1
            if count > MOST_MENTIONS:
                return
            yield Trouble(number, "an I/O unit that cannot be read; PORT $ADDRESS 0 MBOARD %NAME")


def _serial(number: int, what: str) -> str:
    if number not in _SERIAL:
        return what
    position, side = divmod(number - _SERIAL.start, 2)
    return f"{what}, serial module at rack position {position}, port {'AB'[side]}"
