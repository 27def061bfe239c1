"""Asking Modbus/TCP servers who they are: read device identification, else report server id.

Both read only. Registers and coils are never asked for, functions never tried out.
Source: Modbus Application Protocol Specification V1.1b3, sections 6.13 and 6.21.
"""

from __future__ import annotations

import struct

from portbook.ports import Transport
from portbook.protocols.questions import Asking, Heard, Line, Measure, Question, Verdict

IDENTIFICATION, MEI, BASIC = 0x2B, 0x0E, 0x01
SERVER_ID = 0x11
UNITS = (1, 255, 0)
NOBODY_BEHIND = (0x0A, 0x0B)  # exceptions of a gateway: no path, no answer from the unit
UNIT_AT, FIRST_AT = 6, 10
MORE_FOLLOWS = 0xFF


def lines(asking: Asking) -> tuple[Line, ...]:
    """Return the requests: of them two or three are sent, most often one."""
    others = "only when no unit before answered"
    return (
        *(
            Line(
                identify(number, unit),
                f"read device identification, basic, unit {unit}",
                fits,
                _unless_answered,
                when=None if number == 1 else others,
                vital=False,
            )
            for number, unit in enumerate(UNITS, 1)
        ),
        Line(
            identify(4, 0),
            "read the rest of the identification",
            fits,
            _rest,
            ((UNIT_AT, 1), (FIRST_AT, 1)),
            when="only when the unit says that more follows",
            vital=False,
        ),
        Line(
            server_id(5, 0),
            "report server id",
            fits,
            _instead,
            ((UNIT_AT, 1),),
            when="only when the unit refuses identification",
            vital=False,
        ),
    )


def identify(transaction: int, unit: int, first: int = 0) -> bytes:
    """Make a request for the basic identification from an object on."""
    return struct.pack(">HHHBBBBB", transaction, 0, 5, unit, IDENTIFICATION, MEI, BASIC, first)


def server_id(transaction: int, unit: int) -> bytes:
    """Make a request for the server id."""
    return struct.pack(">HHHBB", transaction, 0, 2, unit, SERVER_ID)


def fits(sent: bytes, came: bytes) -> Verdict:
    """Tell whether a message answers this request; an exception does, also one without function."""
    if len(came) < 9 or came[:4] != sent[:4] or came[6] != sent[6]:
        return Verdict.OTHER
    known = came[7] in (sent[7], sent[7] | 0x80, 0x80)
    return Verdict.ANSWER if known else Verdict.OTHER


def _exception(answer: bytes) -> int | None:
    return answer[8] if len(answer) > 8 and answer[7] & 0x80 else None


def _answer(heard: Heard) -> bytes | None:
    """Return what the first unit said that is there."""
    for answers in heard:
        if answers and _exception(answers[0]) not in NOBODY_BEHIND:
            return answers[0]
    return None


def _unless_answered(octets: bytes, heard: Heard) -> bytes | None:
    return octets if _answer(heard) is None else None


def _rest(octets: bytes, heard: Heard) -> bytes | None:
    answer = _answer(heard)
    # function, MEI, code, conformity, more follows, next object
    if answer is None or _exception(answer) is not None or len(answer) < 13:
        return None
    if answer[11] != MORE_FOLLOWS or not answer[12]:
        return None
    return octets[:UNIT_AT] + answer[6:7] + octets[UNIT_AT + 1 : FIRST_AT] + answer[12:13]


def _instead(octets: bytes, heard: Heard) -> bytes | None:
    answer = _answer(heard)
    if answer is None or _exception(answer) is None:
        return None
    return octets[:UNIT_AT] + answer[6:7] + octets[UNIT_AT + 1 :]


def questions(measure: Measure) -> tuple[Question, ...]:
    """Return the question over TCP."""
    return (
        Question(
            "modbus",
            "modbus",
            "device identification: who is there",
            Transport.TCP,
            (502,),
            lines,
            measure,
        ),
    )
