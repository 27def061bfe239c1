"""Asking OptoMMP devices who they are: reads of the status area, allowed before powerup clear.

Nothing else is ever asked: some reads elsewhere clear data, and every write is out of the question.
Source: Opto 22's programming guide (form 1465), status area; its C++ SDK.
"""

from __future__ import annotations

from portbook.ports import Transport
from portbook.protocols.optommp import areas, messages
from portbook.protocols.questions import MORE, Asking, Line, Question, Verdict

PORT = 2001
CLEAR_NEEDED, PART, DATES = areas.STATUS + 0x04, areas.STATUS + 0x80, areas.STATUS + 0xA0
HEAD_SIZE, PART_SIZE, DATES_SIZE = 0x40, 0x20, 0x20


def read_quadlet(label: int, address: int) -> bytes:
    """Make a request for four octets."""
    return messages.REQUEST.write(
        label=label << 2, code=messages.READ_QUADLET << 4, address=address
    )


def read_block(label: int, address: int, length: int) -> bytes:
    """Make a request for `length` octets."""
    head = messages.REQUEST.write(label=label << 2, code=messages.READ_BLOCK << 4, address=address)
    return head + messages.BLOCK.write(length=length)


def lines(asking: Asking) -> tuple[Line, ...]:
    """Return the reads; to a whole subnet only the one that every unit answers in one datagram."""
    head = Line(read_block(2, areas.STATUS, HEAD_SIZE), "read the status area, 64 octets", fits)
    if asking.broadcast:
        return (head,)
    return (
        Line(read_quadlet(1, CLEAR_NEEDED), "read whether a powerup clear is due", fits),
        head,
        Line(read_block(3, PART, PART_SIZE), "read the part number", fits),
        Line(read_block(4, DATES, DATES_SIZE), "read the firmware's date and time", fits),
    )


def fits(sent: bytes, came: bytes) -> Verdict:
    """Tell whether a message answers this read: its kind, its label and its source."""
    asked, told = messages.read(sent), messages.read(came)
    if asked is None or told is None or told.address is not None:
        return Verdict.OTHER
    same = (told.code, told.label, told.source) == (
        messages.ANSWERS[asked.code],
        asked.label,
        asked.source,
    )
    return Verdict.ANSWER if same and told.size <= len(came) else Verdict.OTHER


def measure(octets: bytes, at: int) -> int | None:
    """Tell how long the answer at `at` is; see framing.Measure."""
    here = octets[at : at + 16]
    if len(here) < 4:
        return MORE
    size = messages.SIZES.get(here[3] >> 4)
    if size is None or here[3] >> 4 not in messages.ANSWERS.values():
        return None
    if len(here) < size:
        return MORE
    told = messages.read(here)
    return told.size if told else None


def questions() -> tuple[Question, ...]:
    """Return the question over UDP, since connections are few, and over TCP."""
    return tuple(
        Question(
            "optommp",
            "optommp",
            "status area: who is there",
            transport,
            (PORT,),
            lines,
            measure,
            wait_s=1.0,
            broadcast=transport is Transport.UDP,
        )
        for transport in (Transport.UDP, Transport.TCP)
    )
