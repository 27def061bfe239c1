"""Takes the packets of emulated recorders to a receiver over PBL1 (mode D): nothing is lost.

The weather falls on the datagrams, in both directions; the link brings every packet through.
"""

from __future__ import annotations

import random
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable

from portbook.emulators.reftek.sending import MOST_KEPT, NANO, Address, Carrier, Sockets, resolved
from portbook.emulators.reftek.weather import Path, Weather
from portbook.protocols.reftek import pbl1
from portbook.protocols.reftek.links import LinkSender

LATEST_NS = NANO // 20  # of datagrams that are shuffled: few are on their way at a time
_ROOM = 2048


class Linked(Carrier):
    """A PBL1 link for each recorder.

    elapsed: the instruments' time; most_waiting: packets that wait at each link before a sender
    has to
    """

    def __init__(
        self,
        target: Address,
        units: tuple[int, ...],
        weather: Weather,
        seed: int,
        elapsed: Callable[[], int],
        most_waiting: int = MOST_KEPT,
    ) -> None:
        super().__init__()
        self._target = resolved(target, socket.SOCK_DGRAM)
        self._weather = weather
        self._up = Path(weather, seed, LATEST_NS)
        self._down = Path(weather, seed + 1, LATEST_NS)
        self._elapsed = elapsed
        # A token must be new with each start, whatever the seed: the receiver remembers the old.
        tokens = random.SystemRandom()
        self._links = {
            unit: LinkSender(unit, lambda: tokens.getrandbits(32), most_waiting=most_waiting)
            for unit in units
        }
        self._due_ns: dict[int, int | None] = {}
        self._moves = 0
        self._sockets = Sockets(self._target, units)
        self._selector = selectors.DefaultSelector()
        self._watch()

    def account(self) -> dict[str, Counter[int]]:
        """Return what was acknowledged, and what happened to datagrams on their way."""
        links = self._links.items()
        return {
            "acknowledged": Counter({unit: link.acknowledged for unit, link in links}),
            "repeated": Counter({unit: link.repeated for unit, link in links}),
            "lost": self._up.lost,
            "doubled": self._up.doubled,
        }

    def send(self, unit: int, octets: bytes) -> None:
        """Give a packet to its link; wait while too many are waiting there."""
        link = self._links[unit]
        while not link.offer(octets):
            self.attend(time.monotonic_ns() + NANO // 100)
        self._pump(unit)

    def attend(self, until_ns: int) -> None:
        """Serve all links until then."""
        while True:
            self._walk()
            now_ns = time.monotonic_ns()
            for unit in [one for one, due in self._due_ns.items() if due is None or due <= now_ns]:
                if self._due_ns[unit] is not None:
                    self._pump(unit)
            self._put(self._up.due(now_ns))
            self._hear(self._down.due(now_ns))
            now_ns = time.monotonic_ns()
            if now_ns >= until_ns:
                self._read(0)
                return
            self._read(max(0, min(self._next_ns(until_ns), until_ns) - now_ns) / NANO)

    def finish(self, most_s: float) -> int:
        """Serve the links until everything is acknowledged; say goodbye."""
        give_up_ns = time.monotonic_ns() + int(most_s * NANO)
        while self._left() and time.monotonic_ns() < give_up_ns:
            self.attend(time.monotonic_ns() + NANO // 50)
        left = self._left()
        for unit, link in self._links.items():
            link.close()
            self._pump(unit)
        self._put(self._up.flush())
        return left

    def close(self) -> None:
        """Let go of all sockets."""
        self._selector.close()
        self._sockets.close()

    def _left(self) -> int:
        return sum(link.pending for link in self._links.values())

    def _next_ns(self, until_ns: int) -> int:
        dues = [due for due in self._due_ns.values() if due is not None]
        dues += [due for path in (self._up, self._down) if (due := path.next_deadline())]
        if self._weather.outages:
            dues.append(time.monotonic_ns() + NANO // 20)
        return min(dues, default=until_ns)

    def _pump(self, unit: int) -> None:
        link, now_ns = self._links[unit], time.monotonic_ns()
        for datagram in link.to_send(now_ns):
            self._put(self._up.take(unit, datagram, now_ns))
        self._due_ns[unit] = link.next_deadline()

    def _put(self, datagrams: list[tuple[int, bytes]]) -> None:
        if datagrams and self._weather.down(self._elapsed()):
            return
        for unit, datagram in datagrams:
            self._sockets.of(unit).sendto(datagram, self._target)
            self.sent[unit] += 1

    def _read(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            for _ in range(256):
                try:
                    datagram, sender = sock.recvfrom(_ROOM, socket.MSG_DONTWAIT)
                except OSError:
                    break
                frame = pbl1.read(datagram) if sender[:2] == self._target else None
                if frame and frame.unit in self._links:
                    now_ns = time.monotonic_ns()
                    self._hear(self._down.take(frame.unit, datagram, now_ns))

    def _hear(self, datagrams: list[tuple[int, bytes]]) -> None:
        if datagrams and self._weather.down(self._elapsed()):
            return
        for unit, datagram in datagrams:
            self._links[unit].take(datagram, time.monotonic_ns())
            self._pump(unit)

    def _walk(self) -> None:
        """Take new ports when an outage is over."""
        moves = self._weather.moves(self._elapsed())
        if moves != self._moves:
            self._moves = moves
            self._selector.close()
            self._sockets.move(moves)
            self._selector = selectors.DefaultSelector()
            self._watch()

    def _watch(self) -> None:
        for one in self._sockets.all:
            self._selector.register(one, selectors.EVENT_READ)
