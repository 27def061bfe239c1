"""M-Bus over TCP or UDP: frames between 68 and 16 with a sum, and a meter's header in them.

The frames alone are those of IEC 60870-5-101 as well, so nothing is named without a meter's answer.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import Transport
from portbook.protocols import Payload, Protocol, Signature, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, LE, Coding, Field, Layout
from portbook.records import Identification, Source

NAME = "mbus"
REVERSED_BCD = Coding(
    "binary-coded decimal, lowest first",
    lambda octets: octets[::-1].hex().upper(),
    lambda value, size: bytes.fromhex(str(value))[::-1],
)
METER = Layout(
    "M-Bus variable data header",
    12,
    (
        Field("id", 0, 4, REVERSED_BCD, None, "identification number"),
        Field("manufacturer", 4, 2, LE, None, "three letters of five bits"),
        Field("version", 6, 1, BE, None, "generation of the meter"),
        Field("medium", 7, 1, BE, None, "what is measured"),
    ),
)
SHORT, LONG, END, ACKNOWLEDGE = 0x10, 0x68, 0x16, 0xE5
HEAD, TAIL, LEAST = 4, 2, 3
ASKS = {0x5A, 0x5B, 0x7A, 0x7B}  # class 1 and 2 data
SAYS = {0x40, 0x43, 0x53, 0x73}  # reset, send data
ANSWERS = {0x08, 0x18, 0x28, 0x38}
VARIABLE, OTHERS = 0x72, {0x70, 0x71, 0x73, 0x76, 0x78, 0x7A}
MEDIA = {
    0: "other", 1: "oil", 2: "electricity", 3: "gas", 4: "heat", 5: "steam", 6: "warm water",
    7: "water", 8: "heat cost", 9: "compressed air", 10: "cooling", 11: "cooling", 12: "heat",
    13: "heat and cooling", 14: "bus", 21: "hot water", 22: "cold water", 25: "radiator",
    40: "waste water", 41: "garbage",
}  # fmt: skip


class Frame(NamedTuple):
    """One frame whose sum agrees; no control octet in an acknowledgement."""

    control: int | None
    address: int
    information: int | None
    data: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name M-Bus by a meter's answer: plausible at most, for want of a second conversation."""
    asked, answered = both(payload, _measure)
    if asked.wrong or answered.wrong:
        return None
    requests, answers = _frames(asked), _frames(answered)
    if any(one.control not in ASKS | SAYS for one in requests):
        return None
    if any(one.control is not None and one.control not in ANSWERS for one in answers):
        return None
    told = [one for one in answers if one.information == VARIABLE and METER.fits(one.data)]
    if not told or any(one.information not in OTHERS | {VARIABLE, None} for one in answers):
        return None
    because = [f"{len(requests) + len(answers)} frames have the right sum", "a meter's header"]
    asking = any(one.control in ASKS for one in requests)
    facts = {"meters": sorted({text for one in told if (text := meter(one.data))})}
    because += ["data were asked for"] if asking else []
    return plausible(NAME, *because, facts=facts, server=_server(told))


def meter(data: bytes) -> str:
    """Return manufacturer, number and medium of a meter, as it told them.

    Source: EN 13757-3, section on the long header; manufacturer code of EN 62056-21.
    """
    read = METER.read(data)
    if read is None:
        return ""
    medium = MEDIA.get(read["medium"], f"medium {read['medium']}")
    return f"{maker(read['manufacturer'])} {read['id']} {medium}"


def maker(code: int) -> str:
    """Return the three letters of a manufacturer code."""
    return "".join(chr(64 + (code >> shift & 31)) for shift in (10, 5, 0))


def _measure(octets: bytes, at: int) -> int | None:
    first = octets[at]
    if first == ACKNOWLEDGE:
        return 1
    if first == SHORT:
        frame = octets[at : at + 5]
        whole = len(frame) == 5
        right = whole and frame[4] == END and sum(frame[1:3]) & 0xFF == frame[3]
        return (5 if right else None) if whole else MORE
    if first != LONG:
        return None
    head = octets[at : at + HEAD]
    if len(head) < HEAD:
        return MORE
    if head[1] != head[2] or head[3] != LONG or head[1] < LEAST:
        return None
    end = at + HEAD + head[1]
    tail = octets[end : end + TAIL]
    right = tail == bytes((sum(octets[at + HEAD : end]) & 0xFF, END))
    return HEAD + head[1] + TAIL if right or len(tail) < TAIL else None


def _frames(found: Walk) -> list[Frame]:
    return [_frame(octets) for octets in found.messages]


def _frame(octets: bytes) -> Frame:
    if octets[0] == ACKNOWLEDGE:
        return Frame(None, 0, None, b"")
    if octets[0] == SHORT:
        return Frame(octets[1], octets[2], None, b"")
    return Frame(octets[4], octets[5], octets[6], octets[7:-TAIL])


def _server(told: list[Frame]) -> dict[str, str]:
    """Return what the meter is, when only one answers: a gateway speaks for many."""
    read = METER.read(told[0].data)
    if read is None or len({one.data[:4] for one in told}) > 1:
        return {}
    return {
        "vendor": maker(read["manufacturer"]),
        "serial": read["id"],
        "version": str(read["version"]),
    }


PROTOCOL = Protocol(
    name=NAME,
    title="M-Bus over IP (meters)",
    recognise=recognise,
    sources=(
        Source("EN 13757-2 and EN 13757-3: M-Bus link and application layers", None, "frames"),
        Source("The M-Bus: A Documentation, 4.8", "1997-11-11", "sections 5 and 6"),
    ),
    signatures=tuple(
        Signature(transport, 0, bytes((first,)))
        for transport in (Transport.TCP, Transport.UDP)
        for first in (LONG, SHORT, ACKNOWLEDGE)
    ),
    layouts=(METER,),
    stays_inside=Scope.PRIVATE,
    safety="M-Bus has no login; a gateway passes resets and settings on to meters. Keep it inside.",
)
