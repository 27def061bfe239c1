"""LLMNR: the DNS format, one question sent to 224.0.0.252 or ff02::1:3."""

from __future__ import annotations

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Cast,
    Payload,
    Protocol,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.dns import messages, of_llmnr, ties
from portbook.records import Identification, Source

NAME = "llmnr"
SOURCES = (
    Source("RFC 4795, Link-Local Multicast Name Resolution", "2007-01", "sections 2 and 2.1"),
)


def recognise(payload: Payload) -> Identification | None:
    """Name LLMNR: the group decides, the question must parse."""
    if payload.cast is not Cast.MULTICAST or not of_llmnr(payload):
        return None
    if payload.transport is not Transport.UDP or not payload.to_server:
        return None
    asked = messages(payload, payload.to_server, response=False)
    answered = messages(payload, payload.to_client, response=True)
    if not asked or answered is None or asked[0].operation:
        return None
    facts = {"asked": asked[0].questions[0].name.text}
    because = (f"sent to the group {payload.group}", "one question that parses to its end")
    if not all(piece.whole for piece in judged(payload.to_server)):
        return plausible(NAME, *because[:1], against=("a message was cut",), facts=facts)
    return confirmed(NAME, *because, facts=facts, ties=ties(asked))


PROTOCOL = Protocol(
    name=NAME,
    title="Link-Local Multicast Name Resolution",
    recognise=recognise,
    sources=SOURCES,
    # Operation 0, Z bit zero, one question, no answers in a question.
    signatures=(
        Signature(Transport.UDP, 2, b"\0\0\0\1\0\0\0\0", bytes.fromhex("f840ffffffffff00")),
    ),
    usual=(Usual(PortRange(5355, 5355), Transport.UDP, confidence="verified"),),
    safety="Anybody on the link can answer and take over a name; switch it off where DNS works.",
    programs=("systemd-resolve", "llmnrd"),
    rank=1,
    asks=lambda facts: True,
)
