"""Asking EtherNet/IP devices who they are: ListIdentity, which opens no session.

Source: CIP Networks Library, volume 2, section 2-4.2 (ListIdentity).
"""

from __future__ import annotations

import struct

from portbook.ports import Transport
from portbook.protocols.questions import Asking, Line, Measure, Question, Verdict

LIST_IDENTITY, PORT = 0x63, 44818
DELAY_MS = 500  # over UDP a device answers within that time, at a moment that it draws
HEAD = 24


def lines(asking: Asking) -> tuple[Line, ...]:
    """Return the one request; its sender context begins with the longest delay, for UDP."""
    context = struct.pack("<HI2x", DELAY_MS, asking.number & 0xFFFFFFFF)
    return (Line(list_identity(context), "ListIdentity", fits),)


def list_identity(context: bytes) -> bytes:
    """Make a request; context: 8 octets, which the answer repeats."""
    return struct.pack("<HHII8sI", LIST_IDENTITY, 0, 0, 0, context, 0)


def fits(sent: bytes, came: bytes) -> Verdict:
    """Tell whether a message has command and context of the request, and more than its header."""
    same = came[:2] == sent[:2] and came[12:20] == sent[12:20] and len(came) > HEAD
    return Verdict.ANSWER if same else Verdict.OTHER


def questions(measure: Measure) -> tuple[Question, ...]:
    """Return the question over UDP and over TCP."""
    return tuple(
        Question(
            "enip",
            "enip",
            "ListIdentity: who is there",
            transport,
            (PORT,),
            lines,
            measure,
            broadcast=transport is Transport.UDP,
        )
        for transport in (Transport.UDP, Transport.TCP)
    )
