"""Find the ports that a file speaks of: a controller's strategy, settings, any plain text.

PAC Control strategies: a line for an I/O unit ends in `PORT $ADDRESS 0 MBOARD %NAME`, as in the
vendor's own compiled test strategy; charts open `tcp:host:port` communication handles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from portbook.claims.policies import Role
from portbook.ports import HIGHEST, Transport

MOST_MENTIONS = 10_000
LONGEST_LINE = 4096


class Mention(msgspec.Struct, frozen=True):
    """A place in a file where a port stands."""

    line: int  # from 1
    number: int  # as written; `valid` tells whether it can be a port
    transport: Transport | None
    what: str  # "I/O unit Learning_Center at 127.0.0.1", "handle to 10.0.0.5", "port"
    role: str  # how the file uses it: a Role
    text: str  # what was read
    host: str | None = None  # to whom it connects

    @property
    def valid(self) -> bool:
        """Tell whether the number is a port."""
        return 0 < self.number <= HIGHEST


def lint(text: str) -> list[Mention]:
    """Return the ports that a text speaks of, line by line; the same place is told once.

    Lines are read up to 4,096 characters, and at most 10,000 mentions are returned.
    """
    found: list[Mention] = []
    for number, line in enumerate(text.splitlines(), 1):
        found += _of_line(line[:LONGEST_LINE], number)
        if len(found) >= MOST_MENTIONS:
            break
    return found[:MOST_MENTIONS]


_UNIT = re.compile(r"(?<!\S)(\d{1,6})\s+\$([0-9A-Fa-f]{1,8})\s+\d+\s+MBOARD\s+%(\S+)")
_HANDLE = re.compile(
    r"\b(?P<transport>tcp|udp):(?:(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:\"'\[\]]+):)?(?P<port>\d{1,6})\b",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?<![\w.])(\d{1,6})(?:\s?[-–]\s?(\d{1,6}))?/(tcp|udp|sctp|dccp)\b", re.IGNORECASE
)
_ADDRESS = re.compile(
    r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.%]+\]|localhost|[A-Za-z][\w-]*(?:\.[\w-]+)+)"
    r":(\d{1,6})\b"
)
_IS = r"[\"']?\s*(?:(?:[:=(\[]|=>|is|are|number|no\.)\s*){0,3}[\"']?"
_RANGE = r"\d{1,6}(?:\s?[-–]\s?\d{1,6})?\b(?![.:]\d)"
_WORD = re.compile(
    rf"(?:\b|_)(?:port{_IS}({_RANGE})|ports{_IS}({_RANGE}(?:\s*(?:,|and|or)\s*{_RANGE}){{0,64}}))",
    re.IGNORECASE,
)
_ALONE = re.compile(r"\s*(\d{1,6})\s*[,;]?\s*(?:#.*|//.*)?\Z")


def _of_line(line: str, number: int) -> Iterator[Mention]:
    taken: list[tuple[int, int]] = []
    for finder in (_units, _handles, _pairs, _addresses, _words, _alone):
        for match, mentions in finder(line, number):
            start, end = match.span()
            if all(end <= first or last <= start for first, last in taken):
                taken.append((start, end))
                yield from mentions


Found = Iterator[tuple[re.Match[str], list[Mention]]]


def _units(line: str, number: int) -> Found:
    for match in _UNIT.finditer(line):
        octets = int(match[2], 16).to_bytes(4, "big")
        host = ".".join(map(str, octets))
        what = f"I/O unit {match[3]} at {host}"
        yield match, [_mention(number, match, match[1], None, what, Role.CONNECT_KNOWN, host)]


def _handles(line: str, number: int) -> Found:
    for match in _HANDLE.finditer(line):
        transport = Transport(match["transport"].lower())
        host = match["host"]
        what = f"handle to {host}" if host else "listening handle"
        role = Role.CONNECT if host else Role.LISTEN
        yield match, [_mention(number, match, match["port"], transport, what, role, host)]


def _pairs(line: str, number: int) -> Found:
    for match in _PAIR.finditer(line):
        transport = Transport(match[3].lower())
        ends = [end for end in (match[1], match[2]) if end]
        what = "port" if len(ends) == 1 else "end of a range of ports"
        yield (
            match,
            [_mention(number, match, end, transport, what, Role.LISTEN) for end in ends],
        )


def _addresses(line: str, number: int) -> Found:
    for match in _ADDRESS.finditer(line):
        what = f"port at {match[1]}"
        yield match, [_mention(number, match, match[2], None, what, Role.CONNECT, match[1])]


def _words(line: str, number: int) -> Found:
    for match in _WORD.finditer(line):
        mentions = []
        for written in re.split(r"\s*(?:,|and|or)\s*", match[1] or match[2], flags=re.IGNORECASE):
            ends = re.findall(r"\d+", written)
            what = "port" if len(ends) == 1 else "end of a range of ports"
            mentions += [_mention(number, match, end, None, what, Role.LISTEN) for end in ends]
        yield match, mentions


def _alone(line: str, number: int) -> Found:
    match = _ALONE.match(line)
    if match:
        what = "number on a line of its own"
        yield match, [_mention(number, match, match[1], None, what, Role.LISTEN)]


def _mention(
    line: int,
    match: re.Match[str],
    port: str,
    transport: Transport | None,
    what: str,
    role: Role,
    host: str | None = None,
) -> Mention:
    return Mention(line, int(port), transport, what, role.value, match[0].strip(), host)
