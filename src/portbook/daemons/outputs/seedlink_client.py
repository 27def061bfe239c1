"""One client of the SeedLink server: its socket, its session, its place in the ring."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from portbook.daemons.outputs.connections import reset
from portbook.protocols.seedlink.serving import Session
from portbook.seismic.cursors import Cursor, OverrunError
from portbook.seismic.repacking import pieces

if TYPE_CHECKING:
    from portbook.daemons.outputs.seedlink import SeedLink

READ = 4096
TOO_MUCH = 128 << 10  # octets on the way to a client, then its questions have to wait
HANDSHAKE_NS = 60 * 10**9  # without a word before data are asked for
GOODBYE_NS = 30 * 10**9  # after END
_ROUNDS = 4  # chunks for one client at a time


class Client:
    """One connection: it answers, and gets what it asked for as fast as it reads."""

    def __init__(self, server: SeedLink, sock: socket.socket, peer: str) -> None:
        self.peer = peer
        self.session = Session(server.about, server.stations)
        self.since_ns = self.heard_ns = server.clock()
        self.sent = 0
        self._server = server
        self._sock = sock
        self._out: list[memoryview] = []
        self._waits = 0  # octets in _out
        self._cursor: Cursor | None = None
        self._reading = self._writing = False
        self._over_ns: int | None = None
        self._gone = False
        self._read(True)

    def row(self) -> dict[str, Any]:
        """Return what a status page shows of it."""
        request = self.session.request
        return {
            "peer": self.peer,
            "program": self.session.program,
            "since_ns": self.since_ns,
            "version": self.session.version,
            "stations": len(request.wanted.stations) if request else 0,
            "sent_octets": self.sent,
            "lag_records": self._cursor.lag if self._cursor else 0,
            "oddities": dict(self.session.oddities),
        }

    def heard(self, octets: bytes) -> None:
        """Take what it said, and answer."""
        session = self.session
        self.heard_ns = self._server.clock()
        self._send(session.feed(octets, self.heard_ns))
        if session.waiting:  # it asks much at once: the others have their turn first
            self._read(False)
            self._write(True)
        if session.request is not None and self._cursor is None and not self._gone:
            self._cursor = Cursor(self._server.ring, session.request, pieces)
            self._server.follow(self, self._cursor.selection)
        if session.ended is not None and not self._waits:
            self.drop(session.ended)
        self.pump()

    def pump(self) -> None:
        """Send what it still has to get, as far as the system takes it."""
        cursor = self._cursor
        if cursor is None or self._gone or self._over_ns is not None:
            return
        if self.session.version == 3 and not self._server.when_old_can_be_served(self):
            return
        if self._waits:
            if cursor.overrun:
                self._too_slow()
            return
        try:
            for _ in range(_ROUNDS):
                if self._waits or not cursor.waiting:
                    break
                self._send(cursor.take())
        except OverrunError:
            self._too_slow()
        if self._gone or self._waits:
            return
        if cursor.waiting:
            self._write(True)  # go on when the others had their turn
        elif cursor.over(self._server.clock()):
            self._over_ns = self._server.clock()
            self._send(b"END")

    def look(self, now_ns: int) -> None:
        """Do what time alone brings about."""
        if self._over_ns is not None and now_ns - self._over_ns > GOODBYE_NS:
            self.drop("has all that it asked for")
        elif self._cursor is None and now_ns - self.heard_ns > HANDSHAKE_NS:
            self._server.counts["silent"] += 1
            self.drop("silent before it asked for data")
        elif self._cursor is not None and not self._cursor.waiting:
            self.pump()

    def _too_slow(self) -> None:
        self._server.counts["too-slow"] += 1
        self.drop("too slow")

    def drop(self, why: str) -> None:
        """End the connection."""
        if self._gone:
            return
        self._gone = True
        self._read(False)
        self._write(False)
        if self._waits:
            reset(self._sock)
        else:
            self._sock.close()
        self._out.clear()
        self._waits = 0
        self._server.counts[f"ended: {why}"] += 1
        for name, many in self.session.oddities.items():
            self._server.counts[name] += many
        selection = None
        if self._cursor is not None:
            selection = self._cursor.selection
            for name, many in self._cursor.odd.items():
                self._server.counts[name] += many
            self._cursor.close()
        self._server.forget(self, selection)

    def _readable(self) -> None:
        try:
            octets = self._sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            octets = b""
        if octets:
            self.heard(octets)
        else:
            self.drop("closed by the client")

    def _writable(self) -> None:
        while self._out:
            try:
                taken = self._sock.send(self._out[0])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.drop("closed by the client")
                return
            self._taken(taken)
        self._write(False)
        if self.session.ended is not None:
            self.drop(self.session.ended)
        elif self.session.waiting:
            self.heard(b"")
        else:
            self._read(True)
            self.pump()

    def _send(self, octets: bytes) -> None:
        if not octets or self._gone:
            return
        taken = 0
        if not self._out:
            try:
                taken = self._sock.send(octets)
            except (BlockingIOError, InterruptedError):
                taken = 0
            except OSError:
                self.drop("closed by the client")
                return
            self.sent += taken
        if taken < len(octets):
            self._out.append(memoryview(octets)[taken:])
            self._waits += len(octets) - taken
            self._write(True)
            if self._waits > TOO_MUCH:
                self._read(False)

    def _taken(self, octets: int) -> None:
        self.sent += octets
        self._waits -= octets
        first = self._out[0]
        if octets == len(first):
            del self._out[0]
        else:
            self._out[0] = first[octets:]

    def _read(self, on: bool) -> None:
        if on != self._reading:
            self._reading = on
            if on:
                self._server.loop.add_reader(self._sock, self._readable)
            else:
                self._server.loop.remove_reader(self._sock)

    def _write(self, on: bool) -> None:
        if on != self._writing:
            self._writing = on
            if on:
                self._server.loop.add_writer(self._sock, self._writable)
            else:
                self._server.loop.remove_writer(self._sock)
