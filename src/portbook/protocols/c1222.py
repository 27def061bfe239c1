"""ANSI C12.22 (meters over networks): ACSE units whose elements fill them, an EPSEM inside."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, ber, confirmed, plausible
from portbook.protocols.framing import MORE, both
from portbook.records import Identification, Source

NAME = "c1222"
UNIT, CONTEXT, CALLED, CALLING, USER = 0x60, 0xA1, 0xA2, 0xA6, 0xBE
CALLED_NUMBER, CALLING_NUMBER = 0xA4, 0xA8
ELEMENTS = {CONTEXT, CALLED, CALLED_NUMBER, CALLING, 0xA7, CALLING_NUMBER, 0x8B, 0xAC, USER}
EXTERNAL, ALIGNED, RELATIVE = 0x28, 0x81, 0x80
ELEMENTS_AT_MOST, MOST = 16, 1 << 16


class Message(NamedTuple):
    """One unit: who is called by whom, each as written in it."""

    called: bytes
    calling: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name C12.22 when all units fit; confirm it where one goes back to who sent another."""
    asked, answered = both(payload, _measure)
    datagrams = payload.transport is Transport.UDP
    if any(found.wrong and (datagrams or not found.messages) for found in (asked, answered)):
        return None
    octets = asked.messages + answered.messages
    messages = [found for one in octets if (found := read(one))]
    if not messages or len(messages) < len(octets):
        return None
    seen = {(one.called, one.calling) for one in messages}
    turned = sum((calling, called) in seen for called, calling in seen if called != calling)
    because = [f"{len(messages)} units filled by their elements, an EPSEM in each"]
    if turned:
        because.append("one goes back to who sent another")
    broken = tuple(found.wrong for found in (asked, answered) if found.wrong)
    say = confirmed if turned and not broken else plausible
    facts = {"titles": sorted({text for one in messages for part in one if (text := _title(part))})}
    return say(NAME, *because, against=broken, facts=facts)


def read(octets: bytes) -> Message | None:
    """Read one whole unit, or None when it is none.

    Source: ANSI C12.22 / IEEE 1703, section on the ACSE PDU: context, AP titles, invocation ids,
    and user information, which is an EXTERNAL with the EPSEM, octet-aligned, and nothing else.
    """
    unit = ber.item(octets, 0, len(octets), UNIT)
    parts = ber.items(octets, unit, ELEMENTS_AT_MOST) if unit else None
    if not parts or any(part.tag not in ELEMENTS for part in parts):
        return None
    found = {part.tag: part for part in parts}
    if len(found) < len(parts) or USER not in found or not found.keys() & {CALLED, CALLING}:
        return None
    outer = ber.item(octets, found[USER].start, found[USER].end, EXTERNAL)
    inner = ber.item(octets, outer.start, outer.end, ALIGNED) if outer else None
    if outer is None or inner is None or (outer.end, inner.end) != (found[USER].end, outer.end):
        return None
    called, calling = (found[tag].of(octets) if tag in found else b"" for tag in (CALLED, CALLING))
    return Message(called, calling)


def _measure(octets: bytes, at: int) -> int | None:
    """Return the size of the unit that begins here, told in one to four octets of length."""
    if octets[at] != UNIT:
        return None
    if at + 2 > len(octets):
        return MORE
    first = octets[at + 1]
    if not first & 0x80:
        return 2 + first
    size = first & 0x7F
    if not 1 <= size <= 4:
        return None
    if at + 2 + size > len(octets):
        return MORE
    length = int.from_bytes(octets[at + 2 : at + 2 + size], "big")
    return 2 + size + length if length <= MOST else None


def _title(octets: bytes) -> str:
    """Return an AP title as dotted numbers, a relative one with a dot before it; or nothing."""
    title = ber.item(octets, 0, len(octets))
    if title is None or title.tag not in (RELATIVE, ber.OID) or title.end == title.start:
        return ""
    numbers, value = [], 0
    for octet in title.of(octets):
        value = (value << 7 | octet & 0x7F) & 0xFFFFFFFF
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    if title.tag == RELATIVE:
        return "." + ".".join(map(str, numbers))
    first = min(numbers[0] // 40, 2) if numbers else 0
    return ".".join(map(str, [first, *(numbers[:1] and [numbers[0] - 40 * first]), *numbers[1:]]))


def _signatures() -> tuple[Signature, ...]:
    """The unit's tag, then, behind a length of one to three octets, one of its first elements."""
    return tuple(
        Signature(transport, 0, bytes((UNIT, *length, first)), bytes((0xFF, *mask, 0xFF)))
        for transport in (Transport.TCP, Transport.UDP)
        for length, mask in (((0,), (0x80,)), ((0x81, 0), (0xFF, 0)), ((0x82, 0, 0), (0xFF, 0, 0)))
        for first in (CONTEXT, CALLED, CALLED_NUMBER, CALLING)
    )


PROTOCOL = Protocol(
    name=NAME,
    title="ANSI C12.22 (meters over networks)",
    recognise=recognise,
    sources=(
        Source("ANSI C12.22 / IEEE 1703: protocol for interfacing to networks", "2012", "EPSEM"),
        Source("RFC 6142: ANSI C12.22, IEEE 1703 and MC12.22 over IP", "2011-03", "section 2"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(1153, 1153), Transport.TCP, confidence="two sources", source=1),
        Usual(PortRange(1153, 1153), Transport.UDP, confidence="two sources", source=1),
    ),
    stays_inside=Scope.PRIVATE,
    safety=(
        "C12.22 reads meters and switches loads; its messages may be in clear text. Keep it inside "
        "the utility's network."
    ),
)
