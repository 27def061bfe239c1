"""One stream of one recorder in order, for `seismic.ordering`; the rules: `seismic.lanes`."""

from __future__ import annotations

from collections import deque
from typing import Any

MODULUS = 10_000
AHEAD = MODULUS // 2  # a step below this is ahead, from this on behind
REMEMBERED = 256  # sequences that are known to have been here, an event
CLOSED = 4  # events that still know their repetitions

# Two octets of binary-coded decimal, as number and as the two that follow.
DIGITS = [bytes.fromhex(f"{number:04}") for number in range(MODULUS)]
NUMBERS = {octets: number for number, octets in enumerate(DIGITS)}
_NEXT = dict(zip(DIGITS, [*DIGITS[1:], DIGITS[0]], strict=True))

_Out = list[tuple[bytes, Any]]


class _Event:
    """Where one event stands; seen: the sequences that went out last, as in packets."""

    __slots__ = ("came", "complete", "expected", "head", "held", "number", "seen")

    def __init__(self, number: bytes, expected: int) -> None:
        self.number = number
        self.expected = expected
        self.held: dict[int, tuple[bytes, Any]] = {}
        self.came: dict[int, int] = {}  # when what is held came, ns
        self.seen: deque[bytes] = deque(maxlen=REMEMBERED)
        self.head: int | None = None  # hash of its EH
        self.complete = False

    def ahead(self, sequence: int) -> int:
        return (sequence - self.expected) % MODULUS


class Lane:
    """One stream of one recorder.

    due: sequence and event of the packet that may go out without a further look, as in packets;
    None while packets are held or several events are open; held: how many wait
    """

    __slots__ = (
        "_began",
        "_closed",
        "_current",
        "_events",
        "_window",
        "due",
        "heard_ns",
        "held",
        "repeated",
    )

    def __init__(self, window: int) -> None:
        self.due: bytes | None = None
        self.held = 0
        self.heard_ns = 0
        self.repeated = 0
        self._window = window
        self._events: list[_Event] = []
        self._closed: dict[bytes, _Event] = {}
        self._began = False
        self._current: _Event | None = None  # the event that `due` is of

    def step(self, sequence: bytes, now_ns: int) -> None:
        """The packet that was due goes out."""
        event = self._current
        assert event is not None
        following = _NEXT[sequence]
        event.seen.append(sequence)
        self.due = following + event.number
        self.heard_ns = now_ns

    def add(self, octets: bytes, sequence: int, cargo: Any, now_ns: int, out: _Out) -> bool:
        """Take a packet; tell whether the lane went on."""
        self._pause()
        event = self._event_of(octets, sequence)
        moved = False
        if event.complete or event.ahead(sequence) >= AHEAD:
            self._behind(event, octets, cargo, out)
        elif sequence in event.held:
            self.repeated += 1
        else:
            event.held[sequence] = octets, cargo
            event.came[sequence] = now_ns
            self.held += 1
            moved = self._drain(out)
        while self.held > self._window or len(self._events) > self._window + 1:
            self._give_up(out)
            moved = True
        self._resume()
        return moved

    def since_ns(self) -> int:
        """Return when the first of what is held came; something has to be."""
        return min(came for event in self._events for came in event.came.values())

    def overdue(self, out: _Out) -> None:
        """Give up once on what the lane waits for."""
        self._pause()
        self._give_up(out)
        self._resume()

    def flush(self, out: _Out) -> None:
        """Give up on everything that is missing, hand out everything that is held."""
        self._pause()
        while self._events:
            self._give_up(out)

    def cargoes(self) -> list[Any]:
        """Return the cargo of what is held."""
        return [cargo for event in self._events for _, cargo in event.held.values()]

    def restore(self, octets: bytes, sequence: int) -> None:
        """Take note of a packet that went out before."""
        self._pause()
        event = self._event_of(octets, sequence)
        if event.complete or event.ahead(sequence) >= AHEAD:
            event.seen.append(octets[14:16])
        else:
            self._note(event, octets)
            event.expected = (sequence + 1) % MODULUS
            while self._events[0] is not event:
                self._close(self._events[0], [])
            if event.complete:
                self._close(event, [])
        self._resume()

    def _pause(self) -> None:
        """Leave the fast way: the event's own number counts again."""
        if self._current is not None and self.due is not None:
            self._current.expected = NUMBERS[self.due[:2]]
        self._current = self.due = None

    def _resume(self) -> None:
        if not self.held and len(self._events) == 1:
            event = self._current = self._events[0]
            self.due = DIGITS[event.expected] + event.number

    def _event_of(self, octets: bytes, sequence: int) -> _Event:
        number = octets[16:18]
        found = next((one for one in reversed(self._events) if one.number == number), None)
        found = found or self._closed.get(number)
        if found and not self._begins_again(found, octets, sequence):
            return found
        # A listener may come in the middle of its first event: nothing before that is missing.
        middle = not self._began and sequence > self._window
        self._began = True
        made = _Event(number, sequence if middle else 0)
        self._events.append(made)
        return made

    @staticmethod
    def _begins_again(event: _Event, octets: bytes, sequence: int) -> bool:
        if octets[:2] != b"EH" or sequence or event.head is None:
            return False
        return event.head != hash(octets)

    def _behind(self, event: _Event, octets: bytes, cargo: Any, out: _Out) -> None:
        if octets[14:16] in event.seen:
            self.repeated += 1
            return
        event.seen.append(octets[14:16])
        out.append((octets, cargo))

    def _drain(self, out: _Out) -> bool:
        moved = False
        while self._events:
            event = self._events[0]
            while (held := event.held.pop(event.expected, None)) is not None:
                self.held -= 1
                del event.came[event.expected]
                event.expected = (event.expected + 1) % MODULUS
                moved = True
                self._note(event, held[0])
                out.append(held)
            if not event.complete:
                break
            self._close(event, out)
        return moved

    def _note(self, event: _Event, octets: bytes) -> None:
        event.seen.append(octets[14:16])
        if octets[:2] == b"ET":
            event.complete = True
        elif octets[:2] == b"EH" and event.head is None:
            event.head = hash(octets)

    def _close(self, event: _Event, out: _Out) -> None:
        self._events.remove(event)
        for octets, cargo in event.held.values():
            event.seen.append(octets[14:16])
            out.append((octets, cargo))
        self.held -= len(event.held)
        event.held.clear()
        event.came.clear()
        event.complete = True
        self._closed.pop(event.number, None)
        self._closed[event.number] = event
        if len(self._closed) > CLOSED:
            del self._closed[next(iter(self._closed))]

    def _give_up(self, out: _Out) -> None:
        """Go on with the next packet that is held, or with the next event."""
        if not self._events:
            return
        event = self._events[0]
        if event.held:
            event.expected = min(event.held, key=event.ahead)
        else:
            self._close(event, out)
        self._drain(out)
