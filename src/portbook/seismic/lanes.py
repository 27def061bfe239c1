"""One stream of one recorder: its events in order, each packet once, what is missing named.

Each event of a stream counts its packets from 0 (EH) to the trailer (ET), modulo 10,000, all
channels together. Packets that come early are held until those before them came, or until the
lane gives up on them. Pure; bounded by `window` held packets and a few numbers an event.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from portbook.protocols.reftek.packets import Packet
from portbook.seismic.joins import Channel, between, place
from portbook.seismic.outcomes import Hole, Late, Outcome, Placed, Repeated, Unfinished
from portbook.seismic.tags import last_sample_ns, told_rate

MODULUS = 10_000
AHEAD = MODULUS // 2  # a step below this is ahead, from this on behind
REMEMBERED = 256  # sequences whose content is known, an event
CLOSED = 4  # events that still know their repetitions
LOST = -1  # a count of losses that no lane has: something is missing behind such a channel
UNTIMED = 64  # packets kept back while no rate is known


class Stand(NamedTuple):
    """How far an event has come: its number, the next sequence, and the sum of its EH if seen."""

    number: int
    expected: int
    head: int | None = None


class Arrived(NamedTuple):
    """A packet as it came in, at came_ns; void: refused, it only takes its place in the order.

    sound: else its samples cannot be, and it says nothing of what stands before or behind it
    """

    packet: Packet
    time_ns: int
    cargo: object
    void: bool
    came_ns: int = 0
    sound: bool = True


class _Event:
    """Where one event stands."""

    __slots__ = ("complete", "expected", "head", "held", "number", "order", "seen")

    def __init__(self, number: int, expected: int) -> None:
        self.number = number
        self.expected = expected
        self.held: dict[int, Arrived] = {}
        self.seen: dict[int, int | None] = {}  # sequence: hash of its octets, None: void
        self.order: deque[int] = deque()
        self.head: int | None = None  # CRC-32 of its EH: it outlives the process
        self.complete = False

    def ahead(self, sequence: int) -> int:
        return (sequence - self.expected) % MODULUS

    def remember(self, arrived: Arrived) -> None:
        sequence = arrived.packet.sequence
        if sequence not in self.seen:
            self.order.append(sequence)
            if len(self.order) > REMEMBERED:
                del self.seen[self.order.popleft()]
        self.seen[sequence] = None if arrived.void else hash(arrived.packet.octets)


class Lane:
    """One stream of one recorder. Outcomes are appended to the list that each call is given."""

    def __init__(self, unit: str, stream: int, window: int, rate_hz: float | None = None) -> None:
        self.unit = unit
        self.stream = stream
        self.rate_hz = rate_hz
        self.held = 0
        self.blocked_ns: int | None = None  # since when a packet is held for one before it
        self._window = window
        self._events: list[_Event] = []
        self._closed: dict[int, _Event] = {}
        self._began = False
        self._channels: dict[int, Channel] = {}
        self._losses = 0
        self._latest_ns: int | None = None
        self._untimed: list[tuple[Arrived, _Event, int] | Outcome] = []
        self._pairs: dict[int, Channel] = {}

    def add(self, arrived: Arrived, now_ns: int, out: list[Outcome]) -> None:
        """Take a packet with an event and a stream; tell what it brought about."""
        packet = arrived.packet
        if not self.held and self._usual(arrived, out):
            return
        event = self._event_of(packet)
        if event.complete or event.ahead(packet.sequence) >= AHEAD:
            self._behind(event, arrived, out)
            self._bound(out)
            return
        held = event.held.get(packet.sequence)
        if held is None or held.void:
            self.held += held is None
            event.held[packet.sequence] = arrived
        elif not arrived.void:
            equal = held.packet.octets == packet.octets
            out.append(Repeated(packet, equal, arrived.cargo))
        moved = self._drain(out)
        moved = self._bound(out) or moved
        self._wait(now_ns, moved)

    def _bound(self, out: list[Outcome]) -> bool:
        """Give up until no more than a window is held; tell whether that took anything."""
        moved = False
        while self.held > self._window or len(self._events) > self._window + 1:
            self._give_up(out)
            moved = True
        return moved

    def _usual(self, arrived: Arrived, out: list[Outcome]) -> bool:
        """Place data that come as expected while nothing waits: what nearly all packets do."""
        packet, events = arrived.packet, self._events
        if not events or packet.type != "DT" or arrived.void or self.rate_hz is None:
            return False
        event = events[0]
        if len(events) > 1 or packet.event != event.number or packet.sequence != event.expected:
            return False
        event.expected = (event.expected + 1) % MODULUS
        event.remember(arrived)
        time_ns = arrived.time_ns
        if self._latest_ns is None or time_ns > self._latest_ns:
            self._latest_ns = time_ns
        self._release(out)
        out.append(self._placed(arrived, event, self._losses))
        return True

    def overdue(self, now_ns: int, out: list[Outcome]) -> None:
        """Give up once on what the lane waits for."""
        self._give_up(out)
        self._wait(now_ns, True)

    def flush(self, out: list[Outcome]) -> None:
        """Give up on everything that is missing and hand out everything that was held."""
        while self._events:
            self._give_up(out)
        self._release(out)
        self.blocked_ns = None

    def stands(self) -> list[Stand] | None:
        """Return how far its events have come; None while it has not begun."""
        if not self._began:
            return None
        return [Stand(one.number, one.expected, one.head) for one in self._events]

    def resume(self, stands: Iterable[Stand]) -> None:
        """Go on where `stands` told: what is missing from there on is a hole."""
        self._began = True
        for one in stands:
            event = _Event(one.number, one.expected)
            event.head = one.head
            self._events.append(event)

    def _wait(self, now_ns: int, moved: bool) -> None:
        if not self.held:
            self.blocked_ns = None
        elif self.blocked_ns is None:
            self.blocked_ns = now_ns
        elif moved:  # what waits has waited since it came, not since what was before it went
            held = (one for event in self._events for one in event.held.values())
            self.blocked_ns = min(one.came_ns for one in held)

    def _event_of(self, packet: Packet) -> _Event:
        number = packet.event or 0
        found = next((one for one in reversed(self._events) if one.number == number), None)
        found = found or self._closed.get(number)
        if found and not self._begins_again(found, packet):
            return found
        # A listener may come in the middle of its first event: nothing before that is missing.
        middle = not self._began and packet.sequence > self._window
        self._began = True
        made = _Event(number, packet.sequence if middle else 0)
        self._events.append(made)
        return made

    @staticmethod
    def _begins_again(event: _Event, packet: Packet) -> bool:
        if packet.type != "EH" or packet.sequence or event.head is None:
            return False
        return event.head != zlib.crc32(packet.octets)

    def _behind(self, event: _Event, arrived: Arrived, out: list[Outcome]) -> None:
        packet, time_ns, cargo, void = arrived[:4]
        if void:
            return
        known = event.seen.get(packet.sequence)
        if known is not None:
            out.append(Repeated(packet, known == hash(packet.octets), cargo))
            return
        event.remember(arrived)
        if packet.type == "DT":
            out.append(Late(packet, time_ns, self.rate_hz, cargo))
            return
        self._learn_rate(packet, out)
        out.append(Late(packet, time_ns, self.rate_hz, cargo))

    def _drain(self, out: list[Outcome]) -> bool:
        moved = False
        while self._events:
            event = self._events[0]
            while arrived := event.held.pop(event.expected, None):
                self.held -= 1
                event.expected = (event.expected + 1) % MODULUS
                moved = True
                self._next(event, arrived, out)
            if not event.complete:
                break
            self._close(event, out)
        return moved

    def _next(self, event: _Event, arrived: Arrived, out: list[Outcome]) -> None:
        packet, time_ns, cargo, void = arrived[:4]
        event.remember(arrived)
        if void:
            self._losses += 1
        elif packet.type == "DT":
            self._latest_ns = max(time_ns, self._latest_ns or time_ns)
            self._data(event, arrived, out)
        else:
            if packet.type == "EH" and event.head is None:
                event.head = zlib.crc32(packet.octets)
            self._learn_rate(packet, out)
            self._emit(Placed(packet, time_ns, self.rate_hz, cargo=cargo), out)
            event.complete = packet.type == "ET"

    def _close(self, event: _Event, out: list[Outcome]) -> None:
        self._events.remove(event)
        for arrived in event.held.values():
            if not arrived.void:
                self._emit(Late(arrived.packet, arrived.time_ns, self.rate_hz, arrived.cargo), out)
        self.held -= len(event.held)
        event.held.clear()
        event.complete = True
        self._closed.pop(event.number, None)
        self._closed[event.number] = event
        if len(self._closed) > CLOSED:
            del self._closed[next(iter(self._closed))]

    def _give_up(self, out: list[Outcome]) -> None:
        """Stop waiting: tell the hole before the next held packet, or that the event ended."""
        if not self._events:
            return
        event = self._events[0]
        if event.held:
            sequence = min(event.held, key=event.ahead)
            arrived = event.held[sequence]
            if self._strays(event, arrived):
                del event.held[sequence]
                self.held -= 1
                event.remember(arrived)
                if not arrived.void:
                    late = Late(arrived.packet, arrived.time_ns, self.rate_hz, arrived.cargo)
                    self._emit(late, out)
            else:
                self._losses += 1
                self._emit(self._hole(event, arrived), out)
                event.expected = sequence
        else:
            self._losses += 1
            until_ns = self._end_ns()
            ended = Unfinished(self.unit, self.stream, event.number, event.expected, until_ns)
            self._emit(ended, out)
            self._close(event, out)
        self._drain(out)

    def _strays(self, event: _Event, arrived: Arrived) -> bool:
        """Tell whether a lone packet far ahead only has a damaged sequence.

        Its time tag betrays it: data behind thousands of others cannot be older than they are.
        """
        packet = arrived.packet
        if len(event.held) > 1 or event.ahead(packet.sequence) <= self._window:
            return False
        if arrived.void:
            return True
        return packet.type == "DT" and arrived.time_ns <= (self._latest_ns or arrived.time_ns - 1)

    def _hole(self, event: _Event, behind: Arrived) -> Hole:
        last = (behind.packet.sequence - 1) % MODULUS
        missing = event.ahead(behind.packet.sequence)
        told_ns = behind.time_ns
        if behind.packet.type == "ET":  # its tag is the trigger's, long past
            told_ns = last_sample_ns(behind.packet) or told_ns
        from_ns = self._end_ns() or told_ns
        number = event.number
        return Hole(
            self.unit,
            self.stream,
            number,
            event.expected,
            last,
            missing,
            from_ns,
            max(from_ns, told_ns),
        )

    def _end_ns(self) -> int:
        """Return when the data that were placed end, of the channel that ends first."""
        ends = [one.end_ns or one.time_ns for one in self._channels.values()]
        return min(ends) if ends else self._latest_ns or 0

    def _data(self, event: _Event, arrived: Arrived, out: list[Outcome]) -> None:
        if self.rate_hz is None:
            self._derive(arrived)
        if self.rate_hz is None and len(self._untimed) < UNTIMED:
            self._untimed.append((arrived, event, self._losses))
            return
        self._release(out)
        out.append(self._placed(arrived, event, self._losses))

    def _derive(self, arrived: Arrived) -> None:
        packet, time_ns = arrived[:2]
        if not packet.samples or packet.channel is None or not arrived.sound:
            return
        before = self._pairs.get(packet.channel)
        self.rate_hz = between(before, packet, time_ns, self._losses)
        self._pairs[packet.channel] = Channel.of(packet, time_ns, None, None, self._losses)
        if self.rate_hz:
            self._pairs.clear()

    def _placed(self, arrived: Arrived, event: _Event, losses: int) -> Placed:
        packet, time_ns, cargo = arrived[:3]
        if not arrived.sound:
            if (before := self._channels.get(packet.channel or 0)) is not None:
                before.losses = LOST  # its samples are as good as missing
            return Placed(packet, time_ns, self.rate_hz, None, None, cargo)
        return place(self._channels, packet, time_ns, self.rate_hz, event, losses, cargo)

    def _learn_rate(self, packet: Packet, out: list[Outcome]) -> None:
        rate_hz = told_rate(packet)
        if rate_hz:
            if self.rate_hz is None:
                self.rate_hz = rate_hz
                self._release(out)
            self.rate_hz = rate_hz

    def _release(self, out: list[Outcome]) -> None:
        if not self._untimed:
            return
        waiting, self._untimed = self._untimed, []
        out.extend(self._placed(*one) if isinstance(one, tuple) else one for one in waiting)

    def _emit(self, outcome: Outcome, out: list[Outcome]) -> None:
        """Hand out, behind what waits for a rate."""
        if len(self._untimed) >= UNTIMED:
            self._release(out)
        (self._untimed if self._untimed else out).append(outcome)
