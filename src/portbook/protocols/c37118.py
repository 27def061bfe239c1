"""IEEE C37.118 (synchrophasors): frames with a length and a checksum over all of it."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.checks import ccitt
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, Field, Layout
from portbook.records import Identification, Source

NAME = "c37118"
HEADER = Layout(
    "C37.118 frame header",
    14,
    (
        Field("sync", 0, 1, BE, None, "always 0xAA", 0xAA),
        Field("type", 1, 1, BE, None, "bits 4 to 6 the kind of frame, bits 0 to 3 the version"),
        Field("length", 2, 2, BE, "octet", "of the whole frame, header and checksum included"),
        Field("id", 4, 2, BE, None, "of the data stream"),
        Field("second", 6, 4, BE, "s", "Unix time"),
        Field("fraction", 10, 4, BE, None, "time quality, and parts of a second"),
    ),
)
SYNC, LEAST = 0xAA, 16
KINDS = {
    0: "data",
    1: "header",
    2: "configuration 1",
    3: "configuration 2",
    4: "command",
    5: "configuration 3",
}
COMMAND, CONFIGURATIONS = 4, (2, 3)
VERSIONS = (1, 2)
COUNT_AT, NAMES_AT, NAME_SIZE = 18, 20, 16


class Frame(NamedTuple):
    """One frame, whole, whose checksum agrees or not."""

    kind: int
    stream: int
    sound: bool
    octets: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name C37.118 by frames that fill what was kept; confirm it by a checksum."""
    asked, answered = both(payload, _measure)
    commands, told = _frames(asked), _frames(answered)
    frames = commands + told
    if not (asked or answered) or _stray(asked) or _stray(answered):
        return None
    if any(one.kind != COMMAND for one in commands) or any(one.kind == COMMAND for one in told):
        return None
    bad = sum(not one.sound for one in frames)
    if frames and bad == len(frames):
        return None
    against = tuple(found.wrong for found in (asked, answered) if found.wrong)
    against += (f"{bad} frames have a bad checksum",) if bad else ()
    facts = _facts(frames)
    if not frames:
        return plausible(NAME, "the head of a frame", against=against, facts=facts)
    because = f"{len(frames) - bad} frames have the right checksum"
    say = plausible if against else confirmed
    return say(NAME, because, against=against, facts=facts, server=_names(told))


def _measure(octets: bytes, at: int) -> int | None:
    sync, kind, length = (HEADER.get(octets, name, at) for name in ("sync", "type", "length"))
    if sync != SYNC:
        return None
    if kind is not None and (kind >> 4 not in KINDS or kind & 0x0F not in VERSIONS):
        return None
    if length is None:
        return MORE
    return int(length) if length >= LEAST else None


def _frames(found: Walk) -> list[Frame]:
    return [
        Frame(
            octets[1] >> 4,
            int.from_bytes(octets[4:6], "big"),
            ccitt(octets[:-2]) == int.from_bytes(octets[-2:], "big"),
            octets,
        )
        for octets in found.messages
    ]


def _stray(found: Walk) -> bool:
    return bool(found.wrong) and not found


def _facts(frames: list[Frame]) -> dict[str, object]:
    seen = {one.kind for one in frames}
    return {
        "frames": [name for kind, name in KINDS.items() if kind in seen],
        "streams": sorted({one.stream for one in frames}),
    }


def _names(frames: list[Frame]) -> dict[str, str]:
    """Return the first station's name out of a configuration.

    Source: IEEE C37.118.2-2011, section 6.4: time base, number of stations, then the name.
    """
    for one in frames:
        if one.kind in CONFIGURATIONS and one.sound and len(one.octets) >= NAMES_AT + NAME_SIZE:
            name = one.octets[NAMES_AT : NAMES_AT + NAME_SIZE].decode("latin-1").rstrip(" \0")
            if any(one.octets[COUNT_AT:NAMES_AT]) and name and name.isprintable():
                return {"name": name}
    return {}


PROTOCOL = Protocol(
    name=NAME,
    title="IEEE C37.118 (synchrophasors)",
    recognise=recognise,
    sources=(
        Source("IEEE C37.118.2-2011: synchrophasor data transfer", "2011-12-28", "section 6"),
        Source("Wireshark 4.0.17, packet-synphasor.c", "2024-11", "frames; ports 4712 and 4713"),
    ),
    signatures=tuple(
        Signature(transport, 0, bytes((SYNC, version)), b"\xff\x8f")
        for transport in (Transport.TCP, Transport.UDP)
        for version in VERSIONS
    ),
    usual=(
        Usual(PortRange(4712, 4712), Transport.TCP, confidence="two sources"),
        Usual(PortRange(4713, 4713), Transport.UDP, confidence="two sources"),
    ),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Measurements of the grid travel unencrypted and unauthenticated; a command frame can turn "
        "a stream off. Keep it inside the utility's network."
    ),
)
