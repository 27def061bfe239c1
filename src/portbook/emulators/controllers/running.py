"""Lets stand-ins speak over real sockets, all in one loop, and counts what they were asked.

`Running` is the loop; `standing` runs it in a thread of its own, for tests.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

import msgspec

from portbook.emulators.controllers import NANO, Sent, Session
from portbook.emulators.controllers.standing import Bound, Stand, bind
from portbook.ports import Transport

READ = 4096  # octets of a stream at a time: bounds what one read can be answered with
DATAGRAM = 65536
TURNS = 64  # datagrams of one socket before others are looked at
MOST_OUT = 1 << 18  # octets that wait for a client before it is not heard any more
MOST_LATE = 20_000
LONGEST_WAIT_S = 0.5


class StandIn(msgspec.Struct, frozen=True, tag="standin", tag_field="kind"):
    """What a stand-in was asked, by kind of question.

    listens: its sockets, as `udp 127.0.0.1:1740`; connections: over TCP, of which refused were
    too many at a time; datagrams: that came; strange: messages that are none of its protocol
    """

    protocol: str
    listens: tuple[str, ...]
    name: str
    vendor: str
    product: str
    version: str
    serial: str
    asked: dict[str, int]
    strange: int
    connections: int
    refused: int
    datagrams: int
    octets_in: int
    octets_out: int


class Standing(msgspec.Struct, frozen=True, tag="standing", tag_field="kind"):
    """Where a stand-in listens, told before it is asked anything."""

    protocol: str
    listens: tuple[str, ...]
    name: str


class _Count:
    def __init__(self) -> None:
        self.connections = self.refused = self.datagrams = self.octets_in = self.octets_out = 0


class _Client:
    """A TCP connection of a stand-in."""

    def __init__(self, bound: Bound, sock: socket.socket, session: Session, now_ns: int) -> None:
        self.bound, self.sock, self.session = bound, sock, session
        self.heard_ns = now_ns
        self.out = bytearray()
        self.owed = 0  # answers that are still late

    @property
    def events(self) -> int:
        """Return what the loop waits for."""
        write = selectors.EVENT_WRITE if self.out else 0
        full = len(self.out) >= MOST_OUT or self.session.ended
        return write | (0 if full else selectors.EVENT_READ)


class Running:
    """Stand-ins and their sockets; they are bound when it is made, and closed with it.

    Raises SourceError when a port cannot be had, UsageError when a device cannot stand there.
    """

    def __init__(self, *stands: Stand) -> None:
        self.stands = stands
        self._selector = selectors.DefaultSelector()
        self._bound: list[Bound] = []
        self.listens: list[tuple[Stand, str]] = []  # each with each place, `udp 127.0.0.1:1740`
        self._clients: dict[socket.socket, _Client] = {}
        self._counts = {id(one): _Count() for one in stands}
        self._late: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._strangers: dict[int, socket.socket] = {}
        self._asleep, self._waker = socket.socketpair()
        self._stopped = False
        self._zero_ns = time.time_ns() - time.monotonic_ns()
        self._selector.register(self._asleep, selectors.EVENT_READ)
        try:
            for stand in stands:
                self._open(stand)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def port(self, stand: Stand, transport: Transport) -> int:
        """Return the port that a stand-in got."""
        return stand.device.ports[transport]

    def serve(
        self, stopped: Callable[[], bool] = lambda: False, seconds: float | None = None
    ) -> None:
        """Answer until somebody says stop, or the time is over."""
        end_ns = None if seconds is None else self._now() + round(seconds * NANO)
        while not (self._stopped or stopped()):
            now_ns = self._now()
            if end_ns is not None and now_ns >= end_ns:
                break
            self._due(now_ns)
            for key, mask in self._selector.select(self._wait_s(end_ns)):
                self._ready(key, mask)

    def stop(self) -> None:
        """Let `serve` come to its end; may be called from another thread."""
        self._stopped = True
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def close(self) -> None:
        """Close all sockets."""
        for client in list(self._clients.values()):
            self._drop(client)
        for sock in (*(one.socket for one in self._bound), *self._strangers.values()):
            sock.close()
        self._asleep.close()
        self._waker.close()
        self._selector.close()

    def places(self) -> list[Standing]:
        """Return where each listens."""
        return [
            Standing(stand.device.kind, self._texts(stand), stand.device.plate.name)
            for stand in self.stands
        ]

    def _texts(self, stand: Stand) -> tuple[str, ...]:
        return tuple(text for one, text in self.listens if one is stand)

    def records(self) -> list[StandIn]:
        """Return what each was asked so far."""
        found = []
        for stand in self.stands:
            tally, count = stand.device.tally, self._counts[id(stand)]
            plate = msgspec.structs.asdict(stand.device.plate)
            found.append(
                StandIn(
                    protocol=stand.device.kind,
                    listens=self._texts(stand),
                    asked=dict(sorted(dict(tally.asked).items())),
                    strange=tally.strange,
                    connections=count.connections,
                    refused=count.refused,
                    datagrams=count.datagrams,
                    octets_in=count.octets_in,
                    octets_out=count.octets_out,
                    **plate,
                )
            )
        return found

    def _open(self, stand: Stand) -> None:
        bound = bind(stand)
        self._bound += bound
        self.listens += [(one.stand, one.text) for one in bound]
        for one in bound:
            self._selector.register(one.socket, selectors.EVENT_READ, one)
        stranger = stand.manners.stranger
        first = next((one for one in bound if one.door.transport is Transport.UDP), None)
        if stranger and first:
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._strangers[id(stand)] = made
            made.bind((stranger, first.socket.getsockname()[1]))
            made.setblocking(False)

    def _now(self) -> int:
        # Unix time that no clock set anew moves: deadlines stay where they are
        return self._zero_ns + time.monotonic_ns()

    def _wait_s(self, end_ns: int | None) -> float:
        moments = [one.device.next_ns() for one in self.stands]
        moments += [end_ns, self._late[0][0] if self._late else None]
        due = min((one for one in moments if one is not None), default=None)
        if due is None:
            return LONGEST_WAIT_S
        return min(max((due - self._now()) / NANO, 0.0), LONGEST_WAIT_S)

    def _due(self, now_ns: int) -> None:
        """Do what is due: announcements, late answers, ends of idle connections."""
        for stand in self.stands:
            due_ns = stand.device.next_ns()
            if due_ns is not None and due_ns <= now_ns:
                for sent in stand.device.beat(now_ns):
                    self._send(stand, self._udp(stand), sent, None)
        while self._late and self._late[0][0] <= now_ns:
            heapq.heappop(self._late)[2]()
        for client in list(self._clients.values()):
            session = client.session
            over = session.until_ns is not None and now_ns >= session.until_ns
            if over or now_ns >= client.heard_ns + round(session.idle_s * NANO):
                self._drop(client)

    def _ready(self, key: selectors.SelectorKey, mask: int) -> None:
        if isinstance(key.data, Bound):
            if key.data.door.transport is Transport.TCP:
                self._accept(key.data)
            else:
                self._hear(key.data)
        elif isinstance(key.data, _Client):
            if mask & selectors.EVENT_WRITE:
                self._write(key.data)
            if mask & selectors.EVENT_READ and key.data.sock in self._clients:
                self._read(key.data)
        else:
            with contextlib.suppress(OSError):
                self._asleep.recv(READ)

    def _hear(self, bound: Bound) -> None:
        stand = bound.stand
        count = self._counts[id(stand)]
        for _ in range(TURNS):
            try:
                octets, asker = bound.socket.recvfrom(DATAGRAM)
            except OSError:  # nothing more, or an earlier answer was refused by its receiver
                return
            count.datagrams += 1
            count.octets_in += len(octets)
            answers = list(stand.device.datagram(octets, self._now()))
            for sent in answers:
                self._send(stand, self._udp(stand), sent, asker)

    def _udp(self, stand: Stand) -> socket.socket:
        """Return the socket that a stand-in's datagrams leave from: never the one for all."""
        own = (
            one.socket
            for one in self._bound
            if one.stand is stand and one.door.transport is Transport.UDP and not one.broadcast
        )
        return self._strangers.get(id(stand)) or next(own)

    def _send(
        self, stand: Stand, sock: socket.socket, sent: Sent, asker: tuple[str, int] | None
    ) -> None:
        octets = stand.manners.spoilt(sent.octets)
        to = sent.to or asker
        if not octets or to is None or (sent.to and not stand.reaches(sent.to[0])):
            return
        times = stand.manners.times if asker else 1

        def now() -> None:
            for _ in range(times):
                with contextlib.suppress(OSError):
                    self._counts[id(stand)].octets_out += sock.sendto(octets, to)

        self._soon(stand if asker else None, now)

    def _soon(self, stand: Stand | None, act: Callable[[], None]) -> None:
        """Do it now, or when the stand-in's lateness is over."""
        if stand is None or not stand.manners.late_s:
            act()
        elif len(self._late) < MOST_LATE:
            due_ns = self._now() + round(stand.manners.late_s * NANO)
            heapq.heappush(self._late, (due_ns, next(self._order), act))

    def _accept(self, bound: Bound) -> None:
        stand, count = bound.stand, self._counts[id(bound.stand)]
        try:
            sock, _ = bound.socket.accept()
        except OSError:
            return
        count.connections += 1
        open_now = sum(one.bound is bound for one in self._clients.values())
        if stand.manners.hangs_up or open_now >= bound.door.most:
            count.refused += 1
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now_ns = self._now()
        client = _Client(bound, sock, stand.device.session(now_ns), now_ns)
        self._clients[sock] = client
        self._selector.register(sock, selectors.EVENT_READ, client)
        self._say(client, client.session.begin(now_ns))

    def _read(self, client: _Client) -> None:
        try:
            octets = client.sock.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self._drop(client)
            return
        client.heard_ns = self._now()
        self._counts[id(client.bound.stand)].octets_in += len(octets)
        if client.session.ended:  # its last word is still on its way
            return
        self._say(client, client.session.receive(octets, client.heard_ns))

    def _say(self, client: _Client, octets: bytes) -> None:
        """Let a stand-in answer a client; when that was its last word, it closes behind it."""
        stand = client.bound.stand
        told = stand.manners.spoilt(octets)
        if told:
            client.owed += 1
            self._soon(stand, lambda: self._queue(client, told * min(stand.manners.times, 64)))
        else:
            self._write(client)

    def _queue(self, client: _Client, octets: bytes) -> None:
        client.owed -= 1
        if client.sock in self._clients:
            client.out += octets
            self._write(client)

    def _write(self, client: _Client) -> None:
        try:
            while client.out:
                room = 1 if client.bound.stand.manners.dribbles else len(client.out)
                sent = client.sock.send(client.out[:room])
                self._counts[id(client.bound.stand)].octets_out += sent
                del client.out[:sent]
                if client.bound.stand.manners.dribbles:
                    break
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        if client.session.ended and not client.out and not client.owed:
            self._drop(client)
        elif client.events:
            self._selector.modify(client.sock, client.events, client)

    def _drop(self, client: _Client) -> None:
        if self._clients.pop(client.sock, None):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(client.sock)
            client.sock.close()


@contextlib.contextmanager
def standing(*stands: Stand) -> Iterator[Running]:
    """Run stand-ins in a thread; their sockets are bound here, in the caller's namespace."""
    with Running(*stands) as running:
        thread = threading.Thread(target=running.serve, name="stand-ins", daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.stop()
            thread.join()
