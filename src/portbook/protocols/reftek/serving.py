"""One client of our REF TEK server, as a state machine: octets in, octets to send out.

The server speaks second at every step and never before the client's first six octets. It takes
nothing towards instruments: commands are refused and counted. What the client is sent, a ring
decides by `wish`, `started` and `flushes`; this knows what was asked and what was granted.
Sources: the maker's library, exercised with its own client (version 1); USGS ReftekClient.java
(version 2).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from portbook.protocols.reftek import client
from portbook.protocols.reftek.client import ATTRIBUTES, Cut, Wish

MOST_TIMEOUT_S = 300  # a deployed client leaves when no heartbeat came for 360 s (ReftekClient)
PATIENCE_NS = 10_000_000_000  # for the next step of the handshake to come whole
HEARTBEAT = client.build(client.NOP)
BUSY = client.build(client.BUSY)
BREAK = client.build(client.BREAK)
_SHORT = 0xFFFF  # the library keeps the low 16 bits of unit, masks and timeout
_PACKETS = 0x3FFFF  # bits of version 2's packet mask
_STREAMS = 0xFFFFFFFF
_COMMANDS = (client.COMMAND, 14)
_IDLE = (client.NOP, client.PID, 4)  # heard and left unanswered: 4's reply was never made anywhere


class Stage(IntEnum):
    """How far the handshake is: what the client's next message must be."""

    HELLO = 0
    PROCESS = 1
    ATTRIBUTES = 2
    OPEN = 3
    REFUSED = 4  # our version is lower than the client's: we said so, it goes


