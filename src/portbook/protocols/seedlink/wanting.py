"""What a SeedLink client asks for: stations, streams, where to begin, a window of time. Pure.

Patterns have `*` and `?` only. Streams are known by two names: `LOC_B_S_SS` in version 4, location
(two characters) and channel in version 3. Sources: FDSN SeedLink 4.0; SeisComP and ringserver for
version 3.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

KIND = "2D"  # format and subformat of all that is served: miniSEED 2, data
LONGEST_PATTERN = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATION = re.compile(r"[A-Za-z0-9_*?-]+\Z")
_STREAM_4 = re.compile(r"(!?)([A-Za-z0-9_*?-]+)(?:\.([A-Za-z0-9*?]{1,8}))?(?::(\w+))?\Z", re.ASCII)
_STREAM_3 = re.compile(r"(!?)([A-Za-z0-9*?-]{0,7})(?:\.([DECOTL?*]))?\Z")
_COMMAS = re.compile(r"(\d{4})((?:,\d{1,2}){2,5})(?:[.,](\d{1,9}))?\Z", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d?)(?::(\d\d?)(?:\.(\d{1,9}))?)?)?(?:Z|\+00:00)?\Z",
    re.ASCII,
)


class CommandError(ValueError):
    """A command that cannot be: a version 4 error code and a reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Select(NamedTuple):
    """One SELECT; old: the pattern is of version 3, location and channel; out: starts with `!`."""

    pattern: str
    out: bool = False
    old: bool = False


class Station(NamedTuple):
    """A STATION with its SELECTs; the pattern is of `NET_STA`."""

    pattern: str
    selects: tuple[Select, ...] = ()

    def streams(self, stream: str, seed: str) -> bool:
        """Tell whether a stream of the station is selected; without a SELECT all are."""
        wanted = not self.selects or all(one.out for one in self.selects)
        for select in self.selects:
            if matches(select.pattern, seed if select.old else stream):
                if select.out:
                    return False
                wanted = True
        return wanted


class Wanted(NamedTuple):
    """All stations that a client asks for, in its order; equal ones share their selection."""

    stations: tuple[Station, ...]


class Matcher:
    """Tells which STATION of a wish a stream comes under; names without wildcards cost nothing."""

    def __init__(self, wanted: Wanted) -> None:
        self._stations = wanted.stations
        self._named: dict[str, int] = {}
        self._wild: list[tuple[int, str]] = []
        for place, one in enumerate(wanted.stations):
            if wild(one.pattern):
                self._wild.append((place, one.pattern))
            else:
                self._named.setdefault(one.pattern, place)

    def which(self, station: str, stream: str, seed: str) -> int | None:
        """Return the place of the STATION that a stream comes under; None: it is not wanted.

        station: `NET_STA`; stream: `LOC_B_S_SS`; seed: location, two characters, and channel.
        A station counts for the first pattern that it matches (SeedLink 4.0, STATION).
        """
        place = self._named.get(station)
        for other, pattern in self._wild:
            if place is not None and other > place:
                break
            if matches(pattern, station):
                place = other
                break
        if place is None or not self._stations[place].streams(stream, seed):
            return None
        return place


class Start(NamedTuple):
    """Where a station's data begin: at a number, with the oldest, or (neither) with the next one.

    sequence: as the client's version counts; check_ns: version 3 tells with it when the packet
    before began; begin_ns, end_ns: a window, Unix nanoseconds
    """

    sequence: int | None = None
    oldest: bool = False
    begin_ns: int | None = None
    end_ns: int | None = None
    check_ns: int | None = None


class Request(NamedTuple):
    """What a client asked for when its handshake ended; dialup: only what is there already."""

    version: int
    wanted: Wanted
    starts: tuple[Start, ...]
    dialup: bool = False


def wild(pattern: str) -> bool:
    """Tell whether a pattern has a wildcard."""
    return "*" in pattern or "?" in pattern


def matches(pattern: str, text: str) -> bool:
    """Tell whether a text fits a pattern from end to end, in linear memory and no recursion."""
    at = there = 0
    star, retry = -1, 0
    while there < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, retry = at, there
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[there]):
            at += 1
            there += 1
        elif star >= 0:
            retry += 1
            at, there = star + 1, retry
        else:
            return False
    return not pattern[at:].strip("*")


