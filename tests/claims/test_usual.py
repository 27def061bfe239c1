"""The ports that protocols declare become claims, with the protocol's own sources."""

from __future__ import annotations

from portbook.claims.usual import usual_claims
from portbook.ports import PortRange, Transport
from portbook.protocols import Protocol, Usual, protocols
from portbook.records import ClaimKind, Source


def test_each_usual_port_becomes_one_claim() -> None:
    declared = [
        (protocol.name, usual.ports, usual.transport)
        for protocol in protocols().values()
        for usual in protocol.usual
    ]

    assert declared == [(claim.protocol, claim.ports, claim.transport) for claim in usual_claims()]


def test_a_claim_carries_the_source_that_the_protocol_names() -> None:
    first, second = Source("first"), Source("second", "2020")
    protocol = Protocol(
        "mine",
        "Mine: a protocol",
        recognise=lambda payload: None,
        sources=(first, second),
        signatures=(),
        usual=(
            Usual(PortRange(9, 9), Transport.UDP, "client", "of clients", "two sources", 1),
            Usual(PortRange(10, 12), Transport.TCP),
        ),
    )

    one, other = usual_claims([protocol.profile])

    assert (second, "two sources", "client", "of clients") == (
        one.source,
        one.confidence,
        one.role,
        one.title,
    )
    assert (first, "Mine", "Mine: a protocol") == (other.source, other.claimant, other.title)
    assert ClaimKind.UNOFFICIAL is one.claim is other.claim
