"""DNP3 over TCP and UDP: start octets and the header's checksum make a frame certain."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, LE, Field, Layout
from portbook.protocols.moulds import Any, Dnp3, Mould, Octets, Rest, Speech
from portbook.records import Identification, Source

NAME = "dnp3"
HEADER = Layout(
    "DNP3 link header",
    10,
    (
        Field("start", 0, 2, BE, None, "always 0x0564", 0x0564),
        Field("length", 2, 1, LE, "octet", "control, addresses and user data, checksums left out"),
        Field("control", 3, 1, LE, None, "direction, primary, function"),
        Field("target", 4, 2, LE, None, "link address of the receiver"),
        Field("origin", 6, 2, LE, None, "link address of the sender"),
        Field("check", 8, 2, LE, None, "checksum of the eight octets before"),
    ),
)
START = b"\x05\x64"
LEAST, BLOCK = 5, 16
FROM_MASTER, PRIMARY = 0x80, 0x40
FUNCTIONS = {
    0: "confirm", 1: "read", 2: "write", 3: "select", 4: "operate", 5: "direct operate",
    6: "direct operate, no answer", 13: "cold restart", 14: "warm restart",
    20: "enable unsolicited", 21: "disable unsolicited", 23: "delay measurement",
    129: "response", 130: "unsolicited response",
}  # fmt: skip
FIRST = 0x40  # transport octet: first part of a message


def _table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = value >> 1 ^ (0xA6BC if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _table()


class Frame(NamedTuple):
    """One link frame, whole."""

    control: int
    target: int
    origin: int
    data: bytes  # without checksums
    sound: bool  # the checksums of its data agree

    @property
    def from_master(self) -> bool:
        """Tell by the direction bit who sent it."""
        return bool(self.control & FROM_MASTER)


def checksum(octets: bytes) -> int:
    """Return the checksum of DNP3: polynomial 0x3D65, reflected, start 0, inverted.

    Source: IEEE 1815-2012, clause 9.2.4.
    """
    value = 0
    for octet in octets:
        value = value >> 8 ^ _TABLE[(value ^ octet) & 0xFF]
    return value ^ 0xFFFF


def recognise(payload: Payload) -> Identification | None:
    """Name DNP3 when frames with good header checksums fill what each side sent."""
    asked, answered = both(payload, _measure)
    requests, answers = _frames(asked), _frames(answered)
    headers = len(requests) + len(answers) + _started(asked) + _started(answered)
    if not headers or _stray(answered):
        return None
    connected = payload.transport is Transport.TCP and payload.to_server.started
    if not connected and _backwards(requests, answers):
        return None
    frames = [*requests, *answers]
    bad = sum(not frame.sound for frame in frames)
    against = tuple(text for text in (asked.wrong, answered.wrong) if text)
    if bad:
        against += (f"{bad} frames have a bad checksum in their data",)
    because = f"{headers} frames with start octets and a good header checksum"
    say = plausible if _stray(asked) or (bad and bad == len(frames)) else confirmed
    return say(NAME, because, against=against, facts=_facts(requests, answers))


def _measure(octets: bytes, at: int) -> int | None:
    if octets[at : at + 2] != START[: len(octets) - at]:
        return None
    if at + HEADER.size > len(octets):
        return MORE
    length = octets[at + 2]
    told = int.from_bytes(octets[at + 8 : at + 10], "little")
    if length < LEAST or checksum(octets[at : at + 8]) != told:
        return None
    data = length - LEAST
    return HEADER.size + data + 2 * ((data + BLOCK - 1) // BLOCK)


def _frames(found: Walk) -> list[Frame]:
    return [_frame(octets) for octets in found.messages]


def _frame(octets: bytes) -> Frame:
    read = HEADER.read(octets) or {}
    data, sound = b"", True
    for at in range(HEADER.size, len(octets), BLOCK + 2):
        block = octets[at : at + BLOCK + 2]
        data += block[:-2]
        sound = sound and checksum(block[:-2]) == int.from_bytes(block[-2:], "little")
    return Frame(read["control"], read["target"], read["origin"], data, sound)


def _started(found: Walk) -> bool:
    """Tell whether a frame that was cut has its whole header, so that its checksum was tried."""
    return len(found.cut) >= HEADER.size


def _stray(found: Walk) -> bool:
    return bool(found.wrong) and not found.messages and not _started(found)


def _backwards(requests: list[Frame], answers: list[Frame]) -> bool:
    """Tell whether the outstation stands where the client should.

    Not asked where a SYN told who connected: an outstation may call its master.
    """
    if not requests or not answers:
        return False
    return not any(frame.from_master for frame in requests) and all(
        frame.from_master for frame in answers
    )


def _facts(requests: list[Frame], answers: list[Frame]) -> dict[str, object]:
    frames = [*requests, *answers]
    masters = {frame.origin if frame.from_master else frame.target for frame in frames}
    outstations = {frame.target if frame.from_master else frame.origin for frame in frames}
    names = {
        FUNCTIONS.get(frame.data[2], f"function {frame.data[2]}")
        for frame in frames
        if len(frame.data) > 2 and frame.sound and frame.data[0] & FIRST
    }
    facts: dict[str, object] = {"master": sorted(masters), "outstation": sorted(outstations)}
    if names:
        facts["functions"] = sorted(names)
    if frames and not any(frame.from_master for frame in requests) and requests:
        facts["caller"] = "outstation"
    return {key: value for key, value in facts.items() if value}


def _moulds() -> tuple[Mould, ...]:
    """Frames whose checks all agree, one a datagram; over TCP either side may be the master."""
    either = Speech(((Dnp3(), Octets(START), Any(6), Rest()),))
    master, outstation = (
        Speech(((Dnp3(), Octets(START), Any(1), Octets(way, b"\x80"), Any(4), Rest()),))
        for way in (b"\x80", b"\0")
    )
    return Mould(Transport.TCP, either, either), Mould(Transport.UDP, master, outstation)


PROTOCOL = Protocol(
    name=NAME,
    title="DNP3",
    recognise=recognise,
    sources=(
        Source("IEEE 1815-2012: Distributed Network Protocol (DNP3)", "2012", "clauses 4, 8, 9"),
        Source("Wireshark 4.0.17, packet-dnp.c", "2024-11", "ports, link and transport layer"),
    ),
    signatures=(Signature(Transport.TCP, 0, START), Signature(Transport.UDP, 0, START)),
    usual=(
        Usual(PortRange(20000, 20000), Transport.TCP, confidence="two sources"),
        Usual(PortRange(20000, 20000), Transport.UDP, "both", confidence="two sources"),
    ),
    layouts=(HEADER,),
    moulds=_moulds(),
    stays_inside=Scope.PRIVATE,
    safety=(
        "DNP3 without Secure Authentication takes commands from any address that knows the link "
        "addresses. Keep it inside the utility's own network; never scan link addresses."
    ),
)
