"""Asking Siemens S7 controllers who they are: connect, set up, read two system status lists.

Read only, four round trips on one connection; rack 0, slot 2.
Sources: RFC 1006 (TPKT), RFC 905 section 13 (COTP); Wireshark packet-s7comm.c (setup, SZL).
"""

from __future__ import annotations

import struct

from portbook.ports import Transport
from portbook.protocols.questions import Asking, Line, Measure, Question, Verdict

CONFIRM, DATA = 0xD0, b"\x02\xf0\x80"
CALLING, CALLED = 0x0100, 0x0102
JOB, ANSWER, USER_DATA = 1, 3, 7
PDU = 480
MODULES, COMPONENTS = 0x0011, 0x001C
REFERENCE_AT = 11  # of the S7 header, in a telegram of data


def lines(asking: Asking) -> tuple[Line, ...]:
    """Return the four messages."""
    return (
        Line(connect(CALLING, CALLED), "ISO connect, rack 0, slot 2", fits_confirm),
        Line(setup(PDU), "set up communication", fits),
        Line(read_list(MODULES, 0x0100), "read SZL 0011, modules", fits, vital=False),
        Line(
            read_list(COMPONENTS, 0x0200),
            "read SZL 001C, components",
            fits,
            vital=False,
        ),
    )


def connect(calling: int, called: int) -> bytes:
    """Make a connect request between two access points of two octets each."""
    points = struct.pack(">BBHBBH", 0xC1, 2, calling, 0xC2, 2, called)
    return _telegram(struct.pack(">BBHHB", 17, 0xE0, 0, 1, 0) + b"\xc0\x01\x0a" + points)


def setup(pdu: int) -> bytes:
    """Make the request that settles how long messages may be, one at a time."""
    return _job(JOB, 0, struct.pack(">BBHHH", 0xF0, 0, 1, 1, pdu), b"")


def read_list(number: int, reference: int) -> bytes:
    """Make a request for a system status list, all of it."""
    asks = bytes.fromhex("0001120411440100")  # CPU functions, read SZL
    return _job(USER_DATA, reference, asks, struct.pack(">BBHHH", 0xFF, 9, 4, number, 0))


def fits_confirm(sent: bytes, came: bytes) -> Verdict:
    """Tell whether a telegram confirms the connection."""
    return Verdict.ANSWER if came[5:6] == bytes((CONFIRM,)) else Verdict.OTHER


def fits(sent: bytes, came: bytes) -> Verdict:
    """Tell whether a telegram answers this request: its reference, and the kind of an answer."""
    here = slice(REFERENCE_AT, REFERENCE_AT + 2)
    if came[5:6] != b"\xf0" or came[7:8] != b"\x32" or came[here] != sent[here]:
        return Verdict.OTHER
    kinds = (ANSWER,) if sent[8] == JOB else (USER_DATA,)
    return Verdict.ANSWER if came[8] in kinds else Verdict.OTHER


def _job(kind: int, reference: int, parameters: bytes, data: bytes) -> bytes:
    head = struct.pack(">BBHHHH", 0x32, kind, 0, reference, len(parameters), len(data))
    return _telegram(DATA + head + parameters + data)


def _telegram(octets: bytes) -> bytes:
    return struct.pack(">BBH", 3, 0, 4 + len(octets)) + octets


def questions(measure: Measure) -> tuple[Question, ...]:
    """Return the question over TCP."""
    return (
        Question(
            "s7",
            "s7comm",
            "system status lists: who is there",
            Transport.TCP,
            (102,),
            lines,
            measure,
        ),
    )
