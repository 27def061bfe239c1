"""Dropbox's search on the own network: one JSON object that says which folders a computer has."""

from __future__ import annotations

import msgspec

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Piece, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.datagrams import judged
from portbook.records import Identification, Source

NAME = "dropbox-lan"
START = b'{"host_int": '
PORTS = range(1, 65536)


class Told(msgspec.Struct, frozen=True):
    """What a computer says of itself: numbers only, of no use but to Dropbox."""

    host_int: int
    version: tuple[int, int]
    port: int
    namespaces: tuple[int, ...]
    displayname: str = ""


def recognise(payload: Payload) -> Identification | None:
    """Name it by datagrams that are one whole object each, with all that belongs in it."""
    if payload.transport is not Transport.UDP or not payload.to_server or payload.to_client:
        return None
    found = [_read(piece) for piece in judged(payload.to_server)]
    told = [one for one in found if one]
    if not told or len(told) < len(found):
        return None
    major, minor = told[0].version
    facts = {"protocol_version": f"{major}.{minor}"}
    because = "whole objects with a host, its version, its port and its folders"
    if len(told) > 1 and len({one.host_int for one in told}) == 1:
        return confirmed(NAME, because, "all of the same host", facts=facts)
    doubt = "one datagram was seen" if len(told) == 1 else "they are of several hosts"
    return plausible(NAME, because, against=(doubt,), facts=facts)


def _read(piece: Piece) -> Told | None:
    if not piece.whole or not piece.octets.startswith(START):
        return None
    try:
        told = msgspec.json.decode(piece.octets, type=Told)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return told if told.port in PORTS and min(told.version) >= 0 else None


PROTOCOL = Protocol(
    name=NAME,
    title="Dropbox LAN sync discovery",
    recognise=recognise,
    sources=(
        Source("Wireshark 4.0.17, packet-db-lsp.c", "2024-11", "discovery; port 17500"),
        Source("Dropbox Help Center, LAN sync", "2024", "UDP 17500 to the own network"),
    ),
    signatures=(Signature(Transport.UDP, 0, START[:8]),),
    usual=(Usual(PortRange(17500, 17500), Transport.UDP, confidence="two sources"),),
    safety="Files of people are shared with the internet from here: it has no place in a plant.",
    programs=("dropbox",),
)
