"""PTP (IEEE 1588): messages whose kind, length and fields agree, numbered by their port."""

from __future__ import annotations

from typing import Any

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Piece, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import BE, HEX, Field, Layout
from portbook.records import Identification, Source

NAME = "ptp"
HEADER = Layout(
    "PTP version 2 header",
    34,
    (
        Field("first", 0, 1, BE, None, "4 bits profile, 4 bits kind of message"),
        Field("version", 1, 1, BE, None, "4 bits minor, 4 bits major version", 2),
        Field("length", 2, 2, BE, "octet", "of the whole message"),
        Field("domain", 4, 1, BE, None, "clocks of one domain follow each other"),
        Field("flags", 6, 2, HEX, None, "two steps, unicast, leap second and others", "0000"),
        Field("correction", 8, 8, BE, "ns/65536", "signed: time spent on the way"),
        Field("clock", 20, 8, HEX, None, "identity of the clock that sends", "00" * 8),
        Field("port", 28, 2, BE, None, "port of that clock", 1),
        Field("sequence", 30, 2, BE, None, "counts the messages of a kind"),
        Field("control", 32, 1, BE, None, "the kind once more, for version 1"),
        Field("interval", 33, 1, BE, "log2 s", "signed: how often it is sent"),
    ),
)
ANNOUNCED = Layout(
    "PTP announce, behind the header",
    30,
    (
        Field("offset", 10, 2, BE, "s", "of UTC"),
        Field("priority", 13, 1, BE, None, "of the grandmaster, low wins"),
        Field("class", 14, 1, BE, None, "of the grandmaster's clock: 6 is in step with a source"),
        Field("grandmaster", 19, 8, HEX, None, "identity of the clock that all follow"),
        Field("steps", 27, 2, BE, None, "clocks between"),
        Field("source", 29, 1, BE, None, "where the time comes from"),
    ),
)
SYNC, FOLLOW_UP, ANNOUNCE = 0x0, 0x8, 0xB
# kind: name, least octets, value of the control field, whether an own time stands at 34
KINDS = {
    SYNC: ("sync", 44, 0, True), 0x1: ("delay request", 44, 1, True),
    0x2: ("peer delay request", 54, 5, True), 0x3: ("peer delay response", 54, 5, True),
    FOLLOW_UP: ("follow up", 44, 2, True), 0x9: ("delay response", 54, 3, True),
    0xA: ("peer delay follow up", 54, 5, True), ANNOUNCE: ("announce", 64, 5, True),
    0xC: ("signalling", 44, 5, False), 0xD: ("management", 48, 4, False),
}  # fmt: skip
NANOSECONDS, SECOND_NS = slice(40, 44), 1_000_000_000
TIME_SOURCES = {
    0x10: "atomic clock", 0x20: "GNSS", 0x30: "terrestrial radio", 0x39: "serial time code",
    0x40: "PTP", 0x50: "NTP", 0x60: "set by hand", 0x90: "other", 0xA0: "internal oscillator",
}  # fmt: skip
PADS = (0, 2)  # over IPv6 two octets follow the message (IEEE 1588-2008, annex E)
NONE = "00" * 8


def recognise(payload: Payload) -> Identification | None:
    """Name PTP by lengths and fields that agree; confirm it by a second message that follows."""
    if payload.transport is not Transport.UDP:
        return None
    read = [_read(piece) for side in (payload.to_server, payload.to_client)
            for piece in judged(side)]  # fmt: skip
    told = [one for one in read if one]
    if not told or len(told) < len(read):
        return None
    facts = _facts(told)
    because = [f"{len(told)} messages have the length and the fields of their kind"]
    if _followed(told):
        because.append("a message follows another one of the same clock in its number")
        return confirmed(NAME, *because, facts=facts)
    return plausible(NAME, *because, against=("no second message follows",), facts=facts)


def _read(piece: Piece) -> dict[str, Any] | None:
    header = HEADER.read(piece.octets)
    if header is None or header["version"] & 15 != 2 or header["first"] & 15 not in KINDS:
        return None
    name, least, control, timed = KINDS[header["first"] & 15]
    if header["length"] < least or piece.length - header["length"] not in PADS:
        return None
    if header["control"] not in (control, 0) or header["clock"] == NONE or not header["port"]:
        return None
    nanoseconds = int.from_bytes(piece.octets[NANOSECONDS], "big")
    if timed and (len(piece.octets) < least or nanoseconds >= SECOND_NS):
        return None
    announced = None
    if header["first"] & 15 == ANNOUNCE:
        announced = ANNOUNCED.read(piece.octets, HEADER.size)
        if announced is None:
            return None
    return {**header, "name": name, "announced": announced}


def _followed(told: list[dict[str, Any]]) -> bool:
    """Tell whether one message follows another: the next of its kind, or the one it belongs to."""
    last: dict[tuple[str, int, int, str], int] = {}
    for one in told:
        place = (one["clock"], one["port"], one["domain"], one["name"])
        if (one["sequence"] - last.get(place, -2)) & 0xFFFF == 1:
            return True
        last[place] = one["sequence"]
    clocks = {(one["clock"], one["port"], one["domain"]) for one in told}
    return len(clocks) == 1 and len({one["name"] for one in told}) > 1


def _facts(told: list[dict[str, Any]]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "messages": sorted({one["name"] for one in told}),
        "domain": told[0]["domain"],
        "clocks": sorted({one["clock"] for one in told}),
    }
    announced = next((one["announced"] for one in told if one["announced"]), None)
    if announced and announced["grandmaster"] != NONE:
        facts["grandmaster"] = announced["grandmaster"]
        facts["clock_class"] = announced["class"]
        if announced["source"] in TIME_SOURCES:
            facts["time_source"] = TIME_SOURCES[announced["source"]]
    return facts


PROTOCOL = Protocol(
    name=NAME,
    title="Precision Time Protocol",
    recognise=recognise,
    sources=(
        Source("IEEE 1588-2008: Precision Clock Synchronization Protocol", "2008-07",
               "section 13, annexes D and E"),
        Source("Wireshark 4.0.17, packet-ptp.c", "2024-11", "header, kinds of messages"),
    ),
    signatures=tuple(
        Signature(Transport.UDP, 0, bytes((kind, 2)), b"\x0f\x0f") for kind in KINDS
    ),
    usual=(
        Usual(PortRange(319, 319), Transport.UDP, "both", "PTP event messages", "verified"),
        Usual(PortRange(320, 320), Transport.UDP, "both", "PTP general messages", "verified"),
    ),
    layouts=(HEADER, ANNOUNCED),
    safety=(
        "PTP has no login: whoever announces a better clock sets the time of all that follow. "
        "Keep it inside the network that it serves."
    ),
    programs=("ptp4l", "ptpd", "ptpd2"),
)  # fmt: skip
