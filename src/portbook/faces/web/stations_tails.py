"""The last packets of a unit, read from the disk of the receiver, which is not disturbed by it.

The raw archive has them about a second after they came; where there is none, the spool. Files that
are being written are read as they are: packets are whole or not there. How much is read is bounded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from portbook.daemons.archival.archiving import SMALL_RAW, SPOOL
from portbook.protocols.reftek import packets
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.names import DAY_NS, Span, day_ns, read_name
from portbook.seismic.raw_file import STATE_OF_HEALTH
from portbook.seismic.spool import Follower
from portbook.seismic.spool_files import segments
from portbook.seismic.spool_records import RECORD
from portbook.seismic.tags import time_ns, told_rate

if TYPE_CHECKING:
    from portbook.daemons.configuration.settings import Settings

MOST_PACKETS = 8192  # of a unit at a time
SPOOLED = 16_384  # packets of all units that are looked through
BLOCK = 128
AHEAD_NS = 2 * DAY_NS  # a recorder's clock may be so far ahead; beyond it is wrong
_DAYS = 40  # folders of days that are looked at, for a unit that fell silent
_DAYS_OF_UNIT = 2
_FILES = 64  # of a stream on those days, the newest ones
_PLACES = 17
_UNIT = re.compile(r"[0-9A-F]{4}\Z")
_EVENTFUL = ("DT", "EH", "ET")


class Tail(NamedTuple):
    """Packets of a unit, each stream's in the order of its file.

    rates: Hz by stream, counted from 0, as headers tell them; source: "archive", "spool"; cut:
    there were more than are read at a time
    """

    packets: list[Packet]
    rates: dict[int, float]
    source: str | None
    cut: bool = False


def data(settings: Settings, unit: str, span_ns: int, now_ns: int) -> Tail:
    """Return the packets of events that hold a unit's last time of that length."""
    if not _UNIT.match(unit):
        return Tail([], {}, None)
    found = _archived(_root(settings), unit, span_ns, now_ns)
    return found if found.packets else _spooled(settings, unit, _EVENTFUL)


def health(settings: Settings, unit: str, since_ns: int, now_ns: int) -> Tail:
    """Return a unit's packets of state of health since a time, in the order of their files."""
    if not _UNIT.match(unit):
        return Tail([], {}, None)
    reading = _Reading(MOST_PACKETS)
    files = _files(_root(settings), unit, now_ns).get(STATE_OF_HEALTH, [])
    for span, path in reversed(files):
        if span.first_ns >= since_ns - DAY_NS and reading.backwards(path, None):
            break
    if reading.read:
        told = [one for one in reading.ordered() if one.type == "SH"]
        return Tail(told, {}, "archive", reading.cut)
    return _spooled(settings, unit, ("SH",))


class _Reading:
    """Reads files from their ends, the newest first, until it has enough; most: packets."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.read: list[list[Packet]] = []  # blocks, the newest first
        self.count = 0
        self.cut = False

    def backwards(self, path: Path, enough: _Enough | None) -> bool:
        """Read a file from its end; tell whether that was enough."""
        try:
            with path.open("rb", buffering=0) as file:
                end = os.fstat(file.fileno()).st_size // SIZE
                while end > 0:
                    if self.count >= self._most:
                        self.cut = True
                        return True
                    begin = max(0, end - BLOCK)
                    octets = os.pread(file.fileno(), (end - begin) * SIZE, begin * SIZE)
                    block = list(_read(octets))
                    self.read.append(block)
                    self.count += len(block)
                    if enough and enough.after(block):
                        return True
                    end = begin
        except OSError:  # deleted since it was listed, or renamed: its next name is read next time
            return False
        return False

    def ordered(self) -> list[Packet]:
        """Return the packets, the oldest first."""
        return [packet for block in reversed(self.read) for packet in block]


class _Enough:
    """Tells when a stream's packets reach back far enough, for each of its channels."""

    def __init__(self, span_ns: int, near_year: int) -> None:
        self._since_ns: int | None = None  # counted back from the newest packet
        self._span_ns, self._year = span_ns, near_year
        self._channels: set[int | None] = set()
        self._before: set[int | None] = set()

    def after(self, block: Sequence[Packet]) -> bool:
        """Take a block of packets; True: nothing before it is needed."""
        told = [(time_ns(one, self._year), one.channel) for one in block if one.type == "DT"]
        times = [at for at, _ in told if at is not None]
        if self._since_ns is None and times:
            self._since_ns = max(times) - self._span_ns
        since = self._since_ns
        for at, channel in told:
            self._channels.add(channel)
            if at is not None and since is not None and at < since:
                self._before.add(channel)
        return bool(self._channels) and self._channels == self._before


