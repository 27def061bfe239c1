"""sFlow: a switch sends samples of what passes, each with its length, to a collector."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Piece,
    Protocol,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.handshake import Reader
from portbook.records import Identification, Source

NAME = "sflow"
VERSION = 5
ADDRESSES = {1: 4, 2: 16}  # kind of address, octets
FORMATS = range(1, 5)  # flow, counters, and both with wider fields
MOST_SAMPLES = 64
SMALLEST_SAMPLE = 16


class Told(NamedTuple):
    """One datagram: its number, the device's uptime, and how many samples it has."""

    sequence: int
    uptime: int
    samples: int


def recognise(payload: Payload) -> Identification | None:
    """Name sFlow by one side's datagrams, each filled by its samples."""
    if payload.transport is not Transport.UDP or not payload.to_server or payload.to_client:
        return None
    found = [_read(piece) for piece in judged(payload.to_server)]
    told = [one for one in found if one]
    if not told or len(told) < len(found):
        return None
    samples = sum(one.samples for one in told)
    because = ["version 5 and an agent, and samples fill the datagram"]
    if len(told) > 1 and samples and sorted(set(told)) == told:
        return confirmed(NAME, *because, "sequence numbers and uptime rise")
    against = [] if samples else ["it has no sample"]
    against.append("one datagram was seen" if len(told) == 1 else "numbers do not rise")
    return plausible(NAME, *because, against=tuple(against))


def _read(piece: Piece) -> Told | None:
    """Read a datagram (sFlow version 5, section 5)."""
    if not piece.whole:
        return None
    reader = Reader(piece.octets)
    version, kind = reader.number(4), reader.number(4)
    if version != VERSION or kind not in ADDRESSES:
        return None
    agent = reader.take(ADDRESSES[kind])
    _, sequence, uptime, samples = (reader.number(4) for _ in range(4))
    if reader.cut or not any(agent) or samples > MOST_SAMPLES or not sequence:
        return None
    for _ in range(samples):
        form = reader.number(4)
        size = reader.number(4)
        enterprise, number = form >> 12, form & 0xFFF
        if size < SMALLEST_SAMPLE or size % 4 or (not enterprise and number not in FORMATS):
            return None
        reader.take(size)
    return Told(sequence, uptime, samples) if reader.done and not reader.cut else None


PROTOCOL = Protocol(
    name=NAME,
    title="sFlow (samples of traffic)",
    recognise=recognise,
    sources=(Source("sFlow.org, sFlow Version 5", "2004-07", "section 5; section 4.3: port 6343"),),
    signatures=tuple(
        Signature(Transport.UDP, 0, b"\0\0\0\5\0\0\0" + bytes((kind,))) for kind in ADDRESSES
    ),
    usual=(Usual(PortRange(6343, 6343), Transport.UDP, confidence="verified"),),
    stays_inside=Scope.PRIVATE,
    safety="It carries the beginning of other people's packets, and is not encrypted.",
    programs=("hsflowd", "sflowtool", "sfcapd"),
)
