"""The ring's clients: all of them on non-blocking sockets in one loop, none waits for another.

After each batch `pump` sends to those that keep up; a client whose socket is full goes on when it
is writable again, from its own place in the ring. What it does not fetch costs its place and no
copy; when the ring went over it, it is told BUSY, if that can be said between two messages, and
let go.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Callable

from portbook.daemons.outputs.connections import SEND_OCTETS, Peer, prepared, reset
from portbook.daemons.outputs.subscriber import ClientStatus, Subscriber
from portbook.daemons.sources.peers import Peers
from portbook.daemons.voices.voice import Voice, worth_telling
from portbook.protocols.reftek.serving import Session, Stage
from portbook.seismic.ring import Ring

LOOK_S = 1.0
_MOST_ASIDE = 64  # that are being told BUSY, or good-bye; more are closed without a word


class Fanout:
    """Serves a ring to RTP clients, versions 1 and 2.

    most: clients at once, further ones are told BUSY; lag_packets: how far one may be behind, 0:
    the ring's size; heartbeat_s: longest silence towards one, half of its timeout if less
    All four may be changed while it runs; new ones hold for what comes after.
    """

    def __init__(
        self,
        ring: Ring,
        voice: Voice,
        *,
        most: int = 1000,
        lag_packets: int = 0,
        heartbeat_s: float = 15.0,
        version: int = 2,
        peers: Peers | None = None,
        send_octets: int = SEND_OCTETS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.ring, self.most, self.lag_packets = ring, most, lag_packets
        self.heartbeat_s, self.version = heartbeat_s, version
        self.peers = peers or Peers()
        self.counts: Counter[str] = Counter()  # adopted, busy, slow, octets
        self.flowing: dict[Subscriber, None] = {}
        self.loop: asyncio.AbstractEventLoop
        self.now = clock
        self._voice, self._send_octets = voice, send_octets
        self._clients: dict[Subscriber, None] = {}
        self._aside: dict[Subscriber, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to keep the time for all clients."""
        self.loop, self._stopping = loop, False
        self._timer = loop.call_later(LOOK_S, self._tick)

    def stop(self, why: str = "the server stops") -> None:
        """Say good-bye to everybody and close all connections, without waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._stopping = True  # a thousand lines at each restart would tell nothing
        told = "1 client is" if len(self._clients) == 1 else f"{len(self._clients)} clients are"
        self._voice.say("info", f"{told} told good-bye: {why}")
        for one in [*self._clients]:
            one.leave(why)
        for one in [*self._aside]:
            one.close(why)

    def adopt(self, sock: socket.socket, first: bytes) -> None:
        """Take over a connection with the octets that were read of it already."""
        peer = prepared(sock, self._send_octets)
        full = len(self._clients) >= self.most
        if peer is None or (full and len(self._aside) >= _MOST_ASIDE):
            self.counts["busy"] += peer is not None
            reset(sock)
            return
        now_ns = self.now()
        session = Session(
            now_ns,
            version=self.version,
            process=os.getpid(),
            full=full,
            heartbeat_s=self.heartbeat_s,
        )
        one = Subscriber(sock, peer, session, self, time.time_ns())
        self.counts["busy" if full else "adopted"] += 1
        if full:
            self._no_place(peer)
        (self._aside if full else self._clients)[one] = None
        one.begin(first)

    def pump(self) -> None:
        """Send what is new in the ring to all who keep up."""
        now_ns = self.now()
        for one in tuple(self.flowing):
            if one.waiting:
                one.push(now_ns)

    def look(self, now_ns: int) -> None:
        """Send heartbeats that are due, and let go of those who take too long."""
        for one in [*self._clients, *self._aside]:
            one.look(now_ns, self.lag_packets)

    def status(self) -> list[ClientStatus]:
        """Return how each client stands."""
        return [one.status() for one in self._clients]

    def keep(self, allowed: Callable[[str], bool]) -> None:
        """Let go of clients whose address is not allowed any more."""
        for one in [*self._clients]:
            if not allowed(one.peer.address):
                one.leave("its address is not allowed any more")

    def odd(self, one: Subscriber) -> None:
        """Count by peer what a client sent that is refused, and tell of it now and then."""
        for name, times in one.session.oddities.items():
            count = self.peers.count(one.peer.address, name, times)
            if count == times or worth_telling(count):
                told = f"{name}, {count} {'time' if count == 1 else 'times'} from its address"
                self._voice.say("warning", f"client {_named(one)}: {told}")
        one.session.oddities.clear()

    def leaving(self, one: Subscriber) -> None:
        """Serve a client no more."""
        self._clients.pop(one, None)
        self._aside[one] = None

    def gone(self, one: Subscriber, why: str) -> None:
        """Forget a client whose connection is closed, and tell of it."""
        self._clients.pop(one, None)
        self._aside.pop(one, None)
        self.counts["octets"] += one.octets
        self.counts["slow"] += one.slow
        self._tell(one, why)

    def _no_place(self, peer: Peer) -> None:
        self.peers.count(peer.address, "told BUSY")
        if worth_telling(self.counts["busy"]):
            clients = f"{len(self._clients)} clients are connected, clients.most is {self.most}"
            self._voice.say("warning", f"client {peer} is told BUSY: {clients}")

    def _tell(self, one: Subscriber, why: str) -> None:
        stage = one.session.stage
        shaken = stage is Stage.OPEN
        quiet = self._stopping or not shaken
        level = "warning" if one.slow else "debug" if quiet else "info"
        if not shaken and not one.session.full:
            self.peers.count(one.peer.address, f"ended at {stage.name.lower()}")
        packets = one.status().packets
        self._voice.say(level, f"client {_named(one)} left after {packets} packets: {why}")

    def _tick(self) -> None:
        self._timer = self.loop.call_later(LOOK_S, self._tick)
        self.look(self.now())


def _named(one: Subscriber) -> str:
    return f"{one.peer} ({one.session.program or 'no name'})"
