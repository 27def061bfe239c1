"""Polite questions as data: what is sent, what counts as an answer, and what may follow.

No socket and no clock is here; `evidence.probes` sends. All that a question may ever send is known
before its first octet leaves: each `Line` holds its octets, and marks those few that an answer
decides. A protocol declares its questions in its own file (`Protocol.questions`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from portbook.errors import UsageError
from portbook.ports import PortRange, Transport

MOST_LINES = 12  # messages of one question to one host
MOST_ANSWER = 65536  # octets of one message that is waited for
MORE = 0  # a measure's answer: the header goes on past the octets that are there


class Verdict(StrEnum):
    """What a message that came is to the question."""

    ANSWER = "answer"
    PART = "part"  # of an answer: more of it follows
    OTHER = "other"


class Asking(NamedTuple):
    """Whom a question goes to, and what its octets may depend on.

    number: request number, 32 bits; secret: a community; broadcast: to all of a subnet at once
    own, own_port, prefix: where answers are taken, for protocols that write it into the question
    now_ns: Unix time, for protocols that write it into the question
    """

    host: str
    port: int
    number: int = 1
    secret: bytes = b""
    broadcast: bool = False
    own: str = ""
    own_port: int = 0
    prefix: int = 32
    now_ns: int = 0


Heard = Sequence[tuple[bytes, ...]]  # of each line before: the messages that answered it
Fits = Callable[[bytes, bytes], Verdict]  # what was sent, what came
Fill = Callable[[bytes, Heard], bytes | None]  # the octets as they leave; None: not sent
Measure = Callable[[bytes, int], int | None]


def anything(sent: bytes, came: bytes) -> Verdict:
    """Take whatever comes as an answer."""
    return Verdict.ANSWER


class Line(NamedTuple):
    """One message that a question sends.

    octets: as they leave; those of `open` (offset, size) are zero until an answer decides them
    fill: puts them in, or keeps the line back; None: it leaves as it stands
    secret: (offset, size) of what is never printed or logged
    when: in words, the condition under which it is sent; None: always
    vital: when nothing answers it, nothing further is asked
    answered: an answer is due; port: another one than the question's
    """

    octets: bytes
    words: str
    fits: Fits = anything
    fill: Fill | None = None
    open: tuple[tuple[int, int], ...] = ()
    secret: tuple[int, int] | None = None
    when: str | None = None
    vital: bool = True
    answered: bool = True
    port: int | None = None

    def ready(self, heard: Heard) -> bytes | None:
        """Return the octets to send after what was heard; None: this line is not sent.

        Raises UsageError when a fill changed what was announced: that is never sent.
        """
        octets = self.octets if self.fill is None else self.fill(self.octets, heard)
        if octets is not None and not self.announces(octets):
            raise UsageError(f"not sent: it differs from what was announced ({self.words})")
        return octets

    def verdict(self, sent: bytes, came: bytes) -> Verdict:
        """Tell what a message is to what was sent; an echo of it is no answer."""
        return Verdict.OTHER if came == sent else self.fits(sent, came)

    def announces(self, octets: bytes) -> bool:
        """Tell whether octets are those of this line but for what an answer may decide."""
        decided = {at for start, size in self.open for at in range(start, start + size)}
        return len(octets) == len(self.octets) and all(
            at in decided or octet == self.octets[at] for at, octet in enumerate(octets)
        )

    def shown(self, octets: bytes | None = None) -> str:
        """Return octets in hex, `**` for secret ones.

        octets: as they left; None: as announced, `..` for those that an answer will decide
        """
        pairs = [f"{octet:02x}" for octet in (self.octets if octets is None else octets)]
        marks = [(self.secret, "**")] if self.secret else []
        marks += [(place, "..") for place in self.open if octets is None]
        for (start, size), mark in marks:
            pairs[start : start + size] = [mark] * len(pairs[start : start + size])
        return "".join(pairs)


def nothing(asking: Asking) -> tuple[Line, ...]:
    """Send nothing: the question is a connection, and what greets."""
    return ()


class Question(msgspec.Struct, frozen=True):
    """One way to ask a host politely.

    name: the word of `portbook discover`; protocol: short name of what is expected, "" for any
    lines: all that may be sent; measure: length of the message at an offset of a TCP stream
    wait_s: for each answer; with `gap_s` lines leave so far apart and answers are collected until
    wait_s after the first one
    most_read: octets, where nothing is sent and a greeting is read
    broadcast: it may go to a subnet at once; inside: never out of the own subnet (IPv4 only)
    most_hosts: of one call; every_s: least time between two rounds (a host; a subnet if inside)
    own_ports: answers come to one of these alone; rivals: programs that own them
    secret: what the user must give, in a word; needs_yes: the subnet must be named a second time
    """

    name: str
    protocol: str
    title: str
    transport: Transport
    ports: tuple[int, ...]
    lines: Callable[[Asking], tuple[Line, ...]] = nothing
    measure: Measure | None = None
    wait_s: float = 2.0
    gap_s: float | None = None
    most_read: int = 1024
    broadcast: bool = False
    inside: bool = False
    most_hosts: int = 256
    every_s: float = 0.0
    own_ports: PortRange | None = None
    rivals: tuple[str, ...] = ()
    secret: str | None = None

    def said(self, asking: Asking) -> tuple[Line, ...]:
        """Return all that may be sent, in order; raises UsageError when it is too much."""
        lines = self.lines(asking)
        if len(lines) > MOST_LINES:
            raise UsageError(f"{self.name}: {len(lines)} messages, at most {MOST_LINES}")
        return lines


SCAN = Question("scan", "", "connect, listen, send nothing", Transport.TCP, ())
BANNER = Question(
    "banner",
    "",
    "connect, read what greets, send nothing",
    Transport.TCP,
    (21, 22, 25),  # those whose servers speak first: FTP, SSH, SMTP
    wait_s=3.0,
)
