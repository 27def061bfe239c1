"""The live path: data packets become miniSEED records as they come, one at a time, undecoded.

C0 and C2 get another header, 16 and 32 are copied behind one; nothing heavy is loaded. A stream's
rate is what its EH or ET told, else what two packets in a row tell; until then its packets are
held, a few. Pure, bounded. Sources: as miniseed.py, tags.py and joins.py.
"""

from __future__ import annotations

import struct
from collections import Counter, deque
from collections.abc import Mapping
from typing import NamedTuple

from portbook.errors import PeerError, UsageError
from portbook.protocols.reftek import packets
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import FORMATS, STEIM_FROM, Packet
from portbook.protocols.seedlink.telling import head_4
from portbook.protocols.seedlink.wanting import KIND
from portbook.seismic import miniseed
from portbook.seismic.joins import Channel as Behind
from portbook.seismic.joins import between
from portbook.seismic.live_records import Channel, Record
from portbook.seismic.miniseed import SWAPPED, UNKNOWN, Name
from portbook.seismic.stations import Stations
from portbook.seismic.tags import STEIM, day_ns, time_ns, told_rate, unfit

MOST_HELD = 64  # packets of a stream without a rate
MOST_SOURCES = 32_768  # channels with their formats
MOST_LANES = 8_192
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KIND = KIND.encode()
# Time and number of samples, as they stand in a record from octet 20 on.
_WHEN = struct.Struct(">HHBBBxHH")
_MODULUS = 10_000
_WHOLE = b"\x10\x24"  # octets that a compressed packet says it has, always
_HIGHEST = 0x3F  # first octet of a Steim frame: its control word has no code of its own


class _Source(NamedTuple):
    """A channel in one format at one rate: what of its records is always the same."""

    channel: Channel
    rate_hz: float
    most: int  # samples that the format holds
    head: bytes  # of SeedLink 4 but its number
    tail: bytes
    names: bytes  # octets 6 to 19 of a record
    rest: bytes  # octets 32 to 63


class _Lane:
    """One stream of one recorder."""

    __slots__ = ("behind", "event", "held", "losses", "next", "rate_hz", "sources")

    def __init__(self, rate_hz: float | None) -> None:
        self.rate_hz = rate_hz
        self.held: deque[tuple[int, Packet, int]] = deque()
        self.sources: list[bytes] = []
        self.behind: dict[int, Behind] = {}
        self.event: int | None = None
        self.next: int | None = None
        self.losses = 0


