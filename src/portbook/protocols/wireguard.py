"""WireGuard: four messages of fixed sizes; a response gives back the index of the initiation."""

from __future__ import annotations

from itertools import pairwise

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import HEX, LE, Field, Layout
from portbook.records import Identification, Source

NAME = "wireguard"
INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4
START = Layout(
    "WireGuard handshake initiation",
    148,
    (
        Field("type", 0, 4, LE, None, "1, with three octets of nothing", INITIATION),
        Field("sender", 4, 4, HEX, None, "index that the initiator chose"),
        Field("ephemeral", 8, 32, HEX, None, "unencrypted public key"),
        Field("static", 40, 48, HEX, None, "encrypted public key"),
        Field("timestamp", 88, 28, HEX, None, "encrypted"),
        Field("mac1", 116, 16, HEX),
        Field("mac2", 132, 16, HEX, None, "0 unless the other side asked for it"),
    ),
)
ANSWER = Layout(
    "WireGuard handshake response",
    92,
    (
        Field("type", 0, 4, LE, None, "2", RESPONSE),
        Field("sender", 4, 4, HEX, None, "index that the responder chose"),
        Field("receiver", 8, 4, HEX, None, "index of the initiator"),
        Field("ephemeral", 12, 32, HEX, None, "unencrypted public key"),
        Field("empty", 44, 16, HEX, None, "nothing, encrypted"),
        Field("mac1", 60, 16, HEX),
        Field("mac2", 76, 16, HEX),
    ),
)
TRANSPORT = Layout(
    "WireGuard transport data",
    32,
    (
        Field("type", 0, 4, LE, None, "4", DATA),
        Field("receiver", 4, 4, HEX, None, "index of who shall read it"),
        Field("counter", 8, 8, LE, None, "counts from 0"),
    ),
)
COOKIE_SIZE = 64
NO_MAC = "00" * 16
ENOUGH = 3  # data packets without their handshake


def recognise(payload: Payload) -> Identification | None:
    """Name WireGuard by its handshake, or by data whose counters rise in both directions."""
    if payload.transport is not Transport.UDP or not payload.to_server:
        return None
    start, answer = _start(payload.to_server), _answer(payload.to_client)
    if start and answer:
        because = "a handshake initiation of 148 octets"
        if answer == start:
            return confirmed(NAME, because, "the response of 92 octets gives back its index")
        return None
    if start and not payload.to_client:
        return plausible(NAME, "a handshake initiation of 148 octets, its second check empty")
    sides = [_counting(side) for side in (payload.to_server, payload.to_client)]
    if all(sides) and sum(sides) >= ENOUGH:
        because = f"{sum(sides)} data packets, padded to 16 octets, with rising counters"
        return plausible(NAME, because, against=("the handshake was not seen",))
    return None


def _start(side: Side) -> str | None:
    """Return the index of an initiation that opens a side."""
    octets, length = side.first
    if length != START.size or START.get(octets, "type") != INITIATION:
        return None
    if START.get(octets, "mac2") not in (NO_MAC, None):
        return None
    sender = START.get(octets, "sender")
    return str(sender) if len(octets) > 64 and any(octets[8:40]) else None


def _answer(side: Side) -> str | None:
    """Return the index that the first response or cookie of a side goes to."""
    octets, length = side.first
    kind = ANSWER.get(octets, "type")
    if (length, kind) == (ANSWER.size, RESPONSE):
        receiver = ANSWER.get(octets, "receiver")
        return receiver if any(octets[12:44]) else None
    if (length, kind) == (COOKIE_SIZE, COOKIE):
        return str(ANSWER.get(octets, "sender"))  # a cookie has its receiver in that place
    return None


def _counting(side: Side) -> int:
    """Return how many data packets a side has, 0 when one is anything else."""
    pieces = judged(side)
    counters, receivers = list[int](), set[str]()
    for octets, length in pieces:
        read = TRANSPORT.read(octets)
        if read is None or read["type"] != DATA or length % 16:
            return 0
        counters.append(read["counter"])
        receivers.add(read["receiver"])
    rising = all(0 < after - before < 64 for before, after in pairwise(counters))
    return len(counters) if rising and len(receivers) == 1 and max(counters) < 1 << 40 else 0


PROTOCOL = Protocol(
    name=NAME,
    title="WireGuard",
    recognise=recognise,
    sources=(
        Source("Donenfeld: WireGuard, Next Generation Kernel Network Tunnel", "2020-06-01",
               "section 5.4: messages"),
        Source("wg-quick and firewalld's service definition of WireGuard", None, "port 51820"),
    ),
    signatures=(
        Signature(Transport.UDP, 0, b"\x01\0\0\0"),
        Signature(Transport.UDP, 0, b"\x04\0\0\0"),
    ),
    usual=(Usual(PortRange(51820, 51820), Transport.UDP, confidence="two sources", source=1),),
    layouts=(START, ANSWER, TRANSPORT),
    safety="An encrypted tunnel: what goes through it is seen by no filter on the way.",
    programs=("wireguard-go", "boringtun", "wg-quick"),
)  # fmt: skip
