"""CIP I/O (EtherNet/IP implicit messages): a sequenced address, then connected data, to the end."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Piece,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.layout import LE, Field, Layout
from portbook.protocols.moulds import Any, Length, Message, Mould, Octets, Rest, Speech, Whole
from portbook.records import Identification, Source

NAME = "cip-io"
SEQUENCED = Layout(
    "CIP I/O datagram with a sequenced address",
    18,
    (
        Field("items", 0, 2, LE, None, "how many items follow", 2),
        Field("address_type", 2, 2, LE, None, "0x8002: sequenced address", 0x8002),
        Field("address_length", 4, 2, LE, "octet", "", 8),
        Field("connection", 6, 4, LE, None, "connection id, chosen when the connection was opened"),
        Field("sequence", 10, 4, LE, None, "rises with each datagram"),
        Field("data_type", 14, 2, LE, None, "0x00B1: connected data", 0xB1),
        Field("data_length", 16, 2, LE, "octet", "to the end of the datagram"),
    ),
)
PLAIN = Layout(
    "CIP I/O datagram with a plain address",
    14,
    (
        Field("items", 0, 2, LE, None, "how many items follow", 2),
        Field("address_type", 2, 2, LE, None, "0x8000", 0x8000),
        Field("address_length", 4, 2, LE, "octet", "", 4),
        Field("connection", 6, 4, LE, None, "connection id"),
        Field("data_type", 10, 2, LE, None, "0x00B1: connected data", 0xB1),
        Field("data_length", 12, 2, LE, "octet", "to the end of the datagram"),
    ),
)
AHEAD = 1 << 31  # a sequence number that went back looks further ahead than this


class Datagram(NamedTuple):
    """The header of one datagram."""

    connection: int
    sequence: int | None
    whole: bool


def recognise(payload: Payload) -> Identification | None:
    """Name CIP I/O when every datagram ends where its data do; confirm it by its counting."""
    if payload.transport is not Transport.UDP:
        return None
    sides = (_read(payload.to_server), _read(payload.to_client))
    if None in sides or not any(sides):
        return None
    found = [datagram for side in sides if side for datagram in side]
    facts = {"connections": sorted({f"{datagram.connection:08X}" for datagram in found})}
    shape = f"{len(found)} datagrams end where their data do"
    if all(datagram.whole for datagram in found):
        rising = sum(_rising(side) for side in sides if side)
        if rising:
            return confirmed(NAME, shape, "sequence numbers of a connection rise", facts=facts)
        if all(sides):
            return confirmed(NAME, shape, "in both directions", facts=facts)
        return plausible(NAME, shape, facts=facts)
    return plausible(NAME, shape, against=("the capture cut the data",), facts=facts)


def _read(side: Side) -> list[Datagram] | None:
    """Return the headers of one direction, or None when a datagram has none."""
    found = []
    for piece in side:
        if not piece.octets:
            continue
        datagram = _header(piece)
        if datagram is None:
            return None
        found.append(datagram)
    return found


def _header(piece: Piece) -> Datagram | None:
    for layout in (SEQUENCED, PLAIN):
        read = layout.read(piece.octets)
        if read is None or any(
            read[field.name] != field.default
            for field in layout.fields
            if field.default is not None
        ):
            continue
        if piece.length == layout.size + read["data_length"]:
            return Datagram(read["connection"], read.get("sequence"), piece.whole)
    return None


def _rising(found: list[Datagram]) -> int:
    """Count the datagrams whose number follows an earlier one of the same connection."""
    last: dict[int, int] = {}
    rising = 0
    for datagram in found:
        if datagram.sequence is None:
            continue
        before = last.get(datagram.connection)
        step = 0 if before is None else (datagram.sequence - before) % (1 << 32)
        rising += 0 < step < AHEAD
        last[datagram.connection] = datagram.sequence
    return rising


def _mould() -> Mould:
    """Data in both directions, every datagram kept whole."""
    data: Message = (Octets(b"\xb1\0"), Length(2, little=True), Rest())
    sequenced: Message = (Whole(), Octets(b"\2\0\2\x80\x08\0"), Any(8), *data)
    plain: Message = (Whole(), Octets(b"\2\0\0\x80\4\0"), Any(4), *data)
    return Mould(Transport.UDP, Speech((sequenced, plain)), Speech((sequenced, plain)))


PROTOCOL = Protocol(
    name=NAME,
    title="CIP I/O (EtherNet/IP implicit messages)",
    recognise=recognise,
    sources=(
        Source("CIP Networks Library, volume 2: EtherNet/IP adaptation of CIP", None, "chapter 3"),
        Source("Wireshark 4.0.17, packet-enip.c", "2024-11", "class 0 and 1 connected messages"),
    ),
    signatures=(
        Signature(Transport.UDP, 0, bytes.fromhex("020002800800")),
        Signature(Transport.UDP, 0, bytes.fromhex("020000800400")),
    ),
    usual=(Usual(PortRange(2222, 2222), Transport.UDP, "both", confidence="two sources"),),
    layouts=(SEQUENCED, PLAIN),
    moulds=(_mould(),),
    stays_inside=Scope.PRIVATE,
    safety=(
        "These datagrams move real outputs many times a second. Anything that answers or repeats "
        "them disturbs the process; listen only."
    ),
)
