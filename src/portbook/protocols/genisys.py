"""Genisys (railway signalling): frames between a control octet and F6, with a CRC."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.checks import crc16
from portbook.records import Identification, Source

NAME = "genisys"
END, ESCAPE = 0xF6, 0xF0
FROM_SLAVE = {0xF1: "acknowledge", 0xF2: "indication data", 0xF3: "control checkback"}
FROM_MASTER = {
    0xF9: "common control",
    0xFA: "acknowledge and poll",
    0xFB: "poll",
    0xFC: "control data",
    0xFD: "recall",
    0xFE: "execute controls",
}
KINDS = FROM_SLAVE | FROM_MASTER
BARE = {0xF1, 0xFA, 0xFB}  # may come without a checksum: it has no data
UNCHECKED = {0xF1}
LONGEST, FRAMES_AT_MOST, ENDS_AT_MOST = 1024, 256, 3


class Frame(NamedTuple):
    """One frame: its control octet, its station, and whether a checksum proves it."""

    kind: int
    station: int
    checked: bool


def recognise(payload: Payload) -> Identification | None:
    """Name Genisys by frames that fill both directions; confirm it by their checksums."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = frames(payload.to_server), frames(payload.to_client)
    if (not asked and not answered) or asked is None or answered is None:
        return None
    if any(one.kind not in FROM_MASTER for one in asked):
        return None
    if any(one.kind not in FROM_SLAVE for one in answered):
        return None
    checked = sum(one.checked for one in asked + answered)
    stations = {one.station for one in asked} & {one.station for one in answered}
    facts = {
        "messages": [name for kind, name in KINDS.items()
                     if kind in {one.kind for one in asked + answered}],
        "stations": sorted({one.station for one in asked + answered}),
    }  # fmt: skip
    if checked < 1:
        return None
    because = [f"{checked} frames have the right checksum"]
    if stations:
        because.append("both sides name the same station")
    say = confirmed if checked > 1 and (stations or not (asked and answered)) else plausible
    return say(NAME, *because, facts=facts)


def frames(side: Side) -> list[Frame] | None:
    """Split one direction into frames; None where something is no frame.

    A frame that what was kept cuts off says nothing.
    """
    octets = side.octets
    found: list[Frame] = []
    at = 0
    while at < len(octets) and len(found) < FRAMES_AT_MOST:
        told = _next(octets, at)
        if told is None:
            cut = octets[at] in KINDS and len(octets) - at < LONGEST and not side.complete
            return found if cut else None
        frame, at = told
        found.append(frame)
    return found


def _next(octets: bytes, at: int) -> tuple[Frame, int] | None:
    """Read the frame that begins at an offset; return it, and where the next one begins.

    An octet of the checksum may look like the end, so the next few ends are tried as well.
    """
    end = at
    for _ in range(ENDS_AT_MOST):
        end = octets.find(END, end + 1, at + LONGEST)
        if end < 0:
            return None
        if frame := _frame(octets[at:end]):
            return frame, end + 1
    return None


def _frame(octets: bytes) -> Frame | None:
    """Read what stands before F6: control octet, station, data and CRC, least octet first.

    Within the data the escape F0 goes before the low half of an octet of F0 and more. Whether the
    CRC is escaped too differs between the specification and what was seen in the field.
    """
    kind, rest = octets[0], octets[1:]
    if kind not in KINDS:
        return None
    if kind in BARE and len(rest) == 1 and rest[0] < ESCAPE:
        return Frame(kind, rest[0], checked=False)
    for plain in (_unescaped(rest), _with_tail(_unescaped(rest[:-2]), rest[-2:])):
        if kind in UNCHECKED or plain is None or len(plain) < 3 or len(plain) % 2 == 0:
            continue
        if crc16(octets[:1] + plain[:-2]) == int.from_bytes(plain[-2:], "little"):
            return Frame(kind, plain[0], checked=True)
    return None


def _with_tail(octets: bytes | None, tail: bytes) -> bytes | None:
    return None if octets is None else octets + tail


def _unescaped(octets: bytes) -> bytes | None:
    """Return the octets without escapes, None where one of F0 and more stands unescaped."""
    found, escaped = bytearray(), False
    for octet in octets:
        if escaped:
            if octet > 0x0F:
                return None
            found.append(ESCAPE | octet)
            escaped = False
        elif octet == ESCAPE:
            escaped = True
        elif octet > ESCAPE:
            return None
        else:
            found.append(octet)
    return None if escaped else bytes(found)


PROTOCOL = Protocol(
    name=NAME,
    title="Genisys (railway signalling)",
    recognise=recognise,
    sources=(
        Source("Union Switch & Signal: GENISYS code system, protocol", None, "message formats"),
        Source("ICSNPP Genisys analyzer for Zeek", None, "control octets, escape, CRC-16"),
    ),
    signatures=tuple(Signature(Transport.TCP, 0, bytes((kind,))) for kind in KINDS),
    usual=(Usual(PortRange(10001, 10001), Transport.TCP, source=1),),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Genisys sets signals and points and knows no login. Keep it inside the signalling network."
    ),
)
