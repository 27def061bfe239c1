"""Serves the packets of emulated recorders as an RTPD does (mode A): programs connect and read.

The client protocol on TCP, both versions, with filters and heartbeats. A client that does not read
is cut off once MOST_WAITING messages wait for it.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import cast

from portbook.emulators.reftek.sending import MOST_KEPT, NANO, Address, Carrier
from portbook.emulators.reftek.weather import Path, Weather
from portbook.errors import SourceError
from portbook.protocols.reftek import client, serving

MOST_WAITING = 65_536  # messages for one client
MOST_CLIENTS = 1024
FEW = 512  # messages that may wait for a client that is waited for
_EXTENDED = 13


class _Client:
    def __init__(self, sock: socket.socket, now_ns: int) -> None:
        self.sock = sock
        self.session = serving.Session(now_ns, name="portbook emulate")
        self.begun = b""  # the rest of a message of which a part is on its way
        self.waiting: deque[bytes] = deque()

    @property
    def left(self) -> int:
        """Return how many messages are not sent yet."""
        return len(self.waiting) + bool(self.begun)


class Server(Carrier):
    """Listens at an address; elapsed: the instruments' time; patient: clients are waited for.

    While the weather is an outage, clients are cut off; what is made meanwhile is sent to those
    that are back afterwards.
    """

    def __init__(
        self,
        address: Address,
        weather: Weather,
        seed: int,
        elapsed: Callable[[], int],
        patient: bool = False,
    ) -> None:
        super().__init__()
        self._weather = weather
        self._path = Path(weather, seed)
        self._elapsed = elapsed
        self._patient = patient
        self._clients: dict[socket.socket, _Client] = {}
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=MOST_KEPT)
        self.dropped = 0
        self._listening = _listen(address)
        self.address: Address = self._listening.getsockname()[:2]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)

    @property
    def clients(self) -> int:
        """Return how many clients have asked for packets and wait for them."""
        return sum(one.session.wish is not None for one in self._clients.values())

    def account(self) -> dict[str, Counter[int]]:
        """Return what the network lost and doubled."""
        return {"lost": self._path.lost, "doubled": self._path.doubled}

    def send(self, unit: int, octets: bytes) -> None:
        """Send a packet to all who want it."""
        if self._kept or self._weather.down(self._elapsed()):
            self._kept.append((unit, octets))
            self._catch_up()
        else:
            self._spread(self._path.take(unit, octets, time.monotonic_ns()))
        while self._patient and any(one.left > FEW for one in self._clients.values()):
            self.attend(time.monotonic_ns() + NANO // 1000)

    def attend(self, until_ns: int) -> None:
        """Serve clients until then."""
        while True:
            self._catch_up()
            self._spread(self._path.due(time.monotonic_ns()))
            self._beat()
            now_ns = time.monotonic_ns()
            self._serve(max(0, min(until_ns - now_ns, NANO // 10)) / NANO)
            if time.monotonic_ns() >= until_ns:
                return

    def await_clients(self, many: int, most_s: float) -> bool:
        """Wait until so many clients have asked for packets; tell whether they have."""
        give_up = time.monotonic() + most_s
        while self.clients < many and time.monotonic() < give_up:
            self.attend(time.monotonic_ns() + NANO // 100)
        return self.clients >= many

    def finish(self, most_s: float) -> int:
        """Give clients what waits for them, and the time to read it; then say goodbye."""
        give_up = time.monotonic() + most_s
        self._catch_up()
        self._spread(self._path.flush())
        while self._left() and time.monotonic() < give_up:
            self.attend(time.monotonic_ns() + NANO // 100)
        left = self._left()
        for one in list(self._clients.values()):
            self._tell(one, serving.BREAK)
        return left

    def close(self) -> None:
        """Close all connections and listen no more."""
        for one in list(self._clients.values()):
            self._drop(one)
        self._selector.close()
        self._listening.close()

    def _left(self) -> int:
        return len(self._kept) + sum(one.left for one in self._clients.values())

    def _catch_up(self) -> None:
        """Cut clients off in an outage; afterwards send what was kept to those that are back."""
        if self._weather.down(self._elapsed()):
            for one in list(self._clients.values()):
                self._drop(one)
        elif self.clients:
            while self._kept:
                self._spread(self._path.take(*self._kept.popleft(), time.monotonic_ns()))

    def _spread(self, packets: list[tuple[int, bytes]]) -> None:
        for unit, octets in packets:
            self.sent[unit] += 1
            for one in list(self._clients.values()):
                wish = one.session.wish
                if wish and one.session.started and wish.wants(octets):
                    self._tell(one, _message(octets, one.session.version))

    def _beat(self) -> None:
        now_ns = time.monotonic_ns()
        for one in list(self._clients.values()):
            if one.session.heartbeat_due(now_ns) and not one.left:
                self._tell(one, serving.HEARTBEAT)
            elif one.session.late(now_ns):
                self._drop(one)

    def _serve(self, wait_s: float) -> None:
        for key, mask in self._selector.select(wait_s):
            if key.fileobj is self._listening:
                self._accept()
                continue
            one = self._clients.get(cast("socket.socket", key.fileobj))
            if one and mask & selectors.EVENT_WRITE:
                self._write(one)
            if one and mask & selectors.EVENT_READ:
                self._read(one)

    def _accept(self) -> None:
        try:
            sock, _ = self._listening.accept()
        except OSError:
            return
        if len(self._clients) >= MOST_CLIENTS:
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients[sock] = _Client(sock, time.monotonic_ns())
        self._selector.register(sock, selectors.EVENT_READ)

    def _read(self, one: _Client) -> None:
        try:
            octets = one.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self._drop(one)
            return
        flushes = one.session.flushes
        answer = one.session.feed(octets, time.monotonic_ns())
        if one.session.flushes != flushes:
            one.waiting.clear()
        if answer:
            self._tell(one, answer)
        if one.session.ended:
            self._drop(one)

    def _tell(self, one: _Client, message: bytes) -> None:
        one.waiting.append(message)
        if len(one.waiting) > MOST_WAITING:
            self.dropped += 1
            self._drop(one)
        else:
            self._write(one)

    def _write(self, one: _Client) -> None:
        try:
            while one.left:
                one.begun = one.begun or one.waiting.popleft()
                one.begun = one.begun[one.sock.send(one.begun) :]
                one.session.sent_ns = time.monotonic_ns()
        except BlockingIOError:
            pass
        except OSError:
            self._drop(one)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if one.left else 0)
        if one.sock in self._clients and self._selector.get_key(one.sock).events != events:
            self._selector.modify(one.sock, events)

    def _drop(self, one: _Client) -> None:
        if self._clients.pop(one.sock, None):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(one.sock)
            one.sock.close()


def _message(octets: bytes, version: int) -> bytes:
    if version < 2:
        return client.build(client.REFTEK, octets)
    mask = next((bit for bit, kind in client.MASK.items() if kind.encode() == octets[:2]), 0)
    return client.HEADER.write(type=_EXTENDED, length=len(octets)) + mask.to_bytes(4) + octets


def _listen(address: Address) -> socket.socket:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(address)
        made.listen(128)
    except OSError as error:
        made.close()
        raise SourceError(
            f"{host} port {port} cannot be listened on: {error.strerror or error}; "
            "choose another: --serve PORT"
        ) from error
    made.setblocking(False)
    return made
