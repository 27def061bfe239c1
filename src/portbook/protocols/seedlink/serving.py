"""One client's session at a SeedLink server, versions 3 and 4: lines in, replies out. Pure.

The handshake ends in a `Request`; packets are the caller's part. What a client can make grow is
bounded: its line, its stations, its SELECTs, the replies of one call. Sources: FDSN SeedLink 4.0;
for version 3 SeisComP, ringserver, and the clients that exist (libslink, ObsPy).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from portbook.protocols.seedlink import telling
from portbook.protocols.seedlink.telling import About, Catalogue, StationTold
from portbook.protocols.seedlink.wanting import (
    CommandError,
    Request,
    Select,
    Start,
    Station,
    Wanted,
    select,
    sequence_3,
    sequence_4,
    station_pattern,
    time_ns,
    wild,
)

LONGEST_LINE = 4096  # the standard says 255; tokens of AUTH, which is refused, are longer
MOST_STATIONS = 1024
MOST_WILD = 32  # stations with wildcards: each is held against every channel there is
MOST_SELECTS = 32  # a station
ENOUGH = 64 << 10  # octets of replies, then the rest of the lines has to wait
_END = re.compile(rb"\r\n|[\r\n]")
_ALL = Station("*")


class _Asked:
    """A STATION while its SELECTs and its DATA come in."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.selects: list[Select] = []
        self.narrowed = False  # had a SELECT, even one that matches nothing
        self.start = Start()

    def station(self) -> Station:
        selects = tuple(self.selects)
        if self.narrowed and all(one.out for one in selects):
            selects = (Select("*", out=True),)  # what was asked for is not served at all
        return Station(self.pattern, selects)