class Session:
    """A client from its first octet to its end; memory is bounded by one message.

    version: the highest that we speak; process: our process id; full: answer BUSY, nothing else
    most_timeout_s: the longest time that is granted between two signs of life
    heartbeat_s: the longest that we are silent, half of the granted time if that is less
    """

    def __init__(
        self,
        now_ns: int,
        *,
        version: int = 2,
        process: int = 0,
        name: str = "portbook",
        full: bool = False,
        most_timeout_s: int = MOST_TIMEOUT_S,
        heartbeat_s: float = MOST_TIMEOUT_S,
    ) -> None:
        self.stage = Stage.HELLO
        self.version = 0  # of the client, once it told it
        self.program: str | None = None  # version 2 tells one
        self.process: int | None = None  # the client's
        self.wish: Wish | None = None  # set once packets may go out; a new one with each ATTR
        self.timeout_s = client.SHORTEST_TIMEOUT_S
        self.started = True  # between START and STOP; forwarding begins without a START
        self.flushes = 0  # how often the client let go of what waits for it
        self.ended: str | None = None  # why it is over
        self.oddities: dict[str, int] = {}
        self.sent_ns = now_ns  # the caller moves it on whenever something goes out
        self._stepped_ns = now_ns
        self._ours, self._our_process, self._name = version, process, name
        self.full, self._most_timeout_s = full, most_timeout_s
        self._heartbeat_s = heartbeat_s
        self._buffer = b""

    def feed(self, octets: bytes, now_ns: int) -> bytes:
        """Take what the client sent; return what it is to be answered, whole messages only."""
        if self.ended:
            return b""
        stream, at, out = self._buffer + octets, 0, b""
        while not self.ended:
            found = client.cut(stream, at, self.version)
            if found is None or len(stream) < found.end:
                break
            if found.end < 0:
                self._malformed(f"a message of type {found.type} has an impossible length")
                break
            stage = self.stage
            out += self._message(found, stream[found.begin : found.end])
            at = found.end
            if self.stage is not stage:
                self._stepped_ns = now_ns  # idle talk must not hold a handshake open
        self._buffer = b"" if self.ended else stream[at:]
        if out:
            self.sent_ns = now_ns
        return out

    def heartbeat_due(self, now_ns: int) -> bool:
        """Tell whether we were silent for long enough."""
        silent_s = (now_ns - self.sent_ns) / 1_000_000_000
        return self.stage is Stage.OPEN and silent_s >= min(self.timeout_s / 2, self._heartbeat_s)

    def late(self, now_ns: int) -> bool:
        """Tell whether a client that has not shaken hands kept us waiting too long."""
        return self.stage is not Stage.OPEN and now_ns - self._stepped_ns >= PATIENCE_NS

    def _message(self, found: Cut, payload: bytes) -> bytes:
        if self.stage is Stage.HELLO:
            return self._hello(found.type, payload)
        if self.stage is Stage.REFUSED:
            self.ended = f"version {self.version} is not spoken here"
            return b""
        if found.type == client.BREAK:
            self.ended = "the client said good-bye"
            return b""
        step = _STEPS.get((self.stage, found.type))
        return step(self, payload) if step else self._aside(found.type)

    def _hello(self, version: int, payload: bytes) -> bytes:
        if payload or version == 0:
            return self._malformed("the first message is no hello")
        self.version = min(version, 0xFFFF)
        self.stage = Stage.PROCESS if version <= self._ours else Stage.REFUSED
        return client.build(min(version, self._ours))

    def _told_process(self, payload: bytes) -> bytes:
        if len(payload) < client.PROCESS_SIZES[1]:
            return self._malformed(f"a process id of {len(payload)} octets, 4 are needed")
        if self.full:
            self.ended = "no more clients are taken"
            return BUSY
        self.process = int.from_bytes(payload[:4], "big", signed=True)
        self.program = client.program(client.Message(client.PID, len(payload), payload, 0))
        self.stage = Stage.ATTRIBUTES
        return client.build(client.PID, _process(self._our_process, self._name, self.version))

    def _asked(self, payload: bytes) -> bytes:
        told = ATTRIBUTES.read(payload)
        if told is None:
            return self._malformed(
                f"attributes of {len(payload)} octets, {ATTRIBUTES.size} are needed"
            )
        self._grant(told)
        self.stage = Stage.OPEN
        granted = ATTRIBUTES.write(told)
        if self.version > 1 or len(payload) >= ATTRIBUTES.size + client.MAY_COMMAND:
            granted += bytes(client.MAY_COMMAND)  # nobody may command instruments through us
        return client.build(client.ATTR, granted)

    def _grant(self, told: dict[str, Any]) -> None:
        first = self.version == 1
        told["unit"] &= _SHORT
        told["packets"] &= _SHORT if first else _PACKETS
        told["streams"] &= _SHORT if first else _STREAMS
        asked = told["timeout"] & _SHORT if first else told["timeout"]
        shortest = client.SHORTEST_TIMEOUT_S
        told["timeout"] = self.timeout_s = max(shortest, min(asked, self._most_timeout_s))
        self.wish = Wish(told["unit"], told["packets"], told["streams"])

    def _start(self, _: bytes) -> bytes:
        self.started = True
        return b""

    def _stop(self, _: bytes) -> bytes:
        self.started = False
        return b""

    def _flush(self, _: bytes) -> bytes:
        self.flushes += 1
        return b""

    def _aside(self, kind: int) -> bytes:
        """What has no place here: skipped, and counted unless it is harmless."""
        if kind in _COMMANDS:
            self._count("command-refused")
        elif kind not in client.KINDS:
            self._count("unknown-message-type")
        elif self.stage is not Stage.OPEN and kind in (client.PID, client.ATTR):
            return self._malformed(f"{client.KINDS[kind]} came out of turn")
        elif kind not in _IDLE:
            self._count("message-out-of-turn")
        return b""

    def _malformed(self, why: str) -> bytes:
        self._count("malformed-message")
        self.ended = why
        return b""

    def _count(self, oddity: str) -> None:
        self.oddities[oddity] = self.oddities.get(oddity, 0) + 1


_STEPS: dict[tuple[Stage, int], Callable[[Session, bytes], bytes]] = {
    (Stage.PROCESS, client.PID): Session._told_process,
    (Stage.ATTRIBUTES, client.ATTR): Session._asked,
    (Stage.OPEN, client.ATTR): Session._asked,
    (Stage.OPEN, client.START): Session._start,
    (Stage.OPEN, client.STOP): Session._stop,
    (Stage.OPEN, client.FLUSH): Session._flush,
}


def _process(number: int, name: str, version: int) -> bytes:
    told = (number & 0x7FFFFFFF).to_bytes(4, "big")
    size = client.PROCESS_SIZES[2 if version > 1 else 1]
    return told if size == 4 else told + name.encode("ascii", "replace")[:32].ljust(32)
