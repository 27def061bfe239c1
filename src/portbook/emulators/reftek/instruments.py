"""A recorder: which packets it makes, and when, while time goes by.

It powers up (state of health, parameters), then sends each stream's events: header, data of each
channel when a packet is full, trailer, the next event. Pure, endless and the same for the same
plan: elapsed nanoseconds stand in for time. Source: portbook's docs on REF TEK; how often it tells
of its health, and which sequence parameter packets have, is not public.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from typing import NamedTuple

from portbook.emulators.reftek import waves, writer
from portbook.emulators.reftek.clocks import Clock
from portbook.emulators.reftek.dates import NANO
from portbook.emulators.reftek.filler import Filler
from portbook.emulators.reftek.waves import Body, Wave

HEALTH_NS, BATTERY_NS = 300 * NANO, 3600 * NANO
SHAPES = 8  # different noises, for all recorders together
CODES = "ZNE123456789"
AUXILIARY = 8  # wire number of the stream of voltages and temperatures


class Stream(NamedTuple):
    """One stream; number: on the wire; record_s: length of its events."""

    number: int = 0
    rate_hz: float = 100
    coding: str = "C0"
    channels: int = 3
    record_s: int = 3600

    @property
    def rate(self) -> str:
        """Return the rate as packets tell it."""
        return f"{self.rate_hz:g}"


VOLTAGES = Stream(AUXILIARY, 0.1, "16", 3, 86_400)


class Plan(NamedTuple):
    """What a recorder is and does.

    shaking: elapsed time from and until which the ground shakes; restarts: the first difference of
    an event steps from 0, as C0 of real recorders does; else from the last event, as newer C2;
    None: as real ones do; clean: no old memory in the filler
    """

    unit: int
    clock: Clock
    streams: tuple[Stream, ...] = (Stream(),)
    seed: int = 0
    first_event: int = 1
    shaking: tuple[tuple[int, int], ...] = ()
    restarts: bool | None = None
    clean: bool = False
    station: str = "PB01"


class Made(NamedTuple):
    """A packet, and the elapsed time at which it is full and may be sent."""

    due_ns: int
    octets: bytes


def packets(plan: Plan) -> Iterator[Made]:
    """Make the packets of a recorder, in the order in which they are due; they never end."""
    return _Recorder(plan).run()


class _Lane:
    """One channel of a stream: where in the event, where in its wave, and its last sample."""

    __slots__ = ("body", "channel", "done", "last", "number", "octets", "wave")

    def __init__(self, channel: int) -> None:
        self.channel = channel
        self.done = 0
        self.last = 0
        self.wave: Wave | None = None
        self.number = 0
        self.body = Body(b"", ())
        self.octets = b""


class _Track:
    """One stream: its event, and the next sequence in it."""

    def __init__(self, stream: Stream, event: int) -> None:
        self.stream = stream
        self.event = event
        self.sequence = 0
        self.begun_ns = 0
        self.total = max(1, int(stream.record_s * stream.rate_hz))
        self.lanes = [_Lane(channel) for channel in range(stream.channels)]

    def after(self, samples: int) -> int:
        """Return when so many samples of the event have been taken."""
        return self.begun_ns + round(samples * NANO / self.stream.rate_hz)


class _Recorder:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clock = plan.clock
        self.tracks = [_Track(stream, plan.first_event) for stream in plan.streams]
        self.others = 0  # sequence of packets outside of events
        # due, order among those due together, track, lane; a health report has no track
        self.queue: list[tuple[int, int, int, int]] = []
        made = random.Random(f"{plan.seed} {plan.unit}")
        self.shape = made.randrange(SHAPES)
        self.filler = None if plan.clean else Filler(made.getrandbits(32))
        restarts = plan.restarts
        self.restarts = {
            stream.coding: stream.coding != "C2" if restarts is None else restarts
            for stream in plan.streams
        }

    def run(self) -> Iterator[Made]:
        for octets in self._power_up():
            yield Made(0, octets)
        for number, track in enumerate(self.tracks):
            yield Made(0, self._begin(number, track))
        heapq.heappush(self.queue, (HEALTH_NS, 99, -1, 0))
        for at_ns, _ in self.clock.sayings(1 << 62):
            if at_ns:
                heapq.heappush(self.queue, (at_ns, 98, -1, 1))
        while True:
            due_ns, _, number, lane = heapq.heappop(self.queue)
            if number < 0:
                found = self._healthy(due_ns, routine=not lane)
            else:
                found = self._filled(number, self.tracks[number], lane)
            for octets in found:
                yield Made(due_ns, octets)

    def _filled(self, number: int, track: _Track, channel: int) -> list[bytes]:
        lane = track.lanes[channel]
        found = [self._data(track, lane)]
        lane.done += len(lane.body.values)
        lane.last = lane.body.values[-1]
        if lane.done < track.total:
            self._fill(number, track, lane)
        elif all(one.done == track.total for one in track.lanes):
            found.append(self._edge("ET", track))
            track.begun_ns = track.after(track.total)
            track.event = (track.event + 1) % writer.MODULUS
            found.append(self._begin(number, track))
        return found

    def _begin(self, number: int, track: _Track) -> bytes:
        track.sequence = 0
        for lane in track.lanes:
            lane.done = 0
            lane.wave = None
            if self.restarts[track.stream.coding]:
                lane.last = 0
            self._fill(number, track, lane)
        return self._edge("EH", track)

    def _fill(self, number: int, track: _Track, lane: _Lane) -> None:
        """Choose the next body of a channel and note when it will be full."""
        coding = track.stream.coding
        wave = self._wave(track, lane)
        lane.number = 0 if wave is not lane.wave else (lane.number + 1) % len(wave.bodies)
        lane.wave = wave
        lane.body = wave.bodies[lane.number]
        left = track.total - lane.done
        if len(lane.body.values) > left:
            lane.body = waves.cut(wave, lane.number, left)
        first = not lane.number
        lane.octets = waves.chained(lane.body, lane.last, coding) if first else lane.body.octets
        due_ns = track.after(lane.done + len(lane.body.values))
        heapq.heappush(self.queue, (due_ns, number, number, lane.channel))

    def _wave(self, track: _Track, lane: _Lane) -> Wave:
        at_ns = track.after(lane.done)
        shakes = any(begin <= at_ns < end for begin, end in self.plan.shaking)
        seed = (self.shape + lane.channel) % SHAPES
        return waves.wave("quake" if shakes else "noise", track.stream.coding, seed)

    def _data(self, track: _Track, lane: _Lane) -> bytes:
        stream, octets = track.stream, lane.octets
        if stream.coding in ("C0", "C2"):
            if self.filler:
                octets = self.filler.before(track.after(lane.done)) + self.filler.behind(octets)
            else:
                octets = b" " * writer.FILLER + octets
        return writer.data(
            self.plan.unit,
            self.clock.tag(track.after(lane.done)),
            self._next(track),
            event=track.event,
            stream=stream.number,
            channel=lane.channel,
            samples=len(lane.body.values),
            coding=stream.coding,
            body=octets,
        )

    def _edge(self, kind: str, track: _Track) -> bytes:
        """Return an event's header, or its trailer."""
        trigger = self.clock.tag(track.begun_ns)
        ended = self.clock.tag(track.after(track.total - 1)) if kind == "ET" else None
        now_ns = track.begun_ns if kind == "EH" else track.after(track.total)
        locked = self.clock.locked(now_ns)
        many = track.stream.channels
        station = writer.Station(
            name=self.plan.station,
            source="2" if locked else "1",
            quality="0" if locked else "?",
            weights=("1.585 uV",) * many,
            gains="1" * many,
            resolutions="3" * many,
            full_scales="3" * many,
            installed=str(many),
        )
        return writer.event(
            kind,
            self.plan.unit,
            trigger,
            self._next(track),
            number=track.event,
            stream=track.stream.number,
            rate=track.stream.rate,
            coding=track.stream.coding,
            first=trigger,
            last=ended,
            detrigger=ended,
            station=station,
        )

    def _next(self, track: _Track) -> int:
        track.sequence += 1
        return (track.sequence - 1) % writer.MODULUS

    def _power_up(self) -> list[bytes]:
        plan, tag = self.plan, self.clock.tag(0)
        lines = ["POWER-UP", "CPU SOFTWARE V 3.4.5", "ACQUISITION STARTED"]
        lines += [text for at_ns, text in self.clock.sayings(0) if not at_ns]
        found = writer.health(plan.unit, tag, 0, [(tag, text) for text in lines])
        channels = [f"CH{code}" for code in CODES[: max(one.channels for one in plan.streams)]]
        told = writer.channels_of(f"{plan.unit:04X}", plan.station, channels)
        streams = writer.streams_of(
            (one.number, one.channels, one.rate, one.coding, one.record_s) for one in plan.streams
        )
        for kind, texts in (
            ("SC", told),
            ("DS", streams),
            ("OM", writer.OPERATION),
            ("AD", writer.AUXILIARY),
            ("CD", writer.CALIBRATION),
            ("FD", writer.FILTERS),
        ):
            found.append(writer.parameters(kind, plan.unit, tag, len(found), texts))
        self.others = len(found)
        return found

    def _healthy(self, now_ns: int, routine: bool) -> list[bytes]:
        """Report: what the clock says at this moment, or how the battery is."""
        tag = self.clock.tag(now_ns)
        if routine:
            heapq.heappush(self.queue, (now_ns + HEALTH_NS, 99, -1, 0))
            lines = ["RTP: LINK IS UP"]
            if not now_ns % BATTERY_NS:
                lines.append("BATTERY VOLTAGE = 12.9V, TEMPERATURE = 25C, BACKUP = 3.3V")
        else:
            lines = [text for at_ns, text in self.clock.sayings(now_ns) if at_ns == now_ns]
        found = writer.health(self.plan.unit, tag, self.others, [(tag, one) for one in lines])
        self.others += len(found)
        return found