def station_pattern(words: list[str], version: int) -> str:
    """Read the arguments of STATION as a pattern of `NET_STA`. Raises CommandError."""
    if version == 4:
        if len(words) != 1:
            raise CommandError("ARGUMENTS", "STATION takes one station id, NET_STA")
        pattern = words[0]
    else:
        if not 1 <= len(words) <= 2:
            raise CommandError("ARGUMENTS", "STATION takes a station code and a network code")
        pattern = f"{words[1] if len(words) == 2 else '*'}_{words[0]}"
    if len(pattern) > LONGEST_PATTERN or not _STATION.match(pattern):
        raise CommandError("ARGUMENTS", "a station id has letters, digits, _ * and ?")
    return pattern


def select(word: str, version: int) -> Select | None:
    """Read the argument of SELECT; None: nothing that is served can match it."""
    if len(word) > LONGEST_PATTERN:
        raise CommandError("ARGUMENTS", "the pattern is too long")
    return _select_4(word) if version == 4 else _select_3(word)


def _select_4(word: str) -> Select | None:
    found = _STREAM_4.match(word)
    if not found:
        raise CommandError("ARGUMENTS", "a stream pattern is LOC_B_S_SS with * and ?")
    out, pattern, kind, convert = found.groups()
    if convert not in (None, "native", "2") or (out and convert):
        raise CommandError("ARGUMENTS", "no such filter; data are served as they are, miniSEED 2")
    if kind is not None and not matches(kind + "*", KIND):
        return None
    return Select(pattern, bool(out))


def _select_3(word: str) -> Select | None:
    found = _STREAM_3.match(word)
    if not found or (not found[2] and found[3] is None):
        raise CommandError("ARGUMENTS", "a pattern is LLCCC.T or CCC, with ?")
    out, code, kind = found.groups()
    code = code.replace("-", " ")
    if "*" not in code:
        if len(code) not in (0, 3, 4, 5):
            raise CommandError("ARGUMENTS", "a pattern is LLCCC.T or CCC, with ?")
        location, channel = code[:-3], code[-3:]
        code = f"{location:2}{channel}" if location else f"??{channel or '???'}"
    if kind not in (None, "D", "?", "*"):
        return None
    return Select(code, bool(out), old=True)


def sequence_3(word: str) -> int | None:
    """Read a number of version 3: six hex digits, by some clients with 0x; None for -1."""
    if word == "-1":
        return None
    digits = word[2:] if word[:2] in ("0x", "0X") else word
    if not re.fullmatch(r"[0-9A-Fa-f]{1,8}", digits):
        raise CommandError("ARGUMENTS", "a sequence number is six hex digits")
    return int(digits, 16) & 0xFFFFFF


def sequence_4(word: str) -> int | None:
    """Read a number of version 4: decimal, 64 bits; None for -1."""
    if word == "-1":
        return None
    if not re.fullmatch(r"[0-9]{1,20}", word) or int(word) >= 1 << 64:
        raise CommandError("ARGUMENTS", "a sequence number is a decimal number, or ALL")
    return int(word)


def time_ns(word: str) -> int:
    """Read a time of either version, UTC, as Unix nanoseconds. Raises CommandError."""
    commas, iso = _COMMAS.match(word), _ISO.match(word)
    if commas:
        fields = [int(commas[1]), *(int(one) for one in commas[2][1:].split(","))]
        fraction = commas[3]
    elif iso:
        fields = [int(one) for one in iso.groups()[:6] if one is not None]
        fraction = iso[7]
    else:
        raise CommandError("ARGUMENTS", "a time is 2026-11-21T18:30:00Z, or 2026,11,21,18,30,00")
    year, month, day, hour, minute, second = (*fields, 0, 0, 0)[:6]
    leap = second == 60  # the second before midnight that some years have
    try:
        moment = datetime(year, month, day, hour, minute, second - leap, tzinfo=UTC)
    except ValueError:
        raise CommandError("ARGUMENTS", f"there is no such time as {word}") from None
    whole = (moment - _EPOCH) // timedelta(seconds=1) + leap
    return whole * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
