"""OpenVPN: resets that open its control channel; the server's gives back the client's session.

Where `tls-crypt` hides the control channel, nothing in the clear tells it.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.records import Identification, Source

NAME = "openvpn"
CLIENT, SERVER, CLIENT_3 = 7 << 3, 8 << 3, 10 << 3  # hard resets, key 0
SESSION = 8
CHECKS = {0: "none", 16: "MD5", 20: "SHA-1", 32: "SHA-256", 48: "SHA-384", 64: "SHA-512"}
REPLAY = 8  # packet number and time, with a check only
FIRST = bytes(4)
ASKING = 1 + SESSION + 1 + 4  # no acknowledgements, packet 0
ANSWERING = ASKING + 4 + SESSION


class Reset(NamedTuple):
    """A hard reset."""

    session: bytes
    check: int  # octets of the check that `tls-auth` adds
    acknowledged: bytes = b""  # whose session the first packet of which it acknowledges


def recognise(payload: Payload) -> Identification | None:
    """Name OpenVPN by the reset of the client, and the server's that acknowledges it."""
    if payload.transport not in (Transport.UDP, Transport.TCP):
        return None
    asked = _asking(_packet(payload.to_server, payload.transport))
    if asked is None:
        return None
    because = "a client's hard reset of exact length"
    facts = {"check": CHECKS[asked.check]} if asked.check else {}
    if not payload.to_client:
        return None if asked.check else plausible(NAME, because, facts=facts)
    answer = _answering(_packet(payload.to_client, payload.transport))
    if answer is None or answer.acknowledged != asked.session or answer.check != asked.check:
        return None
    told = "the server's reset acknowledges that session"
    return confirmed(NAME, because, told, facts=facts)


def _packet(side: Side, transport: Transport) -> bytes:
    """Return the first packet: a datagram, or what a length of two octets counts."""
    if transport is Transport.UDP:
        return side.first.octets if side.first.whole else b""
    size = int.from_bytes(side.octets[:2], "big")
    return side.octets[2 : 2 + size] if size <= len(side.octets) - 2 else b""


def _asking(octets: bytes) -> Reset | None:
    check = _check(len(octets), ASKING)
    if check is None or octets[0] != CLIENT or octets[-5:] != b"\0" + FIRST:
        return None
    session = octets[1 : 1 + SESSION]
    if check and octets[1 + SESSION + check :][:4] != b"\0\0\0\1":
        return None
    return Reset(session, check) if len(set(session)) > 2 else None


def _answering(octets: bytes) -> Reset | None:
    check = _check(len(octets), ANSWERING)
    if check is None or octets[0] != SERVER:
        return None
    tail = octets[-(1 + 4 + SESSION + 4) :]
    if tail[:5] != b"\1" + FIRST or tail[-4:] != FIRST:
        return None
    return Reset(octets[1 : 1 + SESSION], check, tail[5 : 5 + SESSION])


def _check(length: int, plain: int) -> int | None:
    """Return how long the check is that makes up for the length, None when none does."""
    more = length - plain
    if not more:
        return 0
    return more - REPLAY if more > REPLAY and more - REPLAY in CHECKS else None


PROTOCOL = Protocol(
    name=NAME,
    title="OpenVPN",
    recognise=recognise,
    sources=(
        Source("OpenVPN protocol specification, openvpn-rfc", "2023", "sections 3 and 4"),
        Source("OpenVPN 2.6 source, ssl_pkt.h", "2023", "opcodes and packet format"),
    ),
    signatures=(
        Signature(Transport.UDP, 0, bytes((CLIENT,))),
        *(
            Signature(Transport.TCP, 0, (ASKING + more).to_bytes(2, "big") + bytes((CLIENT,)))
            for more in (0, *(size + REPLAY for size in CHECKS if size))
        ),
    ),
    usual=(
        Usual(PortRange(1194, 1194), Transport.UDP, confidence="verified", source=1),
        Usual(PortRange(1194, 1194), Transport.TCP, confidence="verified", source=1),
    ),
    safety="An encrypted tunnel: what goes through it is seen by no filter on the way.",
    programs=("openvpn",),
)
