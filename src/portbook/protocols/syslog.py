"""Syslog: a priority, then the time in one of the forms that are written down.

A priority before any other text is not enough. What is logged goes nowhere.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.text import clean, whole_lines
from portbook.records import Identification, Source

NAME = "syslog"
SEVERITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
FACILITIES = range(24)
OLD, NEW, CISCO = "RFC 3164", "RFC 5424", "Cisco"
COUNTED = 8  # messages looked at in a stream

_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = rb"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
_DAY = rb"(?: \d|[ 0]?[1-9]|[12]\d|3[01])"
_PRIORITY = re.compile(rb"<(0|[1-9]\d{0,2})>")
_NEW = re.compile(
    rb"1 (?:-|\d{4}-[01]\d-[0-3]\dT" + _CLOCK + rb"(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) "
    rb"([!-~]{1,255}) ([!-~]{1,48}) [!-~]{1,128} [!-~]{1,32} (?:-|\[[!-~]{1,32}[ \]])"
)
_OLD = re.compile(
    _MONTH + rb" " + _DAY + rb"(?: \d{4})? " + _CLOCK + rb" "
    rb"([0-9A-Za-z._:-]{1,255}):? +([^\s:\[]{1,48})(?:\[[^\]]{1,32}\])?:"
)
_CISCO = re.compile(
    rb"(?:\d{1,10}: )?(?:[0-9A-Za-z._-]{1,64}: )?[*.]?" + _MONTH + rb" " + _DAY + rb"(?: \d{4})? "
    + _CLOCK + rb"(?:\.\d{1,6})?(?: [A-Z]{3,5})?: %([A-Z0-9_-]{2,48})-[0-7]-[A-Z0-9_]{2,48}: ?"
)  # fmt: skip
_COUNT = re.compile(rb"([1-9]\d{0,4}) ")


class Message(NamedTuple):
    """One message: its form, priority, who sends it, and which program."""

    form: str
    priority: int
    host: str
    program: str


def recognise(payload: Payload) -> Identification | None:
    """Name syslog: one side sends, the other is silent; a stream may tell each length."""
    if payload.to_client or not payload.to_server:
        return None
    if payload.transport is Transport.TCP:
        counted = _counted(payload.to_server)
        found = counted or _lines(payload.to_server)
    else:
        counted, found = [], [read(piece.octets) for piece in payload.to_server if piece.octets]
    if not found or None in found:
        return None
    told = [one for one in found if one]
    because = [f"{len(told)} messages in the form of {told[0].form}"]
    facts: dict[str, object] = {
        "form": told[0].form,
        "severities": list(dict.fromkeys(SEVERITIES[one.priority & 7] for one in told)),
        "programs": list(dict.fromkeys(one.program for one in told if one.program)),
    }
    client = next(({"name": one.host} for one in told if one.host), {})
    if counted:
        because.append("the length of each agrees")
        return confirmed(NAME, *because, facts=facts, client=client)
    against = ("nothing is answered, and nothing is checked",)
    return plausible(NAME, *because, against=against, facts=facts, client=client)


def read(octets: bytes) -> Message | None:
    """Read the start of one message, or None when it has no form that is written down."""
    start = _PRIORITY.match(octets)
    priority = int(start[1]) if start else -1
    if start is None or priority >> 3 not in FACILITIES:
        return None
    rest = octets[start.end() : start.end() + 512]
    if told := _NEW.match(rest):
        host, program = (clean(one, 64) for one in told.groups())
        return Message(NEW, priority, host.strip("-"), program.strip("-"))
    if told := _CISCO.match(rest):
        return Message(CISCO, priority, "", clean(told[1], 48))
    if told := _OLD.match(rest):
        return Message(OLD, priority, clean(told[1], 64), clean(told[2], 48))
    return None


def _counted(side: Side) -> list[Message | None]:
    """Read messages that stand behind their lengths (RFC 6587, section 3.4.1)."""
    found: list[Message | None] = []
    octets, at = side.octets, 0
    while at < len(octets) and len(found) < COUNTED:
        told = _COUNT.match(octets, at)
        if not told:
            return []
        end = told.end() + int(told[1])
        if end > len(octets):
            return found if end <= side.total and len(octets) < side.total else []
        found.append(read(octets[told.end() : end]))
        at = end
    return found


def _lines(side: Side) -> list[Message | None]:
    """Read messages that end with a line (RFC 6587, section 3.4.2)."""
    return [read(line) for line in whole_lines(side.octets)]


PROTOCOL = Protocol(
    name=NAME,
    title="Syslog",
    recognise=recognise,
    sources=(
        Source("RFC 5424: The Syslog Protocol", "2009-03", "section 6"),
        Source("RFC 3164: The BSD syslog Protocol", "2001-08", "section 4"),
        Source("RFC 6587: Transmission of Syslog Messages over TCP", "2012-04", "section 3.4"),
        Source("RFC 5426: Transmission of Syslog Messages over UDP", "2009-03", "section 3.3"),
        Source("Cisco IOS: System Message Logging", None, "format of system messages"),
    ),
    signatures=(
        *(Signature(Transport.UDP, 0, b"<0", b"\xff\xf0"),),
        *(Signature(Transport.TCP, 0, b"<0", b"\xff\xf0"),),
        *(Signature(Transport.TCP, at, b" <0", b"\xff\xff\xf0") for at in (2, 3, 4)),
    ),
    usual=(Usual(PortRange(514, 514), Transport.UDP, confidence="verified", source=3),),
    safety="It is neither signed nor secret: what it says can be read and made up on the way.",
    programs=("rsyslogd", "syslogd", "syslog-ng"),
)
