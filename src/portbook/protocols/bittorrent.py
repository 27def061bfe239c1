"""BitTorrent: the handshake of two peers over TCP, messages of its distributed table over UDP."""

from __future__ import annotations

import re
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import HEX, RAW, TEXT, Field, Layout
from portbook.records import Identification, Source

NAME = "bittorrent"
HANDSHAKE = Layout(
    "BitTorrent handshake",
    68,
    (
        Field("magic", 0, 20, TEXT, None, "0x13 and BitTorrent protocol"),
        Field("extensions", 20, 8, HEX, None, "what else the peer knows"),
        Field("torrent", 28, 20, HEX, None, "hash of what is shared"),
        Field("peer", 48, 20, RAW, None, "chosen by the peer; begins with its program"),
    ),
)
MAGIC = b"\x13BitTorrent protocol"
WITHOUT_PEER = 48  # octets; some send their id later
QUESTIONS = frozenset((b"ping", b"find_node", b"get_peers", b"announce_peer", b"get", b"put"))
ID, DEEPEST, ITEMS = 20, 6, 512
PROGRAMS = {
    "AZ": "Vuze", "BI": "BiglyBT", "DE": "Deluge", "KT": "KTorrent", "LT": "libtorrent",
    "TR": "Transmission", "UT": "uTorrent", "lt": "rTorrent", "qB": "qBittorrent",
}  # fmt: skip

_PEER = re.compile(rb"-([A-Za-z]{2})([0-9A-Z])([0-9A-Z])([0-9A-Z])([0-9A-Za-z])-")


class Message(NamedTuple):
    """One message of the distributed table."""

    number: bytes
    kind: bytes  # q a question, r an answer, e an error


def recognise(payload: Payload) -> Identification | None:
    """Name BitTorrent by its handshakes of one torrent, or by answered messages of its table."""
    if payload.transport is Transport.UDP:
        return _table(payload)
    if payload.transport is not Transport.TCP:
        return None
    asked = _handshake(payload.to_server)
    if asked is None:
        return None
    client = _program(payload.to_server)
    because = "a peer's handshake"
    if not payload.to_client:
        return plausible(NAME, because, client=client)
    if _handshake(payload.to_client) != asked:
        return None
    told = "the other peer's for the same torrent"
    return confirmed(NAME, because, told, client=client, server=_program(payload.to_client))


def _handshake(side: Side) -> str | None:
    """Return the hash of the torrent, None when there is no whole handshake."""
    octets = side.octets
    if not octets.startswith(MAGIC) or len(octets) < WITHOUT_PEER:
        return None
    return str(HANDSHAKE.get(octets, "torrent"))


def _program(side: Side) -> dict[str, str]:
    match = _PEER.match(HANDSHAKE.get(side.octets, "peer") or b"")
    name = PROGRAMS.get(match[1].decode("latin-1")) if match else None
    if not match or not name:
        return {}
    digits = [str(int(match[place], 36)) for place in (2, 3, 4)]
    return {"product": name, "version": ".".join(digits)}


def _table(payload: Payload) -> Identification | None:
    asked, answered = _messages(payload.to_server), _messages(payload.to_client)
    if not asked or asked[0].kind != b"q":
        return None
    because = "a question to the distributed table, whole"
    if not payload.to_client:
        return plausible(NAME, because)
    if not answered:
        return None
    numbers = {one.number for one in asked if one.kind == b"q"}
    if any(one.kind != b"q" and one.number in numbers for one in answered):
        return confirmed(NAME, because, "an answer gives back its number")
    return plausible(NAME, because, against=("no answer gives back its number",))


def _messages(side: Side) -> list[Message]:
    """Return the messages of a side; nothing when one is something else."""
    found = [_message(piece.octets) for piece in judged(side) if piece.whole]
    whole = [one for one in found if one]
    return whole if len(whole) == len(found) else []


def _message(octets: bytes) -> Message | None:
    read = _read(octets, 0, 0)
    if read is None or read[1] != len(octets) or not isinstance(read[0], dict):
        return None
    told, kind = read[0], read[0].get(b"y")
    number = told.get(b"t")
    if not isinstance(number, bytes) or not 0 < len(number) <= 20:
        return None
    if kind == b"e" and isinstance(told.get(b"e"), list):
        return Message(number, kind)
    inside = told.get({b"q": b"a", b"r": b"r"}.get(kind, b"") if isinstance(kind, bytes) else b"")
    if not isinstance(inside, dict) or not isinstance(kind, bytes):
        return None
    name = inside.get(b"id")
    if not isinstance(name, bytes) or len(name) != ID:
        return None
    return Message(number, kind) if kind == b"r" or told.get(b"q") in QUESTIONS else None


Value = bytes | int | list["Value"] | dict[bytes, "Value"]


def _read(octets: bytes, at: int, depth: int) -> tuple[Value, int] | None:
    """Read one bencoded value; returns it and where it ends, None when it is none."""
    kind = octets[at : at + 1]
    if kind == b"i":
        end = octets.find(b"e", at, at + 24)
        digits = octets[at + 1 : end] if end > 0 else b""
        return (int(digits), end + 1) if digits.removeprefix(b"-").isdigit() else None
    if kind.isdigit():
        end = octets.find(b":", at, at + 6)
        size = octets[at:end] if end > 0 else b""
        if not size.isdigit() or end + 1 + int(size) > len(octets):
            return None
        return octets[end + 1 : end + 1 + int(size)], end + 1 + int(size)
    if kind not in (b"l", b"d") or depth >= DEEPEST:
        return None
    values: list[Value] = []
    at += 1
    while octets[at : at + 1] != b"e":
        read = _read(octets, at, depth + 1)
        if read is None or len(values) >= ITEMS:
            return None
        values.append(read[0])
        at = read[1]
    if kind == b"l":
        return values, at + 1
    keys = [one for one in values[::2] if isinstance(one, bytes)]
    if len(keys) * 2 != len(values):
        return None
    return dict(zip(keys, values[1::2], strict=True)), at + 1


PROTOCOL = Protocol(
    name=NAME,
    title="BitTorrent",
    recognise=recognise,
    sources=(
        Source("BEP 3, The BitTorrent Protocol Specification", "2017-02-04", "peer protocol"),
        Source("BEP 5, DHT Protocol", "2020-01-22", "KRPC protocol"),
        Source("BEP 20, Peer ID Conventions", "2009-02-24"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, MAGIC[:8]),
        *(Signature(Transport.UDP, 0, start) for start in (b"d1:a", b"d1:r", b"d1:e", b"d2:ip")),
    ),
    usual=(
        Usual(PortRange(6881, 6889), Transport.TCP),
        Usual(PortRange(6881, 6889), Transport.UDP),
    ),
    layouts=(HANDSHAKE,),
    safety="Shares files with strangers; it has no place on a control network.",
    programs=("transmission-daemon", "qbittorrent-nox", "qbittorrent", "deluged", "rtorrent"),
)
