"""TCP 2543: takes connections in, tells programs that read from streams of raw packets (mode B).

Nothing is written before a client's first six octets, which go to the fan-out with the
connection. A stream is packets of 1024 octets, one behind the other; what is no packet ends it,
after everything good before it was handed over.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from portbook.daemons.outputs.connections import NO_MORE, Peer, prepared
from portbook.daemons.sources import descriptors
from portbook.daemons.sources.handover import Handover
from portbook.daemons.sources.peers import Peers
from portbook.daemons.voices.voice import Voice, worth_telling
from portbook.protocols.reftek import packets
from portbook.protocols.reftek.layouts import HEADER, SIZE
from portbook.protocols.reftek.opening import Opening, opening
from portbook.protocols.reftek.serving import PATIENCE_NS
from portbook.seismic.spool import Arrival, Mode

READ = 64 << 10  # octets of one connection in one go: no peer costs more memory
_ACCEPTS = 64  # connections in one go
_PAUSE_S = 1.0  # when the system has no more of them
_LOOK_S = 1.0


class StreamStatus(NamedTuple):
    """How a stream of packets stands."""

    address: str
    port: int
    packets: int
    since_ns: int
    last_ns: int


class _Arriving:
    """A connection until it is known, and a stream ever after."""

    __slots__ = ("begun_ns", "buffer", "last_ns", "packets", "peer", "since_ns", "sock")

    def __init__(self, sock: socket.socket, peer: Peer, begun_ns: int, since_ns: int) -> None:
        self.sock, self.peer, self.begun_ns, self.since_ns = sock, peer, begun_ns, since_ns
        self.buffer = b""
        self.packets = 0
        self.last_ns = 0


class Incoming:
    """Accepts on one listening socket, which stays its caller's.

    adopt: takes a client's connection and its first octets; deliver: takes packets, False: no room
    may_read, may_send: who may come as a client, as a stream, by address
    most_unknown: connections whose first octets are not there yet; the oldest makes room
    """

    def __init__(
        self,
        listener: socket.socket,
        adopt: Callable[[socket.socket, bytes], None],
        deliver: Callable[[list[Arrival]], object],
        voice: Voice,
        *,
        may_read: Callable[[str], bool] = lambda _: True,
        may_send: Callable[[str], bool] = lambda _: True,
        most_streams: int = 1024,
        most_unknown: int = 256,
        peers: Peers | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.may_read, self.may_send = may_read, may_send
        self.most_streams, self.most_unknown = most_streams, most_unknown
        self.peers = peers or Peers()
        self.counts: Counter[str] = Counter()  # accepted, clients, streams, packets
        self._listener, self._adopt, self._voice, self._now = listener, adopt, voice, clock
        self._out = Handover(deliver, self._hold)
        self._unknown: dict[_Arriving, None] = {}  # the oldest first
        self._streams: dict[_Arriving, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        listener.setblocking(False)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to accept."""
        self._loop = loop
        self._out.start(loop)
        self._accept_again()
        self._tick()

    def stop(self) -> None:
        """Accept no more and end all streams, after what they brought was handed over."""
        if self._loop is None:
            return
        self._loop.remove_reader(self._listener)
        for timer in self._timers.values():
            timer.cancel()
        for one in [*self._unknown, *self._streams]:
            self._end(one)
        lost = self._out.stop()
        if lost:
            self._voice.say("error", f"{lost} packets of streams found no room before the end")
        self._loop = None

    def look(self, now_ns: int) -> None:
        """Let go of connections that keep us waiting for their first message."""
        for one in [one for one in self._unknown if now_ns - one.begun_ns >= PATIENCE_NS]:
            self._refuse(one, "no whole message within 10 s")
        fresh = (one for one in self._streams if not one.packets)
        for one in [one for one in fresh if now_ns - one.begun_ns >= PATIENCE_NS]:
            if not self._out.held:
                self._refuse(one, "no whole packet within 10 s")

    def status(self) -> list[StreamStatus]:
        """Return how each stream stands."""
        return [
            StreamStatus(*one.peer, one.packets, one.since_ns, one.last_ns) for one in self._streams
        ]

    def _accept(self) -> None:
        for _ in range(_ACCEPTS):
            try:
                sock, _peer = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue  # gone before it was taken
            except OSError as error:  # EMFILE and its like would wake us again and again
                self._no_more(error)
                return
            self._begin(sock)

    def _begin(self, sock: socket.socket) -> None:
        peer = prepared(sock)
        if peer is None or self._loop is None:
            sock.close()
            return
        self.counts["accepted"] += 1
        one = _Arriving(sock, peer, self._now(), time.time_ns())
        if not self.may_read(peer.address) and not self.may_send(peer.address):
            self._refuse(one, "connection not allowed")
            return
        if not descriptors.spare(sock.fileno()):
            self._refuse(one, "no descriptor to spare; raise the limit of open files")
            return
        if len(self._unknown) >= self.most_unknown:
            self._refuse(next(iter(self._unknown)), "gave way to newer connections")
        self._unknown[one] = None
        self._loop.add_reader(sock, self._readable, one)

    def _readable(self, one: _Arriving) -> None:
        try:
            octets = one.sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            octets = b""
        if not octets:
            self._finished(one)
            return
        one.buffer += octets
        if one in self._unknown:
            self._tell_apart(one)
        if one in self._streams:
            self._cut(one)

    def _tell_apart(self, one: _Arriving) -> None:
        what = opening(one.buffer)
        if what is None:
            return
        if what is Opening.FOREIGN:
            self._refuse(one, "neither client nor packet")
        elif what is Opening.CLIENT:
            self._hand_on(one)
        elif not self.may_send(one.peer.address):
            self._refuse(one, "source not allowed")
        elif len(self._streams) >= self.most_streams:
            self._refuse(one, "too many streams")
        else:
            del self._unknown[one]
            self._streams[one] = None
            self.counts["streams"] += 1
            self._voice.say("info", f"stream of packets from {one.peer} begins")
            if self._out.held and self._loop is not None:
                self._loop.remove_reader(one.sock)

    def _hand_on(self, one: _Arriving) -> None:
        if not self.may_read(one.peer.address):
            self._refuse(one, "client not allowed")
            return
        del self._unknown[one]
        if self._loop is not None:
            self._loop.remove_reader(one.sock)
        self.counts["clients"] += 1
        self._adopt(one.sock, one.buffer)

    def _cut(self, one: _Arriving) -> None:
        """Hand over the whole packets of a stream; what is none ends it."""
        octets, now_ns, (address, port) = one.buffer, time.time_ns(), one.peer
        arrivals, at = [], 0
        while at + HEADER.size <= len(octets) and packets.is_header(octets, at):
            if at + SIZE > len(octets):
                break
            packet = octets[at : at + SIZE]
            arrivals.append(Arrival(packet, now_ns, Mode.RAW, address, port))
            at += SIZE
        if arrivals:
            one.packets += len(arrivals)
            one.last_ns = now_ns
            self.counts["packets"] += len(arrivals)
            self._out.put(arrivals)
        one.buffer = rest = octets[at:]
        if len(rest) >= HEADER.size and not packets.is_header(rest):
            self._refuse(one, "no packet where one must begin", one.packets * SIZE)

    def _finished(self, one: _Arriving) -> None:
        if one.buffer:
            self._refuse(one, "ended inside a message", one.packets * SIZE)
            return
        if one.packets:
            self._voice.say("info", f"stream from {one.peer} ended after {one.packets} packets")
        self._end(one)

    def _refuse(self, one: _Arriving, name: str, at: int = 0) -> None:
        times = self.peers.count(one.peer.address, name)
        if worth_telling(times):
            where = f" at octet {at}" if at else ""
            self._voice.say("warning", f"connection from {one.peer} closed: {name}{where}")
        self._end(one)

    def _end(self, one: _Arriving) -> None:
        self._unknown.pop(one, None)
        self._streams.pop(one, None)
        if self._loop is not None:
            self._loop.remove_reader(one.sock)
        one.sock.close()

    def _hold(self, held: bool) -> None:
        """Read streams no more while the receiver has no room for them."""
        if self._loop is None:
            return
        for one in self._streams:
            if held:
                self._loop.remove_reader(one.sock)
            else:
                self._loop.add_reader(one.sock, self._readable, one)

    def _no_more(self, error: OSError) -> None:
        if self._loop is None:
            return
        if worth_telling(self.peers.count("here", "connections cannot be taken")):
            hint = "raise the limit of open files" if error.errno in NO_MORE else "trying again"
            self._voice.say("error", f"no connection can be taken: {error.strerror}; {hint}")
        self._loop.remove_reader(self._listener)
        self._timers["accept"] = self._loop.call_later(_PAUSE_S, self._accept_again)

    def _accept_again(self) -> None:
        if self._loop is not None:
            self._loop.add_reader(self._listener, self._accept)

    def _tick(self) -> None:
        if self._loop is not None:
            self._timers["look"] = self._loop.call_later(_LOOK_S, self._tick)
            self.look(self._now())