class Session:
    """A client's handshake, its INFO requests, and how it ended.

    about: the server's names; catalogue: told the stations when the client asks.
    `request` is set once the client wants data, `ended` when the connection is to be closed.
    """

    def __init__(self, about: About, catalogue: Catalogue) -> None:
        self.version = 3
        self.program: str | None = None
        self.request: Request | None = None
        self.ended: str | None = None
        self.oddities: Counter[str] = Counter()
        self._about = about
        self._catalogue = catalogue
        self._held = b""
        self._batch = False
        self._extended = False
        self._dialup = False
        self._stations: dict[str, _Asked] = {}
        self._several = False  # spoke of a STATION, even of one that was refused
        self._wild = 0
        self._current: _Asked | None = None
        self._alone = _Asked("*")  # of version 3 without STATION
        self._now_ns = 0

    @property
    def waiting(self) -> bool:
        """Tell whether lines are left that `feed(b"")` would go on with."""
        return self.ended is None and _END.search(self._held) is not None

    def feed(self, octets: bytes, now_ns: int) -> bytes:
        """Take what the client sent and return what to send; stops early when that is much."""
        self._held += octets
        self._now_ns = now_ns
        out: list[bytes] = []
        size = 0
        while self.ended is None and size < ENOUGH:
            found = _END.search(self._held)
            if found is None:
                if len(self._held) > LONGEST_LINE:
                    self.oddities["long-line"] += 1
                    self.ended = "a line without an end"
                break
            line, self._held = self._held[: found.start()], self._held[found.end() :]
            reply = self._line(line)
            size += len(reply)
            out.append(reply)
        if self.ended is not None:
            self._held = b""
        return b"".join(out)

    def _line(self, line: bytes) -> bytes:
        if len(line) > LONGEST_LINE:
            self.oddities["long-line"] += 1
            self.ended = "a line too long"
            return b""
        words = line.decode("latin-1").split()
        if not words:
            return b""
        word = words[0].upper()
        if self.request is not None and word not in ("INFO", "BYE"):
            self.oddities["command-while-streaming"] += 1
            return b""
        command = _COMMANDS.get(word)
        try:
            if command is None:
                self.oddities["unknown-command"] += 1
                raise CommandError("UNSUPPORTED", "no such command")
            return command(self, words[1:])
        except CommandError as refusal:
            return self._error(refusal)

    def _ok(self) -> bytes:
        return b"" if self._batch else b"OK\r\n"

    def _error(self, refusal: CommandError) -> bytes:
        if self.version == 4:
            return f"ERROR {refusal.code} {refusal.reason}\r\n".encode()
        if self._batch:
            return b""
        if self._extended:
            return f"ERROR\r{refusal.code} {refusal.reason}\r\n".encode()
        return b"ERROR\r\n"

    def _hello(self, words: list[str]) -> bytes:
        lines = f"{self._about.hello}\r\n{self._about.organisation}\r\n"
        return lines.encode("ascii", "replace")

    def _proto(self, words: list[str]) -> bytes:
        if self._several:
            raise CommandError("UNEXPECTED", "SLPROTO comes before STATION")
        version = words[0] if len(words) == 1 else ""
        if version not in ("3.0", "3.1", "4.0"):
            raise CommandError("UNSUPPORTED", "supported are 3.1 and 4.0")
        self.version = int(version[0])
        return self._ok()

    def _agent(self, words: list[str]) -> bytes:
        text = " ".join(words)[:128]
        self.program = text if text.isprintable() else None
        return self._ok()

    def _capabilities(self, words: list[str]) -> bytes:
        self._extended = self._extended or any("EXTREPLY" in one.upper() for one in words)
        return self._ok()

    def _get_capabilities(self, words: list[str]) -> bytes:
        return f"{' '.join(telling.CAPABILITIES)}\r\n".encode()

    def _auth(self, words: list[str]) -> bytes:
        raise CommandError("UNSUPPORTED", "no authentication is needed or offered here")

    def _begin_batch(self, words: list[str]) -> bytes:
        if self.version == 4:
            raise CommandError("UNSUPPORTED", "BATCH is of version 3")
        self._batch = True
        return b"OK\r\n"

    def _cat(self, words: list[str]) -> bytes:
        return telling.listing(self._catalogue(None, None)).encode("ascii", "replace")

    def _bye(self, words: list[str]) -> bytes:
        self.ended = "said BYE"
        return b""

    def _station(self, words: list[str]) -> bytes:
        self._several = True
        self._current = None  # what follows a refused STATION is refused too
        pattern = station_pattern(words, self.version)
        if len(self._stations) >= MOST_STATIONS:
            raise CommandError("LIMIT", f"at most {MOST_STATIONS} stations")
        if wild(pattern) and pattern not in self._stations:
            if self._wild >= MOST_WILD:
                raise CommandError("LIMIT", f"at most {MOST_WILD} stations with wildcards")
            self._wild += 1
        self._current = self._stations.setdefault(pattern, _Asked(pattern))
        return self._ok()

    def _select(self, words: list[str]) -> bytes:
        asked = self._asked()
        if not words and self.version == 3:
            asked.selects.clear()
            asked.narrowed = False
            return self._ok()
        if not words:
            raise CommandError("ARGUMENTS", "SELECT takes a pattern")
        if len(words) > 1 and self.version == 3:
            raise CommandError("ARGUMENTS", "SELECT takes one pattern")
        if len(asked.selects) + len(words) > MOST_SELECTS:
            raise CommandError("LIMIT", f"at most {MOST_SELECTS} patterns a station")
        made = [select(word, self.version) for word in words]
        asked.selects += [one for one in made if one is not None]
        asked.narrowed = asked.narrowed or not all(word.startswith("!") for word in words)
        return self._ok()

    def _asked(self) -> _Asked:
        if self._current is not None:
            return self._current
        if self.version == 4 or self._several:
            raise CommandError("UNEXPECTED", "no STATION before it was accepted")
        return self._alone

    def _data(self, words: list[str]) -> bytes:
        return self._begin(self._start(words))

    def _fetch(self, words: list[str]) -> bytes:
        start = self._start(words)
        self._dialup = True
        return self._begin(start)

    def _time(self, words: list[str]) -> bytes:
        if not 1 <= len(words) <= 2 or self.version == 4:
            raise CommandError("ARGUMENTS", "TIME takes a begin and an end; it is of version 3")
        times = [time_ns(word) for word in words]
        return self._begin(Start(oldest=True, begin_ns=times[0], end_ns=(*times, None)[1]))

    def _start(self, words: list[str]) -> Start:
        if len(words) > 3:
            raise CommandError("ARGUMENTS", "a number, a begin, an end, and nothing else")
        if not words:
            return Start()
        times = [time_ns(word) for word in words[1:]]
        begin_ns, end_ns = (*times, None, None)[:2]
        if self.version == 4:
            oldest = words[0].upper() == "ALL"
            sequence = None if oldest else sequence_4(words[0])
            windowed = bool(times) and sequence is None
            return Start(sequence, oldest or windowed, begin_ns, end_ns)
        sequence = sequence_3(words[0])
        if sequence is None:
            return Start(None, bool(times), begin_ns, end_ns)
        # The time with a number tells which packet the client had last (libslink, ObsPy).
        return Start(sequence, end_ns=end_ns, check_ns=begin_ns)

    def _begin(self, start: Start) -> bytes:
        asked = self._asked()
        asked.start = start
        if asked is self._alone:
            self._go([asked])
            return b""  # without STATION packets follow at once, no OK
        return self._ok()

    def _finish(self, words: list[str]) -> bytes:
        if not self._stations and (self.version == 4 or self._several):
            raise CommandError("UNEXPECTED", "no STATION was accepted")
        self._go(list(self._stations.values()) or [self._alone])
        return b""

    def _finish_fetch(self, words: list[str]) -> bytes:
        out = self._finish(words)
        if self.request is not None:
            self.request = self.request._replace(dialup=True)
        return out

    def _go(self, asked: list[_Asked]) -> None:
        wanted = Wanted(tuple(one.station() for one in asked))
        starts = tuple(one.start for one in asked)
        self.request = Request(self.version, wanted, starts, self._dialup)

    def _info(self, words: list[str]) -> bytes:
        item = words[0].upper() if words else ""
        return self._info_4(item, words[1:]) if self.version == 4 else self._info_3(item)

    def _info_3(self, item: str) -> bytes:
        known = item in ("ID", "CAPABILITIES", "STATIONS", "STREAMS")
        stations = self._stations_for(item)
        made = telling.xml_info(self._about, item if known else "ID", stations, streams=_deep(item))
        if len(made) > telling.LARGEST_INFO:
            known, made = False, telling.xml_info(self._about, "ID")
        if not known:
            self.oddities["refused-info"] += 1
        return telling.info_3(made, self._now_ns, error=not known)

    def _info_4(self, item: str, patterns: list[str]) -> bytes:
        try:
            if item == "CONNECTIONS":
                raise CommandError("UNAUTHORIZED", "who is connected is not told")
            if item not in ("ID", "FORMATS", "CAPABILITIES", "STATIONS", "STREAMS"):
                raise CommandError("ARGUMENTS", "ID, FORMATS, CAPABILITIES, STATIONS or STREAMS")
            if len(patterns) > 2:
                raise CommandError("ARGUMENTS", "at most a station and a stream pattern")
            station = station_pattern(patterns[:1], 4) if patterns else None
            stream = select(patterns[1], 4) if len(patterns) > 1 else Select("*")
            stations = self._stations_for(item, station, stream.pattern) if stream else []
            told = telling.json_info(self._about, item, stations, streams=_deep(item))
            made = telling.info_4(told)
            if len(made) > telling.LARGEST_INFO:
                raise CommandError("LIMIT", "too large an answer; add a station pattern")
        except CommandError as refusal:
            self.oddities["refused-info"] += 1
            return telling.info_4(telling.json_error(self._about, refusal.code, refusal.reason))
        return made

    def _stations_for(
        self, item: str, station: str | None = None, stream: str | None = None
    ) -> list[StationTold]:
        if item not in ("STATIONS", "STREAMS"):
            return []
        return list(self._catalogue(station, stream))


def _deep(item: str) -> bool:
    return item == "STREAMS"


_COMMANDS: dict[str, Callable[[Session, list[str]], bytes]] = {
    "HELLO": Session._hello,
    "SLPROTO": Session._proto,
    "USERAGENT": Session._agent,
    "CAPABILITIES": Session._capabilities,
    "ENABLE": Session._capabilities,
    "GETCAPABILITIES": Session._get_capabilities,
    "AUTH": Session._auth,
    "BATCH": Session._begin_batch,
    "CAT": Session._cat,
    "BYE": Session._bye,
    "STATION": Session._station,
    "SELECT": Session._select,
    "DATA": Session._data,
    "FETCH": Session._fetch,
    "TIME": Session._time,
    "END": Session._finish,
    "ENDFETCH": Session._finish_fetch,
    "INFO": Session._info,
}
