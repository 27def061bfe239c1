"""Empties the field link's UDP socket in batches, and tells what each datagram is.

Exactly 1024 octets that begin as a packet does: a packet as it is (mode B). `PBL1`: our own
reliable link (mode D), handed on. Anything else with a packet in it at octet 0 to 64: seen on the
recorder's own link (mode C); the octets in front are kept, and nothing is ever answered. The
rest is counted by peer. Source: REF TEK notes, modes of input.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from portbook.daemons.sources.buffers import dropped
from portbook.daemons.sources.peers import Peers, plain
from portbook.protocols.reftek import packets
from portbook.protocols.reftek.layouts import SIZE
from portbook.seismic.spool import Arrival, Mode

MAGIC = b"PBL1"
ALL = frozenset((Mode.RAW, Mode.OBSERVED, Mode.LINK))
MOST_PEERS, MOST_PREFIXES = 256, 8
_KINDS = frozenset(kind.encode() for kind in packets.TYPES)
_ROOM = 2048  # no datagram of a recorder is larger; of what is, the rest is not needed


class Frame(NamedTuple):
    """A datagram of our own link; peer: as the socket names it, to answer to."""

    octets: bytes
    peer: tuple[str, int]
    received_ns: int


class Prefix(NamedTuple):
    """Octets that stood before packets of a peer."""

    octets: bytes
    times: int
    last_ns: int


class Drain:
    """Reads one UDP socket.

    deliver: called with all packets of a wake-up; linked: with all frames of our own link
    allowed: whether an address may send at all; what it sends otherwise is counted
    modes: what is taken at all; the rest is counted
    most: datagrams a wake-up, so that a flood starves nobody
    pause_s: between wake-ups, so that a busy socket is read in batches; 0: none
    """

    def __init__(
        self,
        sock: socket.socket,
        deliver: Callable[[list[Arrival]], object],
        linked: Callable[[list[Frame]], object],
        *,
        allowed: Callable[[str], bool] = lambda _: True,
        modes: frozenset[Mode] = ALL,
        peers: Peers | None = None,
        most: int = 512,
        pause_s: float = 0.001,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._socket, self._deliver, self._linked = sock, deliver, linked
        self._file = sock.fileno()
        self.allowed, self.modes = allowed, modes
        self.peers = peers or Peers()
        self._most, self._pause_s, self._clock = most, pause_s, clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._prefixes: dict[str, dict[bytes, Prefix]] = {}
        self.datagrams = 0
        self.foreign = 0  # of them, those that held no packet, or came from where none may
        self.full_batches = 0
        self.trouble: OSError | None = None
        sock.setblocking(False)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read whenever something waits."""
        self._loop = loop
        loop.add_reader(self._file, self._wake)

    def stop(self) -> None:
        """Read no more; what still comes waits in the socket."""
        if self._loop is not None:
            if self._pause is not None:
                self._pause.cancel()
                self._pause = None
            self._loop.remove_reader(self._file)
            self._loop = None

    def dropped(self) -> int | None:
        """Return how many datagrams the kernel threw away; None: it does not tell."""
        return dropped(self._socket)

    def prefixes(self) -> dict[str, list[Prefix]]:
        """Return what stood before the packets of each peer that was watched (mode C)."""
        return {peer: list(each.values()) for peer, each in self._prefixes.items()}

    def read(self) -> int:
        """Take what waits, at most one batch; return how many datagrams it was."""
        receive, most, now_ns = self._socket.recvfrom, self._most, self._clock()
        arrivals: list[Arrival] = []
        frames: list[Frame] = []
        taken = 0
        allowed, raw = self.allowed, Mode.RAW
        takes_raw, takes_links = raw in self.modes, Mode.LINK in self.modes
        while taken < most:
            try:
                octets, peer = receive(_ROOM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:  # an ICMP error of an answer of ours, or worse: told
                self.trouble = error
                break
            taken += 1
            address = plain(peer[0])
            if not allowed(address):
                self.peers.count(address, "source not allowed")
                self.foreign += 1
            elif takes_raw and len(octets) == SIZE and octets[:2] in _KINDS:
                # whether the rest of its header can be is asked of every packet by the receiver
                arrivals.append(Arrival(octets, now_ns, raw, address, peer[1]))
            elif takes_links and octets.startswith(MAGIC):
                frames.append(Frame(octets, peer, now_ns))
            elif (arrival := self._inside(octets, address, peer[1], now_ns)) is not None:
                arrivals.append(arrival)
        self.datagrams += taken
        self.full_batches += taken == most
        if arrivals:
            self._deliver(arrivals)
        if frames:
            self._linked(frames)
        return taken

    def _wake(self) -> None:
        taken = self.read()
        if self._pause_s and self._loop is not None and 0 < taken < self._most:
            self._loop.remove_reader(self._file)
            self._pause = self._loop.call_later(self._pause_s, self._again)

    def _again(self) -> None:
        self._pause = None
        if self._loop is not None:
            self._loop.add_reader(self._file, self._wake)

    def _inside(self, octets: bytes, address: str, port: int, now_ns: int) -> Arrival | None:
        found = None
        if Mode.OBSERVED in self.modes and not octets.startswith(MAGIC):
            found = packets.find(octets, len(octets))
        if found is None or (found[0] == 0 and len(octets) == SIZE):
            self.peers.count(address, _name(octets))
            self.foreign += 1
            return None
        at, packet = found
        self._keep(address, octets[:at], now_ns)
        return Arrival(packet.octets, now_ns, Mode.OBSERVED, address, port)

    def _keep(self, address: str, prefix: bytes, now_ns: int) -> None:
        """Remember what stood before a packet; the oldest makes room, of peers and of prefixes."""
        known = self._prefixes.get(address)
        if known is None:
            if len(self._prefixes) >= MOST_PEERS:
                del self._prefixes[next(iter(self._prefixes))]
            known = self._prefixes[address] = {}
        before = known.pop(prefix, None)
        if before is None and len(known) >= MOST_PREFIXES:
            del known[next(iter(known))]
        known[prefix] = Prefix(prefix, before.times + 1 if before else 1, now_ns)


def _name(octets: bytes) -> str:
    if packets.is_header(octets) and len(octets) == SIZE:
        return "packet in a datagram of its own, which [field] raw leaves out"
    if octets.startswith(MAGIC):
        return "PBL1, which [field] link leaves out"
    if len(octets) == SIZE:
        return "1024 octets that are no packet"
    if octets[:2].decode("latin-1") in packets.TYPES:
        return "packet of another length, or cut"
    return "datagram of something else"