def _archived(root: Path, unit: str, span_ns: int, now_ns: int) -> Tail:
    every: list[Packet] = []
    rates: dict[int, float] = {}
    cut = False
    for place, files in _files(root, unit, now_ns).items():
        if place == STATE_OF_HEALTH:
            continue
        reading = _Reading(MOST_PACKETS - len(every))
        enough = _Enough(span_ns, _year(now_ns))
        for _, path in reversed(files):
            head = _first(path)
            rate = told_rate(head) if head and head.type in ("EH", "ET") else None
            if rate:
                rates.setdefault(place - 1, rate)
            if reading.backwards(path, enough):
                break
        every += reading.ordered()
        cut = cut or reading.cut
    for packet in every:
        if packet.type in ("EH", "ET") and packet.stream is not None:
            rates[packet.stream] = told_rate(packet) or rates.get(packet.stream, 0.0)
    told = {stream: rate for stream, rate in rates.items() if rate}
    return Tail(every, told, "archive" if every else None, cut)


def _spooled(settings: Settings, unit: str, types: Sequence[str]) -> Tail:
    """Return what the spool has of a unit, among the last packets of all."""
    folder = Path(settings.folder) / SPOOL
    try:
        parts = segments(folder)
        end = parts[-1].first + parts[-1].path.stat().st_size // RECORD if parts else 0
        follower = Follower(folder, max(parts[0].first if parts else 0, end - SPOOLED))
        try:
            entries = follower.take(SPOOLED)
        finally:
            follower.close()
    except OSError:
        return Tail([], {}, None)
    key = bytes.fromhex(unit)
    mine = dict.fromkeys(  # a packet that came by two ways is one
        one.arrival.octets for one in entries if one.arrival.octets[4:6] == key
    )
    found = [one for octets in mine if (one := packets.read(octets)) and one.type in types]
    rates = {
        one.stream: rate
        for one in found
        if one.stream is not None and one.type in ("EH", "ET") and (rate := told_rate(one))
    }
    return Tail(found[-MOST_PACKETS:], rates, "spool" if found else None)


def _root(settings: Settings) -> Path:
    """Return the raw archive: where none is wanted, a receiver keeps a small one of its own."""
    return Path(settings.archive.raw or Path(settings.folder) / SMALL_RAW)


def _files(root: Path, unit: str, now_ns: int) -> dict[int, list[tuple[Span, Path]]]:
    """Return the newest files of a unit by place, by time; what cannot be read is left out."""
    found: dict[int, list[tuple[Span, Path]]] = {}
    days = 0
    for day in _days(root, now_ns):
        places = _names(root / day / unit)
        days += bool(places)
        for name in places[:_PLACES]:
            if not name.isdecimal() or len(name) > 3:
                continue
            spans = (
                read_name(day, f"{unit}/{name}", one) for one in _names(root / day / unit / name)
            )
            every = sorted(span for span in spans if span)[-_FILES:]
            found[int(name)] = [(one, root / one.path) for one in every] + found.get(int(name), [])
        if days >= _DAYS_OF_UNIT:
            break
    return found


def _days(root: Path, now_ns: int) -> list[str]:
    """Return the folders of days that can be, the newest first."""
    days = [(at, name) for name in _names(root) if (at := day_ns(name)) is not None]
    possible = [one for one in days if one[0] <= now_ns + AHEAD_NS] or days
    return [name for _, name in sorted(possible, reverse=True)[:_DAYS]]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _first(path: Path) -> Packet | None:
    try:
        with path.open("rb", buffering=0) as file:
            return packets.read(file.read(SIZE))
    except OSError:
        return None


def _read(octets: bytes) -> Iterator[Packet]:
    for at in range(0, len(octets) - SIZE + 1, SIZE):
        packet = packets.read(octets, at)
        if packet is not None:
            yield packet


def _year(now_ns: int) -> int:
    return 1970 + now_ns // (DAY_NS * 365 + DAY_NS // 4)
