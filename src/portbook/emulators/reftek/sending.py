"""Takes the packets of emulated recorders to a receiver over UDP or TCP, as they are (mode B).

A recorder whose link is down keeps what it makes and sends it afterwards, from a new address and
port, as one behind a router with address translation does. Sockets are shared from the 257th
recorder on. Nothing here decides where to: the caller does, and has asked.
"""

from __future__ import annotations

import contextlib
import socket
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable

from portbook.emulators.reftek.weather import Path, Weather
from portbook.errors import SourceError

NANO = 1_000_000_000
MOST_SOCKETS = 256
MOST_KEPT = 320_000  # packets kept while a link is down, as the maker's forwarder does
BURST = 32  # packets in a row before the pace is looked at
PATIENCE_S = 30.0
Address = tuple[str, int]


class Carrier(ABC):
    """A way to a receiver. sent: packets by unit, as they went onto the network."""

    def __init__(self) -> None:
        self.sent: Counter[int] = Counter()

    @abstractmethod
    def send(self, unit: int, octets: bytes) -> None:
        """Take a packet on its way; it may wait."""

    @abstractmethod
    def attend(self, until_ns: int) -> None:
        """Do what is due until a monotonic time; return when it has come."""

    @abstractmethod
    def finish(self, most_s: float) -> int:
        """Bring what waits to its end, for so long at most; return how many packets are left."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all sockets."""

    def account(self) -> dict[str, Counter[int]]:
        """Return further counts by unit."""
        return {}


