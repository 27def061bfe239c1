"""Our side as a client that writes records into a DataLink server. Pure: octets in, octets out.

Each WRITE asks for an acknowledgement; the server answers them in their order, so the oldest one
without an answer is the one that an OK or ERROR means. Sources: DataLink.protocol (libdali);
ringserver, whose answer to a WRITE that it refuses is ERROR, and often the end.
"""

from __future__ import annotations

import re
from collections import Counter, deque

from portbook.protocols.datalink import HEADER, MAGIC

LONGEST_ANSWER = 64 << 10  # octets of a message in an answer
ANSWER_NS = 60 * 10**9  # without the answer that is due
QUIET_NS = 60 * 10**9  # then we ask for a sign of life
_ID = re.compile(r"DATALINK\b", re.IGNORECASE)
_FLAG = re.compile(r"(PACKETSIZE|DLPROTO):(\d{1,9})(?:\.(\d{1,4}))?")


class Writing:
    """One connection to a server.

    name: how we call ourselves; window: writes without an answer at a time. After `hello`, feed
    it what the server sends; `ready` says that records may be written.
    `packet_octets`: the largest record that the server takes, None when it did not say;
    `source_ids`: it wants FDSN source identifiers; `refused`: its last ERROR to a WRITE;
    `ended`: why the connection is to be closed.
    """

    def __init__(self, name: str, window: int = 256) -> None:
        self.window = window
        self.ready = False
        self.server: str | None = None
        self.packet_octets: int | None = None
        self.source_ids = False
        self.refused: str | None = None
        self.ended: str | None = None
        self.acknowledged = 0
        self.oddities: Counter[str] = Counter()
        self._name = name
        self._held = bytearray()
        self._due: deque[int | None] = deque()  # what each WRITE without an answer stands for
        self._asked_ns: int | None = None  # since when an ID waits for its answer
        self._heard_ns = 0
        self._wrote_ns = 0

    @property
    def room(self) -> int:
        """Return how many records may be written now."""
        return max(0, self.window - len(self._due)) if self.ready and self.ended is None else 0

    @property
    def unanswered(self) -> int:
        """Return how many writes have no answer yet."""
        return len(self._due)

    def hello(self, now_ns: int) -> bytes:
        """Return the first thing to send: who we are, and thereby who are you."""
        self._asked_ns = self._heard_ns = now_ns
        return frame(f"ID {self._name}")

    def write(
        self, mark: int | None, stream: str, begin_ns: int, end_ns: int, data: bytes, now_ns: int
    ) -> bytes:
        """Return a WRITE.

        mark: what `feed` returns once it is acknowledged; stream: its id; begin_ns, end_ns: of
        the first and the last sample, Unix nanoseconds, told in microseconds
        """
        if not self._due:
            self._wrote_ns = now_ns
        self._due.append(mark)
        times = f"{begin_ns // 1000} {end_ns // 1000}"
        return frame(f"WRITE {stream} {times} A {len(data)}") + data

    def feed(self, octets: bytes, now_ns: int) -> list[int]:
        """Take what the server sent; return the marks of the writes that are now acknowledged."""
        self._held += octets
        self._heard_ns = now_ns
        marks: list[int] = []
        while self.ended is None:
            found = self._next()
            if found is None:
                break
            words, message = found
            self._answer(words, message, now_ns, marks)
        if self.ended is not None:
            self._held.clear()
        return marks

    def due(self, now_ns: int) -> bytes:
        """Return what time alone asks for: a sign of life wanted; or end, when none came."""
        if self.ended is not None:
            return b""
        waits_ns = self._wrote_ns if self._due else self._asked_ns
        if waits_ns is not None and now_ns - max(waits_ns, self._heard_ns) > ANSWER_NS:
            self.ended = f"no answer for {ANSWER_NS // 10**9} s"
        elif self.ready and waits_ns is None and now_ns - self._heard_ns > QUIET_NS:
            self._asked_ns = now_ns
            return frame(f"ID {self._name}")
        return b""

    def _next(self) -> tuple[list[str], str] | None:
        """Return the words and the message of the next answer, None when it is not there yet."""
        held = self._held
        if not held:
            return None
        if not MAGIC.startswith(held[:2]):
            self.ended = "it speaks no DataLink"
            return None
        begin = HEADER.size
        if len(held) < begin or len(held) < begin + held[2]:
            return None
        end = begin + held[2]
        words = held[begin:end].decode("latin-1").rstrip("\0\r\n").split()
        size = 0
        if words and words[0] in ("OK", "ERROR", "INFO", "PACKET"):
            told = words[-1]
            size = int(told) if told.isascii() and told.isdecimal() and len(told) < 9 else -1
        if not words or not 0 <= size <= LONGEST_ANSWER:
            self.ended = "an answer that cannot be"
            return None
        if len(held) < end + size:
            return None
        message = held[end : end + size].decode("latin-1")
        del held[: end + size]
        return words, _printable(message)

    def _answer(self, words: list[str], message: str, now_ns: int, marks: list[int]) -> None:
        if words[0] == "ID":
            self._identified(_printable(" ".join(words[1:])))
        elif words[0] == "OK" and self._due:
            self._wrote_ns = now_ns  # the next one's patience begins
            self.acknowledged += 1
            mark = self._due.popleft()
            if mark is not None:
                marks.append(mark)
        elif words[0] == "ERROR":
            self.refused = message or "no reason given"
            self.ended = f"it refuses: {self.refused}"
        else:
            self.oddities["unasked-answer"] += 1

    def _identified(self, told: str) -> None:
        self._asked_ns = None
        if not _ID.match(told):
            self.ended = "it speaks no DataLink"
            return
        self.server, _, able = told.partition(" :: ")
        for name, value, minor in _FLAG.findall(able):
            if name == "PACKETSIZE":
                self.packet_octets = int(value)
            else:
                self.source_ids = (int(value), int(minor or 0)) >= (1, 1)
        # An older server tells no rights at all; one that tells them without WRITE gives none.
        if able and "WRITE" not in able.split() and "PACKETSIZE" in able:
            self.ended = "it gives us no right to write; see WriteIP in its configuration"
            return
        self.ready = True


def frame(header: str) -> bytes:
    """Return a header as it goes over the wire; what it announces follows it."""
    octets = header.encode("ascii", "replace")[:255]
    return MAGIC + bytes((len(octets),)) + octets


def _printable(text: str) -> str:
    kept = text[:200].strip()
    return kept if kept.isprintable() else kept.encode("unicode_escape").decode()
