"""One connection to an RTPD that we read from, as its other clients do (mode A).

It is made again whenever it ends: at once when it had run well, then after 1 s, 2 s ... and never
more than 30 s apart, which is what a chained RTPD does. A server of version 1 is come back to
with version 1. While the receiver has no room, nothing is read: the server keeps what follows.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from portbook.daemons.outputs.connections import Peer
from portbook.daemons.sources.handover import Handover
from portbook.daemons.sources.peers import Peers
from portbook.daemons.sources.upstream_session import Session, connected
from portbook.daemons.voices.voice import Voice, worth_telling
from portbook.daemons.watchdog.patience import Backoff
from portbook.protocols.reftek.asking import Asking, End
from portbook.protocols.reftek.client import SHORTEST_TIMEOUT_S, Wish
from portbook.seismic.spool import Arrival, Mode

RETRY_S = (1.0, 30.0)
GRACE_S = 10.0  # without a session that works before it is an alarm: a restart there is none
_SECOND = 1_000_000_000


class UpstreamStatus(NamedTuple):
    """How an upstream stands; state: open, connecting, waiting; why: its last end."""

    host: str
    port: int
    state: str
    version: int
    program: str | None
    granted: Wish | None
    timeout_s: float
    packets: int
    heartbeats: int
    attempts: int
    since_ns: int | None
    last_ns: int | None
    why: str


class Upstream:
    """Reads from one RTPD for as long as `run` runs.

    wish: what is asked of it; deliver: takes packets, once a read; False: it has no room
    retry_s: first and longest pause between attempts
    """

    def __init__(
        self,
        host: str,
        port: int,
        wish: Wish,
        deliver: Callable[[list[Arrival]], object],
        voice: Voice,
        *,
        timeout_s: float = SHORTEST_TIMEOUT_S,
        retry_s: tuple[float, float] = RETRY_S,
        grace_s: float = GRACE_S,
        peers: Peers | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.host, self.port, self.wish = host, port, wish
        self.name = str(Peer(host, port))
        self.oddities: Counter[str] = Counter()
        self._peers = peers or Peers()
        self.packets = self.heartbeats = self.attempts = 0
        self._voice, self._timeout_s, self._now = voice, timeout_s, clock
        self._grace_ns, self._well_ns = int(grace_s * _SECOND), int(retry_s[1] * _SECOND)
        self._pauses = Backoff(*retry_s)
        self._out = Handover(deliver, self._hold)
        self._version = 2
        self._state, self._why = "waiting", ""
        self._since_ns: int | None = None
        self._last_ns: int | None = None
        self._good_ns = clock()
        self._works = False  # this session: packets or heartbeats came, not a handshake alone
        self._session: Session | None = None

    async def run(self) -> None:
        """Keep the connection until cancelled; says good-bye then."""
        self._out.start(asyncio.get_running_loop())
        self._good_ns = self._now()
        try:
            while True:
                await asyncio.sleep(await self._attempt())
        finally:
            lost = self._out.stop()
            if lost:
                self._voice.say("error", f"{lost} packets of {self.name} found no room at the end")

    def look(self) -> None:
        """Take note of the time now; it is looked at by itself when a read should be whole."""
        if self._session is not None:
            self._session.look()

    def status(self) -> UpstreamStatus:
        """Return how it stands."""
        asking = self._session.asking if self._session else None
        return UpstreamStatus(
            self.host,
            self.port,
            self._state,
            asking.version if asking else self._version,
            asking.program if asking else None,
            asking.granted if asking else None,
            asking.timeout_s if asking else self._timeout_s,
            self.packets,
            self.heartbeats + (asking.heartbeats if asking else 0),
            self.attempts,
            self._since_ns,
            self._last_ns,
            self._why,
        )

    async def _attempt(self) -> float:
        """Connect and read until the end; return the pause before the next attempt, in seconds."""
        begun_ns = self._now()
        self.attempts += 1
        self._state, self._works = "connecting", False
        asking, why = None, ""
        try:
            async with asyncio.timeout(self._timeout_s):
                sock = await connected(self.host, self.port)
        except TimeoutError:
            why = f"no connection within {self._timeout_s:g} s"
        except OSError as error:
            why = f"no connection: {error.strerror or error}"
        else:
            asking, why = await self._read(sock)
        self._state, self._why, self._since_ns = "waiting", why, None
        if asking is not None and self._other_version(asking):
            return 0.0
        if self._works:
            self._good_ns = self._now()
        self._tell(why)
        well = asking is not None and asking.ready and self._now() - begun_ns >= self._well_ns
        return self._pauses.ended(well=well) / _SECOND

    async def _read(self, sock: socket.socket) -> tuple[Asking, str]:
        asking = Asking(
            self.wish,
            self._now(),
            version=self._version,
            timeout_s=self._timeout_s,
            process=os.getpid(),
        )
        self._session = session = Session(
            sock,
            asking,
            opened=self._opened,
            heard=self._heard,
            took=self._took,
            now=self._now,
        )
        if self._out.held:
            session.hold(True)
        try:
            why = await session.over()
        finally:
            session.close()
            self._session = None
            self.heartbeats += asking.heartbeats
        return asking, why

    def _other_version(self, asking: Asking) -> bool:
        """Choose the version of the next attempt; tell whether that is worth one at once."""
        if asking.ended is End.VERSION:
            self._version = 1
            return True
        if asking.server_version is None and asking.ended is None:
            # It hung up on our hello without a word, as an old one might on a higher version.
            self._version = 3 - self._version
        return False

    def _opened(self, asking: Asking) -> None:
        self._state, self._since_ns = "open", time.time_ns()
        self._voice.say(
            "info", f"upstream {self.name} ({asking.program or 'no name'}) version {asking.version}"
        )
        if asking.granted != self.wish:
            told = f"{asking.granted} where we asked for {self.wish}"
            self._voice.say("warning", f"upstream {self.name} grants {told}")

    def _heard(self, asking: Asking, peer: Peer) -> None:
        """Count what cannot be; a first packet or heartbeat shows that the session works."""
        for name, times in asking.oddities.items():
            self.oddities[name] += times
            if worth_telling(self._peers.count(peer.address, f"upstream: {name}", times)):
                self._voice.say("warning", f"upstream {self.name}: {name}")
        asking.oddities.clear()
        if not self._works and (asking.heartbeats or asking.received):
            self._works = True
            self._voice.clear(f"upstream:{self.name}")

    def _took(self, octets: list[bytes], peer: Peer) -> None:
        now_ns, (address, port), mode = time.time_ns(), peer, Mode.UPSTREAM
        self.packets += len(octets)
        self._last_ns = now_ns
        self._out.put([Arrival(one, now_ns, mode, address, port) for one in octets])
        if not self._out.held:
            self._out.flush()

    def _hold(self, held: bool) -> None:
        if self._session is not None:
            self._session.hold(held)

    def _tell(self, why: str) -> None:
        if worth_telling(self._pauses.failures + 1):
            self._voice.say("warning", f"upstream {self.name}: {why}")
        if self._now() - self._good_ns >= self._grace_ns:
            message = f"no packets from RTPD {self.name}: {why}"
            self._voice.alarm(f"upstream:{self.name}", "upstream", message)