class Raw(Carrier):
    """What UDP and TCP have in common: the weather, the pace, and what is kept meanwhile.

    elapsed: the instruments' time; most_per_s: packets a second at most, over all recorders
    """

    def __init__(
        self, weather: Weather, seed: int, elapsed: Callable[[], int], most_per_s: float
    ) -> None:
        super().__init__()
        self._weather = weather
        self._path = Path(weather, seed)
        self._elapsed = elapsed
        self._gap_ns = int(NANO / most_per_s)
        self._due_ns = 0
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=MOST_KEPT)
        self._moves = 0

    def account(self) -> dict[str, Counter[int]]:
        """Return what the network lost and doubled."""
        return {"lost": self._path.lost, "doubled": self._path.doubled}

    def send(self, unit: int, octets: bytes) -> None:
        """Send a packet, or keep it while the link is down."""
        self._kept.append((unit, octets))
        self._catch_up()

    def attend(self, until_ns: int) -> None:
        """Wait; what waits to be shuffled and what was kept goes out in between."""
        while True:
            self._catch_up()
            self._put(self._path.due(time.monotonic_ns()))
            now_ns = time.monotonic_ns()
            if now_ns >= until_ns:
                return
            due_ns = self._path.next_deadline()
            wait_ns = min(until_ns, due_ns or until_ns, now_ns + NANO // 10) - now_ns
            time.sleep(max(0, wait_ns) / NANO)

    def finish(self, most_s: float) -> int:
        """Send what is left, once the link is up."""
        give_up = time.monotonic() + most_s
        self._catch_up()
        while self._kept and time.monotonic() < give_up:
            self.attend(time.monotonic_ns() + NANO // 100)
        self._put(self._path.flush())
        return len(self._kept)

    def _catch_up(self) -> None:
        elapsed_ns = self._elapsed()
        if self._weather.down(elapsed_ns):
            return
        moves = self._weather.moves(elapsed_ns)
        if moves != self._moves:
            self._moves = moves
            self._move(moves)
        while self._kept:
            self._put(self._path.take(*self._kept.popleft(), time.monotonic_ns()))

    def _put(self, packets: list[tuple[int, bytes]]) -> None:
        for unit, octets in packets:
            self._keep_pace()
            self._out(unit, octets)
            self.sent[unit] += 1

    def _keep_pace(self) -> None:
        now_ns = time.monotonic_ns()
        self._due_ns = max(self._due_ns, now_ns - BURST * self._gap_ns) + self._gap_ns
        if self._due_ns > now_ns:
            time.sleep((self._due_ns - now_ns) / NANO)

    @abstractmethod
    def _out(self, unit: int, octets: bytes) -> None: ...

    @abstractmethod
    def _move(self, moves: int) -> None: ...


class Udp(Raw):
    """Each packet is a datagram."""

    def __init__(
        self,
        target: Address,
        units: tuple[int, ...],
        weather: Weather,
        seed: int,
        elapsed: Callable[[], int],
        most_per_s: float,
    ) -> None:
        super().__init__(weather, seed, elapsed, most_per_s)
        self._target = resolved(target, socket.SOCK_DGRAM)
        self._sockets = Sockets(self._target, units)

    def close(self) -> None:
        """Let go of all sockets."""
        self._sockets.close()

    def _out(self, unit: int, octets: bytes) -> None:
        self._sockets.of(unit).sendto(octets, self._target)

    def _move(self, moves: int) -> None:
        self._sockets.move(moves)


class Tcp(Raw):
    """Packets in a row on a connection; it is made anew when it breaks."""

    def __init__(
        self,
        target: Address,
        units: tuple[int, ...],
        weather: Weather,
        seed: int,
        elapsed: Callable[[], int],
        most_per_s: float,
    ) -> None:
        super().__init__(weather, seed, elapsed, most_per_s)
        self._target = resolved(target, socket.SOCK_STREAM)
        self._slots = {unit: index % MOST_SOCKETS for index, unit in enumerate(units)}
        self._connections: dict[int, socket.socket] = {}
        self._reconnects = 0

    def close(self) -> None:
        """Close all connections."""
        for one in self._connections.values():
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_WR)
            one.close()
        self._connections.clear()

    def _move(self, moves: int) -> None:
        self.close()

    def _out(self, unit: int, octets: bytes) -> None:
        slot = self._slots[unit]
        give_up = time.monotonic() + PATIENCE_S
        while True:
            try:
                connection = self._connections.get(slot) or self._connect(slot)
                connection.sendall(octets)
                return
            except OSError as error:
                self._drop(slot)
                if time.monotonic() > give_up:
                    host, port = self._target
                    raise SourceError(
                        f"{host} port {port} takes no packets over TCP: {error.strerror or error}; "
                        "is the receiver running?"
                    ) from error
                time.sleep(0.2)

    def _connect(self, slot: int) -> socket.socket:
        made = socket.create_connection(self._target, PATIENCE_S)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[slot] = made
        return made

    def _drop(self, slot: int) -> None:
        lost = self._connections.pop(slot, None)
        if lost:
            lost.close()


class Sockets:
    """UDP sockets that recorders send from; `move` gives them new ports, and new addresses."""

    def __init__(self, target: Address, units: tuple[int, ...]) -> None:
        self._target = target
        self._slots = {unit: index % MOST_SOCKETS for index, unit in enumerate(units)}
        self.all: list[socket.socket] = []
        self.move(0)

    def of(self, unit: int) -> socket.socket:
        """Return the socket of a recorder."""
        return self.all[self._slots[unit]]

    def move(self, moves: int) -> None:
        """Open all sockets anew; on loopback each time from another of its addresses."""
        fresh = [self._open(moves) for _ in range(len(set(self._slots.values())))]
        self.close()
        self.all = fresh

    def close(self) -> None:
        """Let go of all."""
        for one in self.all:
            one.close()
        self.all = []

    def _open(self, moves: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._target[0] else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM)
        if self._target[0].startswith("127.") and moves:
            with contextlib.suppress(OSError):  # only Linux has all of 127.0.0.0/8
                made.bind((f"127.0.{moves % 255}.1", 0))
                return made
        made.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        return made


def resolved(target: Address, kind: socket.SocketKind) -> Address:
    """Return an address in numbers; raises SourceError for a name that nobody knows."""
    try:
        found = socket.getaddrinfo(*target, type=kind)
    except OSError as error:
        raise SourceError(f"{target[0]} is not known: {error.strerror or error}") from error
    return str(found[0][4][0]), int(found[0][4][1])
