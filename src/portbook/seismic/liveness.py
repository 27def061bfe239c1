"""How every instrument does: its last packet, its state of health, its clock, what is missing.

Pure; time is an argument, and Unix nanoseconds. `heard` is called for each packet and keeps the
head of the last one of each stream; what costs more waits for `look`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from portbook.protocols.reftek.layouts import EH
from portbook.protocols.reftek.packets import read
from portbook.records import NOTHING
from portbook.seismic.clocks import Clock, of_header, of_line
from portbook.seismic.health import HealthText
from portbook.seismic.instruments import Instrument, NamedHole, StreamState, Verdict
from portbook.seismic.positions import Position
from portbook.seismic.positions import of_header as position_of_header
from portbook.seismic.positions import of_line as position_of_line
from portbook.seismic.relays import Relay
from portbook.seismic.tags import NANO, day_ns, of_day_ns

MOST_UNITS, MOST_STREAMS, MOST_ADDRESSES = 4096, 16, 4
HEAD = 24  # octets of a packet that are kept: its header, and of data what they are
TIMES = 4  # expected intervals that a stream may be silent for
FORGET_NS = 7 * 86400 * NANO  # a unit that nobody expects is forgotten after so long without a word
LONGEST_NS = 6 * 3600 * NANO  # of an interval that is believed; AUX packets last 5000 s
MOST_HOLES = 8  # of a unit that are kept with their sequences
_LETTERS = 200  # of a state-of-health line that are kept
_FALLS = 16  # a shorter interval is believed by this part
_RUN, _OF_RUN = 32, 4  # after the first 32, 4 of 32 packets of a channel are timed
_DATA, _HEADER, _TRAILER, _HEALTH = b"DT", b"EH", b"ET", b"SH"


class Liveness:
    """What is known of each unit that was heard, or is expected.

    silence_s: without a packet an instrument is silent; stopped_s: without data its data have
    stopped, though its link is up. Both stretch to four times what its streams let expect.
    limits_s: silence_s of single units, which are expected from the beginning. started_ns: since
    when anybody could be heard; nobody is blamed for the time before
    """

    def __init__(
        self,
        near_year: int,
        *,
        silence_s: float = 600.0,
        stopped_s: float = 720.0,
        limits_s: Mapping[str, float] | None = None,
        started_ns: int = 0,
    ) -> None:
        self._near_year, self._started_ns = near_year, started_ns
        self._units: dict[bytes, _Unit] = {}
        self._text = HealthText(near_year)
        self.left_out = 0  # packets of units that found no room
        self.holes = self.missing = self.clock_steps = 0  # of all units, forgotten ones too
        self.limit(silence_s, stopped_s, limits_s or {})

    def limit(self, silence_s: float, stopped_s: float, limits_s: Mapping[str, float]) -> None:
        """Take other limits, as a reload brings them; 0 for a unit: as for all."""
        self._silence_ns, self._stopped_ns = int(silence_s * NANO), int(stopped_s * NANO)
        self._limits_ns = {unit: int(limit * NANO) for unit, limit in limits_s.items()}

    def heard(self, octets: bytes, address: str, now_ns: int) -> None:
        """Take note of a packet; octets: 1024 with a right header."""
        unit = self._units.get(octets[4:6]) or self._begin(octets[4:6], now_ns)
        if unit is None:
            self.left_out += 1
            return
        unit.packets += 1
        unit.arrived_ns = now_ns
        if address != unit.address:
            unit.at(address)
        kind = octets[:2]
        if kind == _DATA:
            unit.data_ns = now_ns
            stream = unit.streams.get(octets[18]) or unit.stream(octets[18])
            if stream is not None:
                stream.packets += 1
                stream.arrived_ns = now_ns
                stream.head = octets[:HEAD]
                stream.ended = False
                if octets[19] == stream.channel or stream.channel < 0:
                    stream.channel = octets[19]
                    stream.learn(self._near_year)
        else:
            self._rare(unit, kind, octets, now_ns)

    def recall(self, octets: bytes, address: str, then_ns: int) -> None:
        """Take note of a packet of before a restart, so that who fell silent meanwhile is missed.

        It is not counted. In the order of their arrival, before anything is heard.
        """
        self.heard(octets, address, then_ns)
        unit = self._units.get(octets[4:6])
        if unit is not None:
            unit.packets = 0
            for stream in unit.streams.values():
                stream.packets = 0

    def link(self, unit: int, address: str, now_ns: int) -> None:
        """Take note of a sign of life that is no packet: a PING or another frame of its link."""
        found = self._named(f"{unit & 0xFFFF:04X}", now_ns)
        if found is not None:
            found.link_ns = now_ns
            if address != found.address:
                found.at(address)

    def hole(
        self, unit: str, stream: int, packets: int, now_ns: int, named: NamedHole | None = None
    ) -> None:
        """Take note of a hole that the archiver named; stream counts from 1, as in its record."""
        self.holes += 1
        self.missing += packets
        found = self._named(unit, now_ns)
        if found is None:
            return
        found.holes += 1
        found.missing += packets
        found.hole_ns = now_ns
        if named is not None:
            found.last_holes = (*found.last_holes, named)[-MOST_HOLES:]
        wire = stream - 1
        lane = found.stream(wire // 10 << 4 | wire % 10) if 0 <= wire < 100 else None
        if lane is not None:
            lane.missing += packets

    def stepped(self, unit: str, off_s: float | None, now_ns: int) -> int:
        """Take note of a clock step that the archiver named; return how many the unit has so far.

        off_s: by how much the time tags are off what was due
        """
        self.clock_steps += 1
        found = self._named(unit, now_ns)
        if found is None:
            return self.clock_steps
        found.steps += 1
        found.step_ns, found.step_s = now_ns, off_s
        return found.steps

    def look(
        self,
        now_ns: int,
        connected: Collection[str] = (),
        relays: Mapping[str, Relay] = NOTHING,
    ) -> list[Instrument]:
        """Return how every unit does, by id; also those expected that were never heard.

        connected: addresses of the upstreams whose connection is up; relays: upstreams that are
        away, or were, by their address
        """
        for key in [key for key, unit in self._units.items() if self._gone(unit, now_ns)]:
            del self._units[key]
        found = {
            unit.id: self._judge(unit, now_ns, connected, relays.get(unit.address))
            for unit in self._units.values()
        }
        for name in self._limits_ns.keys() - found.keys():
            found[name] = Instrument(name, Verdict.NEVER, "never heard")
        return [found[name] for name in sorted(found)]

    @property
    def units(self) -> int:
        """Return how many units are known."""
        return len(self._units)

    def _begin(self, key: bytes, now_ns: int) -> _Unit | None:
        if len(self._units) >= MOST_UNITS or len(key) != 2:
            return None
        unit = self._units[key] = _Unit(key.hex().upper(), now_ns)
        return unit

    def _named(self, unit: str, now_ns: int) -> _Unit | None:
        key = bytes.fromhex(unit)
        return self._units.get(key) or self._begin(key, now_ns)

    def _rare(self, unit: _Unit, kind: bytes, octets: bytes, now_ns: int) -> None:
        if kind == _HEALTH:
            packet = read(octets)
            for line in self._text.take(packet) if packet else ():
                unit.health_ns, unit.health = now_ns, line.text[:_LETTERS]
                unit.clock = of_line(line.text, now_ns, line.at_ns, unit.clock)
                unit.position = position_of_line(line.text) or unit.position
        elif kind in (_HEADER, _TRAILER):
            unit.data_ns = now_ns
            stream = unit.stream(octets[18])
            if stream is not None:
                stream.packets += 1
                stream.arrived_ns = now_ns
                stream.head = octets[:HEAD]
                stream.ended = kind == _TRAILER
            told = head_ns(octets[:HEAD], self._near_year)
            unit.clock = of_header(octets, now_ns, told, unit.clock)
            unit.position = position_of_header(EH.get(octets, "position")) or unit.position

    def _gone(self, unit: _Unit, now_ns: int) -> bool:
        last = max(unit.arrived_ns, unit.link_ns, unit.first_ns)
        return now_ns - last > FORGET_NS and unit.id not in self._limits_ns

    def _judge(
        self, unit: _Unit, now_ns: int, connected: Collection[str], relay: Relay | None
    ) -> Instrument:
        """Return what is to be said of a unit; it is not blamed for the time its relay was away."""
        silence = self._limits_ns.get(unit.id) or self._silence_ns
        since_ns = max(unit.first_ns, self._started_ns)
        verdict, said = self._verdict(unit, now_ns, since_ns, connected)
        if relay is not None:
            since_ns = max(since_ns, now_ns if relay.back_ns is None else relay.back_ns)
            excused = self._verdict(unit, now_ns, since_ns, connected)[0] is Verdict.UP
            if verdict is not Verdict.UP and excused:
                when = "is" if relay.back_ns is None else "was"
                verdict, said = Verdict.AWAY, f"upstream {relay.name} {when} away; {said}"
        late = [one.late(now_ns, since_ns, silence) for one in unit.streams.values()]
        return unit.told(verdict, said, late, self._near_year)

    def _verdict(
        self, unit: _Unit, now_ns: int, since_ns: int, connected: Collection[str]
    ) -> tuple[Verdict, str]:
        """Return how a unit does, and in words; since_ns: since when it could be heard."""
        due = [one.interval_ns for one in unit.streams.values() if one.interval_ns]
        quickest = TIMES * min(due, default=0)
        silence = self._limits_ns.get(unit.id) or self._silence_ns
        signs = max(unit.arrived_ns, unit.link_ns)
        quiet, without = now_ns - max(signs, since_ns), now_ns - max(unit.data_ns, since_ns)
        waits = not unit.streams or not all(one.ended for one in unit.streams.values())
        joined = unit.address in connected and waits
        if quiet > max(silence, quickest) and not joined:
            lasted = _lasting(now_ns - (signs or since_ns))
            return Verdict.SILENT, f"silent for {lasted}"
        if without > max(self._stopped_ns, quickest) and waits:
            lasted = _lasting(now_ns - (unit.data_ns or since_ns))
            return Verdict.STOPPED, f"link up, data stopped for {lasted}"
        return Verdict.UP, "up"


class _Stream:
    """A stream of a unit: the head of its last packet, and how long one of a channel lasts."""

    __slots__ = (
        "arrived_ns",
        "before_ns",
        "channel",
        "ended",
        "head",
        "interval_ns",
        "longer_ns",
        "missing",
        "packets",
        "timed",
    )

    def __init__(self) -> None:
        self.packets = self.arrived_ns = self.missing = self.timed = 0
        self.head = b""
        self.ended = False  # its event has: nothing is due until the next one begins
        self.channel = -1  # whose packets are timed: the first that comes
        self.before_ns: int | None = None
        self.interval_ns = 0
        self.longer_ns = 0

    def learn(self, near_year: int) -> None:
        """Take the time from one packet of a channel to its next one as what is to be expected.

        A longer time counts when it comes twice: once may be an outage, or a clock that was set.
        """
        self.timed += 1
        if self.timed > _RUN and self.timed % _RUN >= _OF_RUN:  # reading times is what costs
            self.before_ns = None
            return
        told = head_ns(self.head, near_year)
        if told is None:
            return
        before, self.before_ns = self.before_ns, told
        if before is None or not 0 < told - before <= LONGEST_NS:
            return
        lasted = told - before
        if lasted <= self.interval_ns:
            self.interval_ns -= (self.interval_ns - lasted) // _FALLS
            self.longer_ns = 0
        elif not self.interval_ns:
            self.interval_ns = lasted
        elif self.longer_ns:
            self.interval_ns = max(self.interval_ns, min(lasted, self.longer_ns))
            self.longer_ns = lasted
        else:
            self.longer_ns = lasted

    def late(self, now_ns: int, started_ns: int, silence_ns: int) -> bool:
        """Tell whether it is silent for longer than it may be, by what it let expect."""
        if self.ended or not self.interval_ns:
            return False
        quiet_ns = now_ns - max(self.arrived_ns, started_ns)
        return quiet_ns > max(silence_ns, TIMES * self.interval_ns)


class _Unit:
    """What is kept of a unit between looks."""

    __slots__ = (
        "address",
        "addresses",
        "arrived_ns",
        "clock",
        "data_ns",
        "first_ns",
        "health",
        "health_ns",
        "hole_ns",
        "holes",
        "id",
        "last_holes",
        "link_ns",
        "missing",
        "packets",
        "position",
        "shown",
        "state",
        "step_ns",
        "step_s",
        "steps",
        "streams",
    )

    def __init__(self, name: str, now_ns: int) -> None:
        self.id, self.first_ns = name, now_ns
        self.packets = self.arrived_ns = self.data_ns = self.link_ns = 0
        self.holes = self.missing = self.hole_ns = self.health_ns = 0
        self.steps = self.step_ns = 0
        self.step_s: float | None = None
        self.health = ""
        self.clock = Clock()
        self.position: Position | None = None
        self.last_holes: tuple[NamedHole, ...] = ()
        self.address = ""
        self.addresses: dict[str, None] = {}
        self.streams: dict[int, _Stream] = {}
        self.shown: Instrument | None = None
        self.state: object = None

    def at(self, address: str) -> None:
        """Take note of where it is now; the last few addresses are kept, the newest last."""
        self.address = address
        self.addresses.pop(address, None)
        if len(self.addresses) >= MOST_ADDRESSES:
            del self.addresses[next(iter(self.addresses))]
        self.addresses[address] = None

    def stream(self, octet: int) -> _Stream | None:
        """Return a stream by its octet, new if need be; None for one that is none, or too many."""
        found = self.streams.get(octet)
        if found is None and octet & 15 < 10 and octet < 0xA0:
            if len(self.streams) >= MOST_STREAMS:
                return None
            found = self.streams[octet] = _Stream()
        return found

    def told(self, verdict: Verdict, said: str, late: list[bool], near_year: int) -> Instrument:
        """Return it as a record; the one of before, when nothing has changed."""
        state = (self.packets, self.link_ns, self.holes, self.steps, said, late)
        if self.shown is None or self.state != state:
            self.shown, self.state = self._record(verdict, said, late, near_year), state
        return self.shown

    def _record(self, verdict: Verdict, said: str, late: list[bool], near_year: int) -> Instrument:
        streams = tuple(
            StreamState(
                (octet >> 4) * 10 + (octet & 15) + 1,
                one.packets,
                one.arrived_ns or None,
                head_ns(one.head, near_year),
                one.interval_ns / NANO or None,
                one.ended,
                one.missing,
                is_late,
            )
            for (octet, one), is_late in zip(self.streams.items(), late, strict=True)
        )
        times = [one.data_ns for one in streams if one.data_ns is not None]
        due = [one.interval_s for one in streams if one.interval_s]
        return Instrument(
            unit=self.id,
            verdict=verdict,
            said=said,
            packets=self.packets,
            first_ns=self.first_ns,
            arrived_ns=self.arrived_ns or None,
            data_arrived_ns=self.data_ns or None,
            data_ns=max(times, default=None),
            link_ns=self.link_ns or None,
            address=self.address or None,
            addresses=tuple(self.addresses),
            health_at_ns=self.health_ns or None,
            health=self.health or None,
            clock=self.clock.state,
            quality=self.clock.quality,
            phase_error_us=self.clock.phase_error_us,
            clock_since_ns=self.clock.since_ns,
            holes=self.holes,
            missing=self.missing,
            hole_ns=self.hole_ns or None,
            clock_steps=self.steps,
            clock_step_ns=self.step_ns or None,
            clock_step_s=self.step_s,
            interval_s=min(due, default=None),
            streams=tuple(sorted(streams, key=lambda one: one.stream)),
            last_holes=self.last_holes,
            **(self.position._asdict() if self.position else {}),
        )


def head_ns(head: bytes, near_year: int) -> int | None:
    """Return the time tag of a packet's head, Unix nanoseconds; None for one that cannot be."""
    digits = head[3:4].hex() + head[6:12].hex()
    if len(digits) != 14 or not digits.isdecimal():
        return None
    day = day_ns(int(digits[:2]), near_year, digits[2:5])
    return None if day is None else day + of_day_ns(digits[5:])


def longest_interval_s(instruments: Iterable[Instrument]) -> float:
    """Return the longest time between packets that the units which are up let expect; 0: none."""
    return max(
        (one.interval_s or 0.0 for one in instruments if one.verdict is Verdict.UP), default=0.0
    )


def _lasting(span_ns: int) -> str:
    minutes = span_ns // (60 * NANO)
    if minutes < 2:
        return f"{span_ns // NANO} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
