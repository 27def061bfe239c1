"""Our side as a client of a REF TEK server, as a state machine: octets in, octets to send out.

The client speaks first at every step: version, process id, attributes; what the server grants is
adopted, its timeout too, which covers each read (type, length, payload) as a whole. Whatever ends
a session, the packets that came before it are there to be taken.
Sources: the maker's library, exercised with its own server (version 1); USGS ReftekClient.java
(version 2).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from portbook.protocols.reftek import client, packets
from portbook.protocols.reftek.client import ATTRIBUTES, Cut, Wish
from portbook.protocols.reftek.layouts import SIZE

HEAD = client.HEADER.write(type=client.REFTEK, length=SIZE)
_MESSAGE = len(HEAD) + SIZE
_SECOND = 1_000_000_000
_LONGEST_TIMEOUT_S = 0xFFFF  # the library keeps 16 bits of it
_PACKETS = (client.REFTEK, 13)


class End(Enum):
    """Why a session is over; the values are words for people."""

    VERSION = "speaks a lower version"  # come back with it, on a new connection
    BUSY = "takes no more clients"
    BREAK = "said good-bye"
    FAULT = "reports a fault of its own"
    MALFORMED = "sent what cannot be"
    SILENT = "was silent for longer than agreed"


_ENDS = {client.BREAK: End.BREAK, client.BUSY: End.BUSY, client.FAULT: End.FAULT}


class Stage(Enum):
    """What the server must send next."""

    HELLO = 0
    PROCESS = 1
    ATTRIBUTES = 2
    OPEN = 3


class Asking:
    """A session with a server, from our first octet to its end; memory is bounded by what is fed.

    wish: what we ask for; timeout_s: how long we wait for each read until the server grants
    another time, raised to 30 in what is asked as the library does
    """

    def __init__(
        self,
        wish: Wish,
        now_ns: int,
        *,
        version: int = 2,
        timeout_s: float = client.SHORTEST_TIMEOUT_S,
        process: int = 0,
        name: str = "portbook",
    ) -> None:
        self.stage = Stage.HELLO
        self.version = version  # that is spoken: at last the lower of ours and the server's
        self.server_version: int | None = None
        self.program: str | None = None  # the server's
        self.wish = wish
        self.granted: Wish | None = None
        self.timeout_s = timeout_s
        self.ended: End | None = None
        self.why = ""  # more about the end
        self.heartbeats = self.received = 0  # received: packets
        self.oddities: dict[str, int] = {}
        self._process, self._name = process, name
        self._packets: list[bytes] = []
        self._buffer = b""
        self._deadline_ns = now_ns + self._timeout_ns()

    @property
    def ready(self) -> bool:
        """Tell whether the handshake is done."""
        return self.stage is Stage.OPEN

    def begin(self) -> bytes:
        """Return what we say first: our version."""
        return client.build(self.version)

    def leave(self) -> bytes:
        """Return what we say last, whenever that is."""
        return client.build(client.BREAK)

    def feed(self, octets: bytes, now_ns: int) -> bytes:
        """Take what the server sent; return what it is to be answered."""
        if self.ended:
            return b""
        stream, at, out, read = self._buffer + octets, 0, b"", _part(len(self._buffer))
        while not self.ended:
            if self._streams(stream, at):
                self._packet(stream[at + len(HEAD) : at + _MESSAGE])
                at += _MESSAGE
                continue
            found = client.cut(stream, at, self.version)
            if found is None or len(stream) < found.end:
                break
            if found.end < 0:
                self._malformed(f"a message of type {found.type} with an impossible length")
                break
            out += self._message(found, stream[found.begin : found.end])
            at = found.end
        self._buffer = b"" if self.ended else stream[at:]
        if at or _part(len(self._buffer)) != read:
            self.forgive(now_ns)
        return out

    def take(self) -> list[bytes]:
        """Return the packets that came since it was last asked, 1024 octets each."""
        taken, self._packets = self._packets, []
        return taken

    def deadline(self) -> int:
        """Return when the read that is under way must be whole, on the clock of `now_ns`."""
        return self._deadline_ns

    def forgive(self, now_ns: int) -> None:
        """Begin the time of the read that is under way anew: it was we who did not read."""
        self._deadline_ns = now_ns + self._timeout_ns()

    def look(self, now_ns: int) -> None:
        """Take note of the time: a server that was silent for too long ends the session."""
        if not self.ended and now_ns >= self._deadline_ns:
            self.ended, self.why = End.SILENT, f"nothing whole in {self.timeout_s:g} s"

    def _streams(self, stream: bytes, at: int) -> bool:
        """Tell whether a whole packet message stands there; nearly all are such."""
        whole = len(stream) - at >= _MESSAGE and stream.startswith(HEAD, at)
        return whole and self.stage is not Stage.HELLO

    def _message(self, found: Cut, payload: bytes) -> bytes:
        if found.type in _ENDS:
            self.ended = _ENDS[found.type]
            return b""
        if self.stage is Stage.HELLO:
            return self._hello(found.type, payload)
        if found.type in _PACKETS:
            self._packet(payload)
            return b""
        step = _STEPS.get((self.stage, found.type))
        return step(self, payload) if step else self._aside(found.type)

    def _hello(self, version: int, payload: bytes) -> bytes:
        if payload or version == 0:
            return self._malformed("its first message is no hello")
        self.server_version = version
        if version < self.version:
            self.ended, self.why = End.VERSION, f"version {version}"
            return b""
        self.stage = Stage.PROCESS  # a higher one goes on with ours, as the library does
        told = (self._process & 0x7FFFFFFF).to_bytes(4, "big")
        if self.version > 1:
            told += self._name.encode("ascii", "replace")[:32].ljust(32)
        return client.build(client.PID, told)

    def _told_process(self, payload: bytes) -> bytes:
        if len(payload) < client.PROCESS_SIZES[1]:
            return self._malformed(f"a process id of {len(payload)} octets")
        self.program = client.program(client.Message(client.PID, len(payload), payload, 0))
        self.stage = Stage.ATTRIBUTES
        told = ATTRIBUTES.write(
            unit=self.wish.unit,
            packets=self.wish.packets,
            streams=self.wish.streams,
            timeout=min(_LONGEST_TIMEOUT_S, max(client.SHORTEST_TIMEOUT_S, int(self.timeout_s))),
            block=0,
        )
        more = bytes(client.MAY_COMMAND) if self.version > 1 else b""  # we command nobody
        return client.build(client.ATTR, told + more)

    def _told_attributes(self, payload: bytes) -> bytes:
        told = ATTRIBUTES.read(payload)
        if told is None:
            return self._malformed(f"attributes of {len(payload)} octets")
        self.granted = Wish(told["unit"], told["packets"], told["streams"])
        granted_s = told["timeout"] & _LONGEST_TIMEOUT_S
        self.timeout_s = granted_s or self.timeout_s
        self.stage = Stage.OPEN
        if self.granted != self.wish:
            self._count("granted-otherwise")
        return b""

    def _packet(self, octets: bytes) -> None:
        if len(octets) == SIZE and packets.is_header(octets):
            self._packets.append(octets)
            self.received += 1
        else:
            self._count("not-a-packet")

    def _aside(self, kind: int) -> bytes:
        if kind == client.NOP:
            self.heartbeats += 1
        elif kind not in client.KINDS:
            self._count("unknown-message-type")
        return b""

    def _malformed(self, why: str) -> bytes:
        self._count("malformed-message")
        self.ended, self.why = End.MALFORMED, why
        return b""

    def _count(self, oddity: str) -> None:
        self.oddities[oddity] = self.oddities.get(oddity, 0) + 1

    def _timeout_ns(self) -> int:
        return int(self.timeout_s * _SECOND)


_STEPS: dict[tuple[Stage, int], Callable[[Asking, bytes], bytes]] = {
    (Stage.PROCESS, client.PID): Asking._told_process,
    (Stage.ATTRIBUTES, client.ATTR): Asking._told_attributes,
    (Stage.OPEN, client.ATTR): Asking._told_attributes,
}


def _part(octets: int) -> int:
    """Return which read of a message is under way: its type, its length, its payload."""
    return 0 if octets < 2 else 1 if octets < client.HEADER.size else 2