class Feed:
    """Makes records of packets that come in their order.

    stations: the codes of channels; others get `default_name`; near_year: a packet's two digits
    are of the nearest century; rates: Hz by unit and stream (from 0), where they are known before
    any packet tells. `skipped` counts by name what became no record.
    """

    def __init__(
        self,
        stations: Stations | None,
        near_year: int,
        rates: Mapping[tuple[str, int], float] | None = None,
    ) -> None:
        self.skipped: Counter[str] = Counter()
        self.made = 0
        self._stations = stations
        self._near_year = near_year
        self._sources: dict[bytes, _Source] = {}
        self._lanes: dict[bytes, _Lane] = {}
        self._channels: dict[Name, Channel] = {}
        self._rates = dict(rates or {})
        self._days: dict[bytes, tuple[int, int] | None] = {}

    def add(self, sequence: int, octets: bytes) -> list[Record]:
        """Take a packet with its ring sequence; return the records that are now ready.

        What belongs into no record, or cannot be, gives none and is counted.
        """
        source = self._sources.get(octets[4:6] + octets[18:20] + octets[23:24])
        if source is None or octets[:2] != b"DT" or octets[22] or octets[12:14] != _WHOLE:
            return self._slowly(sequence, octets)
        digits = octets[2:22].hex()
        decimal = digits[:4].isdecimal() and digits[8:].isdecimal()
        samples = int(digits[36:]) if decimal else 0
        if not 0 < samples <= source.most or len(octets) != SIZE:
            return self._slowly(sequence, octets)
        day = self._days.get(octets[3:4] + octets[6:8]) or self._day(octets)
        hour, minute, second = int(digits[11:13]), int(digits[13:15]), int(digits[15:17])
        late = hour > 23 or minute > 59 or second > 60
        if not day or late or max(octets[STEIM_FROM::64]) > _HIGHEST:
            return self._slowly(sequence, octets)
        year, day_of_year = day
        when = _WHEN.pack(year, day_of_year, hour, minute, second, int(digits[17:20]) * 10, samples)
        self.made += 1
        packet = b"%b%b%b%06d%b%b%b%b" % (
            source.head,
            (sequence << 8).to_bytes(8, "little"),
            source.tail,
            sequence % 1_000_000,
            source.names,
            when,
            source.rest,
            octets[STEIM_FROM:],
        )
        return [Record(source.channel, packet, source.rate_hz, sequence)]

    def learn(self, octets: bytes) -> None:
        """Learn the rate that an EH or ET tells, or data packets in a row, and make no record.

        Before a ring is filled again after a restart, all of it goes through here first: then its
        records come out as they did, none of them held back.
        """
        if octets[:2] in (b"EH", b"ET"):
            self._headed(packets.read(octets))
        elif octets[:2] == b"DT":
            packet = packets.read(octets)
            lane = self._lane(packet) if packet and not unfit(packet) else None
            if packet and lane and lane.rate_hz is None:
                self._derive(lane, packet)

    def rename(self, stations: Stations | None) -> None:
        """Use another map of stations from now on."""
        self._stations = stations
        self._sources.clear()
        for lane in self._lanes.values():
            lane.sources.clear()

    def _day(self, octets: bytes) -> tuple[int, int] | None:
        key = octets[3:4] + octets[6:8]
        digits = key.hex()
        year = packets.century(int(digits[:2]), self._near_year) if digits.isdecimal() else 0
        fits = year and day_ns(year % 100, year, digits[2:5]) is not None
        if not fits:
            return None
        if len(self._days) >= 4096:
            self._days.clear()
        found = self._days[key] = (year, int(digits[2:5]))
        return found

    def _slowly(self, sequence: int, octets: bytes) -> list[Record]:
        packet = packets.read(octets)
        wrong = ("no-packet", "") if packet is None else unfit(packet)
        if packet is None or wrong:
            self.skipped[wrong[0] if wrong else "no-packet"] += 1
            return []
        if packet.type in ("EH", "ET"):
            return self._headed(packet, sequence)
        if packet.type != "DT" or not packet.samples:
            return []
        lane = self._lane(packet)
        when = time_ns(packet, self._near_year)
        if lane is None or when is None:
            self.skipped["too-many-streams" if lane is None else "impossible-day"] += 1
            return []
        if packet.format in STEIM and max(octets[STEIM_FROM::64]) > _HIGHEST:
            self.skipped["corrupt-frames"] += 1
            return []
        if lane.rate_hz is None:
            self._derive(lane, packet)
        lane.held.append((sequence, packet, when))
        if lane.rate_hz is None:
            if len(lane.held) > MOST_HELD:
                lane.held.popleft()
                self.skipped["rate-unknown"] += 1
            return []
        return self._release(lane, sequence)

    def know(self, rates: Mapping[tuple[str, int], float]) -> None:
        """Go by other rates that the user tells, where a stream has told none itself."""
        before, self._rates = self._rates, dict(rates)
        for (unit, stream), rate_hz in self._rates.items():
            old = before.get((unit, stream))
            octet = bytes((stream // 10 << 4 | stream % 10,))
            lane = self._lanes.get(bytes.fromhex(unit) + octet)
            if lane is not None and rate_hz != old and lane.rate_hz in (None, old):
                self._forget(lane)
                lane.rate_hz = rate_hz
                lane.behind.clear()

    def _lane(self, packet: Packet) -> _Lane | None:
        key = packet.octets[4:6] + packet.octets[18:19]
        lane = self._lanes.get(key)
        if lane is None and len(self._lanes) < MOST_LANES:
            rate_hz = self._rates.get((packet.unit, packet.stream or 0))
            lane = self._lanes[key] = _Lane(rate_hz)
        return lane

    def _headed(self, packet: Packet | None, sequence: int | None = None) -> list[Record]:
        rate_hz = told_rate(packet) if packet else None
        lane = self._lane(packet) if packet and not unfit(packet) else None
        if lane is None or rate_hz is None:
            return []
        if rate_hz != lane.rate_hz:
            self._forget(lane)
            lane.rate_hz = rate_hz
            lane.behind.clear()
        return self._release(lane, sequence) if sequence is not None else []

    def _forget(self, lane: _Lane) -> None:
        for key in lane.sources:
            self._sources.pop(key, None)
        lane.sources.clear()

    def _derive(self, lane: _Lane, packet: Packet) -> None:
        """Learn a rate from two packets of a channel in a row, nothing missing between."""
        if (packet.event, packet.sequence) != (lane.event, lane.next):
            lane.losses += 1
        lane.event, lane.next = packet.event, (packet.sequence + 1) % _MODULUS
        when, channel = time_ns(packet, self._near_year), packet.channel
        if when is None or channel is None:
            return
        lane.rate_hz = between(lane.behind.get(channel), packet, when, lane.losses)
        lane.behind[channel] = Behind.of(packet, when, None, packet.event, lane.losses)
        if lane.rate_hz is not None:
            lane.behind.clear()

    def _release(self, lane: _Lane, sequence: int) -> list[Record]:
        """Make records of what was held: all take their numbers from the packet that came last."""
        made: list[Record] = []
        while lane.held and lane.rate_hz is not None:
            at, packet, when = lane.held.popleft()
            for half, (channel, octets) in enumerate(self._made(lane, packet, when, at)):
                number = (sequence << 8 | min(len(made), 255)).to_bytes(8, "little")
                head = head_4(_KIND, len(octets), 0, channel.octets)
                whole = head[:8] + number + head[16:] + octets
                second, early = half > 0, at != sequence
                part = len(made)
                made.append(Record(channel, whole, lane.rate_hz, sequence, part, second, early))
        self.made += len(made)
        return made

    def _made(
        self, lane: _Lane, packet: Packet, when: int, number: int
    ) -> list[tuple[Channel, bytes]]:
        rate_hz = lane.rate_hz or 0.0
        channel = self._channel(packet)
        if channel is None:
            return []
        try:
            found = miniseed.records(packet, channel.name, rate_hz, when, number=number)
            self._remember(lane, packet, channel, rate_hz)
        except (UsageError, PeerError):  # a rate that fits no header, samples that cannot be
            self.skipped["no-record"] += 1
            return []
        return [(channel, octets) for octets in found]

    def _channel(self, packet: Packet) -> Channel | None:
        unit, stream, channel = packet.unit, packet.stream or 0, packet.channel or 0
        name = self._stations.name(unit, stream, channel) if self._stations else None
        name = name or default_name(unit, stream, channel)
        found = self._channels.get(name)
        if found is None and len(self._channels) < MOST_SOURCES:
            found = self._channels[name] = Channel(name)
        if found is None:
            self.skipped["too-many-channels"] += 1
        return found

    def _remember(self, lane: _Lane, packet: Packet, channel: Channel, rate_hz: float) -> None:
        coding = str(packet.format)
        if coding not in SWAPPED or len(self._sources) >= MOST_SOURCES:
            return
        octets = packet.octets
        key = octets[4:6] + octets[18:20] + octets[23:24]
        head = head_4(_KIND, miniseed.RECORD, 0, channel.octets)
        record = miniseed.template(channel.name, rate_hz, SWAPPED[coding], UNKNOWN)
        most = FORMATS[coding][0]
        self._sources[key] = _Source(
            channel, rate_hz, most, head[:8], head[16:], record[6:20], record[32:]
        )
        lane.sources.append(key)


def default_name(unit: str, stream: int, channel: int) -> Name:
    """Return the codes of a channel that the station map does not know; counted from 0.

    Network XX, the unit id as station, and U with stream and channel as the user counts them:
    `U12` is channel 2 of stream 1. Streams above 35 go on in the next location.
    """
    page, digit = divmod(stream + 1, len(_DIGITS))
    return Name("XX", unit, f"{page:02}", f"U{_DIGITS[digit]}{_DIGITS[(channel + 1) % 36]}")
