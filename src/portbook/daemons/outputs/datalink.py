"""DataLink push: every record of the ring goes into a ringserver, once it says that it has it.

    push = DataLinkPush(ring, "ring.example.org", 16000, folder / "datalink.ring", voice=voice)
    task = group.create_task(push.run())
    ...after records came into the ring: push.pump()

The cursor, the ring sequence of the first packet whose records are not all acknowledged, stands
in a file; after a restart or a lost connection the push goes on exactly there. So a record is
sent again only when its acknowledgement was lost with the connection.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from portbook.daemons.outputs.connections import prepared
from portbook.daemons.outputs.datalink_cursor import CursorFile
from portbook.daemons.sources.upstream_session import connected
from portbook.daemons.voices.voice import Voice
from portbook.errors import PeerError
from portbook.protocols.datalink.writing import Writing
from portbook.seismic.live_records import PARTS, Record, times_ns
from portbook.seismic.miniseed import RECORD, SMALL
from portbook.seismic.record_ring import RecordRing
from portbook.seismic.repacking import pieces

CONNECT_S = 20.0
LONGEST_PAUSE_S = 60.0
NAME = "portbook:rtpd"
_TOO_MUCH = 512 << 10  # octets on the way, beside what the window allows
_REFUSALS = 5  # of one record, while others are taken: then it is left out
_TURN = 64


class DataLinkPush:
    """Writes the records of a ring into one DataLink server.

    cursor: the file that keeps the place; window: records without an acknowledgement; voice: says
    what happens, and holds the alarm `upstream` while the server cannot be written to.
    Raises UsageError when the cursor's file cannot be used.
    """

    def __init__(
        self,
        ring: RecordRing,
        host: str,
        port: int,
        cursor: Path,
        *,
        voice: Voice,
        window: int = 256,
        clock: Callable[[], int] = time.time_ns,
        first_pause_s: float = 1.0,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.server: str | None = None
        self._ring = ring
        self._host, self._port = host, port
        self._name = f"ringserver {host}:{port}"
        self._voice = voice
        self._window = window
        self._clock = clock
        self._first_pause_s = first_pause_s
        self._cursor = CursorFile(cursor)
        self._place: int | None = None  # in the ring, of the next record to write
        self._session: Writing | None = None
        self._sock: socket.socket | None = None
        self._out = bytearray()
        self._writing = False
        self._down = asyncio.Event()
        self._why = "not connected yet"
        self._failures = 0
        self._refusals = 0
        self._taken_ns: int | None = None
        self._closed = False

    async def run(self) -> None:
        """Connect, write, connect again, until cancelled or closed."""
        try:
            while not self._closed:
                await self._connection()
                if self._closed:
                    return
                self._failures += 1
                if self._failures > 1:
                    self._alarm()
                pause_s = self._first_pause_s * 2 ** min(self._failures - 1, 12)
                await asyncio.sleep(min(LONGEST_PAUSE_S, pause_s))
        finally:
            self._hang_up("stopped")

    def pump(self) -> None:
        """Write what the window has room for; call it after records came into the ring."""
        session, sock = self._session, self._sock
        if session is None or sock is None or self._place is None or not session.room:
            return
        if self._place < self._ring.tail:
            self._overrun()
        now_ns = self._clock()
        written = 0
        while session.room and len(self._out) < _TOO_MUCH and written < _TURN:
            record = self._ring.get(self._place)
            if record is None:
                break
            self._place += 1
            written += 1
            self._out += self._frames(session, record, now_ns)
        self._flush()
        if written == _TURN and session.room:
            asyncio.get_running_loop().call_soon(self.pump)

    def close(self) -> None:
        """Stop: hang up and let go of the cursor's file."""
        if not self._closed:
            self._closed = True
            self._hang_up("stopped")
            self._cursor.close()

    def status(self) -> dict[str, Any]:
        """Return what a status page shows."""
        session = self._session
        return {
            "host": self._host,
            "port": self._port,
            "connected": session is not None and session.ready,
            "server": self.server,
            "why": None if session is not None and session.ready else self._why,
            "sequence": self.sequence,
            "waiting": self.waiting,
            "unacknowledged": session.unanswered if session else 0,
            "taken_ns": self._taken_ns,
            "counts": dict(self.counts),
        }

    @property
    def sequence(self) -> int:
        """Return the cursor: all records of packets before this ring sequence were taken."""
        return self._cursor.sequence

    @property
    def waiting(self) -> int:
        """Return how many records the server does not have yet, as far as it said."""
        return self._ring.head - self._ring.first_from(self.sequence * PARTS)

    async def _connection(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):  # wait_for may lose a cancellation
                sock = await connected(self._host, self._port)
        except (OSError, TimeoutError) as error:
            self._why = f"cannot connect: {getattr(error, 'strerror', None) or 'no answer'}"
            self.counts["failed-connects"] += 1
            return
        if prepared(sock) is None:
            sock.close()
            self._why = "the connection broke at once"
            return
        self._down.clear()
        self._sock, self._session = sock, Writing(NAME, self._window)
        self.counts["connections"] += 1
        self._out[:] = self._session.hello(self._clock())
        loop.add_reader(sock, self._readable)
        self._flush()
        try:
            while self._sock is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._down.wait()
                self._look()
        finally:
            self._hang_up("stopped")

    def _look(self) -> None:
        if self._session is None:
            return
        self._out += self._session.due(self._clock())
        if self._session.ended is not None:
            self._hang_up(self._session.ended)
        elif self._out:
            self._flush()

    def _readable(self) -> None:
        session, sock = self._session, self._sock
        if session is None or sock is None:
            return
        try:
            octets = sock.recv(1 << 16)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._hang_up(f"connection lost: {error.strerror}")
            return
        if not octets:
            self._hang_up(session.ended or "it closed the connection")
            return
        was_ready = session.ready
        marks = session.feed(octets, self._clock())
        if marks:
            self._acknowledged(marks[-1])
        if session.ready and not was_ready:
            self._begin(session)
        if session.ended is not None:
            self._refused(session)
            self._hang_up(session.ended)
        else:
            self.pump()

    def _begin(self, session: Writing) -> None:
        """Begin to write, where the server left off."""
        self.server = session.server
        limit = session.packet_octets
        if limit is not None and limit < SMALL:
            session.ended = f"it takes packets of {limit} octets; records have {SMALL} or {RECORD}"
            return
        if self.sequence > self._ring.next_sequence and len(self._ring):
            # The receiver's own numbers began anew: what it holds is all new to the server.
            self._voice.say("warning", f"{self._name}: our numbers began anew; sending all we hold")
            self._cursor.keep(0)
        self._place = self._ring.first_from(self.sequence * PARTS)
        oldest = self._ring.get(self._ring.tail)
        if self.sequence and oldest is not None and oldest.ring > self.sequence:
            self._lost(self.sequence, oldest.ring)
        self._failures = 0
        self._voice.clear(self._key)
        self._voice.say("info", f"{self._name}: writing, {self.waiting} records behind")

    def _frames(self, session: Writing, record: Record, now_ns: int) -> bytes:
        """Return the WRITEs of a record; the last one of a packet carries the next sequence."""
        following = self._ring.get(self._place or 0)
        last = following is None or following.ring != record.ring
        mark = record.ring + 1 if last else None
        channel = record.channel
        stream = channel.source_id if session.source_ids else channel.datalink
        parts: tuple[bytes, ...] = (record.octets,)
        if session.packet_octets is not None and session.packet_octets < RECORD:
            try:
                parts = pieces(record)
            except PeerError:
                self.counts["record-cannot-be-packed"] += 1
                parts = ()
        made = []
        for at, octets in enumerate(parts, 1):
            begin_ns, end_ns = times_ns(octets, record.rate_hz)
            told = mark if at == len(parts) else None
            made.append(session.write(told, stream, begin_ns, end_ns, octets, now_ns))
        return b"".join(made)

    def _acknowledged(self, sequence: int) -> None:
        self._refusals = 0
        self._taken_ns = self._clock()
        self._cursor.keep(sequence)

    def _refused(self, session: Writing) -> None:
        if session.refused is None:
            return
        self.counts["refusals"] += 1
        self._refusals += 1
        record = self._ring.get(self._ring.first_from(self.sequence * PARTS))
        if self._refusals >= _REFUSALS and self._taken_ns is not None and record is not None:
            self._voice.say(
                "error",
                f"{self._name}: refused a record of {record.channel.station} {_REFUSALS} times, "
                f"left out: {session.refused}",
            )
            self.counts["left-out"] += 1
            self._acknowledged(record.ring + 1)

    def _overrun(self) -> None:
        record = self._ring.get(self._ring.tail)
        before = self.sequence
        self._place = self._ring.tail
        if record is not None:
            self._lost(before, record.ring)

    def _lost(self, first: int, until: int) -> None:
        self.counts["lost-packets"] += until - first
        self._voice.say(
            "error",
            f"{self._name}: the ring went over packets {first} to {until - 1} before it took "
            f"them; they are in the archive. A longer ring bridges longer outages",
        )

    @property
    def _key(self) -> str:
        return f"datalink {self._host}:{self._port}"

    def _alarm(self) -> None:
        self._voice.alarm(
            self._key, "upstream", f"{self._name}: {self._why}; {self.waiting} records wait"
        )

    def _flush(self) -> None:
        sock = self._sock
        if sock is None:
            return
        try:
            while self._out:
                del self._out[: sock.send(self._out)]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._hang_up(f"connection lost: {error.strerror}")
            return
        if bool(self._out) != self._writing:
            self._writing = bool(self._out)
            loop = asyncio.get_running_loop()
            if self._writing:
                loop.add_writer(sock, self._writable)
            else:
                loop.remove_writer(sock)

    def _writable(self) -> None:
        self._flush()
        self.pump()

    def _hang_up(self, why: str) -> None:
        sock, session = self._sock, self._session
        if sock is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        if self._writing:
            loop.remove_writer(sock)
        sock.close()
        self._sock = self._session = self._place = None
        self._writing = False
        self._out.clear()
        self._why = why
        if session is not None:
            self.counts["unacknowledged-at-the-end"] += session.unanswered
        self.counts["disconnections"] += 1
        self._down.set()
